/* Field errors. The wording of a value follows Go's %q for text and JSON for
 * everything that is not a scalar. */
#include "actors/objects/field.h"

#include <stdarg.h>
#include <stdio.h>

#include "actors/schema/json.h"

static void write_path(struct buf *b, const struct fpath *p)
{
	if (!p)
		return;
	write_path(b, p->up);
	if (p->name)
		buf_printf(b, "%s%s", b->len ? "." : "", p->name);
	else if (p->key.data)
		buf_printf(b, "[%.*s]", (int)p->key.len, (const char *)p->key.data);
	else
		buf_printf(b, "[%d]", p->index);
}

const char *field_path(struct arena *a, const struct fpath *p)
{
	struct buf b = {0};
	write_path(&b, p);
	const char *text = arena_dup(a, buf_text(&b));
	buf_fini(&b);
	return text;
}

/* How an error body starts, by fault. */
static const char *const heads[] = {
	[FIELD_REQUIRED] = "Required value",	      [FIELD_INVALID] = "Invalid value",
	[FIELD_DUPLICATE] = "Duplicate value",	      [FIELD_FORBIDDEN] = "Forbidden",
	[FIELD_NOT_SUPPORTED] = "Unsupported value",  [FIELD_NOT_FOUND] = "Not found",
	[FIELD_TOO_LONG] = "Too long",		      [FIELD_TOO_MANY] = "Too many",
	[FIELD_TYPE_INVALID] = "Invalid value",	      [FIELD_INTERNAL] = "Internal error",
};

/* `value` and `detail` may be empty. */
static void add(struct faults *f, enum field_fault fault, const struct fpath *p,
		struct span value, const char *detail)
{
	struct field_errors *all = &f->errors;
	if (all->count++ >= FIELD_ERRORS_MAX)
		return;
	struct field_error *e = arena_alloc(f->arena, sizeof *e);
	struct buf b = {0};
	buf_puts(&b, heads[fault]);
	if (value.len) {
		buf_puts(&b, ": ");
		buf_append(&b, value.data, value.len);
	}
	if (detail && *detail) {
		buf_puts(&b, ": ");
		buf_puts(&b, detail);
	}
	e->fault = fault;
	e->field = field_path(f->arena, p);
	e->text = arena_dup(f->arena, buf_text(&b));
	buf_fini(&b);
	if (all->last)
		all->last->next = e;
	else
		all->first = e;
	all->last = e;
}

/* Text as Go's %q: JSON's quoting without its escapes for HTML. */
static void quote(struct buf *b, struct span s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			buf_puts(b, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\x%02x", c);
		else
			buf_putc(b, (char)c);
	}
	buf_putc(b, '"');
}

static void add_quoted(struct faults *f, enum field_fault fault, const struct fpath *p,
		       struct span value, const char *detail)
{
	struct buf b = {0};
	quote(&b, value);
	add(f, fault, p, span_buf(&b), detail);
	buf_fini(&b);
}

void field_required(struct faults *f, const struct fpath *p, const char *detail)
{
	add(f, FIELD_REQUIRED, p, (struct span){0}, detail);
}

void field_forbidden(struct faults *f, const struct fpath *p, const char *detail)
{
	add(f, FIELD_FORBIDDEN, p, (struct span){0}, detail);
}

void field_too_long(struct faults *f, const struct fpath *p, size_t bytes_max)
{
	char detail[80];
	snprintf(detail, sizeof detail, "may not be more than %zu bytes", bytes_max);
	add(f, FIELD_TOO_LONG, p, (struct span){0}, detail);
}

void field_too_many(struct faults *f, const struct fpath *p, size_t count, size_t count_max)
{
	char value[24], detail[80];
	snprintf(value, sizeof value, "%zu", count);
	snprintf(detail, sizeof detail, "must have at most %zu items", count_max);
	add(f, FIELD_TOO_MANY, p, span_of(value), detail);
}

void field_invalid(struct faults *f, const struct fpath *p, struct span value, const char *detail)
{
	add_quoted(f, FIELD_INVALID, p, value, detail);
}

void field_invalid_whole(struct faults *f, const struct fpath *p, const char *detail)
{
	add(f, FIELD_INVALID, p, (struct span){0}, detail);
}

void field_invalid_int(struct faults *f, const struct fpath *p, int64_t value, const char *detail)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)value);
	add(f, FIELD_INVALID, p, span_of(text), detail);
}

