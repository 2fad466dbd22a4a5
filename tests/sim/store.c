/* The store under the simulator, judged as a database: clients that write and
 * read a register, add to a set and move money, while actors, cells and the
 * broker crash, links lose and clients die with a request under way. What
 * they saw must be one history (tools/chaos/client_history.h), and money is conserved
 * in each read. SEEDS=10000 build/tests/sim/store does so many (150). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "broker/base/log.h"
#include "store/local/record.h"
#include "tests/lib/seeds.h"
#include "tools/chaos/clients.h"

enum { SEEDS = 150, CLIENTS = 5, OPS = 40 };

struct world {
	struct client_history history;
	struct script script;
	struct client_book book;
	struct sim *sim;
};

enum tag { TAG_NEXT = 1, TAG_OP };

/* ---- an actor that holds a lease for a while */

enum { TTL_MS = 2000, KEEPS = 3 };

struct holder {
	int step, kept;
};

static struct bytes *value_new(void)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "n", 1);
	return bytes_take(&b);
}

static int holder_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct holder *k = st;
	(void)tag;
	if (k->step < 2) { /* first the lease, then what goes with it */
		struct store_op op = {.verb = STORE_PUT, .value = value_new()};
		struct store_txn t = {.then_ops = &op, .then_count = 1};
		op.key = span_of(k->step ? "things/k" : "leases/l");
		op.ttl_ms = k->step ? 0 : TTL_MS;
		op.lease = span_of(k->step ? "leases/l" : "");
		ctx_txn(c, &t, TAG_OP);
		bytes_unref(op.value);
	} else if (k->kept < KEEPS) {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_str(&b, "lease", "leases/l");
		ctx_request(c, "store", "store.keep", &b, 1000, TAG_OP);
	}
	return 0;
}

static int holder_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 1000, TAG_NEXT);
	return 0;
}

static int holder_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	struct holder *k = st;
	(void)tag;
	cr_assert_eq(o->status, 0, "%s", o->text);
	k->step++;
	ctx_timer(c, 1000, TAG_NEXT);
	return 0;
}

static int holder_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct holder *k = st;
	(void)tag;
	cr_assert_eq(r->status, 0);
	k->kept++;
	ctx_timer(c, 1500000, TAG_NEXT); /* within its time */
	return 0;
}

static const struct actor_spec holder_spec = {
	.kind = "holder",
	.state_bytes = sizeof(struct holder),
	.init = holder_init,
	.on_timer = holder_timer,
	.on_outcome = holder_outcome,
	.on_reply = holder_reply,
};

/* ---- the cluster */

static const struct actor_spec *const kinds[] = {&store_actor, &chaos_client_actor, &holder_spec, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};
static const char *const cells[] = {"core", "near", "far"};
enum { CELLS = sizeof cells / sizeof *cells };

static void *shared(void *arg, const char *name)
{
	struct world *w = arg;
	return strcmp(name, "client-book") == 0 ? &w->book : NULL;
}

static void add(struct cell *c, const char *kind, const char *name, int number)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_i64(&b, "number", number);
	cr_assert_eq(cell_add_actor(c, kind, name, mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

static void refill(void *arg, struct cell *c)
{
	char name[16];
	(void)arg;
	if (strcmp(cell_name(c), "core") == 0)
		add(c, "store", "store", 0);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(name, sizeof name, "client%d", i);
		if (strcmp(cells[i % CELLS], cell_name(c)) == 0)
			add(c, "client", name, i);
	}
}

/* The truth: what is on the disk. */
static void on_committed(void *arg, uint64_t revision, struct span data)
{
	struct world *w = arg;
	struct record *r = malloc(sizeof *r);
	cr_assert_eq(record_decode(data, r), 0);
	for (unsigned i = 0; i < r->count; i++) {
		char key[24];
		snprintf(key, sizeof key, "%.*s", (int)r->changes[i].key.len,
			 (const char *)r->changes[i].key.data);
		client_history_log(&w->history, revision, key, client_value(r->changes[i].value));
	}
	free(r);
}

static void break_something(struct sim *s)
{
	const char *cell = cells[sim_random(s) % CELLS];
	switch (sim_random(s) % 8) {
	case 0:
	case 1:
		sim_crash_actor(s, "core", "store");
		break;
	case 2:
		sim_crash_cell(s, cell, refill, NULL);
		break;
	case 3:
		sim_restart_broker(s);
		break;
	case 4:
		sim_cut(s, cell, (unsigned)sim_random(s) % 4);
		break;
	case 5:
		sim_pause_cell(s, cell, sim_random(s) & 1);
		break;
	case 6:
		sim_crash_actor(s, "near", "client1");
		break;
	default:
		sim_heal(s);
	}
}

/* So many operations of each have ended, one way or the other. */
static bool all_done(void *arg)
{
	const struct client_history *h = &((struct world *)arg)->history;
	int done[CLIENTS] = {0};
	for (size_t i = 0; i < h->op_count; i++)
		done[h->ops[i].client] += h->ops[i].returned != 0;
	for (int i = 0; i < CLIENTS; i++)
		if (done[i] < OPS)
			return false;
	return true;
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);
	w->script = (struct script){.checkers = CHECKER_REGISTER | CHECKER_SET | CHECKER_BANK,
				    .client_ops = OPS,
				    .client_us = {500, 8500}};
	w->book = (struct client_book){.history = &w->history, .script = &w->script, .begun = true};
	return w;
}

