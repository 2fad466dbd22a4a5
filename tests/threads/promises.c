/* What the runtime promises, each shown in the simulator and on real sockets
 * by the same body. tests/README.md says which promise is shown where. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "tests/threads/bodies.h"
#include "tests/threads/twin.h"

enum { ASK = 900, ANSWER = 901, SECOND_US = 1000000, MINUTE_US = 60 * SECOND_US };

static const struct msg_field fields[] = {{"fill", MP_BIN, 0, false, "what makes it large"},
					  {NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{ASK, "test.ask", CLASS_REQUEST, ROLE_CELL, fields, "a question"},
	{ANSWER, "test.answer", CLASS_REPLY, ROLE_CELL, fields, "its answer"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"tests", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

enum { OK, REFUSED, LATE, GONE, OTHER, KINDS };

/* What the test and the actors share. */
struct world {
	_Atomic int go; /* the asker: so many questions, once */
	_Atomic int in_flight_max, fill, timeout_ms;
	const char *_Atomic to;
	_Atomic long asked, answered[KINDS];
	_Atomic bool connected;
	_Atomic long crashes;
	_Atomic size_t objects; /* that the follower sees */
	_Atomic int write;	/* the writer: so many objects there are to be */
	_Atomic int written;
	_Atomic long kept, lost; /* leases */
	_Atomic bool lease_there;
	_Atomic long sessions; /* that cells began, all in all */
	/* of the test's thread alone: the order on the bus */
	uint64_t last_event;
	long heads, events, overtaken;
};

static struct world *world_of(struct ctx *c)
{
	return ctx_shared(c, "world");
}

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
}

static long answers(const struct world *w)
{
	long n = 0;
	for (int i = 0; i < KINDS; i++)
		n += w->answered[i];
	return n;
}

/* ---- an actor that answers */

static int on_ask(struct ctx *c, void *st, const struct msg *m)
{
	struct buf none = {0};
	(void)st, (void)m;
	ctx_reply(c, &none);
	return 0;
}

static const struct actor_handler answering[] = {{"test.ask", on_ask}, {NULL, NULL}};
static const struct actor_spec answerer = {
	.kind = "answerer", .state_bytes = 1, .handlers = answering};

/* ---- one that asks: first until it is heard, then `go` questions */

struct asker {
	int left, flying;
};

static void ask_one(struct ctx *c, uint64_t tag)
{
	struct world *w = world_of(c);
	static const uint8_t zeros[64 * 1024];
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_str(&b, "fill");
	mpw_bin(&b, (struct span){zeros, (size_t)w->fill});
	ctx_request(c, w->to, "test.ask", &b, (uint32_t)w->timeout_ms, tag);
	w->asked += tag;
}

static void ask_more(struct ctx *c, struct asker *a)
{
	for (; a->left > 0 && a->flying < world_of(c)->in_flight_max; a->left--, a->flying++)
		ask_one(c, 1);
}

static int asker_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct world *w = world_of(c);
	struct asker *a = st;
	(void)tag;
	ctx_timer(c, 10000, 0);
	if (!w->connected) {
		ask_one(c, 0);
	} else if (w->go) {
		a->left = atomic_exchange(&w->go, 0);
		ask_more(c, a);
	}
	return 0;
}

static int asker_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return asker_timer(c, st, 0);
}

static int asker_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = world_of(c);
	struct asker *a = st;
	w->connected |= r->status == 0;
	if (tag == 0)
		return 0;
	w->answered[r->status == 0		   ? OK
		    : r->status == ERR_OVERLOADED  ? REFUSED
		    : r->status == ERR_TIMEOUT	   ? LATE
		    : r->status == ERR_UNREACHABLE ? GONE
						   : OTHER]++;
	a->flying--;
	ask_more(c, a);
	return 0;
}

static const struct actor_spec asker = {.kind = "asker",
					.state_bytes = sizeof(struct asker),
					.init = asker_init,
					.on_timer = asker_timer,
					.on_reply = asker_reply};

/* ---- one that fails as soon as it begins */

static int mad_timer(struct ctx *c, void *st, uint64_t tag)
{
	(void)st, (void)tag;
	world_of(c)->crashes++;
	return ERR_INVALID;
}

static int mad_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 0, 0);
	return 0;
}

static const struct actor_spec mad = {
	.kind = "mad", .state_bytes = 1, .init = mad_init, .on_timer = mad_timer};

/* ---- one that writes objects until there are `write`, and one that follows them */

