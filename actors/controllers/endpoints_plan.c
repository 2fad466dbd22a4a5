/* Rules as in Kubernetes' endpoints and endpointslice controllers. */
#include "actors/controllers/endpoints_plan.h"

#include <string.h>

#include "broker/base/planted.h"
#include "broker/base/sort.h"

/* ---- ports */

static void for_each(struct mp object, const char *path, void (*one)(void *arg, struct mp item),
		     void *arg)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(object, path, &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		one(arg, list);
		if (mp_skip(&list))
			return;
	}
}

struct port_search {
	struct span name, protocol;
	int64_t found;
};

static void match_container_port(void *arg, struct mp port)
{
	struct port_search *s = arg;
	struct span protocol = mp_path_str(port, "protocol");
	if (!s->found && span_eq(mp_path_str(port, "name"), s->name) &&
	    (protocol.len ? span_eq(protocol, s->protocol) : span_is(s->protocol, "TCP")))
		s->found = mp_path_int(port, "containerPort", 0);
}

static void search_container(void *arg, struct mp container)
{
	for_each(container, "ports", match_container_port, arg);
}

static void search_side_car(void *arg, struct mp container)
{
	if (span_is(mp_path_str(container, "restartPolicy"), "Always"))
		search_container(arg, container);
}

/* The number behind a service port's targetPort in this pod; 0: it has none. */
static int64_t resolve(struct mp port, struct mp pod)
{
	struct mp target;
	struct port_search s = {.protocol = mp_path_str(port, "protocol")};
	int64_t number = 0;
	if (!mp_find(port, "targetPort", &target))
		return mp_path_int(port, "port", 0);
	if (mp_i64(&target, &number) == 0)
		return number ? number : mp_path_int(port, "port", 0);
	if (mp_str(&target, &s.name))
		return 0;
	for_each(pod, "spec.containers", search_container, &s);
	for_each(pod, "spec.initContainers", search_side_car, &s);
	return s.found;
}

struct port_list {
	struct arena *arena;
	struct mp pod;
	struct doc *ports;
	size_t wanted;
};

static void copy_text(struct arena *a, struct doc *to, const char *field, struct mp from)
{
	struct span s = mp_path_str(from, field);
	if (s.len)
		doc_set(a, to, field, doc_span(a, s));
}

static void add_port(void *arg, struct mp port)
{
	struct port_list *l = arg;
	int64_t number = resolve(port, l->pod);
	l->wanted++;
	if (!number)
		return;
	struct doc *d = doc_add(l->ports, doc_new(l->arena, DOC_MAP));
	copy_text(l->arena, d, "name", port);
	doc_set_int(l->arena, d, "port", number);
	copy_text(l->arena, d, "protocol", port);
	copy_text(l->arena, d, "appProtocol", port);
}

/* ---- groups */

static struct endpoint_group *group_of(struct endpoint_groups *g, struct doc *ports)
{
	for (struct endpoint_group *p = g->first; p; p = p->next)
		if (doc_equal(p->ports, ports))
			return p;
	struct endpoint_group *p = arena_alloc(g->arena, sizeof *p);
	*p = (struct endpoint_group){.ports = ports};
	if (g->last)
		g->last->next = p;
	else
		g->first = p;
	g->last = p;
	return p;
}

static void group_add(struct endpoint_groups *g, struct doc *ports, const struct endpoint *e)
{
	struct endpoint_group *p = group_of(g, ports);
	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 8;
		struct endpoint *list = arena_alloc(g->arena, cap * sizeof *list);
		if (p->count)
			memcpy(list, p->list, p->count * sizeof *list);
		p->list = list;
		p->cap = cap;
	}
	p->list[p->count++] = *e;
}

static void note_ready(void *arg, struct mp condition)
{
	bool *ready = arg;
	if (span_is(mp_path_str(condition, "type"), "Ready"))
		*ready = span_is(mp_path_str(condition, "status"), "True");
}

