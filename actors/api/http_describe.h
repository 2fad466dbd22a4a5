/* What the port knows of a request, as the message that the actor is given: its
 * words and arguments, and who sent it: the names in a verified client
 * certificate, whom the headers say to impersonate, and the claims of a token
 * that was signed by us. */
#ifndef API_HTTP_DESCRIBE_H
#define API_HTTP_DESCRIBE_H

#include "actors/access/verified.h"

struct MHD_Connection;

struct http_words {
	const char *method, *path;
	const char *uri; /* as it came; NULL: nobody wants to know */
	const char *audit_id; /* NULL: nor this, nor from where it came */
	bool proxied; /* its arguments are for somebody else */
	/* Its address is no text: `path` is percent-encoded, arguments are not told. */
	bool unreadable;
	bool too_large; /* there was more of a body than is taken: none is told */
	struct span body;
};

/* A map; the caller owns it. Text that is no UTF-8 is given as empty. */
struct bytes *http_describe(struct MHD_Connection *conn, const struct http_words *words,
			    struct verified *verified, const struct jwt_key *accounts);

#endif