static int writer_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct world *w = world_of(c);
	(void)st, (void)tag;
	if (w->written >= w->write) {
		ctx_timer(c, 1000, 0);
		return 0;
	}
	char key[32];
	snprintf(key, sizeof key, "things/%d", w->written + 1);
	struct bytes *v = bytes_copy("\x80", 1);
	struct store_op op = {.verb = STORE_PUT, .key = span_of(key), .value = v};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, 0);
	bytes_unref(v);
	return 0;
}

static int writer_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	must(o->status == 0, "%s", o->text);
	world_of(c)->written++;
	return writer_timer(c, st, tag);
}

static int writer_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return writer_timer(c, st, 0);
}

static const struct actor_spec writer = {.kind = "writer",
					 .state_bytes = 1,
					 .init = writer_init,
					 .on_timer = writer_timer,
					 .on_outcome = writer_outcome};

struct follower {
	struct view *view;
};

static int follower_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	((struct follower *)st)->view = ctx_follow(c, "things");
	return 0;
}

static int follower_view(struct ctx *c, void *st, const struct view_change *v)
{
	(void)v;
	world_of(c)->objects = view_count(((struct follower *)st)->view);
	return 0;
}

static const struct actor_spec follower = {.kind = "follower",
					   .state_bytes = sizeof(struct follower),
					   .init = follower_init,
					   .on_view = follower_view};

/* One that wants to know the stream's head, over and over. */
static int nagger_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct buf b = {0};
	(void)st, (void)tag;
	mpw_map(&b, 1);
	mpw_kv_str(&b, "stream", "things");
	ctx_send(c, "store", "bus.subscribed", &b, 0);
	ctx_timer(c, 300, 0);
	return 0;
}

static int nagger_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return nagger_timer(c, st, 0);
}

static const struct actor_spec nagger = {
	.kind = "nagger", .state_bytes = 1, .init = nagger_init, .on_timer = nagger_timer};

/* ---- one that holds a lease, and looks whether it is there */

enum { LEASE_MS = 1500, KEEP_US = 300000, TAG_LEASE = 1, TAG_LOOK, TAG_KEEP };

static void look(struct ctx *c)
{
	struct store_op op = {.verb = STORE_GET, .key = span_of("leases/l")};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, TAG_LOOK);
}

static int holder_timer(struct ctx *c, void *st, uint64_t tag)
{
	(void)st;
	if (tag == TAG_LEASE) {
		struct bytes *v = bytes_copy("\x80", 1);
		struct store_op op = {.verb = STORE_PUT,
				      .key = span_of("leases/l"),
				      .value = v,
				      .ttl_ms = LEASE_MS};
		struct store_txn t = {.then_ops = &op, .then_count = 1};
		ctx_txn(c, &t, TAG_LEASE);
		bytes_unref(v);
		return 0;
	}
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "lease", "leases/l");
	ctx_request(c, "store", "store.keep", &b, 1000, TAG_KEEP);
	return 0;
}

static int holder_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 1000, TAG_LEASE);
	return 0;
}

static int holder_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	struct world *w = world_of(c);
	(void)st;
	must(o->status == 0, "%s", o->text);
	if (tag == TAG_LOOK)
		w->lease_there = o->row_count == 1 && o->rows[0].value != NULL;
	ctx_timer(c, KEEP_US, TAG_KEEP);
	return 0;
}

static int holder_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = world_of(c);
	(void)st, (void)tag;
	if (r->status)
		w->lost++;
	else
		w->kept++;
	look(c);
	return 0;
}

static const struct actor_spec holder = {.kind = "holder",
					 .state_bytes = 1,
					 .init = holder_init,
					 .on_timer = holder_timer,
					 .on_outcome = holder_outcome,
					 .on_reply = holder_reply};

/* ---- one that counts the sessions that there have been */

static int counter_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct buf none = {0};
	(void)st, (void)tag;
	ctx_request(c, "broker", "broker.sessions", &none, 1000, 0);
	return 0;
}

static int counter_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return counter_timer(c, st, 0);
}

static int counter_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = world_of(c);
	struct mp list;
	size_t n = 0;
	long most = w->sessions;
	(void)st, (void)tag;
	if (r->status == 0 && mp_find(r->body, "sessions", &list) && mp_array(&list, &n) == 0)
		for (; n; n--, mp_skip(&list)) {
			long epoch = (long)(mp_path_int(list, "epoch", 0) & 0xffffffffff);
			most = epoch > most ? epoch : most;
		}
	w->sessions = most;
	ctx_timer(c, 50000, 0);
	return 0;
}

static const struct actor_spec counter = {.kind = "counter",
					  .state_bytes = 1,
					  .init = counter_init,
					  .on_timer = counter_timer,
					  .on_reply = counter_reply};