/* spec.trafficDistribution, unless the annotation of old asks for another way. */
static void read_hints(struct endpoint *e, struct mp service)
{
	struct span how = mp_path_str(service, "spec.trafficDistribution");
	struct mp annotations, m;
	struct span mode = {0};
	e->near_node = span_is(how, "PreferSameNode");
	e->near_zone = e->near_node || span_is(how, "PreferClose") || span_is(how, "PreferSameZone");
	if (!e->near_zone || !mp_path(service, "metadata.annotations", &annotations))
		return;
	if (mp_find(annotations, "service.kubernetes.io/topology-aware-hints", &m) ||
	    mp_find(annotations, "service.kubernetes.io/topology-mode", &m))
		mp_str(&m, &mode);
	if (span_is(mode, "Auto") || span_is(mode, "auto"))
		e->near_node = e->near_zone = false;
}

void endpoint_groups_pod(struct endpoint_groups *g, struct mp service, struct mp pod)
{
	struct span phase = mp_path_str(pod, "status.phase");
	struct span subdomain = mp_path_str(pod, "spec.subdomain");
	bool ready = false, all = mp_path_bool(service, "spec.publishNotReadyAddresses", false);
	struct port_list ports = {g->arena, pod, doc_new(g->arena, DOC_ARRAY), 0};
	struct endpoint e = {
		.ip = mp_path_str(pod, "status.podIP"),
		.node = mp_path_str(pod, "spec.nodeName"),
		.namespace = mp_path_str(pod, "metadata.namespace"),
		.pod = mp_path_str(pod, "metadata.name"),
		.uid = mp_path_str(pod, "metadata.uid"),
		.terminating = mp_path_str(pod, "metadata.deletionTimestamp").len > 0,
	};
	if (!e.ip.len || span_is(phase, "Succeeded") || span_is(phase, "Failed"))
		return;
	if (subdomain.len && span_eq(subdomain, mp_path_str(service, "metadata.name")))
		e.hostname = mp_path_str(pod, "spec.hostname");
	for_each(pod, "status.conditions", note_ready, &ready);
	if (g->zone_of)
		e.zone = g->zone_of(g->arg, e.node);
	read_hints(&e, service);
	e.serving = ready;
	e.ready = all || PLANTED(UNREADY_IN_ENDPOINTS) || (ready && !e.terminating);
	for_each(service, "spec.ports", add_port, &ports);
	e.portless = ports.wanted && !ports.ports->count;
	group_add(g, ports.ports, &e);
}

struct subset_read {
	struct endpoint_groups *groups;
	struct doc *ports;
	bool ready;
	size_t count;
};

static void add_subset_port(void *arg, struct mp port)
{
	struct subset_read *s = arg;
	struct arena *a = s->groups->arena;
	struct doc *d = doc_add(s->ports, doc_new(a, DOC_MAP));
	copy_text(a, d, "name", port);
	doc_set_int(a, d, "port", mp_path_int(port, "port", 0));
	copy_text(a, d, "protocol", port);
	copy_text(a, d, "appProtocol", port);
}

static void add_subset_address(void *arg, struct mp address)
{
	struct subset_read *s = arg;
	bool pod = span_is(mp_path_str(address, "targetRef.kind"), "Pod");
	if (s->count++ >= ENDPOINTS_MIRRORED_MAX) {
		s->groups->skipped++;
		return;
	}
	struct endpoint e = {
		.ip = mp_path_str(address, "ip"),
		.node = mp_path_str(address, "nodeName"),
		.hostname = mp_path_str(address, "hostname"),
		.ready = s->ready,
		.serving = s->ready,
		.written = true,
	};
	if (pod) {
		e.namespace = mp_path_str(address, "targetRef.namespace");
		e.pod = mp_path_str(address, "targetRef.name");
		e.uid = mp_path_str(address, "targetRef.uid");
	}
	group_add(s->groups, s->ports, &e);
}

