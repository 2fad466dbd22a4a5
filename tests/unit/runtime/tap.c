/* What a cell tells its ring. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/tap.h"
#include "broker/base/log.h"
#include "broker/messages.h"

/* ---- two actors: the first tells the second a secret; `break` fails it */

static const struct msg_field fields[] = {
	{"who", MP_STR, 0, true, "plain"},
	{"password", MP_STR, 0, IS_REQUIRED | IS_SECRET, "not for taps"},
	{NULL, MP_NONE, 0, false, NULL},
};
static const struct msg_row rows[] = {
	{900, "test.tell", CLASS_SEND, ROLE_CELL, fields, "a secret"},
	{901, "test.break", CLASS_SEND, ROLE_CELL, fields, "fails the receiver"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"test", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

static void tell(struct ctx *c, const char *to, const char *kind)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "who", "alice");
	mpw_kv_str(&b, "password", "hunter2");
	ctx_send(c, to, kind, &b, 0);
}

static int init_first(struct ctx *c, void *state, struct mp cfg)
{
	(void)state;
	struct span kind = mp_path_str(cfg, "kind");
	char text[32];
	snprintf(text, sizeof text, "%.*s", (int)kind.len, (const char *)kind.data);
	tell(c, "second", text);
	return 0;
}

/* And says that it was told. */
static int on_tell(struct ctx *c, void *state, const struct msg *m)
{
	struct buf b = {0};
	(void)state, (void)m;
	mpw_map(&b, 1);
	mpw_kv_str(&b, "what", "told");
	ctx_notice(c, "bus.audit", &b);
	return 0;
}

static int on_break(struct ctx *c, void *state, const struct msg *m)
{
	(void)state, (void)m;
	ctx_why(c, "asked to");
	return ERR_INVALID;
}

static const struct actor_handler handlers[] = {
	{"test.tell", on_tell}, {"test.break", on_break}, {NULL, NULL}};
static const struct actor_spec first = {.kind = "first", .state_bytes = 1, .init = init_first};
static const struct actor_spec second = {.kind = "second", .state_bytes = 1, .handlers = handlers};
static const struct actor_spec *const kinds[] = {&first, &second, NULL};
static const struct port_driver *const drivers[] = {NULL};

/* ---- the world around them */

struct rig {
	char dir[40], path[64], notices[64], audit[64];
	uint64_t now_us;
	struct tap *tap;
	struct ring_reader *reader;
	struct cell *cell;
};

static uint64_t now_us(void *arg)
{
	return ((struct rig *)arg)->now_us += 10;
}

static int64_t wall_us(void *arg)
{
	(void)arg;
	return 0;
}

static uint64_t number(void *arg)
{
	(void)arg;
	return 1 << 20;
}

static int to_broker(void *arg, struct bytes *frame)
{
	(void)arg, (void)frame;
	return 0;
}

static void topic(void *arg, struct span name, bool on)
{
	(void)arg, (void)name, (void)on;
}

static void reconnect(void *arg)
{
	(void)arg;
}

static void tap_op(void *arg, const struct tap_record *r)
{
	tap_write(((struct rig *)arg)->tap, r);
}

static void begin(struct rig *t)
{
	struct err e = {0};
	log_init("off");
	*t = (struct rig){.dir = "/tmp/troupe-tap-XXXXXX"};
	cr_assert(mkdtemp(t->dir));
	snprintf(t->path, sizeof t->path, "%s/core.ring", t->dir);
	snprintf(t->notices, sizeof t->notices, "%s/core.notices.ring", t->dir);
	snprintf(t->audit, sizeof t->audit, "%s/core.audit.notices.ring", t->dir);
	struct tap_config tap = {t->dir, "core", &catalogue, 100000, true};
	cr_assert_eq(tap_open(&t->tap, &tap, &e), 0, "%s", e.text);
	cr_assert_eq(ring_reader_open(&t->reader, t->path, &e), 0, "%s", e.text);
	struct cell_config cfg = {.name = "core", .cluster = 1, .catalogue = &catalogue,
				  .kinds = kinds, .drivers = drivers};
	struct cell_ops ops = {.arg = t, .now_us = now_us, .wall_us = wall_us, .random = number,
			       .send = to_broker, .subscribe = topic, .reconnect = reconnect,
			       .tap = tap_op};
	t->cell = cell_new(&cfg, &ops);
}

