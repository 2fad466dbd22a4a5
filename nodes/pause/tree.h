/* The processes below a pause: it is the subreaper, so whatever loses its
 * parent becomes its child. */
#ifndef NODES_PAUSE_TREE_H
#define NODES_PAUSE_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Kills (SIGKILL) those direct children for which `spare` says no. Their own
 * children become ours in turn: call it again after each reaping. Returns how
 * many were killed; 0 also when the kernel does not list children. */
int tree_kill_orphans(bool (*spare)(void *arg, pid_t pid), void *arg);
/* Kills that process and the groups of its children: an OCI program, and its command
 * in the container. */
void tree_kill_with_children(pid_t parent);

#endif
