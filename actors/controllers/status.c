#include "actors/controllers/status.h"

#include <string.h>

#include "actors/schema/rfc3339.h"

void status_begin(struct status *s, struct arena *a, struct mp object, int64_t now_us)
{
	struct mp m;
	struct span raw;
	*s = (struct status){.arena = a, .object = object, .now_us = now_us};
	if (!mp_path(object, "status", &m) || mp_raw(&m, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &s->was, NULL) || !doc_is(s->was, DOC_MAP))
		s->was = doc_new(a, DOC_MAP);
	s->patch = doc_new(a, DOC_MAP);
}

void status_int(struct status *s, const char *field, int64_t n)
{
	doc_set_int(s->arena, s->patch, field, n);
}

void status_set(struct status *s, const char *field, struct doc *value)
{
	doc_set(s->arena, s->patch, field, value ? value : doc_new(s->arena, DOC_NULL));
}

void status_count(struct status *s, const char *field, int64_t n)
{
	status_set(s, field, n ? doc_int(s->arena, n) : NULL);
}

void status_observed(struct status *s)
{
	status_count(s, "observedGeneration", mp_path_int(s->object, "metadata.generation", 0));
}

/* ---- conditions */

static struct doc *list_of(const struct status *s)
{
	struct doc *list = doc_get(s->patch, "conditions");
	if (!list)
		list = doc_get(s->was, "conditions");
	return doc_is(list, DOC_ARRAY) ? list : NULL;
}

/* The list that is written: others' conditions stay in it. */
static struct doc *own_list(struct status *s)
{
	struct doc *list = doc_get(s->patch, "conditions");
	if (doc_is(list, DOC_ARRAY))
		return list;
	struct doc *was = doc_get(s->was, "conditions");
	list = doc_is(was, DOC_ARRAY) ? doc_copy(s->arena, was) : doc_new(s->arena, DOC_ARRAY);
	return doc_set(s->arena, s->patch, "conditions", list);
}

static struct doc *find(struct doc *list, const char *type)
{
	DOC_EACH(d, list)
		if (doc_str_is(doc_get(d, "type"), type))
			return d;
	return NULL;
}

const struct doc *status_condition_of(const struct status *s, const char *type)
{
	return find(list_of(s), type);
}

bool status_condition_is(const struct status *s, const char *type, const char *status)
{
	return doc_str_is(doc_get(status_condition_of(s, type), "status"), status);
}

static struct doc *now_of(struct status *s)
{
	char now[RFC3339_MAX];
	rfc3339_format(s->now_us, now);
	return doc_str(s->arena, arena_dup(s->arena, now));
}

static bool same(const struct doc *d, const char *field, const char *text)
{
	const struct doc *v = doc_get(d, field);
	return v ? doc_str_is(v, text ? text : "") : !text || !*text;
}

void status_say(struct status *s, const struct status_condition *c)
{
	struct doc *list = own_list(s), *was = find(list, c->type);
	bool stays = was && doc_str_is(doc_get(was, "status"), c->status);
	if (stays && !c->again && same(was, "reason", c->reason) && same(was, "message", c->message))
		return;
	struct doc *d = doc_new(s->arena, DOC_MAP);
	doc_set_str(s->arena, d, "type", c->type);
	doc_set_str(s->arena, d, "status", c->status);
	if (c->touched)
		doc_set(s->arena, d, c->touched, now_of(s));
	const struct doc *since = stays ? doc_get(was, "lastTransitionTime") : NULL;
	doc_set(s->arena, d, "lastTransitionTime", since ? doc_copy(s->arena, since) : now_of(s));
	if (c->reason && *c->reason)
		doc_set_str(s->arena, d, "reason", arena_dup(s->arena, c->reason));
	if (c->message && *c->message)
		doc_set_str(s->arena, d, "message", arena_dup(s->arena, c->message));
	if (was)
		doc_replace(list, was, d);
	else
		doc_add(list, d);
}

void status_unsay(struct status *s, const char *type)
{
	if (!find(list_of(s), type))
		return;
	struct doc *list = own_list(s);
	doc_detach(list, find(list, type));
}

/* ---- the write */

static bool is_nothing(const struct doc *d)
{
	return !d || d->type == DOC_NULL || (d->type == DOC_ARRAY && !d->count);
}

bool status_told(const struct status *s)
{
	DOC_EACH(d, s->patch)
	{
		const struct doc *was = doc_get_span(s->was, d->key);
		if (is_nothing(d) ? !is_nothing(was) : !doc_equal(d, was))
			return false;
	}
	return true;
}

struct reconcile_action *status_write(struct reconcile_item *i, const struct status *s,
				      const struct schema_resource *resource)
{
	struct arena *a = s->arena;
	if (status_told(s))
		return NULL;
	struct reconcile_action *x =
		reconcile_add(i, OBJ_PATCH_MERGE, resource,
			      object_copy(a, object_namespace(s->object)),
			      object_copy(a, object_name(s->object)));
	struct doc *list = doc_get(s->patch, "conditions");
	if (doc_is(list, DOC_ARRAY) && !list->count)
		doc_set(a, s->patch, "conditions", doc_new(a, DOC_NULL));
	x->sub = "status";
	x->body = doc_new(a, DOC_MAP);
	doc_set(a, x->body, "status", s->patch);
	return x;
}
