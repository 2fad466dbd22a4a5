/* The agent's end of a pause: find the pods of this machine, talk to one.
 *
 * A link never blocks: it has a descriptor for the caller's loop, queues what
 * the socket does not take, and calls back from pause_link_poll only. Files
 * are read by pause_find and pause_recover alone; they are small and local.
 *
 * Everything a pause says is a state that may come again: at the begin of a
 * link all attempts are told, then `listed`.
 *
 * Threads: one owner. Ownership: arguments are borrowed for the call. */
#ifndef NODES_PAUSE_LINK_H
#define NODES_PAUSE_LINK_H

#include <stdbool.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "nodes/pause/attempt.h"
#include "nodes/pause/procid.h"

/* ---- what is on this machine */

struct pause_found {
	const char *uid; /* the directory's name */
	const char *dir; /* its path */
	bool alive;      /* its pause lives; pid is valid */
	pid_t pid;
};

/* Calls `each` for every pod directory, in byte order of the uids; a non-zero
 * return ends it and is returned. 0 when there is no such directory at all.
 * ERR_IO. */
int pause_find(const char *pods_dir, int (*each)(void *arg, const struct pause_found *),
	       void *arg, struct err *e);
/* Whether the pause of that directory lives; its pid (may be NULL). */
bool pause_alive(const char *dir, pid_t *pid);
/* What a pause left in its files: the attempts, ordered by name and number.
 * Of a dead pause one that has not `ended` is lost: it died with the pause
 * and nobody knows how. Files that cannot be read are skipped. */
int pause_recover(const char *dir, int (*each)(void *arg, const struct pause_attempt *), void *arg);

/* ---- one pause */

struct pause_link;

/* May be called from pause_link_poll only; must not close the link. */
struct pause_events {
	void *arg;
	void (*attempt)(void *arg, const struct pause_attempt *a);
	void (*listed)(void *arg);
	void (*refused)(void *arg, const char *text); /* a command of ours was bad */
};

struct pause_start {
	const char *name;
	uint32_t attempt;
	const char *const *argv; /* NULL terminated, not empty */
	const char *const *env;  /* "K=V", NULL terminated; may be NULL */
	const char *cwd;         /* NULL: "/" */
	int64_t uid, gid;        /* -1: as the pause */
	struct span groups;      /* msgpack: gids that it has beside; empty: none */
	uint64_t log_bytes;      /* 0: PAUSE_LOG_BYTES_MAX */
	bool in, in_once, tty;   /* as stdin, stdinOnce and tty of a Container */
	/* An OCI container instead of argv, env and cwd: as in pause/proto.h. */
	const char *bundle, *layers, *lower, *image, *oom;
	const char *word; /* what it runs, for what is said of it; NULL: it is not told */
	struct span subpaths; /* msgpack; empty: none */
	const char *target;   /* NULL: none */
	int stop;	      /* the signal that it is ended by; 0: TERM */
};

enum { PAUSE_LINK_QUEUE_BYTES_MAX = 8 * 1024 * 1024 };

/* ERR_UNREACHABLE: nobody listens there. ERR_AGAIN: busy, try later. */
int pause_link_open(struct pause_link **out, const char *dir, const struct pause_events *events,
		    struct err *e);
void pause_link_close(struct pause_link *l); /* the pod goes on; NULL is fine */
int pause_link_fd(const struct pause_link *l);
bool pause_link_wants_write(const struct pause_link *l);
/* Reads and writes what is possible. ERR_CLOSED: the pause is gone, or
 * another agent took it over; only close is left to do. */
int pause_link_poll(struct pause_link *l);

/* Each queues one command and sends what it can. ERR_OVERLOADED: the queue is
 * full. ERR_LIMIT: larger than a pause takes. ERR_CLOSED. */
int pause_link_start(struct pause_link *l, const struct pause_start *s);
/* `attempt` < 0: whichever runs. */
int pause_link_signal(struct pause_link *l, const char *name, int64_t attempt, int signal);
int pause_link_list(struct pause_link *l);
/* The pause ends once no container runs; it ends none. */
int pause_link_exit(struct pause_link *l);
/* The whole pod ends, and nobody needs to stay for it: TERM to all containers
 * now, KILL to those that are left after `grace_ms`, then the pause ends. */
int pause_link_stop(struct pause_link *l, int64_t grace_ms);

#endif
