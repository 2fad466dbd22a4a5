#include "actors/controllers/deployment_plan.h"

#include <string.h>

#include "actors/controllers/revision.h"
#include "actors/schema/conditions.h"
#include "broker/base/sort.h"

/* ---- facts */

/* Of at most `max`. */
static int64_t number_annotation(struct mp m, const char *name, int64_t max, int64_t otherwise)
{
	struct span s = object_annotation(m, name);
	int64_t v = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.data[i] - '0', &v))
			return otherwise;
	return s.len && v <= max ? v : otherwise;
}

static void read_failure(struct rollout_set *s, struct mp set)
{
	struct mp m;
	if (!condition_find(set, span_of("ReplicaFailure"), &m) ||
	    !span_is(mp_path_str(m, "status"), "True"))
		return;
	s->failure_reason = mp_path_str(m, "reason");
	s->failure = mp_path_str(m, "message");
}

void rollout_set_read(struct rollout_set *s, const struct view_object *o)
{
	struct mp m = object_of(o), template = {0};
	mp_path(m, "spec.template", &template);
	*s = (struct rollout_set){
		.digest = revision_digest(template),
		.replicas = mp_path_int(m, "spec.replicas", 1),
		.min_ready_s = mp_path_int(m, "spec.minReadySeconds", 0),
		.running = mp_path_int(m, "status.replicas", 0),
		.ready = mp_path_int(m, "status.readyReplicas", 0),
		.available = mp_path_int(m, "status.availableReplicas", 0),
		.generation = mp_path_int(m, "metadata.generation", 0),
		.observed = mp_path_int(m, "status.observedGeneration", 0),
		.revision = number_annotation(m, "deployment.kubernetes.io/revision",
					      INT64_MAX, 0),
		.desired = number_annotation(m, "deployment.kubernetes.io/desired-replicas",
					     INT32_MAX, -1),
		.most = number_annotation(m, "deployment.kubernetes.io/max-replicas", INT32_MAX,
					  -1),
	};
	child_read(&s->child, o);
	read_failure(s, m);
}

static void read_facts(const struct view_object *o, void *facts)
{
	rollout_set_read(facts, o);
}

const struct view_index_spec rollout_set_index = {
	.name = "rollout",
	.keys = owners_controller_keys,
	.facts_bytes = sizeof(struct rollout_set),
	.facts = read_facts,
};

void rollout_bounds(struct mp d, int64_t *surge, int64_t *unavailable)
{
	int64_t replicas = mp_path_int(d, "spec.replicas", 1);
	*surge = object_share(d, "spec.strategy.rollingUpdate.maxSurge", replicas, true, 0);
	*unavailable =
		object_share(d, "spec.strategy.rollingUpdate.maxUnavailable", replicas, false, 0);
	if (*surge == 0 && *unavailable == 0)
		*unavailable = 1;
	if (*unavailable > replicas)
		*unavailable = replicas;
}

/* ---- sums */

struct roll {
	const struct rollout_want *want;
	struct deployment_plan *out;
	struct rollout_set **sets; /* its own, oldest first */
	size_t count;
	struct rollout_set *fresh;
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t asked(const struct roll *l, bool with_fresh)
{
	int64_t sum = 0;
	for (size_t i = 0; i < l->count; i++)
		if (with_fresh || l->sets[i] != l->fresh)
			sum += l->sets[i]->replicas;
	return sum;
}

static int64_t available(const struct roll *l)
{
	int64_t sum = 0;
	for (size_t i = 0; i < l->count; i++)
		sum += l->sets[i]->available;
	return sum;
}

static int64_t at_least(const struct roll *l)
{
	return l->want->replicas - l->want->unavailable;
}

static void scale(struct roll *l, const struct rollout_set *s, int64_t replicas)
{
	l->out->changes[l->out->change_count++] =
		(struct set_change){s, replicas < 0 ? 0 : replicas, true};
}

/* As many as the new set may have: `have` it has now. */
static int64_t room_of_fresh(const struct roll *l, int64_t have)
{
	const struct rollout_want *w = l->want;
	if (w->recreate)
		return w->replicas;
	int64_t all = asked(l, true), most = w->replicas + w->surge;
	if (all >= most)
		return have;
	return have + smaller(most - all, w->replicas - have);
}

/* ---- replicas changed: in proportion */

static int by_size(const void *x, const void *y, void *arg)
{
	const struct rollout_set *a = *(const struct rollout_set *const *)x;
	const struct rollout_set *b = *(const struct rollout_set *const *)y;
	bool newer_first = *(const bool *)arg;
	if (a->replicas != b->replicas)
		return a->replicas > b->replicas ? -1 : 1;
	int age = (a->child.created_us > b->child.created_us) -
		  (a->child.created_us < b->child.created_us);
	return newer_first ? -age : age;
}

/* What the set would have in the new size of all, less what it has: rounded
 * half away from zero. */
static int64_t fraction(const struct roll *l, const struct rollout_set *s)
{
	const struct rollout_want *w = l->want;
	int64_t before = s->most > 0 ? s->most : w->status_replicas;
	if (w->replicas == 0)
		return -s->replicas;
	if (before <= 0)
		return 0;
	return (2 * s->replicas * (w->replicas + w->surge) + before) / (2 * before) - s->replicas;
}

static int64_t proportion(const struct roll *l, const struct rollout_set *s, int64_t to_add,
			  int64_t added)
{
	if (!s->replicas || !to_add || to_add == added)
		return 0;
	int64_t part = fraction(l, s), left = to_add - added;
	return to_add > 0 ? smaller(part, left) : part > left ? part : left;
}

static void scale_in_proportion(struct roll *l, struct arena *a)
{
	const struct rollout_want *w = l->want;
	struct rollout_set **active = arena_alloc(a, (l->count + 1) * sizeof *active);
	size_t n = 0;
	int64_t all = 0, added = 0, first = 0;
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i]->replicas > 0) {
			active[n++] = l->sets[i];
			all += l->sets[i]->replicas;
		}
	int64_t to_add = (w->replicas > 0 ? w->replicas + w->surge : 0) - all;
	bool newer_first = to_add > 0;
	sort_stable(active, n, sizeof *active, by_size, &newer_first);
	size_t from = l->out->change_count;
	for (size_t i = 0; i < n; i++) {
		int64_t more = proportion(l, active[i], to_add, added);
		added += more;
		first = i == 0 ? more : first;
		scale(l, active[i], active[i]->replicas + more);
	}
	if (n && to_add) /* what rounding left is the largest's */
		l->out->changes[from].replicas =
			active[0]->replicas + first + (to_add - added) < 0
				? 0
				: active[0]->replicas + first + (to_add - added);
}

