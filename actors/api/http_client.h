/* What the port knows of who sent a request: the names in a verified client
 * certificate, whom the headers say to impersonate, and the claims of a token
 * that was signed by us. */
#ifndef API_HTTP_CLIENT_H
#define API_HTTP_CLIENT_H

#include "actors/access/verified.h"

struct MHD_Connection;

enum { HTTP_CLIENT_FIELDS = 4 };

/* Appends HTTP_CLIENT_FIELDS pairs to a map: user, groups, impersonate, claims. */
void http_client_put(struct buf *b, struct MHD_Connection *conn, struct verified *verified,
		     const struct jwt_key *accounts);

#endif
