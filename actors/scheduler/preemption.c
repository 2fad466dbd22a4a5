/* Who could leave for a pod that found no place. The accounts are what it is tried on: pods are
 * taken away and put back, all of them before this ends. */
#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"
#include "actors/scheduler/scheduler_private.h"
#include "broker/base/planted.h"

enum { CANDIDATES_MIN = 100, CANDIDATES_PERCENT = 10 };

static const char not_helpful[] = "Preemption is not helpful for scheduling";
static const char nobody[] = "No preemption victims found for incoming pod";

static struct mp object_of(const struct pod *p)
{
	return mp_of_bytes(p->object);
}

/* ---- whether it may */

/* Somebody of lower priority leaves that node by preemption already. */
static bool leaving_from(const struct scheduler *s, const struct pod *p, const char *name)
{
	const struct node *node = omap_get(&s->nodes, span_of(name));
	struct mp condition;
	for (const struct pod *x = node ? node->first : NULL; x; x = x->beside) {
		if (x->priority >= p->priority)
			continue;
		if (x->preemptor)
			return true;
		if (mp_path_str(object_of(x), "metadata.deletionTimestamp").len &&
		    condition_find(object_of(x), span_of("DisruptionTarget"), &condition) &&
		    span_is(mp_path_str(condition, "reason"), "PreemptionByScheduler"))
			return true;
	}
	return false;
}

/* Whether the fault may be one that others make by being there. */
static bool may_help(const struct pod *p, const struct node *node, unsigned faults)
{
	const unsigned others = (unsigned)FIT_ROOM | FIT_PORTS | FIT_SPREAD | FIT_ANTI_AFFINITY | FIT_OTHERS;
	const struct resources *all = &node->facts.allocatable;
	if (faults & (FIT_EXTENDED - 1) & ~others)
		return false;
	if (p->extended.count && extended_lacking(&p->extended, &(struct extended){0}, mp_of_bytes(node->object)))
		return false;
	return p->wants.cpu_milli <= all->cpu_milli && p->wants.memory <= all->memory &&
	       p->wants.storage <= all->storage && all->pods > 0;
}

static unsigned faults_at(const struct scheduler *s, const struct place_search *found, const char *name)
{
	for (size_t i = 0; i < s->node_count; i++)
		if (span_is(s->places[i].name, name))
			return found->faults[i];
	return 0;
}

static const char *not_eligible(const struct scheduler *s, const struct pod *p, const struct place_search *found)
{
	if (span_is(mp_path_str(object_of(p), "spec.preemptionPolicy"), "Never"))
		return "not eligible due to preemptionPolicy=Never.";
	const struct node *node = p->nominated ? omap_get(&s->nodes, span_of(p->nominated)) : NULL;
	if (node && node->object && may_help(p, node, faults_at(s, found, p->nominated)) &&
	    leaving_from(s, p, p->nominated))
		return "not eligible due to a terminating pod on the nominated node.";
	return NULL;
}

/* ---- one node */

struct trial {
	struct scheduler *s;
	struct arena *arena;
	const struct pod *pod;
	const struct pod_volumes *volumes;
	const struct node_place *place;
	struct preempt_budget *budgets;
	size_t budget_count;
};

static void move(void *arg, void *own, int sign)
{
	struct trial *t = arg;
	accounts_count(t->s, own, sign > 0 ? t->place->name : (struct span){0});
}

static unsigned faults(void *arg)
{
	struct trial *t = arg;
	return place_faults(t->s, t->arena, t->pod, t->volumes, t->place->node);
}

static bool is_bound(const struct pod *x)
{
	return x->version < x->bound || mp_path_str(object_of(x), "spec.nodeName").len;
}

/* One whose binding is on its way is left alone until that is over. */
static bool may_leave(struct scheduler *s, const struct pod *p, const struct pod *x)
{
	if ((x->priority >= p->priority && !PLANTED(PRIORITY_NOT_COMPARED)) || x->thought)
		return false;
	if (is_bound(x) && (!x->writing || x->preemptor))
		return true;
	s->missed |= x->writing != NULL;
	return false;
}

