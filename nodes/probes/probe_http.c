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
		agent = agent || http_word(name, "User-Agent");
		accept = accept || http_word(name, "Accept");
		if (http_word(name, "Host"))
			*host = value.len ? arena_ndup(a, value.data, value.len) : NULL;
		else if (http_word(name, "Connection") || http_word(name, "Content-Length") ||
			 http_word(name, "Transfer-Encoding"))
			continue; /* ours to say */
		else if (value.len || !(http_word(name, "Accept") || http_word(name, "User-Agent")))
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
	http_answer_fini(&h->answer);
	buf_fini(&h->body);
	memset(h, 0, sizeof *h);
}

/* Its first line, up to where it is no text. */
static int no_http(const struct probe_http *h, struct err *e)
{
	struct span head = span_buf(&h->answer.head);
	size_t n = 0;
	while (n < head.len && n < 80 && head.data[n] >= ' ' && head.data[n] <= '~')
		n++;
	return err_set(e, ERR_INVALID,
		       "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"%.*s\"",
		       (int)n, (const char *)head.data);
}

/* Who speaks something else may wait for an answer: its first line is enough. */
static bool is_other(const struct probe_http *h)
{
	static const char start[] = "HTTP/1.";
	struct span head = span_buf(&h->answer.head);
	size_t n = head.len < sizeof start - 1 ? head.len : sizeof start - 1;
	return memcmp(head.data, start, n) != 0 ||
	       (n < sizeof start - 1 && memchr(head.data, '\n', head.len));
}

int probe_http_read(struct probe_http *h, struct span data, struct err *e)
{
	struct span part;
	if (!h->answer.status) {
		int rc = http_answer_head(&h->answer, &data, e);
		if (rc == ERR_LIMIT)
			return err_set(e, ERR_INVALID, "net/http: server response headers exceeded %d bytes; aborted",
				       HTTP_HEAD_BYTES_MAX);
		if ((rc == ERR_INVALID || rc == ERR_AGAIN) && is_other(h))
			return no_http(h, e);
		if (rc)
			return rc;
	}
	while (data.len && !h->answer.done && h->body.len < PROBE_BODY_BYTES_MAX) {
		if (http_answer_body(&h->answer, &data, PROBE_BODY_BYTES_MAX - h->body.len, &part, e))
			return ERR_INVALID;
		buf_append(&h->body, part.data, part.len);
	}
	return h->answer.done || h->body.len >= PROBE_BODY_BYTES_MAX ? 0 : ERR_AGAIN;
}

int probe_http_ended(struct probe_http *h)
{
	return h->answer.status && http_answer_closed(&h->answer) ? 0 : ERR_CLOSED;
}

/* ---- redirects */

static int64_t number(struct span s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || n > 1000000)
			return -1;
		n = n * 10 + s.data[i] - '0';
	}
	return s.len ? n : -1;
}

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
	struct span where = {0}, name, value;
	for (size_t at = 0; http_answer_field(&h->answer, &at, &name, &value);)
		if (http_word(name, "Location"))
			where = value;
	if (!redirects(h->answer.status) || !where.len)
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
