/* Endpoints and slices of services. The key is the service's; what shall be
 * is endpoints_plan.h; here are the pods that it is made of, and the writes.
 *
 * A write rests on the service and on the object that it changes, not on the
 * pods: when one of them changes meanwhile, the next plan follows at once.
 *
 * What is written says when the first thing happened that it is about (of a new
 * service: when it was made; else when a pod became ready or not), so that others
 * can tell how long it took to get to them. */
#include "actors/controllers/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/endpoints_plan.h"
#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"
#include "broker/base/omap.h"

static const char slice_stream[] = "endpointslices.discovery.k8s.io";
static const char *const streams[] = {"services",   "pods",	  "endpoints",
				      slice_stream, "nodes",	  "namespaces", NULL};
static const char service_label[] = "kubernetes.io/service-name";
static const char manager_label[] = "endpointslice.kubernetes.io/managed-by";
static const char headless_label[] = "service.kubernetes.io/headless";
static const char trigger_time[] = "endpoints.kubernetes.io/last-change-trigger-time";
static const char over_capacity[] = "endpoints.kubernetes.io/over-capacity";
static const char skip_label[] = "endpointslice.kubernetes.io/skip-mirror";
static const char own_label[] = "endpoints.kubernetes.io/managed-by"; /* of Endpoints */
static const char by_selector[] = "endpointslice-controller.k8s.io";
static const char by_mirror[] = "endpointslicemirroring-controller.k8s.io";

/* The first change since a service was planned for. */
struct trigger {
	int64_t us;
	bool made; /* it is new, and nothing else counts */
};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *services, *pods, *endpoints, *slices;
	struct view *service_view, *pod_view, *endpoint_view, *slice_view, *node_view;
	struct omap triggers;		/* key of a service -> struct trigger */
	struct view_index *slice_index; /* by "NAMESPACE/SERVICE" */
	struct omap gone;		/* keys of services that were seen to go */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static void slices_by_service(struct mp slice, void (*put)(void *arg, struct span under), void *arg)
{
	char text[400];
	struct span ns = object_namespace(slice);
	struct span service = object_label(slice, service_label);
	int n = snprintf(text, sizeof text, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
			 (int)service.len, (const char *)service.data);
	if (service.len && n > 0 && (size_t)n < sizeof text)
		put(arg, span_of(text));
}

static const struct view_index_spec by_service = {.name = "service", .keys = slices_by_service};

/* ---- which services a change is about */

