#include "actors/controllers/bootstrap.h"

#include <stdio.h>

#include "actors/controllers/reconcile.h"
#include "actors/schema/json.h"

static const char *const streams[] = {"clusterroles.rbac.authorization.k8s.io",
				      "clusterrolebindings.rbac.authorization.k8s.io",
				      "priorityclasses.scheduling.k8s.io", NULL};

struct state {
	struct reconciler r; /* first */
};

static void key_of(const struct bootstrap_object *o, char key[300])
{
	snprintf(key, 300, "%s/%s", o->stream, o->name);
}

static const struct bootstrap_object *object_behind(struct span key)
{
	char text[300];
	for (size_t i = 0; i < bootstrap_count; i++) {
		key_of(&bootstrap_objects[i], text);
		if (span_is(key, text))
			return &bootstrap_objects[i];
	}
	return NULL;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	(void)c, (void)r, (void)v; /* only a start makes them */
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	const struct bootstrap_object *o = object_behind(key);
	struct arena *a = reconcile_arena(i);
	struct doc *body;
	(void)c;
	if (!o || reconcile_get(r, key) || json_parse(a, span_of(o->json), &body, NULL, NULL))
		return;
	struct reconcile_action *x = reconcile_add(i, OBJ_CREATE, reconcile_resource(r, o->stream),
						   (struct span){0}, (struct span){0});
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
	char key[300];
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
