/* Soft keys are gone after a restart of the store, without an event: a view that
 * knew of them finds out, whether or not something else is written. */
#include <criterion/criterion.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "actors/runtime/view.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"

/* What the test tells the keeper to write, each a transaction. */
struct orders {
	const char *soft; /* written once a second while it is set */
	const char *durable;
};

struct keeper {
	struct orders *orders;
};

static void put(struct ctx *c, const char *key, bool soft)
{
	struct buf b = {0};
	mpw_map(&b, 0);
	struct bytes *v = bytes_take(&b);
	struct store_op op = {.verb = STORE_PUT, .key = span_of(key), .value = v, .soft = soft};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, 1);
	bytes_unref(v);
}

static int keeper_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct keeper *k = st;
	(void)tag;
	if (k->orders->durable)
		put(c, k->orders->durable, false);
	else if (k->orders->soft)
		put(c, k->orders->soft, true);
	k->orders->durable = NULL;
	ctx_timer(c, 1000000, 0);
	return 0;
}

static int keeper_init(struct ctx *c, void *st, struct mp cfg)
{
	struct keeper *k = st;
	(void)cfg;
	k->orders = ctx_shared(c, "orders");
	ctx_timer(c, 1000, 0);
	return 0;
}

static int keeper_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	(void)c;
	(void)st;
	(void)tag;
	(void)o;
	return 0;
}

static const struct actor_spec keeper_spec = {
	.kind = "keeper",
	.state_bytes = sizeof(struct keeper),
	.init = keeper_init,
	.on_timer = keeper_timer,
	.on_outcome = keeper_outcome,
};

static int follower_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st;
	(void)cfg;
	ctx_follow(c, "things");
	return 0;
}

static int follower_view(struct ctx *c, void *st, const struct view_change *v)
{
	(void)c;
	(void)st;
	(void)v;
	return 0;
}

static const struct actor_spec follower_spec = {
	.kind = "follower", .init = follower_init, .on_view = follower_view};

static const struct actor_spec *const kinds[] = {&store_actor, &keeper_spec, &follower_spec, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "orders") == 0 ? arg : NULL;
}

static void add(struct cell *c, const char *kind)
{
	struct buf b = {0};
	mpw_map(&b, 0);
	cr_assert_eq(cell_add_actor(c, kind, kind, mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

static struct sim *begin(struct orders *orders)
{
	struct sim_config cfg = {.seed = 1,
				 .catalogue = &catalogue,
				 .kinds = kinds,
				 .latency_min_us = 20,
				 .latency_max_us = 3000,
				 .sync_min_us = 100,
				 .sync_max_us = 4000,
				 .shared = shared,
				 .shared_arg = orders};
	log_init("off");
	struct sim *s = sim_new(&cfg);
	add(sim_cell(s, "core"), "store");
	add(sim_cell(s, "write"), "keeper");
	add(sim_cell(s, "follow"), "follower");
	return s;
}

static void go_on(struct sim *s, uint64_t seconds)
{
	sim_run(s, sim_now_us(s) + seconds * 1000000, NULL, NULL);
}

static bool shows(struct sim *s, const char *key)
{
	return view_get(cell_view(sim_cell(s, "follow"), "things"), span_of(key)) != NULL;
}

/* Two soft keys and a durable one, and a store that begins again. */
static struct sim *begin_again(struct orders *orders, const char *then)
{
	struct sim *s = begin(orders);
	orders->soft = "things/a";
	go_on(s, 3);
	orders->soft = "things/b";
	orders->durable = "things/kept";
	go_on(s, 5);
	cr_assert(shows(s, "things/a") && shows(s, "things/b") && shows(s, "things/kept"));
	orders->soft = then;
	sim_crash_actor(s, "core", "store");
	return s;
}

Test(soft, who_is_told_nothing_asks)
{
	struct orders orders = {0};
	struct sim *s = begin_again(&orders, NULL);
	go_on(s, 10);
	cr_expect_not(shows(s, "things/a"));
	cr_expect_not(shows(s, "things/b"));
	cr_expect(shows(s, "things/kept"));
	sim_free(s);
}

Test(soft, an_event_that_does_not_follow_on_the_last_one_tells)
{
	struct orders orders = {0};
	struct sim *s = begin_again(&orders, "things/b");
	go_on(s, 10);
	cr_expect_not(shows(s, "things/a"));
	cr_expect(shows(s, "things/b"));
	cr_expect(shows(s, "things/kept"));
	sim_free(s);
}