/* The one set that carries the deployment; NULL: several do. */
static struct rollout_set *only_active(const struct roll *l)
{
	struct rollout_set *one = NULL, *latest = NULL;
	size_t active = 0;
	for (size_t i = 0; i < l->count; i++) {
		latest = l->sets[i];
		if (l->sets[i]->replicas > 0) {
			one = l->sets[i];
			active++;
		}
	}
	if (active == 0)
		return l->fresh ? l->fresh : latest;
	return active == 1 ? one : NULL;
}

static bool is_saturated(const struct roll *l)
{
	const struct rollout_set *s = l->fresh;
	return s && s->replicas == l->want->replicas && s->desired == l->want->replicas &&
	       s->available == l->want->replicas;
}

static void resize(struct roll *l, struct arena *a)
{
	struct rollout_set *one = only_active(l);
	if (one) {
		if (one->replicas != l->want->replicas || one->desired != l->want->replicas)
			scale(l, one, l->want->replicas);
	} else if (is_saturated(l)) {
		for (size_t i = 0; i < l->count; i++)
			if (l->sets[i] != l->fresh && l->sets[i]->replicas > 0)
				scale(l, l->sets[i], 0);
	} else if (!l->want->recreate) {
		scale_in_proportion(l, a);
	}
}

static bool is_resized(const struct roll *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i]->replicas > 0 && l->sets[i]->desired >= 0 &&
		    l->sets[i]->desired != l->want->replicas)
			return true;
	return false;
}

/* ---- rolling */

static bool grow(struct roll *l)
{
	struct rollout_set *s = l->fresh;
	int64_t to = s->replicas > l->want->replicas ? l->want->replicas
						     : room_of_fresh(l, s->replicas);
	if (to == s->replicas)
		return false;
	scale(l, s, to);
	return true;
}

/* What is asked of each old set while it shrinks; the plan has one change for
 * each. */
static void shrink(struct roll *l, int64_t *left, int64_t have, struct rollout_set *s, int64_t by)
{
	struct set_change *x = l->out->changes;
	by = smaller(by, *left);
	if (by <= 0)
		return;
	*left -= by;
	for (size_t i = 0; i < l->out->change_count; i++)
		if (x[i].set == s) {
			x[i].replicas = have - by;
			return;
		}
	scale(l, s, have - by);
}

static int64_t planned(const struct roll *l, const struct rollout_set *s)
{
	for (size_t i = 0; i < l->out->change_count; i++)
		if (l->out->changes[i].set == s)
			return l->out->changes[i].replicas;
	return s->replicas;
}

static void shrink_old(struct roll *l)
{
	const struct rollout_set *f = l->fresh;
	int64_t waiting = f->replicas - f->available;
	int64_t unhealthy = asked(l, true) - at_least(l) - waiting;
	if (unhealthy <= 0)
		return;
	/* Those that serve nobody first: that costs no availability. */
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i] != f)
			shrink(l, &unhealthy, l->sets[i]->replicas, l->sets[i],
			       l->sets[i]->replicas - l->sets[i]->available);
	int64_t spare = available(l) - at_least(l);
	for (size_t i = 0; i < l->count && spare > 0; i++)
		if (l->sets[i] != f) {
			int64_t have = planned(l, l->sets[i]);
			shrink(l, &spare, have, l->sets[i], have);
		}
}

