/* Starting a container's main process. */
#ifndef NODES_PAUSE_CHILD_H
#define NODES_PAUSE_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "broker/base/mp.h"

struct sandbox;

struct child_spec {
	/* Of an OCI pod: what is run is its OCI program. With a bundle it makes the
	 * container `id`, with argv it runs that command in it. NULL: argv itself. */
	const struct sandbox *sandbox;
	const char *id;
	const char *process; /* ... it is one as this file has it (oci_process.h) */
	pid_t first; /* ... whose first process is this */
	struct span bundle, layers, lower, word; /* as in proto.h */
	struct span target; /* the container whose processes it sees; empty: none */
	int pids;	    /* ... its process namespace, open; -1: it does not run */
	struct mp subpaths; /* a cursor at the list; absent: p NULL */
	struct mp argv, env; /* cursors at arrays of bin; env may be absent (p NULL) */
	struct span cwd;     /* empty: "/" */
	int64_t uid, gid;    /* -1: as the pause */
	struct mp groups;    /* a cursor at the list of gids it also has; absent: p NULL */
	/* Three descriptors that become its stdin, stdout and stderr; NULL: pipes are
	 * made for them, or with `tty` a terminal; without `in` its stdin is empty. */
	const int *io;
	bool in;
	bool tty; /* io[0] is a terminal, or one is made; it becomes its own */
};

/* All descriptors are ours, close-on-exec and nonblocking. */
struct child {
	pid_t pid;
	int out, err; /* read ends of its stdout and stderr; -1: it was given some */
	int in;       /* write end of its stdin; -1: it has none. Of a terminal `out` is the
		       * master, and this a second one of it, also without `in` */
	int console;  /* where the OCI program sends the terminal instead (terminal.h); or -1 */
	/* End of file: it runs. Text: why it does not, in containerd's words
	 * (the child then exits with 128). */
	int started;
};

/* What the child's steps share (oci.c): tells the pause why it does not run, and
 * ends. `number` is an errno. */
_Noreturn void child_give_up(int tell, const char *what, int number);

/* Whether argv and env are arrays of bin without zero bytes, argv not empty. */
int child_check(const struct child_spec *s, struct err *e);
/* Forks. The child is the leader of a new session and process group, dies
 * with the pause, and has no descriptors but its three. ERR_IO: it was not
 * made. */
int child_start(const struct child_spec *s, struct child *out, struct err *e);

#endif