static void add_doc(struct faults *f, enum field_fault fault, const struct fpath *p,
		    const struct doc *value, const char *detail)
{
	struct buf b = {0};
	if (doc_is(value, DOC_STR))
		quote(&b, value->text);
	else if (value)
		json_from_doc(&b, value);
	else
		buf_puts(&b, "null");
	add(f, fault, p, span_buf(&b), detail);
	buf_fini(&b);
}

void field_invalid_doc(struct faults *f, const struct fpath *p, const struct doc *value,
		       const char *detail)
{
	add_doc(f, FIELD_INVALID, p, value, detail);
}

void field_duplicate_doc(struct faults *f, const struct fpath *p, const struct doc *value,
			 const char *detail)
{
	add_doc(f, FIELD_DUPLICATE, p, value, detail);
}

void field_duplicate(struct faults *f, const struct fpath *p, struct span value)
{
	add_quoted(f, FIELD_DUPLICATE, p, value, NULL);
}

void field_not_found(struct faults *f, const struct fpath *p, struct span value)
{
	add_quoted(f, FIELD_NOT_FOUND, p, value, NULL);
}

void field_not_supported(struct faults *f, const struct fpath *p, struct span value,
			 const char *const *supported)
{
	struct buf b = {0};
	buf_puts(&b, "supported values: ");
	for (size_t i = 0; supported[i]; i++) {
		buf_puts(&b, i ? ", " : "");
		quote(&b, span_of(supported[i]));
	}
	add_quoted(f, FIELD_NOT_SUPPORTED, p, value, buf_text(&b));
	buf_fini(&b);
}

/* ---- checks */

bool in_list(const char *const *list, struct span value)
{
	for (; *list; list++)
		if (span_is(value, *list))
			return true;
	return false;
}

void check_name(struct faults *f, const struct fpath *p, struct span value, name_check *check)
{
	if (value.len == 0) {
		field_required(f, p, "");
		return;
	}
	const char *why = check(value);
	if (why)
		field_invalid(f, p, value, why);
}

static bool is_http_path(struct span s)
{
	static const char others[] = "/-._~%!$&'()*+,;=:";
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i], letter = c | 0x20;
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr(others, c)))
			return false;
	}
	return s.len > 0;
}

void check_domain_path(struct faults *f, const struct fpath *p, struct span value)
{
	const uint8_t *slash = value.len ? memchr(value.data, '/', value.len) : NULL;
	if (!value.len) {
		field_required(f, p, "");
		return;
	}
	if (!slash || slash == value.data || slash + 1 == value.data + value.len) {
		field_invalid(f, p, value,
			      "must be a domain-prefixed path (such as \"acme.io/foo\")");
		return;
	}
	struct span host = {value.data, (size_t)(slash - value.data)};
	struct span path = {slash + 1, value.len - host.len - 1};
	if (name_dns1123_subdomain(host))
		field_invalid(f, p, host, name_dns1123_subdomain(host));
	if (!is_http_path(path))
		field_invalid(f, p, path,
			      "Invalid path (regex used for validation is "
			      "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
}

void check_enum(struct faults *f, const struct fpath *p, const struct doc *value,
		const char *const *supported)
{
	if (doc_is(value, DOC_STR) && !in_list(supported, value->text))
		field_not_supported(f, p, value->text, supported);
}

void check_range(struct faults *f, const struct fpath *p, const struct doc *value, int64_t low,
		 int64_t high)
{
	char detail[80];
	if (!doc_is(value, DOC_INT) || (value->integer >= low && value->integer <= high))
		return;
	snprintf(detail, sizeof detail, "must be between %lld and %lld, inclusive", (long long)low,
		 (long long)high);
	field_invalid_int(f, p, value->integer, detail);
}

void check_not_negative(struct faults *f, const struct fpath *p, const struct doc *value)
{
	if (doc_is(value, DOC_INT) && value->integer < 0)
		field_invalid_int(f, p, value->integer, "must be greater than or equal to 0");
}

static const struct doc *or_null(const struct doc *d)
{
	return d && d->type != DOC_NULL ? d : NULL;
}

void check_immutable(struct faults *f, const struct fpath *p, const struct doc *value,
		     const struct doc *was)
{
	if (!doc_equal(or_null(value), or_null(was)))
		field_invalid_doc(f, p, or_null(value), "field is immutable");
}