/* Whether it took a step. */
static bool recreate(struct roll *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i] != l->fresh && l->sets[i]->replicas > 0)
			scale(l, l->sets[i], 0);
	return l->out->change_count || l->want->old_pods_run;
}

/* ---- old ones that nobody needs */

static int by_revision(const void *x, const void *y, void *arg)
{
	const struct rollout_set *a = *(const struct rollout_set *const *)x;
	const struct rollout_set *b = *(const struct rollout_set *const *)y;
	(void)arg;
	return (a->revision > b->revision) - (a->revision < b->revision);
}

static void forget(struct roll *l, struct arena *a)
{
	struct rollout_set **old = arena_alloc(a, (l->count + 1) * sizeof *old);
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++)
		if (l->sets[i] != l->fresh && !l->sets[i]->child.deleting)
			old[n++] = l->sets[i];
	if (l->want->history < 0 || n <= (size_t)l->want->history)
		return;
	sort_stable(old, n, sizeof *old, by_revision, NULL);
	for (size_t i = 0; i < n - (size_t)l->want->history; i++)
		if (!old[i]->running && !old[i]->replicas && old[i]->generation <= old[i]->observed)
			l->out->remove[l->out->remove_count++] = old[i];
}

/* ---- the plan */

static int by_age(const void *x, const void *y, void *arg)
{
	const struct rollout_set *a = *(const struct rollout_set *const *)x;
	const struct rollout_set *b = *(const struct rollout_set *const *)y;
	(void)arg;
	if (a->child.created_us != b->child.created_us)
		return a->child.created_us < b->child.created_us ? -1 : 1;
	return span_cmp(a->child.name, b->child.name);
}

static void sort_out(struct roll *l, struct rollout_set *sets, size_t n)
{
	struct deployment_plan *out = l->out;
	bool deleting = l->want->deleting;
	for (size_t i = 0; i < n; i++) {
		struct rollout_set *s = &sets[i];
		if (s->child.owned && !s->child.selected && !deleting)
			out->release[out->release_count++] = s;
		else if (!s->child.owned && s->child.selected && !deleting && !s->child.deleting)
			out->adopt[out->adopt_count++] = s;
		if (s->child.owned && s->child.selected)
			l->sets[l->count++] = s;
	}
	sort_stable(l->sets, l->count, sizeof *l->sets, by_age, NULL);
	int64_t last = 0;
	for (size_t i = 0; i < l->count; i++) {
		if (!l->fresh && l->sets[i]->digest == l->want->digest &&
		    !l->sets[i]->child.deleting)
			l->fresh = l->sets[i];
		else if (l->sets[i]->revision > last)
			last = l->sets[i]->revision;
	}
	out->fresh = l->fresh;
	/* Whoever makes a set says its revision: there may be none after it. */
	out->revision = last < INT64_MAX ? last + 1 : last;
	if (l->fresh && l->fresh->revision > last)
		out->revision = l->fresh->revision;
}

static void count(struct roll *l)
{
	struct deployment_plan *out = l->out;
	for (size_t i = 0; i < l->count; i++) {
		const struct rollout_set *s = l->sets[i];
		out->replicas += s->running;
		out->ready += s->ready;
		if (s->failure.len && (!out->failing || s == l->fresh))
			out->failing = s;
	}
	out->available = available(l);
	out->updated = l->fresh ? l->fresh->running : 0;
	out->unavailable = asked(l, true) - out->available;
	if (out->unavailable < 0)
		out->unavailable = 0;
	out->complete = out->updated == l->want->replicas && out->replicas == l->want->replicas &&
			out->available == l->want->replicas;
}

static void make(struct roll *l)
{
	l->out->create = true;
	l->out->create_replicas = room_of_fresh(l, 0);
}

static void roll_on(struct roll *l, struct arena *a)
{
	/* Recreation knows no proportion: of several sets all but one go. */
	bool stands = l->want->recreate && !only_active(l);
	if (l->want->paused || (is_resized(l) && !stands)) {
		resize(l, a);
		if (l->want->paused && !l->out->change_count)
			forget(l, a);
		return;
	}
	if (l->want->recreate && recreate(l))
		return;
	if (!l->fresh) {
		make(l);
		return;
	}
	if (!grow(l) && !l->want->recreate)
		shrink_old(l);
	if (!l->out->change_count && l->out->complete)
		forget(l, a);
}

void deployment_plan(struct arena *a, struct rollout_set *sets, size_t n,
		     const struct rollout_want *want, struct deployment_plan *out)
{
	struct roll l = {.want = want, .out = out};
	const struct rollout_set **lists = arena_alloc(a, (3 * n + 1) * sizeof *lists);
	memset(out, 0, sizeof *out);
	out->adopt = lists;
	out->release = lists + n;
	out->remove = lists + 2 * n;
	out->changes = arena_alloc(a, (n + 1) * sizeof *out->changes);
	l.sets = arena_alloc(a, (n + 1) * sizeof *l.sets);
	sort_out(&l, sets, n);
	count(&l);
	/* What is adopted counts when it is ours. */
	if (!want->deleting && !out->adopt_count)
		roll_on(&l, a);
}