static const struct actor_spec *const kinds[] = {&store_actor, &answerer, &asker,  &mad,
						 &writer,      &follower, &nagger, &holder,
						 &counter,     NULL};

static struct twin_config config_of(struct world *w)
{
	*w = (struct world){0};
	w->in_flight_max = 64;
	w->timeout_ms = 2000;
	w->to = "answerer";
	return (struct twin_config){
		.catalogue = &catalogue, .kinds = kinds, .shared = shared, .arg = w};
}

static bool connected(void *arg)
{
	return ((struct world *)arg)->connected;
}

/* ---- a peer that takes nothing: nothing of control is lost without a word */

enum { FLOOD = 3000, FLOOD_FILL = 6000 };

static bool flood_answered(void *arg)
{
	return answers(arg) == FLOOD;
}

static void stalled_peer(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	struct twin *t = twin_new(end, &cfg);
	twin_cell(t, "one", "asker asker");
	twin_cell(t, "two", "answerer answerer");
	must(twin_run(t, MINUTE_US, connected));
	twin_pause(t, "two", true);
	w.fill = FLOOD_FILL;
	w.in_flight_max = FLOOD;
	w.go = FLOOD;
	must(twin_run(t, MINUTE_US, flood_answered), "%ld of them", answers(&w));
	must(w.answered[REFUSED] > FLOOD / 4, "%ld: its window", w.answered[REFUSED]);
	must(w.answered[LATE] > FLOOD / 4, "%ld", w.answered[LATE]);
	must(w.answered[OK] + w.answered[OTHER] + w.answered[GONE] == 0);
	/* It goes on, and so do they. */
	twin_pause(t, "two", false);
	memset((void *)w.answered, 0, sizeof w.answered);
	w.fill = 0;
	w.in_flight_max = 10;
	w.timeout_ms = 20000;
	w.go = FLOOD;
	must(twin_run(t, MINUTE_US, flood_answered), "%ld of them", answers(&w));
	must(w.answered[OK] > FLOOD / 2, "%ld", w.answered[OK]);
	twin_free(t);
}

/* ---- a broker that is started again under them: each question has one answer */

static void broker_restarts(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	struct twin *t = twin_new(end, &cfg);
	twin_cell(t, "one", "asker asker");
	twin_cell(t, "two", "answerer answerer");
	must(twin_run(t, MINUTE_US, connected));
	w.go = FLOOD;
	for (int i = 0; i < 3; i++) {
		twin_run(t, 20000, NULL);
		twin_restart_broker(t);
	}
	must(twin_run(t, 2 * MINUTE_US, flood_answered), "%ld of them", answers(&w));
	twin_run(t, 3 * SECOND_US, NULL);
	must(answers(&w) == FLOOD && w.asked == FLOOD, "%ld", answers(&w));
	twin_free(t);
}

/* ---- one that fails over and over does not starve the others of its cell */

static void crash_loop(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	cfg.restart = (struct restart_policy){.intensity = 1000000,
					      .window_us = SECOND_US,
					      .backoff_min_us = 100,
					      .backoff_max_us = 200};
	struct twin *t = twin_new(end, &cfg);
	twin_cell(t, "one", "asker asker");
	twin_cell(t, "two", "mad mad1 mad mad2 mad mad3 answerer answerer");
	must(twin_run(t, MINUTE_US, connected));
	long before = w.crashes;
	w.go = FLOOD;
	must(twin_run(t, (BODIES_SLOW ? 60 : 10) * SECOND_US, flood_answered), "%ld of them",
	     answers(&w));
	must(w.answered[OK] == FLOOD, "%ld", w.answered[OK]);
	must(w.crashes - before > 50, "%ld", w.crashes - before);
	twin_free(t);
}

/* ---- two that have the same name: the former owner is told, and nobody storms */

static void same_name(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	struct twin *t = twin_new(end, &cfg);
	w.to = "mine";
	twin_cell(t, "one", "answerer same answerer mine");
	twin_cell(t, "asking", "asker asker counter counter");
	must(twin_run(t, MINUTE_US, connected));
	long before = w.sessions;
	twin_cell(t, "two", "answerer same");
	twin_run(t, 10 * SECOND_US, NULL);
	must(w.sessions > before + 1, "the former owner said hello again");
	must(w.sessions <= before + 4, "%ld sessions in ten seconds", w.sessions - before);
	/* Whoever is told has its other names back at once. */
	w.go = 200;
	w.in_flight_max = 1;
	twin_run(t, 5 * SECOND_US, NULL);
	must(w.answered[OK] > 190, "%ld", w.answered[OK]);
	twin_free(t);
}

/* ---- the last event before silence is lost: a follower has it in a period */

