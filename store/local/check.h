/* Looks at everything that a journal holds: every checksum, every row and
 * record taken apart, no record missing, and a store built from it whose whole
 * history can be told, old values included. Changes nothing.
 *
 * LMDB's own pages have no checksums: where they are damaged it may end the
 * process by a signal instead of an error. Who must survive that calls this
 * in a child. Blocks for as long as reading all of it takes. */
#ifndef STORE_LOCAL_CHECK_H
#define STORE_LOCAL_CHECK_H

#include <stdint.h>

#include "broker/base/err.h"

struct store_checked {
	uint64_t objects, records, events; /* rows of the checkpoint, log rows, what they tell */
	uint64_t rows;                     /* keys that there are */
	uint64_t revision, compacted, epoch;
};

/* `path`: the directory of a store that nobody has open (ERR_BUSY), or a
 * backup's file. The error names the first that is bad. */
int store_check(const char *path, struct store_checked *out, struct err *e);

#endif
