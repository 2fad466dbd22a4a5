#include "actors/controllers/job_plan_private.h"
#include "broker/base/sort.h"

static bool fails_index(const struct work *w, const struct job_pod *p)
{
	const char *why;
	enum job_failure f = job_failure_of(w->a, w->j, p, &why);
	int64_t failures = p->failures + (f != JOB_FAILURE_IGNORED);
	return f == JOB_FAILURE_OF_INDEX || failures > w->j->backoff_per_index;
}

static int by_index(const void *x, const void *y, void *arg)
{
	const struct job_pod *a = *(const struct job_pod *const *)x;
	const struct job_pod *b = *(const struct job_pod *const *)y;
	int64_t fa = a->failures + a->ignored, fb = b->failures + b->ignored;
	(void)arg;
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (fa != fb)
		return fa < fb ? -1 : 1;
	if (a->finished_us != b->finished_us)
		return a->finished_us < b->finished_us ? -1 : 1;
	return span_cmp(a->replica.child.key, b->replica.child.key);
}

static struct indexes active_indexes(const struct work *w)
{
	int64_t *list = arena_alloc(w->a, (w->count + 1) * sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < w->count; i++)
		if (job_pod_is_active(w->mine[i]) && w->mine[i]->index >= 0)
			list[n++] = w->mine[i]->index;
	return indexes_of(w->a, list, n);
}

/* Of each index that is to be tried again: its last failure, which carries how
 * often that was. */
static void find_delayed(struct work *w)
{
	struct indexes active = active_indexes(w);
	size_t n = 0, kept = 0;
	for (size_t i = 0; i < w->count; i++) {
		struct job_pod *p = w->mine[i];
		if (p->tracked && is_failed(w->j, p) && in_range(w->j, p) &&
		    !indexes_has(&w->done, p->index) && !indexes_has(&w->lost, p->index) &&
		    !indexes_has(&active, p->index))
			w->delayed[n++] = p;
	}
	sort_stable(w->delayed, n, sizeof *w->delayed, by_index, NULL);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || w->delayed[i + 1]->index != w->delayed[i]->index)
			w->delayed[kept++] = w->delayed[i];
	for (size_t i = 0; i < kept; i++)
		w->delayed[i]->delayed = true;
	w->delayed_count = kept;
}

const struct job_pod *job_plan_last_failure(const struct work *w, int64_t index)
{
	size_t low = 0, high = w->delayed_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (w->delayed[mid]->index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->delayed_count && w->delayed[low]->index == index ? w->delayed[low] : NULL;
}

void job_plan_indexes(struct work *w)
{
	const struct job_facts *j = w->j;
	int64_t *list = arena_alloc(w->a, (w->count + 1) * sizeof *list);
	size_t n = 0;
	w->stored = indexes_parse(w->a, j->completed_indexes, j->completions);
	for (size_t i = 0; i < w->count; i++)
		if (w->mine[i]->succeeded && is_new(w, w->mine[i]))
			list[n++] = w->mine[i]->index;
	struct indexes more = indexes_of(w->a, list, n);
	w->done = indexes_union(w->a, &w->stored, &more);
	w->succeeded = w->done.total;
	if (!per_index(j))
		return;
	n = 0;
	for (size_t i = 0; i < w->count; i++) {
		const struct job_pod *p = w->mine[i];
		if (p->tracked && in_range(j, p) && is_failed(j, p) &&
		    !indexes_has(&w->done, p->index) && fails_index(w, p))
			list[n++] = p->index;
	}
	struct indexes was = indexes_parse(w->a, j->failed_indexes, j->completions);
	more = indexes_of(w->a, list, n);
	w->lost = indexes_union(w->a, &was, &more);
	find_delayed(w);
}
