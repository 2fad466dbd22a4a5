#include "tools/chaos/clients.h"

#include <stdio.h>
#include <string.h>

#include "broker/base/mem.h"

enum { ACCOUNTS = 4, MONEY = 100, ASK_MS = 4000, AGAIN_US = 50000 };

/* A balance is what is left of a value divided by this; the rest makes each
 * value another one. */
enum { UNIQUE = 1000 };

enum tag { TAG_NEXT = 1, TAG_OP, TAG_LOOK, TAG_SET };

struct client {
	struct client_book *book;
	unsigned number;
	int64_t done;
	size_t op; /* under way */
};

static const char *const accounts[ACCOUNTS] = {"bank/a", "bank/b", "bank/c", "bank/d"};
static const char *const registers[] = {"reg/a", "reg/b"};

/* ---- values */

uint64_t client_value(struct span value)
{
	return value.len ? (uint64_t)mp_path_int(mp_of(value), "n", 0) : 0;
}

bool client_key(struct span key)
{
	struct span stream = store_stream_of(key);
	return span_is(stream, "reg") || span_is(stream, "set") || span_is(stream, "bank");
}

static struct bytes *value_new(uint64_t n)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "n", n);
	return bytes_take(&b);
}

static uint64_t unique(struct client *k, uint64_t balance)
{
	return ++k->book->unique * UNIQUE + balance;
}

/* ---- operations */

static struct client_op *op_of(struct client *k)
{
	return &k->book->history->ops[k->op];
}

static void call(struct ctx *c, struct client *k)
{
	k->op = client_history_call(k->book->history, ctx_now_us(c));
	op_of(k)->client = k->number;
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

static void get_all(struct ctx *c, struct client *k, const char *const *keys, size_t n, uint64_t tag)
{
	struct store_op ops[ACCOUNTS];
	struct store_txn t = {.then_ops = ops, .then_count = n};
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct store_op){.verb = STORE_GET, .key = span_of(keys[i])};
	call(c, k);
	ctx_txn(c, &t, tag);
}

static void write_register(struct ctx *c, struct client *k)
{
	put_one(c, k, registers[ctx_random(c) & 1]);
}

static void read_registers(struct ctx *c, struct client *k)
{
	get_all(c, k, registers, 2, TAG_OP);
}

static void add_to_set(struct ctx *c, struct client *k)
{
	char key[24];
	snprintf(key, sizeof key, "set/%u-%llu", k->number, (unsigned long long)k->book->unique);
	put_one(c, k, key);
}

static void read_set(struct ctx *c, struct client *k)
{
	struct buf b = {0};
	call(c, k);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "from", "set/");
	mpw_kv_str(&b, "end", "set0");
	mpw_kv_u64(&b, "limit", STORE_RANGE_MAX);
	ctx_request(c, "store", "store.range", &b, ASK_MS, TAG_SET);
}

/* First a look at all accounts, which is an operation of its own. */
static void look_at_bank(struct ctx *c, struct client *k)
{
	get_all(c, k, accounts, ACCOUNTS, TAG_LOOK);
}

/* Who comes first opens the first account with all the money. */
static void move_money(struct ctx *c, struct client *k, const struct store_outcome *o)
{
	const struct store_row *first = &o->rows[0];
	unsigned from = (unsigned)(ctx_random(c) % ACCOUNTS), to = (from + 1 + (unsigned)(ctx_random(c) % 3)) % ACCOUNTS;
	bool opens = !first->value;
	if (opens)
		from = 0;
	to = to == from ? (from + 1) % ACCOUNTS : to;
	const struct store_row *a = &o->rows[from], *b = &o->rows[to];
	uint64_t has = client_value(bytes_span(a->value)) % UNIQUE, got = client_value(bytes_span(b->value)) % UNIQUE;
	uint64_t sum = opens ? 0 : ctx_random(c) % (has + 1);
	struct store_compare same[2] = {
		{.key = a->key, .field = STORE_MOD, .number = a->value ? a->mod_version : 0},
		{.key = b->key, .field = STORE_MOD, .number = b->value ? b->mod_version : 0},
	};
	call(c, k);
	struct store_op ops[2] = {put(k, accounts[from], unique(k, opens ? MONEY : has - sum)),
				  put(k, accounts[to], unique(k, got + sum))};
	struct store_txn t = {.compares = same, .compare_count = 2, .then_ops = ops, .then_count = 2};
	ctx_txn(c, &t, TAG_OP);
	bytes_unref(ops[0].value);
	bytes_unref(ops[1].value);
}

