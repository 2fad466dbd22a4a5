/* Sessions, and what each frame is about (see router.h). Names are in
 * router_names.c, what leaves in router_post.c. */
#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"
#include "broker/messages.h"
#include "broker/router_private.h"

enum {
	GATHER_FRAMES = 256, /* then they leave, whatever else is still to be read */
	BATCH_BYTES_MIN = 256, /* who takes less takes none */
};

struct router *router_new(const struct router_ops *ops, uint32_t cluster, uint64_t seed)
{
	struct router *r = mem_alloc(sizeof *r);
	r->ops = *ops;
	r->cluster = cluster;
	/* 2^40 sessions a broker's life, and room for as many lives. */
	r->next_epoch = (seed & 0x3fffff) << 40 | 1;
	r->names.seed = seed;
	return r;
}

static void session_free(void *p)
{
	struct session *s = p;
	omap_fini(&s->names, NULL);
	omap_fini(&s->wants, NULL);
	batch_fini(&s->batch);
	free(s->cell);
	free(s);
}

void router_free(struct router *r)
{
	if (!r)
		return;
	omap_fini(&r->peers, session_free);
	omap_fini(&r->cells, NULL);
	names_free(r);
	free(r);
}

const struct router_stats *router_stats(const struct router *r)
{
	return &r->stats;
}

static struct session *session_of(const struct router *r, uint64_t peer)
{
	return omap_get_u64(&r->peers, peer);
}

static void stop_waiting(struct router *r, struct session *s)
{
	struct session **at = &r->waiting;
	while (*at && *at != s)
		at = &(*at)->next_waiting;
	if (*at)
		*at = s->next_waiting;
	s->waiting = false;
}

static void name_lost(struct router *r, struct span name, int reason)
{
	name_gone(r, name, reason);
	name_free(r, name);
}

/* `kept` (may be NULL): its names are put there, and nobody is told. */
static void session_end(struct router *r, struct session *s, int reason, struct omap *kept)
{
	session_flush(r, s);
	stop_waiting(r, s);
	names_want_nothing(r, s);
	omap_remove_u64(&r->peers, s->peer);
	if (omap_get(&r->cells, span_of(s->cell)) == s)
		omap_remove(&r->cells, span_of(s->cell));
	for (struct onode *n = omap_first(&s->names); n; n = omap_next(n)) {
		if (omap_get(&r->names, onode_key(n)) != s)
			continue;
		omap_remove(&r->names, onode_key(n));
		if (kept)
			omap_put(kept, onode_key(n), r);
		else
			name_lost(r, onode_key(n), reason);
	}
	r->stats.sessions = r->peers.count;
	r->stats.names = r->names.count;
	session_free(s);
}

/* ---- sessions */

/* A cell that comes again replaces its former session at once instead of
 * after the silence. When it was started again, its actors of then are gone;
 * when only its connection was, they are not: `kept`. True: only that. */
static bool end_former(struct router *r, struct span cell, uint64_t incarnation,
		       struct omap *kept)
{
	struct session *s = omap_get(&r->cells, cell);
	if (!s)
		return false;
	bool same = s->incarnation == incarnation;
	if (!same)
		say_bye(r, s->peer, "the cell was started again elsewhere");
	session_end(r, s, ERR_UNREACHABLE, same ? kept : NULL);
	return same;
}

/* Those of a hello. Who only says it again takes nothing from others. */
static void take_names(struct router *r, struct session *s, struct mp names, size_t count,
		       bool again)
{
	for (size_t i = 0; i < count; i++) {
		struct span name;
		if (mp_str(&names, &name))
			break;
		const struct session *owner = omap_get(&r->names, name);
		if (again && owner && owner != s)
			name_want(r, s, name);
		else
			name_register(r, s, name);
	}
}

static size_t batch_limit(struct mp hello)
{
	int64_t bytes = mp_path_int(hello, "batch", 0);
	return bytes < BATCH_BYTES_MIN ? 0 : bytes < BATCH_BYTES_MAX ? (size_t)bytes : BATCH_BYTES_MAX;
}

