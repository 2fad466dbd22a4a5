#include "tools/chaos/strikes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/catalogue.h"
#include "store/local/journal.h"

/* ---- rules */

static struct rule *rule_of(struct strikes *s, const struct strike *k)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->rules[i]->act == k->act && strcmp(s->rules[i]->spot, k->spot) == 0)
			return s->rules[i];
	if (s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->rules = mem_realloc(s->rules, s->cap * sizeof *s->rules);
	}
	struct rule *r = s->rules[s->count++] = mem_alloc(sizeof *r);
	const struct msg_row *row = catalogue_by_name(s->catalogue, k->spot);
	r->act = k->act;
	r->spot = k->spot;
	r->kind = row ? row->number : 0;
	r->chance = (struct chance){k->chance};
	return r;
}

static bool hits(struct rule *r)
{
	return r->on && chance_between(&r->chance, 1, 100) <= r->act->percent;
}

static uint64_t draw_by(struct rule *r)
{
	return (uint64_t)chance_between(&r->chance, r->act->by_us.min, r->act->by_us.max);
}

/* ---- messages */

static void copy_name(char out[ENV_NAME_BYTES_MAX + 1], struct span name)
{
	size_t n = name.len <= ENV_NAME_BYTES_MAX ? name.len : 0;
	memcpy(out, n ? (const char *)name.data : "", n);
	out[n] = 0;
}

/* Who gets what a cell sends is known by the actor's name only, unless it is
 * for the broker itself. */
void strikes_message(const struct sim_message *m, const char *kind, struct strikes_names *text,
		     struct sent_message *out)
{
	copy_name(text->from, m->from);
	copy_name(text->to, m->to);
	*out = (struct sent_message){
		.kind = kind,
		.from = text->from,
		.from_cell = m->to_broker ? m->cell : "broker",
		.to = text->to,
		.to_cell = !m->to_broker ? m->cell : m->to.len ? "" : "broker",
	};
}

static bool is(const char *pattern, const char *actor, const char *cell)
{
	return !pattern || (*actor && glob_matches(pattern, actor)) || (*cell && glob_matches(pattern, cell));
}

static bool is_meant(const struct rule *r, const struct sim_message *m)
{
	const struct act *a = r->act;
	if (!r->on || a->target.type != TARGET_MESSAGES || r->kind != m->kind)
		return false;
	if (!a->from && !a->to)
		return true;
	struct strikes_names text;
	struct sent_message ends;
	strikes_message(m, "", &text, &ends);
	return is(a->from, ends.from, ends.from_cell) && is(a->to, ends.to, ends.to_cell);
}

static void hit(struct rule *r, struct sim_fate *f)
{
	switch (r->act->verb) {
	case VERB_LOSS:
		f->copies = 0;
		break;
	case VERB_DUPLICATE:
		f->copies += f->copies > 0;
		break;
	case VERB_CORRUPT:
		f->damaged = true;
		f->damage = chance_next(&r->chance);
		break;
	case VERB_REFUSE:
		f->refuse = r->act->with;
		break;
	default:
		f->delay_us += draw_by(r);
		f->overtaken = f->overtaken || r->act->verb == VERB_REORDER;
		break;
	}
}

static void on_message(void *arg, const struct sim_message *m, struct sim_fate *f)
{
	struct strikes *s = arg;
	if (s->sent)
		s->sent(s->arg, m);
	for (size_t i = 0; i < s->count; i++) {
		struct rule *r = s->rules[i];
		if (!is_meant(r, m) || (r->act->verb == VERB_REFUSE && !(m->request && m->to_broker)) || !hits(r))
			continue;
		r->touched++;
		hit(r, f);
	}
}

/* ---- the store's disk */

static void on_sync(void *arg, struct sim_sync *y)
{
	struct strikes *s = arg;
	for (size_t i = 0; i < s->count; i++) {
		struct rule *r = s->rules[i];
		enum verb v = r->act->verb;
		if ((v != VERB_IO_DELAY && v != VERB_IO_ERROR && v != VERB_TORN_WRITE) ||
		    (v == VERB_TORN_WRITE && r->touched) || !hits(r))
			continue;
		r->touched++;
		if (v == VERB_IO_DELAY) {
			y->delay_us += draw_by(r);
		} else if (v == VERB_IO_ERROR) {
			y->fails = r->act->with == EIO ? "input/output error" : "no space left on device";
		} else {
			y->torn = true;
			y->tear = chance_next(&r->chance);
		}
	}
}

