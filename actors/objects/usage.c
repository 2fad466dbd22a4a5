#include "actors/objects/usage.h"

#include <stdlib.h>
#include <string.h>

/* ---- walking */

static struct mp_walk walk(struct mp m, const char *path, bool map)
{
	struct mp_walk k = {.map = map};
	struct mp at = m;
	if (!m.p || (path && !mp_path(m, path, &at)))
		return k;
	k.at = at;
	if (map ? mp_map(&k.at, &k.left) : mp_array(&k.at, &k.left))
		k.left = 0;
	return k;
}

struct mp_walk mp_walk_list(struct mp m, const char *path)
{
	return walk(m, path, false);
}

struct mp_walk mp_walk_map(struct mp m, const char *path)
{
	return walk(m, path, true);
}

bool mp_walk_next(struct mp_walk *k)
{
	if (k->left == 0 || (k->map && mp_str(&k->at, &k->key)))
		return false;
	k->left--;
	k->value = k->at;
	return mp_skip(&k->at) == 0;
}

static struct span text_of(struct mp m)
{
	struct span s = {0};
	return mp_str(&m, &s) ? (struct span){0} : s;
}

static bool quantity_at(struct mp m, struct quantity *q)
{
	struct span s = text_of(m);
	return s.len && quantity_parse(s, q) == 0;
}

static size_t length_of(struct mp m, const char *path)
{
	return walk(m, path, false).left;
}

/* ---- amounts */

struct amount *amounts_find(const struct amounts *t, struct span name)
{
	for (size_t i = 0; i < t->count; i++)
		if (span_eq(t->all[i].name, name))
			return &t->all[i];
	return NULL;
}

static struct amount *put(struct amounts *t, struct span name, struct quantity q)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct amount *all = arena_alloc(t->a, cap * sizeof *all);
		if (t->count)
			memcpy(all, t->all, t->count * sizeof *all);
		t->all = all;
		t->cap = cap;
	}
	t->all[t->count] = (struct amount){name, q};
	return &t->all[t->count++];
}

void amounts_add(struct amounts *t, struct span name, struct quantity q)
{
	struct amount *x = amounts_find(t, name);
	if (x)
		x->q = quantity_add(x->q, q);
	else
		put(t, name, q);
}

void amounts_raise(struct amounts *t, struct span name, struct quantity q)
{
	struct amount *x = amounts_find(t, name);
	if (!x)
		put(t, name, q);
	else if (quantity_cmp(x->q, q) < 0)
		x->q = q;
}

void amounts_of(struct amounts *t, struct mp map)
{
	struct quantity q;
	for (struct mp_walk k = mp_walk_map(map, NULL); mp_walk_next(&k);)
		if (quantity_at(k.value, &q))
			amounts_add(t, k.key, q);
}

/* Insertion: the lists are short, and ordered already as a rule. */
void amounts_sort(struct amounts *t)
{
	for (size_t i = 1; i < t->count; i++)
		for (size_t k = i; k > 0 && span_cmp(t->all[k - 1].name, t->all[k].name) > 0; k--) {
			struct amount x = t->all[k];
			t->all[k] = t->all[k - 1];
			t->all[k - 1] = x;
		}
}

const char *amounts_text(struct amounts *t)
{
	struct buf b = {0};
	char text[QUANTITY_TEXT_MAX];
	amounts_sort(t);
	for (size_t i = 0; i < t->count; i++) {
		quantity_format(t->all[i].q, text);
		buf_printf(&b, "%s%.*s=%s", i ? "," : "", (int)t->all[i].name.len,
			   (const char *)t->all[i].name.data, text);
	}
	const char *out = arena_ndup(t->a, b.data, b.len);
	buf_fini(&b);
	return out;
}

static void count(struct amounts *t, const char *name, int64_t n)
{
	amounts_add(t, span_of(name), quantity_of(n, QUANTITY_DECIMAL));
}

