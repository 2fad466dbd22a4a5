/* World sim: the whole cluster in one thread, by cluster.h.
 *
 * A fault is a count at a cell, an actor or the broker; what the simulator
 * shows is made to follow the counts. So overlapping faults of one spot add
 * up, each end takes back its own, and healing is: all counts to nothing. */
#include "tools/chaos/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "tools/chaos/clients.h"
#include "tools/chaos/cluster.h"
#include "tools/chaos/converge.h"
#include "tools/chaos/drain.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/recording.h"
#include "tools/chaos/sim_targets.h"
#include "tools/chaos/strikes.h"
#include "tools/chaos/user.h"

struct faults {
	int dead, paused, cut_to, cut_from;
};

struct cell_spot {
	const char *name;
	struct faults want;
	bool dead; /* as the simulator has it */
	uint64_t deaths;
};

struct actor_spot {
	const struct cluster_actor *actor;
	struct faults want;
	bool ended;
	uint64_t touched;
};

struct world {
	struct cluster cluster;
	struct sim *sim;
	struct judge *judge;
	bool acks; /* it wants to know of them */
	struct cell_spot *cells;   /* as in cluster.cells */
	struct actor_spot *actors; /* as in cluster.actors */
	int broker_dead;
	uint64_t broker_deaths;
	struct strikes strikes;
	struct user_book book;
	struct drains drains;
	struct client_book clients;
};

static const struct port_driver *const drivers[] = {&chaos_user_port, &chaos_containers_port, NULL};

/* ---- the simulator follows the counts */

static struct actor_spot *actor_spot(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->cluster.actor_count; i++)
		if (strcmp(w->cluster.actors[i].name, name) == 0)
			return &w->actors[i];
	return NULL;
}

static struct cell_spot *cell_spot(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->cluster.cell_count; i++)
		if (strcmp(w->cluster.cells[i], name) == 0)
			return &w->cells[i];
	return NULL;
}

static void follow_actor(struct world *w, struct actor_spot *a)
{
	struct cell *c = sim_cell(w->sim, a->actor->cell);
	if (!c) /* its cell is dead; fill comes here again */
		return;
	if (a->want.dead && !a->ended)
		a->touched += cell_end_actor(c, a->actor->name) == 0;
	if (!a->want.dead && a->ended)
		cluster_add(&w->cluster, c, a->actor);
	a->ended = a->want.dead;
	if (!a->want.paused)
		a->touched += cell_actor_queued(c, a->actor->name);
	cell_hold_actor(c, a->actor->name, a->want.paused);
	sim_wake(w->sim, a->actor->cell);
}

/* A cell that starts again has all actors but those that are to be dead. */
static void fill(void *world, struct cell *c)
{
	struct world *w = world;
	cluster_fill(&w->cluster, c);
	for (size_t i = 0; i < w->cluster.actor_count; i++) {
		struct actor_spot *a = &w->actors[i];
		if (strcmp(a->actor->cell, cell_name(c)) != 0)
			continue;
		a->ended = false;
		follow_actor(w, a);
	}
}

static void follow_cell(struct world *w, struct cell_spot *c)
{
	const struct faults *f = &c->want;
	sim_cut(w->sim, c->name, (f->cut_to ? SIM_TO_BROKER : 0u) | (f->cut_from ? SIM_FROM_BROKER : 0u));
	if (f->dead && !c->dead) {
		sim_stop_cell(w->sim, c->name);
		c->deaths++;
	} else if (!f->dead && c->dead)
		sim_start_cell(w->sim, c->name, fill, w);
	c->dead = f->dead;
	sim_pause_cell(w->sim, c->name, f->paused);
}

static void follow_broker(struct world *w)
{
	if (w->broker_dead)
		sim_stop_broker(w->sim);
	else
		sim_start_broker(w->sim);
}

/* ---- faults */

static void count(struct faults *f, const struct act *a, int by)
{
	if (a->verb == VERB_KILL)
		f->dead += by;
	else if (a->verb == VERB_PAUSE)
		f->paused += by;
	else if (a->verb == VERB_PARTITION) {
		f->cut_to += a->ways & WAY_TO ? by : 0;
		f->cut_from += a->ways & WAY_FROM ? by : 0;
	}
}

static void restart_actor(struct world *w, struct actor_spot *a)
{
	if (sim_crash_actor(w->sim, a->actor->cell, a->actor->name) == 0)
		a->touched++;
}