static size_t gather(struct trial *t, struct preempt_pod **out)
{
	size_t n = 0;
	for (const struct pod *x = t->place->node->first; x; x = x->beside)
		n++;
	struct preempt_pod *all = arena_alloc(t->arena, (n + 1) * sizeof *all);
	n = 0;
	for (struct pod *x = t->place->node->first; x; x = x->beside) {
		struct mp m = object_of(x), labels = {0};
		int64_t began = INT64_MAX;
		if (!may_leave(t->s, t->pod, x))
			continue;
		mp_path(m, "metadata.labels", &labels);
		if (rfc3339_parse(mp_path_str(m, "status.startTime"), &began))
			began = INT64_MAX;
		all[n++] = (struct preempt_pod){.own = x,
						.namespace = mp_path_str(m, "metadata.namespace"),
						.name = mp_path_str(m, "metadata.name"),
						.labels = labels,
						.priority = x->priority,
						.start_us = began};
	}
	*out = all;
	return n;
}

/* What the node would cost; false: it is no help, as the reasons say. */
static bool try_node(struct trial *t, unsigned found, struct preempt_node *out, struct reasons *r)
{
	struct preempt_pod *pods;
	const struct preempt_trial trial = {t, move, faults};
	*out = (struct preempt_node){.name = t->place->name};
	if (!may_help(t->pod, t->place->node, found)) {
		reasons_add(r, not_helpful);
		return false;
	}
	size_t n = gather(t, &pods);
	if (!n) {
		reasons_add(r, nobody);
		return false;
	}
	preempt_on_node(t->arena, pods, n, t->budgets, t->budget_count, &trial, out);
	place_add_reasons(r, t->arena, t->pod, out->faults);
	return out->count > 0;
}

/* ---- all of them */

static void read_budgets(struct trial *t)
{
	const struct view *v = t->s->budget_view;
	t->budgets = arena_alloc(t->arena, (view_count(v) + 1) * sizeof *t->budgets);
	for (struct onode *n = omap_first(view_map(v)); n; n = omap_next(n)) {
		struct mp m = mp_of_bytes(((struct view_object *)n->value)->value);
		struct preempt_budget *b = &t->budgets[t->budget_count++];
		*b = (struct preempt_budget){.namespace = mp_path_str(m, "metadata.namespace"),
					     .allowed = mp_path_int(m, "status.disruptionsAllowed", 0)};
		mp_path(m, "spec.selector", &b->selector);
		mp_path(m, "status.disruptedPods", &b->disrupted);
	}
}

static size_t enough(const struct scheduler *s)
{
	size_t n = s->node_count * CANDIDATES_PERCENT / 100;
	return n > CANDIDATES_MIN ? n : CANDIDATES_MIN;
}

/* Nobody is of lower priority than the pod. */
static const char *none_is_lower(const struct scheduler *s, struct arena *a, const struct pod *p,
				 const struct pod_volumes *v, const struct place_search *found)
{
	struct reasons r = {0};
	for (size_t i = 0; i < s->node_count; i++)
		if (s->places[i].node->object)
			reasons_add(&r, !v->refusal && may_help(p, s->places[i].node, found->faults[i]) ? nobody
													: not_helpful);
	return reasons_say(&r, a, place_nodes(s));
}

static void try_all(struct preemption *out, struct trial *t, const struct place_search *found)
{
	struct reasons r = {0};
	struct scheduler *s = t->s;
	size_t candidates = 0;
	bool moved = s->moved; /* nobody comes by what is tried here */
	nominated_count(s, t->pod, true);
	read_budgets(t);
	for (size_t i = 0; i < s->node_count && candidates < enough(s); i++) {
		struct preempt_node one;
		t->place = &s->places[i];
		if (!t->place->node->object || !try_node(t, found->faults[i], &one, &r))
			continue;
		if (!candidates++ || preempt_is_better(&one, &out->best))
			out->best = one;
	}
	nominated_count(s, t->pod, false);
	s->moved = moved;
	out->why = reasons_say(&r, t->arena, place_nodes(s));
}

void preemption_find(struct preemption *out, struct scheduler *s, struct arena *a, const struct pod *p,
		     const struct pod_volumes *v, const struct place_search *found)
{
	struct trial t = {.s = s, .arena = a, .pod = p, .volumes = v};
	*out = (struct preemption){.why = not_eligible(s, p, found)};
	out->waits = out->why != NULL;
	if (out->why)
		return;
	if (v->refusal || !accounts_has_lower(s, p->priority))
		out->why = none_is_lower(s, a, p, v, found);
	else
		try_all(out, &t, found);
}
