#include "broker/router.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "broker/base/planted.h"
#include "broker/catalogue.h"
#include "broker/messages.h"

enum { RETURN_BYTES = 256 }; /* around a message that is returned */

struct session {
	uint64_t peer;
	uint64_t epoch;
	uint64_t incarnation;
	uint64_t heard_us;
	uint64_t sent, taken; /* bytes of routed frames: handed to the socket, said to have come */
	char *cell;
	struct omap names; /* name -> this session; the keys are what counts */
};

struct router {
	struct router_ops ops;
	struct router_stats stats;
	uint32_t cluster;
	uint64_t next_epoch;
	uint64_t sequence;
	uint64_t born_us; /* 0: nothing happened yet */
	bool settled;     /* cells have had the time to say hello */
	struct omap peers;   /* peer number -> session */
	struct omap cells;   /* name of a cell -> its session */
	struct omap names;   /* actor's name -> session */
	struct omap watches; /* watched name -> struct omap of watchers' names */
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
	free(s->cell);
	free(s);
}

static void watchers_free(void *p)
{
	omap_fini(p, NULL);
	free(p);
}

void router_free(struct router *r)
{
	if (!r)
		return;
	omap_fini(&r->peers, session_free);
	omap_fini(&r->names, NULL);
	omap_fini(&r->cells, NULL);
	omap_fini(&r->watches, watchers_free);
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

/* ---- what the broker says itself */

static int say(struct router *r, uint64_t peer, struct envelope *env, struct buf *body)
{
	env->cluster = r->cluster;
	env->sequence = ++r->sequence;
	env->hops = ENV_HOPS;
	env->body = span_buf(body);
	struct buf out = {0};
	env_encode(&out, env);
	struct bytes *frame = bytes_take(&out);
	int rc = r->ops.send(r->ops.arg, peer, frame);
	bytes_unref(frame);
	buf_fini(body);
	return rc;
}

static void say_system(struct router *r, uint64_t peer, uint16_t kind, struct buf *body)
{
	struct envelope env = {.type = ENV_SYSTEM, .from = span_of("broker"), .kind = kind};
	say(r, peer, &env, body);
}

static void say_bye(struct router *r, uint64_t peer, const char *reason)
{
	struct buf body = {0};
	mpw_map(&body, 1);
	mpw_kv_str(&body, "reason", reason);
	say_system(r, peer, MSG_SESSION_BYE, &body);
}

static void say_failed(struct router *r, uint64_t peer, const struct envelope *req, int code)
{
	struct envelope env = {
		.type = ENV_ERROR,
		.to = req->from,
		.from = req->to,
		.correlation = req->correlation,
		.kind = MSG_ERROR,
		.trace = req->trace,
	};
	char text[200];
	snprintf(text, sizeof text, "%.*s: %s", (int)req->to.len, (const char *)req->to.data,
		 err_text(code));
	struct buf body = {0};
	mpw_map(&body, 2);
	mpw_kv_str(&body, "code", err_name(code));
	mpw_kv_str(&body, "text", text);
	say(r, peer, &env, &body);
}

/* A message that waits for no answer goes back to the cell that sent it, which
 * keeps its dead letters; what is too large to be wrapped is only counted. */
static void say_returned(struct router *r, uint64_t peer, int code, struct bytes *frame)
{
	struct buf body = {0};
	if (bytes_span(frame).len > ENV_FRAME_BYTES_MAX - RETURN_BYTES)
		return;
	mpw_map(&body, 2);
	mpw_kv_str(&body, "code", err_name(code));
	mpw_str(&body, "letter");
	mpw_bin(&body, bytes_span(frame));
	say_system(r, peer, MSG_LETTER_RETURNED, &body);
}

/* ---- names and who watches them */

static void say_down(struct router *r, struct span watcher, struct span name, int reason)
{
	struct session *s = omap_get(&r->names, watcher);
	if (!s)
		return;
	struct envelope env = {
		.type = ENV_SYSTEM, .to = watcher, .from = span_of("broker"), .kind = MSG_NAME_DOWN};
	struct buf body = {0};
	mpw_map(&body, 2);
	mpw_kv_span(&body, "name", name);
	mpw_kv_str(&body, "reason", err_name(reason));
	say(r, s->peer, &env, &body);
}

static void name_gone(struct router *r, struct span name, int reason)
{
	struct omap *watchers = omap_remove(&r->watches, name);
	if (!watchers)
		return;
	for (struct onode *n = omap_first(watchers); n; n = omap_next(n))
		say_down(r, onode_key(n), name, reason);
	watchers_free(watchers);
}

static void name_watch(struct router *r, struct span watcher, struct span name)
{
	/* A broker that was just started knows nobody: who is absent now may be
	 * about to say hello. The tick that ends this time tells of those who
	 * did not. */
	if (r->settled && !omap_get(&r->names, name)) {
		say_down(r, watcher, name, ERR_UNREACHABLE);
		return;
	}
	struct omap *watchers = omap_get(&r->watches, name);
	if (!watchers) {
		watchers = mem_alloc(sizeof *watchers);
		omap_put(&r->watches, name, watchers);
	}
	omap_put(watchers, watcher, r);
}

/* The first watched name that nobody has. */
static struct span first_absent(const struct router *r)
{
	for (struct onode *n = omap_first(&r->watches); n; n = omap_next(n))
		if (!omap_get(&r->names, onode_key(n)))
			return onode_key(n);
	return (struct span){0};
}

static void settle(struct router *r, uint64_t now_us)
{
	if (r->settled || now_us < r->born_us + ROUTER_SILENCE_US)
		return;
	r->settled = true;
	for (struct span name; (name = first_absent(r)).len;) {
		struct bytes *copy = bytes_copy(name.data, name.len);
		name_gone(r, bytes_span(copy), ERR_UNREACHABLE);
		bytes_unref(copy);
	}
}

/* `kept` (may be NULL): its names are put there, and nobody is told. */
static void session_end(struct router *r, struct session *s, int reason, struct omap *kept)
{
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
			name_gone(r, onode_key(n), reason);
	}
	r->stats.sessions = r->peers.count;
	r->stats.names = r->names.count;
	session_free(s);
}

