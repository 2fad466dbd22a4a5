#include "actors/controllers/quota_plan.h"

#include <string.h>

void quota_count_init(struct quota_count *q, struct mp quota, struct arena *a)
{
	struct mp hard;
	*q = (struct quota_count){.quota = quota, .hard.a = a, .used.a = a};
	if (mp_path(quota, "spec.hard", &hard))
		amounts_of(&q->hard, hard);
}

bool quota_counts_kind(struct quota_count *q, const struct schema_resource *r)
{
	bool some = false;
	for (size_t i = 0; i < q->hard.count; i++) {
		struct span name = q->hard.all[i].name;
		if (!usage_is_named(r, name))
			continue;
		some = true;
		if (!amounts_find(&q->used, name)) /* in the form in which it is limited */
			amounts_add(&q->used, name, quantity_of(0, q->hard.all[i].q.form));
	}
	return some;
}

void quota_count_object(struct quota_count *q, const struct schema_resource *r, struct mp object)
{
	struct arena scratch = {0};
	struct amounts of = {.a = &scratch};
	struct mp spec;
	if (mp_path(q->quota, "spec", &spec) && usage_in_scope(r, object, spec)) {
		usage_of(r, object, &of);
		for (size_t i = 0; i < of.count; i++) {
			struct amount *x = amounts_find(&q->used, of.all[i].name);
			if (x && usage_is_named(r, x->name))
				x->q = quantity_add(x->q, of.all[i].q);
		}
	}
	arena_fini(&scratch);
}

/* ---- the status */

static struct doc *list_of(struct arena *a, struct amounts *t)
{
	struct doc *d = doc_new(a, DOC_MAP);
	amounts_sort(t);
	for (size_t i = 0; i < t->count; i++) {
		char text[QUANTITY_TEXT_MAX];
		struct span name = t->all[i].name;
		quantity_format(t->all[i].q, text);
		doc_set_span(a, d,
			     (struct span){(uint8_t *)arena_ndup(a, name.data, name.len), name.len},
			     doc_str(a, arena_dup(a, text)));
	}
	return d;
}

static bool same(const struct amounts *a, struct mp quota, const char *path, bool values)
{
	struct amounts is = {.a = a->a};
	struct mp m;
	if (!mp_path(quota, path, &m))
		return false;
	amounts_of(&is, m);
	if (is.count != a->count)
		return false;
	for (size_t i = 0; i < is.count; i++) {
		const struct amount *x = amounts_find(a, is.all[i].name);
		if (!x || (values && quantity_cmp(x->q, is.all[i].q) != 0))
			return false;
	}
	return true;
}

struct doc *quota_status(struct quota_count *q)
{
	struct arena *a = q->hard.a;
	struct doc *d;
	if (doc_from_mp(a, q->quota, &d, NULL))
		return NULL;
	d = doc_copy(a, d);
	if (same(&q->hard, q->quota, "status.hard", true) &&
	    same(&q->used, q->quota, "status.used", true))
		return d;
	struct doc *status = doc_set(a, d, "status", doc_new(a, DOC_MAP));
	doc_set(a, status, "hard", list_of(a, &q->hard));
	doc_set(a, status, "used", list_of(a, &q->used));
	return d;
}

/* ---- what a change is about */

static bool raw_equal(struct mp a, struct mp b, const char *path)
{
	struct mp x, y;
	struct span s = {0}, t = {0};
	bool there = mp_path(a, path, &x), then = mp_path(b, path, &y);
	if (!there || !then)
		return there == then;
	return !mp_raw(&x, &s) && !mp_raw(&y, &t) && span_eq(s, t);
}

static bool has_ended(struct mp pod)
{
	struct span phase = mp_path_str(pod, "status.phase");
	return span_is(phase, "Succeeded") || span_is(phase, "Failed");
}

bool quota_gives_back(const struct schema_resource *r, struct mp was, struct mp now)
{
	if (!was.p || !r->namespaced)
		return false;
	if (!now.p)
		return true;
	if (strcmp(r->stream, "pods") == 0)
		return has_ended(was) != has_ended(now) ||
		       !raw_equal(was, now, "spec.activeDeadlineSeconds") ||
		       !raw_equal(was, now, "spec.containers");
	return usage_can_grow(r) && !raw_equal(was, now, "spec");
}

bool quota_wants_count(struct mp was, struct mp now)
{
	struct mp m;
	if (!now.p)
		return false;
	return !was.p || !raw_equal(was, now, "spec") ||
	       !raw_equal(was, now, "status.hard") || !mp_path(now, "status.used", &m);
}
