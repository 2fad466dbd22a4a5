/* The reason why a text is not JSON, as Go's encoding/json words it.
 * No state; any thread. */
#ifndef SCHEMA_JSON_EXPLAIN_H
#define SCHEMA_JSON_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/base/bytes.h"

/* Writes "invalid character '}' looking for beginning of value" and where
 * that is (line from 1, offset from 0). False: the grammar holds. */
bool json_explain(struct span text, size_t *line, size_t *offset, char *out, size_t size);

#endif