static void want(struct ctx *c, struct reconciler *r, struct span namespace, struct span name)
{
	struct buf b = {0};
	schema_key(&b, state_of(r)->services, namespace, name);
	reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

static bool has_selector(struct mp service, struct mp *selector)
{
	struct mp m;
	size_t n = 0;
	return mp_path(service, "spec.selector", selector) && (m = *selector, !mp_map(&m, &n)) &&
	       n > 0 && !span_is(mp_path_str(service, "spec.type"), "ExternalName");
}

static struct span ready_since(struct mp pod)
{
	struct mp list, status;
	size_t n = 0;
	if (!pod.p || !mp_path(pod, "status.conditions", &list) || mp_array(&list, &n))
		return (struct span){0};
	for (; n > 0; n--, mp_skip(&list))
		if (status = list, span_is(mp_path_str(status, "type"), "Ready"))
			return mp_path_str(status, "lastTransitionTime");
	return (struct span){0};
}

static void note_trigger(struct state *s, struct span service_key, int64_t us, bool made)
{
	struct trigger *t = omap_get(&s->triggers, service_key);
	if (!t) {
		t = mem_alloc(sizeof *t);
		*t = (struct trigger){us, made};
		omap_put(&s->triggers, service_key, t);
	} else if (made || (!t->made && us < t->us)) {
		*t = (struct trigger){us, made};
	}
}

/* When the pod became ready, or not, if that is new; 0: it is not. */
static int64_t trigger_of(struct mp was, struct mp now)
{
	int64_t before = 0, us = 0;
	rfc3339_parse(ready_since(was), &before);
	rfc3339_parse(ready_since(now), &us);
	return us > before ? us : 0;
}

/* `trigger`: since when they are to be told of it; 0: nothing is known of that. */
static void want_selecting(struct ctx *c, struct reconciler *r, struct mp pod, int64_t trigger)
{
	struct state *s = state_of(r);
	struct mp labels = {0}, selector;
	if (!pod.p)
		return;
	struct objects_in it = objects_in(s->service_view, s->services, object_namespace(pod));
	mp_path(pod, "metadata.labels", &labels);
	while (objects_next(&it))
		if (has_selector(it.object, &selector) && label_map_match(selector, labels)) {
			if (trigger)
				note_trigger(s, it.key, trigger, false);
			reconcile_want(c, r, it.key);
		}
}

static struct span zone_of(struct mp node)
{
	return object_label(node, "topology.kubernetes.io/zone");
}

/* A node is in another zone: so are its pods. Before the first plan, while nodes come by
 * the thousand, all services are wanted anyway. */
static void want_on_node(struct ctx *c, struct reconciler *r, struct span node)
{
	const struct state *s = state_of(r);
	if (!fence_holds(&r->fence))
		return;
	for (struct onode *n = omap_first(view_map(s->pod_view)); n; n = omap_next(n)) {
		struct mp pod = object_of(n->value);
		if (span_eq(mp_path_str(pod, "spec.nodeName"), node))
			want_selecting(c, r, pod, 0);
	}
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was), now = object_of(v->now), any = now.p ? now : was;
	struct span ns = object_namespace(any);
	if (v->view == s->service_view) {
		if (v->now)
			omap_remove(&s->gone, v->key);
		else
			omap_put(&s->gone, v->key, s);
		if (v->now && !v->was)
			note_trigger(s, v->key, object_time_us(now, "metadata.creationTimestamp"), true);
		reconcile_want(c, r, v->key);
	} else if (v->view == s->pod_view) {
		want_selecting(c, r, was, 0);
		want_selecting(c, r, now, trigger_of(was, now));
	} else if (v->view == s->node_view) {
		if (!span_eq(zone_of(was), zone_of(now)))
			want_on_node(c, r, object_name(any));
	} else if (v->view == s->endpoint_view) {
		want(c, r, ns, object_name(any));
	} else if (v->view == s->slice_view) {
		if (object_label(was, service_label).len)
			want(c, r, ns, object_label(was, service_label));
		if (object_label(now, service_label).len)
			want(c, r, ns, object_label(now, service_label));
	}
}

/* ---- what there is */

static void gather_pods(struct state *s, struct endpoint_groups *g, struct mp service,
			struct mp selector)
{
	struct mp labels;
	struct objects_in it = objects_in(s->pod_view, s->pods, object_namespace(service));
	while (objects_next(&it))
		if (mp_path(it.object, "metadata.labels", &labels) &&
		    label_map_match(selector, labels))
			endpoint_groups_pod(g, service, it.object);
}

static void gather_subsets(struct endpoint_groups *g, struct mp endpoints)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(endpoints, "subsets", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		endpoint_groups_subset(g, list);
		if (mp_skip(&list))
			return;
	}
}

struct found_slices {
	struct arena *arena;
	const char *manager;
	struct slice *first, **end;
	struct slice *others; /* of the manager that has nothing to do with it any more */
};

static int find_slice(void *arg, const struct view_found *found)
{
	struct found_slices *f = arg;
	struct mp slice = object_of(found->object);
	struct span manager = object_label(slice, manager_label);
	bool mine = span_is(manager, f->manager);
	if (!mine && !span_is(manager, by_selector) && !span_is(manager, by_mirror))
		return 0;
	struct doc *d = object_tree(f->arena, slice);
	struct slice *s = arena_alloc(f->arena, sizeof *s);
	*s = (struct slice){.key = object_copy(f->arena, found->key),
			    .ports = doc_get(d, "ports"),
			    .endpoints = doc_get(d, "endpoints")};
	if (mine) {
		*f->end = s;
		f->end = &s->next;
	} else {
		s->next = f->others;
		f->others = s;
	}
	return 0;
}