static struct world *run_seed(uint64_t seed)
{
	struct world *w = world_new();
	struct sim_config cfg = {
		.seed = seed, .catalogue = &catalogue, .kinds = kinds,
		.latency_min_us = 20, .latency_max_us = 3000, .link_loss_permille = 10,
		.sync_min_us = 100, .sync_max_us = 6000,
		.shared = shared, .shared_arg = w,
		.committed = on_committed, .committed_arg = w,
	};
	w->sim = sim_new(&cfg);
	for (int i = 0; i < CELLS; i++)
		refill(NULL, sim_cell(w->sim, cells[i]));
	for (int i = 0; i < 14; i++) {
		sim_run(w->sim, sim_now_us(w->sim) + 5000 + sim_random(w->sim) % 40000, NULL, NULL);
		break_something(w->sim);
	}
	sim_heal(w->sim);
	cr_assert(sim_run(w->sim, sim_now_us(w->sim) + 120000000, all_done, w),
		  "seed %llu: a client waits for ever", (unsigned long long)seed);
	sim_free(w->sim);
	return w;
}

static const struct client_change *deletion_of(const struct world *w, const char *key)
{
	for (size_t i = 0; i < w->history.log_count; i++)
		if (strcmp(w->history.log[i].pair.key, key) == 0 && !w->history.log[i].pair.value)
			return &w->history.log[i];
	return NULL;
}

static bool lease_is_gone(void *arg)
{
	return deletion_of(arg, "leases/l") != NULL;
}

static void refill_holder(void *arg, struct cell *c)
{
	(void)arg;
	add(c, strcmp(cell_name(c), "core") == 0 ? "store" : "holder",
	    strcmp(cell_name(c), "core") == 0 ? "store" : "holder", 0);
}