static void restart_cell(struct world *w, struct cell_spot *c)
{
	if (c->dead)
		return;
	sim_crash_cell(w->sim, c->name, fill, w);
	c->deaths++;
}

static void set_actor(struct world *w, const struct strike *k, bool on)
{
	const struct act *act = k->act;
	struct actor_spot *a = actor_spot(w, k->spot);
	if (act->verb == VERB_RESTART && on)
		restart_actor(w, a);
	count(&a->want, act, on ? 1 : -1);
	follow_actor(w, a);
}

static void set_strike(struct world *w, const struct strike *k, bool on)
{
	strikes_set(&w->strikes, k, on);
}

static bool is_operators(const struct act *a)
{
	return a->verb == VERB_CORDON || a->verb == VERB_DRAIN || a->verb == VERB_TAINT;
}

static bool is_strike(const struct act *a)
{
	return a->verb == VERB_SKEW || a->verb == VERB_DRIFT || a->verb == VERB_BANDWIDTH;
}

static void set_operators(struct world *w, const struct strike *k, bool on)
{
	if (k->act->verb == VERB_TAINT)
		drains_taint(&w->drains, k->spot, &k->act->taint, on);
	else
		drains_set(&w->drains, &w->judge->ledger, k->spot, k->act->verb == VERB_DRAIN, on);
	sim_wake(w->sim, sim_targets_user);
}

static void set_cell(struct world *w, const struct strike *k, bool on)
{
	const struct act *act = k->act;
	struct cell_spot *c = cell_spot(w, k->spot);
	if (is_strike(act)) {
		strikes_set(&w->strikes, k, on);
		return;
	}
	if (is_operators(act)) {
		set_operators(w, k, on);
		return;
	}
	if (act->verb == VERB_RESTART && on)
		restart_cell(w, c);
	count(&c->want, act, on ? 1 : -1);
	follow_cell(w, c);
}

static void set_broker(struct world *w, const struct strike *k, bool on)
{
	const struct act *act = k->act;
	w->broker_deaths += on && !w->broker_dead;
	if (act->verb == VERB_RESTART && on && !w->broker_dead)
		sim_restart_broker(w->sim);
	if (act->verb == VERB_KILL)
		w->broker_dead += on ? 1 : -1;
	follow_broker(w);
}

static uint64_t broker_touched(struct world *w, const struct strike *k)
{
	(void)k;
	return w->broker_deaths + sim_broker_touched(w->sim);
}

static uint64_t actor_touched(struct world *w, const struct strike *k)
{
	return actor_spot(w, k->spot)->touched;
}

static uint64_t strike_touched(struct world *w, const struct strike *k)
{
	return strikes_touched(&w->strikes, k);
}

static uint64_t cell_touched(struct world *w, const struct strike *k)
{
	if (is_strike(k->act))
		return strikes_touched(&w->strikes, k);
	if (is_operators(k->act))
		return drains_touched(&w->drains, k->spot);
	return cell_spot(w, k->spot)->deaths + sim_touched(w->sim, k->spot);
}

static const struct {
	void (*set)(struct world *w, const struct strike *k, bool on);
	uint64_t (*touched)(struct world *w, const struct strike *k);
} by_target[] = {
	[TARGET_ACTOR] = {set_actor, actor_touched},
	[TARGET_KIND] = {set_actor, actor_touched},
	[TARGET_CELL] = {set_cell, cell_touched},
	[TARGET_NODE] = {set_cell, cell_touched},
	[TARGET_ZONE] = {set_cell, cell_touched},
	[TARGET_BROKER] = {set_broker, broker_touched},
	[TARGET_STORE] = {set_strike, strike_touched},
	[TARGET_CONTAINERS] = {set_strike, strike_touched},
	[TARGET_MESSAGES] = {set_strike, strike_touched},
};

static void sim_set(struct world *w, const struct strike *k, bool on)
{
	by_target[k->act->target.type].set(w, k, on);
}

static uint64_t sim_touched_by(struct world *w, const struct strike *k)
{
	return by_target[k->act->target.type].touched(w, k);
}

