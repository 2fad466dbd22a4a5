/* The actor contract, turn by turn: a cell with a fake clock, no broker and no
 * store but a test actor of that name. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "tests/lib/lone_cell.h"

/* ---- what the tests say to each other */

enum { PLAIN = 200, ASK = 202, ANSWER = 203, BULK = 204, BULK_ANSWER = 205, ORDER = 206 };

static const struct msg_field text_field[] = {{"text", MP_STR, 64, true, "a word"},
					      {NULL, MP_NONE, 0, false, NULL}};
static const struct msg_field data_field[] = {{"data", MP_BIN, 0, true, "much of it"},
					      {NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{BULK, "test.bulk", CLASS_REQUEST, ROLE_CELL, data_field, "much"},
	{BULK_ANSWER, "test.bulked", CLASS_REPLY, ROLE_CELL, text_field, "its answer"},
	{PLAIN, "test.plain", CLASS_SEND, ROLE_CELL, text_field, "a word"},
	{ORDER, "test.order", CLASS_COMMAND, ROLE_CELL, text_field, "a word to be taken"},
	{ASK, "test.ask", CLASS_REQUEST, ROLE_CELL, text_field, "a question"},
	{ANSWER, "test.answer", CLASS_REPLY, ROLE_CELL, text_field, "its answer"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"tests", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

enum { MEGABYTE = 1024 * 1024, BULKS = 100 };

/* Everything that happened, one word each. */
static struct world {
	char log[4096];
	int inits, finis, overloaded, bulks;
	uint64_t parked;
	bool conflict;
	int unknown; /* so often the store does not say what became of a transaction */
} world;

static struct lone lone;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *fmt, ...)
{
	size_t n = strlen(world.log);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(world.log + n, sizeof world.log - n, fmt, ap);
	va_end(ap);
	strcat(world.log, " ");
}

static struct buf word(const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", text);
	return b;
}

static bool says(const struct msg *m, const char *text)
{
	return span_is(mp_path_str(m->body, "text"), text);
}

/* ---- the actor under test: does what a word asks of it */

struct subject {
	int words;
	bool broken;
};

static int init(struct ctx *c, void *st, struct mp cfg)
{
	(void)c, (void)st, (void)cfg;
	world.inits++;
	return 0;
}

static void txn(struct ctx *c, uint64_t tag)
{
	struct store_op op = {.verb = STORE_GET, .key = span_of("things/a")};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, tag);
}

static int on_plain(struct ctx *c, void *st, const struct msg *m)
{
	struct subject *s = st;
	struct buf a = word("one"), b = word("two"), nothing = {0};
	s->words++;
	note("plain%d", s->words);
	bool fails = says(m, "fail") || (says(m, "fail once") && m->attempt == 0);
	if (fails || says(m, "all")) {
		ctx_timer(c, 5, 1);
		ctx_send(c, "witness", "test.plain", &a, 0);
		txn(c, 1);
		ctx_send(c, "witness", "test.plain", &b, 0);
	} else if (says(m, "after")) {
		ctx_send(c, "witness", "test.plain", &a, SEND_AFTER_COMMIT);
		txn(c, 2);
	} else if (says(m, "order after")) {
		ctx_command(c, "witness", "test.order", &a, SEND_AFTER_COMMIT, 9);
		ctx_command(c, "witness", "test.order", &b, 0, 8);
		txn(c, 2);
	} else if (says(m, "after nothing")) {
		ctx_send(c, "witness", "test.plain", &a, SEND_AFTER_COMMIT);
	} else if (says(m, "twice")) {
		txn(c, 1);
		txn(c, 2);
	} else if (says(m, "unknown kind")) {
		ctx_send(c, "witness", "test.nothing", &nothing, 0);
	} else if (says(m, "wrong body")) {
		ctx_send(c, "witness", "test.plain", &nothing, 0);
	} else if (says(m, "break")) {
		s->broken = true;
	} else if (says(m, "timers")) {
		ctx_timer(c, 300, 3);
		ctx_timer(c, 100, 1);
		ctx_cancel(c, ctx_timer(c, 150, 9));
		ctx_timer(c, 200, 2);
	} else if (says(m, "ask nobody")) {
		ctx_request(c, "nobody", "test.ask", &a, 1000, 7);
	} else if (says(m, "ask silent")) {
		ctx_request(c, "witness", "test.ask", &b, 1000, 8);
	}
	buf_fini(&a);
	buf_fini(&b);
	return fails ? ERR_INVALID : 0;
}

static int on_ask(struct ctx *c, void *st, const struct msg *m)
{
	struct buf b = word("fine");
	(void)st;
	if (says(m, "forget")) {
		buf_fini(&b);
		return 0;
	}
	if (says(m, "park"))
		world.parked = ctx_park(c);
	else if (says(m, "refuse"))
		ctx_reply_error(c, ERR_FORBIDDEN, "no");
	else
		ctx_reply(c, &b);
	buf_fini(&b);
	return 0;
}

static int on_timer(struct ctx *c, void *st, uint64_t tag)
{
	(void)c, (void)st;
	note("timer%d", (int)tag);
	return 0;
}

static int on_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	(void)c, (void)st;
	note("reply%d:%s", (int)tag, err_name(r->status));
	return 0;
}