void endpoint_groups_subset(struct endpoint_groups *g, struct mp subset)
{
	struct subset_read s = {g, doc_new(g->arena, DOC_ARRAY), true, 0};
	for_each(subset, "ports", add_subset_port, &s);
	for_each(subset, "addresses", add_subset_address, &s);
	s.ready = false;
	for_each(subset, "notReadyAddresses", add_subset_address, &s);
}

/* ---- Endpoints */

static struct doc *target_ref(struct arena *a, const struct endpoint *e)
{
	struct doc *ref = doc_new(a, DOC_MAP);
	doc_set_str(a, ref, "kind", "Pod");
	doc_set(a, ref, "namespace", doc_span(a, e->namespace));
	doc_set(a, ref, "name", doc_span(a, e->pod));
	doc_set(a, ref, "uid", doc_span(a, e->uid));
	return ref;
}

static struct doc *address(struct arena *a, const struct endpoint *e)
{
	struct doc *d = doc_new(a, DOC_MAP);
	doc_set(a, d, "ip", doc_span(a, e->ip));
	if (e->hostname.len)
		doc_set(a, d, "hostname", doc_span(a, e->hostname));
	if (e->node.len)
		doc_set(a, d, "nodeName", doc_span(a, e->node));
	if (e->uid.len)
		doc_set(a, d, "targetRef", target_ref(a, e));
	return d;
}

static int by_ip(const void *x, const void *y, void *arg)
{
	const struct endpoint *a = *(const struct endpoint *const *)x;
	const struct endpoint *b = *(const struct endpoint *const *)y;
	(void)arg;
	int order = span_cmp(a->ip, b->ip);
	return order ? order : span_cmp(a->uid, b->uid);
}

static bool is_shown(const struct endpoint *e)
{
	return (!e->terminating || e->ready) && !e->portless;
}

static size_t count_shown(const struct endpoint_group *g, bool ready)
{
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++)
		n += is_shown(&g->list[i]) && g->list[i].ready == ready;
	return n;
}

/* How many addresses an Endpoints object has room for: of all groups, and how
 * many of these are left for the groups that come. */
struct room {
	size_t all, max, left;
};

static struct room room_for(const struct endpoint_groups *g, bool ready, size_t max)
{
	struct room r = {.max = max, .left = max};
	for (const struct endpoint_group *p = g->first; p; p = p->next)
		r.all += count_shown(p, ready);
	return r;
}

/* A group's share of the room, rounded up. */
static size_t take_share(struct room *r, size_t count)
{
	size_t share = r->all <= r->max ? count : (count * r->max + r->all - 1) / r->all;
	if (share > r->left)
		share = r->left;
	r->left -= share;
	return share;
}

static void put_addresses(struct arena *a, struct doc *d, const char *name, const struct endpoint_group *g, bool ready,
			  size_t most)
{
	const struct endpoint **sorted = arena_alloc(a, (g->count + 1) * sizeof *sorted);
	struct doc *list = doc_new(a, DOC_ARRAY);
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++)
		if (is_shown(&g->list[i]) && g->list[i].ready == ready)
			sorted[n++] = &g->list[i];
	sort_stable(sorted, n, sizeof *sorted, by_ip, NULL);
	for (size_t i = 0; i < n && i < most; i++)
		doc_add(list, address(a, sorted[i]));
	if (list->count)
		doc_set(a, d, name, list);
}

struct doc *endpoints_subsets(struct endpoint_groups *g, bool *truncated)
{
	struct arena *a = g->arena;
	struct doc *list = doc_new(a, DOC_ARRAY);
	struct room ready = room_for(g, true, ENDPOINTS_ADDRESSES_MAX);
	size_t taken = ready.all < ready.max ? ready.all : ready.max;
	struct room rest = room_for(g, false, ENDPOINTS_ADDRESSES_MAX - taken);
	if (truncated)
		*truncated = ready.all > ready.max || rest.all > rest.max;
	for (const struct endpoint_group *p = g->first; p; p = p->next) {
		struct doc *d = doc_new(a, DOC_MAP);
		put_addresses(a, d, "addresses", p, true, take_share(&ready, count_shown(p, true)));
		put_addresses(a, d, "notReadyAddresses", p, false, take_share(&rest, count_shown(p, false)));
		if (!d->count)
			continue;
		if (p->ports->count)
			doc_set(a, d, "ports", doc_copy(a, p->ports));
		doc_add(list, d);
	}
	return list;
}

