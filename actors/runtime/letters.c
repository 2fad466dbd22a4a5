/* What becomes of messages that nobody takes, and what the cell answers about
 * them: cell.letters, cell.letter-retry, cell.letter-drop (`troupe dlq`). */
#include <stdio.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"

enum { PAGE_LETTERS = 100, PAGE_BYTES = 1 << 20 };

/* ---- in */

void letter_add(struct cell *c, enum dead_reason reason, const struct envelope *env,
		struct bytes *body)
{
	char from[ENV_NAME_BYTES_MAX + 1], to[ENV_NAME_BYTES_MAX + 1];
	snprintf(from, sizeof from, "%.*s", (int)env->from.len, (const char *)env->from.data);
	snprintf(to, sizeof to, "%.*s", (int)env->to.len, (const char *)env->to.data);
	struct dead_letter l = {
		.wall_us = c->ops.wall_us(c->ops.arg),
		.reason = reason,
		.type = env->type,
		.from = from,
		.to = to,
		.kind = env->kind,
		.id = msg_id_of(env),
		.correlation = env->correlation,
		.attempt = env->attempt,
		.trace = env->trace,
	};
	struct bytes *part = bytes_slice(body, env->body);
	l.body = part;
	dead_letters_add(c->letters, &l);
	bytes_unref(part);
	log_line(reason == DEAD_POISON ? LOG_WARN : LOG_DEBUG, c->name,
		 "dead letter from %s to %s: %s", from, to, dead_reason_name(reason));
}

/* Who sent a command is told. */
static bool refuse_command(struct cell *c, const struct item *i, enum dead_reason reason)
{
	static const int codes[DEAD_REASONS] = {[DEAD_POISON] = ERR_POISON,
						[DEAD_CRASHED] = ERR_CRASHED,
						[DEAD_CLOSED] = ERR_CLOSED};
	if (i->command)
		command_done(c, i, codes[reason] ? codes[reason] : ERR_UNKNOWN);
	return i->command && reason != DEAD_POISON;
}

void letter_of_item(struct cell *c, const struct actor *a, const struct item *i,
		    enum dead_reason reason)
{
	if (refuse_command(c, i, reason))
		return;
	struct envelope env = {
		.type = i->request ? ENV_REQUEST : ENV_SEND,
		.from = span_of(i->from),
		.to = span_of(a->name),
		.kind = i->row->number,
		.incarnation = i->id.incarnation,
		.sequence = i->id.number,
		.correlation = i->correlation,
		.attempt = (uint8_t)i->attempt,
		.trace = i->trace,
		.body = i->body,
	};
	struct tap_record seen = {
		.event = RING_DEAD,
		.type = env.type,
		.kind = env.kind,
		.from = env.from,
		.to = env.to,
		.trace = env.trace,
		.body = env.body,
		.id = env.sequence,
		.correlation = env.correlation,
		.error = reason == DEAD_POISON ? ERR_POISON : ERR_CLOSED,
	};
	c->dead++;
	cell_tap(c, &seen);
	letter_add(c, reason, &env, i->owner);
}

/* The broker found nobody, or no room: our message comes back to us. */
void letter_returned(struct cell *c, struct mp body)
{
	struct mp v;
	struct span frame, code = mp_path_str(body, "code");
	struct envelope env;
	if (!mp_find(body, "letter", &v) || mp_bin(&v, &frame) || env_decode(frame, &env, NULL))
		return;
	if (env.flags & ENV_COMMAND || env.kind == MSG_COMMAND_ACK)
		return; /* it comes again */
	struct bytes *owner = bytes_copy(frame.data, frame.len);
	if (env_decode(bytes_span(owner), &env, NULL) == 0)
		letter_add(c, span_is(code, err_name(ERR_OVERLOADED)) ? DEAD_FULL : DEAD_NO_RECEIVER,
			   &env, owner);
	bytes_unref(owner);
}

/* ---- questions */

static void reply(struct cell *c, const struct envelope *request, struct buf *b)
{
	struct bytes *body = bytes_take(b);
	struct envelope env = {
		.type = ENV_REPLY,
		.from = request->to,
		.to = request->from,
		.kind = (uint16_t)(request->kind + 1),
		.correlation = request->correlation,
		.trace = request->trace,
		.body = bytes_span(body),
	};
	post_envelope(c, &env, body);
	bytes_unref(body);
}