static int on_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	(void)c, (void)st;
	note("outcome%d:%s", (int)tag, err_name(o->status));
	return 0;
}

static int check(const void *st, struct err *why)
{
	const struct subject *s = st;
	return s->broken ? err_set(why, ERR_INVALID, "broken") : 0;
}

static void fini(void *st)
{
	(void)st;
	world.finis++;
}

static int on_bulk(struct ctx *c, void *st, const struct msg *m)
{
	struct buf b = word("fine");
	(void)st, (void)m;
	world.bulks++;
	ctx_reply(c, &b);
	return 0;
}

static const struct actor_handler handlers[] = {
	{"test.plain", on_plain}, {"test.ask", on_ask}, {"test.bulk", on_bulk}, {NULL, NULL}};
static const struct actor_spec subject_spec = {
	.kind = "subject", .state_bytes = sizeof(struct subject), .handlers = handlers,
	.init = init, .on_timer = on_timer, .on_reply = on_reply, .on_outcome = on_outcome,
	.check = check, .fini = fini,
};

/* ---- those around it */

static int witness_plain(struct ctx *c, void *st, const struct msg *m)
{
	struct span s = mp_path_str(m->body, "text");
	(void)c, (void)st;
	note("got-%.*s", (int)s.len, (const char *)s.data);
	return 0;
}

static int witness_ask(struct ctx *c, void *st, const struct msg *m)
{
	(void)st, (void)m;
	ctx_park(c); /* for ever */
	return 0;
}

static const struct actor_handler witness_handlers[] = {
	{"test.plain", witness_plain}, {"test.order", witness_plain}, {"test.ask", witness_ask}, {NULL, NULL}};
static const struct actor_spec witness_spec = {
	.kind = "witness", .state_bytes = 1, .handlers = witness_handlers};

static int asker_plain(struct ctx *c, void *st, const struct msg *m)
{
	struct span s = mp_path_str(m->body, "text");
	char text[64];
	(void)st;
	snprintf(text, sizeof text, "%.*s", (int)s.len, (const char *)s.data);
	struct buf b = word(text);
	if (!says(m, "bulk")) {
		ctx_request(c, "subject", "test.ask", &b, 1000, 5);
		return 0;
	}
	buf_fini(&b);
	for (int i = 0; i < BULKS; i++) {
		static uint8_t zeros[MEGABYTE];
		mpw_map(&b, 1);
		mpw_str(&b, "data");
		mpw_bin(&b, (struct span){zeros, sizeof zeros});
		ctx_request(c, "subject", "test.bulk", &b, 60000, 6);
	}
	return 0;
}

static int asker_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	if (tag != 6)
		return on_reply(c, st, tag, r);
	world.overloaded += r->status == ERR_OVERLOADED;
	return 0;
}

static const struct actor_handler asker_handlers[] = {{"test.plain", asker_plain}, {NULL, NULL}};
static const struct actor_spec asker_spec = {.kind = "asker", .state_bytes = 1,
					     .handlers = asker_handlers, .on_reply = asker_reply};

static int store_txn_turn(struct ctx *c, void *st, const struct msg *m)
{
	struct buf b = {0};
	(void)st, (void)m;
	note("txn");
	if (world.unknown-- > 0) {
		ctx_reply_error(c, ERR_OVERLOADED, "too much");
		return 0;
	}
	mpw_map(&b, 4);
	mpw_kv_str(&b, "status", world.conflict ? "conflict" : "ok");
	mpw_kv_bool(&b, "compared", !world.conflict);
	mpw_kv_u64(&b, "revision", 1);
	mpw_str(&b, "rows");
	mpw_array(&b, 0);
	ctx_reply(c, &b);
	return 0;
}

static const struct actor_handler store_handlers[] = {{"store.txn", store_txn_turn}, {NULL, NULL}};
static const struct actor_spec store_spec = {.kind = "store", .state_bytes = 1,
					     .handlers = store_handlers};

static const struct actor_spec *const kinds[] = {&subject_spec, &witness_spec, &asker_spec,
						 &store_spec, NULL};

/* ---- the cell */

static struct cell *cell;

