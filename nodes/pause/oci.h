/* Containers that an OCI program makes (crun, runc). It makes one and leaves; the
 * container's first process then is a child of this pause, which is the subreaper,
 * and is waited for like any other. */
#ifndef NODES_PAUSE_OCI_H
#define NODES_PAUSE_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "nodes/pause/child.h"
#include "nodes/pause/sandbox.h"

struct run;

/* Whether bundle, layers and lower can be what they are. */
int oci_check(const struct child_spec *s, struct err *e);

/* ---- in the child: neither returns */
/* Mounts the root and has the container made and started. */
_Noreturn void oci_run(const struct child_spec *s, int tell);
/* Runs a command in a container. */
_Noreturn void oci_exec(const struct child_spec *s, char **argv, int tell);

/* ---- in the pause */
/* The first process of the container that was made in `bundle`; 0: it says none. */
pid_t oci_pid(const char *bundle);
/* Why the program did not make it: its last message in <bundle>/log. `word`: what was to
 * run, or empty. */
void oci_why(const char *bundle, struct span word, struct buf *out);
/* Whether that is what crun says by a container's stderr, as its first word and last, where
 * it cannot become the container any more: its end is not the container's. */
bool oci_never_ran(struct span said);
/* The same of that word. */
void oci_why_never(struct span said, struct span word, struct buf *out);
/* A program of oci_exec was reaped. `failed`: with another code than 0; then appends why
 * if it was the program's own doing: the command, whose first word is given, never ran. */
void oci_exec_ended(const struct sandbox *s, pid_t pid, bool failed, struct span word,
		    struct buf *out);
/* Whether the file of a cgroup counts a process that was killed for want of memory. */
bool oci_oom(const char *file);
/* In a child of the pause: the OCI program forgets the container and its cgroup, the
 * bundle is unmounted and removed. Returns the child; -1: there is none. */
pid_t oci_delete(const struct sandbox *s, const char *id, const char *bundle);

/* Processes that ended before anybody knew that they are containers: the OCI
 * program may still be on its way out when what it made has ended. */
enum { EARLY_MAX = 64 };
struct early {
	struct {
		pid_t pid;
		int status;
	} all[EARLY_MAX];
	unsigned next;
};
void early_put(struct early *e, pid_t pid, int status);
bool early_take(struct early *e, pid_t pid, int *status);

#endif
