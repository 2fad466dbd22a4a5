/* Answers: a call is answered once and then freed. */
#include <stdlib.h>
#include <strings.h>

#include "actors/api/api_private.h"
#include "actors/schema/yaml.h"

static const char *quoted(struct call *k, struct span v)
{
	struct buf b = {0};
	json_string(&b, v);
	const char *text = arena_ndup(&k->arena, b.data, b.len);
	buf_fini(&b);
	return text;
}

struct span call_arg(const struct call *k, const char *name)
{
	struct mp args = k->args;
	size_t n, two;
	struct span key, value;
	if (mp_array(&args, &n))
		return (struct span){0};
	while (n--) {
		if (mp_array(&args, &two) || mp_str(&args, &key) || mp_str(&args, &value))
			break;
		if (span_is(key, name))
			return value;
	}
	return (struct span){0};
}

/* As Go's API machinery reads it: there, and not said to be false. */
bool call_flag(const struct call *k, const char *name)
{
	struct span v = call_arg(k, name);
	return v.data && !span_is(v, "0") &&
	       !(v.len == 5 && strncasecmp((const char *)v.data, "false", 5) == 0);
}

bool call_watches(const struct call *k)
{
	return span_is(k->method, "GET") && (k->watch_path || (!k->name.len && call_flag(k, "watch")));
}

/* What is wrong with an integer of 64 bits, in Go's words; NULL: nothing. */
static const char *bad_integer(struct span v)
{
	static const char most[] = "9223372036854775807";
	size_t sign = v.len && (v.data[0] == '-' || v.data[0] == '+');
	struct span digits = {v.data + sign, v.len - sign};
	for (size_t i = 0; i < digits.len; i++)
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return "invalid syntax";
	if (!digits.len)
		return "invalid syntax";
	while (digits.len && digits.data[0] == '0')
		digits.data++, digits.len--;
	size_t n = sizeof most - 1;
	bool fits = digits.len < n || (digits.len == n && memcmp(digits.data, most, n) <= 0);
	return fits ? NULL : "value out of range";
}

struct doc *bad_integers(struct call *k, const char *const *names)
{
	for (; *names; names++) {
		struct span v = call_arg(k, *names);
		const char *why = v.data ? bad_integer(v) : NULL;
		if (why)
			return status_bad_request(&k->arena, arena_printf(&k->arena, "strconv.ParseInt: parsing %s: %s",
									  quoted(k, v), why));
	}
	return NULL;
}

struct doc *bad_list_options(struct call *k)
{
	static const char *const names[] = {"limit", "timeoutSeconds", NULL};
	return bad_integers(k, names);
}

struct doc *bad_version(struct call *k, struct span v)
{
	return status_bad_request(
		&k->arena, arena_printf(&k->arena,
					"resourceVersion: Invalid value: %s: strconv.ParseUint: "
					"parsing %s: invalid syntax",
					quoted(k, v), quoted(k, v)));
}

bool call_number(const struct call *k, const char *name, uint64_t *out)
{
	struct span v = call_arg(k, name);
	*out = 0;
	if (v.len > 19)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return false;
		*out = 10 * *out + (uint64_t)(v.data[i] - '0');
	}
	return true;
}

void call_end(struct ctx *c, struct api *a, struct call *k)
{
	struct audit_event event = {0};
	if (c && !k->handed_over) {
		audit_open(c, a, k, &event);
		audit_say(c, &event);
	}
	omap_remove_u64(&a->calls, k->id);
	call_leave(a, k);
	writing_fini(&k->writing);
	delete_collection_free(k->deletion);
	metrics_free(k->scrape);
	usage_free(k->usage);
	a->sessions -= k->session != NULL;
	a->forwards -= proxy_is_forwarded(k);
	session_free(k->session);
	bytes_unref(k->owner);
	arena_fini(&k->arena);
	free(k);
}

