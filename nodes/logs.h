/* A container's log as `kubectl logs` shows it, read piece by piece from the
 * files that a pause writes (pause/cri_log.h).
 *
 * The CRI prefix is taken off, partial lines are joined, the rotated file is
 * read before the current one. Nothing waits: a reader that follows says
 * ERR_AGAIN and has a descriptor (or the caller's timer) to come back by.
 *
 * Threads: one owner. Reads come from local files, at most a block a call,
 * but for log_open with tail_lines, which reads as much as these lines take. */
#ifndef NODES_LOGS_H
#define NODES_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "nodes/log_place.h"

enum log_stream { LOG_ALL, LOG_STDOUT, LOG_STDERR };

/* As PodLogOptions. */
struct log_options {
	int64_t tail_lines;  /* -1: all */
	int64_t limit_bytes; /* -1: no limit */
	int64_t since_us;    /* wall clock; only lines from then on; 0: all */
	enum log_stream stream;
	bool timestamps;     /* put before each line */
	bool follow;
	const struct log_place *from; /* NULL: the beginning, or the tail */
};

struct log_reader;

/* `attempt` is the number of the restart; kubectl's --previous is the one
 * before the current. ERR_NOT_FOUND: it has no log. */
int log_open(struct log_reader **out, const char *pod_dir, const char *container,
	     uint32_t attempt, const struct log_options *o, struct err *e);
void log_close(struct log_reader *r); /* NULL is fine */
/* Appends the next piece to *out. 0: call again. ERR_AGAIN: following, and
 * nothing new is there. ERR_CLOSED: that was all. */
int log_read(struct log_reader *r, struct buf *out);
/* The container has ended (its exit was told): following ends with the file. */
void log_finish(struct log_reader *r);
/* Without the attempt, which the caller knows. */
struct log_place log_where(const struct log_reader *r);
/* Readable when there may be something new; -1 when the kernel has none to
 * give: try every now and then. */
int log_fd(const struct log_reader *r);

#endif