static int how_many_on(const struct strikes *s, enum verb v)
{
	int n = 0;
	for (size_t i = 0; i < s->count; i++)
		n += s->rules[i]->act->verb == v ? s->rules[i]->on : 0;
	return n;
}

static void flip(struct strikes *s, struct rule *r, bool on)
{
	struct journal_disk *d = sim_disk(s->sim);
	if (on && r->on == 1)
		r->revision = journal_disk_revision(d, chance_next(&r->chance));
	if (r->revision && r->on == (on ? 1 : 0))
		journal_disk_damage(d, r->revision); /* the second time makes it right again */
}

static void on_lost(void *arg, uint64_t kept)
{
	struct strikes *s = arg;
	s->lost(s->arg, kept);
}

static void follow_disk(struct strikes *s, struct rule *r, bool on)
{
	struct journal_disk *d = sim_disk(s->sim);
	journal_disk_set_full(d, how_many_on(s, VERB_DISK_FILL) > 0);
	journal_disk_set_lying(d, how_many_on(s, VERB_LOST_WRITE) > 0);
	if (r->act->verb == VERB_BIT_FLIP)
		flip(s, r, on);
}

/* ---- clocks: of one cell the skews add up, and the last drift counts */

static void follow_clock(struct strikes *s, const char *cell)
{
	int64_t skew = 0, rate = 100;
	for (size_t i = 0; i < s->count; i++) {
		const struct rule *r = s->rules[i];
		if (!r->on || strcmp(r->spot, cell) != 0)
			continue;
		if (r->act->verb == VERB_SKEW)
			skew += r->by_us;
		else if (r->act->verb == VERB_DRIFT)
			rate = r->act->rate;
	}
	sim_skew(s->sim, cell, skew);
	sim_drift(s->sim, cell, (unsigned)rate);
}

/* ---- links: of several the narrowest counts */

static uint64_t narrowest(const struct strikes *s, const char *cell, enum way way)
{
	int64_t least = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct rule *r = s->rules[i];
		if (r->on && r->act->verb == VERB_BANDWIDTH && r->act->ways & way && strcmp(r->spot, cell) == 0 &&
		    (!least || r->act->bytes < least))
			least = r->act->bytes;
	}
	return (uint64_t)least;
}

static void follow_link(struct strikes *s, const char *cell)
{
	sim_narrow(s->sim, cell, narrowest(s, cell, WAY_TO), narrowest(s, cell, WAY_FROM));
}

/* ---- containers */

/* It ends so long from now, or before if it would anyway. */
static void crash(struct rule *r, struct sim_run *run)
{
	int64_t end_ms = (int64_t)draw_by(r) / 1000;
	if (run->end_ms != SIM_NEVER && run->end_ms < end_ms)
		return;
	bool oom = r->act->with == CRASH_OOM;
	run->end_ms = end_ms;
	run->code = oom ? 128 + SIGKILL : r->act->with;
	run->reason = oom ? "OOMKilled" : NULL;
}

static void on_start(void *arg, const char *node, struct sim_run *run)
{
	struct strikes *s = arg;
	for (size_t i = 0; i < s->count; i++) {
		struct rule *r = s->rules[i];
		if (r->act->target.type != TARGET_CONTAINERS || strcmp(r->spot, node) != 0 || !hits(r))
			continue;
		r->touched++;
		if (r->act->verb == VERB_SLOW) {
			run->start_ms += (int64_t)draw_by(r) / 1000;
		} else if (r->act->verb == VERB_CRASH) {
			crash(r, run);
		} else {
			run->end_ms = 0;
			run->code = 1;
		}
	}
}

/* `id`: the rule's place. It may be over by now. */
static bool on_end(void *arg, uint64_t id, struct sim_run *run)
{
	struct strikes *s = arg;
	struct rule *r = s->rules[id];
	if (!hits(r))
		return false;
	r->touched++;
	run->end_ms = SIM_NEVER;
	crash(r, run);
	return true;
}

