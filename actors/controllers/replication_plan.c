/* Deletion order is that of Kubernetes' ActivePodsWithRanks (controller_utils.go). */
#include "actors/controllers/replication_plan.h"

#include <string.h>

#include "actors/controllers/owners.h"
#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"
#include "broker/base/sort.h"

static int64_t time_at(struct mp m, const char *path)
{
	int64_t us;
	struct span s = mp_path_str(m, path);
	return s.len && rfc3339_parse(s, &us) == 0 ? us : 0;
}

static void read_ready(struct replica *r, struct mp pod)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(pod, "status.conditions", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		if (span_is(mp_path_str(list, "type"), "Ready")) {
			r->ready = span_is(mp_path_str(list, "status"), "True");
			r->ready_us = r->ready ? time_at(list, "lastTransitionTime") : 0;
		}
		if (mp_skip(&list))
			return;
	}
}

static int64_t restarts_of(struct mp pod)
{
	struct mp list;
	size_t n = 0;
	int64_t most = 0;
	if (!mp_path(pod, "status.containerStatuses", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--) {
		int64_t restarts = mp_path_int(list, "restartCount", 0);
		most = restarts > most ? restarts : most;
		if (mp_skip(&list))
			break;
	}
	return most;
}

static int64_t cost_of(struct mp pod)
{
	struct mp m;
	if (!mp_path(pod, "metadata.annotations", &m) ||
	    !mp_find(m, "controller.kubernetes.io/pod-deletion-cost", &m))
		return 0;
	struct span s;
	int64_t v = 0;
	if (mp_str(&m, &s) || s.len == 0 || s.len > 11)
		return 0;
	bool negative = s.data[0] == '-';
	for (size_t i = negative; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return 0;
		v = 10 * v + s.data[i] - '0';
	}
	return negative ? -v : v;
}

static int phase_of(struct span phase)
{
	return span_is(phase, "Running") ? 2 : span_is(phase, "Unknown") ? 1 : 0;
}

void replica_read(struct replica *r, struct mp pod, uint64_t version)
{
	struct owner_ref ref;
	struct span phase = mp_path_str(pod, "status.phase");
	*r = (struct replica){
		.namespace = mp_path_str(pod, "metadata.namespace"),
		.name = mp_path_str(pod, "metadata.name"),
		.uid = mp_path_str(pod, "metadata.uid"),
		.node = mp_path_str(pod, "spec.nodeName"),
		.version = version,
		.deleting = mp_path_str(pod, "metadata.deletionTimestamp").len > 0,
		.ended = span_is(phase, "Succeeded") || span_is(phase, "Failed"),
		.phase = phase_of(phase),
		.cost = cost_of(pod),
		.restarts = restarts_of(pod),
		.created_us = time_at(pod, "metadata.creationTimestamp"),
	};
	mp_path(pod, "metadata.labels", &r->labels);
	if (owners_controller(pod, &ref))
		r->controller = ref.uid;
	read_ready(r, pod);
}

void replica_relate(struct replica *r, struct span owner_uid, struct mp selector,
		    struct mp template_labels)
{
	r->owned = r->controller.len && span_eq(r->controller, owner_uid);
	r->selected = label_map_match(selector, r->labels);
	r->labelled = label_map_match(template_labels, r->labels);
}

/* ---- who goes first */

static int less(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_rank(const void *x, const void *y, void *arg)
{
	const struct replica *a = *(const struct replica *const *)x;
	const struct replica *b = *(const struct replica *const *)y;
	(void)arg;
	int order[] = {
		less(a->node.len > 0, b->node.len > 0),
		less(a->phase, b->phase),
		less(a->ready, b->ready),
		less(a->cost, b->cost),
		less(b->neighbours, a->neighbours),
		less(b->ready_us, a->ready_us), /* ready for a shorter time */
		less(b->restarts, a->restarts),
		less(b->created_us, a->created_us), /* younger */
	};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (order[i])
			return order[i];
	return span_cmp(b->key, a->key);
}

static int by_node(const void *x, const void *y, void *arg)
{
	const struct replica *a = *(const struct replica *const *)x;
	const struct replica *b = *(const struct replica *const *)y;
	(void)arg;
	return span_cmp(a->node, b->node);
}

static void count_neighbours(struct replica **active, size_t n)
{
	sort_stable(active, n, sizeof *active, by_node, NULL);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && span_eq(active[k]->node, active[i]->node); k++)
			;
		for (size_t j = i; j < k; j++)
			active[j]->neighbours = (int)(k - i);
	}
}

/* ---- the plan */

static void count(struct replication_status *s, const struct replica *r, int64_t min_ready_s,
		  int64_t now_us)
{
	int64_t due_us = r->ready_us + min_ready_s * 1000000 - now_us;
	s->replicas++;
	s->labelled += r->labelled;
	s->ready += r->ready;
	if (!r->ready)
		return;
	if (min_ready_s == 0 || due_us <= 0)
		s->available++;
	else if (!s->available_in_us || due_us < s->available_in_us)
		s->available_in_us = due_us;
}

static bool is_active(const struct replica *r)
{
	return !r->deleting && !r->ended;
}

void replication_plan(struct arena *a, struct replica *pods, size_t n, int64_t wanted,
		      bool deleting, int64_t min_ready_s, int64_t now_us,
		      struct replication_plan *out)
{
	const struct replica **lists = arena_alloc(a, (3 * n + 1) * sizeof *lists);
	struct replica **active = arena_alloc(a, (n + 1) * sizeof *active);
	size_t have = 0;
	memset(out, 0, sizeof *out);
	out->adopt = lists;
	out->release = lists + n;
	out->remove = lists + 2 * n;
	for (size_t i = 0; i < n; i++) {
		struct replica *r = &pods[i];
		if (r->owned && !r->selected && !deleting)
			out->release[out->release_count++] = r;
		else if (!r->owned && r->selected && is_active(r) && !deleting)
			out->adopt[out->adopt_count++] = r;
		if (!r->owned || !r->selected || !is_active(r))
			continue;
		count(&out->status, r, min_ready_s, now_us);
		active[have++] = r;
	}
	out->too_many_wanted = wanted > REPLICATION_MAX;
	if (out->too_many_wanted)
		wanted = REPLICATION_MAX;
	/* What is adopted counts when it is ours. */
	if (deleting || out->adopt_count)
		return;
	if ((int64_t)have <= wanted) { /* nobody need be ranked */
		int64_t missing = wanted - (int64_t)have;
		out->create_count =
			missing < REPLICATION_BATCH ? (size_t)missing : REPLICATION_BATCH;
		return;
	}
	count_neighbours(active, have);
	sort_stable(active, have, sizeof *active, by_rank, NULL);
	for (size_t i = 0; i < have - (size_t)wanted && i < REPLICATION_BATCH; i++)
		out->remove[out->remove_count++] = active[i];
}
