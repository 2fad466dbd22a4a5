/* The rules are those of kubernetes pkg/controller/job/job_controller.go
 * (syncJob, manageJob), indexed_job_utils.go and backoff_utils.go. Different
 * here: every decision is written before anything follows from it, and pauses
 * after failures come from the pods that are there, so that a restart does not
 * forget them. */
#include "actors/controllers/job_plan.h"

#include <string.h>

#include "actors/controllers/indexes.h"
#include "actors/controllers/job_policy.h"
#include "broker/base/sort.h"

/* A uid of uncountedTerminatedPods. */
struct uncounted {
	struct span uid;
	bool succeeded;
	bool held; /* its pod still has the finalizer */
};

struct work {
	struct arena *a;
	const struct job_facts *j;
	struct job_pod **mine; /* that count for this job */
	size_t count;
	int64_t now_us;
	struct uncounted *uncounted; /* by uid */
	size_t uncounted_count;
	struct job_pod **active;
	size_t active_count;
	int64_t succeeded, failed; /* with those that are not counted yet */
	struct indexes stored, done, lost; /* succeeded as written; with new ones; failed */
	struct job_pod **delayed; /* by index: the last failure of each */
	size_t delayed_count;
	struct job_plan *out;
};

static bool per_index(const struct job_facts *j)
{
	return j->indexed && j->backoff_per_index >= 0;
}

/* Deleted as one too many: however it ended, it does not count. */
static bool is_surplus(const struct job_pod *p)
{
	return p->chosen && p->replica.child.deleting;
}

/* One that is deleted before it has a node has nothing that could end. */
static bool has_ended(const struct job_pod *p)
{
	return p->replica.ended || (p->replica.child.deleting && !p->replica.node.len);
}

static bool is_failed(const struct job_facts *j, const struct job_pod *p)
{
	if (is_surplus(p) || p->succeeded)
		return false;
	return has_ended(p) || (p->replica.child.deleting && !j->waits_for_end);
}

static bool in_range(const struct job_facts *j, const struct job_pod *p)
{
	return !j->indexed || (p->index >= 0 && p->index < j->completions);
}

static bool is_ignored(const struct work *w, const struct job_pod *p)
{
	const char *why;
	return job_failure_of(w->a, w->j, p, &why) == JOB_FAILURE_IGNORED;
}

static void again_in(struct job_plan *out, int64_t us)
{
	if (!out->again_in_us || us < out->again_in_us)
		out->again_in_us = us;
}

static void put(struct job_pods *list, const struct job_pod *p)
{
	list->list[list->count++] = p;
}

/* ---- what is there */

static int by_uid(const void *x, const void *y, void *arg)
{
	(void)arg;
	return span_cmp(((const struct uncounted *)x)->uid, ((const struct uncounted *)y)->uid);
}

static size_t read_uids(struct uncounted *out, struct mp list, bool succeeded)
{
	size_t n = 0, k = 0;
	if (!list.p || mp_array(&list, &n))
		return 0;
	for (; k < n && !mp_str(&list, &out[k].uid); k++)
		out[k].succeeded = succeeded;
	return k;
}

static size_t count_of(struct mp list)
{
	size_t n = 0;
	return list.p && !mp_array(&list, &n) ? n : 0;
}

static void read_uncounted(struct work *w)
{
	size_t most = count_of(w->j->uncounted_succeeded) + count_of(w->j->uncounted_failed);
	w->uncounted = arena_alloc(w->a, (most + 1) * sizeof *w->uncounted);
	size_t n = read_uids(w->uncounted, w->j->uncounted_succeeded, true);
	n += read_uids(w->uncounted + n, w->j->uncounted_failed, false);
	w->uncounted_count = n;
	sort_stable(w->uncounted, n, sizeof *w->uncounted, by_uid, NULL);
}