/* ---- pods */

static bool starts_with(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.len >= n && memcmp(s.data, prefix, n) == 0;
}

/* What a container asks for: "resources.requests". */
static struct mp_walk asked(struct mp container, const char *list)
{
	struct mp resources;
	if (!mp_path(container, "resources", &resources))
		return (struct mp_walk){0};
	return mp_walk_map(resources, list);
}

static void add_asked(struct amounts *out, struct mp container, const char *list)
{
	struct quantity q;
	for (struct mp_walk k = asked(container, list); mp_walk_next(&k);)
		if (quantity_at(k.value, &q))
			amounts_add(out, k.key, q);
}

/* Init containers run one by one, but those that are restarted always stay. */
static void add_init(struct mp spec, const char *list, struct amounts *out)
{
	struct amounts staying = {.a = out->a}, most = {.a = out->a};
	for (struct mp_walk c = mp_walk_list(spec, "initContainers"); mp_walk_next(&c);) {
		struct amounts now = {.a = out->a};
		if (span_is(mp_path_str(c.value, "restartPolicy"), "Always")) {
			add_asked(&staying, c.value, list);
			add_asked(out, c.value, list);
		} else {
			add_asked(&now, c.value, list);
		}
		for (size_t i = 0; i < staying.count; i++)
			amounts_add(&now, staying.all[i].name, staying.all[i].q);
		for (size_t i = 0; i < now.count; i++)
			amounts_raise(&most, now.all[i].name, now.all[i].q);
	}
	for (size_t i = 0; i < most.count; i++)
		amounts_raise(out, most.all[i].name, most.all[i].q);
}

void usage_of_containers(struct mp spec, const char *list, struct amounts *out)
{
	for (struct mp_walk c = mp_walk_list(spec, "containers"); mp_walk_next(&c);)
		add_asked(out, c.value, list);
	add_init(spec, list, out);
}

bool usage_is_pod_level(struct span name)
{
	return span_is(name, "cpu") || span_is(name, "memory") || starts_with(name, "hugepages-");
}

/* What the pod says as a whole. */
static void set_asked(struct amounts *out, struct mp spec, const char *list)
{
	struct quantity q;
	for (struct mp_walk k = asked(spec, list); mp_walk_next(&k);) {
		if (!usage_is_pod_level(k.key) || !quantity_at(k.value, &q))
			continue;
		amounts_raise(out, k.key, q);
		amounts_find(out, k.key)->q = q;
	}
}

void usage_of_pod(struct mp spec, const char *list, struct amounts *out)
{
	struct quantity q;
	usage_of_containers(spec, list, out);
	set_asked(out, spec, list);
	for (struct mp_walk k = mp_walk_map(spec, "overhead"); mp_walk_next(&k);)
		if (quantity_at(k.value, &q) &&
		    (strcmp(list, "requests") == 0 || amounts_find(out, k.key)))
			amounts_add(out, k.key, q);
}

static bool is_plain(struct span name)
{
	return span_is(name, "cpu") || span_is(name, "memory") ||
	       span_is(name, "ephemeral-storage");
}

static bool is_extended(struct span name)
{
	return memchr(name.data, '/', name.len) && !starts_with(name, "kubernetes.io/");
}

static void add_named(struct amounts *out, const char *prefix, const struct amount *x)
{
	const char *name = arena_printf(out->a, "%s%.*s", prefix, (int)x->name.len,
					(const char *)x->name.data);
	amounts_add(out, span_of(name), x->q);
}

/* The names that quotas have for what pods and containers ask for. */
static void name_compute(const struct amounts *requests, const struct amounts *limits,
			 struct amounts *out)
{
	for (size_t i = 0; i < requests->count; i++) {
		const struct amount *x = &requests->all[i];
		bool counted = is_plain(x->name) || starts_with(x->name, "hugepages-");
		if (counted)
			amounts_add(out, x->name, x->q);
		if (counted || is_extended(x->name))
			add_named(out, "requests.", x);
	}
	for (size_t i = 0; i < limits->count; i++)
		if (is_plain(limits->all[i].name))
			add_named(out, "limits.", &limits->all[i]);
}

