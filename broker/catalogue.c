#include "broker/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"
#include "broker/messages.h"

const struct msg_row *catalogue_by_number(const struct catalogue *c, uint16_t number)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (r->number == number)
				return r;
	return NULL;
}

const struct msg_row *catalogue_by_name(const struct catalogue *c, const char *name)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (strcmp(r->name, name) == 0)
				return r;
	return NULL;
}

/* ---- the index: rows by number, and an open hash of their names */

struct catalogue_index {
	const struct msg_row **by_number, **by_name;
	size_t numbers, mask;
};

static uint32_t hash_of(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h ^ h >> 15;
}

/* Where the name is, or the place that is free for it. */
static size_t place_of(const struct catalogue_index *x, const char *name)
{
	size_t at = hash_of(name) & x->mask;
	while (x->by_name[at] && strcmp(x->by_name[at]->name, name) != 0)
		at = (at + 1) & x->mask;
	return at;
}

struct catalogue_index *catalogue_index_new(const struct catalogue *c)
{
	struct catalogue_index *x = mem_alloc(sizeof *x);
	size_t rows = 0;
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++, rows++)
			if (r->number >= x->numbers)
				x->numbers = r->number + 1u;
	x->mask = 15;
	while (x->mask < 2 * rows)
		x->mask = 2 * x->mask + 1;
	x->by_number = mem_alloc(x->numbers * sizeof *x->by_number);
	x->by_name = mem_alloc((x->mask + 1) * sizeof *x->by_name);
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++) {
			x->by_number[r->number] = r;
			x->by_name[place_of(x, r->name)] = r;
		}
	return x;
}

void catalogue_index_free(struct catalogue_index *x)
{
	if (!x)
		return;
	free(x->by_number);
	free(x->by_name);
	free(x);
}

const struct msg_row *catalogue_numbered(const struct catalogue_index *x, uint16_t number)
{
	return number < x->numbers ? x->by_number[number] : NULL;
}

const struct msg_row *catalogue_named(const struct catalogue_index *x, const char *name)
{
	return x->by_name[place_of(x, name)];
}

static int check_field(const struct msg_row *row, const struct msg_field *f, struct mp v,
		       struct err *e)
{
	enum mp_type t = mp_peek(&v);
	if (f->type != MP_NONE && t != f->type)
		return err_set(e, ERR_INVALID, "%s: field %s is %s, not %s", row->name, f->name,
			       mp_type_name(t), mp_type_name(f->type));
	struct span s = {0};
	size_t n = 0;
	switch (f->limit ? t : MP_NONE) {
	case MP_STR:
		mp_str(&v, &s);
		n = s.len;
		break;
	case MP_BIN:
		mp_bin(&v, &s);
		n = s.len;
		break;
	case MP_ARRAY:
		mp_array(&v, &n);
		break;
	case MP_MAP:
		mp_map(&v, &n);
		break;
	default:
		break;
	}
	if (n > f->limit)
		return err_set(e, ERR_INVALID, "%s: field %s has %zu, at most %u are taken",
			       row->name, f->name, n, f->limit);
	return 0;
}

/* All that is there is as the row says, and all is there that must be: one walk,
 * which says no more than that. */
static bool is_sound(const struct msg_row *row, struct mp body)
{
	enum { FIELDS_MAX = 64 };
	size_t n, fields = 0, next = 0;
	uint64_t seen = 0;
	if (mp_map(&body, &n))
		return false;
	while (row->fields && row->fields[fields].name)
		fields++;
	if (fields > FIELDS_MAX)
		return false;
	for (; n > 0; n--) {
		struct span key;
		size_t i = 0;
		if (mp_str(&body, &key))
			return false;
		while (i < fields && !span_is(key, row->fields[(next + i) % fields].name))
			i++;
		if (i < fields) { /* mostly in the order of the row */
			i = (next + i) % fields;
			next = i + 1;
			seen |= UINT64_C(1) << i;
			if (check_field(row, &row->fields[i], body, NULL))
				return false;
		}
		if (mp_skip(&body))
			return false;
	}
	for (size_t i = 0; i < fields; i++)
		if (row->fields[i].flags & IS_REQUIRED && !(seen >> i & 1))
			return false;
	return true;
}

