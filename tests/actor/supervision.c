/* Supervision, turn by turn: who begins again after whose failure, who is told
 * of an end, what is reported, and where messages go that nobody takes. A cell
 * with a fake clock; what it sends to the broker is kept. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "tests/lib/lone_cell.h"

enum { WORD = 200, ASK = 202, ANSWER = 203 };

static const struct msg_field text_field[] = {{"text", MP_STR, 64, true, "a word"},
					      {"key", MP_STR, 64, IS_SECRET, "a password"},
					      {NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{WORD, "test.word", CLASS_SEND, ROLE_CELL, text_field, "a word"},
	{ASK, "test.ask", CLASS_REQUEST, ROLE_CELL, text_field, "a question"},
	{ANSWER, "test.answer", CLASS_REPLY, ROLE_CELL, text_field, "its answer"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"tests", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

static struct world {
	char log[8192];
	struct cell *cell;
	int init_ends; /* in that */
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
}

/* ---- an actor that does what a word says */

struct state {
	int words;
};

static const char *self(struct ctx *c)
{
	return arena_ndup(ctx_arena(c), ctx_name(c).data, ctx_name(c).len);
}

static int init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	note("+%s ", self(c));
	return world.init_ends;
}

static int stop(struct ctx *c, void *st)
{
	(void)st;
	note("-%s ", self(c));
	return 0;
}

static int on_down(struct ctx *c, void *st, struct span who, int reason)
{
	(void)st;
	note("%s:%.*s=%s ", self(c), (int)who.len, (const char *)who.data, err_name(reason));
	return 0;
}

static struct buf word(const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", text);
	return b;
}

/* "verb argument" */
static int on_word(struct ctx *c, void *st, const struct msg *m)
{
	static const uint8_t empty[] = {0x80};
	struct span s = mp_path_str(m->body, "text");
	char verb[64], *arg;
	struct state *state = st;
	snprintf(verb, sizeof verb, "%.*s", (int)s.len, (const char *)s.data);
	arg = strchr(verb, ' ');
	if (arg)
		*arg++ = 0;
	state->words++;
	if (strcmp(verb, "fail") == 0) {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_str(&b, "what", "never");
		ctx_notice(c, "bus.audit", &b);
		return ERR_INVALID;
	}
	if (strcmp(verb, "once") == 0 && !m->attempt)
		return ERR_INVALID;
	if (strcmp(verb, "abort") == 0)
		abort();
	if (strcmp(verb, "watch") == 0)
		ctx_monitor(c, arg);
	else if (strcmp(verb, "stop") == 0)
		ctx_stop(c, arg);
	else if (strcmp(verb, "spawn") == 0)
		ctx_spawn(c, "actor", arg, mp_of((struct span){empty, 1}));
	else if (strcmp(verb, "notice") == 0) {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_str(&b, "what", arg);
		ctx_notice(c, "bus.audit", &b);
	} else if (strcmp(verb, "tell") == 0) {
		struct buf b = word("hello");
		ctx_send(c, arg, "test.word", &b, 0);
	} else
		note("%s%d ", self(c), state->words);
	return 0;
}

static int on_ask(struct ctx *c, void *st, const struct msg *m)
{
	struct buf b = word("fine");
	int rc = on_word(c, st, m);
	ctx_reply(c, &b);
	return rc;
}

static void inspect(const void *st, struct buf *out)
{
	mpw_map(out, 1);
	mpw_kv_i64(out, "words", ((const struct state *)st)->words);
}

static const struct actor_handler handlers[] = {
	{"test.word", on_word}, {"test.ask", on_ask}, {NULL, NULL}};
static const struct actor_spec actor = {
	.kind = "actor", .state_bytes = sizeof(struct state), .handlers = handlers, .init = init,
	.stop = stop, .on_down = on_down, .inspect = inspect};
static const struct actor_spec *const kinds[] = {&actor, NULL};

/* ---- the cell */

static void run_for(uint64_t us)
{
	uint64_t until = lone.now + us;
	for (;;) {
		while (cell_run(world.cell, 100))
			;
		if (lone.now >= until)
			return;
		uint64_t due = cell_deadline(world.cell);
		lone.now = due <= lone.now ? lone.now + 1 : due < until ? due : until;
	}
}

