/* Reliable commands: sent until they are acknowledged, handled in order per
 * pair and once.
 *
 * The sender's cell has a *channel* per (sender's incarnation, receiver): a
 * queue of numbered commands of which the first COMMAND_WINDOW are on their
 * way. The receiver's cell has an *inbox* per channel that it heard of: what
 * came early is held until its turn, what came twice is not queued again.
 *
 *   sender                                         receiver
 *   command n, n+1, n+2 ────────────────────────►  n, n+2 arrive
 *                        ◄──── command.ack ──────  n's turn is over: up to n;
 *   n+1 again, after 200 ms ... 5 s, jittered ──►  n+2 is there (mask)
 *
 * An acknowledgement says up to which number all were handled, which others
 * have arrived, and which were refused (poison, malformed, receiver stopped).
 * It goes out when a turn is over and whenever a command comes twice, so a slow
 * handler is not taken for a dead one. Who hears nothing for COMMAND_GIVE_UP_US
 * gives the receiver's cell up and tells the sender.
 *
 * A broker that is started again changes nothing of this: neither side keeps
 * anything there. A receiver's cell that is started again knows no inbox; the
 * oldest command of a channel says that it is that one (ENV_OLDEST), and the
 * inbox begins there. What it had handled without having been heard then comes
 * again: once per life of the receiver's cell, no more is promised.
 * Source of the idea: Akka's reliable delivery; TCP's selective
 * acknowledgement (RFC 2018). */
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"

enum {
	RETRY_FIRST_US = 200000,
	RETRY_MAX_US = 5000000,
	INBOX_IDLE_US = 600000000, /* then it is forgotten; longer than any sender waits */
	INBOXES_MAX = 100000,
	REFUSED_KEPT = 8, /* refusals that an acknowledgement repeats */
};

/* ---- the sender's side */

struct command {
	struct command *next;
	uint64_t number, tag;
	uint16_t kind;
	struct trace trace;
	struct bytes *body;
	bool sent, arrived;
};

struct channel {
	uint64_t id, uid; /* of the sender's incarnation */
	char *from, *to;
	uint64_t next_number;
	struct command *first, *last;
	size_t count;
	uint64_t retry_us, retry_at_us, heard_us;
};

static void command_free(struct command *m)
{
	bytes_unref(m->body);
	free(m);
}

static void channel_free(void *p)
{
	struct channel *ch = p;
	for (struct command *m; (m = ch->first);) {
		ch->first = m->next;
		command_free(m);
	}
	free(ch->from);
	free(ch->to);
	free(ch);
}

/* A channel is found by its number, and by whose it is and where it goes. */
struct pair_key {
	uint8_t b[8 + ENV_NAME_BYTES_MAX];
	size_t len;
};

static struct pair_key pair_key(uint64_t uid, struct span to)
{
	struct pair_key k = {.len = 8};
	struct key8 a = key8_of(uid);
	memcpy(k.b, a.b, 8);
	for (; k.len < sizeof k.b && k.len - 8 < to.len; k.len++)
		k.b[k.len] = to.data[k.len - 8];
	return k;
}

#define SPAN_PAIR(k) ((struct span){(k).b, (k).len})

static void channel_end(struct cell *c, struct channel *ch)
{
	struct pair_key pair = pair_key(ch->uid, span_of(ch->to));
	struct key8 k = key8_of(ch->id);
	omap_remove(&c->channel_pairs, SPAN_PAIR(pair));
	omap_remove(&c->channels, SPAN8(k));
	channel_free(ch);
}

static struct channel *channel_to(struct cell *c, struct actor *a, const char *to)
{
	struct pair_key pair = pair_key(a->uid, span_of(to));
	struct channel *ch = omap_get(&c->channel_pairs, SPAN_PAIR(pair));
	if (ch)
		return ch;
	ch = mem_alloc(sizeof *ch);
	ch->id = ++c->next_id;
	ch->uid = a->uid;
	ch->from = mem_dup(a->name);
	ch->to = mem_dup(to);
	struct key8 k = key8_of(ch->id);
	omap_put(&c->channels, SPAN8(k), ch);
	omap_put(&c->channel_pairs, SPAN_PAIR(pair), ch);
	return ch;
}

/* Exactly one for each command. */
static void tell(struct cell *c, const struct channel *ch, const struct command *m, int status)
{
	struct actor *a = actor_by_uid(c, ch->uid);
	if (!a)
		return;
	struct item *i = item_new(ITEM_REPLY, span_of(ch->to));
	i->tag = m->tag;
	i->status = status;
	i->trace = m->trace;
	i->owner = status ? bytes_copy(err_text(status), strlen(err_text(status)))
			  : bytes_copy("\x80", 1); /* the empty map */
	i->body = bytes_span(i->owner);
	actor_queue(c, a, i);
}

