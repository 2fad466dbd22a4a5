#include "actors/scheduler/requests.h"

#include <string.h>

static size_t list_at(struct mp pod, const char *path, struct mp *first)
{
	size_t n;
	return mp_path(pod, path, first) && mp_array(first, &n) == 0 ? n : 0;
}

static void add(int64_t *to, const int64_t *x, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] += x[i];
}

static void at_least(int64_t *to, const int64_t *x, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = x[i] > to[i] ? x[i] : to[i];
}

void requests_sum(struct mp pod, requests_read *read, const void *arg, size_t count, int64_t *sum)
{
	int64_t one[REQUESTS_MAX], staying[REQUESTS_MAX], most[REQUESTS_MAX];
	struct mp c, map;
	count = count < REQUESTS_MAX ? count : REQUESTS_MAX;
	size_t bytes = count * sizeof *sum;
	memset(sum, 0, bytes);
	memset(staying, 0, bytes);
	memset(most, 0, bytes);
	for (size_t n = list_at(pod, "spec.containers", &c); n > 0; n--, mp_skip(&c)) {
		if (!mp_path(c, "resources.requests", &map))
			continue;
		read(arg, map, one);
		add(sum, one, count);
	}
	for (size_t n = list_at(pod, "spec.initContainers", &c); n > 0; n--, mp_skip(&c)) {
		memset(one, 0, bytes);
		if (mp_path(c, "resources.requests", &map))
			read(arg, map, one);
		add(one, staying, count);
		at_least(most, one, count);
		if (span_is(mp_path_str(c, "restartPolicy"), "Always"))
			memcpy(staying, one, bytes);
	}
	add(sum, staying, count);
	at_least(sum, most, count);
	if (mp_path(pod, "spec.resources.requests", &map)) {
		read(arg, map, one);
		at_least(sum, one, count); /* never less than the containers' */
	}
	if (mp_path(pod, "spec.overhead", &map)) {
		read(arg, map, one);
		add(sum, one, count);
	}
}