static void add_as(const char *name, const char *restart)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "restart", restart);
	cr_assert_eq(cell_add_actor(world.cell, "actor", name, mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

static void begin(enum restart_strategy strategy, struct turn_record *record)
{
	struct cell_config cfg = {
		.name = "test", .cluster = 1, .catalogue = &catalogue, .kinds = kinds, .check = true,
		.record = record,
		.restart = {.strategy = strategy, .intensity = 5, .window_us = 30000000,
			    .backoff_min_us = 10000, .backoff_max_us = 1000000}};
	struct cell_ops ops = lone_begin(&lone);
	log_init("off");
	memset(&world, 0, sizeof world);
	world.cell = cell_new(&cfg, &ops);
	add_as("a", "permanent");
	add_as("b", "permanent");
	add_as("c", "permanent");
	run_for(10);
	world.log[0] = 0;
}

static void end(void)
{
	cell_free(world.cell);
	lone_end(&lone);
}

static void feed(struct envelope env, struct buf *body)
{
	struct buf out = {0};
	env.cluster = 1;
	env.body = span_buf(body);
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	cell_on_frame(world.cell, frame, false);
	bytes_unref(frame);
	buf_fini(body);
}

static uint64_t sequence;

static void say(const char *to, const char *text)
{
	struct buf b = word(text);
	feed((struct envelope){.type = ENV_SEND, .to = span_of(to), .from = span_of("outside"),
			       .incarnation = 77, .sequence = ++sequence, .kind = WORD}, &b);
}

static void ask(const char *to, const char *text, uint64_t correlation, uint32_t deadline_ms)
{
	struct buf b = word(text);
	feed((struct envelope){.type = ENV_REQUEST, .to = span_of(to), .from = span_of("outside"),
			       .incarnation = 77, .sequence = ++sequence, .kind = ASK,
			       .correlation = correlation, .deadline_ms = deadline_ms}, &b);
}

static void welcome(void)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_u64(&b, "epoch", 5);
	mpw_kv_u64(&b, "ping_ms", 1000);
	feed((struct envelope){.type = ENV_SYSTEM, .from = span_of("broker"),
			       .kind = MSG_SESSION_WELCOME}, &b);
	run_for(10);
}

/* The newest frame of that kind that was sent, from the `from`-th on. */
static bool sent(uint16_t kind, size_t from, struct envelope *env)
{
	for (size_t i = lone.frame_count; i-- > from;) {
		struct span raw = bytes_span(lone.frames[i]), topic;
		if (raw.data[0] < 0x80 && env_split_topic(raw, &topic, &raw))
			continue;
		if (env_decode(raw, env, NULL) == 0 && env->kind == kind)
			return true;
	}
	return false;
}

static const struct dead_letter *last_letter(void)
{
	return cell_dead_letters(world.cell)->last;
}

static uint64_t letters(enum dead_reason reason)
{
	return cell_dead_letters(world.cell)->by_reason[reason];
}

TestSuite(supervision, .fini = end);

/* ---- strategies */

static void fail_b_with(enum restart_strategy strategy)
{
	begin(strategy, NULL);
	say("a", "x"), say("b", "x"), say("c", "x");
	run_for(10);
	world.log[0] = 0;
	say("b", "once");
	run_for(50000);
	say("a", "x"), say("b", "x"), say("c", "x");
	run_for(10);
}

Test(supervision, one_for_one_restarts_the_one)
{
	fail_b_with(RESTART_ONE_FOR_ONE);
	cr_expect_str_eq(world.log, "+b b1 a2 b2 c2 ");
}

Test(supervision, one_for_all_restarts_everybody_in_their_order)
{
	fail_b_with(RESTART_ONE_FOR_ALL);
	cr_expect_str_eq(world.log, "+a +b +c b1 a1 b2 c1 ");
	cr_expect_eq(cell_actor_restarts(world.cell, "a"), 1);
}

Test(supervision, rest_for_one_restarts_those_behind_it)
{
	fail_b_with(RESTART_REST_FOR_ONE);
	cr_expect_str_eq(world.log, "+b +c b1 a2 b2 c1 ");
	cr_expect_eq(cell_actor_restarts(world.cell, "a"), 0);
}

Test(supervision, strategies_do_not_stop_those_that_did_not_fail)
{
	fail_b_with(RESTART_ONE_FOR_ALL);
	cr_expect_null(strchr(world.log, '-'), "stop is for an orderly end");
}

/* ---- which end is followed by a beginning */

static void ends_of(const char *restart, const char *after_failure, const char *after_stop)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	add_as("d", restart);
	run_for(10);
	world.log[0] = 0;
	say("d", "once");
	run_for(50000);
	cr_expect_str_eq(world.log, after_failure, "%s: %s", restart, world.log);
	if (!cell_actor_state(world.cell, "d"))
		return;
	world.log[0] = 0;
	say("d", "stop d");
	run_for(50000);
	cr_expect_str_eq(world.log, after_stop, "%s: %s", restart, world.log);
}

