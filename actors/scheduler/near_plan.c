/* A choice: terms are summed up once by what the labels of nodes say, and each node is judged
 * by the sum for its own label. */
#include "actors/objects/placement.h"
#include "actors/scheduler/fit.h"
#include "actors/scheduler/near_private.h"

enum rule_kind { RULE_SPREAD, RULE_AFFINITY, RULE_ANTI, RULE_OTHERS, RULE_LIKED, RULE_SPREAD_SOFT };

struct near_rule {
	enum rule_kind kind;
	struct span topology;
	struct omap sums; /* value of the label -> int64_t; a value without one has nothing there */
	int64_t skew, least;
	bool itself; /* the pod is one of those that it is about */
	bool first;  /* of affinity: there are none at all, and it would be the first */
};

static bool label_of(struct mp node, struct span key, struct span *out)
{
	struct mp labels, m;
	return mp_path(node, "metadata.labels", &labels) && mp_find_span(labels, key, &m) && mp_str(&m, out) == 0;
}

static int64_t *sum_of(struct near_rule *r, struct arena *a, struct span value)
{
	int64_t *sum = omap_get(&r->sums, value);
	if (!sum) {
		sum = arena_alloc(a, sizeof *sum);
		*sum = 0;
		omap_put(&r->sums, value, sum);
	}
	return sum;
}

static int64_t sum_at(const struct near_rule *r, struct mp node, bool *has_label)
{
	struct span value;
	*has_label = label_of(node, r->topology, &value);
	const int64_t *sum = *has_label ? omap_get(&r->sums, value) : NULL;
	return sum ? *sum : 0;
}

struct making {
	struct near_plan *out;
	struct arena *a;
	struct near *n;
	struct mp pod;
	const struct near_node *nodes;
	size_t node_count;
};

static struct near_rule *rule(struct making *m, enum rule_kind kind, struct span topology)
{
	struct near_rule *r = &m->out->rules[m->out->count++];
	*r = (struct near_rule){.kind = kind, .topology = topology};
	return r;
}

enum what { HERE, STAYING, HELD, LIKED };

static int64_t of_tally(const struct tally *y, enum what what)
{
	return what == HERE ? y->here : what == STAYING ? y->here - y->leaving : what == HELD ? y->held : y->liked;
}

/* Over the nodes that pods of the term (or those that think of them) are on. */
static void sum_up(struct making *m, struct near_rule *r, const struct near_term *t, enum what what, int64_t times)
{
	for (size_t i = 0; i < m->node_count; i++) {
		const struct tally *y = omap_get(&t->on, m->nodes[i].name);
		struct span value;
		int64_t n = y ? of_tally(y, what) : 0;
		if (n && label_of(m->nodes[i].object, r->topology, &value))
			*sum_of(r, m->a, value) += n * times;
	}
}

static bool anywhere(const struct near_term *t)
{
	for (struct onode *o = omap_first(&t->on); o; o = omap_next(o))
		if (((struct tally *)o->value)->here)
			return true;
	return false;
}

/* Whether a node counts in a spread: it has all the labels, and the pod could be there. */
static bool counts(const struct making *m, const struct near_asks *asks, const struct ask *k, struct mp node)
{
	struct mp spec = {0}, tolerations = {0};
	struct span value;
	for (size_t i = 0; i < asks->count; i++)
		if (asks->all[i].kind == k->kind && !label_of(node, span_of(asks->all[i].topology), &value))
			return false;
	mp_path(m->pod, "spec", &spec);
	if (!k->any_node && !placement_selects(spec, node))
		return false;
	mp_path(m->pod, "spec.tolerations", &tolerations);
	return !k->untainted || placement_taints(tolerations, node) == TAINT_NONE;
}

static void spread(struct making *m, const struct near_asks *asks, const struct ask *k)
{
	struct near_rule *r = rule(m, k->kind == ASK_SPREAD ? RULE_SPREAD : RULE_SPREAD_SOFT, span_of(k->topology));
	r->skew = k->skew;
	r->itself = near_matches(m->n, k->term, m->pod);
	for (size_t i = 0; i < m->node_count; i++) {
		const struct tally *y = omap_get(&k->term->on, m->nodes[i].name);
		struct span value;
		if (counts(m, asks, k, m->nodes[i].object) && label_of(m->nodes[i].object, r->topology, &value))
			*sum_of(r, m->a, value) += y ? of_tally(y, STAYING) : 0;
	}
	bool few = (int64_t)r->sums.count < k->domains;
	r->least = few || !r->sums.count ? 0 : INT64_MAX;
	for (struct onode *o = omap_first(&r->sums); o; o = omap_next(o))
		if (*(int64_t *)o->value < r->least)
			r->least = *(int64_t *)o->value;
}

