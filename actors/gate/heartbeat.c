#include "actors/gate/heartbeat.h"

#include <stdlib.h>
#include <string.h>

#include "actors/gate/gate_private.h"
#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"

enum { LEASE_S = 40 }; /* as a kubelet's */
static const char NAMESPACE[] = "kube-node-lease";

static struct view_object *object_at(struct view *v, const struct schema_resource *r,
				     struct span ns, struct span name)
{
	struct buf key = {0};
	schema_key(&key, r, ns, name);
	struct view_object *o = view_get(v, span_buf(&key));
	buf_fini(&key);
	return o;
}

static struct view_object *lease_of(const struct gate *g, struct span node)
{
	return object_at(g->lease_view, g->leases, span_of(NAMESPACE), node);
}

/* ---- by itself: any lease, or none yet */

static struct doc *owner_doc(struct arena *a, struct span node, struct span uid)
{
	struct doc *list = doc_new(a, DOC_ARRAY), *ref = doc_new(a, DOC_MAP);
	doc_set_str(a, ref, "apiVersion", "v1");
	doc_set_str(a, ref, "kind", "Node");
	doc_set(a, ref, "name", doc_span(a, node));
	doc_set(a, ref, "uid", doc_span(a, uid));
	doc_add(list, ref);
	return list;
}

static struct doc *spec_doc(struct arena *a, struct span node, int64_t now_us)
{
	char now[RFC3339_MAX];
	struct doc *spec = doc_new(a, DOC_MAP);
	rfc3339_format_micro(now_us, now);
	doc_set(a, spec, "holderIdentity", doc_span(a, node));
	doc_set_int(a, spec, "leaseDurationSeconds", LEASE_S);
	doc_set_str(a, spec, "renewTime", arena_dup(a, now));
	return spec;
}

static struct doc *lease_doc(const struct gate *g, struct arena *a, struct span node,
			     struct span uid, struct doc *spec)
{
	struct doc *lease = doc_new(a, DOC_MAP), *meta = doc_new(a, DOC_MAP);
	doc_set_str(a, lease, "apiVersion", schema_api_version(g->leases, a));
	doc_set_str(a, lease, "kind", g->leases->kind);
	doc_set(a, lease, "metadata", meta);
	doc_set(a, meta, "name", doc_span(a, node));
	doc_set_str(a, meta, "namespace", NAMESPACE);
	doc_set(a, meta, "ownerReferences", owner_doc(a, node, uid));
	doc_set(a, lease, "spec", spec);
	return lease;
}

static void renew_alone(struct ctx *c, struct gate *g, const struct msg *m, struct mp node,
			int64_t now_us)
{
	struct job *j = gate_job_new(c, g, m, g->leases, OBJ_PATCH_MERGE);
	struct arena *a = &j->writing.arena;
	struct span name = writing_text(&j->writing, mp_path_str(node, "metadata.name"));
	struct span uid = writing_text(&j->writing, mp_path_str(node, "metadata.uid"));
	struct doc *patch = doc_new(a, DOC_MAP), *spec = spec_doc(a, name, now_us);
	doc_set(a, patch, "spec", spec);
	j->missing = lease_doc(g, a, name, uid, doc_copy(a, spec));
	j->writing.request.body = patch;
	gate_job_name(j, span_of(NAMESPACE), name);
	gate_job_run(c, g, j);
}

/* ---- together: leases that are as we wrote them, but for the time */

/* The lease with another renewTime; NULL: it is not one that a renewal leaves
 * at its length, or not the node's. */
static struct bytes *renewed(const struct view_object *lease, struct span node, int64_t now_us)
{
	struct mp m = mp_of_bytes(lease->value);
	struct span all = bytes_span(lease->value), at = mp_path_str(m, "spec.renewTime");
	char now[RFC3339_MAX];
	if (at.len != rfc3339_format_micro(now_us, now) ||
	    !span_eq(mp_path_str(m, "spec.holderIdentity"), node))
		return NULL;
	struct buf b = {0};
	buf_append(&b, all.data, all.len);
	memcpy(b.data + (at.data - all.data), now, at.len);
	return bytes_take(&b);
}

struct batch {
	struct store_compare compares[STORE_OPS_MAX];
	struct store_op ops[STORE_OPS_MAX];
	size_t count;
};

