/* What a container said last, for the `message` of its end: what it wrote into its
 * termination file or, with terminationMessagePolicy FallbackToLogsOnError, how its log
 * ends when it failed without a word.
 *
 *   POD/messages/NAME.ATTEMPT         the file, where containers can be given one (oci)
 *   POD/messages/NAME.ATTEMPT.logs    the log's end counts
 *
 * Blocks for small files only; any thread. */
#ifndef NODES_LAST_WORDS_H
#define NODES_LAST_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"

struct pause_attempt;

/* Before the attempt starts. *file (may be NULL: it is given none) is its new file,
 * which anybody may write to; in the arena. What the last but one left is removed.
 * `policy`: the container's. ERR_IO. */
int last_words_begin(struct arena *a, const char *dir, const char *name, uint32_t attempt,
		     struct span policy, const char **file, struct err *e);
/* Appends key and value, "message" and a text, of an attempt that has ended. */
void last_words_put(const char *dir, const struct pause_attempt *at, struct buf *b);

#endif
