#include "nodes/probes/probe_http.h"

#include <string.h>
#include <strings.h>

/* ---- the request */

static bool in_path(uint8_t c)
{
	return c > ' ' && c < 127 && !strchr("\"<>\\^`{|}", c);
}

const char *probe_http_path(struct arena *a, struct span path)
{
	struct buf b = {0};
	if (path.len == 0 || path.data[0] != '/')
		buf_putc(&b, '/');
	for (size_t i = 0; i < path.len && path.data[i] != '#'; i++) {
		if (in_path(path.data[i]))
			buf_putc(&b, (char)path.data[i]);
		else
			buf_printf(&b, "%%%02X", path.data[i]);
	}
	char *out = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return out;
}

static bool no_line_ends(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == 0)
			return false;
	return true;
}

static bool name_is(struct span name, const char *text)
{
	return name.len == strlen(text) && strncasecmp((const char *)name.data, text, name.len) == 0;
}

int probe_http_headers(struct arena *a, struct mp list, const char *user_agent, const char **lines,
		       const char **host, struct err *e)
{
	struct buf b = {0};
	bool agent = false, accept = false;
	size_t n = 0;
	*host = NULL;
	if (!list.p || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name"), value = mp_path_str(list, "value");
		if (!no_line_ends(name) || !no_line_ends(value)) {
			buf_fini(&b);
			return err_set(e, ERR_INVALID, "net/http: invalid header field value for \"%.*s\"",
				       (int)name.len, (const char *)name.data);
		}
		agent = agent || name_is(name, "User-Agent");
		accept = accept || name_is(name, "Accept");
		if (name_is(name, "Host"))
			*host = value.len ? arena_ndup(a, value.data, value.len) : NULL;
		else if (name_is(name, "Connection") || name_is(name, "Content-Length") ||
			 name_is(name, "Transfer-Encoding"))
			continue; /* ours to say */
		else if (value.len || !(name_is(name, "Accept") || name_is(name, "User-Agent")))
			buf_printf(&b, "%.*s: %.*s\r\n", (int)name.len, (const char *)name.data,
				   (int)value.len, (const char *)value.data);
	}
	if (!agent)
		buf_printf(&b, "User-Agent: %s\r\n", user_agent);
	if (!accept)
		buf_puts(&b, "Accept: */*\r\n");
	*lines = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return 0;
}

void probe_http_request(struct buf *out, const char *path, const char *host, const char *lines)
{
	buf_puts(out, "GET ");
	buf_puts(out, path);
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	buf_puts(out, host);
	buf_puts(out, "\r\n");
	buf_puts(out, lines);
	buf_puts(out, "Connection: close\r\n\r\n");
}