static void batch_add(struct gate *g, struct batch *b, struct span node, int64_t now_us)
{
	struct heartbeats *h = &g->heartbeats;
	struct view_object *lease = lease_of(g, node);
	struct bytes *value = lease ? renewed(lease, node, now_us) : NULL;
	struct buf key = {0};
	if (!value)
		return; /* it has changed since it was asked for; the next one is in time */
	schema_key(&key, g->leases, span_of(NAMESPACE), node);
	struct span k = span_of(mem_ndup(key.data, key.len));
	buf_fini(&key);
	b->compares[b->count] =
		(struct store_compare){.key = k, .field = STORE_MOD, .number = lease->version};
	b->ops[b->count++] =
		(struct store_op){.verb = STORE_PUT, .key = k, .value = value, .soft = true};
	h->on_way[h->on_way_count++] =
		(struct renewal){mem_ndup(node.data, node.len), lease->version};
}

static void batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		bytes_unref(b->ops[i].value);
		free((void *)(uintptr_t)b->ops[i].key.data);
	}
	free(b);
}

/* Starts the turn's transaction, if none is on its way. */
static void flush(struct ctx *c, struct gate *g)
{
	struct heartbeats *h = &g->heartbeats;
	struct onode *n;
	if (h->on_way_count || !h->pending.count)
		return;
	struct batch *b = mem_alloc(sizeof *b);
	if (!h->on_way)
		h->on_way = mem_alloc(STORE_OPS_MAX * sizeof *h->on_way);
	while (b->count < STORE_OPS_MAX && (n = omap_first(&h->pending))) {
		batch_add(g, b, onode_key(n), (int64_t)(intptr_t)n->value);
		omap_remove(&h->pending, onode_key(n));
	}
	struct store_txn t = {
		.origin = {.principal = span_of("system:nodes"), .wall_us = ctx_wall_us(c)},
		.compares = b->compares,
		.compare_count = b->count,
		.then_ops = b->ops,
		.then_count = b->count,
	};
	if (b->count)
		ctx_txn(c, &t, HEARTBEAT_TAG);
	batch_free(b);
}

/* Of those that were refused together, who was as shown is renewed again. */
static void sort_refused(struct gate *g, const struct store_outcome *o, int64_t now_us)
{
	struct heartbeats *h = &g->heartbeats;
	for (size_t i = 0; i < h->on_way_count; i++) {
		const struct renewal *r = &h->on_way[i];
		bool same = i < o->row_count && o->rows[i].mod_version == r->version;
		omap_put(same ? &h->pending : &h->changed, span_of(r->node),
			 (void *)(intptr_t)now_us);
	}
}

void heartbeats_on_outcome(struct ctx *c, struct gate *g, const struct store_outcome *o)
{
	struct heartbeats *h = &g->heartbeats;
	if (o->status == 0 && !o->compared)
		sort_refused(g, o, ctx_wall_us(c));
	for (size_t i = 0; i < h->on_way_count; i++)
		free(h->on_way[i].node);
	h->on_way_count = 0;
	flush(c, g);
}

/* ---- a heartbeat */

static void answer(struct ctx *c, bool report)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_bool(&b, "report", report);
	ctx_reply(c, &b);
}

int gate_on_heartbeat(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct heartbeats *h = &g->heartbeats;
	struct span name = mp_path_str(m->body, "name");
	int64_t now_us = mp_path_int(m->body, "now_us", 0);
	if (!gate_may_speak_for(c, m, name))
		return 0;
	struct view_object *o = object_at(g->node_view, g->nodes, (struct span){0}, name);
	struct mp node = o ? mp_of_bytes(o->value) : (struct mp){0};
	answer(c, view_synced(g->node_view) && !(o && condition_is(node, "Ready", "True")));
	if (!o || !view_synced(g->lease_view))
		return 0;
	bool changed = omap_remove(&h->changed, name) != NULL;
	struct view_object *lease = lease_of(g, name);
	struct bytes *value = lease && !changed ? renewed(lease, name, now_us) : NULL;
	if (!value) {
		renew_alone(c, g, m, node, now_us);
		return 0;
	}
	bytes_unref(value);
	omap_put(&h->pending, name, (void *)(intptr_t)now_us);
	flush(c, g);
	return 0;
}

void heartbeats_fini(struct heartbeats *h)
{
	omap_fini(&h->pending, NULL);
	omap_fini(&h->changed, NULL);
	for (size_t i = 0; i < h->on_way_count; i++)
		free(h->on_way[i].node);
	free(h->on_way);
}
