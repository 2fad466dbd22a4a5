/* The broker's mind: who gets a frame, and who is told when nobody can. */
#include <criterion/criterion.h>

#include "broker/base/mem.h"
#include "broker/batch.h"
#include "broker/messages.h"
#include "broker/router.h"

enum { SENT_MAX = 512 };

struct rig {
	struct router *r;
	struct {
		uint64_t peer;
		struct bytes *frame;
		struct envelope env;
		size_t of; /* so many came in that frame */
	} sent[SENT_MAX];
	size_t count, frames, published, dead;
	int dead_code;
	uint64_t full, gone; /* peers whose queue is full, or who are gone */
};

static void keep(struct rig *g, uint64_t peer, struct span raw, size_t of)
{
	cr_assert_lt(g->count, SENT_MAX);
	g->sent[g->count].peer = peer;
	g->sent[g->count].of = of;
	g->sent[g->count].frame = bytes_copy(raw.data, raw.len);
	cr_assert_eq(env_decode(bytes_span(g->sent[g->count].frame), &g->sent[g->count].env, NULL), 0);
	g->count++;
}

static int on_send(void *arg, uint64_t peer, struct bytes *frame)
{
	struct rig *g = arg;
	struct batch_reader r;
	struct span one = bytes_span(frame);
	if (peer == g->full)
		return ERR_OVERLOADED;
	if (peer == g->gone)
		return ERR_UNREACHABLE;
	g->frames++;
	if (!batch_is(one)) {
		keep(g, peer, one, 1);
		return 0;
	}
	cr_assert_eq(batch_open(&r, one, NULL), 0);
	size_t of = r.left;
	while (batch_next(&r, &one))
		keep(g, peer, one, of);
	return 0;
}

static void on_publish(void *arg, struct bytes *frame, bool trusted)
{
	(void)frame;
	(void)trusted;
	((struct rig *)arg)->published++;
}

static void on_dead(void *arg, const struct envelope *env, int code)
{
	struct rig *g = arg;
	(void)env;
	g->dead++;
	g->dead_code = code;
}

static struct rig rig_new(void)
{
	return (struct rig){0};
}

static void start(struct rig *g)
{
	struct router_ops ops = {g, on_send, on_publish, on_dead};
	g->r = router_new(&ops, 1, 7);
}

static void stop(struct rig *g)
{
	for (size_t i = 0; i < g->count; i++)
		bytes_unref(g->sent[i].frame);
	router_free(g->r);
}

static void feed(struct rig *g, uint64_t peer, const struct envelope *env, struct buf *body,
		 uint64_t now)
{
	struct envelope e = *env;
	struct buf out = {0};
	e.cluster = e.cluster ? e.cluster : 1;
	e.body = span_buf(body);
	env_encode(&out, &e);
	struct bytes *frame = bytes_take(&out);
	router_on_frame(g->r, peer, frame, false, now);
	bytes_unref(frame);
	buf_fini(body);
}

/* Returns the epoch that the broker granted. `batch`: what it says that it
 * takes; 0: it says nothing. */
static uint64_t hello_taking(struct rig *g, uint64_t peer, const char *cell, uint64_t incarnation,
			     const char *name, uint64_t batch)
{
	struct buf b = {0};
	mpw_map(&b, batch ? 5 : 4);
	if (batch)
		mpw_kv_u64(&b, "batch", batch);
	mpw_kv_str(&b, "cell", cell);
	mpw_kv_u64(&b, "incarnation", incarnation);
	mpw_str(&b, "version");
	mpw_array(&b, 2);
	mpw_u64(&b, 1);
	mpw_u64(&b, 1);
	mpw_str(&b, "names");
	mpw_array(&b, 1);
	mpw_str(&b, name);
	struct envelope env = {.type = ENV_SYSTEM, .kind = MSG_SESSION_HELLO};
	feed(g, peer, &env, &b, 1000);
	router_flush(g->r);
	struct mp v;
	uint64_t epoch = 0;
	cr_assert_eq(g->sent[g->count - 1].env.kind, MSG_SESSION_WELCOME);
	cr_assert(mp_find(mp_of(g->sent[g->count - 1].env.body), "epoch", &v));
	cr_assert_eq(mp_u64(&v, &epoch), 0);
	return epoch;
}

