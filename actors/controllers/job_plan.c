/* The rules are those of kubernetes pkg/controller/job/job_controller.go
 * (syncJob, manageJob), indexed_job_utils.go and backoff_utils.go. Different
 * here: every decision is written before anything follows from it, and pauses
 * after failures come from the pods that are there, so that a restart does not
 * forget them. */
#include "actors/controllers/job_plan_private.h"

#include <string.h>

#include "broker/base/sort.h"

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
		job_plan_indexes(&w);
	begin(&w);
	judge(&w);
	/* What is adopted counts when it is ours. */
	if (out->status.verdict == JOB_GOES_ON && !j->deleting) {
		if (!out->adopt.count)
			job_plan_pods(&w);
		suspend_or_resume(&w);
	}
	job_plan_count(&w);
	if (j->verdict != JOB_GOES_ON)
		end(&w);
	out->status.active += (int64_t)out->create_count;
}
