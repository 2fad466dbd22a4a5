#include "nodes/eviction.h"

#include "actors/schema/quantity.h"
#include "nodes/disk_use.h"

enum { SYSTEM_CRITICAL = 2000000000 };

const char *eviction_resource_name(enum eviction_resource r)
{
	static const char *const names[] = {[EVICTION_MEMORY] = "memory",
					    [EVICTION_STORAGE] = "ephemeral-storage",
					    [EVICTION_INODES] = "inodes",
					    [EVICTION_PIDS] = "pids"};
	return names[r];
}

/* ---- what containers asked for */

static int64_t request_in(struct mp container, enum eviction_resource r)
{
	static const char *const paths[] = {
		[EVICTION_MEMORY] = "resources.requests.memory",
		[EVICTION_STORAGE] = "resources.requests.ephemeral-storage",
		[EVICTION_INODES] = "resources.requests.inodes", /* nobody can ask for them */
	};
	struct quantity q;
	return quantity_parse(mp_path_str(container, paths[r]), &q) ? 0 : quantity_value(q);
}

static size_t containers_of(struct mp pod, size_t list, struct mp *out)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};
	size_t n = 0;
	return mp_path(pod, lists[list], out) && mp_array(out, &n) == 0 ? n : 0;
}

/* Of a container by its name. Ephemeral ones can ask for nothing, and are not blamed. */
static bool spec_of(struct mp pod, struct span name, struct mp *out)
{
	for (size_t l = 0; l < 2; l++)
		for (size_t n = containers_of(pod, l, out); n > 0; n--, mp_skip(out))
			if (span_eq(mp_path_str(*out, "name"), name))
				return true;
	return false;
}

/* ---- memory: of containers that run */

struct each {
	void (*each)(void *arg, struct span name, int64_t used, int64_t asked);
	void *arg;
};

static void each_memory(const struct eviction_pod *p, const struct each *to)
{
	struct mp list = p->containers, spec;
	size_t n;
	if (!list.p || mp_array(&list, &n))
		return;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		int64_t asked = spec_of(p->pod, name, &spec) ? request_in(spec, EVICTION_MEMORY) : 0;
		to->each(to->arg, name, mp_path_int(list, "working_set", 0), asked);
	}
}

/* ---- the disk: of containers in the spec */

static void each_storage(const struct eviction_pod *p, enum eviction_resource r, const struct each *to)
{
	struct mp spec;
	for (size_t l = 0; l < 2; l++)
		for (size_t n = containers_of(p->pod, l, &spec); n > 0; n--, mp_skip(&spec)) {
			struct span name = mp_path_str(spec, "name");
			int64_t used = disk_use_rootfs(p->disk, name).bytes +
				       disk_use_logs(p->disk, name).bytes;
			to->each(to->arg, name, r == EVICTION_STORAGE ? used : 0, request_in(spec, r));
		}
}

/* ---- processes: of containers that run; nobody asks for them, and nobody is blamed */

static int64_t processes_of(const struct eviction_pod *p)
{
	struct mp list = p->containers;
	int64_t all = 0;
	size_t n;
	if (!list.p || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--, mp_skip(&list))
		all += mp_path_int(list, "processes", 0);
	return all;
}

static void each_container(const struct eviction_pod *p, enum eviction_resource r, const struct each *to)
{
	if (r == EVICTION_MEMORY)
		each_memory(p, to);
	else if (r != EVICTION_PIDS)
		each_storage(p, r, to);
}

/* ---- the order */

struct sums {
	int64_t used, asked;
};

static void add(void *arg, struct span name, int64_t used, int64_t asked)
{
	struct sums *s = arg;
	(void)name;
	s->used += used;
	s->asked += asked;
}

