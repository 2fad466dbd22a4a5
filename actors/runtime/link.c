/* The link: this cell's session with the broker.
 *
 *   DOWN ──start──► HELLO ──welcome──► UP
 *     ▲               ▲ └─ no answer: again, after 200 ms and a jitter
 *     └───────────────┴─── bye, or 5 s without a word: hello again, and after
 *                          silence over a new connection
 *
 * What actors send while it is not up waits in the outbox (outbox.c), in order.
 * When a session ends, requests of ours that were on their way fail with
 * ERR_UNREACHABLE; transactions are asked again (post.c). */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"

enum {
	HELLO_AGAIN_US = 200000,
	HELLO_MAX_US = 5000000,
	SHORT_US = 500000, /* a session under it was a short one: no ping of its ended it */
	PING_US = 1000000,
	QUIET_PING_US = 2000000, /* hardly a word since the last, which was answered */
	QUIET_WORDS = 2,         /* the heads are compared, by us or by others */
	SILENCE_US = 5000000,
	WATCH_PINGS = 5, /* so often monitors are said again: a word may be lost */
};

static int send_system(struct cell *c, uint16_t kind, const char *from, struct buf *body)
{
	struct envelope env = {
		.type = ENV_SYSTEM,
		.to = span_of("broker"),
		.from = span_of(from),
		.incarnation = c->incarnation,
		.sequence = ++c->sequence,
		.kind = kind,
		.body = span_buf(body),
	};
	int rc = outbox_put(c, &env);
	buf_fini(body);
	return rc;
}

static void say_hello(struct cell *c, uint64_t now_us)
{
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "cell", c->name);
	mpw_kv_u64(&b, "incarnation", c->incarnation);
	mpw_str(&b, "version");
	mpw_array(&b, 2);
	mpw_u64(&b, 1);
	mpw_u64(&b, 1);
	mpw_kv_u64(&b, "batch", BATCH_BYTES_MAX);
	mpw_str(&b, "names");
	mpw_array(&b, c->actors.count + 1);
	mpw_str(&b, c->self);
	for (struct onode *n = omap_first(&c->actors); n; n = omap_next(n))
		mpw_span(&b, onode_key(n));
	c->link = LINK_HELLO;
	c->epoch = 0;
	send_system(c, MSG_SESSION_HELLO, "", &b);
	uint64_t jitter = c->ops.random(c->ops.arg) % HELLO_AGAIN_US;
	c->hello_at_us = now_us + HELLO_AGAIN_US + jitter;
}

/* The broker may have so much more on its way to us. */
static void tell_credit(struct cell *c)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "taken", c->taken);
	if (send_system(c, MSG_SESSION_CREDIT, "", &b) == 0)
		c->taken_told = c->taken;
}

void link_took(struct cell *c, size_t bytes)
{
	c->taken += bytes;
	if (c->link == LINK_UP && c->taken - c->taken_told >= c->window / 4)
		tell_credit(c);
}

/* What the broker had sent before its pong has come, or never will. */
static void on_pong(struct cell *c, const struct envelope *env)
{
	struct mp v;
	uint64_t sent;
	c->notices_followed = mp_path_int(mp_of(env->body), "notices", 0) > 0;
	if (!mp_find(mp_of(env->body), "sent", &v) || mp_u64(&v, &sent) || sent == c->taken)
		return; /* as the next ping says */
	c->taken = sent;
	tell_credit(c);
}

void link_start(struct cell *c)
{
	c->link = LINK_DOWN;
	c->hello_at_us = 0;
}

/* At once after a session that lasted. After short ones ever later: two cells
 * that end each other's sessions must not do so as fast as they can. */
static uint64_t hello_after(struct cell *c)
{
	uint64_t now = c->ops.now_us(c->ops.arg), wait = HELLO_AGAIN_US;
	if (now >= c->up_us + SHORT_US) {
		c->short_sessions = 0;
		return 0;
	}
	if (c->short_sessions++ == 0)
		return 0;
	for (unsigned i = 1; i < c->short_sessions && wait < HELLO_MAX_US; i++)
		wait *= 2;
	wait = wait < HELLO_MAX_US ? wait : HELLO_MAX_US;
	return now + wait / 2 + c->ops.random(c->ops.arg) % wait;
}

static void lost(struct cell *c, const char *why)
{
	if (c->link == LINK_UP) {
		log_debug(c->name, "session ended: %s", why);
		c->link = LINK_DOWN;
		c->hello_at_us = hello_after(c);
		c->checking = false;
		outbox_lost(c);
		pendings_link_lost(c);
	}
}

static void tell_actors(struct cell *c)
{
	for (struct onode *n = omap_first(&c->actors); n; n = omap_next(n)) {
		struct actor *a = n->value;
		if (!a->session_tag)
			continue;
		struct item *i = item_new(ITEM_TIMER, (struct span){0});
		i->tag = a->session_tag;
		actor_queue(c, a, i);
	}
}

