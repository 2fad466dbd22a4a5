#include "actors/controllers/statefulset_plan.h"

#include <string.h>

#include "broker/base/sort.h"

int64_t statefulset_ordinal(struct span set, struct span pod)
{
	int64_t v = 0;
	size_t at = set.len + 1;
	if (pod.len <= at || pod.len > at + 9 || memcmp(pod.data, set.data, set.len) != 0 ||
	    pod.data[set.len] != '-')
		return -1;
	for (size_t i = at; i < pod.len; i++) {
		if (pod.data[i] < '0' || pod.data[i] > '9' || (pod.data[at] == '0' && i > at))
			return -1;
		v = 10 * v + pod.data[i] - '0';
	}
	return v;
}

/* A place among those that the set wants; NULL: nobody is there. */
struct walk {
	const struct statefulset_want *want;
	struct statefulset_plan *out;
	struct ordinal_pod *pods; /* in order of their numbers */
	size_t count;
	const struct ordinal_pod *unhealthy; /* the first, in the order of repair */
};

static int by_ordinal(const void *x, const void *y, void *arg)
{
	const struct ordinal_pod *a = x, *b = y;
	(void)arg;
	return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

static bool is_wanted(const struct statefulset_want *w, int64_t ordinal)
{
	return ordinal >= w->start && ordinal < w->start + w->replicas;
}

static bool is_healthy(const struct ordinal_pod *p)
{
	return p->pod->ready && !p->pod->child.deleting;
}

static void take(struct walk *l, const struct ordinal_pod *p, bool condemned)
{
	l->out->remove[l->out->remove_count++] = (struct ordinal_remove){p, condemned};
}

static void count(struct walk *l)
{
	struct statefulset_plan *out = l->out;
	for (size_t i = 0; i < l->count; i++) {
		const struct ordinal_pod *p = &l->pods[i];
		out->replicas++;
		out->ready += p->pod->ready;
		out->available += p->available;
		if (p->pod->child.deleting)
			continue;
		out->current += span_eq(p->revision, l->want->current);
		out->updated += span_eq(p->revision, l->want->update);
	}
	out->complete = l->want->rolling && out->updated == l->want->replicas &&
			out->ready == l->want->replicas && out->replicas == l->want->replicas;
	if (out->complete)
		out->current = out->updated;
}

static void find_unhealthy(struct walk *l)
{
	for (int pass = 0; pass < 2 && !l->unhealthy; pass++)
		for (size_t i = 0; i < l->count && !l->unhealthy; i++)
			if (is_wanted(l->want, l->pods[i].ordinal) == (pass == 0) &&
			    !is_healthy(&l->pods[i]))
				l->unhealthy = &l->pods[i];
}

static void make(struct walk *l, int64_t ordinal)
{
	const struct statefulset_want *w = l->want;
	l->out->create[l->out->create_count++] = (struct ordinal_create){
		ordinal, w->rolling && ordinal < w->start + w->partition};
}

/* Makes what is missing and replaces what has ended. False: wait. */
static bool fill_up(struct walk *l)
{
	const struct statefulset_want *w = l->want;
	size_t at = 0;
	for (int64_t n = w->start; n < w->start + w->replicas; n++) {
		while (at < l->count && l->pods[at].ordinal < n)
			at++;
		const struct ordinal_pod *p =
			at < l->count && l->pods[at].ordinal == n ? &l->pods[at] : NULL;
		if (!p)
			make(l, n);
		else if (p->pod->ended && !p->pod->child.deleting)
			take(l, p, false);
		else if (is_healthy(p) && p->available)
			continue;
		if (w->ordered)
			return false;
	}
	return true;
}

/* From the highest number down. False: wait. */
static bool let_go(struct walk *l)
{
	const struct statefulset_want *w = l->want;
	for (size_t i = l->count; i-- > 0;) {
		const struct ordinal_pod *p = &l->pods[i];
		if (is_wanted(w, p->ordinal))
			continue;
		if (!p->pod->child.deleting) {
			bool first = p == l->unhealthy;
			if (w->ordered && !first && (!is_healthy(p) || !p->available))
				return false;
			take(l, p, true);
		}
		if (w->ordered)
			return false;
	}
	return true;
}

static void roll(struct walk *l)
{
	const struct statefulset_want *w = l->want;
	if (!w->rolling)
		return;
	int64_t next = w->start + w->replicas;
	for (size_t i = l->count; i-- > 0 && next > w->start + w->partition;) {
		const struct ordinal_pod *p = &l->pods[i];
		if (!is_wanted(w, p->ordinal))
			continue;
		if (p->ordinal != --next || p->ordinal < w->start + w->partition)
			return; /* one is missing: it is being made */
		if (!span_eq(p->revision, w->update) && !p->pod->child.deleting) {
			if (!p->pod->ended)
				take(l, p, false);
			return;
		}
		if (!is_healthy(p))
			return;
	}
}

void statefulset_plan(struct arena *a, struct ordinal_pod *pods, size_t n,
		      const struct statefulset_want *want, struct statefulset_plan *out)
{
	struct walk l = {.want = want, .out = out, .pods = pods, .count = n};
	memset(out, 0, sizeof *out);
	out->create = arena_alloc(a, ((size_t)want->replicas + 1) * sizeof *out->create);
	out->remove = arena_alloc(a, (2 * n + 1) * sizeof *out->remove);
	sort_stable(pods, n, sizeof *pods, by_ordinal, NULL);
	count(&l);
	find_unhealthy(&l);
	if (want->deleting)
		return;
	if (fill_up(&l) && let_go(&l))
		roll(&l);
}
