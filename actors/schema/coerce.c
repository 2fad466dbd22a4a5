/* Coercion: what Go's decoder would have kept of a body, in the form in which
 * its encoder would write it. One walk over tree and type together; the
 * children of a struct are dropped into a slot per field and taken out again
 * in the order of the type.
 *
 * A `frame` per level, on the C stack, is the path: no text is made unless
 * there is something to complain about. */
#include <assert.h>
#include <stdio.h>

#include "actors/schema/coerce_scalar.h"
#include "actors/schema/json.h"
#include "actors/schema/schema.h"

enum { FIELDS_MAX = 96 };

struct frame {
	const struct frame *up;
	struct span key; /* of a map or struct, or */
	int index;	 /* of a list; -1: key */
	bool is_field;	 /* a field of a struct: it appears in Go's messages */
};

struct walk {
	struct arena *arena;
	struct notes *unknown;
	struct err *e;
};

/* ---- messages */

/* "spec.containers[0].image" */
static void full_path(struct buf *b, const struct frame *f)
{
	if (!f)
		return;
	full_path(b, f->up);
	if (f->index >= 0)
		buf_printf(b, "[%d]", f->index);
	else
		buf_printf(b, "%s%.*s", b->len ? "." : "", (int)f->key.len,
			   (const char *)f->key.data);
}

/* "spec.containers.image": as Go counts, without places and map keys. */
static void field_path(struct buf *b, const struct frame *f)
{
	if (!f)
		return;
	field_path(b, f->up);
	if (f->is_field)
		buf_printf(b, "%s%.*s", b->len ? "." : "", (int)f->key.len,
			   (const char *)f->key.data);
}

static void note_unknown(struct walk *w, const struct frame *up, struct span key)
{
	struct buf b = {0};
	if (!w->unknown)
		return;
	full_path(&b, up);
	notes_add(w->unknown, w->arena, "unknown field \"%s%s%.*s\"", buf_text(&b),
		  b.len ? "." : "", (int)key.len, (const char *)key.data);
	buf_fini(&b);
}

/* Go names the innermost struct by its bare name. */
static const char *bare(const char *go)
{
	const char *dot = strrchr(go, '.');
	return dot ? dot + 1 : go;
}

static int wrong_type(struct walk *w, const struct frame *f, const struct schema_type *owner,
		      const struct schema_type *type, const struct doc *d)
{
	struct buf what = {0}, path = {0};
	buf_puts(&what, doc_type_name(d->type));
	bool to_number = type->kind == SCHEMA_INT32 || type->kind == SCHEMA_INT64;
	if (to_number && (d->type == DOC_INT || d->type == DOC_DOUBLE)) {
		buf_putc(&what, ' ');
		json_from_doc(&what, d);
	}
	field_path(&path, f);
	int rc =
		path.len && owner
			? err_set(w->e, ERR_INVALID,
				  "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
				  buf_text(&what), bare(owner->go), buf_text(&path), type->go)
			: err_set(w->e, ERR_INVALID,
				  "json: cannot unmarshal %s into Go value of type %s",
				  buf_text(&what), type->go);
	buf_fini(&what);
	buf_fini(&path);
	return rc;
}

/* ---- zero values */

static int coerce(struct walk *w, const struct schema_type *t, const struct schema_type *owner,
		  struct doc *d, const struct frame *at);

/* What Go writes for a value that was never set. */
static struct doc *zero(struct walk *w, const struct schema_type *t)
{
	switch (t->kind) {
	case SCHEMA_STRING:
	case SCHEMA_DURATION:
		return doc_str(w->arena, t->kind == SCHEMA_DURATION ? "0s" : "");
	case SCHEMA_BOOL:
		return doc_bool(w->arena, false);
	case SCHEMA_INT32:
	case SCHEMA_INT64:
	case SCHEMA_DOUBLE:
	case SCHEMA_INTSTR:
		return doc_int(w->arena, 0);
	case SCHEMA_QUANTITY:
		return doc_str(w->arena, "0");
	case SCHEMA_STRUCT: {
		struct doc *d = doc_new(w->arena, DOC_MAP);
		(void)coerce(w, t, NULL, d, NULL); /* an empty map cannot be wrong */
		return d;
	}
	case SCHEMA_BYTES:
	case SCHEMA_TIME:
	case SCHEMA_MICROTIME:
	case SCHEMA_ANY:
	case SCHEMA_LIST:
	case SCHEMA_MAP:
		break;
	}
	return doc_new(w->arena, DOC_NULL);
}

/* Kinds that are structs in Go, whose zero value omitempty does not see. */
static bool go_struct(enum schema_kind k)
{
	return k == SCHEMA_STRUCT || k == SCHEMA_TIME || k == SCHEMA_MICROTIME ||
	       k == SCHEMA_QUANTITY || k == SCHEMA_INTSTR || k == SCHEMA_DURATION;
}

static bool left_out_when_zero(const struct schema_field *f)
{
	if (f->omitzero)
		return true;
	return f->omitempty && (f->pointer || !go_struct(f->type->kind));
}

static bool is_empty(const struct doc *d)
{
	switch ((enum doc_type)d->type) {
	case DOC_NULL:
		return true;
	case DOC_BOOL:
		return !d->boolean;
	case DOC_INT:
		return d->integer == 0;
	case DOC_DOUBLE:
		return !(d->real < 0 || d->real > 0);
	case DOC_STR:
	case DOC_PACKED:
		return d->text.len == 0;
	case DOC_RAW:
		return false;
	case DOC_ARRAY:
	case DOC_MAP:
		return d->count == 0;
	}
	return false;
}

/* ---- structs, lists, maps */

