/* Where a reader of a container's log is, for one that goes on there when it is gone:
 * good as long as the files are. Pure; any thread. */
#ifndef NODES_LOG_PLACE_H
#define NODES_LOG_PLACE_H

#include "broker/base/mp.h"

struct log_place {
	uint64_t attempt, inode, offset;
	int64_t left;	 /* of the bytes that were wanted at most */
	uint64_t inside; /* a bit per stream: its last piece was partial */
};

/* The field "place" of a message. */
void log_place_write(struct buf *b, const struct log_place *place);
bool log_place_read(struct mp body, struct log_place *out); /* false: it has none */

#endif