/* What is secret of a body is kept, for a retry, but not shown. */
static struct buf shown_body(const struct msg_row *row, struct span body)
{
	struct buf b = {0};
	if (row)
		catalogue_redact(&b, row, mp_of(body));
	else
		mpw_nil(&b);
	return b;
}

static void put_letter(struct cell *c, struct buf *b, const struct dead_letter *l)
{
	const struct msg_row *row = catalogue_numbered(c->rows, l->kind);
	struct span body = bytes_span(l->body);
	struct buf shown = shown_body(row, body);
	mpw_map(b, 10);
	mpw_kv_u64(b, "number", l->number);
	mpw_kv_i64(b, "wall_us", l->wall_us);
	mpw_kv_str(b, "reason", dead_reason_name(l->reason));
	mpw_kv_str(b, "from", l->from);
	mpw_kv_str(b, "to", l->to);
	mpw_kv_str(b, "kind", row ? row->name : "?");
	mpw_kv_bool(b, "request", l->type == ENV_REQUEST);
	mpw_kv_u64(b, "attempt", l->attempt);
	mpw_kv_bool(b, "secret", !span_eq(span_buf(&shown), body));
	mpw_str(b, "body");
	mpw_raw(b, span_buf(&shown));
	buf_fini(&shown);
}

static void put_reasons(struct buf *b, const struct dead_letters *d)
{
	mpw_str(b, "reasons");
	mpw_map(b, DEAD_REASONS);
	for (int r = 0; r < DEAD_REASONS; r++)
		mpw_kv_u64(b, dead_reason_name(r), d->by_reason[r]);
}

static void on_letters(struct cell *c, const struct envelope *env)
{
	struct buf b = {0};
	uint64_t after = (uint64_t)mp_path_int(mp_of(env->body), "after", 0);
	const struct dead_letter *l = c->letters->first;
	while (l && l->number <= after)
		l = l->next;
	mpw_map(&b, 4);
	mpw_kv_u64(&b, "total", c->letters->total);
	put_reasons(&b, c->letters);
	mpw_str(&b, "letters");
	size_t at = mpw_array_open(&b), n = 0;
	for (; l && n < PAGE_LETTERS && b.len < PAGE_BYTES; l = l->next, n++)
		put_letter(c, &b, l);
	mpw_array_close(&b, at, n);
	mpw_kv_bool(&b, "more", l != NULL);
	reply(c, env, &b);
}

static void on_retry(struct cell *c, const struct envelope *env)
{
	struct buf b = {0};
	uint64_t number = (uint64_t)mp_path_int(mp_of(env->body), "number", 0);
	struct dead_letter *l = dead_letters_take(c->letters, number);
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "count", l ? 1 : 0);
	reply(c, env, &b);
	if (!l)
		return;
	struct envelope again = {
		.type = l->type,
		.from = span_of(l->from),
		.to = span_of(l->to),
		.kind = l->kind,
		.incarnation = l->id.incarnation,
		.sequence = l->id.number,
		.correlation = l->correlation,
		.trace = l->trace,
		.body = bytes_span(l->body),
	};
	turn_record_forgive(c->record, l->to, l->id);
	/* The broker takes nothing in a name that does not live here. */
	if (lives_here(c, l->to) || lives_here(c, l->from))
		post_envelope(c, &again, l->body);
	else
		letter_add(c, DEAD_NO_RECEIVER, &again, l->body);
	dead_letter_free(l);
}

static void on_drop(struct cell *c, const struct envelope *env)
{
	struct buf b = {0};
	uint64_t number = (uint64_t)mp_path_int(mp_of(env->body), "number", 0);
	size_t count = c->letters->count;
	if (number)
		dead_letter_free(dead_letters_take(c->letters, number));
	else
		dead_letters_fini(c->letters);
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "count", count - c->letters->count);
	reply(c, env, &b);
}

bool letters_on_request(struct cell *c, const struct envelope *env)
{
	static const struct {
		uint16_t kind;
		void (*on)(struct cell *c, const struct envelope *env);
	} rows[] = {
		{MSG_CELL_LETTERS, on_letters},
		{MSG_CELL_LETTER_RETRY, on_retry},
		{MSG_CELL_LETTER_DROP, on_drop},
	};
	if (env->type != ENV_REQUEST || !span_is(env->to, c->self))
		return false;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].kind == env->kind) {
			rows[i].on(c, env);
			return true;
		}
	}
	return false;
}