Test(supervision, permanent_begins_again_after_every_end)
{
	ends_of("permanent", "+d d1 ", "-d +d ");
}

Test(supervision, transient_begins_again_after_failures)
{
	ends_of("transient", "+d d1 ", "-d ");
	cr_expect_null(cell_actor_state(world.cell, "d"));
}

Test(supervision, temporary_does_not_begin_again_and_its_message_is_a_dead_letter)
{
	ends_of("temporary", "", "");
	cr_expect_eq(cell_actor_count(world.cell), 3);
	cr_expect_eq(letters(DEAD_CRASHED), 1);
}

Test(supervision, a_permanent_actor_that_others_stop_stays_stopped)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("a", "stop b");
	run_for(100000);
	cr_expect_str_eq(world.log, "-b ");
	cr_expect_eq(cell_actor_count(world.cell), 2);
}

Test(supervision, children_are_restarted_after_failures_only)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("a", "spawn child");
	run_for(10);
	say("child", "once");
	run_for(50000);
	say("child", "stop child");
	run_for(50000);
	cr_expect_str_eq(world.log, "+child +child child1 -child ");
	cr_expect_null(cell_actor_state(world.cell, "child"));
}

/* ---- intensity */

Test(supervision, more_restarts_than_allowed_fail_the_cell_once)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	for (int i = 0; i < 5; i++) {
		say("b", "once");
		run_for(1500000);
	}
	cr_expect_eq(lone.escalations, 0);
	say("b", "once"), say("a", "x");
	run_for(5000000);
	cr_expect_eq(lone.escalations, 1);
	cr_expect_null(strstr(world.log, "a1"), "a cell that failed runs no more turns");
	cr_expect_not(lone.hopeless, "the next cell may do better");
}

static void begin_badly(int init_ends)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	world.init_ends = init_ends;
	say("b", "fail");
	run_for(200000);
}

Test(supervision, what_finds_its_world_damaged_does_not_try_again)
{
	begin_badly(ERR_CORRUPT);
	cr_expect_eq(lone.escalations, 1);
	cr_expect(lone.hopeless);
}

Test(supervision, what_finds_another_version_does_not_try_again)
{
	begin_badly(ERR_UNSUPPORTED);
	cr_expect_eq(lone.escalations, 1);
	cr_expect(lone.hopeless);
}

Test(supervision, what_begins_badly_for_another_reason_does)
{
	begin_badly(ERR_IO);
	cr_expect_eq(lone.escalations, 0);
}

Test(supervision, failures_of_different_actors_are_not_added_up)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	for (int i = 0; i < 4; i++) {
		say("a", "once"), say("b", "once"), say("c", "once");
		run_for(1500000);
	}
	cr_expect_eq(lone.escalations, 0);
}

/* ---- the orderly end */

Test(supervision, stops_the_newest_first_and_one_after_the_other)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("c", "x"), say("c", "x"), say("c", "x"); /* it has more to do than the others */
	cell_stop(world.cell);
	run_for(10);
	cr_expect_str_eq(world.log, "c1 c2 c3 -c -b -a ");
	cr_expect_eq(cell_actor_count(world.cell), 0);
}

