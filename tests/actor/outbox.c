/* What leaves a cell for the broker: in order, many in one frame where that is
 * taken, and nothing lost by a socket that is full. A cell with a fake clock
 * and a fake socket. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/batch.h"
#include "broker/messages.h"
#include "tests/lib/lone_cell.h"

enum { WORD = 200, LARGE = BATCH_FRAME_BYTES_MAX + 1 };

static const struct msg_field fields[] = {{"number", MP_INT, 0, true, "which"},
					  {"fill", MP_BIN, 0, false, "what makes it large"},
					  {NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{WORD, "test.word", CLASS_SEND, ROLE_CELL, fields, "a number"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"tests", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

static struct world {
	struct cell *cell;
	size_t since; /* so many frames had been sent before */
	int64_t came[16];
	size_t came_count, owner_bytes;
} world;

static struct lone lone;

/* ---- an actor that sends as many as it is told, and notes what comes */

static void put(struct buf *b, int64_t number, size_t fill)
{
	static const uint8_t zeros[LARGE];
	mpw_map(b, fill ? 2 : 1);
	mpw_kv_i64(b, "number", number);
	if (fill) {
		mpw_str(b, "fill");
		mpw_bin(b, (struct span){zeros, fill});
	}
}

static int on_word(struct ctx *c, void *st, const struct msg *m)
{
	int64_t n = mp_path_int(m->body, "number", 0);
	struct buf b = {0};
	(void)st;
	if (world.came_count < 16)
		world.came[world.came_count++] = n;
	world.owner_bytes = bytes_span(m->owner).len;
	for (int64_t i = 1; i <= n; i++) {
		put(&b, i, 0);
		ctx_send(c, "far", "test.word", &b, 0);
	}
	if (n == -1) { /* large between small */
		for (int64_t i = 1; i <= 3; i++) {
			put(&b, i, i == 2 ? LARGE : 0);
			ctx_send(c, "far", "test.word", &b, 0);
		}
	}
	if (n == -2) { /* the store's order: an event, then its writer's outcome */
		put(&b, 1, 0);
		struct bytes *event = bytes_take(&b);
		ctx_publish(c, span_of("things"), "test.word", event);
		bytes_unref(event);
		put(&b, 2, 0);
		ctx_send(c, "far", "test.word", &b, 0);
	}
	return 0;
}

static const struct actor_handler handlers[] = {{"test.word", on_word}, {NULL, NULL}};
static const struct actor_spec talker = {.kind = "talker", .state_bytes = 1, .handlers = handlers};
static const struct actor_spec *const kinds[] = {&talker, NULL};

/* ---- the cell */

static void run(void)
{
	while (cell_run(world.cell, 1000))
		;
}

static void feed_frame(struct buf *out)
{
	struct bytes *frame = bytes_take(out);
	cell_on_frame(world.cell, frame, false);
	bytes_unref(frame);
}

static void put_word(struct buf *out, const char *to, int64_t number)
{
	struct buf b = {0};
	put(&b, number, 0);
	struct envelope env = {.type = ENV_SEND,
			       .cluster = 1,
			       .to = span_of(to),
			       .from = span_of("far"),
			       .incarnation = 77,
			       .sequence = 1,
			       .kind = WORD,
			       .body = span_buf(&b)};
	env_encode(out, &env);
	buf_fini(&b);
}

static void tell(int64_t number)
{
	struct buf out = {0};
	put_word(&out, "talker", number);
	feed_frame(&out);
}

static void welcome(uint64_t batch)
{
	struct buf b = {0}, out = {0};
	mpw_map(&b, batch ? 3 : 2);
	mpw_kv_u64(&b, "epoch", 5);
	mpw_kv_u64(&b, "ping_ms", 1000);
	if (batch)
		mpw_kv_u64(&b, "batch", batch);
	struct envelope env = {.type = ENV_SYSTEM,
			       .cluster = 1,
			       .from = span_of("broker"),
			       .kind = MSG_SESSION_WELCOME,
			       .body = span_buf(&b)};
	env_encode(&out, &env);
	feed_frame(&out);
	buf_fini(&b);
	run();
}