static void on_welcome(struct cell *c, const struct envelope *env)
{
	struct mp body = mp_of(env->body), v;
	if (c->link == LINK_UP || !mp_find(body, "epoch", &v) || mp_u64(&v, &c->epoch))
		return;
	c->link = LINK_UP;
	c->up_us = c->clock_us;
	c->taken = c->taken_told = 0;
	c->window = UINT64_MAX;
	if (mp_find(body, "window", &v))
		mp_u64(&v, &c->window);
	outbox_welcome(c, mp_path_int(body, "batch", 0));
	c->heard_us = c->ops.now_us(c->ops.arg);
	c->ping_at_us = c->heard_us + PING_US;
	c->pinged_us = 0;
	log_debug(c->name, "session is up");
	outbox_flush(c);
	monitors_watch(c);
	tell_actors(c);
	notices_flush(c);
	views_link_up(c);
}

static void on_down(struct cell *c, const struct envelope *env)
{
	struct mp body = mp_of(env->body);
	struct span reason = mp_path_str(body, "reason");
	char word[64] = {0};
	memcpy(word, reason.data, reason.len < 63 ? reason.len : 63);
	monitors_fire(c, mp_path_str(body, "name"), err_by_name(word));
}

void link_on_system(struct cell *c, const struct envelope *env)
{
	switch (env->kind) {
	case MSG_SESSION_WELCOME:
		on_welcome(c, env);
		break;
	case MSG_SESSION_BYE:
		lost(c, "the broker said bye");
		break;
	case MSG_NAME_DOWN:
		on_down(c, env);
		break;
	case MSG_LETTER_RETURNED:
		letter_returned(c, mp_of(env->body));
		break;
	case MSG_SESSION_PONG:
		if (c->link == LINK_UP)
			on_pong(c, env);
		break;
	default:
		break;
	}
}

/* What pings repair was lost behind something that was said. */
static bool is_quiet(const struct cell *c)
{
	return c->pinged_us && c->heard_us >= c->pinged_us &&
	       c->sequence <= c->pinged_sequence + QUIET_WORDS;
}

static void ping(struct cell *c, uint64_t now_us)
{
	struct buf b = {0};
	bool quiet = is_quiet(c);
	mpw_map(&b, 3);
	mpw_kv_u64(&b, "sent_us", now_us);
	mpw_kv_u64(&b, "names", c->actors.count + 1); /* as say_hello counts */
	mpw_kv_u64(&b, "taken", c->taken);
	if (send_system(c, MSG_SESSION_PING, "", &b) == 0)
		c->taken_told = c->taken;
	c->ping_at_us = now_us + (quiet ? QUIET_PING_US : PING_US);
	if (++c->pings % WATCH_PINGS == 0)
		monitors_watch(c);
	c->pinged_us = now_us;
	c->pinged_sequence = c->sequence;
}

void link_tick(struct cell *c, uint64_t now_us)
{
	if (c->stopping)
		return;
	if (c->link != LINK_UP) {
		if (now_us >= c->hello_at_us) {
			if (c->hello_at_us && now_us > c->heard_us + SILENCE_US) {
				c->heard_us = now_us;
				c->ops.reconnect(c->ops.arg);
				views_link_up(c);
			}
			say_hello(c, now_us);
		}
		return;
	}
	if (now_us > c->heard_us + SILENCE_US) {
		lost(c, "the broker is silent");
		c->heard_us = now_us;
		c->ops.reconnect(c->ops.arg);
		return;
	}
	if (now_us >= c->ping_at_us)
		ping(c, now_us);
}

uint64_t link_deadline(const struct cell *c)
{
	if (c->stopping)
		return UINT64_MAX;
	if (c->link == LINK_UP && outbox_waits(c))
		return c->ops.now_us(c->ops.arg) + 1000; /* the socket was full */
	return c->link == LINK_UP ? c->ping_at_us : c->hello_at_us;
}

static void say_name(struct cell *c, uint16_t kind, const char *from, const char *name)
{
	if (c->link != LINK_UP || c->stopping)
		return; /* the next hello names everybody, and the next welcome all monitors */
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "name", name);
	send_system(c, kind, from, &b);
}

void link_register(struct cell *c, const char *name, bool on)
{
	say_name(c, on ? MSG_NAME_REGISTER : MSG_NAME_RELEASE, "", name);
}

void link_crashed(struct cell *c, const char *name)
{
	say_name(c, MSG_NAME_CRASHED, "", name);
}

void link_watch(struct cell *c, const char *watcher, const char *name)
{
	say_name(c, MSG_NAME_WATCH, watcher, name);
}