static bool sees_one(void *arg)
{
	return ((struct world *)arg)->objects == 1;
}

static bool sees_two(void *arg)
{
	return ((struct world *)arg)->objects == 2;
}

static void last_event_lost(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	cfg.deaf = true;
	struct twin *t = twin_new(end, &cfg);
	w.write = 1;
	twin_cell(t, "core", "store store writer writer");
	twin_cell(t, "far", "follower follower");
	must(twin_run(t, MINUTE_US, sees_one));
	twin_run(t, 3 * SECOND_US, NULL); /* and is live */
	w.write = 2;
	must(twin_run(t, 2500000, sees_two), "%zu objects", w.objects);
	twin_free(t);
}

/* ---- a head never overtakes the events that led to it */

enum { WRITES = 400 };

static void watch_order(void *arg, struct bytes *frame)
{
	struct world *w = arg;
	struct span topic, rest;
	struct envelope env;
	struct mp v;
	uint64_t version = 0;
	must(env_split_topic(bytes_span(frame), &topic, &rest) == 0);
	must(env_decode(rest, &env, NULL) == 0);
	if (!span_is(topic, "things") || !mp_find(mp_of(env.body), "version", &v) ||
	    mp_u64(&v, &version))
		return;
	if (env.kind == MSG_BUS_EVENT) {
		must(version > w->last_event, "events are in order");
		w->last_event = version;
		w->events++;
	} else if (env.kind == MSG_BUS_HEAD) {
		w->heads++;
		w->overtaken += version > w->last_event && w->events > 0;
	}
}

static bool all_on_the_bus(void *arg)
{
	const struct world *w = arg;
	return w->written == WRITES && w->events >= WRITES - 1 && w->heads > 20;
}

static void heads_in_order(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	cfg.published = watch_order;
	cfg.topic = "things";
	struct twin *t = twin_new(end, &cfg);
	twin_cell(t, "core", "store store");
	twin_cell(t, "far", "nagger nagger writer writer");
	w.write = 1;
	twin_run(t, SECOND_US, NULL);
	w.write = WRITES;
	must(twin_run(t, MINUTE_US, all_on_the_bus), "%ld events, %ld heads", w.events, w.heads);
	must(w.overtaken == 0, "%ld of %ld heads", w.overtaken, w.heads);
	twin_free(t);
}

/* ---- the clock on the wall is set: leases do not know */

static bool kept_three(void *arg)
{
	return ((struct world *)arg)->kept >= 3;
}

static bool kept_often(void *arg)
{
	return ((struct world *)arg)->kept >= 12;
}

static void clock_jumps(enum twin_end end)
{
	struct world w;
	struct twin_config cfg = config_of(&w);
	struct twin *t = twin_new(end, &cfg);
	twin_cell(t, "core", "store store holder holder");
	must(twin_run(t, MINUTE_US, kept_three));
	twin_jump_wall(t, INT64_C(3600) * SECOND_US);
	w.kept = 0;
	uint64_t from = twin_now_us(t);
	must(twin_run(t, MINUTE_US, kept_often));
	must(w.lease_there);
	twin_jump_wall(t, INT64_C(-7200) * SECOND_US);
	w.kept = 0;
	must(twin_run(t, MINUTE_US, kept_often));
	must(w.lease_there && w.lost == 0, "%ld", w.lost);
	/* It took as long as the steps between: no timer ran ahead or stood still. */
	must(twin_now_us(t) - from >= 2 * 11 * KEEP_US);
	must(twin_now_us(t) - from < (BODIES_SLOW ? 60 : 20) * SECOND_US);
	twin_free(t);
}

#define BOTH(body, name)                                                                           \
	static void body##_sim(void)                                                               \
	{                                                                                          \
		body(TWIN_SIM);                                                                    \
	}                                                                                          \
	static void body##_zmq(void)                                                               \
	{                                                                                          \
		body(TWIN_ZMQ);                                                                    \
	}
#define PROMISES(X)                                                                                \
	X(stalled_peer, "nothing of control is lost without a word on a peer that takes nothing")  \
	X(broker_restarts, "each question has one answer while the broker is started again")       \
	X(crash_loop, "one that fails over and over does not starve the others of its cell")       \
	X(same_name, "the former owner of a name is told, and nobody storms")                      \
	X(last_event_lost, "the last event before silence is repaired in one period")              \
	X(heads_in_order, "a head never overtakes the events that led to it")                      \
	X(clock_jumps, "no lease ends because somebody sets the clock an hour")
PROMISES(BOTH)

const struct body bodies[] = {
#define ROWS(body, name) {name ", simulated", body##_sim}, {name ", on sockets", body##_zmq},
	PROMISES(ROWS){0},
};