static uint64_t hello(struct rig *g, uint64_t peer, const char *cell, uint64_t incarnation,
		      const char *name)
{
	return hello_taking(g, peer, cell, incarnation, name, 0);
}

static void request(struct rig *g, uint64_t peer, uint64_t epoch, const char *from, const char *to)
{
	struct buf b = {0};
	mpw_map(&b, 0);
	struct envelope env = {.type = ENV_REQUEST,
			       .from = span_of(from),
			       .to = span_of(to),
			       .correlation = 42,
			       .epoch = epoch,
			       .kind = 99};
	feed(g, peer, &env, &b, 2000);
}

static struct span error_code(const struct rig *g)
{
	const struct envelope *e = &g->sent[g->count - 1].env;
	cr_assert_eq(e->type, ENV_ERROR);
	cr_assert_eq(e->correlation, 42);
	return mp_path_str(mp_of(e->body), "code");
}

static void ping(struct rig *g, uint64_t peer, uint64_t epoch, uint64_t names)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_u64(&b, "sent_us", 5);
	mpw_kv_u64(&b, "names", names);
	struct envelope env = {.type = ENV_SYSTEM, .kind = MSG_SESSION_PING, .epoch = epoch};
	feed(g, peer, &env, &b, 3000);
}

Test(router, a_cell_with_names_that_were_lost_on_their_way_says_hello_again)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	ping(&g, 1, a, 1);
	cr_expect_eq(g.sent[g.count - 1].env.kind, MSG_SESSION_PONG);
	ping(&g, 1, a, 2); /* its second actor's name.register did not arrive */
	cr_expect_eq(g.sent[g.count - 1].env.kind, MSG_SESSION_BYE);
	stop(&g);
}

Test(router, passes_a_request_to_the_session_of_its_name)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	request(&g, 1, a, "alice", "bob");
	cr_expect_eq(g.sent[g.count - 1].peer, 2);
	cr_expect_eq(g.sent[g.count - 1].env.type, ENV_REQUEST);
	cr_expect_eq(router_stats(g.r)->routed, 1);
	stop(&g);
}

Test(router, answers_a_request_that_nobody_can_take)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	request(&g, 1, a, "alice", "nobody");
	cr_expect(span_is(error_code(&g), "unreachable"));
	cr_expect_eq(g.dead, 1);
	cr_expect_eq(g.dead_code, ERR_UNREACHABLE);
	g.full = 2;
	request(&g, 1, a, "alice", "bob");
	cr_expect(span_is(error_code(&g), "overloaded"));
	g.full = 0;
	g.gone = 2;
	request(&g, 1, a, "alice", "bob");
	cr_expect(span_is(error_code(&g), "unreachable"));
	stop(&g);
}

Test(router, drops_and_counts_frames_of_strangers)
{
	struct rig g = rig_new();
	start(&g);
	hello(&g, 2, "two", 1, "bob");
	size_t before = g.count;
	request(&g, 9, 1, "alice", "bob");
	cr_expect_eq(router_stats(g.r)->strangers, 1);
	cr_expect_eq(g.count, before + 1);
	cr_expect_eq(g.sent[before].peer, 9);
	cr_expect_eq(g.sent[before].env.kind, MSG_SESSION_BYE);
	static const uint8_t junk[] = {0x9f, 0xc1, 0xff};
	struct bytes *frame = bytes_copy(junk, sizeof junk);
	router_on_frame(g.r, 2, frame, false, 1);
	bytes_unref(frame);
	cr_expect_eq(router_stats(g.r)->malformed, 1);
	stop(&g);
}

Test(router, refuses_a_forged_sender_and_a_stale_epoch)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	size_t before = g.count;
	request(&g, 1, a, "bob", "bob");
	request(&g, 1, a + 100, "alice", "bob");
	cr_expect_eq(g.count, before);
	cr_expect_eq(router_stats(g.r)->forged, 1);
	cr_expect_eq(router_stats(g.r)->stale, 1);
	stop(&g);
}

Test(router, tells_the_old_owner_when_a_name_is_taken_over)
{
	struct rig g = rig_new();
	start(&g);
	hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "alice");
	bool told = false;
	for (size_t i = 0; i < g.count; i++)
		told |= g.sent[i].peer == 1 && g.sent[i].env.kind == MSG_SESSION_BYE;
	cr_expect(told);
	stop(&g);
}

