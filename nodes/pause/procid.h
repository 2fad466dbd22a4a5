/* Which process, for certain: a pid alone may have been given to another one.
 * The identity is pid, start time (clock ticks since boot) and boot id. */
#ifndef NODES_PAUSE_PROCID_H
#define NODES_PAUSE_PROCID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/bytes.h"

enum { PROC_BOOT_BYTES = 36 };

struct procid {
	pid_t pid;
	uint64_t start_ticks;
	char boot[PROC_BOOT_BYTES + 1];
};

/* The identity of a living process; false when there is none. Reads /proc. */
bool procid_of(pid_t pid, struct procid *out);
/* Whether that very process is alive (a zombie is not). */
bool procid_alive(const struct procid *id);
/* "pid ticks boot\n" and back. */
void procid_write(const struct procid *id, struct buf *out);
bool procid_read(struct span text, struct procid *out);
/* The number at the begin of a file, as OCI programs write one; 0: none is there. */
pid_t procid_of_file(const char *path);

#endif