static void use_pod(struct mp pod, struct amounts *out)
{
	struct mp spec;
	struct amounts requests = {.a = out->a}, limits = {.a = out->a};
	struct span phase = mp_path_str(pod, "status.phase");
	if (span_is(phase, "Succeeded") || span_is(phase, "Failed"))
		return;
	count(out, "pods", 1);
	if (!mp_path(pod, "spec", &spec))
		return;
	usage_of_pod(spec, "requests", &requests);
	usage_of_pod(spec, "limits", &limits);
	name_compute(&requests, &limits, out);
}

/* ---- services and claims */

static void use_service(struct mp service, struct amounts *out)
{
	struct span type = mp_path_str(service, "spec.type");
	bool balancer = span_is(type, "LoadBalancer");
	bool all = span_is(type, "NodePort") ||
		   (balancer &&
		    mp_path_bool(service, "spec.allocateLoadBalancerNodePorts", true));
	int64_t ports = all ? (int64_t)length_of(service, "spec.ports") : 0;
	for (struct mp_walk p = mp_walk_list(service, "spec.ports");
	     balancer && !all && mp_walk_next(&p);)
		ports += mp_path_int(p.value, "nodePort", 0) != 0;
	count(out, "services", 1);
	count(out, "services.nodeports", ports);
	count(out, "services.loadbalancers", balancer);
}

static const char of_class[] = ".storageclass.storage.k8s.io/";

static void use_claim(struct mp claim, struct amounts *out)
{
	struct span class = mp_path_str(claim, "spec.storageClassName"), note = {0};
	struct mp notes, m;
	struct quantity q;
	bool sized = mp_path(claim, "spec.resources.requests.storage", &m) && quantity_at(m, &q);
	if (mp_path(claim, "metadata.annotations", &notes) &&
	    mp_find(notes, "volume.beta.kubernetes.io/storage-class", &m))
		note = text_of(m);
	if (note.len)
		class = note;
	count(out, "persistentvolumeclaims", 1);
	if (sized)
		amounts_add(out, span_of("requests.storage"), q);
	if (!class.len)
		return;
	count(out,
	      arena_printf(out->a, "%.*s%spersistentvolumeclaims", (int)class.len,
			   (const char *)class.data, of_class),
	      1);
	if (sized)
		amounts_add(out,
			    span_of(arena_printf(out->a, "%.*s%srequests.storage", (int)class.len,
						 (const char *)class.data, of_class)),
			    q);
}

/* ---- kinds */

static bool pod_name(struct span name)
{
	static const char requests[] = "requests.";
	size_t n = sizeof requests - 1;
	struct span bare = name;
	if (starts_with(name, requests))
		bare = (struct span){name.data + n, name.len - n};
	else if (starts_with(name, "limits."))
		bare = (struct span){name.data + 7, name.len - 7};
	else if (starts_with(name, "hugepages-"))
		return true;
	if (bare.data == name.data)
		return span_is(name, "pods") || is_plain(name);
	if (is_plain(bare))
		return true;
	return starts_with(name, requests) &&
	       (starts_with(bare, "hugepages-") || is_extended(bare));
}

static bool service_name(struct span name)
{
	return span_is(name, "services") || span_is(name, "services.nodeports") ||
	       span_is(name, "services.loadbalancers");
}

static bool claim_name(struct span name)
{
	char text[400];
	if (name.len >= sizeof text)
		return false;
	memcpy(text, name.data, name.len);
	text[name.len] = 0;
	return span_is(name, "persistentvolumeclaims") || span_is(name, "requests.storage") ||
	       strstr(text, of_class);
}

