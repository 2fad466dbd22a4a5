/* Times as the API writes them: RFC 3339, UTC, whole seconds or six digits.
 * Pure calendar arithmetic: no clock, no time zone of the machine. */
#ifndef SCHEMA_RFC3339_H
#define SCHEMA_RFC3339_H

#include <stdint.h>

#include "broker/base/bytes.h"

enum { RFC3339_MAX = 32 }; /* bytes, with the terminator */

/* Microseconds since 1970. Any offset and fraction is taken. ERR_INVALID. */
int rfc3339_parse(struct span text, int64_t *us);
/* "2006-01-02T15:04:05Z", years 0 to 9999; returns the length. */
size_t rfc3339_format(int64_t us, char out[RFC3339_MAX]);
/* "2006-01-02T15:04:05.000000Z" */
size_t rfc3339_format_micro(int64_t us, char out[RFC3339_MAX]);

#endif
