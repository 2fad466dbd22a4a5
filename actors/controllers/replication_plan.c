/* Deletion order is that of Kubernetes' ActivePodsWithRanks (controller_utils.go). */
#include "actors/controllers/replication_plan.h"

#include <string.h>

#include "broker/base/sort.h"

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
		less(b->child.created_us, a->child.created_us), /* younger */
	};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (order[i])
			return order[i];
	return span_cmp(b->child.key, a->child.key);
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
	int64_t in_us;
	s->replicas++;
	s->labelled += r->labelled;
	s->ready += r->ready;
	s->available += replica_is_available(r, min_ready_s, now_us, &in_us);
	if (in_us && (!s->available_in_us || in_us < s->available_in_us))
		s->available_in_us = in_us;
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
		if (r->child.owned && !r->child.selected && !deleting)
			out->release[out->release_count++] = r;
		else if (!r->child.owned && r->child.selected && replica_is_active(r) && !deleting)
			out->adopt[out->adopt_count++] = r;
		if (!r->child.owned || !r->child.selected || !replica_is_active(r))
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
