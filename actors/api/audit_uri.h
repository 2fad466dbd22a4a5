/* A request's address for the audit: what could let somebody in is left out.
 * Pure; any thread. */
#ifndef API_AUDIT_URI_H
#define API_AUDIT_URI_H

#include "broker/base/bytes.h"

enum { AUDIT_URI_BYTES_MAX = 2048 }; /* longer ones are cut off there */

/* The path as it is; of the query, the values of parameters whose names tell of
 * a secret (token, password, key, ...) are replaced by "...". What no address can
 * hold is percent-encoded. */
void audit_uri_write(struct buf *out, struct span uri);

#endif
