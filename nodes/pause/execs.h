/* Commands that run beside a container (exec, probes), and those who are attached
 * to one (attach.h): one for each connection to exec.sock (proto.h).
 *
 * Whoever connects for a command brings the three descriptors that
 * the command reads and writes, so no byte of it passes through the pause; the
 * connection says how it ended, and its end is the command's: a command whose
 * asker is gone, or whose container has ended, is killed with all its session.
 *
 * What a command left behind in the background when it ended by itself lives
 * on as an orphan of the pod, as it does in a container of Kubernetes. */
#ifndef NODES_PAUSE_EXECS_H
#define NODES_PAUSE_EXECS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/bytes.h"
#include "nodes/pause/attach.h"

enum { EXECS_KILLED_MAX = 32, EXEC_POLLS = 2 + ATTACH_POLLS };

struct run;
struct sandbox;

struct execs {
	const struct sandbox *sandbox;
	int listener;
	struct exec *first;
	size_t count;
	/* Sessions that were killed last: what they leave is killed too. */
	pid_t killed[EXECS_KILLED_MAX];
	unsigned killed_next;
};

/* -1 with errno. */
int execs_open(struct execs *x);
void execs_accept(struct execs *x);
/* Their descriptors, execs_polls(x) of them; no others may come or go between
 * the two calls. `find`: that container, if it runs; else NULL. */
static inline size_t execs_polls(const struct execs *x)
{
	return EXEC_POLLS * x->count;
}
void execs_fill(const struct execs *x, struct pollfd *polls);
void execs_polled(struct execs *x, const struct pollfd *polls,
		  struct run *(*find)(void *arg, struct span container), void *arg);
/* Whether it is a command's main process, which is not reaped yet. */
bool execs_has(const struct execs *x, pid_t pid);
/* It was reaped with that wait status; false: it is none of them. */
bool execs_reaped(struct execs *x, pid_t pid, int status);
/* A container has ended, and so do its commands; who is attached hears the rest. */
void execs_end(struct execs *x, const struct run *run);
/* Whether somebody has yet to hear what was said. */
bool execs_wait(const struct execs *x);
bool execs_killed(const struct execs *x, pid_t session);

#endif
