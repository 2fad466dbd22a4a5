/* Roles that aggregate are few, and are found by an index: a change of any role
 * is compared with those alone. What they select is looked up in all roles, once
 * for however many changes came meanwhile. A role that is selected by another
 * and aggregates itself counts by the rules that it has by then. */
#include "actors/controllers/clusterrole_aggregation.h"

#include "actors/controllers/reconcile.h"
#include "actors/schema/selectors.h"

static const char roles[] = "clusterroles.rbac.authorization.k8s.io";
static const char *const streams[] = {roles, NULL};
static const char aggregating[] = "aggregates";

struct state {
	struct reconciler r; /* first */
	struct view_index *aggregating;
};

/* ---- what a role selects */

static bool aggregates(struct mp role, struct mp *selectors)
{
	return mp_path(role, "aggregationRule.clusterRoleSelectors", selectors) &&
	       mp_peek(selectors) == MP_ARRAY;
}

static void index_keys(struct mp role, void (*put)(void *arg, struct span under), void *arg)
{
	struct mp selectors;
	if (aggregates(role, &selectors))
		put(arg, span_of(aggregating));
}

static const struct view_index_spec by_aggregating = {.name = "aggregating", .keys = index_keys};

static bool selects(struct mp role, struct mp other)
{
	struct mp selectors, labels = {0};
	size_t n;
	if (!other.p || !aggregates(role, &selectors) || mp_array(&selectors, &n))
		return false;
	mp_path(other, "metadata.labels", &labels);
	for (; n > 0; n--) {
		if (label_object_match(selectors, labels))
			return true;
		if (mp_skip(&selectors))
			return false;
	}
	return false;
}

/* ---- which roles a change is about */

struct change {
	struct ctx *c;
	struct reconciler *r;
	struct mp was, now;
	struct span key;
};

static int want_one(void *arg, const struct view_found *found)
{
	struct change *x = arg;
	struct mp role = object_of(found->object);
	if (span_eq(found->key, x->key) || selects(role, x->was) || selects(role, x->now))
		reconcile_want(x->c, x->r, found->key);
	return 0;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = (struct state *)r;
	struct change x = {c, r, object_of(v->was), object_of(v->now), v->key};
	view_index_each(s->aggregating, span_of(aggregating), want_one, &x);
}

/* ---- the plan */

static bool has_rule(const struct doc *rules, const struct doc *rule)
{
	DOC_EACH(have, rules) {
		if (doc_equal(have, rule))
			return true;
	}
	return false;
}

static int add_rules(struct arena *a, struct doc *rules, struct mp role)
{
	struct doc *own;
	struct mp list;
	if (!mp_find(role, "rules", &list) || mp_peek(&list) != MP_ARRAY)
		return 0;
	int rc = doc_from_mp(a, list, &own, NULL);
	if (rc)
		return rc;
	DOC_EACH(rule, own) {
		if (!has_rule(rules, rule))
			doc_add(rules, doc_copy(a, rule));
	}
	return 0;
}

static bool has_these(struct arena *a, struct mp role, const struct doc *rules)
{
	struct doc *have;
	struct mp list;
	if (!mp_find(role, "rules", &list) || mp_peek(&list) != MP_ARRAY)
		return rules->count == 0;
	return doc_from_mp(a, list, &have, NULL) == 0 && doc_equal(have, rules);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct arena *a = reconcile_arena(i);
	struct mp role = object_of(reconcile_get(r, key)), selectors;
	(void)c;
	if (!role.p || object_is_deleting(role) || !aggregates(role, &selectors))
		return;
	struct doc *rules = doc_new(a, DOC_ARRAY);
	const struct omap *all = view_map(reconcile_view(r, span_of(roles)));
	for (struct onode *n = omap_first(all); n; n = omap_next(n)) {
		struct mp other = object_of(n->value);
		if (!span_eq(object_name(other), object_name(role)) && selects(role, other) &&
		    add_rules(a, rules, other))
			return;
	}
	if (has_these(a, role, rules))
		return;
	struct reconcile_action *x = reconcile_add(i, OBJ_PATCH_MERGE, reconcile_resource(r, roles),
						   (struct span){0}, object_name(role));
	x->body = doc_new(a, DOC_MAP);
	doc_set(a, x->body, "rules", rules);
	reconcile_rest_on(r, i, x, key);
}

static const struct reconcile_spec spec = {
	.name = "clusterrole-aggregation-controller",
	.fence = "clusterrole-aggregation",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->aggregating = ctx_index(c, reconcile_view(&s->r, span_of(roles)), &by_aggregating);
	return rc;
}

const struct actor_spec clusterrole_aggregation_actor = {
	.kind = "clusterrole-aggregation",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = reconcile_fini,
};
