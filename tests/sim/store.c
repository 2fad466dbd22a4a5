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
#include "tools/chaos/client_history.h"

enum { SEEDS = 150, CLIENTS = 5, OPS = 30, ACCOUNTS = 4, MONEY = 100 };

/* A balance is what is left of a value divided by this; the rest makes each
 * value another one. */
enum { UNIQUE = 1000 };

struct world {
	struct client_history history;
	int done[CLIENTS];
	uint64_t unique;
	struct sim *sim;
};

enum tag { TAG_NEXT = 1, TAG_OP, TAG_LOOK, TAG_MOVE, TAG_SET };

struct client {
	int number;
	struct world *world;
	size_t op; /* under way */
};

static uint64_t value_of(struct span value)
{
	return value.len ? (uint64_t)mp_path_int(mp_of(value), "n", 0) : 0;
}

static struct bytes *value_new(uint64_t n)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "n", n);
	return bytes_take(&b);
}

static struct client_op *op_of(struct client *k)
{
	return &k->world->history.ops[k->op];
}

static void call(struct ctx *c, struct client *k)
{
	k->op = client_history_call(&k->world->history, ctx_now_us(c));
}

static void done(struct ctx *c, struct client *k)
{
	k->world->done[k->number]++;
	ctx_timer(c, 500 + ctx_random(c) % 8000, TAG_NEXT);
}

static uint64_t unique(struct client *k, uint64_t balance)
{
	return ++k->world->unique * UNIQUE + balance;
}

/* A put that the history knows of; a transaction has two at most. */
static struct store_op put(struct client *k, const char *key, uint64_t value)
{
	struct client_op *o = op_of(k);
	o->write[o->writes++] = client_pair(key, value);
	return (struct store_op){.verb = STORE_PUT,
				 .key = span_of(o->write[o->writes - 1].key),
				 .value = value_new(value)};
}

static void put_one(struct ctx *c, struct client *k, const char *key)
{
	call(c, k);
	struct store_op op = put(k, key, unique(k, 0));
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, TAG_OP);
	bytes_unref(op.value);
}

static void write_register(struct ctx *c, struct client *k)
{
	put_one(c, k, ctx_random(c) & 1 ? "reg/a" : "reg/b");
}

static void add_to_set(struct ctx *c, struct client *k)
{
	char key[24];
	snprintf(key, sizeof key, "set/%d-%llu", k->number, (unsigned long long)k->world->unique);
	put_one(c, k, key);
}

static void read_registers(struct ctx *c, struct client *k)
{
	struct store_op ops[2] = {{.verb = STORE_GET, .key = span_of("reg/a")},
				  {.verb = STORE_GET, .key = span_of("reg/b")}};
	struct store_txn t = {.then_ops = ops, .then_count = 2};
	call(c, k);
	ctx_txn(c, &t, TAG_OP);
}

static void read_set(struct ctx *c, struct client *k)
{
	struct buf b = {0};
	call(c, k);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "from", "set/");
	mpw_kv_str(&b, "end", "set0");
	mpw_kv_u64(&b, "limit", 10000);
	ctx_request(c, "store", "store.range", &b, 2000, TAG_SET);
}

static const char *const accounts[ACCOUNTS] = {"bank/a", "bank/b", "bank/c", "bank/d"};

/* First a look at all accounts, which is an operation of its own. */
static void look_at_bank(struct ctx *c, struct client *k)
{
	struct store_op ops[ACCOUNTS];
	struct store_txn t = {.then_ops = ops, .then_count = ACCOUNTS};
	for (int i = 0; i < ACCOUNTS; i++)
		ops[i] = (struct store_op){.verb = STORE_GET, .key = span_of(accounts[i])};
	call(c, k);
	ctx_txn(c, &t, TAG_LOOK);
}

static void move_money(struct ctx *c, struct client *k, const struct store_outcome *o)
{
	unsigned from = ctx_random(c) % ACCOUNTS, to = (from + 1 + ctx_random(c) % 3) % ACCOUNTS;
	uint64_t has[2] = {value_of(bytes_span(o->rows[from].value)) % UNIQUE,
			   value_of(bytes_span(o->rows[to].value)) % UNIQUE};
	bool first = !o->rows[from].value && !o->rows[to].value;
	uint64_t sum = first ? (from == 0 || to == 0 ? MONEY : 0) : ctx_random(c) % (has[0] + 1);
	call(c, k);
	struct store_compare same[2] = {
		{.key = span_of(accounts[from]), .field = STORE_MOD,
		 .number = o->rows[from].value ? o->rows[from].mod_version : 0},
		{.key = span_of(accounts[to]), .field = STORE_MOD,
		 .number = o->rows[to].value ? o->rows[to].mod_version : 0},
	};
	uint64_t left = has[0] - (first ? 0 : sum);
	uint64_t got = has[1] + (first ? 0 : sum);
	if (first && from == 0)
		left = sum;
	else if (first && to == 0)
		got = sum;
	struct store_op ops[2] = {put(k, accounts[from], unique(k, left)),
				  put(k, accounts[to], unique(k, got))};
	struct store_txn t = {.compares = same, .compare_count = 2, .then_ops = ops, .then_count = 2};
	ctx_txn(c, &t, TAG_MOVE);
	bytes_unref(ops[0].value);
	bytes_unref(ops[1].value);
}

static void (*const actions[])(struct ctx *, struct client *) = {
	write_register, read_registers, add_to_set, read_set, look_at_bank, look_at_bank,
};