/* Kinds with names beside "count/...". */
static const struct usage_row {
	const char *stream;
	void (*use)(struct mp object, struct amounts *out); /* NULL: counted by its name */
	bool (*named)(struct span name);
} rows[] = {
	{"pods", use_pod, pod_name},
	{"services", use_service, service_name},
	{"persistentvolumeclaims", use_claim, claim_name},
	{"replicationcontrollers", NULL, NULL},
	{"resourcequotas", NULL, NULL},
	{"secrets", NULL, NULL},
	{"configmaps", NULL, NULL},
};

static const struct usage_row *row_of(const struct schema_resource *r)
{
	for (size_t i = 0; r->stream && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].stream, r->stream) == 0)
			return &rows[i];
	return NULL;
}

static bool is_count_of(const struct schema_resource *r, struct span name)
{
	static const char prefix[] = "count/";
	size_t n = sizeof prefix - 1;
	return starts_with(name, prefix) && r->stream &&
	       span_is((struct span){name.data + n, name.len - n}, r->stream);
}

void usage_of(const struct schema_resource *r, struct mp object, struct amounts *out)
{
	const struct usage_row *row = row_of(r);
	if (!r->namespaced || !r->stream)
		return;
	count(out, arena_printf(out->a, "count/%s", r->stream), 1);
	if (row && row->use)
		row->use(object, out);
	else if (row)
		count(out, r->stream, 1);
}

bool usage_is_named(const struct schema_resource *r, struct span name)
{
	const struct usage_row *row = row_of(r);
	if (!r->namespaced || !r->stream)
		return false;
	if (is_count_of(r, name))
		return true;
	if (row && row->named)
		return row->named(name);
	return row && span_is(name, r->stream);
}

bool usage_can_grow(const struct schema_resource *r)
{
	const struct usage_row *row = row_of(r);
	return row && row->use;
}

/* ---- what each container must say */

static bool must_be_said(struct span name)
{
	static const char *const names[] = {"cpu",	       "memory",     "requests.cpu",
					    "requests.memory", "limits.cpu", "limits.memory"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

static void add_missing(struct buf *out, struct mp spec, const char *list, struct span name,
			struct arena *a)
{
	for (struct mp_walk c = mp_walk_list(spec, list); mp_walk_next(&c);) {
		struct amounts requests = {.a = a}, limits = {.a = a}, all = {.a = a};
		struct span who = mp_path_str(c.value, "name");
		add_asked(&requests, c.value, "requests");
		add_asked(&limits, c.value, "limits");
		name_compute(&requests, &limits, &all);
		if (!amounts_find(&all, name))
			buf_printf(out, "%s%.*s", out->len ? "," : "", (int)who.len,
				   (const char *)who.data);
	}
}

static bool is_asked_whole(struct mp spec)
{
	struct mp_walk requests = asked(spec, "requests"), limits = asked(spec, "limits");
	return mp_walk_next(&requests) || mp_walk_next(&limits);
}

const char *usage_missing(const struct schema_resource *r, struct mp object, struct mp hard,
			  struct arena *a)
{
	struct amounts names = {.a = a};
	struct buf text = {0};
	struct mp spec;
	if (strcmp(r->stream, "pods") != 0 || !mp_path(object, "spec", &spec) || is_asked_whole(spec))
		return NULL;
	amounts_of(&names, hard);
	amounts_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		struct buf who = {0};
		if (must_be_said(names.all[i].name)) {
			add_missing(&who, spec, "containers", names.all[i].name, a);
			add_missing(&who, spec, "initContainers", names.all[i].name, a);
		}
		if (who.len)
			buf_printf(&text, "%s%.*s for: %s", text.len ? "; " : "",
				   (int)names.all[i].name.len,
				   (const char *)names.all[i].name.data, buf_text(&who));
		buf_fini(&who);
	}
	const char *out = text.len ? arena_ndup(a, text.data, text.len) : NULL;
	buf_fini(&text);
	return out;
}
