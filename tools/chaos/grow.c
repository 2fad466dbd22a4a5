#include "tools/chaos/grow.h"

#include <string.h>

#include "tools/chaos/chance.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/words.h"
#include "tools/chaos/world.h"

enum {
	TIMELINE_US = 20000000,
	LENGTH_MIN_US = 20000,
	LENGTH_MAX_US = 8000000,
	SCALE_MAX = 24,
};

struct grower {
	struct buf *out;
	struct chance chance;
	struct script cluster; /* its head alone, to ask the world for names */
	struct arena arena;
	uint32_t verbs; /* bits: those that this script has */
	int64_t pods_max;
	unsigned flips, zones;
	bool apart;
};

static int64_t draw(struct grower *g, int64_t min, int64_t max)
{
	return chance_between(&g->chance, min, max);
}

static bool one_in(struct grower *g, int64_t n)
{
	return draw(g, 1, n) == 1;
}

/* As many short ones as long ones; what nobody could notice is too short. */
static int64_t draw_length(struct grower *g, int64_t us)
{
	for (int64_t doubled = draw(g, 0, 8); doubled > 0; doubled--)
		us *= 2;
	us += draw(g, 0, us);
	return us < LENGTH_MAX_US ? us : LENGTH_MAX_US;
}

/* ---- the head */

static void put_head(struct grower *g, uint64_t seed)
{
	int64_t nodes = draw(g, 2, 5), cpu = draw(g, 1, 4), want = draw(g, 1, 4) * 100;
	int64_t room = nodes * (cpu * 1000 / want), most = room < SCALE_MAX ? room : SCALE_MAX;
	g->pods_max = most;
	g->apart = one_in(g, 2);
	buf_printf(g->out, "chaos 1\ntitle \"grown from %llu\"\nseed %llu\n", (unsigned long long)seed,
		   (unsigned long long)seed);
	g->zones = one_in(g, 3) ? (unsigned)draw(g, 2, nodes < 3 ? nodes : 3) : 0;
	buf_printf(g->out, "nodes %lld cpu %lld%.*s\nlayout %s\n", (long long)nodes, (long long)cpu,
		   g->zones ? 6 + 2 * (int)g->zones : 0, " zones a b c", layout_rows[g->apart].name);
	buf_printf(g->out, "network latency 20us..%lldms loss %lld%% bus-loss %lld%%\n",
		   (long long)draw(g, 1, 5), (long long)draw(g, 0, 1), (long long)draw(g, 0, 20));
	buf_printf(g->out, "disk sync 100us..%lldms\n", (long long)draw(g, 1, 20));
	if (g->apart && one_in(g, 4))
		buf_puts(g->out, "standby\n");
	if (one_in(g, 4)) /* with room for those that are on their way out */
		buf_printf(g->out, "quota room pods=%lld\n", (long long)(2 * most + 2));
	buf_printf(g->out, "replicaset web %lld cpu %lldm\n", (long long)draw(g, 1, most / 2 + 1), (long long)want);
	if (one_in(g, 4))
		buf_printf(g->out, "budget web max-unavailable %lld\n", (long long)draw(g, 1, 3));
	buf_puts(g->out, "steady all-ready\n");
}

/* ---- the timeline */

/* Something always happens, so that there is something to hit. */
static void put_churn(struct grower *g)
{
	buf_printf(g->out, "every %lldms from 300ms to 20s delete pod of web\n",
		   (long long)draw(g, 3, 8) * 100);
	if (one_in(g, 3))
		buf_printf(g->out, "every %lldms from 1s to 20s touch pods/default/web-*\n",
			   (long long)draw(g, 1, 10) * 50);
}