static void sim_heal_all(struct world *w)
{
	w->broker_dead = 0;
	strikes_heal(&w->strikes);
	drains_heal(&w->drains);
	sim_wake(w->sim, sim_targets_user);
	follow_broker(w);
	for (size_t i = 0; i < w->cluster.actor_count; i++) {
		w->actors[i].want = (struct faults){0};
		follow_actor(w, &w->actors[i]);
	}
	for (size_t i = 0; i < w->cluster.cell_count; i++) {
		w->cells[i].want = (struct faults){0};
		follow_cell(w, &w->cells[i]);
	}
	sim_heal(w->sim);
}

/* ---- what is so */

static bool sim_whole(struct world *w, struct err *why)
{
	for (size_t i = 0; i < w->cluster.actor_count; i++) {
		const struct cluster_actor *a = &w->cluster.actors[i];
		struct cell *c = sim_cell(w->sim, a->cell);
		if (!c || !cell_connected(c)) {
			err_set(why, ERR_UNREACHABLE, "cell %s is not connected", a->cell);
			return false;
		}
		if (!cell_actor_state(c, a->name)) {
			err_set(why, ERR_UNREACHABLE, "actor %s does not run", a->name);
			return false;
		}
	}
	return true;
}

static bool sim_converged(struct world *w, struct err *why)
{
	return converged(w->sim, &w->cluster, &w->judge->ledger, why);
}

static bool sim_no_orphans(struct world *w, struct err *why)
{
	return no_orphans(w->sim, &w->cluster, &w->judge->ledger, why);
}

static bool sim_one_identity(struct world *w, struct err *why)
{
	return one_identity(w->sim, &w->cluster, why);
}

/* ---- life */

static void *shared(void *arg, const char *name)
{
	struct world *w = arg;
	if (strcmp(name, "sim-containers") == 0)
		return &w->strikes.containers;
	if (strcmp(name, "client-book") == 0)
		return &w->clients;
	return strcmp(name, "user-book") == 0 ? &w->book : NULL;
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct world *w = arg;
	judge_record(w->judge, w->sim ? sim_now_us(w->sim) : 0, revision, record);
}

static void on_lost(void *arg, uint64_t kept)
{
	struct world *w = arg;
	judge_lost(w->judge, sim_now_us(w->sim), kept);
}

static void on_sent(void *arg, const struct sim_message *m)
{
	struct world *w = arg;
	const struct msg_row *row = catalogue_by_number(&cluster_catalogue, m->kind);
	struct strikes_names text;
	struct sent_message sent;
	if (!row)
		return;
	strikes_message(m, row->name, &text, &sent);
	w->judge->sent(w->judge->changed_arg, &sent);
}

/* An outcome's revision is that of what was written to the disk only if one
 * of its rows ([key, value, created, version, changes]) is of it. */
static bool is_written(struct mp outcome, uint64_t revision)
{
	struct mp rows;
	size_t n = 0, places;
	struct span key;
	uint64_t version;
	if (!mp_find(outcome, "rows", &rows) || mp_array(&rows, &n))
		return false;
	for (; n > 0; n--) {
		if (mp_array(&rows, &places) || mp_str(&rows, &key) || mp_skip(&rows) || mp_skip(&rows) ||
		    mp_u64(&rows, &version) || mp_skip(&rows))
			return false;
		if (version >> STORE_POSITION_BITS == revision && !ledger_is_soft(key))
			return true;
	}
	return false;
}

/* What the store's actor says to those who write. */
static void on_tap(void *arg, const char *cell, const struct tap_record *r)
{
	struct world *w = arg;
	struct mp body = mp_of(r->body);
	if (w->judge->recording)
		recording_message(w->judge->recording, cell, r);
	if (!w->acks || r->event != RING_REPLIED || r->kind != MSG_STORE_OUTCOME || !w->sim ||
	    !span_is(mp_path_str(body, "status"), "ok"))
		return;
	uint64_t revision = (uint64_t)mp_path_int(body, "revision", 0);
	if (is_written(body, revision))
		judge_acknowledged(w->judge, sim_now_us(w->sim), revision, r->to);
}

