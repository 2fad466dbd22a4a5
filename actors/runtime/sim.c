/* The simulator's machine: a heap of (time, drawn tie-break, number), and for
 * each kind of event what it does. Cells get one turn per event, so that
 * turns of different cells interleave in every order that time allows. */
#include "actors/runtime/sim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/store_actor.h"
#include "broker/base/crc.h"
#include "broker/base/mem.h"

enum { TURN_MIN_US = 1, TURN_MAX_US = 40, TICK_US = 1000000, CHECKED_ONE_IN = 16 };

/* ---- randomness: xoshiro256** from a splitmix64 of the seed */

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t sim_random(struct sim *s)
{
	uint64_t *r = s->random;
	uint64_t out = rotl(r[1] * 5, 7) * 9, t = r[1] << 17;
	r[2] ^= r[0];
	r[3] ^= r[1];
	r[1] ^= r[2];
	r[0] ^= r[3];
	r[2] ^= t;
	r[3] = rotl(r[3], 45);
	return out;
}

/* ---- the heap */

bool sim_before(const struct event *a, const struct event *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->tie != b->tie ? a->tie < b->tie : a->number < b->number;
}

static void put_up(struct sim *s, size_t i, const struct event *e)
{
	while (i > 0 && sim_before(e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = *e;
}

void sim_push_drawn(struct sim *s, struct event e)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->heap = mem_realloc(s->heap, s->cap * sizeof *s->heap);
	}
	e.number = ++s->number;
	put_up(s, s->count++, &e);
}

void sim_push(struct sim *s, struct event e)
{
	e.tie = sim_random(s); /* here: the order of initialisers is the compiler's */
	sim_push_drawn(s, e);
}

/* The gap goes down to the bottom at once: that is where the last one belongs as a
 * rule, which waits for a timer. */
static struct event pop(struct sim *s)
{
	struct event top = s->heap[0], last = s->heap[--s->count];
	size_t i = 0;
	for (size_t k; (k = 2 * i + 1) < s->count; i = k) {
		if (k + 1 < s->count && sim_before(&s->heap[k + 1], &s->heap[k]))
			k++;
		s->heap[i] = s->heap[k];
	}
	if (s->count)
		put_up(s, i, &last);
	return top;
}

void sim_wake_slot(struct sim_cell_slot *slot, uint64_t at)
{
	struct sim *s = slot->sim;
	if (!slot->cell)
		return;
	if (at < s->now)
		at = s->now;
	if (slot->run_at && slot->run_at <= at)
		return;
	slot->run_at = at;
	sim_push(s, (struct event){.at = at,
			       .type = EV_RUN,
			       .slot = slot,
			       .life = slot->life});
}

/* ---- the broker's ends */

static void new_router(struct sim *s)
{
	struct router_ops ops = {
		.arg = s, .send = sim_router_send, .publish = sim_router_publish};
	s->router = router_new(&ops, 1, sim_random(s));
}

/* ---- a cell's ends */

static uint64_t cell_random(void *arg)
{
	struct sim_cell_slot *slot = arg;
	return sim_random(slot->sim);
}

static void cell_subscribe(void *arg, struct span topic, bool on)
{
	struct sim_cell_slot *slot = arg;
	if (!on) {
		sim_topic(slot, topic, false);
		return;
	}
	sim_topic(slot, topic, true);
	struct bytes *t = bytes_copy(topic.data, topic.len);
	sim_send_on(slot, EV_SUBSCRIBE, &slot->bus_at, t);
	bytes_unref(t);
}

static void cell_reconnect(void *arg)
{
	struct sim_cell_slot *slot = arg;
	sim_new_peer(slot);
	sim_forget_topics(slot);
}

static void *cell_shared(void *arg, const char *name)
{
	struct sim *s = ((struct sim_cell_slot *)arg)->sim;
	if (strcmp(name, "sim-cell") == 0)
		return arg; /* the journal's driver finds it so */
	return s->cfg.shared ? s->cfg.shared(s->cfg.shared_arg, name) : NULL;
}

static void cell_escalate(void *arg, const char *actor, const char *why, bool hopeless)
{
	struct sim_cell_slot *slot = arg;
	(void)actor, (void)why, (void)hopeless; /* a disk's faults end here */
	slot->failed = true; /* run_cell does the rest, outside of the turn */
}

static void cell_tap_op(void *arg, const struct tap_record *r)
{
	struct sim_cell_slot *slot = arg;
	slot->sim->cfg.tap(slot->sim->cfg.tap_arg, slot->name, r);
}