/* What stands for a field that the object does not have; NULL: nothing does. */
static struct doc *absent(struct walk *w, const struct schema_field *f)
{
	if (left_out_when_zero(f))
		return NULL;
	struct doc *d = f->pointer ? doc_new(w->arena, DOC_NULL) : zero(w, f->type);
	d->key = (struct span){(const uint8_t *)f->json, f->json_len};
	return d;
}

static struct doc *settle(const struct schema_field *f, struct doc *d)
{
	bool zero_counts = f->pointer || go_struct(f->type->kind);
	bool container = f->type->kind == SCHEMA_LIST || f->type->kind == SCHEMA_MAP;
	if (f->omitempty && !zero_counts && is_empty(d))
		return NULL;
	/* What is stored as protobuf does not tell an empty list from none. */
	if (container && !f->omitempty && !f->pointer && is_empty(d))
		doc_refill(d, NULL, 0), d->type = DOC_NULL;
	return d;
}

static int coerce_struct(struct walk *w, const struct schema_type *t, struct doc *d,
			 const struct frame *at)
{
	struct doc *slots[FIELDS_MAX];
	size_t near = 0;
	assert(t->field_count <= FIELDS_MAX);
	memset(slots, 0, t->field_count * sizeof *slots);
	for (struct doc *child = d->first, *next; child; child = next) {
		next = child->next;
		const struct schema_field *f = schema_next_field(t, child->key, &near);
		struct frame here = {at, child->key, -1, true};
		if (!f)
			note_unknown(w, at, child->key);
		if (!f || child->type == DOC_NULL)
			continue;
		int rc = coerce(w, f->type, t, child, &here);
		if (rc)
			return rc;
		slots[f - t->fields] = child;
	}
	size_t n = 0;
	for (size_t i = 0; i < t->field_count; i++) {
		const struct schema_field *f = &t->fields[i];
		struct doc *kept = slots[i]	  ? settle(f, slots[i])
				   : f->omitempty && f->pointer ? NULL
								: absent(w, f);
		if (kept)
			slots[n++] = kept;
	}
	doc_refill(d, slots, n);
	return 0;
}

/* A null in a list or as a map's value is the zero value in Go. */
static struct doc *not_null(struct walk *w, const struct schema_type *t, struct doc *in,
			    struct doc *d)
{
	if (d->type != DOC_NULL || t->kind == SCHEMA_ANY)
		return d;
	struct doc *z = zero(w, t);
	doc_replace(in, d, z);
	return z;
}

static int coerce_list(struct walk *w, const struct schema_type *t,
		       const struct schema_type *owner, struct doc *d, const struct frame *at)
{
	struct frame here = {at, {0}, 0, false};
	for (struct doc *child = d->first; child; child = child->next, here.index++) {
		child = not_null(w, t->elem, d, child);
		int rc = child->type == DOC_NULL ? 0 : coerce(w, t->elem, owner, child, &here);
		if (rc)
			return rc;
	}
	return 0;
}

static int coerce_map(struct walk *w, const struct schema_type *t, const struct schema_type *owner,
		      struct doc *d, const struct frame *at)
{
	for (struct doc *child = d->first; child; child = child->next) {
		child = not_null(w, t->elem, d, child);
		struct frame here = {at, child->key, -1, false};
		int rc = child->type == DOC_NULL ? 0 : coerce(w, t->elem, owner, child, &here);
		if (rc)
			return rc;
		/* A map of quantities is a resource list: thousandths at most. */
		if (t->elem->kind == SCHEMA_QUANTITY)
			coerce_resource_quantity(w->arena, child);
	}
	doc_sort_keys(w->arena, d);
	return 0;
}

static bool fits(enum schema_kind kind, const struct doc *d)
{
	switch (kind) {
	case SCHEMA_STRING:
	case SCHEMA_DURATION:
	case SCHEMA_BYTES:
	case SCHEMA_TIME:
	case SCHEMA_MICROTIME:
		return d->type == DOC_STR;
	case SCHEMA_BOOL:
		return d->type == DOC_BOOL;
	case SCHEMA_INT32:
		return d->type == DOC_INT && d->integer >= INT32_MIN && d->integer <= INT32_MAX;
	case SCHEMA_INT64:
		return d->type == DOC_INT;
	case SCHEMA_DOUBLE:
		return d->type == DOC_INT || d->type == DOC_DOUBLE;
	case SCHEMA_INTSTR:
		return d->type == DOC_STR || fits(SCHEMA_INT32, d);
	case SCHEMA_STRUCT:
	case SCHEMA_MAP:
		return d->type == DOC_MAP;
	case SCHEMA_LIST:
		return d->type == DOC_ARRAY;
	case SCHEMA_QUANTITY: /* its parser says what is wrong */
	case SCHEMA_ANY:
		break;
	}
	return true;
}

static int coerce(struct walk *w, const struct schema_type *t, const struct schema_type *owner,
		  struct doc *d, const struct frame *at)
{
	if (d->type == DOC_RAW) /* it came out of here */
		return 0;
	if (!fits(t->kind, d))
		return wrong_type(w, at, owner, t, d);
	if (t->kind == SCHEMA_STRUCT)
		return coerce_struct(w, t, d, at);
	if (t->kind == SCHEMA_LIST)
		return coerce_list(w, t, owner, d, at);
	if (t->kind == SCHEMA_MAP)
		return coerce_map(w, t, owner, d, at);
	return coerce_scalar(t->kind, d, w->arena, w->e);
}

int schema_coerce(const struct schema_type *type, struct doc *value, struct arena *a,
		  struct notes *unknown, struct err *e)
{
	struct walk w = {a, unknown, e};
	return coerce(&w, type, NULL, value, NULL);
}
