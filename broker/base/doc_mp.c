/* The tree from and to msgpack. The reader trusts nothing: bytes that did not
 * pass mp_check end in ERR_INVALID, never in a crash. */
#include "broker/base/doc.h"

static int read_value(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e);

/* What doc_add and doc_put do, where nothing can be in the way. */
static inline void append(struct doc *c, struct doc *child)
{
	child->prev = c->last;
	*(c->last ? &c->last->next : &c->first) = child;
	c->last = child;
	c->count++;
}

static int read_array(struct arena *a, struct mp *m, int depth, struct doc *out, struct err *e)
{
	size_t n;
	int rc = mp_array(m, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct doc *child;
		rc = read_value(a, m, depth + 1, &child, e);
		if (rc == 0)
			append(out, child);
	}
	return rc;
}

/* `seen`: of the keys before, none of which is looked for in vain. */
static inline void put(struct arena *a, struct doc *map, size_t of, uint64_t *seen, struct span key, struct doc *child)
{
	uint64_t mark = span_mark(key);
	if (*seen & mark) {
		doc_set_span(a, map, key, child);
	} else if (of < DOC_INDEX_FROM) {
		child->key = key;
		append(map, child);
	} else {
		doc_put(a, map, key, child);
	}
	*seen |= mark;
}

static int read_map(struct arena *a, struct mp *m, int depth, struct doc *out, struct err *e)
{
	size_t n;
	uint64_t seen = 0;
	int rc = mp_map(m, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct span key;
		struct doc *child;
		rc = mp_str(m, &key);
		if (rc)
			return err_set(e, rc, "msgpack: a map key that is not text");
		rc = read_value(a, m, depth + 1, &child, e);
		if (rc)
			return rc;
		put(a, out, n, &seen, key, child);
	}
	return rc;
}

static int read_value(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e)
{
	static const uint8_t types[] = {
		[MP_NONE] = DOC_NULL, [MP_NIL] = DOC_NULL,     [MP_BOOL] = DOC_BOOL,
		[MP_INT] = DOC_INT,   [MP_FLOAT] = DOC_DOUBLE, [MP_STR] = DOC_STR,
		[MP_BIN] = DOC_NULL,  [MP_ARRAY] = DOC_ARRAY,  [MP_MAP] = DOC_MAP,
		[MP_EXT] = DOC_PACKED,
	};
	enum mp_type type = mp_peek(m);
	int rc = ERR_INVALID;
	if (depth > MP_DEPTH_MAX)
		return err_set(e, ERR_INVALID, "msgpack: nested too deeply");
	struct doc *d = arena_alloc(a, sizeof *d);
	d->type = types[type];
	*out = d;
	switch (type) {
	case MP_STR:
		rc = mp_str(m, &d->text);
		break;
	case MP_MAP:
		return read_map(a, m, depth, d, e);
	case MP_ARRAY:
		return read_array(a, m, depth, d, e);
	case MP_INT:
		rc = mp_i64(m, &d->integer);
		break;
	case MP_BOOL:
		rc = mp_bool(m, &d->boolean);
		break;
	case MP_FLOAT:
		rc = mp_f64(m, &d->real);
		break;
	case MP_EXT:
		rc = mp_packed(m, &d->text);
		break;
	case MP_NIL:
		rc = mp_nil(m);
		break;
	case MP_NONE:
	case MP_BIN:
		break;
	}
	return rc ? err_set(e, rc, "msgpack: %s does not fit here", mp_type_name(type)) : 0;
}

int doc_from_mp(struct arena *a, struct mp value, struct doc **out, struct err *e)
{
	return read_value(a, &value, 0, out, e);
}

static int read_packed(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e)
{
	size_t n;
	uint64_t seen = 0;
	if (mp_peek(m) != MP_MAP)
		return read_value(a, m, depth, out, e);
	if (depth > MP_DEPTH_MAX)
		return err_set(e, ERR_INVALID, "msgpack: nested too deeply");
	*out = doc_new(a, DOC_MAP);
	int rc = mp_map(m, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct span key;
		struct doc *child;
		rc = mp_packed_key(m, &key);
		if (rc)
			return err_set(e, rc, "msgpack: a packed key that is neither text nor a word");
		rc = read_packed(a, m, depth + 1, &child, e);
		if (rc)
			return rc;
		put(a, *out, n, &seen, key, child);
	}
	return rc;
}

int doc_from_packed(struct arena *a, struct span packed, struct doc **out, struct err *e)
{
	struct mp m = mp_of(packed);
	return read_packed(a, &m, 0, out, e);
}

void doc_to_packed(struct buf *out, const struct doc *d)
{
	if (!doc_is(d, DOC_MAP)) {
		doc_to_mp(out, d);
		return;
	}
	mpw_map(out, d->count);
	DOC_EACH(child, d) {
		mpw_packed_key(out, child->key);
		doc_to_packed(out, child);
	}
}

void doc_to_mp(struct buf *out, const struct doc *d)
{
	switch ((enum doc_type)d->type) {
	case DOC_NULL:
		mpw_nil(out);
		break;
	case DOC_BOOL:
		mpw_bool(out, d->boolean);
		break;
	case DOC_INT:
		mpw_i64(out, d->integer);
		break;
	case DOC_DOUBLE:
		mpw_f64(out, d->real);
		break;
	case DOC_STR:
		mpw_span(out, d->text);
		break;
	case DOC_PACKED:
		mpw_packed(out, d->text);
		break;
	case DOC_RAW:
		mpw_raw(out, d->text);
		break;
	case DOC_ARRAY:
		mpw_array(out, d->count);
		DOC_EACH(child, d)
			doc_to_mp(out, child);
		break;
	case DOC_MAP:
		mpw_map(out, d->count);
		DOC_EACH(child, d) {
			mpw_span(out, child->key);
			doc_to_mp(out, child);
		}
		break;
	}
}
