/* One attempt to run a container: what the pause knows of it, as it goes over
 * the socket and into the files starts/<name>.<n> and exits/<name>.<n>. */
#ifndef NODES_PAUSE_ATTEMPT_H
#define NODES_PAUSE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "nodes/pause/proto.h"

struct pause_attempt {
	char name[PAUSE_NAME_BYTES_MAX + 1];
	uint32_t attempt;
	int32_t pid;        /* of the main process; 0 when it never ran */
	bool ended;
	int32_t code;       /* ended: exit code; 128 + signal; 128 when it never ran */
	int32_t signal;     /* ended by this signal, or 0 */
	int64_t started_us; /* wall clock; 0: it never ran */
	int64_t finished_us;
	/* Never ran: why, in containerd's words. Empty otherwise. */
	char error[PAUSE_ERROR_BYTES_MAX + 1];
	bool oom;           /* ended: the kernel killed for want of memory in it */
	char image[PAUSE_IMAGE_BYTES_MAX + 1]; /* as given at the start; or empty */
};

/* Whether that can be a container's name (a DNS label). */
bool pause_name_ok(struct span name);
/* One msgpack map; `event` (may be NULL) becomes its first field. */
void pause_attempt_write(const struct pause_attempt *a, const char *event, struct buf *out);
/* Reads checked msgpack (mp_check). ERR_INVALID names the field. */
int pause_attempt_read(struct span map, struct pause_attempt *out, struct err *e);

#endif