static const struct {
	enum checker of;
	void (*act)(struct ctx *c, struct client *k);
} actions[] = {
	{CHECKER_REGISTER, write_register}, {CHECKER_REGISTER, read_registers}, {CHECKER_SET, add_to_set},
	{CHECKER_SET, read_set},	    {CHECKER_BANK, look_at_bank},
};
enum { ACTIONS = sizeof actions / sizeof *actions };

static void act(struct ctx *c, struct client *k)
{
	size_t i;
	do
		i = ctx_random(c) % ACTIONS;
	while (!(actions[i].of & k->book->script->checkers));
	actions[i].act(c, k);
}

static void next(struct ctx *c, struct client *k)
{
	const struct range *r = &k->book->script->client_us;
	k->done++;
	ctx_timer(c, (uint64_t)r->min + ctx_random(c) % (uint64_t)(r->max - r->min + 1), TAG_NEXT);
}

/* ---- turns */

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct client *k = state;
	(void)tag;
	if (!k->book->begun)
		ctx_timer(c, AGAIN_US, TAG_NEXT);
	else if (k->done < k->book->script->client_ops)
		act(c, k);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct client *k = state;
	k->number = (unsigned)mp_path_int(cfg, "number", 0);
	k->book = ctx_shared(c, "client-book");
	if (k->book->script->checkers)
		ctx_timer(c, AGAIN_US, TAG_NEXT);
	return 0;
}

static void note_reads(struct client_op *op, const struct store_outcome *o)
{
	for (size_t i = 0; i < o->row_count && i < CLIENT_KEYS; i++) {
		char key[24];
		snprintf(key, sizeof key, "%.*s", (int)o->rows[i].key.len, (const char *)o->rows[i].key.data);
		op->read[op->reads++] = client_pair(key, client_value(bytes_span(o->rows[i].value)));
	}
}

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct client *k = state;
	struct client_op *op = op_of(k);
	op->returned = ctx_now_us(c);
	op->revision = o->revision;
	op->end = o->status == 0 ? CLIENT_DONE : o->status == ERR_CONFLICT ? CLIENT_FAILED : CLIENT_UNKNOWN;
	if (o->status == 0 && !op->writes)
		note_reads(op, o);
	if (tag == TAG_LOOK && o->status == 0 && o->row_count == ACCOUNTS)
		move_money(c, k, o);
	else
		next(c, k);
	return 0;
}

/* Rows are [key, value, created, version, changes]. */
static void note_set(struct client_op *op, struct mp rows, size_t n)
{
	size_t places;
	struct span value;
	snprintf(op->prefix, sizeof op->prefix, "set/");
	for (; n > 0; n--) {
		if (mp_array(&rows, &places) || mp_skip(&rows) || mp_raw(&rows, &value) || mp_skip(&rows) ||
		    mp_skip(&rows) || mp_skip(&rows))
			return;
		op->count++;
		op->sum += client_value(value);
	}
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct client *k = state;
	struct client_op *op = op_of(k);
	struct mp rows;
	size_t n = 0;
	(void)tag;
	op->returned = ctx_now_us(c);
	if (r->status == 0 && mp_find(r->body, "rows", &rows) && !mp_array(&rows, &n)) {
		op->end = CLIENT_DONE;
		op->revision = (uint64_t)mp_path_int(r->body, "revision", 0);
		note_set(op, rows, n);
	}
	next(c, k);
	return 0;
}

const struct actor_spec chaos_client_actor = {
	.kind = "client",
	.state_bytes = sizeof(struct client),
	.init = init,
	.on_timer = on_timer,
	.on_outcome = on_outcome,
	.on_reply = on_reply,
};

/* ---- the judge's side */

enum checker client_checker(const struct client_op *o)
{
	const char *key = o->writes ? o->write[0].key : o->reads ? o->read[0].key : "set/";
	return strncmp(key, "reg/", 4) == 0 ? CHECKER_REGISTER : strncmp(key, "bank/", 5) == 0 ? CHECKER_BANK : CHECKER_SET;
}

bool client_money_conserved(const struct client_history *h, size_t *op)
{
	for (size_t i = 0; i < h->op_count; i++) {
		const struct client_op *o = &h->ops[i];
		uint64_t sum = 0;
		for (size_t k = 0; k < o->reads; k++)
			sum += o->read[k].value % UNIQUE;
		*op = i;
		if (o->end == CLIENT_DONE && !o->writes && o->reads == ACCOUNTS && sum != 0 && sum != MONEY)
			return false;
	}
	return true;
}
