/* What the port knows of who sent a request: the names in a verified client
 * certificate, whom the headers say to impersonate, and the claims of a token
 * that was signed by us. */
#ifndef API_HTTP_CLIENT_H
#define API_HTTP_CLIENT_H

#include <microhttpd.h>

#include "actors/access/verified.h"

/* Appends `key` and `text` to a map; nothing for NULL and for what is no UTF-8. */
void http_put_text(struct buf *b, const char *key, const char *text);

/* For MHD_get_connection_values with a struct http_pairs: appends [key, value]. */
struct http_pairs {
	struct buf *out;
	size_t count;
};
enum MHD_Result http_pairs_add(void *pairs, enum MHD_ValueKind kind, const char *key,
			       const char *value);

enum { HTTP_CLIENT_FIELDS = 4 };

/* Appends HTTP_CLIENT_FIELDS pairs to a map: user, groups, impersonate, claims. */
void http_client_put(struct buf *b, struct MHD_Connection *conn, struct verified *verified,
		     const struct jwt_key *accounts);

#endif