static void fill_slot(struct sim_cell_slot *slot)
{
	struct sim *s = slot->sim;
	struct cell_ops ops = {
		.arg = slot,
		.now_us = sim_cell_now,
		.wall_us = sim_cell_wall,
		.random = cell_random,
		.send = sim_from_cell,
		.subscribe = cell_subscribe,
		.reconnect = cell_reconnect,
		.shared = cell_shared,
		.escalate = s->cfg.refill ? cell_escalate : NULL,
		.tap = s->cfg.tap ? cell_tap_op : NULL,
	};
	struct cell_config cfg = {
		.name = slot->name,
		.cluster = 1,
		.catalogue = s->cfg.catalogue,
		.kinds = s->cfg.kinds,
		.drivers = s->drivers,
		.check = true,
		.restart = s->cfg.restart,
		.record = slot->record,
		.letters = &slot->letters,
	};
	slot->failed = false;
	slot->life++;
	slot->run_at = 0;
	sim_new_peer(slot);
	sim_forget_topics(slot);
	slot->cell = cell_new(&cfg, &ops);
	sim_wake_slot(slot, s->now);
}

struct cell *sim_cell(struct sim *s, const char *name)
{
	struct sim_cell_slot *slot = omap_get(&s->cells, span_of(name));
	if (!slot) {
		slot = mem_alloc(sizeof *slot);
		slot->sim = s;
		slot->name = mem_dup(name);
		slot->name_sum = crc32c(0, span_of(name));
		slot->rate = 100;
		slot->record = turn_record_new();
		omap_put(&s->cells, span_of(name), slot);
		fill_slot(slot);
	}
	return slot->cell;
}

/* ---- the machine */

struct sim *sim_new(const struct sim_config *cfg)
{
	struct sim *s = mem_alloc(sizeof *s);
	s->cfg = *cfg;
	if (!s->cfg.restart.window_us)
		s->cfg.restart = restart_policy_default;
	uint64_t x = cfg->seed;
	for (int i = 0; i < 4; i++)
		s->random[i] = splitmix(&x);
	s->now = 1000000;
	s->disk = journal_disk_new();
	journal_disk_watch(s->disk, cfg->committed, cfg->committed_arg);
	size_t n = 0;
	s->drivers[n++] = &sim_journal_driver;
	for (const struct port_driver *const *d = cfg->drivers; d && *d && n < DRIVERS_MAX - 1; d++)
		s->drivers[n++] = *d;
	new_router(s);
	sim_push(s, (struct event){.at = s->now + TICK_US, .type = EV_TICK});
	return s;
}

static void mix(struct sim *s, uint64_t word)
{
	uint64_t h = (s->digest ^ word) * 0x9e3779b97f4a7c15u;
	s->digest = h ^ h >> 32;
}

static void digest_event(struct sim *s, const struct event *e)
{
	mix(s, e->at);
	mix(s, (uint64_t)e->type << 32 | (e->frame ? crc32c(0, bytes_span(e->frame)) : 0));
	if (e->slot)
		mix(s, e->slot->name_sum);
}

/* All were checked whole at the broker, or as they were published. */
void sim_enter(struct sim_cell_slot *slot, enum event_type type, struct bytes *frame, bool damaged)
{
	if (type == EV_BUS)
		cell_on_bus(slot->cell, frame, !damaged);
	else
		cell_on_frame(slot->cell, frame, !damaged);
	sim_wake_slot(slot, slot->sim->now);
}

static void to_cell(struct sim_cell_slot *slot, enum event_type type, struct bytes *frame, bool damaged)
{
	if (!slot->sim->verbs || !sim_verbs_keep(slot, type, frame, damaged))
		sim_enter(slot, type, frame, damaged);
}

/* What waited arrives, or goes with the process. */
static void release_held(struct sim_cell_slot *slot, bool deliver)
{
	for (struct held_frame *h; (h = slot->held_first);) {
		slot->held_first = h->next;
		if (deliver)
			to_cell(slot, h->type, h->frame, h->damaged);
		bytes_unref(h->frame);
		free(h);
	}
	slot->held_last = NULL;
}

void sim_drop_cell(struct sim_cell_slot *slot, bool process)
{
	slot->sim->killing = process;
	cell_free(slot->cell);
	slot->sim->killing = false;
	if (process)
		sim_disk_died(slot);
	slot->cell = NULL;
	slot->life++; /* what is on its way to it is void */
	release_held(slot, false);
	sim_forget_topics(slot);
	omap_fini(&slot->late, free);
}