/* Volumes are the pod's, no container's. */
static struct sums sums_of(const struct eviction_pod *p, enum eviction_resource r)
{
	struct sums s = {0, 0};
	if (r == EVICTION_PIDS)
		return (struct sums){processes_of(p), 0};
	each_container(p, r, &(struct each){add, &s});
	struct mp spec;
	if (r == EVICTION_MEMORY && mp_find(p->pod, "spec", &spec) && request_in(spec, r) > 0)
		s.asked = request_in(spec, r); /* the pod as a whole */
	struct disk_used disk = disk_use_pod(p->pod, p->disk);
	if (r != EVICTION_MEMORY)
		s.used = r == EVICTION_STORAGE ? disk.bytes : disk.inodes;
	return s;
}

static int64_t priority_of(struct mp pod)
{
	return mp_path_int(pod, "spec.priority", 0);
}

/* Who uses more than it asked for goes before who does not, then by priority, then by
 * how much more; of processes nobody asked for any. */
static bool goes_before(enum eviction_resource r, const struct eviction_pod *x,
			const struct eviction_pod *y)
{
	struct sums a = sums_of(x, r), b = sums_of(y, r);
	bool over_a = a.used > a.asked, over_b = b.used > b.asked;
	int64_t first = priority_of(x->pod), second = priority_of(y->pod);
	if (over_a != over_b && r != EVICTION_PIDS)
		return over_a;
	if (first != second)
		return first < second;
	return a.used - a.asked > b.used - b.asked;
}

const struct eviction_pod *eviction_choose(enum eviction_resource r, const struct eviction_pod *pods,
					   size_t count)
{
	const struct eviction_pod *first = NULL;
	for (size_t i = 0; i < count; i++) {
		if (priority_of(pods[i].pod) >= SYSTEM_CRITICAL)
			continue;
		if (!first || goes_before(r, &pods[i], first))
			first = &pods[i];
	}
	return first;
}

/* ---- words */

static const char *amount_text(struct arena *a, enum eviction_resource r, int64_t amount)
{
	char text[QUANTITY_TEXT_MAX];
	bool counted = r == EVICTION_INODES || r == EVICTION_PIDS;
	quantity_format(quantity_of(amount, counted ? QUANTITY_DECIMAL : QUANTITY_BINARY), text);
	return arena_dup(a, text);
}

struct words {
	struct arena *a;
	enum eviction_resource resource;
	const char *text;
};

static void tell(void *arg, struct span name, int64_t used, int64_t asked)
{
	struct words *w = arg;
	if (used > asked)
		w->text = arena_printf(w->a,
				       "%sContainer %.*s was using %s, request is %s, has larger "
				       "consumption of %s. ",
				       w->text, (int)name.len, (const char *)name.data,
				       amount_text(w->a, w->resource, used),
				       amount_text(w->a, w->resource, asked),
				       eviction_resource_name(w->resource));
}

const char *eviction_message(struct arena *a, enum eviction_resource r, const struct eviction_pod *p,
			     int64_t threshold, int64_t available)
{
	struct words w = {a, r, arena_printf(a, "The node was low on resource: %s. Threshold quantity: "
						"%s, available: %s. ", eviction_resource_name(r),
					     amount_text(a, r == EVICTION_PIDS ? r : EVICTION_STORAGE,
							 threshold),
					     amount_text(a, r, available))};
	each_container(p, r, &(struct each){tell, &w});
	return w.text;
}

/* ---- new pods */

static bool tolerates_memory(struct mp pod)
{
	struct mp list;
	size_t n;
	if (!mp_path(pod, "spec.tolerations", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span key = mp_path_str(list, "key"), effect = mp_path_str(list, "effect");
		struct span operator = mp_path_str(list, "operator"), value = mp_path_str(list, "value");
		bool any = span_is(operator, "Exists");
		if ((span_is(key, "node.kubernetes.io/memory-pressure") || (!key.len && any)) &&
		    (!effect.len || span_is(effect, "NoSchedule")) && (any || !value.len))
			return true;
	}
	return false;
}

bool eviction_admits(struct mp pod, bool memory, bool others)
{
	if (priority_of(pod) >= SYSTEM_CRITICAL)
		return true;
	if (others)
		return false;
	return !memory || !span_is(mp_path_str(pod, "status.qosClass"), "BestEffort") ||
	       tolerates_memory(pod);
}