static void world_free(struct world *w)
{
	client_history_fini(&w->history);
	free(w);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(sim_store, .init = quiet);

Test(sim_store, registers_sets_and_accounts_are_linearizable)
{
	struct seed_range r = seed_range(SEEDS);
	uint64_t ops = 0, unknown = 0;
	size_t op;
	for (uint64_t seed = r.first; seed < r.first + r.count; seed++) {
		struct world *w = run_seed(seed);
		cr_assert(client_history_holds(&w->history), "seed %llu: %s", (unsigned long long)seed,
			  w->history.why);
		cr_assert(client_money_conserved(&w->history, &op), "seed %llu: money came or went",
			  (unsigned long long)seed);
		ops += w->history.op_count;
		for (size_t i = 0; i < w->history.op_count; i++)
			unknown += w->history.ops[i].end == CLIENT_UNKNOWN;
		world_free(w);
	}
	fprintf(stderr, "%llu seeds, %llu operations, %llu of unknown outcome\n",
		(unsigned long long)r.count, (unsigned long long)ops, (unsigned long long)unknown);
	cr_assert(unknown > 0 && unknown < ops / 4);
}

/* Kept three times, by messages; then its time runs out, also in a store that
 * began anew meanwhile, and its key goes in the same transaction. */
static void lease_runs_out(bool crash)
{
	struct world *w = world_new();
	struct sim_config cfg = {
		.seed = 3, .catalogue = &catalogue, .kinds = kinds,
		.latency_min_us = 20, .latency_max_us = 300,
		.sync_min_us = 100, .sync_max_us = 600,
		.shared = shared, .shared_arg = w,
		.committed = on_committed, .committed_arg = w,
	};
	w->sim = sim_new(&cfg);
	refill_holder(NULL, sim_cell(w->sim, "core"));
	refill_holder(NULL, sim_cell(w->sim, "near"));
	cr_assert(!sim_run(w->sim, 5000000, lease_is_gone, w), "it was kept");
	if (crash)
		sim_crash_actor(w->sim, "core", "store");
	cr_assert(sim_run(w->sim, 12000000, lease_is_gone, w), "nobody keeps it any more");
	const struct client_change *key = deletion_of(w, "things/k");
	cr_assert(key && key->revision == deletion_of(w, "leases/l")->revision);
	sim_free(w->sim);
	world_free(w);
}

Test(sim_store, lease_that_nobody_keeps_ends_with_its_keys)
{
	lease_runs_out(false);
	lease_runs_out(true);
}

/* ---- whose clock it is */

static void note_time(void *arg, uint64_t revision, struct span data)
{
	struct record r;
	int64_t *last = arg;
	(void)revision;
	cr_assert_eq(record_decode(data, &r), 0);
	*last = r.origin.wall_us;
}

/* History and request ids are kept by it: by the clock of a writer who is wrong
 * by hours all of them would end at once. */
Test(sim_store, what_a_commit_bears_is_the_stores_time_not_the_writers)
{
	struct world *w = world_new();
	int64_t last = 0;
	struct sim_config cfg = {
		.seed = 3, .catalogue = &catalogue, .kinds = kinds,
		.latency_min_us = 20, .latency_max_us = 300,
		.sync_min_us = 100, .sync_max_us = 600,
		.shared = shared, .shared_arg = w,
		.committed = note_time, .committed_arg = &last,
	};
	w->sim = sim_new(&cfg);
	refill_holder(NULL, sim_cell(w->sim, "core"));
	refill_holder(NULL, sim_cell(w->sim, "near"));
	sim_skew(w->sim, "near", INT64_C(7200000000));
	sim_run(w->sim, 1500000, NULL, NULL);
	cr_assert_neq(last, 0, "nothing was written");
	cr_expect_lt(llabs(last - SIM_EPOCH_US), 60000000, "%lld", (long long)(last - SIM_EPOCH_US));
	sim_free(w->sim);
	world_free(w);
}

/* The judge: a true history with one lie in it does not hold. */
static struct client_op *an_op(struct client_history *h, bool writes)
{
	for (size_t i = h->op_count / 2; i < h->op_count; i++)
		if (h->ops[i].end == CLIENT_DONE && (h->ops[i].writes > 0) == writes &&
		    (writes || h->ops[i].reads))
			return &h->ops[i];
	cr_assert(false, "there is none");
	return NULL;
}

static void stale_read(struct client_history *h)
{
	an_op(h, false)->revision--;
	an_op(h, false)->read[0].value += 7;
}

static void lost_write(struct client_history *h)
{
	struct client_op *o = an_op(h, true);
	for (size_t i = 0; i < h->log_count; i++)
		if (h->log[i].revision == o->revision)
			h->log[i].pair.value += 7;
}

static void happened_twice(struct client_history *h)
{
	client_history_log(h, h->log[h->log_count - 1].revision + 1, an_op(h, true)->write[0].key,
		    an_op(h, true)->write[0].value);
}

static void failed_but_happened(struct client_history *h)
{
	an_op(h, true)->end = CLIENT_FAILED;
}

static void back_in_time(struct client_history *h)
{
	struct client_op *o = &h->ops[h->op_count - 1];
	*o = (struct client_op){.end = CLIENT_DONE, .called = UINT64_MAX - 1,
				 .returned = UINT64_MAX, .revision = 1};
}

Test(sim_store, judge_sees_every_kind_of_lie)
{
	static void (*const lies[])(struct client_history *) = {stale_read, lost_write, happened_twice,
							 failed_but_happened, back_in_time};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct world *w = run_seed(7);
		cr_assert(client_history_holds(&w->history), "%s", w->history.why);
		lies[i](&w->history);
		cr_assert(!client_history_holds(&w->history), "lie %zu", i);
		world_free(w);
	}
}
