#include "actors/scheduler/replicas.h"

#include <stdlib.h>
#include <string.h>

#include "actors/scheduler/near.h"
#include "broker/base/hmap.h"
#include "broker/base/mem.h"

enum { NODES_SKEW = 3, ZONES_SKEW = 5 }; /* of the default constraints */

struct zone {
	size_t nodes;
	char *name;
};

struct here {
	const void *node;
	int64_t count;
};

struct in_zone {
	const struct zone *zone;
	int64_t count;
};

struct replicas {
	char *uid;
	size_t members;
	struct hmap nodes; /* struct here */
	struct in_zone *zones;
	size_t zone_count;
};

/* ---- owners */

static bool spreads(struct span kind)
{
	return span_is(kind, "ReplicaSet") || span_is(kind, "ReplicationController") ||
	       span_is(kind, "StatefulSet");
}

static struct span owner_uid(struct mp pod)
{
	struct mp ref;
	size_t n;
	if (!mp_path(pod, "metadata.ownerReferences", &ref) || mp_array(&ref, &n))
		return (struct span){0};
	for (; n > 0; n--, mp_skip(&ref))
		if (mp_path_bool(ref, "controller", false) && spreads(mp_path_str(ref, "kind")))
			return mp_path_str(ref, "uid");
	return (struct span){0};
}

static struct span key_of_here(const void *item)
{
	const struct here *h = item;
	return (struct span){(const uint8_t *)&h->node, sizeof h->node};
}

void replicas_leave(struct spreading *s, struct replicas *r)
{
	if (!r || --r->members)
		return;
	omap_remove(&s->owners, span_of(r->uid));
	hmap_fini(&r->nodes);
	free(r->zones);
	free(r->uid);
	free(r);
}

bool replicas_has(const struct replicas *r, struct mp pod)
{
	struct span uid = owner_uid(pod);
	return r ? span_is(uid, r->uid) : !uid.len;
}

struct replicas *replicas_join(struct spreading *s, struct mp pod)
{
	struct span uid = owner_uid(pod);
	struct replicas *r = uid.len ? omap_get(&s->owners, uid) : NULL;
	if (uid.len && !r) {
		r = mem_alloc(sizeof *r);
		*r = (struct replicas){.uid = mem_ndup(uid.data, uid.len),
				       .nodes = {.key = key_of_here}};
		omap_put(&s->owners, uid, r);
	}
	if (r)
		r->members++;
	return r;
}

/* ---- zones */

struct zone *spreading_zone(struct spreading *s, struct zone *was, struct mp node)
{
	struct mp labels = {0}, value;
	struct span name = {0};
	if (node.p && mp_path(node, "metadata.labels", &labels) &&
	    mp_find(labels, "topology.kubernetes.io/zone", &value))
		mp_str(&value, &name);
	if (was && span_is(name, was->name))
		return was;
	struct zone *z = name.len ? omap_get(&s->zones, name) : NULL;
	if (name.len && !z) {
		z = mem_alloc(sizeof *z);
		*z = (struct zone){.name = mem_ndup(name.data, name.len)};
		omap_put(&s->zones, name, z);
	}
	if (z && !z->nodes++)
		s->zone_count++;
	if (was && !--was->nodes)
		s->zone_count--;
	return z;
}

static void zone_free(void *ptr)
{
	struct zone *z = ptr;
	free(z->name);
	free(z);
}

void spreading_fini(struct spreading *s)
{
	omap_fini(&s->owners, NULL);
	omap_fini(&s->zones, zone_free);
}

/* ---- counting */

static struct here *here_of(const struct replicas *r, const void *node)
{
	return hmap_get(&r->nodes, (struct span){(const uint8_t *)&node, sizeof node});
}

static void count_node(struct replicas *r, const void *node, int sign)
{
	struct here *h = here_of(r, node);
	if (!h) {
		h = mem_alloc(sizeof *h);
		*h = (struct here){.node = node};
		hmap_add(&r->nodes, h);
	}
	h->count += sign;
	if (h->count)
		return;
	hmap_remove(&r->nodes, h);
	free(h);
}

static int64_t *zone_of(struct replicas *r, const struct zone *zone)
{
	for (size_t i = 0; i < r->zone_count; i++)
		if (r->zones[i].zone == zone)
			return &r->zones[i].count;
	r->zones = mem_realloc(r->zones, (r->zone_count + 1) * sizeof *r->zones);
	r->zones[r->zone_count] = (struct in_zone){.zone = zone};
	return &r->zones[r->zone_count++].count;
}

void replicas_move(struct replicas *r, const void *node, struct zone *zone, int sign)
{
	count_node(r, node, sign);
	if (zone)
		*zone_of(r, zone) += sign;
}

/* ---- a choice */

struct replicas_look replicas_look(const struct spreading *s, const struct replicas *r,
				   size_t nodes)
{
	struct replicas_look l = {.replicas = r && r->nodes.count ? r : NULL};
	if (l.replicas) {
		l.node_weight = near_weight(nodes);
		l.zone_weight = near_weight(s->zone_count);
	}
	return l;
}

int64_t replicas_spread(const struct replicas_look *l, const void *node, const struct zone *zone)
{
	const struct replicas *r = l->replicas;
	if (!r)
		return 0;
	const struct here *h = here_of(r, node);
	int64_t all = (h ? h->count : 0) * l->node_weight + (NODES_SKEW - 1) * 100;
	if (!zone)
		return all;
	for (size_t i = 0; i < r->zone_count; i++)
		if (r->zones[i].zone == zone)
			all += r->zones[i].count * l->zone_weight;
	return all + (ZONES_SKEW - 1) * 100;
}