static void system_u64(struct rig *g, uint64_t peer, uint64_t epoch, uint16_t kind,
		       const char *field, uint64_t value)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, field, value);
	struct envelope env = {.type = ENV_SYSTEM, .kind = kind, .epoch = epoch};
	feed(g, peer, &env, &b, 3000);
}

/* The last of peer 1's frames that is a bye, behind `from`; 0: none. */
static size_t bye_to_one(const struct rig *g, size_t from)
{
	for (size_t i = g->count; i-- > from;)
		if (g->sent[i].peer == 1 && g->sent[i].env.kind == MSG_SESSION_BYE)
			return i;
	return 0;
}

Test(router, who_lost_a_name_does_not_take_it_back_and_has_it_when_the_other_goes)
{
	struct rig g = rig_new();
	start(&g);
	hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "alice");
	hello(&g, 3, "three", 1, "carol");
	size_t from = g.count;
	uint64_t a = hello(&g, 1, "one", 1, "alice"); /* it was told, and says it again */
	ping(&g, 1, a, 1); /* what it has is what is known of it */
	cr_expect_eq(bye_to_one(&g, from), 0);
	uint64_t c = hello(&g, 3, "three", 1, "carol");
	request(&g, 3, c, "carol", "alice");
	cr_expect_eq(g.sent[g.count - 1].peer, 2);
	/* The other says goodbye: now it is free, and the first one is told. */
	uint64_t b = hello(&g, 2, "two", 1, "alice");
	from = g.count;
	system_u64(&g, 2, b, MSG_SESSION_BYE, "x", 0);
	cr_expect_neq(bye_to_one(&g, from), 0);
	hello(&g, 1, "one", 1, "alice");
	request(&g, 3, c, "carol", "alice");
	cr_expect_eq(g.sent[g.count - 1].peer, 1);
	stop(&g);
}

Test(router, ends_silent_sessions_and_tells_their_watchers)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "name", "bob");
	struct envelope watch = {.type = ENV_SYSTEM,
				 .from = span_of("alice"),
				 .kind = MSG_NAME_WATCH,
				 .epoch = a};
	feed(&g, 1, &watch, &b, ROUTER_SILENCE_US); /* alice is heard, bob is not */
	router_tick(g.r, 1000 + ROUTER_SILENCE_US);
	cr_expect_eq(router_stats(g.r)->sessions, 1);
	cr_assert_eq(g.sent[g.count - 1].env.kind, MSG_NAME_DOWN);
	cr_expect_eq(g.sent[g.count - 1].peer, 1);
	cr_expect_eq(g.sent[g.count - 2].env.kind, MSG_SESSION_BYE);
	stop(&g);
}

static void watch(struct rig *g, uint64_t epoch, const char *name, uint64_t now)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "name", name);
	struct envelope env = {.type = ENV_SYSTEM,
			       .from = span_of("alice"),
			       .kind = MSG_NAME_WATCH,
			       .epoch = epoch};
	feed(g, 1, &env, &b, now);
}

/* How often peer 1 was told that a name is down since frame `from`. */
static int downs(const struct rig *g, size_t from)
{
	int n = 0;
	for (size_t i = from; i < g->count; i++)
		n += g->sent[i].peer == 1 && g->sent[i].env.kind == MSG_NAME_DOWN;
	return n;
}

Test(router, tells_at_once_that_a_watched_name_is_absent)
{
	struct rig g = rig_new();
	start(&g);
	router_tick(g.r, 1);
	router_tick(g.r, 1 + ROUTER_SILENCE_US);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	watch(&g, a, "nobody", 2000);
	cr_expect_eq(downs(&g, 0), 1);
	stop(&g);
}

/* A broker that was started again knows nobody for a moment. */
Test(router, gives_cells_time_to_say_hello_before_their_names_are_absent)
{
	struct rig g = rig_new();
	start(&g);
	router_tick(g.r, 1);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	watch(&g, a, "bob", 2000);
	watch(&g, a, "nobody", 2000);
	cr_expect_eq(downs(&g, 0), 0);
	hello(&g, 2, "two", 1, "bob");
	router_tick(g.r, 1 + ROUTER_SILENCE_US);
	cr_expect_eq(downs(&g, 0), 1);
	cr_expect(span_is(mp_path_str(mp_of(g.sent[g.count - 1].env.body), "name"), "nobody"));
	stop(&g);
}

