#include "actors/api/proxy_name.h"

#include <arpa/inet.h>
#include <string.h>

#include "actors/api/request_path.h"

/* ---- whom it names */

static bool is_next(struct span *path, const char *word)
{
	struct span part;
	return path_part(path, &part) && span_is(part, word);
}

bool proxy_path_split(struct span path, struct span *prefix, struct span *rest)
{
	struct span at = path, kind, name;
	if (!is_next(&at, "api") || !is_next(&at, "v1") || !path_part(&at, &kind))
		return false;
	if (span_is(kind, "namespaces")) {
		struct span namespace;
		if (!path_part(&at, &namespace) || !namespace.len || !path_part(&at, &kind) ||
		    !(span_is(kind, "pods") || span_is(kind, "services")))
			return false;
	} else if (!span_is(kind, "nodes")) {
		return false;
	}
	if (!path_part(&at, &name) || !name.len || !is_next(&at, "proxy"))
		return false;
	*prefix = (struct span){path.data, path.len - at.len};
	*rest = at;
	return true;
}

bool proxy_name_split(struct span id, struct proxy_name *out)
{
	struct span part[3], rest = id;
	size_t n = 0;
	for (bool more = true; more;) {
		const uint8_t *colon = rest.len ? memchr(rest.data, ':', rest.len) : NULL;
		if (n == 3)
			return false;
		more = colon != NULL;
		part[n] = (struct span){rest.data, more ? (size_t)(colon - rest.data) : rest.len};
		rest = more ? (struct span){colon + 1, rest.len - part[n].len - 1} : rest;
		n++;
	}
	struct span none = {0}, scheme = n == 3 ? part[0] : none;
	*out = (struct proxy_name){
		.name = part[n == 3],
		.port = n > 1 ? part[n - 1] : none,
		.tls = span_is(scheme, "https"),
	};
	return out->name.len && (!scheme.len || out->tls || span_is(scheme, "http"));
}

bool proxy_port_number(struct span text, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*out = 10 * *out + text.data[i] - '0';
	}
	return text.len && text.len <= 9;
}

/* ---- addresses */

static bool in_range(uint32_t n, uint32_t base, unsigned bits)
{
	return n >> (32 - bits) == base >> (32 - bits);
}

bool proxy_address_allowed(const struct obj_cluster *c, struct span ip)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr parsed;
	if (ip.len >= sizeof text)
		return false;
	span_text(text, sizeof text, ip);
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	uint32_t n = ntohl(parsed.s_addr), loopback = 127u << 24;
	if (in_range(n, loopback, 8))
		return in_range(c->service_base, loopback, 8) && !in_range(n, loopback, 16) &&
		       !in_range(n, c->service_base, c->service_bits);
	return n >> 24 != 0 && !in_range(n, 169u << 24 | 254u << 16, 16) && n >> 28 < 14;
}

/* ---- paths. What is escaped is what Go's net/url escapes. */

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-_.~$&+,/:;=@", c));
}

static void escape(struct buf *out, uint8_t c)
{
	buf_printf(out, "%%%02X", c);
}

void proxy_path_escape(struct buf *out, struct span path)
{
	for (size_t i = 0; i < path.len; i++)
		if (is_plain(path.data[i]))
			buf_putc(out, (char)path.data[i]);
		else
			escape(out, path.data[i]);
}

/* Takes the last segment off what was written from `from` on. */
static void step_up(struct buf *out, size_t from)
{
	while (out->len > from && out->data[--out->len] != '/')
		;
}

void proxy_path_write(struct buf *out, struct span rest)
{
	size_t from = out->len;
	bool absent = !rest.len, closed = !absent && rest.data[rest.len - 1] == '/';
	struct span part;
	while (path_part(&rest, &part)) {
		if (!part.len || span_is(part, "."))
			continue;
		if (span_is(part, "..")) {
			step_up(out, from);
			continue;
		}
		buf_putc(out, '/');
		proxy_path_escape(out, part);
	}
	if (closed || (!absent && out->len == from))
		buf_putc(out, '/');
}

void proxy_query_write(struct buf *out, struct span query)
{
	for (size_t i = 0; i < query.len; i++) {
		uint8_t c = query.data[i];
		if (c > ' ' && c < 0x7f)
			buf_putc(out, (char)c);
		else
			escape(out, c);
	}
}

/* ---- redirects */

static bool starts_with(struct span s, struct span with)
{
	return s.len >= with.len && (!with.len || memcmp(s.data, with.data, with.len) == 0);
}

/* Takes "http://host", "https://host" or "//host" off; empty: it has none. */
static struct span take_host(struct span *rest, struct span *host)
{
	static const char *const starts[] = {"http://", "https://", "//"};
	struct span whole = *rest;
	*host = (struct span){0};
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		size_t n = strlen(starts[i]), end = n;
		if (!starts_with(whole, span_of(starts[i])))
			continue;
		while (end < whole.len && !strchr("/?#", whole.data[end]))
			end++;
		*host = (struct span){whole.data + n, end - n};
		*rest = (struct span){whole.data + end, whole.len - end};
		return (struct span){whole.data, end};
	}
	return (struct span){0};
}

void proxy_location_write(struct buf *out, const struct proxy_place *at, struct span location)
{
	struct span path = location, host;
	struct span origin = take_host(&path, &host);
	bool elsewhere = host.len && !span_eq(host, at->backend) && !span_eq(host, at->host);
	if (elsewhere || !path.len || path.data[0] != '/') {
		buf_append(out, location.data, location.len);
		return;
	}
	if (host.len && span_eq(host, at->host))
		buf_append(out, origin.data, origin.len);
	if (!starts_with(path, at->prefix))
		buf_append(out, at->prefix.data, at->prefix.len);
	buf_append(out, path.data, path.len);
}