static void name_register(struct router *r, struct session *s, struct span name)
{
	if (name.len == 0 || name.len > ENV_NAME_BYTES_MAX)
		return;
	struct session *was = omap_put(&r->names, name, s);
	omap_put(&s->names, name, s);
	r->stats.names = r->names.count;
	if (was && was != s) {
		omap_remove(&was->names, name);
		name_gone(r, name, ERR_STALE); /* that one, not its successor */
		log_warn("broker", "%.*s moved from cell %s to %s", (int)name.len, name.data,
			 was->cell, s->cell);
		say_bye(r, was->peer, "an actor's name was taken over");
	}
}

static void name_release(struct router *r, struct session *s, struct span name)
{
	if (omap_get(&r->names, name) != s)
		return;
	omap_remove(&r->names, name);
	omap_remove(&s->names, name);
	r->stats.names = r->names.count;
	name_gone(r, name, ERR_CLOSED);
}

/* ---- sessions */

/* A cell that comes again replaces its former session at once instead of
 * after the silence. When it was started again, its actors of then are gone;
 * when only its connection was, they are not: `kept`. */
static void end_former(struct router *r, struct span cell, uint64_t incarnation,
		       struct omap *kept)
{
	struct session *s = omap_get(&r->cells, cell);
	if (!s)
		return;
	bool same = s->incarnation == incarnation;
	if (!same)
		say_bye(r, s->peer, "the cell was started again elsewhere");
	session_end(r, s, ERR_UNREACHABLE, same ? kept : NULL);
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
	end_former(r, cell, incarnation, &kept);
	struct session *s = mem_alloc(sizeof *s);
	s->peer = peer;
	s->epoch = r->next_epoch++;
	s->incarnation = incarnation;
	s->heard_us = now_us;
	s->cell = mem_ndup(cell.data, cell.len);
	omap_put_u64(&r->peers, peer, s);
	omap_put(&r->cells, cell, s);
	r->stats.sessions = r->peers.count;
	for (size_t i = 0; i < count; i++) {
		struct span name;
		if (mp_str(&names, &name))
			break;
		name_register(r, s, name);
	}
	for (struct onode *n = omap_first(&kept); n; n = omap_next(n))
		if (!omap_get(&r->names, onode_key(n)))
			name_gone(r, onode_key(n), ERR_CLOSED);
	omap_fini(&kept, NULL);
	struct buf welcome = {0};
	mpw_map(&welcome, 3);
	mpw_kv_u64(&welcome, "epoch", s->epoch);
	mpw_kv_u64(&welcome, "window", ROUTER_WINDOW_BYTES);
	mpw_kv_u64(&welcome, "ping_ms", ROUTER_PING_US / 1000);
	say_system(r, peer, MSG_SESSION_WELCOME, &welcome);
}