Test(router, a_cell_that_says_hello_again_is_not_down_but_one_started_again_is)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	watch(&g, a, "bob", 2000);
	hello(&g, 2, "two", 1, "bob");
	hello(&g, 3, "two", 1, "bob"); /* over a new connection */
	cr_expect_eq(downs(&g, 0), 0);
	hello(&g, 4, "two", 2, "bob");
	cr_expect_eq(downs(&g, 0), 1);
	stop(&g);
}

Test(router, tells_who_watches_that_an_actor_lost_its_state)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice"), t = hello(&g, 2, "two", 1, "bob");
	watch(&g, a, "bob", 2000);
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "name", "bob");
	struct envelope env = {.type = ENV_SYSTEM, .kind = MSG_NAME_CRASHED, .epoch = t};
	feed(&g, 2, &env, &b, 2000);
	cr_assert_eq(downs(&g, 0), 1);
	cr_expect(span_is(mp_path_str(mp_of(g.sent[g.count - 1].env.body), "reason"), "crashed"));
	request(&g, 1, a, "alice", "bob");
	cr_expect_eq(g.sent[g.count - 1].peer, 2, "its name stays");
	stop(&g);
}

Test(router, returns_a_message_that_waits_for_no_answer)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", "hello");
	struct envelope env = {.type = ENV_SEND, .from = span_of("alice"), .to = span_of("nobody"),
			       .kind = 99, .epoch = a}, back;
	feed(&g, 1, &env, &b, 2000);
	const struct envelope *e = &g.sent[g.count - 1].env;
	cr_assert_eq(e->kind, MSG_LETTER_RETURNED);
	cr_expect(span_is(mp_path_str(mp_of(e->body), "code"), "unreachable"));
	struct mp v;
	struct span frame;
	cr_assert(mp_find(mp_of(e->body), "letter", &v));
	cr_assert_eq(mp_bin(&v, &frame), 0);
	cr_assert_eq(env_decode(frame, &back, NULL), 0);
	cr_expect(span_is(mp_path_str(mp_of(back.body), "text"), "hello"));
	stop(&g);
}

Test(router, publishes_frames_with_a_topic_as_they_are)
{
	struct rig g = rig_new();
	start(&g);
	hello(&g, 1, "one", 1, "store");
	struct bytes *frame = bytes_copy("pods\0x", 6);
	router_on_frame(g.r, 1, frame, true, 1);
	router_on_frame(g.r, 5, frame, true, 1); /* a stranger's is not */
	bytes_unref(frame);
	cr_expect_eq(g.published, 1);
	router_on_subscribe(g.r, span_of("pods"));
	cr_expect_eq(g.sent[g.count - 1].env.kind, MSG_BUS_SUBSCRIBED);
	stop(&g);
}

/* Cells need not say what nobody wants to hear. */
Test(router, tells_with_each_pong_how_many_follow_notices)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	static const int want[] = {0, 1, 2, 1, 0, 0};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		if (i == 1 || i == 2)
			router_on_subscribe(g.r, span_of(BUS_NOTICES));
		else if (i)
			router_on_unsubscribe(g.r, span_of(BUS_NOTICES));
		router_on_subscribe(g.r, span_of("pods"));
		router_on_unsubscribe(g.r, span_of("pods"));
		ping(&g, 1, a, 1);
		const struct envelope *pong = &g.sent[g.count - 1].env;
		cr_assert_eq(pong->kind, MSG_SESSION_PONG);
		cr_expect_eq(mp_path_int(mp_of(pong->body), "notices", -1), want[i]);
	}
	stop(&g);
}

/* ---- credit */

static void send_big(struct rig *g, uint64_t peer, uint64_t epoch, enum env_type type,
		     const char *from, const char *to)
{
	static uint8_t zeros[1024 * 1024];
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_str(&b, "x");
	mpw_bin(&b, (struct span){zeros, sizeof zeros});
	struct envelope env = {.type = type, .from = span_of(from), .to = span_of(to),
			       .correlation = 42, .epoch = epoch, .kind = 99};
	feed(g, peer, &env, &b, 2000);
}