/* ---- slices */

static void name_one(struct arena *a, struct doc *hints, const char *field, struct span name)
{
	struct doc *list = doc_set(a, hints, field, doc_new(a, DOC_ARRAY));
	doc_set(a, doc_add(list, doc_new(a, DOC_MAP)), "name", doc_span(a, name));
}

static void add_hints(struct arena *a, struct doc *d, const struct endpoint *e)
{
	struct doc *hints = doc_new(a, DOC_MAP);
	if (e->near_zone && e->zone.len)
		name_one(a, hints, "forZones", e->zone);
	if (e->near_node && e->node.len)
		name_one(a, hints, "forNodes", e->node);
	if (e->ready && hints->count)
		doc_set(a, d, "hints", hints);
}

static struct doc *slice_endpoint(struct arena *a, const struct endpoint *e)
{
	struct doc *d = doc_new(a, DOC_MAP), *list = doc_new(a, DOC_ARRAY);
	struct doc *conditions = doc_new(a, DOC_MAP);
	doc_set(a, d, "addresses", list);
	doc_add(list, doc_span(a, e->ip));
	doc_set(a, d, "conditions", conditions);
	doc_set_bool(a, conditions, "ready", e->ready);
	if (!e->written) {
		doc_set_bool(a, conditions, "serving", e->serving);
		doc_set_bool(a, conditions, "terminating", e->terminating);
	}
	if (e->hostname.len)
		doc_set(a, d, "hostname", doc_span(a, e->hostname));
	if (e->uid.len)
		doc_set(a, d, "targetRef", target_ref(a, e));
	if (e->node.len)
		doc_set(a, d, "nodeName", doc_span(a, e->node));
	if (e->zone.len)
		doc_set(a, d, "zone", doc_span(a, e->zone));
	add_hints(a, d, e);
	return d;
}

/* A group's ports as a slice has them: a name always. */
static struct doc *slice_ports(struct arena *a, const struct doc *ports)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	DOC_EACH(p, ports)
	{
		struct doc *d = doc_add(list, doc_copy(a, p));
		doc_default(a, d, "name", doc_str(a, ""));
	}
	return list;
}

static bool same_ports(const struct doc *a, const struct doc *b)
{
	bool none_a = !doc_is(a, DOC_ARRAY) || !a->count,
	     none_b = !doc_is(b, DOC_ARRAY) || !b->count;
	return none_a || none_b ? none_a == none_b : doc_equal(a, b);
}

static bool is_endpoint(const struct doc *d, const struct endpoint *e)
{
	const struct doc *addresses = doc_get(d, "addresses");
	return doc_is(addresses, DOC_ARRAY) && addresses->count == 1 &&
	       doc_is(addresses->first, DOC_STR) && span_eq(addresses->first->text, e->ip) &&
	       span_eq(doc_path_str(d, "targetRef.uid"), e->uid);
}

