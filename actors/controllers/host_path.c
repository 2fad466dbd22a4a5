/* One key per claim that asks, and per volume that it made. */
#include "actors/controllers/host_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/host_path_plan.h"
#include "actors/controllers/reconcile.h"
#include "actors/controllers/volume_port.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

#define AGAIN_US (15 * UINT64_C(1000000))
/* Where volumes are said to be when no directory is configured. */
static const char nowhere[] = "/var/lib/troupe/volumes";
enum { CREATE = 1 };

static const char *const streams[] = {"persistentvolumeclaims", "persistentvolumes",
				      "storageclasses.storage.k8s.io", "nodes", "namespaces", NULL};

/* A directory on its way out. */
struct removal {
	uint64_t id;
	char *key; /* of the volume */
	bool over;
	char *why; /* it could not be removed; NULL: it is gone */
};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *claims, *volumes, *classes, *nodes;
	struct view *claim_view, *volume_view;
	char *dir;
	int port; /* -1: none */
	uint64_t next_id;
	struct omap removals; /* key of a volume -> struct removal */
	struct omap by_id;    /* the same */
	struct omap told;     /* key of a claim -> why it was refused */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static void removal_free(void *p)
{
	struct removal *x = p;
	free(x->key);
	free(x->why);
	free(x);
}

static void forget(struct state *s, struct span key)
{
	struct removal *x = omap_remove(&s->removals, key);
	if (!x)
		return;
	omap_remove_u64(&s->by_id, x->id);
	removal_free(x);
}

/* ---- which keys a change is about */

static void want_volume(struct ctx *c, struct reconciler *r, struct mp claim)
{
	struct arena a = {0};
	struct buf b = {0};
	schema_key(&b, state_of(r)->volumes, (struct span){0}, host_path_name(&a, claim));
	if (reconcile_get(r, span_buf(&b)))
		reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
	arena_fini(&a);
}

static bool is_ours(struct mp volume)
{
	return span_is(volume_note(volume, VOLUME_PROVISIONED_BY), HOST_PATH_PROVISIONER);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp now = object_of(v->now);
	if (v->view == s->claim_view) {
		if (v->now)
			reconcile_want(c, r, v->key);
		else
			free(omap_remove(&s->told, v->key));
		want_volume(c, r, object_of(v->now ? v->now : v->was));
	} else if (v->view == s->volume_view) {
		if (v->now && is_ours(now))
			reconcile_want(c, r, v->key);
		if (!v->now)
			forget(s, v->key);
	}
}

/* ---- a claim that asks */

static struct mp object_at(struct reconciler *r, const struct schema_resource *row,
			   struct span namespace, struct span name)
{
	struct buf b = {0};
	schema_key(&b, row, namespace, name);
	struct mp m = name.len ? object_of(reconcile_get(r, span_buf(&b))) : (struct mp){0};
	buf_fini(&b);
	return m;
}

static void refuse(struct ctx *c, struct reconciler *r, struct span key, struct mp claim,
		   const char *why)
{
	struct state *s = state_of(r);
	struct span class = volume_class(claim);
	const char *was = omap_get(&s->told, key);
	if (was && strcmp(was, why) == 0)
		return;
	free(omap_put(&s->told, key, mem_dup(why)));
	reconcile_event(c, r, claim, "Warning", "ProvisioningFailed",
			"failed to provision volume with StorageClass \"%.*s\": %s", (int)class.len,
			(const char *)class.data, why);
}

static void plan_claim(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		       struct span key, struct mp claim)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp class = object_at(r, s->classes, (struct span){0}, volume_class(claim));
	struct span selected = volume_note(claim, VOLUME_SELECTED_NODE), hostname = {0};
	if (!host_path_is_asked(claim, class) ||
	    object_at(r, s->volumes, (struct span){0}, host_path_name(a, claim)).p)
		return;
	const char *why = host_path_refusal(claim);
	if (class_waits(class) && !why) {
		struct mp node = object_at(r, s->nodes, (struct span){0}, selected);
		hostname = object_label(node, "kubernetes.io/hostname");
		if (!hostname.len) {
			why = arena_printf(a, "node \"%.*s\" not found", (int)selected.len,
					   (const char *)selected.data);
			reconcile_later(c, i, AGAIN_US);
		}
	}
	if (why) {
		refuse(c, r, key, claim, why);
		return;
	}
	struct span ns = object_namespace(claim), name = object_name(claim);
	reconcile_event(c, r, claim, "Normal", "Provisioning",
			"External provisioner is provisioning volume for claim \"%.*s/%.*s\"",
			(int)ns.len, (const char *)ns.data, (int)name.len, (const char *)name.data);
	struct reconcile_action *x = reconcile_add(i, OBJ_CREATE, s->volumes, (struct span){0},
						   (struct span){0});
	x->body = host_path_volume(a, claim, class, s->dir, hostname);
	x->what = CREATE;
	reconcile_rest_on(r, i, x, key);
}

