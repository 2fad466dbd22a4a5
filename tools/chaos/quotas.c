#include "tools/chaos/quotas.h"

#include <stdio.h>
#include <string.h>

#include "actors/controllers/quota_plan.h"
#include "actors/objects/objects.h"

#define SPAN(s) (int)(s).len, (const char *)(s).data

/* "pods/default/" of "pods/default/web-x" */
static const char *siblings(struct arena *a, struct span key)
{
	size_t n = key.len;
	while (n && key.data[n - 1] != '/')
		n--;
	return arena_ndup(a, key.data, n);
}

static const char *quotas_beside(struct arena *a, const struct led_object *o)
{
	const char *all = siblings(a, o->key);
	return arena_printf(a, "resourcequotas%s", all + o->stream.len);
}

static void count(struct judge *j, struct quota_count *q, const struct schema_resource *r, const char *prefix)
{
	for (struct onode *n = ledger_first(&j->ledger, prefix); n; n = ledger_next(n, prefix)) {
		const struct led_object *o = n->value;
		quota_count_object(q, r, mp_of_bytes(o->value));
	}
}

static bool too_much(struct judge *j, const struct led_object *made, const struct led_object *quota,
		     const struct amount *has, const struct amount *may, const char *what, struct err *why)
{
	char is[QUANTITY_TEXT_MAX], bound[QUANTITY_TEXT_MAX];
	quantity_format(has->q, is);
	quantity_format(may->q, bound);
	judge_about(j, made);
	judge_about(j, quota);
	err_set(why, ERR_CONFLICT, "quota %.*s %s %s %.*s, and with %.*s there are %s (at revision %llu, by %.*s)",
		SPAN(quota->name), what, bound, SPAN(has->name), SPAN(made->key), is,
		(unsigned long long)j->ledger.revision, SPAN(j->ledger.record.origin.principal));
	return false;
}

/* Of what the new object uses. */
static bool quota_holds(struct judge *j, const struct led_object *made, const struct schema_resource *r,
			const struct led_object *quota, struct arena *a, struct err *why)
{
	struct quota_count all, its;
	struct mp used;
	struct amounts said = {.a = a};
	quota_count_init(&all, mp_of_bytes(quota->value), a);
	quota_count_init(&its, mp_of_bytes(quota->value), a);
	if (!quota_counts_kind(&all, r) || !quota_counts_kind(&its, r))
		return true;
	count(j, &all, r, siblings(a, made->key));
	quota_count_object(&its, r, mp_of_bytes(made->value));
	if (mp_path(mp_of_bytes(quota->value), "status.used", &used))
		amounts_of(&said, used);
	for (size_t i = 0; i < its.used.count; i++) {
		struct span name = its.used.all[i].name;
		const struct amount *has = amounts_find(&all.used, name), *hard = amounts_find(&all.hard, name),
				    *says = amounts_find(&said, name);
		if (its.used.all[i].q.nano <= 0)
			continue;
		if (quantity_cmp(has->q, hard->q) > 0)
			return too_much(j, made, quota, has, hard, "allows", why);
		if (says && quantity_cmp(has->q, says->q) > 0)
			return too_much(j, made, quota, has, says, "says that it has", why);
	}
	return true;
}

static struct schema *schema_of(struct judge *j)
{
	if (!j->schema) {
		j->schema = schema_new();
		objects_install(j->schema);
	}
	return j->schema;
}

static bool made_within(struct judge *j, const struct led_object *made, struct arena *a, struct err *why)
{
	const char *quotas = quotas_beside(a, made);
	struct onode *n = ledger_first(&j->ledger, quotas);
	if (!n || span_is(made->stream, "resourcequotas"))
		return true;
	const struct schema_resource *r = schema_find_stream(schema_of(j), made->stream);
	for (; n && r; n = ledger_next(n, quotas))
		if (!quota_holds(j, made, r, n->value, a, why))
			return false;
	return true;
}

bool quotas_hold(struct judge *j, struct err *why)
{
	struct arena a = {0};
	bool good = true;
	for (size_t i = 0; i < j->ledger.change_count && good; i++) {
		const struct led_change *c = &j->ledger.changes[i];
		if (c->now && !c->was)
			good = made_within(j, c->now, &a, why);
	}
	arena_fini(&a);
	return good;
}

/* ---- in the end */

/* "/default/": what stands in a key behind the stream. */
static bool is_within(const struct led_object *o, const char *namespace)
{
	size_t n = strlen(namespace);
	return o->key.len > o->stream.len + n && memcmp(o->key.data + o->stream.len, namespace, n) == 0;
}

/* Kinds follow each other in the ledger. */
static void count_all(struct judge *j, struct quota_count *q, const char *namespace)
{
	const struct schema_resource *r = NULL;
	struct span stream = {0};
	for (struct onode *n = omap_first(&j->ledger.objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		if (!span_eq(o->stream, stream)) {
			stream = o->stream;
			r = schema_find_stream(schema_of(j), stream);
			r = r && r->namespaced && quota_counts_kind(q, r) ? r : NULL;
		}
		if (r && is_within(o, namespace))
			quota_count_object(q, r, mp_of_bytes(o->value));
	}
}

static bool is_exact(struct judge *j, const struct led_object *quota, struct arena *a, struct err *why)
{
	struct quota_count q;
	struct mp used, value = mp_of_bytes(quota->value);
	struct amounts said = {.a = a};
	quota_count_init(&q, value, a);
	count_all(j, &q, siblings(a, quota->key) + quota->stream.len);
	if (mp_path(value, "status.used", &used))
		amounts_of(&said, used);
	for (size_t i = 0; i < q.used.count; i++) {
		const struct amount *has = &q.used.all[i], *says = amounts_find(&said, has->name);
		char is[QUANTITY_TEXT_MAX], told[QUANTITY_TEXT_MAX] = "none";
		if (says && quantity_cmp(says->q, has->q) == 0)
			continue;
		quantity_format(has->q, is);
		if (says)
			quantity_format(says->q, told);
		judge_about(j, quota);
		err_set(why, ERR_AGAIN, "quota %.*s says that of %.*s it has %s, and there are %s", SPAN(quota->name),
			SPAN(has->name), told, is);
		return false;
	}
	return true;
}

bool quotas_exact(struct judge *j, struct err *why)
{
	static const char quotas[] = "resourcequotas/";
	struct arena a = {0};
	bool good = true;
	for (struct onode *n = ledger_first(&j->ledger, quotas); n && good; n = ledger_next(n, quotas))
		good = is_exact(j, n->value, &a, why);
	arena_fini(&a);
	return good;
}
