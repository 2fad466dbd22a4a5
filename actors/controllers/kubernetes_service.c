/* Three objects that shall be there as this file says; whoever deletes or
 * changes one gets it back.
 *
 * An API on the loopback is reached from pods only where they are on the
 * loopback too (the cluster's range says so): elsewhere the service has no
 * endpoints rather than wrong ones. */
#include "actors/controllers/kubernetes_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/reconcile.h"
#include "broker/base/mem.h"

static const char slice_stream[] = "endpointslices.discovery.k8s.io";
static const char *const streams[] = {"services", "endpoints", slice_stream, "namespaces", NULL};
static const char key_text[] = "services/default/kubernetes";
static const char namespace_key[] = "namespaces/default";

struct state {
	struct reconciler r; /* first */
	char *host;	     /* NULL: there is no API to reach */
	int64_t port;
	char first[16]; /* the range's first address for services */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct span stream, ns, name;
	bool ours = schema_key_split(v->key, &stream, &ns, &name) && span_is(ns, "default") &&
		    span_is(name, "kubernetes");
	if (ours || span_is(v->key, namespace_key))
		reconcile_want(c, r, span_of(key_text));
}

/* ---- what shall be */

static struct doc *port_of(struct arena *a, int64_t port)
{
	struct doc *p = doc_new(a, DOC_MAP);
	doc_set_str(a, p, "name", "https");
	doc_set_int(a, p, "port", port);
	doc_set_str(a, p, "protocol", "TCP");
	return p;
}

static struct doc *list_of(struct arena *a, struct doc *one)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	doc_add(list, one);
	return list;
}

static struct doc *object(struct arena *a, const char *label, const char *value)
{
	struct doc *d = doc_new(a, DOC_MAP), *m = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	struct doc *labels = doc_set(a, m, "labels", doc_new(a, DOC_MAP));
	doc_set_str(a, m, "name", "kubernetes");
	doc_set_str(a, labels, label, value);
	return d;
}

static struct doc *service(struct state *s, struct arena *a)
{
	struct doc *d = object(a, "component", "apiserver"), *spec = doc_new(a, DOC_MAP);
	struct doc *labels = doc_path(d, "metadata.labels"), *port = port_of(a, 443);
	doc_set_str(a, labels, "provider", "kubernetes");
	doc_set(a, d, "spec", spec);
	doc_set_str(a, spec, "type", "ClusterIP");
	doc_set_str(a, spec, "clusterIP", s->first);
	doc_set_int(a, port, "targetPort", s->port);
	doc_set(a, spec, "ports", list_of(a, port));
	return d;
}

static struct doc *endpoints(struct state *s, struct arena *a)
{
	struct doc *d = object(a, "endpointslice.kubernetes.io/skip-mirror", "true");
	struct doc *subset = doc_new(a, DOC_MAP), *address = doc_new(a, DOC_MAP);
	doc_set_str(a, address, "ip", s->host);
	doc_set(a, subset, "addresses", list_of(a, address));
	doc_set(a, subset, "ports", list_of(a, port_of(a, s->port)));
	doc_set(a, d, "subsets", list_of(a, subset));
	return d;
}

static struct doc *slice(struct state *s, struct arena *a)
{
	struct doc *d = object(a, "kubernetes.io/service-name", "kubernetes");
	struct doc *endpoint = doc_new(a, DOC_MAP), *conditions = doc_new(a, DOC_MAP);
	doc_set_str(a, d, "addressType", "IPv4");
	doc_set(a, endpoint, "addresses", list_of(a, doc_str(a, s->host)));
	doc_set(a, endpoint, "conditions", conditions);
	doc_set_bool(a, conditions, "ready", true);
	doc_set(a, d, "endpoints", list_of(a, endpoint));
	doc_set(a, d, "ports", list_of(a, port_of(a, s->port)));
	return d;
}

/* ---- the plan */

/* Every field that `want` names is so in `have`. */
static bool agrees(const struct doc *want, const struct doc *have)
{
	if (!have || want->type != have->type)
		return false;
	if (want->type != DOC_MAP && want->type != DOC_ARRAY)
		return doc_equal(want, have);
	size_t i = 0;
	if (want->type == DOC_ARRAY && want->count != have->count)
		return false;
	DOC_EACH(d, want)
	if (!agrees(d, want->type == DOC_MAP ? doc_get_span(have, d->key) : doc_at(have, i++)))
		return false;
	return true;
}

static void shall_be(struct reconciler *r, struct reconcile_item *i, const char *stream,
		     struct doc *want)
{
	struct arena *a = reconcile_arena(i);
	const struct schema_resource *row = reconcile_resource(r, stream);
	struct view_object *o =
		reconcile_get(r, span_of(arena_printf(a, "%s/default/kubernetes", stream)));
	if (o && agrees(want, object_tree(a, object_of(o))))
		return;
	struct reconcile_action *x =
		reconcile_add(i, o ? OBJ_PATCH_MERGE : OBJ_CREATE, row, span_of("default"),
			      o ? span_of("kubernetes") : (struct span){0});
	x->body = want;
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	const struct obj_cluster *cluster = ctx_shared(c, "cluster");
	(void)key;
	if (!s->host || !reconcile_get(r, span_of(namespace_key)))
		return;
	shall_be(r, i, "services", service(s, a));
	bool here = strncmp(s->host, "127.", 4) == 0;
	if (here && !(cluster && cluster->service_base >> 24 == 127))
		return;
	shall_be(r, i, "endpoints", endpoints(s, a));
	shall_be(r, i, slice_stream, slice(s, a));
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "kubernetes-service",
	.fence = "kubernetes-service",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static void read_address(struct state *s, struct span address)
{
	const uint8_t *colon = address.len ? memchr(address.data, ':', address.len) : NULL;
	if (!colon)
		return;
	struct span host = {address.data, (size_t)(colon - address.data)};
	if (span_is(host, "0.0.0.0")) /* all of them: the nearest is one */
		host = span_of("127.0.0.1");
	s->host = mem_ndup(host.data, host.len);
	for (const uint8_t *p = colon + 1; p < address.data + address.len; p++)
		s->port = 10 * s->port + *p - '0';
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	const struct obj_cluster *cluster = ctx_shared(c, "cluster");
	uint32_t first = (cluster ? cluster : &obj_cluster_default)->service_base + 1;
	snprintf(s->first, sizeof s->first, "%u.%u.%u.%u", first >> 24, first >> 16 & 255,
		 first >> 8 & 255, first & 255);
	read_address(s, mp_path_str(cfg, "address"));
	return reconcile_init(c, &s->r, &spec);
}

static void fini(void *state)
{
	struct state *s = state;
	free(s->host);
	reconcile_fini(&s->r);
}

const struct actor_spec kubernetes_service_actor = {
	.kind = "kubernetes-service",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