Test(supervision, does_not_wait_for_actors_that_are_down)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	cell_kill_actor(world.cell, "b");
	cell_stop(world.cell);
	run_for(10);
	cr_expect_str_eq(world.log, "-c -a ");
}

Test(supervision, an_actor_that_fails_while_all_end_does_not_begin_again)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("c", "once");
	cell_stop(world.cell);
	run_for(100000);
	cr_expect_str_eq(world.log, "-b -a ");
}

/* ---- monitors */

Test(monitor, tells_once_of_a_crash_and_of_an_end, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("a", "watch b"), say("c", "watch b"), say("c", "watch b");
	run_for(10);
	cell_kill_actor(world.cell, "b");
	run_for(100000);
	cr_expect_str_eq(world.log, "a:b=crashed c:b=crashed +b ");
	world.log[0] = 0;
	say("a", "watch b");
	run_for(10);
	say("c", "stop b");
	run_for(100000);
	cr_expect_str_eq(world.log, "-b a:b=closed ");
}

Test(monitor, of_a_former_incarnation_tells_nobody, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("a", "watch b");
	run_for(10);
	cell_kill_actor(world.cell, "a");
	run_for(100000);
	cell_kill_actor(world.cell, "b");
	run_for(100000);
	cr_expect_str_eq(world.log, "+a +b ");
}

Test(monitor, asks_the_broker_about_names_elsewhere_with_every_session, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("a", "watch far");
	run_for(10);
	cr_expect_not(sent(MSG_NAME_WATCH, 0, &env), "there is no session yet");
	welcome();
	cr_assert(sent(MSG_NAME_WATCH, 0, &env));
	cr_expect(span_is(env.from, "a"));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "name"), "far"));
	size_t before = lone.frame_count;
	struct buf bye = {0};
	mpw_map(&bye, 1);
	mpw_kv_str(&bye, "reason", "restart");
	feed((struct envelope){.type = ENV_SYSTEM, .kind = MSG_SESSION_BYE}, &bye);
	run_for(10);
	welcome();
	cr_expect(sent(MSG_NAME_WATCH, before, &env), "the new broker knows of no watch");
	struct buf down = {0};
	mpw_map(&down, 2);
	mpw_kv_str(&down, "name", "far");
	mpw_kv_str(&down, "reason", "unreachable");
	feed((struct envelope){.type = ENV_SYSTEM, .to = span_of("a"), .kind = MSG_NAME_DOWN}, &down);
	run_for(10);
	cr_expect_str_eq(world.log, "a:far=unreachable ");
}

Test(monitor, the_broker_hears_of_a_crash_here, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	cell_kill_actor(world.cell, "b");
	cr_assert(sent(MSG_NAME_CRASHED, 0, &env));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "name"), "b"));
}

/* ---- crash reports */

Test(report, has_actor_reason_message_attempt_and_state, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	say("b", "x"), say("b", "fail");
	run_for(10);
	cr_assert(sent(MSG_BUS_NOTICE, 0, &env));
	struct mp body = mp_of(env.body);
	cr_expect(span_is(mp_path_str(body, "what"), "actor.crashed"));
	cr_expect(span_is(mp_path_str(body, "detail.actor"), "b"));
	cr_expect(span_is(mp_path_str(body, "detail.cell"), "test"));
	cr_expect(span_is(mp_path_str(body, "detail.message"), "test.word"));
	cr_expect_eq(mp_path_int(body, "detail.attempt", -1), 1);
	cr_expect_eq(mp_path_int(body, "detail.state.words", -1), 2);
	cr_expect_gt(mp_path_str(body, "detail.reason").len, 0);
}

Test(report, waits_for_the_session, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	cell_kill_actor(world.cell, "b");
	cr_expect_not(sent(MSG_BUS_NOTICE, 0, &env));
	welcome();
	cr_expect(sent(MSG_BUS_NOTICE, 0, &env));
}

static void followed(int count)
{
	struct buf pong = {0};
	mpw_map(&pong, 2);
	mpw_kv_i64(&pong, "sent", 0);
	mpw_kv_i64(&pong, "notices", count);
	feed((struct envelope){.type = ENV_SYSTEM, .kind = MSG_SESSION_PONG}, &pong);
	run_for(10);
}