static struct strikes *strikes_of(struct port *p)
{
	struct sim_containers *c = p->shared(p, "sim-containers");
	return c->arg;
}

static int port_open(struct port *p, struct mp cfg, struct err *e)
{
	struct span node = mp_path_str(cfg, "node");
	(void)e;
	p->state = strikes_of(p);
	omap_put(&strikes_of(p)->agents, node, p);
	return 0;
}

static void port_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)p;
	(void)op;
	(void)id;
	(void)arg;
	(void)payload;
}

static void port_close(struct port *p)
{
	struct strikes *s = p->state;
	for (struct onode *n = omap_first(&s->agents); n; n = omap_next(n))
		if (n->value == p) {
			omap_remove(&s->agents, onode_key(n));
			return;
		}
}

const struct port_driver chaos_containers_port = {
	.name = "sim-containers",
	.open = port_open,
	.call = port_call,
	.close = port_close,
};

/* Its agent asks about what runs, unless it is dead: nobody would see it. */
static void ask_about_running(struct strikes *s, const struct rule *r)
{
	struct port *p = omap_get(&s->agents, span_of(r->spot));
	uint64_t id = 0;
	while (s->rules[id] != r)
		id++;
	if (p && port_deliver(p, 0, id, 0, NULL) == 0)
		sim_wake(s->sim, r->spot);
}

/* ---- the whole */

void strikes_init(struct strikes *s, const struct catalogue *c)
{
	memset(s, 0, sizeof *s);
	s->catalogue = c;
	s->containers = (struct sim_containers){s, on_start, on_end};
}

/* Only what is on is asked: a filter costs a look at every frame. */
void strikes_ask(struct strikes *s)
{
	struct sim_faults f = {.arg = s, .lost = on_lost, .message = s->sent ? on_message : NULL};
	for (size_t i = 0; i < s->count; i++) {
		const struct rule *r = s->rules[i];
		if (r->on && r->act->target.type == TARGET_MESSAGES)
			f.message = on_message;
		if (r->on && r->act->target.type == TARGET_STORE)
			f.sync = on_sync;
	}
	sim_set_faults(s->sim, &f);
}

static bool is_clock(enum verb v)
{
	return v == VERB_SKEW || v == VERB_DRIFT;
}

void strikes_set(struct strikes *s, const struct strike *k, bool on)
{
	struct rule *r = rule_of(s, k);
	r->on += on ? 1 : -1;
	r->by_us = k->by_us;
	if (is_clock(k->act->verb))
		follow_clock(s, k->spot);
	else if (k->act->verb == VERB_BANDWIDTH)
		follow_link(s, k->spot);
	else if (k->act->target.type == TARGET_STORE)
		follow_disk(s, r, on);
	else if (k->act->verb == VERB_CRASH && on)
		ask_about_running(s, r);
	strikes_ask(s);
}

uint64_t strikes_touched(struct strikes *s, const struct strike *k)
{
	const struct journal_disk_touched *disk = journal_disk_touched(sim_disk(s->sim));
	switch (k->act->verb) {
	case VERB_SKEW:
	case VERB_DRIFT:
		return sim_clock_touched(s->sim, k->spot);
	case VERB_BANDWIDTH:
		return sim_narrow_touched(s->sim, k->spot);
	case VERB_DISK_FILL:
		return disk->full;
	case VERB_LOST_WRITE:
		return disk->lies;
	case VERB_BIT_FLIP:
		return disk->damaged;
	default:
		return rule_of(s, k)->touched;
	}
}

void strikes_heal(struct strikes *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rule *r = s->rules[i];
		bool was = r->on > 0;
		r->on = 0;
		if (was && is_clock(r->act->verb))
			follow_clock(s, r->spot);
		else if (was && r->act->verb == VERB_BANDWIDTH)
			follow_link(s, r->spot);
		else if (was && r->act->target.type == TARGET_STORE)
			follow_disk(s, r, false);
	}
	strikes_ask(s);
}

void strikes_fini(struct strikes *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->rules[i]);
	free(s->rules);
	omap_fini(&s->agents, NULL);
}