static struct found_slices find_slices(struct state *s, struct arena *a, struct mp service,
				       const char *manager)
{
	char under[400];
	struct found_slices f = {.arena = a, .manager = manager};
	struct span ns = object_namespace(service);
	struct span name = object_name(service);
	f.end = &f.first;
	snprintf(under, sizeof under, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)name.len, (const char *)name.data);
	view_index_each(s->slice_index, span_of(under), find_slice, &f);
	return f;
}

static struct span zone_of_node(void *arg, struct span node)
{
	struct state *s = arg;
	struct buf key = {0};
	buf_puts(&key, "nodes/");
	buf_append(&key, node.data, node.len);
	struct span zone = zone_of(object_of(view_get(s->node_view, span_buf(&key))));
	buf_fini(&key);
	return zone;
}

/* ---- writes */

static void say_trigger(struct arena *a, struct doc *meta, int64_t us)
{
	char text[RFC3339_MAX];
	rfc3339_format(us, text);
	if (us)
		doc_set_str(a, doc_need_map(a, meta, "annotations"), trigger_time, arena_dup(a, text));
	else if (doc_get(meta, "annotations"))
		doc_remove(doc_get(meta, "annotations"), trigger_time);
}

static struct reconcile_action *write(struct reconciler *r, struct reconcile_item *i,
				      struct span service_key, enum obj_verb verb,
				      const struct schema_resource *resource, struct span key)
{
	struct arena *a = reconcile_arena(i);
	struct span stream, ns, name = {0};
	struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
	schema_key_split(service_key, &stream, &ns, &name);
	if (verb == OBJ_CREATE)
		name = (struct span){0};
	else
		schema_key_split(key, &stream, &ns, &name);
	struct reconcile_action *x =
		reconcile_add(i, verb, resource, object_copy(a, ns), object_copy(a, name));
	basis[0] = reconcile_basis(r, object_copy(a, service_key));
	basis[1] = reconcile_basis(r, object_copy(a, key.len ? key : service_key));
	x->basis = basis;
	x->basis_count = key.len ? 2 : 1;
	return x;
}

static struct doc *copy_map(struct arena *a, struct mp object, const char *path)
{
	struct doc *copy = doc_new(a, DOC_MAP);
	struct mp m;
	if (mp_path(object, path, &m)) {
		struct doc *from = object_tree(a, m);
		DOC_EACH(d, from)
		doc_set_span(a, copy, d->key, doc_copy(a, d));
	}
	return copy;
}

/* The service's own labels, but for what says whose a slice is; of a mirror
 * those of the Endpoints. */
static struct doc *labels_of(struct arena *a, struct mp service, struct mp owner, const char *manager)
{
	struct doc *labels = copy_map(a, owner, "metadata.labels");
	bool headless = span_is(mp_path_str(service, "spec.clusterIP"), "None");
	if (manager != by_mirror && headless)
		doc_set_str(a, labels, headless_label, "");
	else if (manager != by_mirror)
		doc_remove(labels, headless_label);
	if (!manager)
		return labels;
	doc_set_str(a, labels, manager_label, manager);
	doc_set(a, labels, service_label, doc_span(a, object_copy(a, object_name(service))));
	return labels;
}

/* A mirror has those of the Endpoints, but for what is about these alone. */
static struct doc *annotations_of_mirror(struct arena *a, struct mp owner)
{
	static const char *const not[] = {trigger_time, "kubectl.kubernetes.io/last-applied-configuration"};
	struct doc *all = copy_map(a, owner, "metadata.annotations");
	for (size_t i = 0; i < sizeof not / sizeof *not; i++)
		doc_remove(all, not[i]);
	return all;
}

static bool same_map(const struct doc *a, const struct doc *b)
{
	bool none_a = !doc_is(a, DOC_MAP) || !a->count, none_b = !doc_is(b, DOC_MAP) || !b->count;
	return none_a || none_b ? none_a == none_b : doc_equal(a, b);
}

static bool same_list(const struct doc *a, const struct doc *b)
{
	bool none_a = !doc_is(a, DOC_ARRAY) || !a->count;
	bool none_b = !doc_is(b, DOC_ARRAY) || !b->count;
	return none_a || none_b ? none_a == none_b : doc_equal(a, b);
}