Test(notice, goes_on_the_bus_while_somebody_follows_it, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("b", "notice early");
	welcome();
	say("b", "notice unheard");
	run_for(10);
	cr_expect_not(sent(MSG_BUS_AUDIT, 0, &env));
	followed(1);
	say("b", "notice heard");
	run_for(10);
	cr_assert(sent(MSG_BUS_AUDIT, 0, &env));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "what"), "heard"));
	cr_expect(span_is(env.to, BUS_NOTICES) && span_is(env.from, "b"));
	size_t before = lone.frame_count;
	followed(0);
	say("b", "notice unheard");
	run_for(10);
	cr_expect_not(sent(MSG_BUS_AUDIT, before, &env));
}

Test(notice, of_a_turn_that_fails_is_not_said, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	followed(1);
	say("b", "fail after notice");
	run_for(10);
	cr_expect_not(sent(MSG_BUS_AUDIT, 0, &env));
}

/* ---- poison and dead letters */

Test(letter, a_send_that_crashes_its_receiver_is_poison_after_three, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("b", "fail"), say("b", "x");
	run_for(1000000);
	cr_expect_str_eq(world.log, "+b +b +b b1 ", "in order: x waits for it");
	cr_assert_eq(letters(DEAD_POISON), 1);
	const struct dead_letter *l = last_letter();
	cr_expect_str_eq(l->from, "outside");
	cr_expect_str_eq(l->to, "b");
	cr_expect_eq(l->kind, WORD);
	cr_expect_eq(l->attempt, 3);
	cr_expect(span_is(mp_path_str(mp_of(bytes_span(l->body)), "text"), "fail"));
}

Test(letter, a_request_that_is_asked_again_is_refused_after_three_crashes, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	for (int i = 0; i < 4; i++) {
		ask("b", "fail", 9, 0);
		run_for(200000);
		cr_assert(sent(MSG_ERROR, 0, &env));
		cr_expect(span_is(mp_path_str(mp_of(env.body), "code"), i < 3 ? "crashed" : "poison"),
			  "answer %d", i);
	}
	cr_expect_eq(cell_actor_restarts(world.cell, "b"), 3);
	cr_expect_eq(letters(DEAD_POISON), 1);
	ask("b", "x", 10, 0);
	run_for(10);
	cr_expect(sent(ANSWER, 0, &env), "others are answered");
}

Test(letter, poison_is_known_to_the_next_process, .fini = end)
{
	char path[] = "/tmp/turnXXXXXX";
	struct envelope env;
	struct turn_record *r = NULL;
	close(mkstemp(path));
	for (int life = 0; life < 3; life++) {
		pid_t child = fork();
		if (child == 0) {
			cr_assert_eq(turn_record_open(&r, path, NULL), 0);
			begin(RESTART_ONE_FOR_ONE, r);
			ask("b", "abort", 9, 0);
			signal(SIGABRT, SIG_DFL);
			run_for(10);
			_exit(0); /* it should not come here */
		}
		int status = 0;
		waitpid(child, &status, 0);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "life %d", life);
	}
	cr_assert_eq(turn_record_open(&r, path, NULL), 0);
	begin(RESTART_ONE_FOR_ONE, r);
	welcome();
	cr_assert(sent(MSG_BUS_NOTICE, 0, &env));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "what"), "process.crashed"));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "detail.actor"), "b"));
	ask("b", "abort", 9, 0);
	run_for(10);
	cr_assert(sent(MSG_ERROR, 0, &env));
	cr_expect(span_is(mp_path_str(mp_of(env.body), "code"), "poison"));
	unlink(path);
}

