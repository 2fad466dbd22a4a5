#include "nodes/probes/probe_grpc.h"

#include <string.h>

enum {
	FRAME_HEAD = 9,
	FRAME_BYTES_MAX = 16384, /* what we allow by our settings, which are the default */
	MESSAGE_BYTES_MAX = 4096,
	STREAM = 1,
};
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7 };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };

const char *probe_grpc_name(int64_t health)
{
	static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
	return health >= 0 && health < 4 ? names[health] : "another status";
}

/* ---- the request */

static void put_frame(struct buf *out, int type, int flags, uint32_t stream, struct span payload)
{
	uint8_t head[FRAME_HEAD] = {
		(uint8_t)(payload.len >> 16), (uint8_t)(payload.len >> 8), (uint8_t)payload.len,
		(uint8_t)type, (uint8_t)flags, 0, 0, 0, (uint8_t)stream,
	};
	buf_append(out, head, sizeof head);
	buf_append(out, payload.data, payload.len);
}

/* An integer whose first byte has `bits` left for it, beside `first`. */
static void put_integer(struct buf *b, uint8_t first, unsigned bits, size_t n)
{
	size_t most = ((size_t)1 << bits) - 1;
	if (n < most) {
		buf_putc(b, (char)(first | n));
		return;
	}
	buf_putc(b, (char)(first | most));
	for (n -= most; n >= 128; n >>= 7)
		buf_putc(b, (char)(n | 128));
	buf_putc(b, (char)n);
}

static void put_text(struct buf *b, const char *text)
{
	put_integer(b, 0, 7, strlen(text));
	buf_puts(b, text);
}

/* A header that nobody is to remember; its name by number in the static table. */
static void put_header(struct buf *b, unsigned name, const char *value)
{
	put_integer(b, 0, 4, name);
	put_text(b, value);
}

static void put_headers(struct buf *out, const char *authority)
{
	enum { AUTHORITY = 1, PATH = 4, CONTENT_TYPE = 31, USER_AGENT = 58 };
	enum { POST = 3, HTTP = 6 };
	struct buf b = {0};
	put_integer(&b, 0x80, 7, POST);
	put_integer(&b, 0x80, 7, HTTP);
	put_header(&b, PATH, "/grpc.health.v1.Health/Check");
	put_header(&b, AUTHORITY, authority);
	put_header(&b, CONTENT_TYPE, "application/grpc");
	put_header(&b, USER_AGENT, "kube-probe/1.34");
	buf_putc(&b, 0); /* its name is no number */
	put_text(&b, "te");
	put_text(&b, "trailers");
	put_frame(out, HEADERS, END_HEADERS, STREAM, span_buf(&b));
	buf_fini(&b);
}

/* HealthCheckRequest {1: service} */
static void put_message(struct buf *out, struct span service)
{
	struct buf m = {0}, b = {0};
	if (service.len) {
		buf_putc(&m, 1 << 3 | 2);
		for (size_t n = service.len; ; n >>= 7) {
			buf_putc(&m, (char)(n >= 128 ? n | 128 : n));
			if (n < 128)
				break;
		}
		buf_append(&m, service.data, service.len);
	}
	uint8_t head[5] = {0, (uint8_t)(m.len >> 24), (uint8_t)(m.len >> 16), (uint8_t)(m.len >> 8),
			   (uint8_t)m.len};
	buf_append(&b, head, sizeof head);
	buf_append(&b, m.data, m.len);
	put_frame(out, DATA, END_STREAM, STREAM, span_buf(&b));
	buf_fini(&m);
	buf_fini(&b);
}

void probe_grpc_request(struct buf *out, const char *authority, struct span service)
{
	buf_puts(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	put_frame(out, SETTINGS, 0, 0, (struct span){0});
	put_headers(out, authority);
	put_message(out, service);
}

/* ---- the answer */

void probe_grpc_fini(struct probe_grpc *g)
{
	buf_fini(&g->bytes);
	buf_fini(&g->message);
}

static bool get_varint(struct span *s, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; s->len && shift < 64; shift += 7) {
		uint8_t b = *s->data;
		*s = (struct span){s->data + 1, s->len - 1};
		*out |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			return true;
	}
	return false;
}

/* HealthCheckResponse {1: status}: a status of zero is not even written. */
static bool read_health(struct span m, int64_t *out)
{
	*out = GRPC_UNKNOWN;
	while (m.len) {
		uint64_t tag, n;
		if (!get_varint(&m, &tag) || ((tag & 7) != 0 && (tag & 7) != 2) || !get_varint(&m, &n))
			return false;
		if ((tag & 7) == 2) {
			if (n > m.len)
				return false;
			m = (struct span){m.data + n, m.len - n};
		} else if (tag >> 3 == 1) {
			*out = (int64_t)n;
		}
	}
	return true;
}

/* A message of gRPC in the data of the stream, which may come in parts. */
static int on_data(struct probe_grpc *g, struct span data, int flags)
{
	if (flags & PADDED) {
		if (data.len < 1 || data.data[0] >= data.len)
			return ERR_INVALID;
		data = (struct span){data.data + 1, data.len - 1 - data.data[0]};
	}
	buf_append(&g->message, data.data, data.len);
	const uint8_t *m = g->message.data;
	if (g->message.len < 5)
		return flags & END_STREAM ? ERR_CLOSED : ERR_AGAIN;
	size_t n = (size_t)m[1] << 24 | (size_t)m[2] << 16 | (size_t)m[3] << 8 | m[4];
	if (m[0] != 0 || n > MESSAGE_BYTES_MAX)
		return ERR_INVALID; /* compressed, though nobody said that it may be */
	if (g->message.len < 5 + n)
		return flags & END_STREAM ? ERR_CLOSED : ERR_AGAIN;
	return read_health((struct span){m + 5, n}, &g->health) ? 0 : ERR_INVALID;
}

static int on_frame(struct probe_grpc *g, int type, int flags, uint32_t stream, struct span payload)
{
	if (type == GOAWAY)
		return ERR_CLOSED;
	if (stream != STREAM)
		return ERR_AGAIN;
	if (type == DATA)
		return on_data(g, payload, flags);
	if (type == RST_STREAM || (type == HEADERS && flags & END_STREAM))
		return ERR_CLOSED;
	return ERR_AGAIN;
}

int probe_grpc_read(struct probe_grpc *g, struct span data)
{
	int rc = ERR_AGAIN;
	size_t at = 0;
	buf_append(&g->bytes, data.data, data.len);
	while (rc == ERR_AGAIN && g->bytes.len - at >= FRAME_HEAD) {
		const uint8_t *h = g->bytes.data + at;
		size_t n = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
		if (n > FRAME_BYTES_MAX)
			return ERR_INVALID;
		if (g->bytes.len - at < FRAME_HEAD + n)
			break;
		uint32_t stream = (uint32_t)(h[5] & 127) << 24 | (uint32_t)h[6] << 16 |
				  (uint32_t)h[7] << 8 | h[8];
		rc = on_frame(g, h[3], h[4], stream, (struct span){h + FRAME_HEAD, n});
		at += FRAME_HEAD + n;
	}
	if (at) {
		g->bytes.len -= at;
		memmove(g->bytes.data, g->bytes.data + at, g->bytes.len);
	}
	return rc;
}
