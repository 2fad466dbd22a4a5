/* Clients of a running cluster's store, and the judgement of what they saw
 * (tools/chaos/client_history.h): registers, a set and a bank by store.txn and
 * store.range, while somebody else kills the cluster. A write whose answer was
 * lost is asked again with the same request id, also of the next process.
 *
 * Usage: histories DATA-DIR CLIENTS OPERATIONS
 * Prints "N operations" as they succeed, then `ok` or `not ok` lines. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/messages.h"
#include "store/store.h"
#include "tools/chaos/client_history.h"
#include "tools/client.h"

enum { ACCOUNTS = 4, MONEY = 100, UNIQUE = 1000, ASK_MS = 2000, OPEN_MS = 500, AGAIN_MS = 10, PROGRESS = 250 };

/* A process that was killed often comes back within seconds. */
#define BACK_US UINT64_C(60000000)

static const char *const accounts[ACCOUNTS] = {"bank/a", "bank/b", "bank/c", "bank/d"};

struct self {
	const char *data_dir;
	struct client *client; /* NULL: to be opened */
	uint64_t number, unique, requests, chance;
	int out;               /* finished operations go there */
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t chance(struct self *s)
{
	s->chance ^= s->chance << 13;
	s->chance ^= s->chance >> 7;
	s->chance ^= s->chance << 17;
	return s->chance;
}

/* No two writes of all clients have the same value. */
static uint64_t unique(struct self *s, uint64_t balance)
{
	return (++s->unique * 64 + s->number) * UNIQUE + balance;
}

/* One try. What is not answered closes the client: the next opens anew. */
static int ask(struct self *s, uint16_t kind, struct span body, struct mp *reply,
	       struct bytes **owner)
{
	struct err e = {0};
	struct buf b = {0};
	int rc = s->client ? 0 : client_open(&s->client, s->data_dir, OPEN_MS, &e);
	if (rc) {
		s->client = NULL;
		poll(NULL, 0, AGAIN_MS); /* nobody is there: the next one waits */
		return rc;
	}
	buf_append(&b, body.data, body.len);
	rc = client_request(s->client, "store", kind, &b, ASK_MS, reply, owner, &e);
	if (rc && rc != ERR_CONFLICT) {
		client_close(s->client);
		s->client = NULL;
	}
	return rc;
}

static void tell(struct self *s, struct client_op *o)
{
	o->returned = now_us();
	if (write(s->out, o, sizeof *o) != sizeof *o)
		_exit(1);
}

/* ---- store.txn */

struct want {
	struct client_op op;
	struct {
		const char *key;
		uint64_t version;
	} same[2];
	size_t same_count;
	const char *gets[ACCOUNTS];
	size_t get_count;
	uint64_t versions[ACCOUNTS]; /* of what was read */
};

static void encode_value(struct buf *b, uint64_t n)
{
	mpw_map(b, 1);
	mpw_kv_u64(b, "n", n);
}

static void encode(struct self *s, const struct want *w, struct buf *b)
{
	uint8_t request[16] = {0};
	uint64_t id = ++s->requests;
	memcpy(request, &id, 8);
	memcpy(request + 8, &s->number, 7);
	request[15] = 1;
	mpw_map(b, 3);
	mpw_str(b, "request");
	mpw_bin(b, (struct span){request, sizeof request});
	mpw_str(b, "if");
	mpw_array(b, w->same_count);
	for (size_t i = 0; i < w->same_count; i++) {
		mpw_array(b, 4);
		mpw_str(b, w->same[i].key);
		mpw_u64(b, STORE_MOD);
		mpw_u64(b, w->same[i].version);
		mpw_nil(b);
	}
	mpw_str(b, "then");
	mpw_array(b, w->op.writes + w->get_count);
	for (size_t i = 0; i < w->op.writes + w->get_count; i++) {
		bool put = i < w->op.writes;
		mpw_array(b, 5);
		mpw_u64(b, put ? STORE_PUT : STORE_GET);
		mpw_str(b, put ? w->op.write[i].key : w->gets[i - w->op.writes]);
		if (put)
			encode_value(b, w->op.write[i].value);
		else
			mpw_nil(b);
		mpw_str(b, "");
		mpw_u64(b, 0);
	}
}

static uint64_t read_row(struct mp *rows, char key[24], uint64_t *version)
{
	size_t places;
	struct span k, v;
	uint64_t created, changes;
	if (mp_array(rows, &places) || mp_str(rows, &k) || mp_raw(rows, &v) ||
	    mp_u64(rows, &created) || mp_u64(rows, version) || mp_u64(rows, &changes))
		return 0;
	snprintf(key, 24, "%.*s", (int)k.len, (const char *)k.data);
	struct mp value = mp_of(v);
	size_t n;
	return mp_map(&value, &n) ? 0 : (uint64_t)mp_path_int(mp_of(v), "n", 0);
}

static void read_outcome(struct want *w, struct mp reply)
{
	struct client_op *o = &w->op;
	struct mp rows;
	size_t n;
	struct span status = mp_path_str(reply, "status");
	o->end = span_is(status, "ok") ? CLIENT_DONE
		 : span_is(status, "conflict") ? CLIENT_FAILED
					       : CLIENT_UNKNOWN;
	o->revision = (uint64_t)mp_path_int(reply, "revision", 0);
	if (o->end != CLIENT_DONE || !mp_find(reply, "rows", &rows) || mp_array(&rows, &n))
		return;
	for (size_t i = 0; i < n && i < CLIENT_KEYS; i++) {
		char key[24] = "";
		uint64_t version = 0, value = read_row(&rows, key, &version);
		if (i < ACCOUNTS)
			w->versions[i] = value ? version : 0;
		o->read[o->reads++] = client_pair(key, value);
	}
}

static void run(struct self *s, struct want *w)
{
	struct buf b = {0};
	struct mp reply;
	struct bytes *owner = NULL;
	w->op.called = now_us();
	encode(s, w, &b);
	int rc = -1;
	for (int tries = w->op.writes ? 40 : 1; rc && tries; tries--)
		rc = ask(s, MSG_STORE_TXN, span_buf(&b), &reply, &owner);
	if (rc == 0)
		read_outcome(w, reply);
	bytes_unref(owner);
	buf_fini(&b);
	tell(s, &w->op);
}

static void put(struct self *s, const char *key)
{
	struct want w = {.op = {.writes = 1}};
	w.op.write[0] = client_pair(key, unique(s, 0));
	run(s, &w);
}

static void write_register(struct self *s)
{
	put(s, chance(s) & 1 ? "reg/a" : "reg/b");
}

static void read_registers(struct self *s)
{
	struct want w = {.gets = {"reg/a", "reg/b"}, .get_count = 2};
	run(s, &w);
}

static void add_to_set(struct self *s)
{
	char key[24];
	snprintf(key, sizeof key, "set/%llu-%llu", (unsigned long long)s->number,
		 (unsigned long long)s->unique);
	put(s, key);
}

static void move_money(struct self *s)
{
	struct want look = {.gets = {accounts[0], accounts[1], accounts[2], accounts[3]},
			    .get_count = ACCOUNTS};
	run(s, &look);
	if (look.op.end != CLIENT_DONE)
		return;
	unsigned from = chance(s) % ACCOUNTS, to = (from + 1 + chance(s) % 3) % ACCOUNTS;
	uint64_t has = look.op.read[from].value % UNIQUE, got = look.op.read[to].value % UNIQUE;
	uint64_t sum = chance(s) % (has + 1);
	/* the bank opens with all the money in one place */
	if (from == 0 && !look.versions[0])
		has = MONEY;
	struct want w = {.op = {.writes = 2}, .same_count = 2};
	w.op.write[0] = client_pair(accounts[from], unique(s, has - sum));
	w.op.write[1] = client_pair(accounts[to], unique(s, got + sum));
	w.same[0].key = accounts[from];
	w.same[0].version = look.versions[from];
	w.same[1].key = accounts[to];
	w.same[1].version = look.versions[to];
	if (to == 0 && !look.versions[0])
		return; /* nobody but its first mover makes it */
	run(s, &w);
}

static void read_set(struct self *s)
{
	struct client_op o = {.called = now_us()};
	struct buf b = {0};
	struct mp reply, rows;
	struct bytes *owner = NULL;
	size_t n = 0;
	mpw_map(&b, 3);
	mpw_kv_str(&b, "from", "set/");
	mpw_kv_str(&b, "end", "set0");
	mpw_kv_u64(&b, "limit", STORE_RANGE_MAX);
	if (ask(s, MSG_STORE_RANGE, span_buf(&b), &reply, &owner) == 0 &&
	    mp_find(reply, "rows", &rows) && !mp_array(&rows, &n)) {
		o.end = CLIENT_DONE;
		o.revision = (uint64_t)mp_path_int(reply, "revision", 0);
		strcpy(o.prefix, "set/");
		for (size_t i = 0; i < n; i++) {
			char key[24];
			uint64_t version;
			o.sum += read_row(&rows, key, &version);
			o.count++;
		}
	}
	bytes_unref(owner);
	buf_fini(&b);
	tell(s, &o);
}

static void live(struct self *s)
{
	static void (*const actions[])(struct self *) = {
		write_register, read_registers, add_to_set, read_set, move_money, move_money};
	for (;;)
		actions[chance(s) % (sizeof actions / sizeof *actions)](s);
}

/* ---- the judgement */

static int read_log(struct client_history *h, struct self *s, const char *stream)
{
	uint64_t after = 0;
	bool more = true;
	while (more) {
		struct buf b = {0};
		struct mp reply, list, v;
		struct bytes *owner = NULL;
		size_t n = 0;
		mpw_map(&b, 2);
		mpw_kv_str(&b, "stream", stream);
		mpw_kv_u64(&b, "after", after);
		int rc = -1;
		for (uint64_t until = now_us() + BACK_US; rc && now_us() < until;)
			rc = ask(s, MSG_STORE_EVENTS, span_buf(&b), &reply, &owner);
		buf_fini(&b);
		if (rc || !mp_find(reply, "events", &list) || mp_array(&list, &n)) {
			printf("# %s after %llu: %s\n", stream, (unsigned long long)after, rc ? err_name(rc) : "no events");
			return -1;
		}
		struct span body;
		while (n-- && !mp_raw(&list, &body)) {
			struct mp e = mp_of(body);
			struct span k = mp_path_str(e, "key"), value = {0};
			char key[24];
			snprintf(key, sizeof key, "%.*s", (int)k.len, (const char *)k.data);
			if (mp_find(e, "value", &v))
				mp_raw(&v, &value);
			client_history_log(h, (uint64_t)mp_path_int(e, "revision", 0), key,
				    (uint64_t)mp_path_int(mp_of(value), "n", 0));
		}
		more = mp_path_bool(reply, "more", false);
		after = (uint64_t)mp_path_int(reply, "seen", 0);
		bytes_unref(owner);
	}
	return 0;
}

static int by_revision(const void *a, const void *b)
{
	const struct client_change *x = a, *y = b;
	return x->revision < y->revision ? -1 : x->revision > y->revision;
}

static bool money_is_conserved(const struct client_history *h)
{
	for (size_t i = 0; i < h->op_count; i++) {
		const struct client_op *o = &h->ops[i];
		uint64_t sum = 0;
		for (size_t k = 0; k < o->reads; k++)
			sum += o->read[k].value % UNIQUE;
		if (o->end == CLIENT_DONE && o->reads == ACCOUNTS && !o->writes && sum && sum != MONEY)
			return false;
	}
	return true;
}

static void judge(struct client_history *h, struct self *s)
{
	size_t ends[3] = {0};
	if (read_log(h, s, "reg") || read_log(h, s, "set") || read_log(h, s, "bank")) {
		puts("not ok the store tells what happened");
		return;
	}
	qsort(h->log, h->log_count, sizeof *h->log, by_revision);
	for (size_t i = 0; i < h->op_count; i++)
		ends[h->ops[i].end]++;
	bool holds = client_history_holds(h);
	printf("%s %zu operations are linearizable (%zu done, %zu refused, %zu of unknown outcome)%s%s\n",
	       holds ? "ok" : "not ok", h->op_count, ends[CLIENT_DONE], ends[CLIENT_FAILED],
	       ends[CLIENT_UNKNOWN], holds ? "" : ": ", h->why);
	printf("%s money is conserved in each read\n", money_is_conserved(h) ? "ok" : "not ok");
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 64;
	int pipes[2], clients = atoi(argv[2]);
	size_t wanted = strtoul(argv[3], NULL, 10);
	struct self s = {.data_dir = argv[1]};
	struct client_history h = {0};
	struct client_op o;
	pid_t *children = calloc((size_t)clients, sizeof *children);
	if (pipe(pipes))
		return 1;
	s.out = pipes[1];
	for (int i = 0; i < clients; i++) {
		s.number = (uint64_t)i + 1;
		s.chance = 0x5eed * s.number;
		children[i] = fork();
		if (children[i] == 0)
			live(&s);
	}
	/* What is refused while nobody is there is history, but no progress. */
	for (size_t done = 0; done < wanted && read(pipes[0], &o, sizeof o) == sizeof o;) {
		size_t at = client_history_call(&h, 0);
		h.ops[at] = o;
		if (o.end == CLIENT_DONE && ++done % PROGRESS == 0) {
			printf("%zu operations\n", done);
			fflush(stdout);
		}
	}
	for (int i = 0; i < clients; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	free(children);
	judge(&h, &s);
	client_close(s.client);
	client_history_fini(&h);
	return 0;
}