static void add(const char *kind)
{
	static const uint8_t empty[] = {0x80};
	cr_assert_eq(cell_add_actor(cell, kind, kind, mp_of((struct span){empty, 1}), NULL), 0);
}

static void run_until(uint64_t us)
{
	do {
		while (cell_run(cell, 100))
			;
		uint64_t due = cell_deadline(cell);
		lone.now = due < us ? (due > lone.now ? due : lone.now + 1) : us;
	} while (lone.now < us);
	while (cell_run(cell, 100))
		;
}

static void setup(void)
{
	struct cell_config cfg = {.name = "test", .cluster = 1, .catalogue = &catalogue,
				  .kinds = kinds, .check = true,
				  .restart = {.intensity = 5, .window_us = 30000000,
					      .backoff_min_us = 10000, .backoff_max_us = 1000000}};
	struct cell_ops ops = lone_begin(&lone);
	log_init("off");
	memset(&world, 0, sizeof world);
	cell = cell_new(&cfg, &ops);
	add("store");
	add("witness");
	add("asker");
	add("subject");
	run_until(lone.now + 10);
	world.log[0] = 0;
}

static void teardown(void)
{
	cell_free(cell);
	lone_end(&lone);
}

TestSuite(turn, .init = setup, .fini = teardown);

/* Says a word to an actor, as another one would. */
static void say(const char *to, const char *text)
{
	struct buf body = word(text), out = {0};
	struct envelope env = {.type = ENV_SEND, .cluster = 1, .to = span_of(to),
			       .from = span_of("outside"), .kind = PLAIN,
			       .body = span_buf(&body)};
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	cell_on_frame(cell, frame, false);
	bytes_unref(frame);
	buf_fini(&body);
}

static void say_and_run(const char *to, const char *text)
{
	say(to, text);
	run_until(lone.now + 50000);
}

Test(turn, releases_transaction_then_sends_then_timers)
{
	say_and_run("subject", "all");
	cr_expect_str_eq(world.log, "plain1 txn got-one outcome1:ok got-two timer1 ");
}

Test(turn, that_fails_releases_nothing_and_loses_its_state)
{
	say_and_run("subject", "x");
	say_and_run("subject", "fail once");
	say_and_run("subject", "x");
	cr_expect_str_eq(world.log, "plain1 plain2 plain1 plain2 ");
	cr_expect_eq(world.inits, 2);
	cr_expect_eq(world.finis, 1);
}

Test(turn, that_breaks_an_invariant_is_a_failed_turn)
{
	say("subject", "break");
	run_until(lone.now + 500000);
	say_and_run("subject", "x");
	cr_expect_str_eq(world.log, "plain1 plain1 plain1 plain1 ", "tried three times, then x");
}

Test(turn, keeps_for_after_the_commit_what_must_wait)
{
	say_and_run("subject", "after");
	cr_expect_str_eq(world.log, "plain1 txn got-one outcome2:ok ");
}

Test(turn, drops_what_waits_for_a_commit_that_does_not_come)
{
	world.conflict = true;
	say_and_run("subject", "after");
	cr_expect_str_eq(world.log, "plain1 txn outcome2:conflict ");
}

Test(turn, sends_what_waits_for_a_commit_once_however_often_the_store_is_asked)
{
	world.unknown = 2;
	say("subject", "after");
	run_until(lone.now + 5000000);
	cr_expect_str_eq(world.log, "plain1 txn txn txn got-one outcome2:ok ");
}

/* In the queue of a store that has much to do the same transaction is a few times, not once
 * for each second; and one that found no room comes back more and more slowly. */
Test(turn, asks_a_store_of_its_cell_again_less_and_less)
{
	cell_hold_actor(cell, "store", true);
	say("subject", "after");
	run_until(lone.now + 40000000);
	size_t asked = cell_actor_queued(cell, "store");
	cr_expect_eq(asked, 6, "after 1, 3, 7, 15 and 31 seconds, not %zu times", asked);
	cell_hold_actor(cell, "store", false);
	run_until(lone.now + 1000000);
	const char *told = strstr(world.log, "outcome2:ok ");
	cr_expect(told && !strstr(told + 1, "outcome2"), "%s", world.log);
}

Test(turn, comes_back_more_and_more_slowly_to_a_store_without_room)
{
	world.unknown = 500;
	say("subject", "after");
	run_until(lone.now + 20000000);
	int asked = 500 - world.unknown;
	cr_expect(asked >= 10 && asked <= 14, "%d times", asked);
	world.unknown = 0;
	run_until(lone.now + 5000000);
	cr_expect(strstr(world.log, "got-one outcome2:ok "), "%s", world.log);
}

Test(turn, keeps_a_command_too_for_after_the_commit)
{
	say_and_run("subject", "order after");
	cr_expect_str_eq(world.log, "plain1 txn got-two outcome2:ok got-one reply8:ok reply9:ok ");
}