static uint64_t sent_to(const struct rig *g, uint64_t peer)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < g->count; i++)
		if (g->sent[i].peer == peer && g->sent[i].env.type != ENV_SYSTEM)
			bytes += bytes_span(g->sent[i].frame).len;
	return bytes;
}

Test(router, who_takes_nothing_gets_a_window_full_and_the_others_go_on)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t one = hello(&g, 1, "one", 1, "alice");
	uint64_t two = hello(&g, 2, "two", 1, "bob");
	hello(&g, 3, "three", 1, "carol");
	for (int i = 0; i < 20; i++)
		send_big(&g, 1, one, ENV_REQUEST, "alice", "bob");
	cr_expect_leq(sent_to(&g, 2), ROUTER_WINDOW_BYTES);
	cr_expect_geq(sent_to(&g, 2), ROUTER_WINDOW_BYTES - 1200000);
	cr_expect_eq(router_stats(g.r)->refused_credit, 13);
	/* Each refused request was answered. */
	const struct envelope *last = &g.sent[g.count - 1].env;
	cr_expect_eq(g.sent[g.count - 1].peer, 1);
	cr_expect_eq(last->type, ENV_ERROR);
	cr_expect(span_is(mp_path_str(mp_of(last->body), "code"), err_name(ERR_OVERLOADED)));
	/* Answers go to it all the same, and requests to others. */
	uint64_t before = sent_to(&g, 2);
	send_big(&g, 1, one, ENV_REPLY, "alice", "bob");
	cr_expect_gt(sent_to(&g, 2), before);
	send_big(&g, 1, one, ENV_REQUEST, "alice", "carol");
	cr_expect_gt(sent_to(&g, 3), 1000000);
	/* It takes what came: as much more may go. */
	system_u64(&g, 2, two, MSG_SESSION_CREDIT, "taken", sent_to(&g, 2));
	before = sent_to(&g, 2);
	send_big(&g, 1, one, ENV_REQUEST, "alice", "bob");
	cr_expect_gt(sent_to(&g, 2), before);
	/* Nobody takes what was never sent. */
	system_u64(&g, 2, two, MSG_SESSION_CREDIT, "taken", UINT64_MAX);
	for (int i = 0; i < 10; i++)
		send_big(&g, 1, one, ENV_SEND, "alice", "bob");
	cr_expect_leq(sent_to(&g, 2), before + ROUTER_WINDOW_BYTES);
	stop(&g);
}

Test(router, a_ping_says_what_was_taken)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t one = hello(&g, 1, "one", 1, "alice");
	uint64_t two = hello(&g, 2, "two", 1, "bob");
	for (int i = 0; i < 20; i++)
		send_big(&g, 1, one, ENV_REQUEST, "alice", "bob");
	uint64_t full = sent_to(&g, 2);
	system_u64(&g, 2, two, MSG_SESSION_PING, "taken", full);
	for (int i = 0; i < 20; i++)
		send_big(&g, 1, one, ENV_REQUEST, "alice", "bob");
	cr_expect_eq(sent_to(&g, 2), 2 * full, "a window more");
	stop(&g);
}

Test(router, a_pong_says_what_was_sent)
{
	struct rig g = rig_new();
	struct mp v;
	uint64_t sent = 0;
	start(&g);
	uint64_t one = hello(&g, 1, "one", 1, "alice");
	uint64_t two = hello(&g, 2, "two", 1, "bob");
	send_big(&g, 1, one, ENV_SEND, "alice", "bob");
	system_u64(&g, 2, two, MSG_SESSION_PING, "sent_us", 5);
	const struct envelope *pong = &g.sent[g.count - 1].env;
	cr_assert_eq(pong->kind, MSG_SESSION_PONG);
	cr_assert(mp_find(mp_of(pong->body), "sent", &v));
	cr_assert_eq(mp_u64(&v, &sent), 0);
	cr_expect_eq(sent, sent_to(&g, 2));
	cr_expect_eq(mp_path_int(mp_of(pong->body), "sent_us", 0), 5);
	stop(&g);
}