/* As HTTP quotes text (RFC 9110), which is not as JSON does. */
static void put_quoted(struct buf *b, const char *text)
{
	buf_putc(b, '"');
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		if (c == '"' || c == '\\')
			buf_putc(b, '\\');
		buf_putc(b, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	buf_putc(b, '"');
}

void answer_warning(struct ctx *c, struct api *a, struct call *k, const char *text)
{
	struct buf line = {0};
	buf_puts(&line, "Warning: 299 - ");
	put_quoted(&line, text);
	ctx_port_call(c, a->port, HTTP_HEADER, k->id, 0, bytes_take(&line));
}

static void warn_headers(struct ctx *c, struct api *a, struct call *k)
{
	if (!k->writing.planned)
		return;
	for (const struct note *n = k->writing.plan.warnings.first; n; n = n->next)
		answer_warning(c, a, k, n->text);
}

/* JSON that we wrote ourselves, as YAML. Longer than JSON is read here it
 * stays what it is, which is YAML too. */
static void to_yaml(struct call *k, struct buf *text)
{
	struct doc *d;
	struct buf out = {0};
	if (json_parse(&k->arena, span_buf(text), &d, NULL, NULL) || yaml_from_doc(&out, d)) {
		buf_fini(&out);
		return;
	}
	buf_fini(text);
	*text = out;
}

/* `body` is taken over. */
static void answer_bytes(struct ctx *c, struct api *a, struct call *k, int code,
			 enum http_type type, struct bytes *body)
{
	call_answered(c, a, k, code);
	ctx_port_call(c, a->port, HTTP_REPLY, k->id, HTTP_ARG(code, type), body);
	call_end(c, a, k);
}

void answer_text(struct ctx *c, struct api *a, struct call *k, int code, enum http_type type,
		 struct buf *text)
{
	warn_headers(c, a, k);
	if (k->yaml && type == HTTP_JSON) {
		to_yaml(k, text);
		type = HTTP_YAML;
	}
	answer_bytes(c, a, k, code, type, bytes_take(text));
}

void answer_stored(struct ctx *c, struct api *a, struct call *k, const struct view_object *o)
{
	if (k->form == FORM_OBJECT && !k->yaml)
		answer_bytes(c, a, k, 200, HTTP_JSON,
			     bytes_ref(encodings_object(&a->encodings, k->resource, o)));
	else
		answer_object(c, a, k, 200, mp_of_bytes(o->value), o->version);
}

void answer_status(struct ctx *c, struct api *a, struct call *k, const struct doc *status)
{
	struct buf out = {0};
	k->told = status;
	bool protobuf = k->form == FORM_PROTOBUF;
	if (protobuf) {
		protobuf_status(&out, status);
	} else {
		json_from_doc(&out, status);
		buf_putc(&out, '\n');
	}
	int code = status_code(status);
	/* Whether somebody else answers later is not ours to say. */
	bool later = code == 504 && doc_path(status, "details.retryAfterSeconds");
	if (code == 429 || later || (code == 503 && !is_proxy(k))) {
		static const char retry[] = "Retry-After: 1";
		ctx_port_call(c, a->port, HTTP_HEADER, k->id, 0,
			      bytes_copy(retry, sizeof retry - 1));
	}
	answer_text(c, a, k, code, protobuf ? HTTP_PROTOBUF : HTTP_JSON, &out);
}

void answer_future(struct ctx *c, struct api *a, struct call *k, uint64_t asked, uint64_t now)
{
	struct arena *m = &k->arena;
	struct doc *s = status_failure(
		m, 504, "Timeout",
		arena_printf(m, "Timeout: Too large resource version: %llu, current: %llu",
			     (unsigned long long)asked, (unsigned long long)now));
	struct doc *details = doc_need_map(m, s, "details");
	struct doc *causes = doc_set(m, details, "causes", doc_new(m, DOC_ARRAY));
	struct doc *cause = doc_add(causes, doc_new(m, DOC_MAP));
	/* client-go lists anew, without a version, when it sees this reason. */
	doc_set_str(m, cause, "reason", "ResourceVersionTooLarge");
	doc_set_str(m, cause, "message", "Too large resource version");
	doc_set_int(m, details, "retryAfterSeconds", 1);
	answer_status(c, a, k, s);
}

void answer_object(struct ctx *c, struct api *a, struct call *k, int code, struct mp object,
		   uint64_t version)
{
	struct buf out = {0};
	/* What a subresource shows is of another type than the resource. */
	bool own = k->resource && span_is(mp_path_str(object, "kind"), k->resource->kind);
	if (k->form == FORM_PROTOBUF) {
		if (own)
			visible_protobuf(&out, k->resource, object, version);
		else
			protobuf_object(&out, api_body_type(k->resource, k->sub), object, version);
		answer_text(c, a, k, code, HTTP_PROTOBUF, &out);
		return;
	}
	bool scale = !own && span_is(mp_path_str(object, "kind"), "Scale");
	if (k->form == FORM_TABLE && (own || scale)) {
		struct table t;
		table_open(&t, &out, own ? k->resource : &table_scale, k->as, ctx_wall_us(c), true, version, NULL,
			   -1);
		table_row(&t, object, version);
		table_close(&t);
	} else if (k->form == FORM_METADATA) {
		json_metadata(&out, object, version, k->as.version);
	} else if (own) {
		visible_object(&out, k->resource, object, version);
	} else {
		json_object(&out, object, version);
	}
	buf_putc(&out, '\n');
	answer_text(c, a, k, code, HTTP_JSON, &out);
}