static void transmit(struct cell *c, const struct channel *ch, struct command *m)
{
	m->sent = true;
	struct envelope env = {
		.type = ENV_SEND,
		.flags = ENV_COMMAND | (m == ch->first ? ENV_OLDEST : 0),
		.from = span_of(ch->from),
		.to = span_of(ch->to),
		.incarnation = c->incarnation,
		.sequence = ch->id,
		.correlation = m->number,
		.kind = m->kind,
		.trace = m->trace,
		.body = bytes_span(m->body),
	};
	post_envelope(c, &env, m->body);
}

static void plan_retry(struct cell *c, struct channel *ch, uint64_t now_us)
{
	uint64_t fifth = ch->retry_us / 5;
	ch->retry_at_us = now_us + ch->retry_us - fifth +
			  c->ops.random(c->ops.arg) % (2 * fifth + 1);
	if (ch->retry_at_us < c->command_at_us)
		c->command_at_us = ch->retry_at_us;
}

/* The first one in the window, after that number, that is to be sent. */
static struct command *to_send(const struct channel *ch, uint64_t after, bool again)
{
	size_t place = 0;
	for (struct command *m = ch->first; m && place < COMMAND_WINDOW; m = m->next, place++)
		if (m->number > after && (!m->sent || (again && !m->arrived)))
			return m;
	return NULL;
}

/* What is in the window and new; with `again` what was sent and is not known
 * to have arrived, too. Within one cell a command may be refused, and gone with
 * those behind it, before transmit returns: look anew each time. */
static void send_window(struct cell *c, struct channel *ch, bool again)
{
	struct command *m;
	for (uint64_t after = 0; (m = to_send(ch, after, again));) {
		after = m->number;
		transmit(c, ch, m);
	}
}

void command_begin(struct cell *c, struct actor *a, const char *to, uint16_t kind, uint64_t tag,
		  const struct trace *trace, struct bytes *body)
{
	uint64_t now = c->ops.now_us(c->ops.arg);
	struct channel *ch = channel_to(c, a, to);
	struct command *m = mem_alloc(sizeof *m);
	m->number = ++ch->next_number;
	m->tag = tag;
	m->kind = kind;
	m->trace = *trace;
	m->body = bytes_ref(body);
	if (ch->count >= COMMAND_QUEUE_MAX) {
		ch->next_number--;
		tell(c, ch, m, ERR_OVERLOADED);
		command_free(m);
		return;
	}
	if (!ch->count++) {
		ch->heard_us = now;
		ch->retry_us = RETRY_FIRST_US;
		plan_retry(c, ch, now);
		ch->first = m;
	} else {
		ch->last->next = m;
	}
	ch->last = m;
	send_window(c, ch, false);
}

static void settle_first(struct cell *c, struct channel *ch, int status)
{
	struct command *m = ch->first;
	ch->first = m->next;
	if (!ch->first)
		ch->last = NULL;
	ch->count--;
	tell(c, ch, m, status);
	command_free(m);
}