static struct world *sim_open(const struct script *s, uint64_t seed, struct judge *j)
{
	struct world *w = mem_alloc(sizeof *w);
	w->judge = j;
	w->drains.book = &w->book;
	w->clients = (struct client_book){.history = &j->history, .script = s};
	sim_targets_cluster(&w->cluster, s);
	w->cells = mem_alloc(w->cluster.cell_count * sizeof *w->cells);
	w->actors = mem_alloc(w->cluster.actor_count * sizeof *w->actors);
	for (size_t i = 0; i < w->cluster.cell_count; i++)
		w->cells[i].name = w->cluster.cells[i];
	for (size_t i = 0; i < w->cluster.actor_count; i++)
		w->actors[i].actor = &w->cluster.actors[i];
	struct sim_config cfg = {
		.seed = seed,
		.drivers = drivers,
		.latency_min_us = (uint32_t)s->latency_us.min,
		.latency_max_us = (uint32_t)s->latency_us.max,
		.link_loss_permille = (uint32_t)s->loss_permille,
		.bus_loss_permille = (uint32_t)s->bus_loss_permille,
		.sync_min_us = (uint32_t)s->sync_us.min,
		.sync_max_us = (uint32_t)s->sync_us.max,
		.shared = shared,
		.shared_arg = w,
		.committed = on_committed,
		.committed_arg = w,
		.refill = fill,
		.refill_arg = w,
	};
	w->acks = judge_asks(s, "acked-durable");
	if (w->acks || j->recording) {
		cfg.tap = on_tap;
		cfg.tap_arg = w;
	}
	strikes_init(&w->strikes, &cluster_catalogue);
	w->strikes.lost = on_lost;
	w->strikes.sent = j->sent ? on_sent : NULL;
	w->strikes.arg = w;
	w->sim = w->strikes.sim = cluster_start(&w->cluster, &cfg);
	strikes_ask(&w->strikes);
	return w;
}

static void sim_close(struct world *w)
{
	sim_free(w->sim);
	strikes_fini(&w->strikes);
	user_book_fini(&w->book);
	drains_fini(&w->drains);
	cluster_fini(&w->cluster);
	free(w->cells);
	free(w->actors);
	free(w);
}

static uint64_t world_now(struct world *w)
{
	return sim_now_us(w->sim);
}

static bool seen_enough(void *arg)
{
	struct world *w = arg;
	return w->judge->violation.name != NULL || w->judge->pause;
}

static void world_run(struct world *w, uint64_t until_us)
{
	sim_run(w->sim, until_us, seen_enough, w);
}

static void sim_wish(struct world *w, struct wish *wish)
{
	user_book_add(&w->book, wish);
	sim_wake(w->sim, sim_targets_user);
}

static void sim_begin(struct world *w)
{
	w->clients.begun = true;
}

static uint64_t world_digest(struct world *w)
{
	return sim_digest(w->sim);
}

static uint64_t world_events(struct world *w)
{
	return sim_events(w->sim);
}

static int64_t sim_figure(struct world *w, int figure)
{
	int64_t sum = 0;
	for (size_t i = 0; i < w->cluster.cell_count && figure != FIGURE_RESTARTS; i++) {
		const char *cell = w->cluster.cells[i];
		sum += (int64_t)(figure == FIGURE_CELL_FAILURES	     ? sim_cell_failures(w->sim, cell)
				 : figure == FIGURE_PROCESS_FAILURES ? sim_process_failures(w->sim, cell)
								     : sim_dead_letters(w->sim, cell)->total);
	}
	for (size_t i = 0; i < w->cluster.actor_count && figure == FIGURE_RESTARTS; i++) {
		struct cell *c = sim_cell(w->sim, w->cluster.actors[i].cell);
		sum += c ? (int64_t)cell_actor_restarts(c, w->cluster.actors[i].name) : 0;
	}
	return sum;
}

const struct world_type world_sim = {
	.name = "sim",
	.match = sim_targets_match,
	.open = sim_open,
	.close = sim_close,
	.now_us = world_now,
	.run = world_run,
	.set = sim_set,
	.touched = sim_touched_by,
	.wish = sim_wish,
	.begin = sim_begin,
	.heal = sim_heal_all,
	.whole = sim_whole,
	.converged = sim_converged,
	.no_orphans = sim_no_orphans,
	.one_identity = sim_one_identity,
	.digest = world_digest,
	.events = world_events,
	.figure = sim_figure,
};

static void real_match(const struct script *s, const struct target *t, struct arena *a,
		       struct spots *out)
{
	(void)s;
	(void)t;
	(void)a;
	out->count = 0;
}

static const struct world_type world_real = {
	.name = "real",
	.cannot = "world real is not there yet: this script runs in `world sim`",
	.match = real_match,
};

const struct world_type *const world_types[] = {&world_sim, &world_real, NULL};
