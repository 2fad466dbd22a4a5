/* A command beside a container, at its agent's end: its three streams (or its
 * terminal), how it ended, and its end when the link is closed. Or who is attached
 * to the container itself: the same streams, which come by the pause; the container
 * outlives the link, and its stdin is only closed by the pause (pause/attach.h).
 *
 * The streams are pipes made here (with a tty: a pseudoterminal), whose other
 * ends the pod's pause gives to the command (pause/execs.h); what a pipe
 * holds is all that anybody holds. Never blocks; descriptors are for the
 * caller's loop.
 *
 * Threads: one owner. */
#ifndef NODES_EXEC_LINK_H
#define NODES_EXEC_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct exec_link;

struct exec_start {
	const char *container;
	bool attach;             /* to the container; nothing but in, out, err counts then */
	const char *const *argv; /* NULL terminated, not empty */
	const char *const *env;  /* "K=V", NULL terminated; may be NULL */
	const char *cwd;         /* NULL or "": "/" */
	int64_t uid, gid;        /* -1: as the pause */
	bool in, out, err;       /* which of them somebody wants */
	bool tty;                /* out is both; in may be written in any case */
};

enum exec_stream { EXEC_IN, EXEC_OUT, EXEC_ERR, EXEC_END, EXEC_STREAMS };

struct exec_end {
	int code;        /* 128 + signal; when it never ran 126, 127 or 128 (pause/proto.h) */
	char error[481]; /* why it never ran; or empty */
};

/* ERR_UNREACHABLE: no pause there, or one of an older Troupe. ERR_LIMIT: more
 * arguments than a pause takes. ERR_AGAIN: it is busy. ERR_IO. */
int exec_link_open(struct exec_link **out, const char *pod_dir, const struct exec_start *s,
		   struct err *e);
/* The command is killed, if it has not ended. Who is attached leaves, as one who has
 * no more to say. NULL is fine. */
void exec_link_close(struct exec_link *x);

/* -1: it is not wanted, or has ended. EXEC_END is readable at the end. */
int exec_link_fd(const struct exec_link *x, enum exec_stream s);
/* Closes those that have ended. They are not to be waited for any more: a
 * terminal has two that are one file, and closing one takes neither out of epoll. */
void exec_link_tidy(struct exec_link *x);
/* Bytes; ERR_AGAIN: none now; ERR_CLOSED: at its end. */
ssize_t exec_link_read(struct exec_link *x, enum exec_stream s, uint8_t *to, size_t max);
/* Bytes taken; ERR_AGAIN; ERR_CLOSED: nobody reads it any more. */
ssize_t exec_link_write(struct exec_link *x, struct span data);
void exec_link_close_input(struct exec_link *x);
void exec_link_resize(struct exec_link *x, uint16_t width, uint16_t height);
/* Whether it has begun: from then on nothing of a container's output is missed. A
 * command has at once; of an attached one it is known by exec_link_end. */
bool exec_link_begun(const struct exec_link *x);
/* While it does, exec_link_end is to be called also when EXEC_END's descriptor
 * can be written: what the pause is told was larger than a socket takes at once. */
bool exec_link_asks(const struct exec_link *x);
/* ERR_AGAIN: it runs. 0: it has ended, as *end says. ERR_CLOSED: its pause is
 * gone or has no room for it; nobody knows. */
int exec_link_end(struct exec_link *x, struct exec_end *end);

#endif
