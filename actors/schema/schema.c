/* The registry: rows in an array of pointers, so that they never move. There
 * are a few dozen to a few hundred, and a request looks up one: a walk that
 * compares lengths first is faster than hashing at this size. */
#include "actors/schema/schema.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/schema/schema_tables.h"

struct row {
	struct schema_resource r;
	bool removed;
};

struct schema {
	struct row **rows;
	size_t count, cap;
	struct arena texts; /* of added rows */
};

/* ---- types */

const struct schema_field *schema_field(const struct schema_type *t, struct span name)
{
	size_t low = 0, high = t->field_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct schema_field *f = &t->fields[t->sorted[mid]];
		int c = (name.len > f->json_len) - (name.len < f->json_len);
		if (c == 0)
			c = memcmp(name.data, f->json, name.len);
		if (c == 0)
			return f;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

enum { NEAR = 6 }; /* fields; then a search costs less */

const struct schema_field *schema_next_field(const struct schema_type *t, struct span name,
					     size_t *next)
{
	size_t end = *next + NEAR < t->field_count ? *next + NEAR : t->field_count;
	const struct schema_field *f = NULL;
	for (size_t i = *next; i < end && !f; i++)
		if (t->fields[i].json_len == name.len &&
		    bytes_same(t->fields[i].json, name.data, name.len))
			f = &t->fields[i];
	if (!f)
		f = schema_field(t, name);
	if (f)
		*next = (size_t)(f - t->fields) + 1;
	return f;
}

const struct schema_marks *schema_marks(const struct schema_field *f)
{
	return &schema_mark_table[f->marks];
}

const struct schema_type *schema_type(const char *name)
{
	size_t low = 0, high = schema_type_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(name, schema_types[mid]->name);
		if (c == 0)
			return schema_types[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* ---- rows */

static struct row *append_row(struct schema *s)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 32;
		s->rows = mem_realloc(s->rows, s->cap * sizeof *s->rows);
	}
	struct row *row = mem_alloc(sizeof *row);
	s->rows[s->count++] = row;
	return row;
}

static void set_stored(struct schema *s, struct schema_resource *r)
{
	r->stored = r->stream ? schema_find_stream(s, span_of(r->stream)) : NULL;
}

struct schema *schema_new(void)
{
	struct schema *s = mem_alloc(sizeof *s);
	for (size_t i = 0; i < schema_builtin_count; i++) {
		struct row *row = append_row(s);
		row->r = schema_builtin[i];
		set_stored(s, &row->r);
	}
	return s;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->rows[i]);
	free(s->rows);
	arena_fini(&s->texts);
	free(s);
}

static const char *keep(struct schema *s, const char *text)
{
	return text ? arena_dup(&s->texts, text) : NULL;
}

static const char *const *keep_list(struct schema *s, const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	const char **copy = arena_alloc(&s->texts, (n + 1) * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = keep(s, list[i]);
	return copy;
}

static void keep_subresources(struct schema *s, struct schema_resource *r)
{
	struct schema_subresource *copy =
		arena_alloc(&s->texts, (r->subresource_count + 1) * sizeof *copy);
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct schema_subresource *from = &r->subresources[i];
		copy[i] = (struct schema_subresource){
			.name = keep(s, from->name),
			.group = keep(s, from->group),
			.version = keep(s, from->version),
			.kind = keep(s, from->kind),
			.verbs = keep_list(s, from->verbs),
		};
	}
	r->subresources = copy;
}

static void keep_columns(struct schema *s, struct schema_resource *r)
{
	struct schema_column *copy = arena_alloc(&s->texts, (r->column_count + 1) * sizeof *copy);
	for (size_t i = 0; i < r->column_count; i++) {
		const struct schema_column *from = &r->columns[i];
		copy[i] = (struct schema_column){
			.name = keep(s, from->name),
			.type = keep(s, from->type),
			.format = keep(s, from->format),
			.description = keep(s, from->description),
			.priority = from->priority,
		};
	}
	r->columns = copy;
}

static void keep_row(struct schema *s, struct schema_resource *r)
{
	const char **const texts[] = {&r->group, &r->version,	&r->resource, &r->singular,
				      &r->kind,	 &r->list_kind, &r->stream,   &r->part};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = keep(s, *texts[i]);
	const char *const **const lists[] = {&r->verbs, &r->short_names, &r->categories,
					     &r->selectable};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		*lists[i] = keep_list(s, *lists[i]);
	keep_subresources(s, r);
	keep_columns(s, r);
}

static bool same(const struct schema_resource *a, const struct schema_resource *b)
{
	return strcmp(a->group, b->group) == 0 && strcmp(a->version, b->version) == 0 &&
	       strcmp(a->resource, b->resource) == 0;
}

