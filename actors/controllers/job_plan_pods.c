#include "actors/controllers/job_plan_private.h"
#include "broker/base/sort.h"

/* ---- pods too many */

static int less(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* As Kubernetes' ActivePods (controller_utils.go), but that one which is marked
 * already stays the one. */
static int by_rank(const void *x, const void *y, void *arg)
{
	const struct job_pod *p = *(const struct job_pod *const *)x;
	const struct job_pod *q = *(const struct job_pod *const *)y;
	const struct replica *a = &p->replica, *b = &q->replica;
	(void)arg;
	int order[] = {
		less(q->chosen, p->chosen),
		less(a->node.len > 0, b->node.len > 0),
		less(a->phase, b->phase),
		less(a->ready, b->ready),
		less(b->ready_us, a->ready_us), /* ready for a shorter time */
		less(b->restarts, a->restarts),
		less(b->child.created_us, a->child.created_us), /* younger */
	};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (order[i])
			return order[i];
	return span_cmp(b->child.key, a->child.key);
}

static int by_index_and_rank(const void *x, const void *y, void *arg)
{
	const struct job_pod *a = *(const struct job_pod *const *)x;
	const struct job_pod *b = *(const struct job_pod *const *)y;
	return a->index != b->index ? less(a->index, b->index) : by_rank(x, y, arg);
}

static void drop(struct work *w, const struct job_pod *p)
{
	struct job_plan *out = w->out;
	if (out->mark.count + out->remove.count < JOB_BATCH)
		put(p->chosen ? &out->remove : &out->mark, p);
}

/* Of each index one pod stays, and of those that are none's none. */
static size_t drop_doubles(struct work *w, struct job_pod **left)
{
	size_t n = 0;
	sort_stable(w->active, w->active_count, sizeof *w->active, by_index_and_rank, NULL);
	for (size_t i = 0; i < w->active_count; i++) {
		struct job_pod *p = w->active[i];
		bool last = i + 1 == w->active_count || w->active[i + 1]->index != p->index;
		if (last && in_range(w->j, p))
			left[n++] = p;
		else
			drop(w, p);
	}
	return n;
}

/* Drops `many` of the active pods, those that are worth least. */
static void drop_pods(struct work *w, size_t many)
{
	struct job_pod **left = w->active;
	size_t n = w->active_count;
	if (w->j->indexed) {
		left = arena_alloc(w->a, (n + 1) * sizeof *left);
		n = drop_doubles(w, left);
		many -= w->active_count - n < many ? w->active_count - n : many;
	}
	if (!many)
		return;
	sort_stable(left, n, sizeof *left, by_rank, NULL);
	for (size_t i = 0; i < many && i < n; i++)
		drop(w, left[i]);
}

/* ---- pods too few */

static int64_t pause_us(int64_t failures)
{
	int64_t s = JOB_BACKOFF_S;
	for (int64_t i = 1; i < failures && s < JOB_BACKOFF_MAX_S; i++)
		s *= 2;
	return (s < JOB_BACKOFF_MAX_S ? s : JOB_BACKOFF_MAX_S) * 1000000;
}

static int by_end(const void *x, const void *y, void *arg)
{
	const struct job_pod *a = *(const struct job_pod *const *)x;
	const struct job_pod *b = *(const struct job_pod *const *)y;
	(void)arg;
	return less(a->finished_us, b->finished_us);
}

/* Failures since the last success make a pause; what is left of it. */
static int64_t pause_left_us(const struct work *w)
{
	struct job_pod **ended = arena_alloc(w->a, (w->count + 1) * sizeof *ended);
	size_t n = 0;
	int64_t failures = 0, last_us = 0;
	for (size_t i = 0; i < w->count; i++)
		if (w->mine[i]->succeeded || is_failed(w->j, w->mine[i]))
			ended[n++] = w->mine[i];
	sort_stable(ended, n, sizeof *ended, by_end, NULL);
	for (size_t i = 0; i < n; i++) {
		failures = ended[i]->succeeded ? 0 : failures + 1;
		last_us = ended[i]->finished_us;
	}
	return failures ? last_us + pause_us(failures) - w->now_us : 0;
}

static struct job_create retry(const struct work *w, int64_t index)
{
	const struct job_pod *p = job_plan_last_failure(w, index);
	struct job_create c = {.index = index};
	if (p) {
		bool ignored = is_ignored(w, p);
		c.failures = p->failures + !ignored;
		c.ignored = p->ignored + ignored;
	}
	return c;
}

static void create_indexes(struct work *w, size_t many)
{
	const struct job_facts *j = w->j;
	struct job_plan *out = w->out;
	int64_t *list = arena_alloc(w->a, (many + w->count + 1) * sizeof *list);
	size_t n = 0;
	/* An index that is taken until its pod has truly ended. */
	for (size_t i = 0; i < w->count; i++) {
		const struct job_pod *p = w->mine[i];
		if (p->index >= 0 && !has_ended(p) &&
		    (!p->replica.child.deleting || j->waits_for_end))
			list[n++] = p->index;
	}
	struct indexes taken = indexes_of(w->a, list, n);
	taken = indexes_union(w->a, &taken, &w->done);
	taken = indexes_union(w->a, &taken, &w->lost);
	/* Those that must wait keep no other from its turn. */
	n = indexes_missing(&taken, j->completions, list, many + w->delayed_count);
	for (size_t i = 0; i < n && out->create_count < many; i++) {
		const struct job_pod *p = per_index(j) ? job_plan_last_failure(w, list[i]) : NULL;
		int64_t left = p ? p->finished_us + pause_us(p->failures + p->ignored + 1) -
					   w->now_us
				 : 0;
		if (left > 0)
			again_in(out, left);
		else
			out->create[out->create_count++] = retry(w, list[i]);
	}
}

static void create_pods(struct work *w, int64_t missing)
{
	struct job_plan *out = w->out;
	size_t many = missing < JOB_BATCH ? (size_t)missing : JOB_BATCH;
	int64_t left = per_index(w->j) ? 0 : pause_left_us(w);
	if (left > 0) {
		again_in(out, left);
		return;
	}
	out->create = arena_alloc(w->a, (many + 1) * sizeof *out->create);
	if (w->j->indexed) {
		create_indexes(w, many);
		return;
	}
	for (; out->create_count < many; out->create_count++)
		out->create[out->create_count] = (struct job_create){.index = JOB_NO_INDEX};
}

static int64_t wanted(const struct work *w)
{
	const struct job_facts *j = w->j;
	if (j->completions < 0)
		return w->succeeded ? (int64_t)w->active_count : j->parallelism;
	int64_t left = j->completions - w->succeeded;
	if (left > j->parallelism)
		left = j->parallelism;
	return left > 0 ? left : 0;
}

void job_plan_pods(struct work *w)
{
	const struct job_facts *j = w->j;
	struct job_plan *out = w->out;
	int64_t active = (int64_t)w->active_count;
	int64_t want = j->suspend ? 0 : wanted(w);
	drop_pods(w, active > want ? (size_t)(active - want) : 0);
	if (out->mark.count || out->remove.count || j->suspend)
		return;
	int64_t missing = want - active - (j->waits_for_end ? out->status.terminating : 0);
	if (missing > 0)
		create_pods(w, missing);
}