Test(letter, every_reason_has_its_way_in, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	say("nobody", "x");
	cr_expect_eq(letters(DEAD_NO_RECEIVER), 1);
	struct buf empty = {0};
	mpw_map(&empty, 0);
	feed((struct envelope){.type = ENV_SEND, .to = span_of("b"), .from = span_of("outside"),
			       .kind = WORD}, &empty);
	cr_expect_eq(letters(DEAD_UNKNOWN), 1);
	ask("b", "x", 1, 5);
	lone.now += 6000; /* before its turn came */
	run_for(10);
	cr_expect_eq(letters(DEAD_EXPIRED), 1);
	cr_expect_str_eq(world.log, "");
	cell_hold_actor(world.cell, "b", true);
	say("b", "x");
	cell_end_actor(world.cell, "b");
	cr_expect_eq(letters(DEAD_CRASHED), 1);
	cell_hold_actor(world.cell, "c", true);
	for (int i = 0; i <= CELL_MAILBOX_ITEMS_MAX; i++)
		say("c", "x");
	cr_expect_eq(letters(DEAD_FULL), 1);
	cr_expect_eq(cell_dead_letters(world.cell)->total, 5);
}

Test(letter, comes_back_from_the_broker_that_found_nobody, .fini = end)
{
	struct envelope env;
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	say("a", "tell far");
	run_for(10);
	cr_assert(sent(WORD, 0, &env));
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "code", "unreachable");
	mpw_str(&b, "letter");
	mpw_bin(&b, bytes_span(lone.frames[lone.frame_count - 1]));
	feed((struct envelope){.type = ENV_SYSTEM, .kind = MSG_LETTER_RETURNED}, &b);
	cr_assert_eq(letters(DEAD_NO_RECEIVER), 1);
	cr_expect_str_eq(last_letter()->from, "a");
	cr_expect_str_eq(last_letter()->to, "far");
}

/* The cell's answer to a request about its letters. */
static struct mp about_letters(uint16_t kind, const char *key, uint64_t number)
{
	static struct envelope env;
	struct buf b = {0};
	size_t before = lone.frame_count;
	mpw_map(&b, 1);
	mpw_kv_u64(&b, key, number);
	feed((struct envelope){.type = ENV_REQUEST, .to = span_of("cell/test"),
			       .from = span_of("outside"), .kind = kind, .correlation = 3}, &b);
	run_for(10);
	cr_assert(sent((uint16_t)(kind + 1), before, &env));
	return mp_of(env.body);
}

Test(letter, is_listed_sent_again_and_dropped, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	say("later", "x");
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "text", "open");
	mpw_kv_str(&b, "key", "sesame");
	feed((struct envelope){.type = ENV_SEND, .to = span_of("never"), .from = span_of("outside"),
			       .kind = WORD}, &b);
	struct mp list, reply = about_letters(MSG_CELL_LETTERS, "after", 0);
	size_t n = 0;
	cr_assert(mp_find(reply, "letters", &list) && mp_array(&list, &n) == 0);
	cr_assert_eq(n, 2);
	cr_expect_eq(mp_path_int(reply, "reasons.no-receiver", 0), 2);
	cr_expect(span_is(mp_path_str(list, "body.text"), "x"));
	mp_skip(&list);
	cr_expect(mp_path_bool(list, "secret", false));
	cr_expect(span_is(mp_path_str(list, "body.text"), "open"));
	cr_expect_eq(mp_path_str(list, "body.key").len, 0, "what is secret is not shown");
	add_as("later", "permanent");
	cr_expect_eq(mp_path_int(about_letters(MSG_CELL_LETTER_RETRY, "number", 1), "count", 9), 1);
	run_for(10);
	cr_expect_str_eq(world.log, "+later later1 ");
	cr_expect_eq(mp_path_int(about_letters(MSG_CELL_LETTER_RETRY, "number", 1), "count", 9), 0);
	cr_expect_eq(mp_path_int(about_letters(MSG_CELL_LETTER_DROP, "number", 0), "count", 9), 1);
	cr_expect_eq(cell_dead_letters(world.cell)->count, 0);
}

Test(letter, poison_that_is_sent_again_has_three_more_tries, .fini = end)
{
	begin(RESTART_ONE_FOR_ONE, NULL);
	welcome();
	say("b", "fail");
	run_for(1000000);
	cr_assert_eq(letters(DEAD_POISON), 1);
	about_letters(MSG_CELL_LETTER_RETRY, "number", 1);
	run_for(35000000);
	cr_expect_eq(letters(DEAD_POISON), 2);
	cr_expect_eq(lone.escalations, 1, "which are six crashes at once");
}
