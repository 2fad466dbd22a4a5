/* Spans of time as Go writes them: "1h30m", "250ms", "-1.5s", "0". Pure; any thread. */
#ifndef API_GO_DURATION_H
#define API_GO_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"

/* In microseconds, what is less than one cut off; what is more than fits is the most that
 * fits, as no timeout is that long. False: it is none, and `why` says so in Go's words. */
bool go_duration_parse(struct span text, int64_t *us, struct buf *why);

#endif