static void write_endpoints(struct reconciler *r, struct reconcile_item *i, struct span key,
			    struct mp service, struct endpoint_groups *g, int64_t trigger)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct buf b = {0};
	schema_key(&b, s->endpoints, object_namespace(service), object_name(service));
	struct span own = object_copy(a, span_buf(&b));
	buf_fini(&b);
	struct view_object *o = reconcile_get(r, own);
	struct doc *d = object_tree(a, object_of(o)), *m = doc_need_map(a, d, "metadata");
	bool truncated;
	struct doc *labels = labels_of(a, service, service, NULL), *subsets = endpoints_subsets(g, &truncated);
	bool says_so = span_is(doc_get_str(doc_get(m, "annotations"), over_capacity), "truncated");
	doc_set_str(a, labels, own_label, "endpoint-controller");
	if (o && same_map(doc_get(m, "labels"), labels) && says_so == truncated &&
	    same_list(doc_get(d, "subsets"), subsets))
		return;
	struct reconcile_action *x =
		write(r, i, key, o ? OBJ_UPDATE : OBJ_CREATE, s->endpoints, own);
	doc_set(a, m, "name", doc_span(a, object_copy(a, object_name(service))));
	doc_set(a, m, "labels", labels);
	if (truncated)
		doc_set_str(a, doc_need_map(a, m, "annotations"), over_capacity, "truncated");
	else if (says_so)
		doc_remove(doc_get(m, "annotations"), over_capacity);
	say_trigger(a, m, trigger);
	doc_set(a, d, "subsets", subsets);
	x->body = d;
}

static void write_slice(struct reconciler *r, struct reconcile_item *i, struct span key,
			struct mp service, struct mp owner, struct slice *s, const char *manager,
			int64_t trigger)
{
	struct arena *a = reconcile_arena(i);
	const struct schema_resource *slices = state_of(r)->slices;
	struct doc *d =
		object_tree(a, s->key.len ? object_of(reconcile_get(r, s->key)) : (struct mp){0});
	struct doc *m = doc_need_map(a, d, "metadata"), *labels = labels_of(a, service, owner, manager);
	struct doc *annotations = manager == by_mirror ? annotations_of_mirror(a, owner) : NULL;
	if (s->unwanted) {
		struct reconcile_action *gone = write(r, i, key, OBJ_DELETE, slices, s->key);
		gone->uid = doc_get_str(m, "uid");
		return;
	}
	if (s->key.len && !s->changed && same_map(doc_get(m, "labels"), labels) &&
	    (!annotations || same_map(doc_get(m, "annotations"), annotations)))
		return;
	struct reconcile_action *x =
		write(r, i, key, s->key.len ? OBJ_UPDATE : OBJ_CREATE, slices, s->key);
	if (!s->key.len) {
		struct span name = object_name(service);
		doc_set(a, m, "generateName",
			doc_printf(a, "%.*s-", (int)name.len, (const char *)name.data));
		doc_add(doc_set(a, m, "ownerReferences", doc_new(a, DOC_ARRAY)),
			owners_new_ref(a, owner));
		doc_set_str(a, d, "addressType", "IPv4");
	}
	doc_set(a, m, "labels", labels);
	if (annotations)
		doc_set(a, m, "annotations", annotations);
	else
		say_trigger(a, m, trigger);
	doc_set(a, d, "endpoints", s->endpoints);
	doc_set(a, d, "ports", s->ports ? doc_copy(a, s->ports) : doc_new(a, DOC_ARRAY));
	x->body = d;
}

/* ---- the plan */

static void place(struct reconciler *r, struct reconcile_item *i, struct span key,
		  struct mp service, struct mp owner, struct endpoint_groups *g,
		  const char *manager, int64_t trigger)
{
	struct found_slices f = find_slices(state_of(r), reconcile_arena(i), service, manager);
	if (owner.p)
		slices_place(g, &f.first);
	for (struct slice *s = f.first; s; s = s->next) {
		s->unwanted |= !owner.p;
		write_slice(r, i, key, service, owner, s, manager, trigger);
	}
	for (struct slice *s = f.others; s; s = s->next) {
		s->unwanted = true;
		write_slice(r, i, key, service, owner, s, manager, trigger);
	}
}

