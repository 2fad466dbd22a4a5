/* The links between cells and the broker: latency, loss, cuts, and a filter
 * that decides what becomes of single messages. A link keeps its order, as
 * the connections of production do, unless the filter lets one be overtaken.
 * What stays within a cell crosses no link. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/sim_private.h"
#include "broker/base/mem.h"
#include "broker/base/sort.h"
#include "broker/batch.h"

static const struct sim_fate untouched = {.copies = 1};

static bool is_bus_frame(struct span frame)
{
	return frame.len && frame.data[0] < 0x80;
}

/* ---- on their way */

/* How long it takes to get through, behind what was sent before. */
static uint64_t passage(struct sim_cell_slot *slot, enum event_type type, size_t bytes)
{
	struct narrow *n = type == EV_TO_BROKER ? &slot->narrow_to : &slot->narrow_from;
	uint64_t now = slot->sim->now;
	if (!n->rate)
		return 0;
	slot->narrow_touched++;
	n->free_at = (n->free_at > now ? n->free_at : now) + bytes * UINT64_C(1000000) / n->rate;
	return n->free_at - now;
}

static uint64_t arrival(struct sim *s, const struct sim_fate *f, uint64_t *link_at)
{
	uint64_t at = s->now + sim_between(s, s->cfg.latency_min_us, s->cfg.latency_max_us) + f->delay_us;
	if (f->overtaken)
		return at;
	if (at <= *link_at)
		at = *link_at + 1;
	return *link_at = at;
}

void sim_pair_of(struct span frame, struct buf *out)
{
	struct envelope env;
	struct span topic, rest;
	if (is_bus_frame(frame) && env_split_topic(frame, &topic, &rest) == 0)
		buf_append(out, topic.data, topic.len);
	else if (env_decode_trusted(frame, &env, NULL) == 0) {
		buf_append(out, env.from.data, env.from.len);
		buf_putc(out, 0);
		buf_append(out, env.to.data, env.to.len);
	}
}

struct span sim_letter_in(enum event_type type, struct span frame)
{
	struct span topic, rest;
	if (type == EV_BUS)
		return env_split_topic(frame, &topic, &rest) ? (struct span){0} : rest;
	return type == EV_TO_CELL || type == EV_TO_BROKER ? frame : (struct span){0};
}

/* Not before what the same pair has on its way. */
static uint64_t behind_its_own(struct sim_cell_slot *slot, struct bytes *frame, bool overtaken, uint64_t at)
{
	struct buf pair = {0};
	if (!overtaken && !slot->late.count)
		return at;
	sim_pair_of(bytes_span(frame), &pair);
	struct late_pair *l = omap_get(&slot->late, span_buf(&pair));
	if (l && l->at >= at)
		at = l->at + 1;
	if (!l && overtaken) {
		l = mem_alloc(sizeof *l);
		omap_put(&slot->late, span_buf(&pair), l);
	}
	if (l)
		l->at = at;
	buf_fini(&pair);
	return at;
}

static void send_as(struct sim_cell_slot *slot, enum event_type type, uint64_t *link_at,
		    struct bytes *frame, const struct sim_fate *f)
{
	struct sim *s = slot->sim;
	for (unsigned i = 0; i < f->copies; i++) {
		struct sim_fate fate = *f;
		uint64_t passing = passage(slot, type, bytes_span(frame).len);
		fate.delay_us += passing;
		sim_push(s, (struct event){.at = behind_its_own(slot, frame, f->overtaken, arrival(s, &fate, link_at)),
					   .type = type,
					   .slot = slot,
					   .life = slot->life,
					   .damaged = f->damaged,
					   .frame = bytes_ref(frame),
					   .passage = passing});
	}
}

static uint64_t *link_of(struct sim_cell_slot *slot, enum event_type type)
{
	return type == EV_TO_BROKER ? &slot->to_broker_at : type == EV_TO_CELL ? &slot->to_cell_at : &slot->bus_at;
}

static bool waits_at(const struct event *e, const struct sim_cell_slot *slot)
{
	const struct narrow *n = e->type == EV_TO_BROKER ? &slot->narrow_to : &slot->narrow_from;
	return e->slot == slot && !n->rate && (e->type == EV_TO_BROKER || e->type == EV_TO_CELL || e->type == EV_BUS);
}

static int event_cmp(const void *a, const void *b, void *arg)
{
	(void)arg;
	return sim_before(a, b) ? -1 : 1;
}