static void add(struct rig *t, const char *name, const char *kind_of_message)
{
	struct buf cfg = {0};
	mpw_map(&cfg, 1);
	mpw_kv_str(&cfg, "kind", kind_of_message);
	cr_assert_eq(cell_add_actor(t->cell, name, name, mp_of(span_buf(&cfg)), NULL), 0);
	buf_fini(&cfg);
}

static void run(struct rig *t)
{
	while (cell_run(t->cell, 10))
		;
}

static void end(struct rig *t)
{
	cell_free(t->cell);
	tap_close(t->tap);
	ring_reader_close(t->reader);
	unlink(t->path);
	unlink(t->notices);
	unlink(t->audit);
	rmdir(t->dir);
}

/* The next record of that event; the test fails when there is none. */
static struct ring_record next(struct rig *t, unsigned event)
{
	struct ring_record r;
	uint64_t n, from;
	while (ring_reader_next(t->reader, &r, &n, &from) == RING_RECORD)
		if (r.event == event)
			return r;
	cr_assert_fail("no %s", ring_event_name(event));
	return r;
}

static bool named(struct rig *t, uint32_t name, const char *text)
{
	return span_is(ring_reader_name(t->reader, name), text);
}

Test(tap, tells_a_message_from_its_sender_to_the_end_of_its_turn)
{
	struct rig t;
	begin(&t);
	add(&t, "second", "");
	add(&t, "first", "test.tell");
	run(&t);
	struct ring_record started = next(&t, RING_STARTED), sent = next(&t, RING_SENT);
	struct ring_record delivered = next(&t, RING_DELIVERED), turn = next(&t, RING_TURN);
	cr_expect(named(&t, started.to, "second"));
	cr_expect(named(&t, sent.from, "first"));
	cr_expect(named(&t, sent.to, "second"));
	cr_expect_eq(sent.kind, 900);
	cr_expect_gt(sent.size, 10);
	cr_expect_eq(delivered.id, sent.id);
	cr_expect_neq(sent.trace, 0);
	cr_expect_eq(delivered.trace, sent.trace);
	cr_expect_eq(delivered.span, sent.span);
	cr_expect(named(&t, turn.to, "second"));
	cr_expect_eq(turn.kind, 900);
	cr_expect_eq(turn.span, sent.span);
	cr_expect_gt(turn.size, 0); /* it took time */
	struct ring_doing doing;
	cr_expect_not(ring_reader_now(t.reader, &doing));
	end(&t);
}

/* A view that fills would wash everything else out of the ring. */
Test(tap, a_view_that_fills_is_told_only_where_it_takes_long)
{
	struct rig t;
	struct tap_record r = {.event = RING_TURN, .item = ITEM_VIEW, .to = span_of("second")};
	begin(&t);
	for (r.turn_us = 1; r.turn_us < 1000; r.turn_us++)
		tap_write(t.tap, &r);
	r.turn_us = 5000;
	tap_write(t.tap, &r);
	r.turn_us = 1;
	r.trace.lo = 7; /* somebody caused it */
	tap_write(t.tap, &r);
	struct ring_record slow = next(&t, RING_TURN), caused = next(&t, RING_TURN);
	cr_expect_eq(slow.size, 5000);
	cr_expect_eq(caused.trace, 7);
	end(&t);
}

Test(tap, a_secret_never_enters_the_ring_also_when_bodies_are_wanted)
{
	struct rig t;
	struct buf body = {0};
	begin(&t);
	ring_reader_want_bodies(t.reader, 1000000);
	add(&t, "second", "");
	add(&t, "first", "test.tell");
	run(&t);
	struct ring_record sent = next(&t, RING_SENT);
	cr_assert(ring_reader_body(t.reader, &sent, &body));
	struct mp shown = mp_of(span_buf(&body)), v;
	cr_expect(span_is(mp_path_str(shown, "who"), "alice"));
	cr_assert(mp_find(shown, "password", &v));
	cr_expect_eq(mp_peek(&v), MP_NIL);
	/* Nor anywhere else in the file. */
	FILE *f = fopen(t.path, "r");
	char *all = malloc(8 << 20);
	size_t n = fread(all, 1, 8 << 20, f);
	cr_expect_gt(n, 1 << 20);
	cr_expect_null(memmem(all, n, "hunter2", 7));
	cr_expect_not_null(memmem(all, n, "alice", 5));
	fclose(f);
	free(all);
	buf_fini(&body);
	end(&t);
}

Test(tap, no_body_is_kept_while_nobody_wants_one)
{
	struct rig t;
	begin(&t);
	add(&t, "second", "");
	add(&t, "first", "test.tell");
	run(&t);
	cr_expect_eq(next(&t, RING_SENT).body, 0);
	end(&t);
}

