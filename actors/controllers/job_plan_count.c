/* Counting in three steps: see job_plan.h. */
#include "actors/controllers/job_plan_private.h"

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

void job_plan_count(struct work *w)
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