/* After what the user did last, or when something that it leads to is seen. */
static void put_when(struct grower *g)
{
	static const enum seen_event soon[] = {SEEN_CREATED, SEEN_CHANGED, SEEN_BOUND, SEEN_READY, SEEN_GONE};
	static const char *const kinds[] = {"pod.status", "bus.event", "store.txn", "store.outcome", "pod.*"};
	if (one_in(g, 12))
		buf_printf(g->out, "when (count(pods, ready=0) >= %lld) nth %lld within 20s ", (long long)draw(g, 1, 2),
			   (long long)draw(g, 1, 4));
	else if (one_in(g, 8))
		buf_printf(g->out, "when msg %s nth %lld within 20s ", kinds[draw(g, 0, g->apart ? 4 : 1)],
			   (long long)draw(g, 1, 30));
	else if (one_in(g, 4))
		buf_printf(g->out, "when pods/default/web-* %s nth %lld within 20s ",
			   row_name(event_rows, event_row_count, (int)soon[draw(g, 0, 4)]),
			   (long long)draw(g, 1, 6));
	else
		buf_printf(g->out, "at %lldms ", (long long)draw(g, 1, TIMELINE_US / 1000));
}

static const char *draw_spot(struct grower *g, enum target_type type)
{
	struct target any = {.type = type, .name = "*"};
	struct spots spots;
	g->cluster.world->match(&g->cluster, &any, &g->arena, &spots);
	return spots.names[draw(g, 0, (int64_t)spots.count - 1)];
}

/* Of those that travel when pods come and go, also where the control plane
 * has one cell. */
static void put_messages(struct grower *g, const struct verb_row *v)
{
	static const char *const kinds[] = {"*", "bus.*", "bus.event", "store.*", "pod.*", "session.*"},
			  *const requests[] = {"*", "pod.status", "pod.*"};
	bool refuse = v->verb == VERB_REFUSE;
	buf_printf(g->out, " msg %s", refuse ? requests[draw(g, 0, 2)] : kinds[draw(g, 0, 5)]);
	if (!refuse && one_in(g, 4))
		buf_printf(g->out, " to %s", draw_spot(g, TARGET_NODE));
	buf_printf(g->out, " percent %lld", (long long)draw(g, 3, 10) * 10);
}

static void put_target(struct grower *g, const struct verb_row *v)
{
	const struct target_row *row;
	do
		row = &target_rows[draw(g, 0, (int64_t)target_row_count - 1)];
	while (!(v->targets & 1u << row->type) || row->type == TARGET_KIND || (row->type == TARGET_ZONE && !g->zones));
	if (row->type == TARGET_MESSAGES) {
		put_messages(g, v);
		return;
	}
	buf_printf(g->out, " %s", row->name);
	if (!row->named)
		return;
	if (row->labelled && g->zones && one_in(g, 4))
		buf_printf(g->out, " with zone=%s mode all", draw_spot(g, TARGET_ZONE));
	else if (row->type == TARGET_CONTAINERS || one_in(g, 8))
		buf_printf(g->out, " * mode %s", row->type == TARGET_CONTAINERS ? "all" : "percent 50");
	else
		buf_printf(g->out, " %s", draw_spot(g, row->type));
}

static const int64_t lengths[VERB_END] = {
	[VERB_KILL] = LENGTH_MIN_US,	    [VERB_PAUSE] = 25 * LENGTH_MIN_US,
	[VERB_PARTITION] = 25 * LENGTH_MIN_US, [VERB_SKEW] = 100 * LENGTH_MIN_US,
	[VERB_DRIFT] = 100 * LENGTH_MIN_US,    [VERB_CORDON] = 100 * LENGTH_MIN_US,
	[VERB_DRAIN] = 100 * LENGTH_MIN_US,    [VERB_TAINT] = 100 * LENGTH_MIN_US,
	[VERB_BANDWIDTH] = 100 * LENGTH_MIN_US,
};

