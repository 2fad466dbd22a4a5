#include "actors/controllers/bootstrap.h"

#include <stdio.h>
#include <string.h>

#include "actors/controllers/reconcile.h"
#include "actors/objects/volume_match.h"
#include "actors/schema/json.h"

enum { KEY_MAX = 300 };

static const char *const streams[] = {"clusterroles.rbac.authorization.k8s.io",
				      "clusterrolebindings.rbac.authorization.k8s.io",
				      "roles.rbac.authorization.k8s.io",
				      "rolebindings.rbac.authorization.k8s.io",
				      "priorityclasses.scheduling.k8s.io",
				      "storageclasses.storage.k8s.io", "namespaces", NULL};
static const char classes[] = "storageclasses.storage.k8s.io", noted_by[] = "namespaces/kube-system";

struct state {
	struct reconciler r; /* first */
};

/* Made once, and not at every start. */
static bool is_once(const struct bootstrap_object *o)
{
	return strcmp(o->stream, classes) == 0;
}

static void key_of(const struct bootstrap_object *o, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "%s/%s%s%s", o->stream, o->namespace ? o->namespace : "",
		 o->namespace ? "/" : "", o->name);
}

static void namespace_key(const struct bootstrap_object *o, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "namespaces/%s", o->namespace ? o->namespace : "kube-system");
}

static const struct bootstrap_object *object_behind(struct span key)
{
	char text[KEY_MAX];
	for (size_t i = 0; i < bootstrap_count; i++) {
		key_of(&bootstrap_objects[i], text);
		if (span_is(key, text))
			return &bootstrap_objects[i];
	}
	return NULL;
}

/* A start makes them; what is in a namespace waits for that, and what is made once
 * for where that is noted. */
static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	char key[KEY_MAX];
	if (v->was || !span_is(store_stream_of(v->key), "namespaces"))
		return;
	for (size_t i = 0; i < bootstrap_count; i++) {
		const struct bootstrap_object *o = &bootstrap_objects[i];
		namespace_key(o, key);
		if (!span_is(v->key, key) || !(o->namespace || is_once(o)))
			continue;
		key_of(o, key);
		reconcile_want(c, r, span_of(key));
	}
}

/* ---- what is made once */

static bool has_default_class(const struct reconciler *r)
{
	const struct omap *all = view_map(reconcile_view(r, span_of(classes)));
	for (struct onode *n = omap_first(all); n; n = omap_next(n))
		if (class_is_default(object_of(n->value)))
			return true;
	return false;
}

static void note_made(struct reconciler *r, struct reconcile_item *i, const char *note)
{
	struct arena *a = reconcile_arena(i);
	struct doc *notes = doc_new(a, DOC_MAP);
	struct reconcile_action *x = reconcile_add(i, OBJ_PATCH_MERGE,
						   reconcile_resource(r, "namespaces"),
						   (struct span){0}, span_of("kube-system"));
	x->body = doc_new(a, DOC_MAP);
	doc_set_str(a, notes, note, "made");
	doc_path_set(a, x->body, "metadata.annotations", notes);
	reconcile_rest_on(r, i, x, span_of(noted_by));
}

/* Whether it is to be made now. */
static bool is_due(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		   const struct bootstrap_object *o)
{
	struct mp ns = object_of(reconcile_get(r, span_of(noted_by)));
	const char *note = arena_printf(reconcile_arena(i), "bootstrap.troupe.io/%.*s.%s",
					(int)strcspn(o->stream, "."), o->stream, o->name);
	if (!ns.p || object_annotation(ns, note).len || !reconcile_fresh(c, r, i))
		return false;
	if (!has_default_class(r) && !reconcile_get(r, key))
		return true;
	note_made(r, i, note);
	return false;
}

static bool is_missing(struct reconciler *r, struct span key, const struct bootstrap_object *o)
{
	char namespace[KEY_MAX];
	namespace_key(o, namespace);
	return !reconcile_get(r, key) && (!o->namespace || reconcile_get(r, span_of(namespace)));
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	const struct bootstrap_object *o = object_behind(key);
	struct arena *a = reconcile_arena(i);
	struct doc *body;
	if (!o || !(is_once(o) ? is_due(c, r, i, key, o) : is_missing(r, key, o)) ||
	    json_parse(a, span_of(o->json), &body, NULL, NULL))
		return;
	struct span namespace = o->namespace ? span_of(o->namespace) : (struct span){0};
	struct reconcile_action *x = reconcile_add(i, OBJ_CREATE, reconcile_resource(r, o->stream),
						   namespace, (struct span){0});
	x->body = body;
}

static const struct reconcile_spec spec = {
	.name = "bootstrap",
	.fence = "bootstrap",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	char key[KEY_MAX];
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	for (size_t i = 0; i < bootstrap_count && !rc; i++) {
		key_of(&bootstrap_objects[i], key);
		reconcile_want(c, &s->r, span_of(key));
	}
	return rc;
}

static void fini(void *state)
{
	reconcile_fini(&((struct state *)state)->r);
}

const struct actor_spec bootstrap_actor = {
	.kind = "bootstrap",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