Test(router, tells_which_cells_are_here)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	struct buf b = {0};
	mpw_map(&b, 0);
	struct envelope ask = {.type = ENV_REQUEST, .from = span_of("alice"),
			       .to = span_of("broker"), .correlation = 42, .epoch = a,
			       .kind = MSG_BROKER_SESSIONS};
	feed(&g, 1, &ask, &b, 2000);
	const struct envelope *got = &g.sent[g.count - 1].env;
	struct mp list;
	size_t n = 0;
	cr_assert_eq(g.sent[g.count - 1].peer, 1);
	cr_assert_eq(got->type, ENV_REPLY);
	cr_assert_eq(got->kind, MSG_BROKER_STATE);
	cr_expect_eq(got->correlation, 42);
	cr_assert(mp_find(mp_of(got->body), "sessions", &list));
	cr_assert_eq(mp_array(&list, &n), 0);
	cr_expect_eq(n, 2);
	cr_expect(span_is(mp_path_str(list, "cell"), "one"));
	mp_skip(&list);
	cr_expect(span_is(mp_path_str(list, "cell"), "two"));
	cr_expect_gt(mp_path_int(list, "names", 0), 0);
	/* It takes no other request. */
	request(&g, 1, a, "alice", "broker");
	cr_expect(span_is(error_code(&g), "unsupported"));
	stop(&g);
}

/* ---- batches */

static void numbered(struct buf *out, uint64_t epoch, const char *to, uint64_t number)
{
	struct envelope env = {.type = ENV_REQUEST, .cluster = 1, .from = span_of("alice"),
			       .to = span_of(to), .correlation = number, .epoch = epoch,
			       .kind = 99, .body = span_of("\x80")};
	env_encode(out, &env);
}

static void feed_numbered(struct rig *g, uint64_t epoch, const char *to, uint64_t number)
{
	struct buf out = {0};
	numbered(&out, epoch, to, number);
	struct bytes *frame = bytes_take(&out);
	router_on_frame(g->r, 1, frame, false, 2000);
	bytes_unref(frame);
}

Test(router, what_a_burst_brings_for_a_session_leaves_as_one_batch)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello_taking(&g, 1, "one", 1, "alice", 65536);
	hello_taking(&g, 2, "two", 1, "bob", 65536);
	hello(&g, 3, "three", 1, "carol"); /* who takes none */
	size_t from = g.count, frames = g.frames;
	for (uint64_t i = 1; i <= 3; i++) {
		feed_numbered(&g, a, "bob", i);
		feed_numbered(&g, a, "carol", i);
	}
	cr_expect_eq(g.frames - frames, 3, "only carol's");
	router_flush(g.r);
	cr_assert_eq(g.count - from, 6);
	cr_expect_eq(g.frames - frames, 4);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(g.sent[from + i].peer, 3);
		cr_expect_eq(g.sent[from + i].of, 1);
		cr_expect_eq(g.sent[from + 3 + i].peer, 2);
		cr_expect_eq(g.sent[from + 3 + i].of, 3);
		cr_expect_eq(g.sent[from + 3 + i].env.correlation, i + 1);
	}
	router_flush(g.r);
	cr_expect_eq(g.frames - frames, 4);
	cr_expect_eq(router_stats(g.r)->routed, 6);
	stop(&g);
}

Test(router, a_large_frame_does_not_overtake_what_waits)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello_taking(&g, 1, "one", 1, "alice", 65536);
	hello_taking(&g, 2, "two", 1, "bob", 65536);
	size_t from = g.count;
	feed_numbered(&g, a, "bob", 1);
	send_big(&g, 1, a, ENV_REQUEST, "alice", "bob");
	feed_numbered(&g, a, "bob", 3);
	router_flush(g.r);
	cr_assert_eq(g.count - from, 3);
	cr_expect_eq(g.sent[from].env.correlation, 1);
	cr_expect_eq(g.sent[from + 1].env.correlation, 42);
	cr_expect_eq(g.sent[from + 2].env.correlation, 3);
	stop(&g);
}

Test(router, a_burst_without_end_leaves_all_the_same)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello_taking(&g, 1, "one", 1, "alice", 65536);
	hello_taking(&g, 2, "two", 1, "bob", 65536);
	size_t before = g.count;
	for (uint64_t i = 1; i <= 300; i++)
		feed_numbered(&g, a, "bob", i);
	cr_expect_gt(g.count, before, "nobody flushed");
	stop(&g);
}

