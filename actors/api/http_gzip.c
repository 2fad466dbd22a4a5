#include "actors/api/http_gzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "broker/base/mem.h"

enum { LEVEL = 1, GZIP_WINDOW = 15 + 16, MEMORY = 8 };

struct http_gzip {
	z_stream stream;
	struct bytes *body;
	size_t at; /* what was given to the library */
	bool over;
};

struct http_gzip *http_gzip_new(struct bytes *body)
{
	struct http_gzip *g = mem_alloc(sizeof *g);
	if (deflateInit2(&g->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY))
		abort(); /* no memory */
	g->body = bytes_ref(body);
	return g;
}

void http_gzip_free(struct http_gzip *g)
{
	if (!g)
		return;
	deflateEnd(&g->stream);
	bytes_unref(g->body);
	free(g);
}

ssize_t http_gzip_read(struct http_gzip *g, uint8_t *to, size_t max)
{
	struct span body = bytes_span(g->body);
	size_t piece = body.len - g->at < HTTP_GZIP_PIECE ? body.len - g->at : HTTP_GZIP_PIECE;
	if (g->over)
		return -1;
	if (!g->stream.avail_in) {
		g->stream.next_in = (Bytef *)(uintptr_t)(body.data + g->at);
		g->stream.avail_in = (uInt)piece;
		g->at += piece;
	}
	g->stream.next_out = to;
	g->stream.avail_out = (uInt)max;
	g->over = deflate(&g->stream, g->at == body.len ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END;
	ssize_t n = (ssize_t)(max - g->stream.avail_out);
	return n || !g->over ? n : -1;
}
