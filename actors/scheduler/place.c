/* The search for a node: which ones take the pod, the best of them, or why there is none. */
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

void place_add_reasons(struct reasons *r, struct arena *a, const struct pod *p, unsigned faults)
{
	for (unsigned f = 1; f <= FIT_LAST; f <<= 1)
		if (faults & f)
			reasons_add(r, text_of(a, p, (enum fit_fault)f));
}

static const char *describe(const struct scheduler *s, struct arena *a, const struct pod *p, const unsigned *faults)
{
	struct reasons r = {0};
	size_t nodes = 0;
	for (size_t i = 0; i < s->node_count; i++) {
		if (!s->places[i].node->object)
			continue;
		nodes++;
		place_add_reasons(&r, a, p, faults[i]);
	}
	return nodes ? reasons_say(&r, a, nodes) : "no nodes available to schedule pods";
}

size_t place_nodes(const struct scheduler *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->node_count; i++)
		n += s->places[i].node->object != NULL;
	return n;
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

/* What is asked for all nodes at once. With pods that are only nominated there is a
 * second plan without them: they may not come, and are no company to rely on. */
struct look {
	const struct pod *pod;
	const struct pod_volumes *volumes;
	struct near_plan near, without;
	struct replicas_look replicas;
	struct images_look images;
	bool selective;
};

static void look_begin(struct look *l, struct scheduler *s, struct arena *a, const struct pod *p,
		       const struct pod_volumes *v)
{
	*l = (struct look){.pod = p, .volumes = v, .selective = fit_is_selective(mp_of_bytes(p->object))};
	if (p->asks && s->nominated.count)
		plan_near(s, a, p, &l->without);
	nominated_count(s, p, true);
	plan_near(s, a, p, &l->near);
	images_look(&l->images, a, &s->images, mp_of_bytes(p->object), s->node_count);
	if (!p->spreads)
		l->replicas = replicas_look(&s->spreading, p->replicas, fit_enough(s->node_count));
}

static void look_end(struct look *l, struct scheduler *s)
{
	near_plan_fini(&l->near);
	near_plan_fini(&l->without);
	nominated_count(s, l->pod, false);
}

/* Of a node about which nothing but its facts matters. */
static struct mp object_of(const struct look *l, const struct node *node)
{
	bool matters = l->selective || node->facts.tainted || l->volumes->count || l->near.count || l->pod->extended.count;
	return matters ? mp_of_bytes(node->object) : (struct mp){0};
}

static unsigned look_at(const struct look *l, const struct node *node)
{
	struct mp object = object_of(l, node);
	unsigned fault = fault_of(l->pod, node, object, l->selective, l->volumes, &l->near);
	return fault || !l->without.count ? fault : near_fault(&l->without, object);
}

static struct candidate candidate_of(const struct look *l, const struct node_place *place, struct mp object)
{
	const struct pod *p = l->pod;
	const struct near_plan *near = &l->near;
	const struct node *node = place->node;
	struct candidate x = {.name = place->name,
			      .room = fit_score(&p->weight, &node->facts.allocatable, &node->weight),
			      .pods = node->used.pods,
			      .spread = replicas_spread(&l->replicas, node, node->zone),
			      .images = images_score(&l->images, &node->images)};
	struct mp spec = {0}, tolerations = {0};
	if (!object.p) /* nothing about it matters */
		return x;
	mp_path(mp_of_bytes(p->object), "spec", &spec);
	mp_path(spec, "tolerations", &tolerations);
	x.preference = placement_preference(spec, object);
	x.unwelcome = placement_unwelcome(tolerations, object);
	x.affinity = near_affinity(near, object);
	if (p->spreads)
		x.spread = near_spread(near, object);
	return x;
}

unsigned place_faults(struct scheduler *s, struct arena *a, const struct pod *p, const struct pod_volumes *v,
		      const struct node *node)
{
	struct near_plan near;
	plan_near(s, a, p, &near);
	unsigned fault = fault_of(p, node, mp_of_bytes(node->object), fit_is_selective(mp_of_bytes(p->object)), v, &near);
	near_plan_fini(&near);
	return fault;
}

/* The node that it is nominated for comes first, if it takes the pod by now. */
static struct span nominated_place(const struct scheduler *s, const struct look *l)
{
	const char *name = l->pod->nominated;
	const struct node *node = name ? omap_get(&s->nodes, span_of(name)) : NULL;
	return node && node->object && !look_at(l, node) ? span_of(name) : (struct span){0};
}

/* Every node is looked at until enough take the pod, from where the last pod's search
 * ended: so all have their turn where there are many. */
static struct span search(struct scheduler *s, struct arena *a, const struct look *l, unsigned *faults)
{
	size_t found = 0, enough = fit_enough(s->node_count), looked = 0;
	struct candidate *candidates = arena_alloc(a, (enough + 1) * sizeof *candidates);
	for (; looked < s->node_count && found < enough; looked++) {
		size_t at = s->next_node + looked;
		at = at < s->node_count ? at : at - s->node_count;
		const struct node_place *place = &s->places[at];
		if (!place->node->object)
			continue;
		faults[at] = look_at(l, place->node);
		if (!faults[at])
			candidates[found++] = candidate_of(l, place, object_of(l, place->node));
	}
	if (looked < s->node_count) /* of few nodes all are looked at, always in order */
		s->next_node = (s->next_node + looked) % s->node_count;
	const struct candidate *best = choice_best(candidates, found);
	return best ? best->name : (struct span){0};
}

void place_find(struct place_search *out, struct scheduler *s, struct arena *a, const struct pod *p,
		const struct pod_volumes *v)
{
	struct look l;
	know_places(s);
	*out = (struct place_search){.faults = arena_alloc(a, (s->node_count + 1) * sizeof *out->faults)};
	if (v->refusal) {
		out->why = arena_printf(a, "0/%zu nodes are available: %s.", place_nodes(s), v->refusal);
		return;
	}
	look_begin(&l, s, a, p, v);
	out->best = nominated_place(s, &l);
	if (!out->best.len)
		out->best = search(s, a, &l, out->faults);
	look_end(&l, s);
	if (!out->best.len)
		out->why = describe(s, a, p, out->faults);
}
