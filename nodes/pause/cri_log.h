/* A container's output becomes a log file in CRI form, line by line:
 *
 *   2026-11-24T10:00:00.123456789Z stdout F a whole line
 *   2026-11-24T10:00:00.123456789Z stderr P the first 16 KiB of a longer one
 *
 * A line that is not whole (F) is continued by the next one of its stream.
 * What cannot be written (a full disk) is counted, and the first line that
 * can be written again is preceded by one that says how many were lost; a
 * file never holds half a line of ours. A file that has grown past its limit
 * is renamed to <path>.1 and a new one begun, so a log takes twice the limit.
 *
 * Writes go to the page cache and may wait for a slow disk; the container's
 * pipe then fills and it waits too. One owner, no threads, no stdio. */
#ifndef NODES_PAUSE_CRI_LOG_H
#define NODES_PAUSE_CRI_LOG_H

#include <stdint.h>
#include <time.h>

#include "broker/base/bytes.h"

enum { CRI_LINE_BYTES_MAX = 16 * 1024, CRI_TIME_BYTES = 30 };

struct cri_log {
	char *path;
	int fd; /* -1: cannot be opened now; each write tries again */
	uint64_t size, size_max;
	uint64_t lost; /* lines since the last one that was written */
	int lost_errno;
	void (*clock)(struct timespec *now); /* wall clock */
};

/* One of a container's two streams. Zeroed but for the name: "stdout" or
 * "stderr". */
struct cri_stream {
	const char *name;
	uint8_t *part; /* of the line that has not ended yet */
	size_t part_len, part_cap;
};

/* Continues the file when it exists. Never fails: see fd. `clock` NULL: the
 * system's. */
void cri_log_open(struct cri_log *log, const char *path, uint64_t size_max,
		  void (*clock)(struct timespec *));
void cri_log_close(struct cri_log *log); /* leaves an empty log; twice is fine */
/* Takes output as it came from the pipe. */
void cri_feed(struct cri_log *log, struct cri_stream *s, const uint8_t *data, size_t n);
/* Nothing more will come: an unfinished line is written as P, which is how
 * containerd tells that no newline came. */
void cri_flush(struct cri_log *log, struct cri_stream *s);

/* RFC 3339 in UTC with nine digits, CRI_TIME_BYTES long, not terminated. */
void cri_time(const struct timespec *t, char out[CRI_TIME_BYTES]);

#endif