static void on_hello(struct router *r, uint64_t peer, struct mp body, uint64_t now_us)
{
	struct span cell = mp_path_str(body, "cell");
	struct mp v, names;
	uint64_t incarnation = 0;
	size_t count = 0;
	if (mp_find(body, "incarnation", &v))
		mp_u64(&v, &incarnation);
	if (cell.len == 0 || !mp_find(body, "names", &names) || mp_array(&names, &count)) {
		r->stats.malformed++;
		say_bye(r, peer, "a hello without cell or names");
		return;
	}
	struct session *old = session_of(r, peer);
	struct omap kept = {0};
	if (old && (old->incarnation != incarnation || !span_is(cell, old->cell)))
		session_end(r, old, ERR_STALE, NULL);
	bool again = end_former(r, cell, incarnation, &kept);
	struct session *s = mem_alloc(sizeof *s);
	s->peer = peer;
	s->epoch = r->next_epoch++;
	s->incarnation = incarnation;
	s->heard_us = now_us;
	s->cell = mem_ndup(cell.data, cell.len);
	s->batch.limit = batch_limit(body);
	omap_put_u64(&r->peers, peer, s);
	omap_put(&r->cells, cell, s);
	r->stats.sessions = r->peers.count;
	take_names(r, s, names, count, again);
	for (struct onode *n = omap_first(&kept); n; n = omap_next(n))
		if (!omap_get(&r->names, onode_key(n)))
			name_lost(r, onode_key(n), ERR_CLOSED);
	omap_fini(&kept, NULL);
	struct buf welcome = {0};
	mpw_map(&welcome, 4);
	mpw_kv_u64(&welcome, "epoch", s->epoch);
	mpw_kv_u64(&welcome, "window", ROUTER_WINDOW_BYTES);
	mpw_kv_u64(&welcome, "ping_ms", ROUTER_PING_US / 1000);
	mpw_kv_u64(&welcome, "batch", BATCH_BYTES_MAX);
	say_system(r, peer, MSG_SESSION_WELCOME, &welcome);
}

/* A word about a name that was lost on its way (or was said between hello and
 * welcome) would leave an actor nobody reaches, who cannot speak either: the
 * next hello names them all. */
static bool names_differ(const struct session *s, struct mp ping)
{
	int64_t count = mp_path_int(ping, "names", -1);
	return count >= 0 && !PLANTED(NAMES_NOT_COMPARED) &&
	       (uint64_t)count != s->names.count + s->wants.count;
}

static void on_credit(struct session *s, struct mp body)
{
	struct mp v;
	uint64_t taken;
	if (mp_find(body, "taken", &v) && mp_u64(&v, &taken) == 0 && taken > s->taken &&
	    taken <= s->sent)
		s->taken = taken;
}

static void on_ping(struct router *r, struct session *s, const struct envelope *env)
{
	struct buf pong = {0};
	struct mp v;
	uint64_t sent_us = 0;
	if (names_differ(s, mp_of(env->body))) {
		log_warn("broker", "cell %s has other names than are known here", s->cell);
		say_bye(r, s->peer, "other names than are known here: say hello again");
		return;
	}
	on_credit(s, mp_of(env->body));
	if (mp_find(mp_of(env->body), "sent_us", &v))
		mp_u64(&v, &sent_us);
	mpw_map(&pong, 3);
	mpw_kv_u64(&pong, "sent_us", sent_us);
	mpw_kv_u64(&pong, "sent", s->sent);
	mpw_kv_u64(&pong, "notices", r->notice_followers);
	say_system(r, s->peer, MSG_SESSION_PONG, &pong);
}

static void on_system(struct router *r, struct session *s, const struct envelope *env)
{
	struct mp body = mp_of(env->body);
	struct span name = mp_path_str(body, "name");
	switch (env->kind) {
	case MSG_SESSION_PING:
		on_ping(r, s, env);
		break;
	case MSG_SESSION_CREDIT:
		on_credit(s, body);
		break;
	case MSG_SESSION_BYE:
		session_end(r, s, ERR_CLOSED, NULL);
		break;
	case MSG_NAME_REGISTER:
		name_register(r, s, name);
		break;
	case MSG_NAME_RELEASE:
		name_release(r, s, name);
		break;
	case MSG_NAME_CRASHED:
		if (omap_get(&r->names, name) == s)
			name_gone(r, name, ERR_CRASHED);
		break;
	case MSG_NAME_WATCH:
		name_watch(r, env->from, name);
		break;
	default:
		r->stats.malformed++;
	}
}

/* ---- what the broker tells about itself */

static void put_counts(struct buf *b, const struct router_stats *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{"routed", s->routed},		     {"published", s->published},
		{"refused_full", s->refused_full},   {"refused_gone", s->refused_gone},
		{"strangers", s->strangers},	     {"malformed", s->malformed},
		{"stale", s->stale},		     {"forged", s->forged},
		{"refused_credit", s->refused_credit}, {"batches", s->batches},
	};
	mpw_map(b, sizeof counts / sizeof *counts);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		mpw_kv_u64(b, counts[i].name, counts[i].value);
}

static void on_request(struct router *r, struct session *from, const struct envelope *env,
		       uint64_t now_us)
{
	if (env->kind != MSG_BROKER_SESSIONS) {
		say_failed(r, from->peer, env, ERR_UNSUPPORTED);
		return;
	}
	struct envelope reply = {.type = ENV_REPLY,
				 .to = env->from,
				 .from = env->to,
				 .correlation = env->correlation,
				 .kind = MSG_BROKER_STATE,
				 .trace = env->trace};
	struct buf body = {0};
	mpw_map(&body, 2);
	mpw_str(&body, "sessions");
	mpw_array(&body, r->peers.count);
	for (struct onode *n = omap_first(&r->peers); n; n = omap_next(n)) {
		const struct session *s = n->value;
		mpw_map(&body, 4);
		mpw_kv_str(&body, "cell", s->cell);
		mpw_kv_u64(&body, "names", s->names.count);
		mpw_kv_u64(&body, "epoch", s->epoch);
		mpw_kv_u64(&body, "silent_us", now_us - s->heard_us);
	}
	mpw_str(&body, "counts");
	put_counts(&body, &r->stats);
	say(r, from->peer, &reply, &body);
}

