#include "actors/api/audit_uri.h"

#include "actors/api/proxy_name.h"

/* The name of a parameter in lower case, decoded, without '-' and '_'. */
static size_t plain_name(struct span name, char out[64])
{
	size_t n = 0;
	for (size_t i = 0; i < name.len && n < 63; i++) {
		uint8_t c = name.data[i];
		if (c == '%' && i + 2 < name.len) {
			int high = byte_hex(name.data[i + 1]), low = byte_hex(name.data[i + 2]);
			if (high >= 0 && low >= 0) {
				c = (uint8_t)(high << 4 | low);
				i += 2;
			}
		}
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c && c != '-' && c != '_')
			out[n++] = (char)c;
	}
	out[n] = 0;
	return n;
}

static bool is_secret(struct span name)
{
	static const char *const parts[] = {"token", "passw",	  "secret", "credential",
					    "auth",  "signature", "apikey", "jwt",
					    "session"};
	static const char *const whole[] = {"key", "sig", "code", "pwd", "pass", "sid"};
	char plain[64];
	plain_name(name, plain);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strstr(plain, parts[i]))
			return true;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strcmp(plain, whole[i]) == 0)
			return true;
	return false;
}

static void put_parameter(struct buf *out, struct span one)
{
	const uint8_t *equals = one.len ? memchr(one.data, '=', one.len) : NULL;
	size_t n = equals ? (size_t)(equals - one.data) : one.len;
	if (equals && is_secret((struct span){one.data, n})) {
		proxy_query_write(out, (struct span){one.data, n + 1});
		buf_puts(out, "...");
	} else {
		proxy_query_write(out, one);
	}
}

void audit_uri_write(struct buf *out, struct span uri)
{
	size_t from = out->len;
	const uint8_t *mark = uri.len ? memchr(uri.data, '?', uri.len) : NULL;
	size_t path = mark ? (size_t)(mark - uri.data) : uri.len;
	proxy_query_write(out, (struct span){uri.data, path});
	if (mark)
		buf_putc(out, '?');
	for (size_t at = path + 1; at < uri.len && out->len - from < AUDIT_URI_BYTES_MAX;) {
		size_t end = at;
		while (end < uri.len && uri.data[end] != '&' && uri.data[end] != ';')
			end++;
		put_parameter(out, (struct span){uri.data + at, end - at});
		if (end < uri.len)
			buf_putc(out, (char)uri.data[end]);
		at = end + 1;
	}
	if (out->len - from > AUDIT_URI_BYTES_MAX)
		out->len = from + AUDIT_URI_BYTES_MAX;
}