int catalogue_check(const struct msg_row *row, struct mp body, struct err *e)
{
	if (is_sound(row, body))
		return 0;
	if (mp_peek(&body) != MP_MAP)
		return err_set(e, ERR_INVALID, "%s: the body is not a map", row->name);
	for (const struct msg_field *f = row->fields; f && f->name; f++) {
		struct mp v;
		if (mp_find(body, f->name, &v)) {
			int rc = check_field(row, f, v, e);
			if (rc)
				return rc;
		} else if (f->flags & IS_REQUIRED) {
			return err_set(e, ERR_INVALID, "%s: field %s is missing", row->name,
				       f->name);
		}
	}
	return 0;
}

/* ---- what a tap may show */

static const struct msg_field *field_named(const struct msg_row *row, struct span name)
{
	for (const struct msg_field *f = row->fields; f && f->name; f++)
		if (span_is(name, f->name))
			return f;
	return NULL;
}

/* An element of a list: an array without one place, or a map without "value"
 * and "old".
 * Anything else is not what the row says, and not shown. */
static void redact_element(struct buf *out, unsigned flags, struct span raw)
{
	struct mp m = mp_of(raw);
	struct span part;
	size_t n;
	if (!(flags & SECRET_VALUE) && mp_array(&m, &n) == 0) {
		mpw_array(out, n);
		for (size_t i = 0; i < n && mp_raw(&m, &part) == 0; i++)
			mpw_raw(out, i == flags >> 8 ? (struct span){0} : part);
		return;
	}
	if (!(flags & SECRET_VALUE) || mp_map(&m, &n)) {
		mpw_nil(out);
		return;
	}
	mpw_map(out, n);
	for (size_t i = 0; i < n && mp_str(&m, &part) == 0; i++) {
		struct span value;
		mpw_span(out, part);
		if (mp_raw(&m, &value) || span_is(part, "value") || span_is(part, "old"))
			value = (struct span){0};
		mpw_raw(out, value);
	}
}

static void redact_field(struct buf *out, unsigned flags, struct span raw)
{
	struct mp m = mp_of(raw);
	struct span element;
	size_t n;
	if (!(flags & ~(unsigned)IS_REQUIRED)) {
		mpw_raw(out, raw);
		return;
	}
	if (flags & IS_SECRET || mp_array(&m, &n)) {
		mpw_nil(out);
		return;
	}
	mpw_array(out, n);
	for (size_t i = 0; i < n && mp_raw(&m, &element) == 0; i++)
		redact_element(out, flags, element);
}

void catalogue_redact(struct buf *out, const struct msg_row *row, struct mp body)
{
	size_t n, was = out->len;
	bool good = catalogue_check(row, body, NULL) == 0 && mp_map(&body, &n) == 0;
	if (good)
		mpw_map(out, n);
	for (size_t i = 0; good && i < n; i++) {
		struct span key, raw;
		good = mp_str(&body, &key) == 0 && mp_raw(&body, &raw) == 0;
		/* A key that the row does not know may hold anything. */
		const struct msg_field *f = good ? field_named(row, key) : NULL;
		if (good) {
			mpw_span(out, key);
			redact_field(out, f ? f->flags : IS_SECRET, raw);
		}
	}
	if (good)
		return;
	out->len = was;
	mpw_nil(out);
}

int catalogue_verify(const struct catalogue *c, struct err *e)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (catalogue_by_number(c, r->number) != r ||
			    catalogue_by_name(c, r->name) != r)
				return err_set(e, ERR_EXISTS, "%s: message %s (%u) is there twice",
					       (*t)->folder, r->name, r->number);
	return 0;
}