/* Behind what is before it on its link, as it was. */
static void hurry_one(struct sim_cell_slot *slot, struct event *e, uint64_t *before)
{
	struct buf pair = {0};
	uint64_t at = e->at - e->passage;
	if (e->passage && at <= *before)
		at = *before + 1;
	*before = e->at = at;
	e->passage = 0;
	if (!slot->late.count)
		return;
	sim_pair_of(bytes_span(e->frame), &pair);
	struct late_pair *l = omap_get(&slot->late, span_buf(&pair));
	if (l)
		l->at = at;
	buf_fini(&pair);
}

void sim_hurry(struct sim_cell_slot *slot)
{
	struct sim *s = slot->sim;
	size_t count = s->count;
	struct event *all = mem_alloc((count + 1) * sizeof *all);
	uint64_t before[3] = {s->now, s->now, s->now};
	memcpy(all, s->heap, count * sizeof *all);
	sort_stable(all, count, sizeof *all, event_cmp, NULL);
	s->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct event *e = &all[i];
		if (waits_at(e, slot)) {
			uint64_t *link = link_of(slot, e->type);
			uint64_t *last = &before[e->type == EV_TO_BROKER ? 0 : e->type == EV_TO_CELL ? 1 : 2];
			hurry_one(slot, e, last);
			*link = *last;
		}
		sim_push_drawn(s, *e);
	}
	free(all);
}

void sim_send_on(struct sim_cell_slot *slot, enum event_type type, uint64_t *link_at,
		 struct bytes *frame)
{
	send_as(slot, type, link_at, frame, &untouched);
}

/* By a cut, or because nobody lives there. */
bool sim_swallowed(struct sim_cell_slot *slot, enum sim_way way)
{
	bool gone = !slot->cell || slot->cut & (unsigned)way;
	slot->touched += gone;
	return gone;
}

static bool lost(struct sim *s, uint32_t permille)
{
	return permille && sim_random(s) % 1000 < permille;
}

/* ---- the filter */

static void ask(struct sim_cell_slot *slot, bool to_broker, struct span frame, struct sim_fate *f)
{
	const struct sim_faults *faults = &slot->sim->faults;
	struct envelope env;
	*f = untouched;
	if (!faults->message || env_decode_trusted(frame, &env, NULL))
		return;
	struct sim_message m = {.cell = slot->name,
				.to_broker = to_broker,
				.kind = env.kind,
				.request = env.type == ENV_REQUEST,
				.from = env.from,
				.to = env.to};
	faults->message(faults->arg, &m, f);
}

/* Damage that a reader could miss is what no link lets through (a checksum of
 * TCP, CURVE's authenticator): then the end is missing instead. */
static struct bytes *damage(struct bytes *frame, size_t head, uint64_t where)
{
	struct span was = bytes_span(frame);
	struct envelope env;
	size_t n = was.len - head;
	struct bytes *out = bytes_copy(was.data, was.len);
	uint8_t *bytes = (uint8_t *)(uintptr_t)bytes_span(out).data;
	bytes[head + where % n] ^= (uint8_t)(1u << (where >> 32) % 8);
	if (env_decode((struct span){bytes + head, n}, &env, NULL) == 0) {
		bytes_unref(out);
		out = bytes_copy(was.data, head + where % n);
	}
	return out;
}

static void send_filtered(struct sim_cell_slot *slot, enum event_type type, uint64_t *link_at,
			  struct bytes *frame, size_t head, const struct sim_fate *f)
{
	if (!f->damaged) {
		send_as(slot, type, link_at, frame, f);
		return;
	}
	struct bytes *broken = damage(frame, head, f->damage);
	send_as(slot, type, link_at, broken, f);
	bytes_unref(broken);
}

/* ---- the ends */

/* Each message of a batch has a fate of its own, while somebody decides. */
static bool unpacks(struct sim_cell_slot *slot, struct bytes *frame, struct batch_reader *r)
{
	return (slot->sim->faults.message || slot->late.count || slot->sim->verbs) && batch_is(bytes_span(frame)) &&
	       batch_open(r, bytes_span(frame), NULL) == 0;
}

static void unpack(struct sim_cell_slot *slot, struct batch_reader *r,
		   void (*each)(struct sim_cell_slot *slot, struct bytes *frame))
{
	struct span one;
	while (batch_next(r, &one)) {
		struct bytes *copy = bytes_copy(one.data, one.len);
		each(slot, copy);
		bytes_unref(copy);
	}
}

