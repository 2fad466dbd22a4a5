/* Links inside of a proxied page (HTML), as Kubernetes rewrites them: those into the
 * server lead through the proxy. The page comes in pieces; what is no such link
 * goes out as it came.
 *
 * Pure; one owner, no threads. */
#ifndef API_HTTP_LINKS_H
#define API_HTTP_LINKS_H

#include "actors/api/proxy_name.h"

enum { HTTP_TAG_BYTES_MAX = 64 * 1024 }; /* a longer tag goes out as it came */

/* Zeroed but for `at`: before the first byte. */
struct http_links {
	struct proxy_place at; /* borrowed */
	struct buf held;       /* a tag that is not whole yet */
	int state;
	char quote;	  /* of the attribute's value that the tag is in; 0: in none */
	const char *raw;  /* the element whose content is no markup; NULL: none */
	size_t matched;	  /* of what ends a comment, or the raw element */
};

void http_links_write(struct http_links *l, struct buf *out, struct span piece);
/* The page is over. */
void http_links_end(struct http_links *l, struct buf *out);
void http_links_fini(struct http_links *l);

#endif
