/* One attempt as the pause holds it: its record, its pipes, its log. */
#ifndef NODES_PAUSE_RUN_H
#define NODES_PAUSE_RUN_H

#include "nodes/pause/attach.h"
#include "nodes/pause/attempt.h"
#include "nodes/pause/child.h"
#include "nodes/pause/cri_log.h"

struct run {
	struct pause_attempt at;
	int started_fd; /* open until exec has happened or failed; else -1 */
	int pipe[2];    /* stdout (or a terminal), stderr; -1 when at its end */
	struct stdio std;
	struct cri_stream stream[2];
	struct cri_log log;
	bool execed;    /* it truly runs, or ran */
	int64_t uid, gid; /* who it is, as in struct child_spec: so are commands beside it */
	struct buf groups; /* the list; may be empty */
	/* Of an OCI container; else NULL and false. */
	char *bundle, *oom_file;
	char *word; /* what it is to run, while it is launched */
	struct buf held; /* what may be crun's last word instead of its output */
	int held_stream;
	bool spoke; /* it has had an output */
	int console;    /* where its terminal will come; or -1 */
	bool launching; /* at.pid is the OCI program's, the container is not there yet */
	int pending;    /* a signal that waits for it */
	int stop;       /* what is sent instead of TERM; 0: TERM */
	int64_t launch_ms; /* monotonic: when that began */
	bool saved;     /* exits/<name>.<n> is written */
	bool told_start, told_end; /* to the agent that is connected now */
	struct run *next; /* in order of their start */
};

/* Starts it: log, pipes, process. A failure to make the process is an ended
 * attempt with an error. Works in the pod's directory (the current one). */
struct run *run_new(const struct pause_attempt *id, const struct child_spec *spec,
		    uint64_t log_bytes, struct span oom_file);
/* The name by which the OCI program knows it: NAME.ATTEMPT. */
const char *run_id(struct buf *b, const char *name, uint32_t attempt);
/* The OCI program was reaped with this wait status: true: the container runs, or
 * did. False: the attempt ended, and says why. */
bool run_launched(struct run *r, int status);
void run_free(struct run *r);
/* Reads what is there of stream i, one buffer full; the pipe is closed at
 * its end. Returns whether there may be more. */
bool run_read(struct run *r, int i);
/* Whether exec happened: reads the pipe that tells. */
void run_started(struct run *r);
/* The main process was reaped with this wait status: drains the pipes (what
 * is there, bounded), fills the record and writes it to its file. */
void run_ended(struct run *r, int status);
/* Writes exits/<name>.<n>; again and again until it succeeds. */
bool run_save(struct run *r);

static inline bool run_alive(const struct run *r)
{
	return !r->at.ended;
}

/* Removes starts, exits and logs of an attempt that nobody asks for any more. */
void run_forget_files(const char *name, uint32_t attempt);

#endif