static void from_cell(struct sim_cell_slot *slot, struct bytes *frame)
{
	struct sim *s = slot->sim;
	struct sim_fate f = untouched;
	if (!is_bus_frame(bytes_span(frame))) /* those are asked about for each that gets them */
		ask(slot, true, bytes_span(frame), &f);
	if (f.refuse && s->router) {
		router_refuse(s->router, slot->peer, frame, f.refuse);
		return;
	}
	send_filtered(slot, EV_TO_BROKER, &slot->to_broker_at, frame, 0, &f);
}

int sim_from_cell(void *arg, struct bytes *frame)
{
	struct sim_cell_slot *slot = arg;
	struct batch_reader r;
	if (sim_swallowed(slot, SIM_TO_BROKER) || lost(slot->sim, slot->sim->cfg.link_loss_permille))
		return 0;
	if (unpacks(slot, frame, &r))
		unpack(slot, &r, from_cell);
	else
		from_cell(slot, frame);
	return 0;
}

void sim_new_peer(struct sim_cell_slot *slot)
{
	struct sim *s = slot->sim;
	if (slot->peer)
		omap_remove_u64(&s->peers, slot->peer);
	slot->peer = ++s->next_peer;
	omap_put_u64(&s->peers, slot->peer, slot);
}

/* What another cell sent was asked about when it left that cell. */
static bool is_brokers_own(struct span frame)
{
	struct envelope env;
	return env_decode_trusted(frame, &env, NULL) == 0 && span_is(env.from, "broker");
}

static void to_cell(struct sim_cell_slot *slot, struct bytes *frame)
{
	struct sim_fate f = untouched;
	if (slot->sim->faults.message && is_brokers_own(bytes_span(frame)))
		ask(slot, false, bytes_span(frame), &f);
	send_filtered(slot, EV_TO_CELL, &slot->to_cell_at, frame, 0, &f);
}

int sim_router_send(void *arg, uint64_t peer, struct bytes *frame)
{
	struct sim *s = arg;
	struct sim_cell_slot *slot = omap_get_u64(&s->peers, peer);
	struct batch_reader r;
	if (!slot)
		return ERR_UNREACHABLE;
	if (sim_swallowed(slot, SIM_FROM_BROKER) || lost(s, s->cfg.link_loss_permille))
		return 0;
	if (unpacks(slot, frame, &r))
		unpack(slot, &r, to_cell);
	else
		to_cell(slot, frame);
	return 0;
}

void sim_topic(struct sim_cell_slot *slot, struct span topic, bool on)
{
	struct sim *s = slot->sim;
	struct omap *slots = omap_get(&s->followers, topic);
	if (!on && slots) {
		omap_remove(slots, span_of(slot->name));
		omap_remove(&slot->topics, topic);
		if (!slots->count) {
			omap_fini(slots, NULL);
			free(omap_remove(&s->followers, topic));
		}
	} else if (on) {
		if (!slots)
			omap_put(&s->followers, topic, slots = mem_alloc(sizeof *slots));
		omap_put(slots, span_of(slot->name), slot);
		omap_put(&slot->topics, topic, slot);
	}
}

void sim_forget_topics(struct sim_cell_slot *slot)
{
	struct onode *n;
	while ((n = omap_first(&slot->topics))) {
		struct bytes *topic = bytes_copy(onode_key(n).data, onode_key(n).len);
		sim_topic(slot, bytes_span(topic), false);
		bytes_unref(topic);
	}
	omap_fini(&slot->topics, NULL);
}

void sim_router_publish(void *arg, struct bytes *frame, bool trusted)
{
	struct sim *s = arg;
	struct span topic, rest;
	if (env_split_topic(bytes_span(frame), &topic, &rest))
		return;
	if (s->cfg.published)
		s->cfg.published(s->cfg.published_arg, frame);
	const struct omap *slots = omap_get(&s->followers, topic);
	struct envelope env;
	/* Checked once, not at each follower. What a link damaged can look like a bus
	 * frame: that is for the followers to drop. */
	bool sound = slots && (trusted || env_decode(rest, &env, NULL) == 0);
	for (struct onode *n = slots ? omap_first(slots) : NULL; n; n = omap_next(n)) {
		struct sim_cell_slot *slot = n->value;
		struct sim_fate f;
		if (sim_swallowed(slot, SIM_FROM_BROKER) ||
		    lost(s, s->cfg.bus_loss_permille))
			continue;
		ask(slot, false, rest, &f);
		if (sound || f.damaged)
			send_filtered(slot, EV_BUS, &slot->bus_at, frame, topic.len + 1, &f);
		else
			send_as(slot, EV_BUS, &slot->bus_at, frame,
				&(struct sim_fate){.copies = f.copies, .delay_us = f.delay_us,
						   .overtaken = f.overtaken, .damaged = true});
	}
}