static void on_bus_frame(struct router *r, const struct piece *p, bool trusted)
{
	struct span topic, rest;
	if (env_split_topic(p->raw, &topic, &rest)) {
		r->stats.malformed++;
		return;
	}
	r->stats.published++;
	struct bytes *frame = bytes_part(p->frame, p->raw);
	r->ops.publish(r->ops.arg, frame, trusted);
	bytes_unref(frame);
}

static void malformed(struct router *r, const char *why)
{
	if (!r->stats.malformed++)
		log_warn("broker", "a frame was dropped: %s", why);
}

/* Of a session, which it names. */
static void on_envelope(struct router *r, struct session *s, const struct envelope *env,
			const struct piece *p, uint64_t now_us)
{
	if (env->epoch != s->epoch) {
		r->stats.stale++;
		return; /* sent before our welcome reached it */
	}
	s->heard_us = now_us;
	if (env->from.len && omap_get(&r->names, env->from) != s) {
		r->stats.forged++;
		return;
	}
	if (env->type == ENV_SYSTEM)
		on_system(r, s, env);
	else if (env->type == ENV_REQUEST && span_is(env->to, "broker"))
		on_request(r, s, env, now_us);
	else
		route(r, env, p);
}

static void on_piece(struct router *r, uint64_t peer, const struct piece *p, bool trusted,
		     uint64_t now_us)
{
	struct session *s = session_of(r, peer);
	if (p->raw.len && p->raw.data[0] < 0x80) {
		if (s)
			on_bus_frame(r, p, trusted);
		else
			r->stats.strangers++;
		return;
	}
	struct envelope env;
	struct err e = {0};
	int rc = trusted ? env_decode_trusted(p->raw, &env, &e) : env_decode(p->raw, &env, &e);
	if (rc || env.cluster != r->cluster) {
		malformed(r, rc ? e.text : "it belongs to another cluster");
		return;
	}
	if (env.type == ENV_SYSTEM && env.kind == MSG_SESSION_HELLO) {
		on_hello(r, peer, mp_of(env.body), now_us);
		return;
	}
	if (!s) {
		r->stats.strangers++;
		say_bye(r, peer, "no session: say hello");
		return;
	}
	on_envelope(r, s, &env, p, now_us);
}

static void on_batch(struct router *r, uint64_t peer, struct bytes *frame, bool trusted,
		     uint64_t now_us)
{
	struct batch_reader in;
	struct err e = {0};
	struct piece p = {.frame = frame};
	if (batch_open(&in, bytes_span(frame), &e)) {
		malformed(r, e.text);
		return;
	}
	r->stats.batches++;
	while (batch_next(&in, &p.raw))
		on_piece(r, peer, &p, trusted, now_us);
}

void router_on_frame(struct router *r, uint64_t peer, struct bytes *frame, bool trusted,
		     uint64_t now_us)
{
	struct piece whole = {bytes_span(frame), frame};
	if (batch_is(whole.raw))
		on_batch(r, peer, frame, trusted, now_us);
	else
		on_piece(r, peer, &whole, trusted, now_us);
	if (r->gathered >= GATHER_FRAMES)
		router_flush(r);
}

void router_refuse(struct router *r, uint64_t peer, struct bytes *frame, int code)
{
	struct envelope env;
	if (!session_of(r, peer) || env_decode(bytes_span(frame), &env, NULL) || env.type != ENV_REQUEST)
		return;
	say_failed(r, peer, &env, code);
	router_flush(r);
}

void router_on_subscribe(struct router *r, struct span topic)
{
	struct session *store = omap_get(&r->names, span_of("store"));
	r->notice_followers += span_is(topic, BUS_NOTICES);
	if (!store || topic.len == 0)
		return;
	struct envelope env = {.type = ENV_SEND,
			       .to = span_of("store"),
			       .from = span_of("broker"),
			       .kind = MSG_BUS_SUBSCRIBED};
	struct buf body = {0};
	mpw_map(&body, 1);
	mpw_kv_span(&body, "stream", topic);
	say(r, store->peer, &env, &body);
}

void router_on_unsubscribe(struct router *r, struct span topic)
{
	if (span_is(topic, BUS_NOTICES) && r->notice_followers)
		r->notice_followers--;
}

void router_tick(struct router *r, uint64_t now_us)
{
	if (!r->born_us)
		r->born_us = now_us;
	names_settle(r, now_us);
	struct onode *n = omap_first(&r->peers);
	while (n) {
		struct session *s = n->value;
		n = omap_next(n);
		if (now_us < s->heard_us + ROUTER_SILENCE_US)
			continue;
		log_warn("broker", "cell %s has been silent for %d s", s->cell,
			 ROUTER_SILENCE_US / 1000000);
		say_bye(r, s->peer, "silent for too long");
		session_end(r, s, ERR_UNREACHABLE, NULL);
	}
}