static int client_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct client *k = st;
	(void)tag;
	if (k->world->done[k->number] < OPS)
		actions[ctx_random(c) % (sizeof actions / sizeof *actions)](c, k);
	return 0;
}

static int client_init(struct ctx *c, void *st, struct mp cfg)
{
	struct client *k = st;
	k->number = (int)mp_path_int(cfg, "number", 0);
	k->world = ctx_shared(c, "world");
	ctx_timer(c, 1000, TAG_NEXT);
	return 0;
}

static void note_reads(struct client_op *op, const struct store_outcome *o)
{
	for (size_t i = 0; i < o->row_count && i < CLIENT_KEYS; i++) {
		char key[24];
		snprintf(key, sizeof key, "%.*s", (int)o->rows[i].key.len,
			 (const char *)o->rows[i].key.data);
		op->read[op->reads++] = client_pair(key, value_of(bytes_span(o->rows[i].value)));
	}
}

static int client_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	struct client *k = st;
	struct client_op *op = op_of(k);
	op->returned = ctx_now_us(c);
	op->revision = o->revision;
	op->end = o->status == 0 ? CLIENT_DONE
		  : o->status == ERR_CONFLICT ? CLIENT_FAILED
					      : CLIENT_UNKNOWN;
	if (o->status == 0)
		note_reads(op, o);
	if (tag == TAG_LOOK && o->status == 0)
		move_money(c, k, o);
	else
		done(c, k);
	return 0;
}

static int client_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct client *k = st;
	struct client_op *op = op_of(k);
	struct mp rows, v;
	size_t n = 0, places;
	(void)tag;
	op->returned = ctx_now_us(c);
	if (r->status == 0 && mp_find(r->body, "rows", &rows) && !mp_array(&rows, &n) &&
	    mp_find(r->body, "revision", &v) && !mp_u64(&v, &op->revision)) {
		op->end = CLIENT_DONE;
		strcpy(op->prefix, "set/");
		for (size_t i = 0; i < n; i++) {
			struct span key, value;
			uint64_t number;
			cr_assert(!mp_array(&rows, &places) && !mp_str(&rows, &key) &&
				  !mp_raw(&rows, &value));
			for (int skip = 0; skip < 3; skip++)
				cr_assert(!mp_u64(&rows, &number));
			op->count++;
			op->sum += value_of(value);
		}
	}
	done(c, k);
	return 0;
}

static const struct actor_spec client_spec = {
	.kind = "client",
	.state_bytes = sizeof(struct client),
	.init = client_init,
	.on_timer = client_timer,
	.on_outcome = client_outcome,
	.on_reply = client_reply,
};

/* ---- an actor that holds a lease for a while */

enum { TTL_MS = 2000, KEEPS = 3 };

struct holder {
	int step, kept;
};

static int holder_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct holder *k = st;
	(void)tag;
	if (k->step < 2) { /* first the lease, then what goes with it */
		struct store_op op = {.verb = STORE_PUT, .value = value_new(UNIQUE)};
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

static const struct actor_spec *const kinds[] = {&store_actor, &client_spec, &holder_spec, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};
static const char *const cells[] = {"core", "near", "far"};
enum { CELLS = sizeof cells / sizeof *cells };

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
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
		client_history_log(&w->history, revision, key, value_of(r->changes[i].value));
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

static bool all_done(void *arg)
{
	struct world *w = arg;
	for (int i = 0; i < CLIENTS; i++)
		if (w->done[i] < OPS)
			return false;
	return true;
}

static uint64_t balance_of(const struct client_op *o)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < o->reads; i++)
		sum += o->read[i].value % UNIQUE;
	return sum;
}

/* A look that found money at all found all of it. */
static bool money_is_conserved(const struct client_history *h)
{
	for (size_t i = 0; i < h->op_count; i++) {
		const struct client_op *o = &h->ops[i];
		uint64_t sum = balance_of(o);
		bool look = o->end == CLIENT_DONE && o->reads == ACCOUNTS && !o->writes;
		if (look && sum != 0 && sum != MONEY)
			return false;
	}
	return true;
}

static struct world *run_seed(uint64_t seed)
{
	struct world *w = calloc(1, sizeof *w);
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
	const char *from = getenv("SEED_FROM"), *count = getenv("SEEDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t n = count ? strtoull(count, NULL, 10) : SEEDS;
	uint64_t ops = 0, unknown = 0;
	for (uint64_t seed = first; seed < first + n; seed++) {
		struct world *w = run_seed(seed);
		cr_assert(client_history_holds(&w->history), "seed %llu: %s", (unsigned long long)seed,
			  w->history.why);
		cr_assert(money_is_conserved(&w->history), "seed %llu: money came or went",
			  (unsigned long long)seed);
		ops += w->history.op_count;
		for (size_t i = 0; i < w->history.op_count; i++)
			unknown += w->history.ops[i].end == CLIENT_UNKNOWN;
		world_free(w);
	}
	fprintf(stderr, "%llu seeds, %llu operations, %llu of unknown outcome\n",
		(unsigned long long)n, (unsigned long long)ops, (unsigned long long)unknown);
	cr_assert(unknown > 0 && unknown < ops / 4);
}

/* Kept three times, by messages; then its time runs out, also in a store that
 * began anew meanwhile, and its key goes in the same transaction. */
static void lease_runs_out(bool crash)
{
	struct world *w = calloc(1, sizeof *w);
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
	an_op(h, false)->read[0].value += UNIQUE;
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