/* `batch`: what the broker takes; 0: it is one that knows no batches. */
static void begin(uint64_t batch)
{
	static const uint8_t empty[] = {0x80};
	struct cell_config cfg = {
		.name = "test", .cluster = 1, .catalogue = &catalogue, .kinds = kinds};
	struct cell_ops ops = lone_begin(&lone);
	log_init("off");
	memset(&world, 0, sizeof world);
	world.cell = cell_new(&cfg, &ops);
	cr_assert_eq(cell_add_actor(world.cell, "talker", "talker", mp_of((struct span){empty, 1}),
				    NULL),
		     0);
	run();
	welcome(batch);
	world.since = lone.frame_count;
}

static void end(void)
{
	cell_free(world.cell);
	lone_end(&lone);
}

static size_t frames(void)
{
	return lone.frame_count - world.since;
}

/* The number of one message; a bus frame's is its negative. */
static int64_t number_of(struct span raw)
{
	struct span topic, rest = raw;
	struct envelope env;
	bool bus = raw.data[0] < 0x80;
	if (bus)
		cr_assert_eq(env_split_topic(raw, &topic, &rest), 0);
	cr_assert_eq(env_decode(rest, &env, NULL), 0);
	int64_t n = mp_path_int(mp_of(env.body), "number", 0);
	return bus ? -n : n;
}

/* All that was sent, in order. */
static size_t sent(int64_t *out, size_t max)
{
	size_t n = 0;
	for (size_t i = world.since; i < lone.frame_count; i++) {
		struct span raw = bytes_span(lone.frames[i]), one;
		struct batch_reader r;
		if (!batch_is(raw)) {
			cr_assert_lt(n, max);
			out[n++] = number_of(raw);
			continue;
		}
		cr_assert_eq(batch_open(&r, raw, NULL), 0);
		while (batch_next(&r, &one)) {
			cr_assert_lt(n, max);
			out[n++] = number_of(one);
		}
	}
	return n;
}

static int64_t numbers[LONE_FRAMES_MAX];

Test(outbox, what_a_pass_sends_leaves_as_one_frame)
{
	begin(BATCH_BYTES_MAX);
	tell(10);
	tell(3);
	run();
	cr_expect_eq(frames(), 1);
	cr_assert_eq(sent(numbers, LONE_FRAMES_MAX), 13);
	for (int i = 0; i < 13; i++)
		cr_expect_eq(numbers[i], i < 10 ? i + 1 : i - 9);
	end();
}

Test(outbox, a_message_that_is_alone_is_a_frame_like_any_other)
{
	struct envelope env;
	begin(BATCH_BYTES_MAX);
	tell(1);
	run();
	cr_assert_eq(frames(), 1);
	cr_expect_eq(env_decode(bytes_span(lone.frames[world.since]), &env, NULL), 0);
	cr_expect_eq(env.epoch, 5);
	end();
}

Test(outbox, a_broker_that_knows_no_batches_gets_a_message_a_frame)
{
	begin(0);
	tell(10);
	run();
	cr_expect_eq(frames(), 10);
	cr_expect_eq(sent(numbers, LONE_FRAMES_MAX), 10);
	end();
}

Test(outbox, a_batch_is_no_larger_than_the_broker_takes)
{
	begin(1000);
	tell(100);
	run();
	cr_expect_gt(frames(), 5);
	for (size_t i = world.since; i < lone.frame_count; i++)
		cr_expect_leq(bytes_span(lone.frames[i]).len, 1000);
	cr_expect_eq(sent(numbers, LONE_FRAMES_MAX), 100);
	end();
}

Test(outbox, a_large_message_stays_in_its_place)
{
	begin(BATCH_BYTES_MAX);
	tell(-1);
	run();
	cr_expect_eq(frames(), 3);
	cr_assert_eq(sent(numbers, LONE_FRAMES_MAX), 3);
	cr_expect(numbers[0] == 1 && numbers[1] == 2 && numbers[2] == 3);
	end();
}

Test(outbox, an_event_stays_before_the_outcome_that_was_sent_after_it)
{
	begin(BATCH_BYTES_MAX);
	tell(-2);
	run();
	cr_expect_eq(frames(), 1);
	cr_assert_eq(sent(numbers, LONE_FRAMES_MAX), 2);
	cr_expect_eq(numbers[0], -1);
	cr_expect_eq(numbers[1], 2);
	end();
}

Test(outbox, what_was_sent_does_not_wait_for_long_turns_behind_it)
{
	begin(BATCH_BYTES_MAX);
	tell(1);
	tell(1);
	tell(1);
	lone.us_a_look = 1000; /* every turn takes that long at least */
	run();
	cr_expect_eq(frames(), 3);
	end();
}