/* Finds an endpoint in a sorted list; -1: it is not there. */
static ptrdiff_t find(const struct endpoint *const *sorted, size_t n, const struct doc *d)
{
	const struct doc *addresses = doc_get(d, "addresses");
	if (!doc_is(addresses, DOC_ARRAY) || !addresses->count ||
	    !doc_is(addresses->first, DOC_STR))
		return -1;
	struct endpoint key = {.ip = addresses->first->text,
			       .uid = doc_path_str(d, "targetRef.uid")};
	const struct endpoint *k = &key;
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (by_ip(&sorted[mid], &k, NULL) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && is_endpoint(d, sorted[low]) ? (ptrdiff_t)low : -1;
}

/* What is in the slice and still wanted stays in its place. */
static void keep_placed(struct arena *a, struct slice *s, const struct endpoint *const *sorted,
			size_t n, bool *placed)
{
	for (struct doc *d = s->endpoints->first, *next; d; d = next) {
		next = d->next;
		ptrdiff_t at = find(sorted, n, d);
		if (at < 0 || placed[at]) {
			doc_detach(s->endpoints, d);
			s->changed = true;
			continue;
		}
		placed[at] = true;
		struct doc *now = slice_endpoint(a, sorted[at]);
		if (doc_equal(d, now))
			continue;
		doc_replace(s->endpoints, d, now);
		s->changed = true;
	}
}

static struct slice *new_slice(struct arena *a, struct slice ***end, struct doc *ports)
{
	struct slice *s = arena_alloc(a, sizeof *s);
	*s = (struct slice){.ports = ports, .endpoints = doc_new(a, DOC_ARRAY), .changed = true};
	**end = s;
	*end = &s->next;
	return s;
}

/* The slice that takes one more: rather one that is written anyway. */
static struct slice *with_room(struct slice *list, const struct doc *ports, size_t most)
{
	struct slice *best = NULL;
	for (struct slice *s = list; s; s = s->next) {
		if (s->unwanted || !same_ports(s->ports, ports) ||
		    s->endpoints->count >= most)
			continue;
		if (!best || (s->changed && !best->changed))
			best = s;
	}
	return best;
}

static void place_group(struct arena *a, const struct endpoint_group *g, struct slice **list,
			struct slice ***end)
{
	struct doc *ports = slice_ports(a, g->ports);
	const struct endpoint **sorted = arena_alloc(a, (g->count + 1) * sizeof *sorted);
	bool *placed = arena_alloc(a, g->count + 1);
	memset(placed, 0, g->count + 1);
	for (size_t i = 0; i < g->count; i++)
		sorted[i] = &g->list[i];
	sort_stable(sorted, g->count, sizeof *sorted, by_ip, NULL);
	for (struct slice *s = *list; s; s = s->next)
		if (s->key.len && same_ports(s->ports, ports)) {
			s->unwanted = false;
			keep_placed(a, s, sorted, g->count, placed);
		}
	struct slice *into = NULL;
	size_t most = g->count && g->list[0].written ? ENDPOINTS_MIRRORED_MAX : ENDPOINTS_A_SLICE;
	for (size_t i = 0; i < g->count; i++) {
		if (placed[i])
			continue;
		if (!into || into->endpoints->count >= most)
			into = with_room(*list, ports, most);
		if (!into)
			into = new_slice(a, end, ports);
		doc_add(into->endpoints, slice_endpoint(a, sorted[i]));
		into->changed = true;
	}
}

void slices_place(struct endpoint_groups *g, struct slice **list)
{
	struct slice **end = list, *kept = NULL;
	for (; *end; end = &(*end)->next) {
		(*end)->unwanted = true;
		if (!doc_is((*end)->endpoints, DOC_ARRAY))
			(*end)->endpoints = doc_new(g->arena, DOC_ARRAY);
	}
	for (const struct endpoint_group *p = g->first; p; p = p->next)
		place_group(g->arena, p, list, &end);
	for (struct slice *s = *list; s; s = s->next) {
		s->unwanted |= s->endpoints->count == 0;
		if (!s->unwanted)
			kept = s;
	}
	if (kept)
		return;
	/* Nothing is behind the service: an empty slice says so. */
	struct slice *s = *list ? *list : new_slice(g->arena, &end, doc_new(g->arena, DOC_ARRAY));
	s->unwanted = false;
	s->changed |= s->endpoints->count > 0;
	s->endpoints = doc_new(g->arena, DOC_ARRAY);
}