/* refused: [[number, code], ...] */
static int status_of(struct mp body, uint64_t number)
{
	struct mp list;
	size_t n = 0, places;
	if (!mp_find(body, "refused", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--) {
		uint64_t which = 0;
		struct span code = {0};
		if (mp_array(&list, &places) || places != 2 || mp_u64(&list, &which) ||
		    mp_str(&list, &code))
			return 0;
		char name[32];
		snprintf(name, sizeof name, "%.*s", (int)code.len, (const char *)code.data);
		if (which == number)
			return err_by_name(name);
	}
	return 0;
}

static uint64_t number_in(struct mp body, const char *key)
{
	struct mp v;
	uint64_t n = 0;
	return mp_find(body, key, &v) && mp_u64(&v, &n) == 0 ? n : 0;
}

void command_acknowledged(struct cell *c, struct mp body)
{
	struct key8 k = key8_of(number_in(body, "channel"));
	struct channel *ch = omap_get(&c->channels, SPAN8(k));
	if (!ch || number_in(body, "incarnation") != c->incarnation)
		return; /* a former life's, or given up */
	uint64_t upto = number_in(body, "upto"), mask = number_in(body, "mask");
	uint64_t now = c->ops.now_us(c->ops.arg);
	bool moved = ch->first && ch->first->number <= upto;
	while (ch->first && ch->first->number <= upto)
		settle_first(c, ch, status_of(body, ch->first->number));
	for (struct command *m = ch->first; m && m->number <= upto + COMMAND_WINDOW; m = m->next)
		m->arrived = mask >> (m->number - upto - 1) & 1;
	ch->heard_us = now;
	if (moved) {
		ch->retry_us = RETRY_FIRST_US;
		plan_retry(c, ch, now);
	}
	send_window(c, ch, false);
}

static void give_up(struct cell *c, struct channel *ch)
{
	log_warn(c->name, "%s gives %s up: no word of %zu commands for %d s", ch->from, ch->to,
		 ch->count, COMMAND_GIVE_UP_US / 1000000);
	while (ch->first)
		settle_first(c, ch, ERR_UNREACHABLE);
	channel_end(c, ch); /* the next command begins another one */
}

static void channel_tick(struct cell *c, struct channel *ch, uint64_t now_us)
{
	if (!ch->count)
		return;
	if (now_us >= ch->heard_us + COMMAND_GIVE_UP_US) {
		give_up(c, ch);
		return;
	}
	if (now_us < ch->retry_at_us) {
		if (ch->retry_at_us < c->command_at_us)
			c->command_at_us = ch->retry_at_us;
		return;
	}
	/* The first one in any case: had the receiver's cell begun again, it would
	 * have nothing of what had arrived. It answers what it has. */
	ch->first->arrived = false;
	ch->retry_us = ch->retry_us * 2 < RETRY_MAX_US ? ch->retry_us * 2 : RETRY_MAX_US;
	plan_retry(c, ch, now_us);
	send_window(c, ch, true);
}

void commands_tick(struct cell *c, uint64_t now_us)
{
	if (now_us < c->command_at_us)
		return;
	c->command_at_us = UINT64_MAX;
	struct onode *n = omap_first(&c->channels);
	while (n) {
		struct onode *next = omap_next(n);
		channel_tick(c, n->value, now_us);
		n = next;
	}
}

void commands_of_actor_drop(struct cell *c, uint64_t uid)
{
	struct key8 from = key8_of(uid);
	for (struct onode *n; (n = omap_seek(&c->channel_pairs, SPAN8(from)));) {
		struct channel *ch = n->value;
		if (ch->uid != uid)
			return;
		channel_end(c, ch);
	}
}

/* ---- the receiver's side */

enum place_state { PLACE_EMPTY, PLACE_HELD, PLACE_QUEUED, PLACE_DONE };

/* Places are numbers modulo the window: those behind `upto`. */
struct inbox {
	uint64_t incarnation, channel;
	char *from, *to;
	uint64_t upto; /* all up to it were handled */
	uint8_t state[COMMAND_WINDOW];
	struct item *held[COMMAND_WINDOW];
	struct {
		uint64_t number;
		int code;
	} refused[REFUSED_KEPT];
	unsigned next_refused;
	uint64_t used_us;
};

struct inbox_key {
	uint8_t b[16];
};

static struct inbox_key inbox_key(uint64_t incarnation, uint64_t channel)
{
	struct inbox_key k;
	struct key8 a = key8_of(incarnation), b = key8_of(channel);
	memcpy(k.b, a.b, 8);
	memcpy(k.b + 8, b.b, 8);
	return k;
}

#define SPAN16(k) ((struct span){(k).b, 16})

static void inbox_free(void *p)
{
	struct inbox *in = p;
	for (size_t i = 0; i < COMMAND_WINDOW; i++)
		item_free(in->held[i]);
	free(in->from);
	free(in->to);
	free(in);
}

static void inboxes_forget(struct cell *c, uint64_t now_us)
{
	struct onode *n = omap_first(&c->inboxes);
	while (n) {
		struct onode *next = omap_next(n);
		struct inbox *in = n->value;
		if (now_us > in->used_us + INBOX_IDLE_US)
			inbox_free(omap_remove(&c->inboxes, onode_key(n)));
		n = next;
	}
}

static struct inbox *inbox_of(struct cell *c, const struct envelope *env, uint64_t now_us)
{
	struct inbox_key k = inbox_key(env->incarnation, env->sequence);
	struct inbox *in = omap_get(&c->inboxes, SPAN16(k));
	if (in || !(env->flags & ENV_OLDEST) || !env->correlation)
		return in;
	if (now_us > c->inboxes_swept_us + INBOX_IDLE_US) {
		c->inboxes_swept_us = now_us;
		inboxes_forget(c, now_us);
	}
	if (c->inboxes.count >= INBOXES_MAX)
		return NULL; /* not acknowledged: it comes again */
	in = mem_alloc(sizeof *in);
	in->incarnation = env->incarnation;
	in->channel = env->sequence;
	in->from = mem_ndup(env->from.data, env->from.len);
	in->to = mem_ndup(env->to.data, env->to.len);
	in->upto = env->correlation - 1;
	omap_put(&c->inboxes, SPAN16(k), in);
	return in;
}

static void acknowledge(struct cell *c, const struct inbox *in)
{
	struct buf b = {0};
	uint64_t mask = 0;
	size_t refused = 0;
	for (uint64_t i = 0; i < COMMAND_WINDOW; i++)
		if (in->state[(in->upto + 1 + i) % COMMAND_WINDOW] != PLACE_EMPTY)
			mask |= UINT64_C(1) << i;
	for (size_t i = 0; i < REFUSED_KEPT; i++)
		refused += in->refused[i].number != 0;
	mpw_map(&b, 5);
	mpw_kv_u64(&b, "incarnation", in->incarnation);
	mpw_kv_u64(&b, "channel", in->channel);
	mpw_kv_u64(&b, "upto", in->upto);
	mpw_kv_u64(&b, "mask", mask);
	mpw_str(&b, "refused");
	mpw_array(&b, refused);
	for (size_t i = 0; i < REFUSED_KEPT; i++) {
		if (!in->refused[i].number)
			continue;
		mpw_array(&b, 2);
		mpw_u64(&b, in->refused[i].number);
		mpw_str(&b, err_name(in->refused[i].code));
	}
	struct bytes *body = bytes_take(&b);
	struct trace none = {0};
	post(c, ENV_SEND, in->to, in->from, MSG_COMMAND_ACK, 0, 0, &none, body);
	bytes_unref(body);
}

static void done(struct inbox *in, uint64_t number, int code)
{
	in->state[number % COMMAND_WINDOW] = PLACE_DONE;
	if (code) {
		unsigned at = in->next_refused++ % REFUSED_KEPT;
		in->refused[at].number = number;
		in->refused[at].code = code;
	}
	while (in->state[(in->upto + 1) % COMMAND_WINDOW] == PLACE_DONE)
		in->state[++in->upto % COMMAND_WINDOW] = PLACE_EMPTY;
}

/* In order, as far as there is no gap. */
static void queue_held(struct cell *c, struct actor *a, struct inbox *in)
{
	for (uint64_t n = in->upto + 1; n <= in->upto + COMMAND_WINDOW; n++) {
		size_t at = n % COMMAND_WINDOW;
		if (in->state[at] == PLACE_EMPTY)
			return;
		if (in->state[at] != PLACE_HELD)
			continue;
		struct item *i = in->held[at];
		in->held[at] = NULL;
		in->state[at] = PLACE_QUEUED;
		if (actor_queue(c, a, i)) { /* it comes again, and those behind it too */
			in->state[at] = PLACE_EMPTY;
			return;
		}
	}
}

/* All before `number` were acknowledged, perhaps by a former life of this cell:
 * they will not come. */
static void skip_to(struct inbox *in, uint64_t number)
{
	for (size_t i = 0; i < COMMAND_WINDOW && in->upto + 1 < number; i++) {
		size_t at = ++in->upto % COMMAND_WINDOW;
		item_free(in->held[at]);
		in->held[at] = NULL;
		in->state[at] = PLACE_EMPTY;
	}
	if (in->upto + 1 < number)
		in->upto = number - 1;
}

void command_arrived(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	uint64_t now = c->ops.now_us(c->ops.arg), number = env->correlation;
	struct actor *a = actor_by_name(c, env->to);
	struct inbox *in = a ? inbox_of(c, env, now) : NULL;
	if (in && env->flags & ENV_OLDEST)
		skip_to(in, number);
	if (!in || number > in->upto + COMMAND_WINDOW)
		return;
	in->used_us = now;
	size_t at = number % COMMAND_WINDOW;
	if (number <= in->upto || in->state[at] != PLACE_EMPTY) {
		acknowledge(c, in);
		return;
	}
	struct item *i = NULL;
	int rc = item_of_message(c, a, env, owner, &i);
	if (rc) {
		if (rc == ERR_POISON)
			letter_add(c, DEAD_POISON, env, owner);
		done(in, number, rc);
		acknowledge(c, in);
		return;
	}
	i->command = true;
	i->correlation = number;
	in->held[at] = i;
	in->state[at] = PLACE_HELD;
	queue_held(c, a, in);
}

void command_done(struct cell *c, const struct item *i, int code)
{
	struct inbox_key k = inbox_key(i->id.incarnation, i->channel);
	struct inbox *in = omap_get(&c->inboxes, SPAN16(k));
	if (!in || i->correlation <= in->upto)
		return;
	done(in, i->correlation, code);
	acknowledge(c, in);
}

void commands_free(struct cell *c)
{
	omap_fini(&c->channel_pairs, NULL);
	omap_fini(&c->channels, channel_free);
	omap_fini(&c->inboxes, inbox_free);
}
