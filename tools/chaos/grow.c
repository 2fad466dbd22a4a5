#include "tools/chaos/grow.h"

#include <string.h>

#include "tools/chaos/chance.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/words.h"
#include "tools/chaos/world.h"

enum {
	TIMELINE_US = 20000000,
	LENGTH_MIN_US = 1000,
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
};

static int64_t draw(struct grower *g, int64_t min, int64_t max)
{
	return chance_between(&g->chance, min, max);
}

static bool one_in(struct grower *g, int64_t n)
{
	return draw(g, 1, n) == 1;
}

/* As many short ones as long ones. */
static int64_t draw_length(struct grower *g)
{
	int64_t us = LENGTH_MIN_US;
	for (int64_t doubled = draw(g, 0, 12); doubled > 0; doubled--)
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
	buf_printf(g->out, "chaos 1\ntitle \"grown from %llu\"\nseed %llu\n", (unsigned long long)seed,
		   (unsigned long long)seed);
	buf_printf(g->out, "nodes %lld cpu %lld\nlayout %s\n", (long long)nodes, (long long)cpu,
		   layout_rows[draw(g, 0, (int64_t)layout_row_count - 1)].name);
	buf_printf(g->out, "network latency 20us..%lldms loss %lld%% bus-loss %lld%%\n",
		   (long long)draw(g, 1, 5), (long long)draw(g, 0, 1), (long long)draw(g, 0, 20));
	buf_printf(g->out, "disk sync 100us..%lldms\n", (long long)draw(g, 1, 20));
	buf_printf(g->out, "replicaset web %lld cpu %lldm\nsteady all-ready\n",
		   (long long)draw(g, 1, most / 2 + 1), (long long)want);
}

/* ---- the timeline */

static void put_when(struct grower *g)
{
	if (one_in(g, 4))
		buf_printf(g->out, "when pods/default/web-* %s nth %lld within 20s ",
			   event_rows[draw(g, 0, (int64_t)event_row_count - 1)].name, (long long)draw(g, 1, 6));
	else
		buf_printf(g->out, "at %lldms ", (long long)draw(g, 1, TIMELINE_US / 1000));
}

static void put_target(struct grower *g, const struct verb_row *v)
{
	const struct target_row *row;
	do
		row = &target_rows[draw(g, 0, (int64_t)target_row_count - 1)];
	while (!(v->targets & 1u << row->type) || row->type == TARGET_KIND);
	struct target any = {.type = row->type, .name = "*"};
	struct spots spots;
	g->cluster.world->match(&g->cluster, &any, &g->arena, &spots);
	buf_printf(g->out, " %s", row->name);
	if (!row->named)
		return;
	if (one_in(g, 8))
		buf_puts(g->out, " * mode percent 50");
	else
		buf_printf(g->out, " %s", spots.names[draw(g, 0, (int64_t)spots.count - 1)]);
}

static void put_fault(struct grower *g)
{
	const struct verb_row *v;
	do
		v = &verb_rows[draw(g, 0, (int64_t)verb_row_count - 1)];
	while (!v->fault || !(g->verbs & 1u << v->verb));
	buf_puts(g->out, v->name);
	put_target(g, v);
	if (v->object == OBJECT_TARGET_FROM)
		buf_printf(g->out, " from broker direction %s",
			   way_rows[draw(g, 0, (int64_t)way_row_count - 1)].name);
	if (v->lasts)
		buf_printf(g->out, " for %lldus", (long long)draw_length(g));
	buf_putc(g->out, '\n');
}

static void put_user(struct grower *g)
{
	if (one_in(g, 2))
		buf_printf(g->out, "scale web %lld\n", (long long)draw(g, 0, g->pods_max));
	else
		buf_puts(g->out, "delete pod of web\n");
}

static void put_judgements(struct grower *g)
{
	buf_puts(g->out, "settle 60s\n");
	for (size_t i = 0; i < invariant_count; i++) {
		if (invariants[i].at_revision)
			buf_printf(g->out, "always %s\n", invariants[i].name);
		if (invariants[i].as_is)
			buf_printf(g->out, "eventually %s within 30s\n", invariants[i].name);
	}
}

/* At least one kind of fault. */
static void draw_verbs(struct grower *g)
{
	uint32_t faults = 0;
	for (size_t i = 0; i < verb_row_count; i++)
		faults |= verb_rows[i].fault ? 1u << verb_rows[i].verb : 0;
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