static struct uncounted *find_uncounted(const struct work *w, struct span uid)
{
	size_t low = 0, high = w->uncounted_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = span_cmp(w->uncounted[mid].uid, uid);
		if (order == 0)
			return &w->uncounted[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* A pod that has ended, and is in no count yet. */
static bool is_new(const struct work *w, const struct job_pod *p)
{
	return p->tracked && !p->counting && !is_surplus(p) && in_range(w->j, p);
}

static void look_at(struct work *w, struct job_pod *p)
{
	struct job_status *s = &w->out->status;
	w->mine[w->count++] = p;
	s->terminating += p->replica.child.deleting && !has_ended(p);
	if (job_pod_is_active(p)) {
		s->active++;
		s->ready += p->replica.ready;
		w->active[w->active_count++] = p;
	}
	if (!is_new(w, p))
		return;
	w->succeeded += p->succeeded;
	w->failed += is_failed(w->j, p) && !is_ignored(w, p);
}

static void find_in_status(struct work *w, struct job_pod *p)
{
	struct uncounted *u = p->replica.child.owned && p->tracked
				      ? find_uncounted(w, p->replica.child.uid)
				      : NULL;
	p->delayed = false;
	p->counting = u != NULL;
	if (u)
		u->held = true;
}

static void sort_out(struct work *w, struct job_pod *pods, size_t n)
{
	const struct job_facts *j = w->j;
	struct job_plan *out = w->out;
	for (size_t i = 0; i < n; i++) {
		const struct child *c = &pods[i].replica.child;
		find_in_status(w, &pods[i]);
		if (!c->owned && c->selected && !c->deleting && !j->deleting)
			put(&out->adopt, &pods[i]);
		else if (c->owned && !c->selected && !j->deleting)
			put(&out->release, &pods[i]);
		else if (c->owned)
			look_at(w, &pods[i]);
	}
	w->succeeded += j->succeeded;
	w->failed += j->failed;
	for (size_t i = 0; i < w->uncounted_count; i++)
		*(w->uncounted[i].succeeded ? &w->succeeded : &w->failed) += 1;
}

/* ---- indexes */

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

static const struct job_pod *delayed_of(const struct work *w, int64_t index)
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

static void find_indexes(struct work *w)
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

/* ---- how it ends */

static void decide(struct work *w, enum job_verdict verdict, const char *reason,
		   const char *message)
{
	struct job_status *s = &w->out->status;
	if (s->verdict != JOB_GOES_ON)
		return;
	s->verdict = verdict;
	s->reason = reason;
	s->message = message;
}

static void decide_by_policy(struct work *w)
{
	const char *why = NULL;
	if (!w->j->failure_policy.p)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (is_failed(w->j, w->mine[i]) &&
		    job_failure_of(w->a, w->j, w->mine[i], &why) == JOB_FAILURE_OF_JOB)
			decide(w, JOB_FAILS, "PodFailurePolicy", why);
}

/* Restarts in place count like failures. */
static bool too_many_restarts(const struct work *w)
{
	int64_t sum = 0;
	if (!w->j->counts_restarts)
		return false;
	for (size_t i = 0; i < w->count; i++)
		if (!w->mine[i]->replica.ended)
			sum += w->mine[i]->restarts;
	return w->j->backoff_limit ? sum >= w->j->backoff_limit : sum > 0;
}

static void decide_by_time(struct work *w)
{
	const struct job_facts *j = w->j;
	int64_t started = w->out->status.started_us;
	/* What is just resumed begins anew. */
	if (j->deadline_s < 0 || j->suspend || j->suspended || !started)
		return;
	int64_t left = started + j->deadline_s * 1000000 - w->now_us;
	if (left <= 0)
		decide(w, JOB_FAILS, "DeadlineExceeded",
		       "Job was active longer than specified deadline");
	else
		again_in(w->out, left);
}

static void decide_by_indexes(struct work *w)
{
	const struct job_facts *j = w->j;
	if (j->max_failed_indexes >= 0 && w->lost.total > j->max_failed_indexes)
		decide(w, JOB_FAILS, "MaxFailedIndexesExceeded",
		       "Job has exceeded the specified maximal number of failed indexes");
	else if (w->lost.total && w->lost.total + w->done.total >= j->completions)
		decide(w, JOB_FAILS, "FailedIndexes", "Job has failed indexes");
	int rule = job_success_rule(w->a, j, &w->done);
	if (rule >= 0)
		decide(w, JOB_SUCCEEDS, "SuccessPolicy",
		       arena_printf(w->a, "Matched rules at index %d", rule));
}

/* Without a number of completions one success is enough, and the other pods
 * may end as they like. */
static bool is_complete(const struct work *w)
{
	const struct job_facts *j = w->j;
	return j->completions < 0 ? w->succeeded > 0 && !w->active_count
				  : w->succeeded >= j->completions;
}

static void judge(struct work *w)
{
	const struct job_facts *j = w->j;
	decide(w, j->verdict, arena_ndup(w->a, j->reason.data, j->reason.len),
	       arena_ndup(w->a, j->message.data, j->message.len));
	decide_by_policy(w);
	if (w->failed > j->backoff_limit || too_many_restarts(w))
		decide(w, JOB_FAILS, "BackoffLimitExceeded",
		       "Job has reached the specified backoff limit");
	decide_by_time(w);
	if (j->indexed)
		decide_by_indexes(w);
	if (is_complete(w))
		decide(w, JOB_SUCCEEDS, "CompletionsReached",
		       "Reached expected number of succeeded pods");
}

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
	const struct job_pod *p = delayed_of(w, index);
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
		const struct job_pod *p = per_index(j) ? delayed_of(w, list[i]) : NULL;
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

static void manage(struct work *w)
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

/* ---- counting */

static bool uncounted_is_full(const struct work *w)
{
	const struct job_status *s = &w->out->status;
	return s->uncounted_succeeded.count + s->uncounted_failed.count >= JOB_UNCOUNTED_MAX;
}

static void count_later(struct work *w, struct job_uids *list, const struct job_pod *p)
{
	if (!uncounted_is_full(w))
		list->list[list->count++] = p->replica.child.uid;
}

static void count_success(struct work *w, const struct job_pod *p)
{
	if (!in_range(w->j, p))
		put(&w->out->untrack, p);
	else if (!w->j->indexed)
		count_later(w, &w->out->status.uncounted_succeeded, p);
	else if (indexes_has(&w->stored, p->index))
		put(&w->out->untrack, p);
	/* Otherwise its index is in what is written now. */
}

/* Once it is decided how the job ends, what its own deletion ends is a failure
 * of one that fails, and nothing of one that succeeds. */
static bool counts_as_failed(const struct job_facts *j, const struct job_pod *p)
{
	if (j->verdict == JOB_SUCCEEDS)
		return p->replica.failed;
	return is_failed(j, p) || j->verdict == JOB_FAILS;
}

static void track(struct work *w, const struct job_pod *p)
{
	const struct job_facts *j = w->j;
	if (!p->tracked || (p->delayed && j->verdict == JOB_GOES_ON && !j->deleting))
		return;
	if (p->counting || is_surplus(p)) {
		put(&w->out->untrack, p);
	} else if (p->succeeded) {
		count_success(w, p);
	} else if (job_pod_is_active(p)) {
		if (j->deleting)
			put(&w->out->untrack, p);
	} else if (is_failed(j, p) || j->deleting || j->verdict != JOB_GOES_ON) {
		if (counts_as_failed(j, p) && in_range(j, p) && !is_ignored(w, p))
			count_later(w, &w->out->status.uncounted_failed, p);
		else
			put(&w->out->untrack, p);
	}
}

static void count(struct work *w)
{
	struct job_status *s = &w->out->status;
	size_t most = w->uncounted_count + JOB_UNCOUNTED_MAX + 1;
	s->uncounted_succeeded.list = arena_alloc(w->a, most * sizeof(struct span));
	s->uncounted_failed.list = arena_alloc(w->a, most * sizeof(struct span));
	s->succeeded = w->j->succeeded;
	s->failed = w->j->failed;
	for (size_t i = 0; i < w->uncounted_count; i++) {
		const struct uncounted *u = &w->uncounted[i];
		struct job_uids *list = u->succeeded ? &s->uncounted_succeeded
						     : &s->uncounted_failed;
		if (u->held)
			list->list[list->count++] = u->uid;
		else
			*(u->succeeded ? &s->succeeded : &s->failed) += 1;
	}
	for (size_t i = 0; i < w->count; i++)
		track(w, w->mine[i]);
	if (w->j->indexed) {
		s->succeeded = w->done.total;
		s->completed_indexes = indexes_text(w->a, &w->done);
		s->failed_indexes = per_index(w->j) ? indexes_text(w->a, &w->lost) : NULL;
	}
}

/* ---- all of it */

static void end(struct work *w)
{
	struct job_plan *out = w->out;
	const struct job_status *s = &out->status;
	for (size_t i = 0; i < w->active_count && out->remove.count < JOB_BATCH; i++)
		put(&out->remove, w->active[i]);
	out->status.finished = !s->active && !s->terminating && !out->untrack.count &&
			       !s->uncounted_succeeded.count && !s->uncounted_failed.count;
}

/* A job that is over holds nobody back. */
static void let_all_go(struct job_plan *out, struct job_pod *pods, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pods[i].replica.child.owned && pods[i].tracked)
			put(&out->untrack, &pods[i]);
}

static void begin(struct work *w)
{
	const struct job_facts *j = w->j;
	struct job_status *s = &w->out->status;
	s->started_us = j->started_us || j->suspend ? j->started_us : w->now_us;
}

static void suspend_or_resume(struct work *w)
{
	const struct job_facts *j = w->j;
	struct job_status *s = &w->out->status;
	if (j->suspend == j->suspended)
		return;
	s->suspension = j->suspend ? JOB_SUSPENDED : JOB_RESUMED;
	if (!j->suspend)
		s->started_us = w->now_us;
}

void job_plan(struct arena *a, const struct job_facts *j, struct job_pod *pods, size_t n,
	      int64_t now_us, struct job_plan *out)
{
	struct work w = {.a = a, .j = j, .now_us = now_us, .out = out};
	const struct job_pod **lists = arena_alloc(a, (5 * n + 1) * sizeof *lists);
	struct job_pods *all[] = {&out->adopt, &out->release, &out->mark, &out->remove,
				  &out->untrack};
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < 5; i++)
		all[i]->list = lists + i * n;
	out->nothing = j->foreign || j->finished;
	if (j->finished)
		let_all_go(out, pods, n);
	if (out->nothing)
		return;
	w.mine = arena_alloc(a, (n + 1) * sizeof *w.mine);
	w.active = arena_alloc(a, (n + 1) * sizeof *w.active);
	w.delayed = arena_alloc(a, (n + 1) * sizeof *w.delayed);
	read_uncounted(&w);
	sort_out(&w, pods, n);
	if (j->indexed)
		find_indexes(&w);
	begin(&w);
	judge(&w);
	/* What is adopted counts when it is ours. */
	if (out->status.verdict == JOB_GOES_ON && !j->deleting) {
		if (!out->adopt.count)
			manage(&w);
		suspend_or_resume(&w);
	}
	count(&w);
	if (j->verdict != JOB_GOES_ON)
		end(&w);
	out->status.active += (int64_t)out->create_count;
}