/* In a batch: a request, one with a body that is cut off, a batch, a request. */
Test(router, a_bad_frame_of_a_batch_does_not_take_the_others_along)
{
	struct rig g = rig_new();
	struct buf one = {0};
	start(&g);
	uint64_t a = hello(&g, 1, "one", 1, "alice");
	hello(&g, 2, "two", 1, "bob");
	size_t from = g.count;
	struct batch b = {.limit = BATCH_BYTES_MAX}, inner = {.limit = BATCH_BYTES_MAX};
	numbered(&one, a, "bob", 1);
	batch_add(&b, span_buf(&one));
	batch_add(&b, (struct span){one.data, one.len - 1});
	batch_add(&inner, span_buf(&one));
	batch_add(&inner, span_buf(&one));
	struct bytes *frame = batch_take(&inner);
	batch_add(&b, bytes_span(frame));
	bytes_unref(frame);
	batch_add(&b, (struct span){0});
	one.len = 0;
	numbered(&one, a, "bob", 2);
	batch_add(&b, span_buf(&one));
	batch_add(&b, (struct span){(const uint8_t *)"pods\0x", 6});
	frame = batch_take(&b);
	router_on_frame(g.r, 1, frame, false, 2000);
	cr_assert_eq(g.count - from, 2);
	cr_expect_eq(g.sent[from].env.correlation, 1);
	cr_expect_eq(g.sent[from + 1].env.correlation, 2);
	cr_expect_eq(router_stats(g.r)->malformed, 3);
	cr_expect_eq(router_stats(g.r)->batches, 1);
	cr_expect_eq(g.published, 1);
	/* A stranger's is strange frame by frame. */
	uint64_t strangers = router_stats(g.r)->strangers;
	router_on_frame(g.r, 9, frame, false, 2000);
	cr_expect_eq(router_stats(g.r)->strangers - strangers, 3);
	bytes_unref(frame);
	/* One that has not the shape of a batch is dropped as a whole. */
	frame = bytes_copy("\x92\xc4\x01x\xc4\x7fy", 7);
	uint64_t malformed = router_stats(g.r)->malformed;
	router_on_frame(g.r, 1, frame, true, 2000);
	cr_expect_eq(router_stats(g.r)->malformed - malformed, 1);
	bytes_unref(frame);
	buf_fini(&one);
	stop(&g);
}

Test(router, a_batch_that_the_socket_refuses_is_answered_one_by_one)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello_taking(&g, 1, "one", 1, "alice", 65536);
	uint64_t two = hello_taking(&g, 2, "two", 1, "bob", 65536);
	size_t from = g.count;
	g.full = 2;
	feed_numbered(&g, a, "bob", 1);
	feed_numbered(&g, a, "bob", 2);
	router_flush(g.r);
	cr_assert_eq(g.count - from, 2);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(g.sent[from + i].peer, 1);
		cr_expect_eq(g.sent[from + i].env.type, ENV_ERROR);
		cr_expect_eq(g.sent[from + i].env.correlation, i + 1);
	}
	cr_expect_eq(g.dead, 2);
	cr_expect_eq(router_stats(g.r)->refused_full, 2);
	/* What it never got is nothing that it owes. */
	g.full = 0;
	system_u64(&g, 2, two, MSG_SESSION_PING, "sent_us", 5);
	router_flush(g.r);
	cr_expect_eq(g.sent[g.count - 1].env.kind, MSG_SESSION_PONG);
	cr_expect_eq(mp_path_int(mp_of(g.sent[g.count - 1].env.body), "sent", -1), 0);
	stop(&g);
}

Test(router, what_waits_for_a_session_leaves_before_it_ends)
{
	struct rig g = rig_new();
	start(&g);
	uint64_t a = hello_taking(&g, 1, "one", 1, "alice", 65536);
	uint64_t two = hello_taking(&g, 2, "two", 1, "bob", 65536);
	size_t from = g.count;
	feed_numbered(&g, a, "bob", 1);
	system_u64(&g, 2, two, MSG_SESSION_BYE, "x", 0);
	cr_assert_eq(g.count - from, 1);
	cr_expect_eq(g.sent[from].peer, 2);
	feed_numbered(&g, a, "bob", 2);
	router_flush(g.r);
	cr_expect_eq(g.sent[g.count - 1].peer, 1);
	cr_expect_eq(g.sent[g.count - 1].env.type, ENV_ERROR);
	stop(&g);
}
