/* Quotas, the last of admission: what a new object uses is added to the used
 * amounts of each quota that it counts for, in the transaction that makes the
 * object. Every writer compares the quota's row, so however many write at
 * once, none gets past what is left; who lost is planned again.
 *
 * What is given back (a deletion, a pod that has ended) is counted by the
 * quota controller, as the amounts of a new quota are: until then nothing
 * that it counts can be made. */
#include "actors/objects/admission.h"

#include "actors/objects/plan.h"
#include "actors/objects/usage.h"
#include "broker/base/planted.h"

struct charge {
	struct write *w;
	const struct schema_resource *r; /* as it is stored */
	struct mp object;
	struct amounts delta; /* what the object uses that it did not use before */
};

static bool refuse(struct write *w, const char *why)
{
	plan_refuse(w, status_forbidden(w->a, w->r, w->name, why));
	return false;
}

/* Only what grows is charged. */
static void measure(struct charge *c, struct bytes *value)
{
	struct write *w = c->w;
	struct amounts now = {.a = w->a}, was = {.a = w->a};
	c->r = w->r->stored ? w->r->stored : w->r;
	c->object = mp_of_bytes(value);
	c->delta.a = w->a;
	usage_of(c->r, c->object, &now);
	if (w->old)
		usage_of(c->r, mp_of_bytes(w->row.value), &was);
	for (size_t i = 0; i < now.count; i++) {
		struct amount x = now.all[i];
		const struct amount *before = amounts_find(&was, x.name);
		if (before)
			x.q = quantity_sub(x.q, before->q);
		if (x.q.nano > 0)
			amounts_add(&c->delta, x.name, x.q);
	}
}

/* ---- one quota */

/* What of `from` has a name that the other one has. */
static struct amounts only(const struct amounts *from, const struct amounts *names)
{
	struct amounts out = {.a = from->a};
	for (size_t i = 0; i < from->count; i++)
		if (amounts_find(names, from->all[i].name))
			amounts_add(&out, from->all[i].name, from->all[i].q);
	return out;
}

/* The amounts in a quota's status that objects of this kind count for. */
static void amounts_for(const struct charge *c, struct mp quota, const char *path,
			struct amounts *out)
{
	struct mp list;
	struct amounts all = {.a = out->a};
	if (mp_path(quota, path, &list))
		amounts_of(&all, list);
	for (size_t i = 0; i < all.count; i++)
		if (usage_is_named(c->r, all.all[i].name))
			amounts_add(out, all.all[i].name, all.all[i].q);
}

static const char *names_text(const struct amounts *t)
{
	struct buf b = {0};
	for (size_t i = 0; i < t->count; i++)
		buf_printf(&b, "%s%.*s", i ? "," : "", (int)t->all[i].name.len,
			   (const char *)t->all[i].name.data);
	const char *text = arena_ndup(t->a, b.data, b.len);
	buf_fini(&b);
	return text;
}

/* The names that would be more than they may be. */
static struct amounts exceeded(const struct amounts *asked, const struct amounts *used,
			       const struct amounts *hard)
{
	struct amounts out = {.a = asked->a};
	for (size_t i = 0; i < asked->count; i++) {
		struct span name = asked->all[i].name;
		struct quantity sum =
			quantity_add(amounts_find(used, name)->q, asked->all[i].q);
		if (quantity_cmp(sum, amounts_find(hard, name)->q) > 0)
			amounts_add(&out, name, sum);
	}
	return out;
}

static void write_used(struct write *w, const struct store_row *row, const struct amounts *used,
		       const struct amounts *asked)
{
	char text[QUANTITY_TEXT_MAX];
	struct buf b = {0};
	struct doc *d;
	if (doc_from_mp(w->a, mp_of_bytes(row->value), &d, NULL))
		return; /* it was read before */
	struct doc *list = doc_path(d, "status.used");
	for (size_t i = 0; i < asked->count; i++) {
		struct span name = asked->all[i].name;
		quantity_format(quantity_add(amounts_find(used, name)->q, asked->all[i].q), text);
		doc_set_span(w->a, list, name, doc_str(w->a, arena_dup(w->a, text)));
	}
	doc_to_mp(&b, d);
	plan_also(w, (struct store_op){.verb = STORE_PUT,
				       .key = row->key,
				       .value = plan_own(w, bytes_take(&b))});
}

static bool charge(struct charge *c, struct span name, const struct store_row *row)
{
	struct write *w = c->w;
	struct mp quota = mp_of_bytes(row->value), spec, hard_map = {0};
	struct amounts hard = {.a = w->a}, used = {.a = w->a};
	amounts_for(c, quota, "spec.hard", &hard);
	if (!mp_path(quota, "spec", &spec) || !usage_in_scope(c->r, c->object, spec) ||
	    !hard.count)
		return true;
	(void)mp_path(quota, "spec.hard", &hard_map);
	const char *missing = w->old ? NULL : usage_missing(c->r, c->object, hard_map, w->a);
	if (missing)
		return refuse(w, arena_printf(w->a, "failed quota: %.*s: must specify %s",
					      (int)name.len, (const char *)name.data, missing));
	amounts_for(c, quota, "status.used", &used);
	amounts_sort(&hard);
	if (only(&hard, &used).count < hard.count)
		return refuse(w,
			      arena_printf(w->a, "status unknown for quota: %.*s, resources: %s",
					   (int)name.len, (const char *)name.data,
					   names_text(&hard)));
	struct amounts asked = only(&c->delta, &hard);
	struct amounts over = exceeded(&asked, &used, &hard);
	if (over.count) {
		struct amounts a = only(&asked, &over), u = only(&used, &over),
			       h = only(&hard, &over);
		return refuse(w, arena_printf(w->a,
					      "exceeded quota: %.*s, requested: %s, used: %s, "
					      "limited: %s",
					      (int)name.len, (const char *)name.data,
					      amounts_text(&a), amounts_text(&u),
					      amounts_text(&h)));
	}
	if (asked.count)
		write_used(w, row, &used, &asked);
	return true;
}

/* Creates, and updates of what can grow. */
static bool is_charged(const struct write *w)
{
	bool resized = strcmp(w->req->subresource, "resize") == 0;
	bool pod = w->r->stream && strcmp(w->r->stream, "pods") == 0;
	if (!w->r->namespaced || !w->r->stream)
		return false;
	if (*w->req->subresource)
		return resized;
	return !w->old || (!pod && usage_can_grow(w->r));
}

bool admit_quota(struct write *w, struct bytes *value)
{
	struct charge c = {.w = w};
	struct doc *names;
	if (!is_charged(w))
		return true;
	if (!admission_names(w, "resourcequotas", &names))
		return false;
	if (!doc_is(names, DOC_ARRAY) || !names->count)
		return true;
	measure(&c, value);
	if (!c.delta.count)
		return true;
	w->plan->charged = true;
	DOC_EACH(n, names)
	{
		struct store_row row;
		if (!admission_read(w, "resourcequotas", n->text, &row))
			return false;
		w->plan->txn.compare_count -= PLANTED(QUOTA_NOT_COMPARED);
		if (row.value && !charge(&c, n->text, &row))
			return false;
	}
	return true;
}