Test(turn, drops_a_command_whose_commit_does_not_come_and_tells_only_the_outcome)
{
	world.conflict = true;
	say_and_run("subject", "order after");
	cr_expect_str_eq(world.log, "plain1 txn got-two outcome2:conflict reply8:ok ");
}

Test(turn, fails_when_something_waits_for_a_commit_and_there_is_none)
{
	say_and_run("subject", "after nothing");
	cr_expect_str_eq(world.log, "plain1 plain1 plain1 ", "tried three times, nothing sent");
}

Test(turn, has_one_transaction_at_most)
{
	say_and_run("subject", "twice");
	cr_expect_str_eq(world.log, "plain1 plain1 plain1 ", "no txn is among them");
}

Test(turn, fails_on_a_message_that_is_not_in_the_catalogue_or_not_of_its_form)
{
	say_and_run("subject", "unknown kind");
	cr_expect_str_eq(world.log, "plain1 plain1 plain1 ");
	run_until(lone.now + 500000);
	say_and_run("subject", "wrong body");
	cr_expect_geq(world.inits, 4);
	cr_expect_str_eq(world.log, "plain1 plain1 plain1 plain1 ");
}

Test(turn, timers_fire_in_their_order_and_not_when_cancelled)
{
	say_and_run("subject", "timers");
	cr_expect_str_eq(world.log, "plain1 timer1 timer2 timer3 ");
}

Test(turn, request_is_answered)
{
	say_and_run("asker", "hello");
	cr_expect_str_eq(world.log, "reply5:ok ");
}

Test(turn, request_is_refused)
{
	say_and_run("asker", "refuse");
	cr_expect_str_eq(world.log, "reply5:forbidden ");
}

Test(turn, request_that_is_neither_answered_nor_parked_is_a_crash)
{
	say_and_run("asker", "forget");
	cr_expect_str_eq(world.log, "reply5:crashed ");
	cr_expect_eq(world.inits, 2);
}

Test(turn, request_times_out_exactly_once)
{
	say_and_run("asker", "park");
	cr_expect_str_eq(world.log, "");
	run_until(lone.now + 3000000);
	cr_expect_str_eq(world.log, "reply5:timeout ");
}

Test(turn, parked_request_is_answered_when_its_holder_dies)
{
	say_and_run("asker", "park");
	cr_assert_eq(cell_kill_actor(cell, "subject"), 0);
	run_until(lone.now + 50000);
	cr_expect_str_eq(world.log, "reply5:crashed ");
}

Test(turn, request_to_a_silent_peer_of_the_cell_times_out)
{
	say_and_run("subject", "ask silent");
	run_until(lone.now + 3000000);
	cr_expect_str_eq(world.log, "plain1 reply8:timeout ");
}

Test(turn, messages_survive_the_restart_of_their_receiver)
{
	say("subject", "fail once");
	say("subject", "x");
	run_until(lone.now + 50000);
	cr_expect_str_eq(world.log, "plain1 plain1 plain2 ");
}

Test(turn, crash_loop_goes_up)
{
	for (int i = 0; i < 5; i++) {
		say("subject", "fail once");
		run_until(lone.now + 1500000);
	}
	cr_expect_eq(lone.escalations, 0);
	say("subject", "fail once");
	run_until(lone.now + 10);
	cr_expect_eq(lone.escalations, 1);
}

/* A mailbox is bounded by what its messages weigh, not only by their number;
 * timers and answers are always taken, so that what is full goes on. */
Test(turn, a_full_mailbox_refuses_what_is_asked_and_takes_what_is_owed)
{
	enum { FIT = CELL_MAILBOX_BYTES_MAX / MEGABYTE - 1 };
	say("subject", "timers");
	run_until(lone.now + 10);
	world.log[0] = 0;
	cell_hold_actor(cell, "subject", true);
	say("asker", "bulk");
	run_until(lone.now + 1000);
	cr_expect_eq(world.overloaded, BULKS - FIT, "%d of %d", world.overloaded, BULKS);
	cr_expect_eq(world.bulks, 0);
	cr_expect_geq(cell_actor_queued(cell, "subject"), FIT + 3, "the three timers were taken");
	cell_hold_actor(cell, "subject", false);
	run_until(lone.now + 1000);
	cr_expect_eq(world.bulks, FIT);
	cr_expect_str_eq(world.log, "timer1 timer2 timer3 ");
	cr_expect_eq(cell_actor_queued(cell, "subject"), 0);
	say("asker", "bulk");
	run_until(lone.now + 1000);
	cr_expect_eq(world.bulks, 2 * FIT, "there is room again");
}
