/* A controller as a shared object: each namespace with a label `team` has a
 * ConfigMap `team` that says whose it is and how to reach them.
 *
 *	kubectl label namespace default team=red
 *	kubectl get configmap team -o yaml          data: {team: red, contact: red@example.org}
 *
 * Another label changes it, no label takes it away, and who edits or deletes it
 * finds it as it was. A ConfigMap `team` that somebody else has made is left
 * alone. Level-triggered: plan() looks at what is there and never at what
 * happened, so it is right after crashes and after whatever it has missed. */
#include "actors/controllers/plugin.h"

struct team {
	struct reconciler r; /* first: the handlers at the end are its */
	struct span domain;  /* of the config */
	char text[254];
};

/* Which keys a change is about: always the namespace's. */
static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct mp object = object_of(v->now ? v->now : v->was);
	if (span_is(view_stream(v->view), "namespaces"))
		reconcile_want(c, r, v->key);
	else if (span_is(object_name(object), "team"))
		reconcile_want(c, r, span_of(arena_printf(ctx_arena(c), "namespaces/%.*s",
				       (int)object_namespace(object).len, object_namespace(object).data)));
}

static struct doc *wanted(struct arena *a, const struct team *t, struct span team)
{
	struct doc *d = doc_new(a, DOC_MAP);
	doc_path_set(a, d, "metadata.name", doc_str(a, "team"));
	doc_path_set(a, d, "metadata.labels.made-by", doc_str(a, "team-controller"));
	doc_path_set(a, d, "data.team", doc_span(a, team));
	doc_path_set(a, d, "data.contact", doc_printf(a, "%.*s@%.*s", (int)team.len, team.data,
						       (int)t->domain.len, t->domain.data));
	return d;
}

/* What is to be done about one namespace. Spans of views are good for this turn
 * only: what an action says is copied into the plan's arena. */
static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct arena *a = reconcile_arena(i);
	const struct schema_resource *maps = reconcile_resource(r, "configmaps");
	struct mp namespace = object_of(reconcile_get(r, key));
	struct span ns = object_copy(a, object_name(namespace));
	struct span team = object_copy(a, object_label(namespace, "team"));
	struct mp is = object_of(reconcile_get(
		r, span_of(arena_printf(a, "configmaps/%.*s/team", (int)ns.len, ns.data))));
	if (!ns.len || object_is_deleting(namespace))
		return; /* it goes, and all in it */
	if (is.p && !span_is(object_label(is, "made-by"), "team-controller"))
		return; /* somebody else's */
	struct doc *want = wanted(a, (struct team *)r, team);
	enum obj_verb verb = !team.len ? OBJ_DELETE : is.p ? OBJ_PATCH_MERGE : OBJ_CREATE;
	if (team.len ? is.p && doc_equal(doc_get(object_tree(a, is), "data"), doc_get(want, "data")) : !is.p)
		return; /* as it should be */
	if (verb == OBJ_DELETE && !reconcile_fresh(c, r, i))
		return; /* for what cannot be taken back: planned again when the views are known to be up to date */
	struct reconcile_action *x = reconcile_add(i, verb, maps, ns, span_of("team"));
	x->body = verb == OBJ_DELETE ? NULL : want;
	x->uid = object_copy(a, object_uid(is)); /* of what is deleted: that one, and not its successor */
	reconcile_rest_on(r, i, x, key); /* the label has changed since: refused, and planned again */
}

static const char *const streams[] = {"namespaces", "configmaps", NULL};

static const struct reconcile_spec spec = {
	.name = "team-controller",
	.fence = "team",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct team *t = state;
	struct span domain = mp_path_str(cfg, "config.domain");
	if (domain.len >= sizeof t->text) {
		ctx_why(c, "the domain is too long");
		return ERR_INVALID;
	}
	memcpy(t->text, domain.len ? domain.data : (const uint8_t *)"example.org", domain.len ? domain.len : 11);
	t->domain = span_of(t->text);
	return reconcile_init(c, &t->r, &spec);
}

static const struct actor_spec actor = {
	.kind = "team",
	.state_bytes = sizeof(struct team),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = reconcile_fini,
};

TROUPE_PLUGIN(actor, "1.0");