int schema_add(struct schema *s, const struct schema_resource *row,
	       const struct schema_resource **out, struct err *e)
{
	struct row *at = NULL;
	if (!row->group || !row->version || !row->resource || !row->singular || !row->kind ||
	    !row->list_kind)
		return err_set(e, ERR_INVALID, "a resource without a name");
	for (size_t i = 0; i < s->count; i++) {
		struct row *r = s->rows[i];
		if (same(&r->r, row))
			at = r;
		else if (!r->removed && strcmp(r->r.group, row->group) == 0 &&
			 strcmp(r->r.kind, row->kind) == 0 &&
			 strcmp(r->r.resource, row->resource) != 0)
			return err_set(e, ERR_EXISTS, "%s of group \"%s\" is the kind of %s",
				       row->kind, row->group, r->r.resource);
	}
	if (!at)
		at = append_row(s);
	at->r = *row;
	at->removed = false;
	keep_row(s, &at->r);
	set_stored(s, &at->r);
	if (out)
		*out = &at->r;
	return 0;
}

bool schema_remove(struct schema *s, const char *group, const char *version, const char *resource)
{
	struct schema_resource *r = (struct schema_resource *)schema_find(
		s, span_of(group), span_of(version), span_of(resource));
	if (r)
		((struct row *)((char *)r - offsetof(struct row, r)))->removed = true;
	return r != NULL;
}

void schema_set_strategy(struct schema *s, const struct schema_resource *row, const void *strategy)
{
	for (size_t i = 0; i < s->count; i++)
		if (&s->rows[i]->r == row)
			s->rows[i]->r.strategy = strategy;
}

/* ---- lookups. Removed rows stay in the array; rows are counted without. */

/* The next row from *at on, NULL at the end. */
static const struct schema_resource *next_row(const struct schema *s, size_t *at)
{
	while (*at < s->count) {
		const struct row *row = s->rows[(*at)++];
		if (!row->removed)
			return &row->r;
	}
	return NULL;
}

size_t schema_count(const struct schema *s)
{
	size_t n = 0, at = 0;
	while (next_row(s, &at))
		n++;
	return n;
}

const struct schema_resource *schema_row(const struct schema *s, size_t i)
{
	size_t at = 0;
	const struct schema_resource *r = next_row(s, &at);
	while (r && i-- > 0)
		r = next_row(s, &at);
	return r;
}

const struct schema_resource *schema_find(const struct schema *s, struct span group,
					  struct span version, struct span resource)
{
	const struct schema_resource *r;
	for (size_t at = 0; (r = next_row(s, &at));)
		if (span_is(resource, r->resource) && span_is(group, r->group) &&
		    span_is(version, r->version))
			return r;
	return NULL;
}

const struct schema_resource *schema_find_kind(const struct schema *s, struct span group,
					       struct span version, struct span kind)
{
	const struct schema_resource *r;
	for (size_t at = 0; (r = next_row(s, &at));)
		if (span_is(kind, r->kind) && span_is(group, r->group) &&
		    (version.len == 0 || span_is(version, r->version)))
			return r;
	return NULL;
}

static bool listed(const char *const *list, struct span name)
{
	for (; list && *list; list++)
		if (span_is(name, *list))
			return true;
	return false;
}

const struct schema_resource *schema_find_name(const struct schema *s, struct span name)
{
	const struct schema_resource *r;
	for (size_t at = 0; (r = next_row(s, &at));)
		if (span_is(name, r->resource) || span_is(name, r->singular))
			return r;
	for (size_t at = 0; (r = next_row(s, &at));)
		if (listed(r->short_names, name))
			return r;
	return NULL;
}

const struct schema_resource *schema_find_stream(const struct schema *s, struct span stream)
{
	const struct schema_resource *r;
	for (size_t at = 0; (r = next_row(s, &at));)
		if (r->stream && span_is(stream, r->stream))
			return r;
	return NULL;
}

const struct schema_subresource *schema_subresource(const struct schema_resource *r,
						    struct span name)
{
	for (size_t i = 0; i < r->subresource_count; i++)
		if (span_is(name, r->subresources[i].name))
			return &r->subresources[i];
	return NULL;
}

const char *schema_api_version(const struct schema_resource *r, struct arena *a)
{
	return *r->group ? arena_printf(a, "%s/%s", r->group, r->version) : r->version;
}

bool schema_has_verb(const char *const *verbs, const char *verb)
{
	return listed(verbs, span_of(verb));
}

/* ---- keys */

void schema_key(struct buf *out, const struct schema_resource *r, struct span namespace,
		struct span name)
{
	buf_puts(out, r->stream);
	buf_putc(out, '/');
	if (r->namespaced && namespace.len) {
		buf_append(out, namespace.data, namespace.len);
		buf_putc(out, '/');
	}
	buf_append(out, name.data, name.len);
}

/* Cuts off what stands before the first slash; false when there is none. */
static bool cut(struct span *rest, struct span *part)
{
	const uint8_t *slash = rest->len ? memchr(rest->data, '/', rest->len) : NULL;
	if (!slash)
		return false;
	*part = (struct span){rest->data, (size_t)(slash - rest->data)};
	*rest = (struct span){slash + 1, rest->len - part->len - 1};
	return true;
}

bool schema_key_split(struct span key, struct span *stream, struct span *namespace,
		      struct span *name)
{
	*namespace = (struct span){0};
	if (!cut(&key, stream) || stream->len == 0)
		return false;
	bool namespaced = cut(&key, namespace);
	*name = key;
	return key.len > 0 && !memchr(key.data, '/', key.len) &&
	       (!namespaced || namespace->len > 0);
}