Test(outbox, a_full_socket_loses_nothing_and_keeps_the_order)
{
	begin(BATCH_BYTES_MAX);
	lone.full = true;
	tell(5000);
	run();
	tell(2000);
	run();
	cr_expect_eq(frames(), 0);
	cr_expect_gt(cell_deadline(world.cell), lone.now, "it does not spin");
	cr_expect_leq(cell_deadline(world.cell), lone.now + 1000);
	lone.full = false;
	run();
	cr_assert_eq(sent(numbers, LONE_FRAMES_MAX), 7000);
	for (int i = 0; i < 7000; i++)
		cr_assert_eq(numbers[i], i < 5000 ? i + 1 : i - 4999);
	end();
}

Test(outbox, beyond_its_limit_it_refuses_what_comes_and_keeps_what_it_has)
{
	begin(BATCH_BYTES_MAX);
	lone.full = true;
	tell(CELL_OUTBOX_ITEMS_MAX + 2000);
	run();
	lone.full = false;
	run();
	size_t n = sent(numbers, LONE_FRAMES_MAX);
	cr_expect_geq(n, CELL_OUTBOX_ITEMS_MAX);
	cr_expect_lt(n, CELL_OUTBOX_ITEMS_MAX + 2000);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(numbers[i], i + 1);
	cr_expect_gt(cell_dead_letters(world.cell)->count, 0);
	end();
}

/* ---- what comes */

Test(outbox, what_came_in_a_batch_is_taken_one_by_one_and_keeps_only_itself_alive)
{
	struct batch b = {.limit = BATCH_BYTES_MAX}, inner = {.limit = BATCH_BYTES_MAX};
	struct buf one = {0};
	begin(BATCH_BYTES_MAX);
	put_word(&one, "talker", -10);
	batch_add(&b, span_buf(&one));
	batch_add(&b, (struct span){one.data, one.len - 1}); /* cut off */
	batch_add(&inner, span_buf(&one));
	batch_add(&inner, span_buf(&one));
	struct bytes *frame = batch_take(&inner);
	batch_add(&b, bytes_span(frame)); /* a batch in a batch */
	bytes_unref(frame);
	buf_fini(&one);
	put_word(&one, "talker", -11);
	batch_add(&b, span_buf(&one));
	frame = batch_take(&b);
	cell_on_frame(world.cell, frame, false);
	run();
	cr_assert_eq(world.came_count, 2);
	cr_expect_eq(world.came[0], -10);
	cr_expect_eq(world.came[1], -11);
	cr_expect_eq(world.owner_bytes, one.len);
	bytes_unref(frame);
	buf_fini(&one);
	end();
}

/* ---- sessions that are ended over and over */

static void bye(void)
{
	struct buf b = {0}, out = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "reason", "a test");
	struct envelope env = {.type = ENV_SYSTEM,
			       .cluster = 1,
			       .from = span_of("broker"),
			       .kind = MSG_SESSION_BYE,
			       .body = span_buf(&b)};
	env_encode(&out, &env);
	feed_frame(&out);
	buf_fini(&b);
}

/* Until the cell says something, which without a session is hello. */
static uint64_t until_hello(void)
{
	uint64_t from = lone.now;
	size_t frames_then = lone.frame_count;
	for (run(); lone.frame_count == frames_then; run())
		lone.now = cell_deadline(world.cell) > lone.now ? cell_deadline(world.cell)
								  : lone.now + 1;
	return lone.now - from;
}

Test(link, after_short_sessions_it_says_hello_ever_later_and_after_a_long_one_at_once)
{
	uint64_t waits[10];
	begin(BATCH_BYTES_MAX);
	lone.now += 60000000;
	for (int i = 0; i < 10; i++) {
		bye();
		waits[i] = until_hello();
		welcome(BATCH_BYTES_MAX);
	}
	cr_expect_eq(waits[0], 0, "that session had lasted");
	cr_expect_eq(waits[1], 0, "once may be chance");
	cr_expect_geq(waits[2], 100000);
	cr_expect_leq(waits[2], 600000);
	cr_expect_geq(waits[9], 2500000);
	cr_expect_leq(waits[9], 7500000);
	lone.now += 10000000;
	bye();
	cr_expect_eq(until_hello(), 0);
	end();
}
