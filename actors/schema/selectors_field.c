/* Field selectors: "path=value,path!=value". Which paths there are is in the
 * resource's row; a few are views on several fields (`sources`). */
#include <stdio.h>

#include "actors/schema/selectors.h"

struct field_term {
	struct field_term *next;
	const char *path;
	bool boolean; /* absent is "false" */
	bool equal;
	struct span value;
};

struct field_selector {
	struct field_term *first;
};

/* An event's "source" is the component that reported it, new or old style;
 * events.k8s.io has other names for what is stored. */
static const struct {
	const char *path, *first, *second;
} sources[] = {
	{"source", "source.component", "reportingComponent"},
	{"reportingController", "reportingComponent", "source.component"},
	{"regarding.kind", "involvedObject.kind", NULL},
	{"regarding.namespace", "involvedObject.namespace", NULL},
	{"regarding.name", "involvedObject.name", NULL},
	{"regarding.uid", "involvedObject.uid", NULL},
	{"regarding.apiVersion", "involvedObject.apiVersion", NULL},
	{"regarding.resourceVersion", "involvedObject.resourceVersion", NULL},
	{"regarding.fieldPath", "involvedObject.fieldPath", NULL},
};

/* ---- values */

static struct span text_at(struct mp object, const char *path)
{
	struct mp v;
	struct span text = {0};
	bool b;
	if (!mp_path(object, path, &v))
		return text;
	if (mp_peek(&v) == MP_BOOL && mp_bool(&v, &b) == 0)
		return span_of(b ? "true" : "false");
	(void)mp_str(&v, &text);
	return text;
}

struct span selector_field_value(struct mp object, const char *path)
{
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if (strcmp(path, sources[i].path) != 0)
			continue;
		struct span v = text_at(object, sources[i].first);
		return v.len || !sources[i].second ? v : text_at(object, sources[i].second);
	}
	return text_at(object, path);
}

bool field_selector_match(const struct field_selector *s, struct mp object)
{
	for (const struct field_term *t = s->first; t; t = t->next) {
		struct span v = selector_field_value(object, t->path);
		if (v.len == 0 && t->boolean)
			v = span_of("false");
		if (span_eq(v, t->value) != t->equal)
			return false;
	}
	return true;
}

bool field_selector_empty(const struct field_selector *s)
{
	return !s->first;
}

bool field_selector_exact(const struct field_selector *s, const char *path, struct span *value)
{
	for (const struct field_term *t = s->first; t; t = t->next)
		if (t->equal && strcmp(t->path, path) == 0) {
			*value = t->value;
			return true;
		}
	return false;
}

/* ---- parsing */

static bool is_boolean(const struct schema_type *t, const char *path)
{
	while (t && t->kind == SCHEMA_STRUCT) {
		size_t n = strcspn(path, ".");
		const struct schema_field *f =
			schema_field(t, (struct span){(const uint8_t *)path, n});
		t = f ? f->type : NULL;
		path += n + (path[n] == '.');
	}
	return t && t->kind == SCHEMA_BOOL;
}

static bool has_own_fields(const struct schema_resource *r)
{
	for (size_t i = 0; r->selectable && r->selectable[i]; i++)
		if (strncmp(r->selectable[i], "metadata.", 9) != 0)
			return true;
	return false;
}

static int unknown_field(const struct schema_resource *r, struct span path, struct err *e)
{
	if (has_own_fields(r))
		return err_set(e, ERR_INVALID, "field label not supported: %.*s", (int)path.len,
			       (const char *)path.data);
	return err_set(e, ERR_INVALID,
		       "\"%.*s\" is not a known field selector: only \"metadata.name\", "
		       "\"metadata.namespace\"",
		       (int)path.len, (const char *)path.data);
}

static int find_path(const struct schema_resource *r, struct span path, const char **out,
		     struct err *e)
{
	for (size_t i = 0; r->selectable && r->selectable[i]; i++)
		if (span_is(path, r->selectable[i])) {
			*out = r->selectable[i];
			return 0;
		}
	if (!has_own_fields(r) && span_is(path, "metadata.namespace")) { /* where there is none, too */
		*out = "metadata.namespace";
		return 0;
	}
	return unknown_field(r, path, e);
}

/* Where the term's operator starts; SIZE_MAX when there is none. */
static size_t find_operator(struct span term, size_t *len, bool *equal)
{
	for (size_t i = 0; i < term.len; i++) {
		if (term.data[i] == '\\') {
			i++;
			continue;
		}
		bool second = i + 1 < term.len && term.data[i + 1] == '=';
		if (term.data[i] == '!' && second) {
			*len = 2;
			*equal = false;
			return i;
		}
		if (term.data[i] == '=') {
			*len = second ? 2 : 1;
			*equal = true;
			return i;
		}
	}
	return SIZE_MAX;
}

/* Backslash before comma, equals and itself. */
static int unescape(struct arena *a, struct span in, struct span *out, struct err *e)
{
	uint8_t *to = arena_alloc(a, in.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++) {
		bool escaped = in.data[i] == '\\';
		i += escaped;
		if (escaped && (i == in.len || !memchr("\\,=", in.data[i], 3)))
			return err_set(e, ERR_INVALID,
				       "invalid field selector: invalid escape sequence");
		if (!escaped && (in.data[i] == ',' || in.data[i] == '='))
			return err_set(
				e, ERR_INVALID,
				"invalid field selector: unhandled unescaped character: '%c'",
				in.data[i]);
		to[n++] = in.data[i];
	}
	*out = (struct span){to, n};
	return 0;
}

static struct span next_term(struct span *rest)
{
	size_t n = 0;
	while (n < rest->len && rest->data[n] != ',')
		n += rest->data[n] == '\\' && n + 1 < rest->len ? 2 : 1;
	struct span term = {rest->data, n};
	size_t used = n < rest->len ? n + 1 : n;
	rest->data += used;
	rest->len -= used;
	return term;
}

static int parse_term(struct arena *a, const struct schema_resource *r, struct span text,
		      struct span term, struct field_term *t, struct err *e)
{
	size_t len = 0, at = find_operator(term, &len, &t->equal);
	if (at == SIZE_MAX)
		return err_set(e, ERR_INVALID, "invalid selector: '%.*s'; can't understand '%.*s'",
			       (int)(text.len < 200 ? text.len : 200), (const char *)text.data,
			       (int)(term.len < 200 ? term.len : 200), (const char *)term.data);
	int rc = find_path(r, (struct span){term.data, at}, &t->path, e);
	if (rc)
		return rc;
	t->boolean = is_boolean(r->type, t->path);
	return unescape(a, (struct span){term.data + at + len, term.len - at - len}, &t->value, e);
}

int field_selector_parse(struct arena *a, const struct schema_resource *r, struct span text,
			 const struct field_selector **out, struct err *e)
{
	struct field_selector *s = arena_alloc(a, sizeof *s);
	struct field_term **end = &s->first;
	struct span rest = text;
	*out = s;
	if (text.len > SELECTOR_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "a selector of more than %d bytes",
			       SELECTOR_BYTES_MAX);
	while (rest.len) {
		struct span term = next_term(&rest);
		if (term.len == 0)
			continue;
		*end = arena_alloc(a, sizeof **end);
		int rc = parse_term(a, r, text, term, *end, e);
		if (rc)
			return rc;
		end = &(*end)->next;
	}
	return 0;
}