/* ---- a volume that goes */

/* Whether its directory is gone. */
static bool remove_directory(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			     struct span key, struct mp volume)
{
	struct state *s = state_of(r);
	struct removal *x = omap_get(&s->removals, key);
	struct span name = object_name(volume);
	if (s->port < 0)
		return true;
	if (x && x->over && !x->why)
		return true;
	if (x && !x->over)
		return false;
	if (x || !host_path_is_own(volume, s->dir)) {
		reconcile_event(c, r, volume, "Warning", "VolumeFailedDelete", "%s",
				x ? x->why : "its path is not the one that this provisioner gave it");
		forget(s, key);
		reconcile_later(c, i, AGAIN_US);
		return false;
	}
	x = mem_alloc(sizeof *x);
	x->id = ++s->next_id;
	x->key = mem_ndup(key.data, key.len);
	omap_put(&s->removals, key, x);
	omap_put_u64(&s->by_id, x->id, x);
	ctx_port_call(c, s->port, VOLUME_REMOVE, x->id, 0, bytes_copy(name.data, name.len));
	return false;
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	struct state *s = state;
	struct removal *x = p->op == VOLUME_REMOVED ? omap_get_u64(&s->by_id, p->id) : NULL;
	if (!x)
		return 0;
	struct span why = p->payload ? bytes_span(p->payload) : span_of("unknown");
	x->over = true;
	x->why = p->arg ? mem_ndup(why.data, why.len) : NULL;
	reconcile_want(c, &s->r, span_of(x->key));
	return 0;
}

static void plan_volume(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			struct span key, struct mp volume)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp claim = object_at(r, s->claims, mp_path_str(volume, "spec.claimRef.namespace"),
				    mp_path_str(volume, "spec.claimRef.name"));
	enum host_path_end end = host_path_end_of(volume, claim);
	if (end == HOST_PATH_STAYS || !reconcile_fresh(c, r, i) ||
	    (end == HOST_PATH_REMOVED && !remove_directory(c, r, i, key, volume)))
		return;
	struct reconcile_action *x;
	if (object_is_deleting(volume)) {
		struct doc *body = finalizer_patch(a, volume, HOST_PATH_FINALIZER, false);
		if (!body)
			return;
		x = reconcile_add(i, OBJ_PATCH_MERGE, s->volumes, (struct span){0},
				  object_copy(a, object_name(volume)));
		x->body = body;
	} else {
		x = reconcile_add(i, OBJ_DELETE, s->volumes, (struct span){0},
				  object_copy(a, object_name(volume)));
		x->uid = object_copy(a, object_uid(volume));
	}
	reconcile_rest_on(r, i, x, key);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct mp object = object_of(reconcile_get(r, key));
	if (!object.p)
		return;
	if (span_is(store_stream_of(key), "persistentvolumes"))
		plan_volume(c, r, i, key, object);
	else
		plan_claim(c, r, i, key, object);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp claim = object_of(reconcile_get(r, key));
	struct span name = doc_path_str(x->body, "metadata.name");
	if (x->what == CREATE && answer->code == 201 && claim.p)
		reconcile_event(c, r, claim, "Normal", "ProvisioningSucceeded",
				"Successfully provisioned volume %.*s", (int)name.len,
				(const char *)name.data);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = HOST_PATH_PROVISIONER,
	.fence = "host-path",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	struct span dir = mp_path_str(cfg, "volumes");
	struct err e = {0};
	int rc = reconcile_init(c, &s->r, &spec);
	s->claims = reconcile_resource(&s->r, streams[0]);
	s->volumes = reconcile_resource(&s->r, streams[1]);
	s->classes = reconcile_resource(&s->r, streams[2]);
	s->nodes = reconcile_resource(&s->r, streams[3]);
	s->claim_view = reconcile_view(&s->r, span_of(streams[0]));
	s->volume_view = reconcile_view(&s->r, span_of(streams[1]));
	s->dir = dir.len ? mem_ndup(dir.data, dir.len) : mem_dup(nowhere);
	s->port = dir.len ? ctx_port_open(c, "volumes", cfg, &e) : -1;
	if (dir.len && s->port < 0) {
		ctx_why(c, "%s", e.text);
		return s->port;
	}
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->by_id, NULL);
	omap_fini(&s->removals, removal_free);
	omap_fini(&s->told, free);
	free(s->dir);
	reconcile_fini(&s->r);
}

const struct actor_spec host_path_actor = {
	.kind = "host-path",
	.state_bytes = sizeof(struct state),
	.init = init,
	.on_port = on_port,
	RECONCILE_HANDLERS,
	.fini = fini,
};
