#include "actors/scheduler/extended.h"

#include <stdlib.h>
#include <string.h>

#include "actors/schema/quantity.h"
#include "actors/scheduler/requests.h"
#include "broker/base/mem.h"

static int64_t amount_in(struct mp list, struct span name)
{
	struct mp v;
	struct span text;
	struct quantity q;
	if (!mp_find_span(list, name, &v) || mp_str(&v, &text) || quantity_parse(text, &q))
		return 0;
	return quantity_value(q);
}

static struct extended_one *one_of(struct extended *x, struct span name)
{
	for (size_t i = 0; i < x->count; i++)
		if (span_is(name, x->all[i].name))
			return &x->all[i];
	x->all = mem_realloc(x->all, (x->count + 1) * sizeof *x->all);
	x->all[x->count] = (struct extended_one){.name = mem_ndup(name.data, name.len)};
	return &x->all[x->count++];
}

static bool is_of_fit(struct span name)
{
	return span_is(name, "cpu") || span_is(name, "memory") || span_is(name, "ephemeral-storage");
}

static size_t containers(struct mp pod, const char *list, struct mp *first)
{
	size_t n;
	return mp_path(pod, list, first) && mp_array(first, &n) == 0 ? n : 0;
}

/* Of a container, or of a pod's spec, which has them as a whole. */
static void read_names_of(struct extended *x, struct mp c)
{
	struct mp requests;
	struct span name;
	size_t count;
	if (!mp_path(c, "resources.requests", &requests) || mp_map(&requests, &count))
		return;
	for (; count > 0 && mp_str(&requests, &name) == 0; count--, mp_skip(&requests))
		if (!is_of_fit(name))
			one_of(x, name);
}

static void read_names(struct extended *x, struct mp pod, const char *list)
{
	struct mp c;
	for (size_t n = containers(pod, list, &c); n > 0; n--, mp_skip(&c))
		read_names_of(x, c);
}

struct some { /* as many as are read at once */
	const struct extended_one *all;
	size_t count;
};

static void read_amounts(const void *arg, struct mp list, int64_t *out)
{
	const struct some *x = arg;
	for (size_t i = 0; i < x->count; i++)
		out[i] = amount_in(list, span_of(x->all[i].name));
}

void extended_read(struct extended *x, struct mp pod)
{
	int64_t sum[REQUESTS_MAX];
	struct mp spec;
	if (mp_find(pod, "spec", &spec))
		read_names_of(x, spec);
	read_names(x, pod, "spec.containers");
	read_names(x, pod, "spec.initContainers");
	for (size_t at = 0, n; at < x->count; at += n) {
		n = x->count - at < REQUESTS_MAX ? x->count - at : REQUESTS_MAX;
		requests_sum(pod, read_amounts, &(struct some){x->all + at, n}, n, sum);
		for (size_t i = 0; i < n; i++)
			x->all[at + i].amount = sum[i];
	}
}

void extended_add(struct extended *to, const struct extended *x, int sign)
{
	for (size_t i = 0; i < x->count; i++)
		one_of(to, span_of(x->all[i].name))->amount += sign * x->all[i].amount;
}

uint32_t extended_lacking(const struct extended *pod, const struct extended *used, struct mp node)
{
	uint32_t lacking = 0;
	struct mp allocatable = {0};
	mp_path(node, "status.allocatable", &allocatable);
	for (size_t i = 0; i < pod->count; i++) {
		struct span name = span_of(pod->all[i].name);
		int64_t taken = 0;
		for (size_t k = 0; k < used->count; k++)
			if (span_is(name, used->all[k].name))
				taken = used->all[k].amount;
		if (pod->all[i].amount && taken + pod->all[i].amount > amount_in(allocatable, name))
			lacking |= UINT32_C(1) << (i < 31 ? i : 31);
	}
	return lacking;
}

void extended_fini(struct extended *x)
{
	for (size_t i = 0; i < x->count; i++)
		free(x->all[i].name);
	free(x->all);
	*x = (struct extended){0};
}