void sim_again(struct sim_cell_slot *slot, uint64_t after_us)
{
	sim_push(slot->sim, (struct event){.at = slot->sim->now + after_us,
					   .type = EV_AGAIN,
					   .slot = slot,
					   .life = slot->life});
}

static void cell_failed(struct sim *s, struct sim_cell_slot *slot)
{
	bool process = failures_add(&slot->failures, &s->cfg.restart, s->now);
	slot->cell_failures++;
	slot->process_failures += process;
	if (process)
		failures_fini(&slot->failures);
	sim_drop_cell(slot, process);
	uint64_t wait = process ? s->cfg.restart.backoff_min_us
				: failures_backoff(&slot->failures, &s->cfg.restart, sim_random(s));
	sim_again(slot, wait);
}

static void run_cell(struct sim *s, struct sim_cell_slot *slot)
{
	slot->run_at = 0;
	if (slot->paused) { /* sim_pause_cell wakes it */
		slot->touched++;
		return;
	}
	bool more = cell_run(slot->cell, 1);
	if (slot->failed) {
		cell_failed(s, slot);
		return;
	}
	if (more) {
		sim_wake_slot(slot, s->now + sim_between(s, TURN_MIN_US, TURN_MAX_US));
		return;
	}
	uint64_t due = cell_deadline(slot->cell), at = due != UINT64_MAX ? sim_global(slot, due) : 0;
	if (at)
		sim_wake_slot(slot, at > s->now ? at : s->now + 1);
}

/* A broker checks whole what comes from other processes. Here our own encoders
 * wrote it: that it passes is seen of one in so many, and of all that was damaged. */
static bool is_trusted(const struct sim *s, const struct event *e)
{
	return !e->damaged && s->handled % CHECKED_ONE_IN != 0;
}

static void to_broker(struct sim *s, const struct event *e)
{
	if (!s->router) {
		s->broker_touched++;
		return;
	}
	if (e->type == EV_SUBSCRIBE)
		router_on_subscribe(s->router, bytes_span(e->frame));
	else
		router_on_frame(s->router, e->slot->peer, e->frame, is_trusted(s, e), s->now);
	router_flush(s->router);
}

static void hold_frame(struct sim_cell_slot *slot, const struct event *e)
{
	struct held_frame *h = mem_alloc(sizeof *h);
	h->type = e->type;
	h->frame = bytes_ref(e->frame);
	h->damaged = e->damaged;
	if (slot->held_last)
		slot->held_last->next = h;
	else
		slot->held_first = h;
	slot->held_last = h;
	slot->touched++;
}

static void handle(struct sim *s, const struct event *e)
{
	struct sim_cell_slot *slot = e->slot;
	if (slot && e->life != slot->life)
		return;
	switch (e->type) {
	case EV_TO_BROKER:
	case EV_SUBSCRIBE:
		to_broker(s, e);
		break;
	case EV_TO_CELL:
	case EV_BUS:
		if (slot->paused)
			hold_frame(slot, e);
		else
			to_cell(slot, e->type, e->frame, e->damaged);
		break;
	case EV_RUN:
		if (slot->run_at == e->at)
			run_cell(s, slot);
		break;
	case EV_AGAIN:
		fill_slot(slot);
		s->cfg.refill(s->cfg.refill_arg, slot->cell);
		break;
	case EV_TICK:
		if (s->router) {
			router_tick(s->router, s->now);
			router_flush(s->router);
		}
		sim_push(s, (struct event){.at = s->now + TICK_US, .type = EV_TICK});
		break;
	case EV_SYNC:
		sim_synced(s, e);
		break;
	}
}

void sim_happens(struct sim *s, const struct event *e)
{
	s->handled++;
	digest_event(s, e);
	handle(s, e);
	bytes_unref(e->frame);
}

/* Up to the top it is the earliest there is, and popped. */
void sim_handle_now(struct sim *s, size_t at)
{
	struct event e = s->heap[at];
	for (; at > 0; at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[0] = e;
	e = pop(s);
	e.at = s->now;
	sim_happens(s, &e);
}

bool sim_run(struct sim *s, uint64_t until_us, bool (*done)(void *arg), void *arg)
{
	while (s->count && s->heap[0].at <= until_us) {
		struct event e = pop(s);
		s->now = e.at;
		sim_happens(s, &e);
		if (done && done(arg))
			return true;
	}
	if (s->now < until_us)
		s->now = until_us;
	return false;
}

uint64_t sim_now_us(const struct sim *s)
{
	return s->now;
}

void sim_jump_wall(struct sim *s, int64_t us)
{
	s->wall_jump += us;
}

uint64_t sim_digest(const struct sim *s)
{
	return s->digest;
}

uint64_t sim_events(const struct sim *s)
{
	return s->handled;
}

/* ---- faults */

static struct sim_cell_slot *slot_named(struct sim *s, const char *cell)
{
	return omap_get(&s->cells, span_of(cell));
}

void sim_wake(struct sim *s, const char *cell)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (slot)
		sim_wake_slot(slot, s->now);
}