static void put_clauses(struct grower *g, const struct verb_row *v)
{
	if (v->object == OBJECT_TARGET_FROM)
		buf_printf(g->out, " from broker direction %s",
			   way_rows[draw(g, 0, (int64_t)way_row_count - 1)].name);
	if (v->verb == VERB_SKEW)
		buf_printf(g->out, " by -%llds..%llds", (long long)draw(g, 1, 600), (long long)draw(g, 1, 600));
	else if (v->clauses & CLAUSE_BY)
		buf_printf(g->out, " by 1ms..%lldms", (long long)draw(g, 1, 20) * 50);
	if (v->clauses & CLAUSE_RATE)
		buf_printf(g->out, " rate %lld", (long long)draw(g, 5, 30) * 10);
	if (v->clauses & CLAUSE_OF)
		buf_printf(g->out, " of %lld", (long long)draw(g, 1, 40) * 1000);
	if (v->clauses & CLAUSE_AS)
		buf_printf(g->out, " as grown:%s", one_in(g, 2) ? "NoExecute" : "NoSchedule");
	if (v->verb == VERB_CRASH)
		buf_printf(g->out, one_in(g, 3) ? " code oom" : " code %lld", (long long)draw(g, 0, 2));
	else if (v->verb == VERB_IO_ERROR)
		buf_printf(g->out, " with %s", errno_rows[draw(g, 0, (int64_t)errno_row_count - 1)].name);
	else if (v->clauses & CLAUSE_WITH)
		buf_printf(g->out, " with %s", refusal_rows[draw(g, 0, (int64_t)refusal_row_count - 1)].name);
	if (v->lasts && v->targets & (1u << TARGET_MESSAGES | 1u << TARGET_STORE | 1u << TARGET_CONTAINERS))
		buf_printf(g->out, " for %lldms", (long long)draw(g, 4, 12) * 1000);
	else if (v->lasts)
		buf_printf(g->out, " for %lldus", (long long)draw_length(g, lengths[v->verb]));
}

/* A damaged record is met when the log is read: by a store that starts. */
static void put_reader(struct grower *g)
{
	g->flips++;
	buf_printf(g->out, " id flip%u\nafter flip%u 500ms restart actor store", g->flips, g->flips);
}

static void put_fault(struct grower *g)
{
	const struct verb_row *v;
	do
		v = &verb_rows[draw(g, 0, (int64_t)verb_row_count - 1)];
	while (!v->fault || !(g->verbs & 1u << v->verb));
	buf_puts(g->out, v->name);
	put_target(g, v);
	put_clauses(g, v);
	if (v->verb == VERB_BIT_FLIP)
		put_reader(g);
	buf_putc(g->out, '\n');
}

static void put_user(struct grower *g)
{
	switch (draw(g, 1, 8)) {
	case 1:
		buf_puts(g->out, "compact store\n");
		break;
	case 2:
		buf_puts(g->out, "touch nodes/n*\n");
		break;
	default:
		buf_printf(g->out, "scale web %lld\n", (long long)draw(g, 1, g->pods_max));
		break;
	}
}

static void put_judgements(struct grower *g)
{
	buf_puts(g->out, "settle 90s\n");
	for (size_t i = 0; i < invariant_count; i++) {
		if (invariants[i].at_revision)
			buf_printf(g->out, "always %s\n", invariants[i].name);
		if (invariants[i].as_is)
			buf_printf(g->out, "eventually %s within 60s\n", invariants[i].name);
	}
}

/* At least one kind of fault. */
static void draw_verbs(struct grower *g)
{
	uint32_t faults = 0;
	for (size_t i = 0; i < verb_row_count; i++)
		faults |= verb_rows[i].fault ? 1u << verb_rows[i].verb : 0;
	faults &= ~(1u << VERB_LOST_WRITE); /* what it breaks is a promise that nobody could keep */
	do
		g->verbs = faults & (uint32_t)chance_next(&g->chance);
	while (!g->verbs);
}

int grow_script(struct buf *out, uint64_t seed, unsigned acts, struct err *e)
{
	struct grower g = {.out = out, .chance = chance_of(seed, 0)};
	size_t from = out->len;
	put_head(&g, seed);
	int rc = script_parse(&g.cluster, "grown", (struct span){out->data + from, out->len - from}, e);
	draw_verbs(&g);
	put_churn(&g);
	for (unsigned i = 0; i < acts && rc == 0; i++) {
		put_when(&g);
		if (one_in(&g, 3))
			put_user(&g);
		else
			put_fault(&g);
	}
	put_judgements(&g);
	script_fini(&g.cluster);
	arena_fini(&g.arena);
	return rc;
}