Test(tap, tells_of_failures_and_of_who_is_not_there)
{
	struct rig t;
	begin(&t);
	add(&t, "second", "");
	add(&t, "first", "test.break");
	run(&t);
	struct ring_record crashed = next(&t, RING_CRASHED);
	cr_expect(named(&t, crashed.to, "second"));
	t.now_us += 1000000;
	run(&t);
	cr_expect(named(&t, next(&t, RING_STARTED).to, "second")); /* again */
	struct envelope lost = {.type = ENV_SEND, .cluster = 1, .to = span_of("nobody"),
				.from = span_of("first"), .kind = 900, .sequence = 77,
				.body = span_of("\x80")};
	struct buf frame = {0};
	env_encode(&frame, &lost);
	struct bytes *bytes = bytes_take(&frame);
	cell_on_frame(t.cell, bytes, false);
	bytes_unref(bytes);
	struct ring_record dead = next(&t, RING_DEAD);
	cr_expect(named(&t, dead.to, "nobody"));
	cr_expect_eq(dead.detail, -ERR_UNREACHABLE);
	cr_expect_eq(dead.id, 77);
	end(&t);
}

/* What happened before many messages is in the file of notices still. */
Test(tap, keeps_notices_apart_with_their_bodies_however_much_is_said_after_them)
{
	struct rig t;
	struct buf body = {0};
	struct ring_record r, gone;
	uint64_t n, from;
	begin(&t);
	add(&t, "second", "");
	add(&t, "first", "test.break");
	run(&t);
	for (int i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof name, "first-%d", i);
		cr_assert_eq(cell_add_actor(t.cell, "second", name,
					    mp_of((struct span){(const uint8_t *)"\x80", 1}), NULL), 0);
		run(&t);
	}
	cr_expect_eq(ring_reader_next(t.reader, &gone, &n, &from), RING_GAP, "the tap has lost it");
	struct ring_reader *notices;
	cr_assert_eq(ring_reader_open(&notices, t.notices, NULL), 0);
	ring_reader_rewind(notices);
	cr_assert_eq(ring_reader_next(notices, &r, &n, &from), RING_RECORD);
	cr_expect_eq(r.kind, MSG_BUS_NOTICE);
	cr_expect_eq(r.id, 1, "numbered by its cell");
	cr_expect(span_is(ring_reader_name(notices, r.from), "second"));
	cr_assert(ring_reader_body(notices, &r, &body));
	struct mp m = mp_of(span_buf(&body));
	cr_expect(span_is(mp_path_str(m, "what"), "actor.crashed"));
	cr_expect(span_is(mp_path_str(m, "detail.actor"), "second"));
	cr_expect_not_null(memmem(body.data, body.len, "asked to", 8));
	buf_fini(&body);
	ring_reader_close(notices);
	end(&t);
}

/* Requests are many: they have a file of their own, or crash reports would go. */
Test(tap, keeps_audits_apart_from_crash_reports)
{
	struct rig t;
	struct buf body = {0};
	struct ring_record r;
	uint64_t n, from;
	begin(&t);
	cr_expect_not(tap_heard(t.tap, MSG_BUS_AUDIT, 1));
	add(&t, "second", "");
	add(&t, "first", "test.tell");
	run(&t);
	struct ring_reader *audit, *notices;
	cr_assert_eq(ring_reader_open(&audit, t.audit, NULL), 0);
	cr_assert_eq(ring_reader_open(&notices, t.notices, NULL), 0);
	ring_reader_rewind(audit);
	ring_reader_rewind(notices);
	cr_expect_eq(ring_reader_next(notices, &r, &n, &from), RING_NOTHING);
	cr_assert_eq(ring_reader_next(audit, &r, &n, &from), RING_RECORD);
	cr_expect_eq(r.kind, MSG_BUS_AUDIT);
	cr_assert(ring_reader_body(audit, &r, &body));
	cr_expect(span_is(mp_path_str(mp_of(span_buf(&body)), "what"), "told"));
	ring_reader_want_bodies(audit, 100);
	cr_expect(tap_heard(t.tap, MSG_BUS_AUDIT, 99));
	cr_expect_not(tap_heard(t.tap, MSG_BUS_AUDIT, 100));
	cr_expect_not(tap_heard(t.tap, MSG_BUS_NOTICE, 99));
	buf_fini(&body);
	ring_reader_close(audit);
	ring_reader_close(notices);
	end(&t);
}
