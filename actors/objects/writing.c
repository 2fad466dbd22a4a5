#include "actors/objects/writing.h"

#include <string.h>

#include "broker/base/mem.h"

void writing_init(struct ctx *c, struct writing *w, const struct schema *s,
		  const struct schema_resource *r, enum obj_verb verb,
		  struct view *(*view)(void *arg, struct span stream), void *arg)
{
	struct obj_request *q = &w->request;
	memset(w, 0, sizeof *w);
	w->view = view;
	w->arg = arg;
	q->schema = s;
	q->cluster = ctx_shared(c, "cluster");
	q->resource = r;
	q->verb = verb;
	q->subresource = "";
	q->arena = &w->arena;
	q->validation = OBJ_IGNORE;
	q->del.grace_s = -1;
	q->origin.principal = ctx_name(c);
	q->origin.wall_us = ctx_wall_us(c);
	ctx_random_bytes(c, q->origin.request, sizeof q->origin.request);
	ctx_random_bytes(c, q->entropy, sizeof q->entropy);
}

struct span writing_text(struct writing *w, struct span text)
{
	return (struct span){(uint8_t *)arena_ndup(&w->arena, text.data, text.len), text.len};
}

static const struct store_row *fresh_row(const struct writing *w, struct span key)
{
	for (size_t i = w->fresh_count; i-- > 0;)
		if (span_eq(w->fresh[i].key, key))
			return &w->fresh[i];
	return NULL;
}

/* What has no view here is known when the store has refused once: its rows come
 * with that. */
static bool knows_basis(const struct writing *w)
{
	for (size_t i = 0; i < w->request.basis_count; i++) {
		struct span key = w->request.basis[i].key;
		if (!fresh_row(w, key) && !(w->view && w->view(w->arg, store_stream_of(key))))
			return false;
	}
	return true;
}

static int read_row(void *arg, struct span key, struct store_row *out)
{
	struct writing *w = arg;
	const struct store_row *fresh = fresh_row(w, key);
	if (fresh) {
		*out = *fresh;
		return 0;
	}
	memset(out, 0, sizeof *out);
	out->key = key;
	struct view *v = w->view ? w->view(w->arg, store_stream_of(key)) : NULL;
	struct view_object *o = v ? view_get(v, key) : NULL;
	if (o) {
		out->value = o->value;
		out->mod_version = o->version;
		out->create_version = o->created;
	}
	return 0;
}

bool writing_plan(struct writing *w)
{
	struct obj_reader reader = {w, read_row};
	if (w->planned)
		obj_plan_fini(&w->plan);
	w->planned = true;
	w->plans++;
	w->request.basis_unread = !knows_basis(w);
	objects_plan(&w->request, &reader, &w->plan);
	struct doc *refused = w->permit && w->plan.value ? w->permit(w) : NULL;
	if (refused) {
		w->plan.finished = true;
		w->plan.answer.status = refused;
		w->plan.answer.code = status_code(refused);
	}
	w->plan.txn.fence_key = w->fence_key;
	w->plan.txn.fence_token = w->fence_token;
	return w->plan.finished;
}

static bool plan(struct ctx *c, struct writing *w, uint64_t tag)
{
	if (writing_plan(w))
		return true;
	ctx_txn(c, &w->plan.txn, tag);
	return false;
}

bool writing_start(struct ctx *c, struct writing *w, uint64_t tag)
{
	return plan(c, w, tag);
}

static void drop_rows(struct writing *w)
{
	for (size_t i = 0; i < w->fresh_count; i++)
		bytes_unref(w->fresh[i].value);
	w->fresh_count = 0;
}

static void keep_rows(struct writing *w, const struct store_outcome *o)
{
	drop_rows(w);
	w->fresh = arena_alloc(&w->arena, (o->row_count + 1) * sizeof *w->fresh);
	for (size_t i = 0; i < o->row_count; i++) {
		struct store_row *r = &w->fresh[w->fresh_count++];
		*r = o->rows[i];
		r->value = bytes_ref(r->value);
		r->key = writing_text(w, r->key);
		r->part = (struct span){0};
	}
}

bool writing_outcome(struct ctx *c, struct writing *w, const struct store_outcome *o, uint64_t tag)
{
	struct obj_answer *a = &w->plan.answer;
	int rc = objects_answer(&w->plan, o);
	if (rc == 0)
		return true;
	int most = w->plan.charged ? WRITING_CHARGES_MAX : WRITING_PLANS_MAX;
	if (rc != ERR_CONFLICT || w->plans >= most) {
		a->status = status_of_err(&w->arena, w->request.resource, w->request.name, rc,
					  rc == ERR_CONFLICT ? STATUS_MODIFIED : o->text);
		a->code = status_code(a->status);
		return true;
	}
	keep_rows(w, o);
	/* A new try is a new request: the former id has its outcome already. */
	ctx_random_bytes(c, w->request.origin.request, sizeof w->request.origin.request);
	return plan(c, w, tag);
}

void writing_fini(struct writing *w)
{
	if (w->planned)
		obj_plan_fini(&w->plan);
	w->planned = false;
	drop_rows(w);
	arena_fini(&w->arena);
}
