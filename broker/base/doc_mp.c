/* The tree from and to msgpack. The reader trusts nothing: bytes that did not
 * pass mp_check end in ERR_INVALID, never in a crash. */
#include "broker/base/doc.h"

static int read_value(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e);

static int read_array(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e)
{
	size_t n;
	int rc = mp_array(m, &n);
	*out = doc_new(a, DOC_ARRAY);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct doc *child;
		rc = read_value(a, m, depth + 1, &child, e);
		if (rc == 0)
			doc_add(*out, child);
	}
	return rc;
}

static int read_map(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e)
{
	size_t n;
	uint64_t seen = 0; /* of the keys before: none of them is looked for in vain */
	int rc = mp_map(m, &n);
	*out = doc_new(a, DOC_MAP);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct span key;
		struct doc *child;
		rc = mp_str(m, &key);
		if (rc)
			return err_set(e, rc, "msgpack: a map key that is not text");
		rc = read_value(a, m, depth + 1, &child, e);
		if (rc == 0 && seen & span_mark(key))
			doc_set_span(a, *out, key, child);
		else if (rc == 0)
			doc_put(a, *out, key, child);
		seen |= span_mark(key);
	}
	return rc;
}

static int read_value(struct arena *a, struct mp *m, int depth, struct doc **out, struct err *e)
{
	enum mp_type type = mp_peek(m);
	int rc = ERR_INVALID;
	if (depth > MP_DEPTH_MAX)
		return err_set(e, ERR_INVALID, "msgpack: nested too deeply");
	if (type == MP_ARRAY)
		return read_array(a, m, depth, out, e);
	if (type == MP_MAP)
		return read_map(a, m, depth, out, e);
	*out = doc_new(a, DOC_NULL);
	if (type == MP_STR) {
		(*out)->type = DOC_STR;
		rc = mp_str(m, &(*out)->text);
	} else if (type == MP_INT) {
		(*out)->type = DOC_INT;
		rc = mp_i64(m, &(*out)->integer);
	} else if (type == MP_BOOL) {
		(*out)->type = DOC_BOOL;
		rc = mp_bool(m, &(*out)->boolean);
	} else if (type == MP_FLOAT) {
		(*out)->type = DOC_DOUBLE;
		rc = mp_f64(m, &(*out)->real);
	} else if (type == MP_EXT) {
		(*out)->type = DOC_PACKED;
		rc = mp_packed(m, &(*out)->text);
	} else if (type == MP_NIL) {
		rc = mp_nil(m);
	}
	return rc ? err_set(e, rc, "msgpack: %s does not fit here", mp_type_name(type)) : 0;
}

int doc_from_mp(struct arena *a, struct mp value, struct doc **out, struct err *e)
{
	return read_value(a, &value, 0, out, e);
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
