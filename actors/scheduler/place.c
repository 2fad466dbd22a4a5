/* The search for a node: which ones take the pod, the best of them, or why there is none. */
#include <stdio.h>

#include "actors/objects/placement.h"
#include "actors/scheduler/choice.h"
#include "actors/scheduler/scheduler_private.h"

/* ---- none */

/* Goes into the arena where it has a name of its own. */
static const char *text_of(struct arena *a, const struct pod *p, enum fit_fault f)
{
	for (size_t i = 0; i < FIT_EXTENDED_MAX && i < p->extended.count; i++)
		if (f == (enum fit_fault)((unsigned)FIT_EXTENDED << i))
			return arena_printf(a, "Insufficient %s", p->extended.all[i].name);
	return fit_fault_text(f);
}

static void describe(struct arena *a, const struct pod *p, const unsigned *faults, size_t nodes, char out[PLACE_WHY_MAX])
{
	struct {
		size_t count;
		enum fit_fault fault;
	} sums[32];
	size_t kinds = 0, n;
	for (unsigned f = 1; f <= FIT_LAST; f <<= 1) {
		size_t count = 0;
		for (size_t i = 0; i < nodes; i++)
			count += (faults[i] & f) != 0;
		if (count) {
			sums[kinds].count = count;
			sums[kinds++].fault = (enum fit_fault)f;
		}
	}
	n = (size_t)snprintf(out, PLACE_WHY_MAX, "0/%zu nodes are available%s", nodes, kinds ? ": " : ".");
	for (size_t i = 0; i < kinds && n < PLACE_WHY_MAX; i++)
		n += (size_t)snprintf(out + n, PLACE_WHY_MAX - n, "%s%zu %s%s", i ? ", " : "", sums[i].count,
				      text_of(a, p, sums[i].fault), i + 1 == kinds ? "." : "");
	if (!nodes)
		snprintf(out, PLACE_WHY_MAX, "no nodes available to schedule pods");
}

/* "0/3 nodes are available: REASON." */
static void refuse_all(const struct scheduler *s, const char *why, char out[PLACE_WHY_MAX])
{
	size_t n = 0;
	for (struct onode *it = omap_first(&s->nodes); it; it = omap_next(it))
		n += ((struct node *)it->value)->object != NULL;
	snprintf(out, PLACE_WHY_MAX, "0/%zu nodes are available: %s.", n, why);
}

/* ---- the best one */

/* Nodes are added, never taken away: those that are gone have no object. */
static void know_places(struct scheduler *s)
{
	size_t i = 0;
	if (s->node_count == s->nodes.count)
		return;
	s->places = mem_realloc(s->places, s->nodes.count * sizeof *s->places);
	for (struct onode *it = omap_first(&s->nodes); it; it = omap_next(it))
		s->places[i++] = (struct node_place){it->value, onode_key(it)};
	s->node_count = i;
	s->next_node = 0;
}

/* What the pod asks of others, and they of it; nothing where nobody asks anything. */
static void plan_near(struct scheduler *s, struct arena *a, const struct pod *p, struct near_plan *out)
{
	struct near_node *nodes;
	size_t n = 0;
	*out = (struct near_plan){0};
	if (!s->near.terms.count)
		return;
	nodes = arena_alloc(a, (s->node_count + 1) * sizeof *nodes);
	for (size_t i = 0; i < s->node_count; i++)
		if (s->places[i].node->object)
			nodes[n++] = (struct near_node){s->places[i].name, mp_of_bytes(s->places[i].node->object)};
	near_plan_make(out, a, &s->near, p->asks, mp_of_bytes(p->object), nodes, n);
}

static unsigned of_extended(const struct pod *p, const struct node *node, struct mp object)
{
	uint32_t lacking = p->extended.count ? extended_lacking(&p->extended, &node->extended, object) : 0;
	if (lacking >> FIT_EXTENDED_MAX)
		lacking |= 1u << (FIT_EXTENDED_MAX - 1);
	return (lacking & ((1u << FIT_EXTENDED_MAX) - 1)) * FIT_EXTENDED;
}

static unsigned fault_of(const struct pod *p, const struct node *node, struct mp object, bool selective,
			 const struct pod_volumes *v, const struct near_plan *near)
{
	unsigned fault = fit_check(mp_of_bytes(p->object), &p->wants, selective, object, &node->facts, &node->used);
	if (!(fault & ~(unsigned)FIT_ROOM) && host_ports_conflict(&node->ports, &p->ports))
		fault = FIT_PORTS;
	else if (!(fault & ~(unsigned)FIT_ROOM))
		fault |= of_extended(p, node, object);
	if (!fault && v->count)
		fault = volumes_fault(v, object);
	return fault || !near->count ? fault : near_fault(near, object);
}

static struct candidate candidate_of(const struct pod *p, const struct node_place *place, struct mp object,
				     const struct near_plan *near)
{
	const struct node *node = place->node;
	struct candidate x = {.name = place->name,
			      .room = fit_score(&p->weight, &node->facts.allocatable, &node->weight),
			      .pods = node->used.pods};
	struct mp spec = {0}, tolerations = {0};
	if (!object.p) /* nothing about it matters */
		return x;
	mp_path(mp_of_bytes(p->object), "spec", &spec);
	mp_path(spec, "tolerations", &tolerations);
	x.preference = placement_preference(spec, object);
	x.unwelcome = placement_unwelcome(tolerations, object);
	x.affinity = near_affinity(near, object);
	x.spread = near_spread(near, object);
	return x;
}

/* Every node is looked at until enough take the pod, from where the last pod's search
 * ended: so all have their turn where there are many. */
struct span place_find(struct scheduler *s, struct arena *a, const struct pod *p, const struct pod_volumes *v,
		       char why[PLACE_WHY_MAX])
{
	know_places(s);
	size_t n = 0, found = 0, enough = fit_enough(s->node_count), looked = 0;
	unsigned *faults = arena_alloc(a, (s->node_count + 1) * sizeof *faults);
	struct candidate *candidates = arena_alloc(a, (enough + 1) * sizeof *candidates);
	bool selective = fit_is_selective(mp_of_bytes(p->object));
	struct near_plan near;
	plan_near(s, a, p, &near);
	for (; looked < s->node_count && found < enough; looked++) {
		size_t at = s->next_node + looked;
		const struct node_place *place = &s->places[at < s->node_count ? at : at - s->node_count];
		const struct node *node = place->node;
		if (!node->object)
			continue;
		struct mp object = {0};
		if (selective || node->facts.tainted || v->count || near.count || p->extended.count) /* else its facts say all */
			object = mp_of_bytes(node->object);
		faults[n] = fault_of(p, node, object, selective, v, &near);
		if (!faults[n++])
			candidates[found++] = candidate_of(p, place, object, &near);
	}
	near_plan_fini(&near);
	if (looked < s->node_count) /* of few nodes all are looked at, always in order */
		s->next_node = (s->next_node + looked) % s->node_count;
	const struct candidate *best = choice_best(candidates, found);
	if (best && !v->refusal)
		return best->name;
	if (v->refusal)
		refuse_all(s, v->refusal, why);
	else
		describe(a, p, faults, n, why);
	return (struct span){0};
}