/* A word about a name that was lost on its way (or was said between hello and
 * welcome) would leave an actor nobody reaches, who cannot speak either: the
 * next hello names them all. */
static bool names_differ(const struct session *s, struct mp ping)
{
	int64_t count = mp_path_int(ping, "names", -1);
	return count >= 0 && !PLANTED(NAMES_NOT_COMPARED) && (uint64_t)count != s->names.count;
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
	if (mp_find(mp_of(env->body), "sent_us", &v))
		mp_u64(&v, &sent_us);
	mpw_map(&pong, 2);
	mpw_kv_u64(&pong, "sent_us", sent_us);
	mpw_kv_u64(&pong, "sent", s->sent);
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

static bool has_credit(const struct session *to, const struct envelope *env, size_t bytes)
{
	bool asks = env->type == ENV_REQUEST || env->type == ENV_SEND;
	return !asks || to->sent + bytes - to->taken <= ROUTER_WINDOW_BYTES;
}

static int hand_over(struct router *r, struct session *to, const struct envelope *env,
		     struct bytes *frame)
{
	size_t bytes = bytes_span(frame).len;
	if (!to)
		return ERR_UNREACHABLE;
	if (!has_credit(to, env, bytes)) {
		r->stats.refused_credit++;
		return ERR_OVERLOADED;
	}
	int rc = r->ops.send(r->ops.arg, to->peer, frame);
	if (rc == 0)
		to->sent += bytes;
	return rc;
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
		{"refused_credit", s->refused_credit},
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

static void route(struct router *r, struct session *from, const struct envelope *env,
		  struct bytes *frame)
{
	int rc = hand_over(r, omap_get(&r->names, env->to), env, frame);
	if (rc == 0) {
		r->stats.routed++;
		return;
	}
	*(rc == ERR_OVERLOADED ? &r->stats.refused_full : &r->stats.refused_gone) += 1;
	if (r->ops.dead)
		r->ops.dead(r->ops.arg, env, rc);
	if (env->type == ENV_REQUEST)
		say_failed(r, from->peer, env, rc);
	else if (env->type == ENV_SEND)
		say_returned(r, from->peer, rc, frame);
}

static void on_bus_frame(struct router *r, struct bytes *frame)
{
	struct span topic, rest;
	if (env_split_topic(bytes_span(frame), &topic, &rest)) {
		r->stats.malformed++;
		return;
	}
	r->stats.published++;
	r->ops.publish(r->ops.arg, frame);
}

void router_on_frame(struct router *r, uint64_t peer, struct bytes *frame, bool trusted,
		     uint64_t now_us)
{
	struct span raw = bytes_span(frame);
	struct session *s = session_of(r, peer);
	if (raw.len && raw.data[0] < 0x80) {
		if (s)
			on_bus_frame(r, frame);
		else
			r->stats.strangers++;
		return;
	}
	struct envelope env;
	struct err e = {0};
	int rc = trusted ? env_decode_trusted(raw, &env, &e) : env_decode(raw, &env, &e);
	if (rc || env.cluster != r->cluster) {
		if (!r->stats.malformed++)
			log_warn("broker", "a frame was dropped: %s",
				 rc ? e.text : "it belongs to another cluster");
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
	if (env.epoch != s->epoch) {
		r->stats.stale++;
		return; /* sent before our welcome reached it */
	}
	s->heard_us = now_us;
	if (env.from.len && omap_get(&r->names, env.from) != s) {
		r->stats.forged++;
		return;
	}
	if (env.type == ENV_SYSTEM)
		on_system(r, s, &env);
	else if (env.type == ENV_REQUEST && span_is(env.to, "broker"))
		on_request(r, s, &env, now_us);
	else
		route(r, s, &env, frame);
}

void router_refuse(struct router *r, uint64_t peer, struct bytes *frame, int code)
{
	struct envelope env;
	if (session_of(r, peer) && env_decode(bytes_span(frame), &env, NULL) == 0 &&
	    env.type == ENV_REQUEST)
		say_failed(r, peer, &env, code);
}

void router_on_subscribe(struct router *r, struct span topic)
{
	struct session *store = omap_get(&r->names, span_of("store"));
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

void router_tick(struct router *r, uint64_t now_us)
{
	if (!r->born_us)
		r->born_us = now_us;
	settle(r, now_us);
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