static void of_asks(struct making *m, const struct near_asks *asks)
{
	for (size_t i = 0; asks && i < asks->count; i++) {
		const struct ask *k = &asks->all[i];
		struct near_rule *r;
		switch (k->kind) {
		case ASK_SPREAD:
		case ASK_SPREAD_SOFT:
			spread(m, asks, k);
			break;
		case ASK_AFFINITY:
			r = rule(m, RULE_AFFINITY, span_of(k->topology));
			r->first = !anywhere(k->term) && near_matches(m->n, k->term, m->pod);
			sum_up(m, r, k->term, HERE, 1);
			break;
		case ASK_ANTI:
			sum_up(m, rule(m, RULE_ANTI, span_of(k->topology)), k->term, HERE, 1);
			break;
		case ASK_LIKE:
			sum_up(m, rule(m, RULE_LIKED, span_of(k->topology)), k->term, HERE, k->weight);
			break;
		}
	}
}

static bool is_thought_of(const struct near_term *t)
{
	for (struct onode *o = omap_first(&t->on); o; o = omap_next(o))
		if (((struct tally *)o->value)->held || ((struct tally *)o->value)->liked)
			return true;
	return false;
}

/* What those that are there think of a pod like this one. */
static void of_others(struct making *m)
{
	for (struct onode *o = omap_first(&m->n->terms); o; o = omap_next(o)) {
		const struct near_term *t = o->value;
		struct mp key = mp_of_bytes(t->key);
		struct span topology;
		if (!near_items(&key) || mp_str(&key, &topology) || !topology.len || !is_thought_of(t) ||
		    !near_matches(m->n, t, m->pod))
			continue;
		sum_up(m, rule(m, RULE_OTHERS, topology), t, HELD, 1);
		sum_up(m, rule(m, RULE_LIKED, topology), t, LIKED, 1);
	}
}

void near_plan_make(struct near_plan *out, struct arena *a, struct near *n, const struct near_asks *asks,
		    struct mp pod, const struct near_node *nodes, size_t node_count)
{
	struct making m = {out, a, n, pod, nodes, node_count};
	size_t most = (asks ? asks->count : 0) + 2 * n->terms.count;
	*out = (struct near_plan){.rules = arena_alloc(a, (most + 1) * sizeof *out->rules)};
	of_asks(&m, asks);
	of_others(&m);
}

void near_plan_fini(struct near_plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		omap_fini(&p->rules[i].sums, NULL);
}

static unsigned fault_of(const struct near_rule *r, struct mp node)
{
	bool has_label;
	int64_t sum = sum_at(r, node, &has_label);
	switch (r->kind) {
	case RULE_SPREAD:
		if (!has_label)
			return FIT_SPREAD_LABEL;
		return sum + r->itself - r->least > r->skew ? FIT_SPREAD : 0;
	case RULE_AFFINITY:
		return has_label && (sum > 0 || r->first) ? 0 : FIT_AFFINITY;
	case RULE_ANTI:
		return sum > 0 ? FIT_ANTI_AFFINITY : 0;
	case RULE_OTHERS:
		return sum > 0 ? FIT_OTHERS : 0;
	default:
		return 0;
	}
}

unsigned near_fault(const struct near_plan *p, struct mp node)
{
	/* Kubernetes looks at them in this order, and tells the first one. */
	static const enum rule_kind order[] = {RULE_SPREAD, RULE_AFFINITY, RULE_ANTI, RULE_OTHERS};
	for (size_t k = 0; k < sizeof order / sizeof *order; k++)
		for (size_t i = 0; i < p->count; i++) {
			unsigned fault = p->rules[i].kind == order[k] ? fault_of(&p->rules[i], node) : 0;
			if (fault)
				return fault;
		}
	return 0;
}

int64_t near_affinity(const struct near_plan *p, struct mp node)
{
	int64_t all = 0;
	bool has_label;
	for (size_t i = 0; i < p->count; i++)
		if (p->rules[i].kind == RULE_LIKED)
			all += sum_at(&p->rules[i], node, &has_label);
	return all;
}

/* A hundred times the natural logarithm. */
int64_t near_weight(uint64_t domains)
{
	uint64_t n = domains + 2;
	int64_t bits = 63 - __builtin_clzll(n);
	uint64_t rest = (n << (63 - bits)) << 1; /* the fraction, of which log2(1 + x) is about x */
	return (bits * 100 + (int64_t)((rest >> 32) * 100 >> 32)) * 693 / 1000;
}

int64_t near_spread(const struct near_plan *p, struct mp node)
{
	int64_t all = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct near_rule *r = &p->rules[i];
		bool has_label;
		if (r->kind != RULE_SPREAD_SOFT)
			continue;
		int64_t sum = sum_at(r, node, &has_label);
		if (!has_label)
			return -1;
		all += sum * near_weight(r->sums.count) + (r->skew - 1) * 100;
	}
	return all;
}