static struct view_object *endpoints_of(struct reconciler *r, struct span service_key)
{
	struct span stream, ns, name;
	struct buf b = {0};
	if (!schema_key_split(service_key, &stream, &ns, &name))
		return NULL;
	schema_key(&b, state_of(r)->endpoints, ns, name);
	struct view_object *o = reconcile_get(r, span_buf(&b));
	buf_fini(&b);
	return o;
}

/* The service is gone: so are the Endpoints of its name (its slices are the
 * garbage collector's). Those that people wrote before there was a service
 * stay: only they know what is to come. */
static void plan_gone(struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct view_object *o = endpoints_of(r, key);
	struct arena *a = reconcile_arena(i);
	struct span stream, ns, name;
	bool seen = omap_remove(&s->gone, key) != NULL;
	if (!o || !schema_key_split(key, &stream, &ns, &name) ||
	    (!seen && !object_label(object_of(o), own_label).len))
		return;
	struct reconcile_action *x = reconcile_add(i, OBJ_DELETE, state_of(r)->endpoints,
						   object_copy(a, ns), object_copy(a, name));
	reconcile_rest_on(r, i, x, key);
	x->uid = object_copy(a, object_uid(object_of(o)));
}

/* Of each time it was not told before. */
static int64_t take_trigger(struct state *s, struct span key)
{
	struct trigger *t = omap_remove(&s->triggers, key);
	int64_t us = t ? t->us : 0;
	free(t);
	return us;
}

static void tell_skipped(struct ctx *c, const struct reconciler *r, struct mp endpoints, size_t skipped)
{
	if (skipped)
		reconcile_event(c, r, endpoints, "Warning", "TooManyAddressesToMirror",
				"A max of %d addresses can be mirrored to EndpointSlices per Endpoints subset. "
				"%zu addresses were skipped",
				ENDPOINTS_MIRRORED_MAX, skipped);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct endpoint_groups g = {.arena = reconcile_arena(i), .zone_of = zone_of_node, .arg = state_of(r)};
	struct view_object *o = reconcile_get(r, key);
	struct mp service = object_of(o), selector;
	int64_t trigger = take_trigger(state_of(r), key);
	if (!o) {
		plan_gone(r, i, key);
		return;
	}
	if (mp_path_str(service, "metadata.deletionTimestamp").len)
		return;
	if (has_selector(service, &selector)) {
		gather_pods(state_of(r), &g, service, selector);
		write_endpoints(r, i, key, service, &g, trigger);
		place(r, i, key, service, service, &g, by_selector, trigger);
		return;
	}
	struct mp endpoints = object_of(endpoints_of(r, key));
	if (span_is(object_label(endpoints, skip_label), "true"))
		endpoints = (struct mp){0};
	if (endpoints.p)
		gather_subsets(&g, endpoints);
	tell_skipped(c, r, endpoints, g.skipped);
	place(r, i, key, service, endpoints, &g, by_mirror, 0);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "endpoint-controller",
	.fence = "endpoints",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->services = reconcile_resource(&s->r, "services");
	s->pods = reconcile_resource(&s->r, "pods");
	s->endpoints = reconcile_resource(&s->r, "endpoints");
	s->slices = reconcile_resource(&s->r, slice_stream);
	s->service_view = reconcile_view(&s->r, span_of("services"));
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->endpoint_view = reconcile_view(&s->r, span_of("endpoints"));
	s->slice_view = reconcile_view(&s->r, span_of(slice_stream));
	s->node_view = reconcile_view(&s->r, span_of("nodes"));
	s->slice_index = ctx_index(c, s->slice_view, &by_service);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->gone, NULL);
	omap_fini(&s->triggers, free);
	reconcile_fini(&s->r);
}

const struct actor_spec endpoints_actor = {
	.kind = "endpoints",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