uint64_t sim_cell_failures(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? slot->cell_failures : 0;
}

uint64_t sim_process_failures(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? slot->process_failures : 0;
}

const struct dead_letters *sim_dead_letters(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? &slot->letters : NULL;
}

int sim_crash_actor(struct sim *s, const char *cell, const char *actor)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot || !slot->cell)
		return ERR_NOT_FOUND;
	int rc = cell_kill_actor(slot->cell, actor);
	sim_wake_slot(slot, s->now);
	return rc;
}

int sim_stop_cell(struct sim *s, const char *cell)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	if (!slot->cell) {
		slot->life++; /* one that failed does not begin again meanwhile */
		return 0;
	}
	sim_drop_cell(slot, true);
	return 0;
}

int sim_start_cell(struct sim *s, const char *cell, void (*refill)(void *arg, struct cell *c),
		   void *arg)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	if (slot->cell)
		return 0;
	fill_slot(slot);
	refill(arg, slot->cell);
	return 0;
}

int sim_crash_cell(struct sim *s, const char *cell, void (*refill)(void *arg, struct cell *c),
		   void *arg)
{
	int rc = sim_stop_cell(s, cell);
	return rc ? rc : sim_start_cell(s, cell, refill, arg);
}

int sim_pause_cell(struct sim *s, const char *cell, bool paused)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	slot->paused = paused;
	if (!paused && slot->cell) {
		release_held(slot, true);
		sim_wake_slot(slot, s->now);
	}
	return 0;
}

void sim_stop_broker(struct sim *s)
{
	router_free(s->router);
	s->router = NULL;
}

void sim_start_broker(struct sim *s)
{
	if (!s->router)
		new_router(s);
}

void sim_restart_broker(struct sim *s)
{
	sim_stop_broker(s);
	sim_start_broker(s);
}

int sim_cut(struct sim *s, const char *cell, unsigned ways)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	slot->cut = ways;
	return 0;
}

int sim_narrow(struct sim *s, const char *cell, uint64_t to_broker, uint64_t from_broker)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	bool was = slot->narrow_to.rate || slot->narrow_from.rate;
	slot->narrow_to = (struct narrow){.rate = to_broker};
	slot->narrow_from = (struct narrow){.rate = from_broker};
	if (was)
		sim_hurry(slot);
	return 0;
}

uint64_t sim_narrow_touched(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? slot->narrow_touched : 0;
}

void sim_partition(struct sim *s, const char *cell, bool cut)
{
	sim_cut(s, cell, cut ? SIM_BOTH_WAYS : 0);
}

uint64_t sim_touched(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? slot->touched : 0;
}

uint64_t sim_broker_touched(const struct sim *s)
{
	return s->broker_touched;
}

void sim_heal(struct sim *s)
{
	s->cfg.bus_loss_permille = 0;
	s->cfg.link_loss_permille = 0;
	sim_set_faults(s, NULL);
	sim_verbs_over(s);
	for (struct onode *n = omap_first(&s->cells); n; n = omap_next(n)) {
		struct sim_cell_slot *slot = n->value;
		slot->cut = 0;
		sim_narrow(s, slot->name, 0, 0);
		sim_skew(s, slot->name, 0);
		if (slot->rate != 100)
			sim_drift(s, slot->name, 100);
		sim_pause_cell(s, slot->name, false);
	}
}

static void slot_free(void *p)
{
	struct sim_cell_slot *slot = p;
	cell_free(slot->cell);
	release_held(slot, false);
	sim_forget_topics(slot);
	omap_fini(&slot->late, free);
	turn_record_close(slot->record);
	dead_letters_fini(&slot->letters);
	failures_fini(&slot->failures);
	free(slot->name);
	free(slot);
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	sim_verbs_free(s->verbs);
	omap_fini(&s->cells, slot_free);
	omap_fini(&s->peers, NULL);
	omap_fini(&s->followers, NULL);
	router_free(s->router);
	for (size_t i = 0; i < s->count; i++)
		bytes_unref(s->heap[i].frame);
	free(s->heap);
	journal_disk_destroy(s->disk);
	free(s);
}
