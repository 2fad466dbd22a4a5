/* A body compressed on its way (gzip), piece by piece: as Kubernetes does with large
 * answers for who accepts it. Level 1: it shall cost less than the network.
 *
 * One owner; a call takes a millisecond at most. */
#ifndef API_HTTP_GZIP_H
#define API_HTTP_GZIP_H

#include <sys/types.h>

#include "broker/base/bytes.h"

enum {
	HTTP_GZIP_FROM = 128 * 1024, /* smaller ones go as they are */
	HTTP_GZIP_PIECE = 64 * 1024, /* of the body, in one call */
};

struct http_gzip;

struct http_gzip *http_gzip_new(struct bytes *body); /* which it keeps */
void http_gzip_free(struct http_gzip *g);	     /* NULL is fine */
/* The next bytes. 0: it has had its turn, there is more; -1: that was all. */
ssize_t http_gzip_read(struct http_gzip *g, uint8_t *to, size_t max);

#endif