const char *probe_address(struct arena *a, const char *host, int port)
{
	return arena_printf(a, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

/* ---- the answer */

void probe_http_fini(struct probe_http *h)
{
	buf_fini(&h->bytes);
	memset(h, 0, sizeof *h);
}

/* The length of the head with its empty line; 0: it is not there yet. */
static size_t head_length(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] != '\n')
			continue;
		if (i + 1 < b->len && b->data[i + 1] == '\n')
			return i + 2;
		if (i + 2 < b->len && b->data[i + 1] == '\r' && b->data[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

/* The value of a header; empty: it is not there. */
static struct span header(const struct probe_http *h, const char *name)
{
	struct span rest = {h->bytes.data, h->head}, line;
	while (span_next(&rest, '\n', &line)) {
		const uint8_t *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		if (colon && name_is((struct span){line.data, (size_t)(colon - line.data)}, name))
			return span_trim((struct span){
				colon + 1, line.len - (size_t)(colon + 1 - line.data)});
	}
	return (struct span){0};
}

static int64_t number(struct span s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || n > INT64_C(1) << 40)
			return -1;
		n = n * 10 + s.data[i] - '0';
	}
	return s.len ? n : -1;
}

static struct span first_line(const struct buf *b)
{
	const uint8_t *end = b->len ? memchr(b->data, '\n', b->len) : NULL;
	struct span line = {b->data, end ? (size_t)(end - b->data) : b->len};
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static int no_http(struct span line, struct err *e)
{
	int len = line.len < 80 ? (int)line.len : 80;
	for (int i = 0; i < len; i++)
		if (line.data[i] < ' ' || line.data[i] > '~')
			len = i;
	return err_set(e, ERR_INVALID,
		       "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"%.*s\"",
		       len, (const char *)line.data);
}

/* "HTTP/1.1 200 OK" */
static int read_status(struct probe_http *h, struct err *e)
{
	struct span line = first_line(&h->bytes);
	if (line.len < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ' ||
	    (line.len > 12 && line.data[12] != ' '))
		return no_http(line, e);
	int64_t status = number((struct span){line.data + 9, 3});
	if (status < 100)
		return no_http(line, e);
	h->status = (int)status;
	h->chunked = name_is(header(h, "Transfer-Encoding"), "chunked");
	h->length = h->chunked ? -1 : number(header(h, "Content-Length"));
	if (status == 204 || status == 304)
		h->length = 0;
	return 0;
}

/* An answer before the answer ("100 Continue") is passed over. */
static int read_head(struct probe_http *h, struct err *e)
{
	static const char start[] = "HTTP/1.";
	for (;;) {
		size_t seen = h->bytes.len < sizeof start - 1 ? h->bytes.len : sizeof start - 1;
		if (memcmp(h->bytes.data, start, seen) != 0)
			return no_http(first_line(&h->bytes), e);
		h->head = head_length(&h->bytes);
		if (!h->head && h->bytes.len > PROBE_HEAD_BYTES_MAX)
			return err_set(e, ERR_INVALID, "net/http: server response headers exceeded %d bytes; aborted",
				       PROBE_HEAD_BYTES_MAX);
		if (!h->head)
			return ERR_AGAIN;
		int rc = read_status(h, e);
		if (rc || h->status >= 200 || h->status == 101)
			return rc;
		h->bytes.len -= h->head;
		memmove(h->bytes.data, h->bytes.data + h->head, h->bytes.len);
		h->head = 0;
		if (!h->bytes.len)
			return ERR_AGAIN;
	}
}

static bool ends_with(const struct buf *b, const char *tail)
{
	size_t n = strlen(tail);
	return b->len >= n && memcmp(b->data + b->len - n, tail, n) == 0;
}

int probe_http_read(struct probe_http *h, struct span data, struct err *e)
{
	int rc = 0;
	buf_append(&h->bytes, data.data, data.len);
	if (!h->bytes.len)
		return ERR_AGAIN;
	if (!h->head)
		rc = read_head(h, e);
	if (rc)
		return rc;
	size_t body = h->bytes.len - h->head;
	bool all = body >= PROBE_BODY_BYTES_MAX || (h->length >= 0 && body >= (size_t)h->length) ||
		   (h->chunked && ends_with(&h->bytes, "0\r\n\r\n"));
	return all ? 0 : ERR_AGAIN;
}

int probe_http_ended(const struct probe_http *h)
{
	return h->head && !h->chunked && h->length < 0 ? 0 : ERR_CLOSED;
}

struct span probe_http_body(const struct probe_http *h)
{
	size_t n = h->bytes.len - h->head;
	if (!h->head)
		return (struct span){0};
	return (struct span){h->bytes.data + h->head, n < PROBE_BODY_BYTES_MAX ? n : PROBE_BODY_BYTES_MAX};
}

/* ---- redirects */

static bool redirects(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool take(struct span *s, const char *prefix)
{
	size_t n = strlen(prefix);
	if (s->len < n || strncasecmp((const char *)s->data, prefix, n) != 0)
		return false;
	*s = (struct span){s->data + n, s->len - n};
	return true;
}

/* "host", "host:1", "[::1]:1" up to the path, which stays in `s`. */
static bool take_host(struct arena *a, struct span *s, struct probe_url *to)
{
	size_t n = 0, host;
	while (n < s->len && s->data[n] != '/' && s->data[n] != '?' && s->data[n] != '#')
		n++;
	struct span at = {s->data, n};
	*s = (struct span){s->data + n, s->len - n};
	const uint8_t *end = at.len && at.data[0] == '[' ? memchr(at.data, ']', at.len) : NULL;
	const uint8_t *colon = end ? (end + 1 < at.data + n && end[1] == ':' ? end + 1 : NULL)
			     : at.len ? memchr(at.data, ':', at.len) : NULL;
	host = colon ? (size_t)(colon - at.data) : at.len;
	to->host = end ? arena_ndup(a, at.data + 1, (size_t)(end - at.data) - 1)
		       : arena_ndup(a, at.data, host);
	to->port = to->tls ? 443 : 80;
	if (colon && host + 1 < at.len)
		to->port = (int)number((struct span){colon + 1, at.len - host - 1});
	return host > 0 && to->port > 0 && to->port < 65536;
}

/* Relative to the path that it is said of. */
static const char *resolve(struct arena *a, const char *from, struct span to)
{
	size_t keep = strcspn(from, "?");
	if (to.len == 0)
		return from;
	if (to.data[0] != '?')
		while (keep > 0 && from[keep - 1] != '/')
			keep--;
	char *whole = to.data[0] == '/' ? arena_ndup(a, to.data, to.len)
					: arena_printf(a, "%.*s%.*s", (int)keep, from, (int)to.len,
						       (const char *)to.data);
	return probe_http_path(a, span_of(whole));
}

bool probe_http_redirect(struct arena *a, const struct probe_http *h, const struct probe_url *from,
			 struct probe_url *to)
{
	struct span where = header(h, "Location");
	if (!redirects(h->status) || !where.len)
		return false;
	*to = *from;
	bool absolute = true;
	if (take(&where, "http://"))
		to->tls = false;
	else if (take(&where, "https://"))
		to->tls = true;
	else
		absolute = take(&where, "//");
	if (absolute && (!take_host(a, &where, to) || strcasecmp(to->host, from->host) != 0))
		return false;
	to->path = absolute && !where.len ? "/" : resolve(a, from->path, where);
	return true;
}
