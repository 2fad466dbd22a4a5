#include "nodes/eviction.h"

#include "actors/schema/quantity.h"

enum { SYSTEM_CRITICAL = 2000000000 };

/* Of a container by its name, in a list of the spec. */
static bool spec_of(struct mp pod, struct span name, struct mp *out)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct mp spec, list;
	size_t n;
	if (!mp_find(pod, "spec", &spec))
		return false;
	for (size_t l = 0; l < 2; l++) {
		if (!mp_find(spec, lists[l], &list) || mp_array(&list, &n))
			continue;
		for (; n > 0; n--, mp_skip(&list))
			if (span_eq(mp_path_str(list, "name"), name)) {
				*out = list;
				return true;
			}
	}
	return false;
}

static int64_t request_of(struct mp pod, struct span name)
{
	struct mp container;
	struct quantity q;
	if (!spec_of(pod, name, &container) ||
	    quantity_parse(mp_path_str(container, "resources.requests.memory"), &q))
		return 0;
	return quantity_value(q);
}

/* Calls each(arg, name, used, asked) for every container that has figures. */
static void each_container(const struct eviction_pod *p,
			   void (*each)(void *arg, struct span name, int64_t used, int64_t asked),
			   void *arg)
{
	struct mp list = p->containers;
	size_t n;
	if (!list.p || mp_array(&list, &n))
		return;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		each(arg, name, mp_path_int(list, "working_set", 0), request_of(p->pod, name));
	}
}

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

static struct sums sums_of(const struct eviction_pod *p)
{
	struct sums s = {0, 0};
	each_container(p, add, &s);
	return s;
}

static int64_t priority_of(const struct eviction_pod *p)
{
	return mp_path_int(p->pod, "spec.priority", 0);
}

/* Who uses more than it asked for goes before who does not, then by priority, then by
 * how much more. */
static bool goes_before(const struct eviction_pod *x, const struct eviction_pod *y)
{
	struct sums a = sums_of(x), b = sums_of(y);
	bool over_a = a.used > a.asked, over_b = b.used > b.asked;
	if (over_a != over_b)
		return over_a;
	if (priority_of(x) != priority_of(y))
		return priority_of(x) < priority_of(y);
	return a.used - a.asked > b.used - b.asked;
}

const struct eviction_pod *eviction_choose(const struct eviction_pod *pods, size_t count)
{
	const struct eviction_pod *first = NULL;
	for (size_t i = 0; i < count; i++) {
		if (priority_of(&pods[i]) >= SYSTEM_CRITICAL)
			continue;
		if (!first || goes_before(&pods[i], first))
			first = &pods[i];
	}
	return first;
}

/* As a quantity is written. */
static const char *bytes_text(struct arena *a, int64_t bytes)
{
	char text[QUANTITY_TEXT_MAX];
	quantity_format(quantity_of(bytes, QUANTITY_BINARY), text);
	return arena_dup(a, text);
}

struct words {
	struct arena *a;
	const char *text;
};

static void tell(void *arg, struct span name, int64_t used, int64_t asked)
{
	struct words *w = arg;
	if (used > asked)
		w->text = arena_printf(w->a,
				       "%sContainer %.*s was using %s, request is %s, has larger "
				       "consumption of memory. ",
				       w->text, (int)name.len, (const char *)name.data,
				       bytes_text(w->a, used), bytes_text(w->a, asked));
}

const char *eviction_message(struct arena *a, const struct eviction_pod *p, int64_t threshold,
			     int64_t available)
{
	struct words w = {a, arena_printf(a,
					  "The node was low on resource: memory. Threshold quantity: %s, "
					  "available: %s. ",
					  bytes_text(a, threshold), bytes_text(a, available))};
	each_container(p, tell, &w);
	return w.text;
}
