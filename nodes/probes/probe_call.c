#include "nodes/probes/probe_call.h"

#include <stdlib.h>
#include <string.h>

#include "nodes/probes/probe_http.h"

enum handler_kind handler_kind(struct mp handler, struct mp *action)
{
	static const struct {
		const char *key;
		enum handler_kind kind;
	} all[] = {
		{"exec", HANDLER_EXEC}, {"httpGet", HANDLER_HTTP}, {"tcpSocket", HANDLER_TCP},
		{"grpc", HANDLER_GRPC}, {"sleep", HANDLER_SLEEP},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (mp_find(handler, all[i].key, action) && mp_peek(action) == MP_MAP)
			return all[i].kind;
	return HANDLER_NONE;
}

/* ---- ports */

static int64_t port_of_name(struct mp container, struct span name)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(container, "ports", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list))
		if (span_eq(mp_path_str(list, "name"), name))
			return mp_path_int(list, "containerPort", 0);
	return -1;
}

static bool is_number(struct span s, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || *out > 1000000)
			return false;
		*out = *out * 10 + s.data[i] - '0';
	}
	return s.len > 0;
}

static int resolve_port(struct mp action, struct mp container, int *out, struct err *e)
{
	struct mp port;
	struct span name = {0};
	int64_t n = 0;
	if (mp_find(action, "port", &port) && mp_peek(&port) == MP_STR && mp_str(&port, &name) == 0) {
		n = port_of_name(container, name);
		if (n < 0 && !is_number(name, &n))
			return err_set(e, ERR_INVALID, "strconv.Atoi: parsing \"%.*s\": invalid syntax",
				       (int)name.len, (const char *)name.data);
	} else {
		n = mp_path_int(action, "port", 0);
	}
	*out = (int)n;
	return n > 0 && n < 65536 ? 0
				  : err_set(e, ERR_INVALID, "invalid port number: %lld", (long long)n);
}

/* ---- the call */

static const char *host_of(struct arena *a, struct mp action, const struct probe_target *t)
{
	struct span host = mp_path_str(action, "host");
	return host.len ? arena_ndup(a, host.data, host.len) : t->pod_ip ? t->pod_ip : "";
}

static int put_http(struct arena *a, struct mp action, const struct probe_target *t, const char *host,
		    int port, struct buf *out, struct err *e)
{
	const char *lines = NULL, *named = NULL;
	struct mp headers = {0};
	if (!mp_find(action, "httpHeaders", &headers))
		headers = (struct mp){0};
	int rc = probe_http_headers(a, headers, t->hook ? "kube-lifecycle/1.34" : "kube-probe/1.34",
				    &lines, &named, e);
	if (rc)
		return rc;
	mpw_kv_bool(out, "tls", span_is(mp_path_str(action, "scheme"), "HTTPS"));
	mpw_kv_str(out, "path", probe_http_path(a, mp_path_str(action, "path")));
	mpw_kv_str(out, "lines", lines);
	mpw_kv_str(out, "name", named ? named : probe_address(a, host, port));
	mpw_kv_bool(out, "any_status", t->hook);
	return 0;
}

int probe_call_make(struct mp handler, const struct probe_target *t, struct buf *out, struct err *e)
{
	struct arena a = {0};
	struct mp action;
	enum handler_kind kind = handler_kind(handler, &action);
	int port = 0;
	if (kind != HANDLER_HTTP && kind != HANDLER_TCP && kind != HANDLER_GRPC)
		return err_set(e, ERR_UNSUPPORTED, "missing probe handler");
	int rc = resolve_port(action, t->container, &port, e);
	if (rc)
		return rc;
	/* gRPC has no host of its own: it is in the pod. */
	const char *host = kind == HANDLER_GRPC ? (t->pod_ip ? t->pod_ip : "") : host_of(&a, action, t);
	size_t start = out->len;
	mpw_map(out, kind == HANDLER_HTTP ? 9 : kind == HANDLER_GRPC ? 5 : 4);
	mpw_kv_i64(out, "kind", kind);
	mpw_kv_str(out, "host", host);
	mpw_kv_i64(out, "port", port);
	mpw_kv_i64(out, "timeout_ms", t->timeout_ms);
	if (kind == HANDLER_HTTP)
		rc = put_http(&a, action, t, host, port, out, e);
	else if (kind == HANDLER_GRPC)
		mpw_kv_span(out, "service", mp_path_str(action, "service"));
	if (rc)
		out->len = start;
	arena_fini(&a);
	return rc;
}

/* ---- words for people */

const char *probe_command_line(struct arena *a, struct mp exec)
{
	struct mp list;
	size_t n = 0;
	const char *line = "";
	if (!mp_find(exec, "command", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		struct span word = {0};
		if (mp_str(&list, &word))
			break;
		line = arena_printf(a, "%s%s%.*s", line, i ? " " : "", (int)word.len,
				    (const char *)word.data);
	}
	return line;
}

const char *probe_command_list(struct arena *a, struct mp exec)
{
	return arena_printf(a, "[%s]", probe_command_line(a, exec));
}

const char *probe_quoted(struct arena *a, const char *text)
{
	static const char plain[] = "\n\t\r\"\\", letters[] = "ntr\"\\";
	struct buf b = {0};
	buf_putc(&b, '"');
	for (; *text; text++) {
		const char *at = strchr(plain, *text);
		if (at)
			buf_printf(&b, "\\%c", letters[at - plain]);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			buf_printf(&b, "\\x%02x", (unsigned char)*text);
		else
			buf_putc(&b, *text);
	}
	buf_putc(&b, '"');
	char *out = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return out;
}

/* Bytes of the character that begins there; 0: it is none. */
static size_t utf8_length(struct span s)
{
	for (size_t n = 1; n <= 4 && n <= s.len; n++)
		if (utf8_ok((struct span){s.data, n}))
			return n;
	return 0;
}

const char *probe_output_text(struct arena *a, struct span output, size_t max)
{
	struct buf b = {0};
	while (output.len) {
		size_t n = *output.data ? utf8_length(output) : 0;
		if (b.len + (n ? n : 3) > max)
			break;
		if (n)
			buf_append(&b, output.data, n);
		else
			buf_puts(&b, "\xef\xbf\xbd");
		output = (struct span){output.data + (n ? n : 1), output.len - (n ? n : 1)};
	}
	char *out = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return out;
}
