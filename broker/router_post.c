/* What leaves the broker: frames of others on their way, and its own words.
 *
 *   routed ──► refused: no credit ──► answered, or returned to its sender
 *          ├─► large, or a session that takes no batches ──► the socket
 *          └─► the session's batch ──(full, or router_flush)──► the socket
 *
 * A session's frames keep their order: what does not go into its batch goes
 * after it. A batch that the socket refuses is taken apart again, and each
 * frame of it refused like one that was alone. */
#include <stdio.h>

#include "broker/messages.h"
#include "broker/router_private.h"

enum { RETURN_BYTES = 256 }; /* around a message that is returned */

/* ---- what nobody got */

/* A message that waits for no answer goes back to the cell that sent it, which
 * keeps its dead letters; what is too large to be wrapped is only counted. */
static void say_returned(struct router *r, uint64_t peer, int code, struct span letter)
{
	struct buf body = {0};
	if (letter.len > ENV_FRAME_BYTES_MAX - RETURN_BYTES)
		return;
	mpw_map(&body, 2);
	mpw_kv_str(&body, "code", err_name(code));
	mpw_str(&body, "letter");
	mpw_bin(&body, letter);
	say_system(r, peer, MSG_LETTER_RETURNED, &body);
}

static void refuse(struct router *r, const struct envelope *env, struct span raw, int code)
{
	const struct session *from = omap_get(&r->names, env->from);
	*(code == ERR_OVERLOADED ? &r->stats.refused_full : &r->stats.refused_gone) += 1;
	if (r->ops.dead)
		r->ops.dead(r->ops.arg, env, code);
	if (from && env->type == ENV_REQUEST)
		say_failed(r, from->peer, env, code);
	else if (from && env->type == ENV_SEND)
		say_returned(r, from->peer, code, raw);
}

/* Of the credit: see has_credit here and link_took at the cell. */
static bool is_counted(const struct envelope *env)
{
	return env->type != ENV_SYSTEM;
}

static void refuse_part(struct router *r, struct session *s, struct span raw, int code)
{
	struct envelope env;
	if (env_decode_trusted(raw, &env, NULL) || !is_counted(&env))
		return;
	s->sent -= raw.len;
	r->stats.routed--;
	refuse(r, &env, raw, code);
}

static void refuse_batch(struct router *r, struct session *s, struct span frame, int code)
{
	struct batch_reader in;
	if (!batch_is(frame))
		refuse_part(r, s, frame, code);
	else if (batch_open(&in, frame, NULL) == 0)
		for (struct span raw; batch_next(&in, &raw);)
			refuse_part(r, s, raw, code);
}

/* ---- to a session */

void session_flush(struct router *r, struct session *s)
{
	struct bytes *frame = batch_take(&s->batch);
	if (!frame)
		return;
	int rc = r->ops.send(r->ops.arg, s->peer, frame);
	if (rc)
		refuse_batch(r, s, bytes_span(frame), rc);
	bytes_unref(frame);
}

void router_flush(struct router *r)
{
	r->gathered = 0;
	for (struct session *s; (s = r->waiting);) {
		r->waiting = s->next_waiting;
		s->waiting = false;
		session_flush(r, s);
	}
}

static void gather(struct router *r, struct session *s, struct span raw)
{
	if (!batch_has_room(&s->batch, raw.len))
		session_flush(r, s);
	batch_add(&s->batch, raw);
	r->gathered++;
	if (s->waiting)
		return;
	s->waiting = true;
	s->next_waiting = r->waiting;
	r->waiting = s;
}

static int send_alone(struct router *r, struct session *s, const struct piece *p)
{
	session_flush(r, s);
	struct bytes *frame = bytes_part(p->frame, p->raw);
	int rc = r->ops.send(r->ops.arg, s->peer, frame);
	bytes_unref(frame);
	return rc;
}

static int put(struct router *r, struct session *s, const struct envelope *env,
	       const struct piece *p)
{
	if (batch_takes(&s->batch, p->raw.len)) {
		gather(r, s, p->raw);
	} else {
		int rc = send_alone(r, s, p);
		if (rc)
			return rc;
	}
	if (is_counted(env)) {
		s->sent += p->raw.len;
		r->stats.routed++;
	}
	return 0;
}

static bool has_credit(const struct session *to, const struct envelope *env, size_t bytes)
{
	bool asks = env->type == ENV_REQUEST || env->type == ENV_SEND;
	return !asks || to->sent + bytes - to->taken <= ROUTER_WINDOW_BYTES;
}

void route(struct router *r, const struct envelope *env, const struct piece *p)
{
	struct session *to = omap_get(&r->names, env->to);
	int rc = ERR_UNREACHABLE;
	if (to && !has_credit(to, env, p->raw.len)) {
		r->stats.refused_credit++;
		rc = ERR_OVERLOADED;
	} else if (to) {
		rc = put(r, to, env, p);
	}
	if (rc)
		refuse(r, env, p->raw, rc);
}

/* ---- the broker's own words */

void say(struct router *r, uint64_t peer, struct envelope *env, struct buf *body)
{
	env->cluster = r->cluster;
	env->sequence = ++r->sequence;
	env->hops = ENV_HOPS;
	env->body = span_buf(body);
	struct buf out = {0};
	env_encode(&out, env);
	struct bytes *frame = bytes_take(&out);
	struct piece p = {bytes_span(frame), frame};
	struct session *s = omap_get_u64(&r->peers, peer);
	if (s)
		(void)put(r, s, env, &p);
	else
		(void)r->ops.send(r->ops.arg, peer, frame);
	bytes_unref(frame);
	buf_fini(body);
}

void say_system(struct router *r, uint64_t peer, uint16_t kind, struct buf *body)
{
	struct envelope env = {.type = ENV_SYSTEM, .from = span_of("broker"), .kind = kind};
	say(r, peer, &env, body);
}

void say_bye(struct router *r, uint64_t peer, const char *reason)
{
	struct buf body = {0};
	mpw_map(&body, 1);
	mpw_kv_str(&body, "reason", reason);
	say_system(r, peer, MSG_SESSION_BYE, &body);
}

void say_failed(struct router *r, uint64_t peer, const struct envelope *req, int code)
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
