/* The launcher: the process that starts pauses.
 *
 * It is forked by the parent before a ZeroMQ context or a thread exists, and
 * stays small and single-threaded, so that starting a pod never forks a
 * process with threads. It dies with the parent (PR_SET_PDEATHSIG); the
 * pauses, each in a session of its own and without its descriptors, do not.
 *
 * It listens on <data>/launcher.sock (mode 0600), one request per packet:
 *   {uid, dir}  the pod's uid and its directory, an absolute path
 * and answers each when the pause listens (in the order of their readiness):
 *   {uid, pid}  of the pause; one that lives already counts
 *   {uid, code, text}  code: a name of err.h
 * It makes the directory, and keeps <data>/bin/troupe-pause equal to the
 * image in this binary.
 *
 * The client's calls below never block. One owner per link, any thread. */
#ifndef NODES_LAUNCHER_LAUNCHER_H
#define NODES_LAUNCHER_LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#define LAUNCHER_SOCKET "launcher.sock"
#define LAUNCHER_PAUSE "bin/troupe-pause"

enum {
	LAUNCHER_UID_BYTES_MAX = 64,
	LAUNCHER_CLIENTS_MAX = 64,   /* further ones wait in the socket's backlog */
	LAUNCHER_STARTING_MAX = 64,  /* pauses at once; further requests wait in the socket */
	LAUNCHER_START_MS_MAX = 5000,
};

/* Forks the launcher; returns when it listens. `data_dir` is made (0700)
 * when absent. *fd: one end of a SOCK_SEQPACKET pair that takes the same
 * requests; closing it ends the launcher. Blocks for milliseconds; call it
 * while the process has one thread. ERR_IO. */
int launcher_start(const char *data_dir, int *fd, pid_t *pid, struct err *e);

/* ---- for those who want a pod */

/* A connection to the launcher of a data directory. ERR_UNREACHABLE. */
int launcher_connect(const char *data_dir, int *fd, struct err *e);
/* ERR_AGAIN: its queue is full, later. ERR_CLOSED: it is gone. ERR_INVALID. */
int launcher_ask(int fd, struct span uid, const char *pod_dir);

struct launcher_answer {
	char uid[LAUNCHER_UID_BYTES_MAX + 1];
	int code; /* 0, or of err.h */
	pid_t pid;
	char text[200];
};
/* The next answer. ERR_AGAIN: none yet. ERR_CLOSED: the launcher is gone,
 * what was asked may or may not have happened: ask the next one. */
int launcher_answer(int fd, struct launcher_answer *out);

/* ---- inside */

/* Runs until `primary` closes; never returns to its caller's stack. Says on
 * `primary` first whether it listens. */
_Noreturn void launcher_main(const char *data_dir, int primary);
/* Makes <data>/bin/troupe-pause equal to the image; writes only when it
 * differs. Works relative to the current directory. */
int launcher_unpack(struct err *e);

#endif
