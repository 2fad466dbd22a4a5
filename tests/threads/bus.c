/* A follower of the bus that falls far behind: it costs the broker no more than
 * its queue, loses what does not fit, and pulls from the store until it has
 * caught up. The broker is a process of its own, so that its memory can be
 * seen. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor.h"
#include "broker/messages.h"
#include "tests/lib/broker_process.h"
#include "tests/threads/bodies.h"

enum { KEYS = 50, VALUE_BYTES = 4000, CHANGES = 20000, ROOM_KB = 48 * 1024 };

static struct world {
	_Atomic int write, written; /* changes there are to be; there are */
	_Atomic int seen;	    /* changes of the newest object that the follower has */
	_Atomic bool synced, paused, held;
	_Atomic long pulls;
} world;

/* ---- the writer: change n is of key n % KEYS and says n */

static int write_next(struct ctx *c, void *st, uint64_t tag)
{
	static const uint8_t zeros[VALUE_BYTES];
	char key[32];
	int n = world.written + 1;
	struct buf b = {0};
	(void)st, (void)tag;
	if (n > world.write) {
		ctx_timer(c, 1000, 0);
		return 0;
	}
	snprintf(key, sizeof key, "things/%d", n % KEYS);
	mpw_map(&b, 2);
	mpw_kv_i64(&b, "n", n);
	mpw_str(&b, "fill");
	mpw_bin(&b, (struct span){zeros, sizeof zeros});
	struct bytes *v = bytes_take(&b);
	struct store_op op = {.verb = STORE_PUT, .key = span_of(key), .value = v};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, 0);
	bytes_unref(v);
	return 0;
}

static int write_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return write_next(c, st, 0);
}

static int written(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	must(o->status == 0, "%s", o->text);
	world.written++;
	return write_next(c, st, tag);
}

static const struct actor_spec writer = {.kind = "writer",
					 .state_bytes = 1,
					 .init = write_init,
					 .on_timer = write_next,
					 .on_outcome = written};

/* ---- the follower */

static int follow(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_follow(c, "things");
	return 0;
}

static int on_change(struct ctx *c, void *st, const struct view_change *v)
{
	(void)c, (void)st;
	if (!v->key.len)
		world.synced = true;
	if (!v->now)
		return 0;
	int n = (int)mp_path_int(mp_of(bytes_span(v->now->value)), "n", 0);
	must(n > world.seen || !world.synced, "a view never goes back");
	world.seen = n > world.seen ? n : world.seen;
	return 0;
}

static const struct actor_spec follower = {
	.kind = "follower", .state_bytes = 1, .init = follow, .on_view = on_change};

static const struct actor_spec *const kinds[] = {&store_actor, &writer, &follower, NULL};
static const struct port_driver *const drivers[] = {&journal_port_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

/* ---- the cells */

static void nap(void)
{
	struct timespec t = {.tv_nsec = 2000000};
	nanosleep(&t, NULL);
}

static uint64_t hold(void *arg)
{
	(void)arg;
	while (world.paused) {
		world.held = true;
		nap();
	}
	return UINT64_MAX;
}

static void count_pulls(void *arg, const struct tap_record *r)
{
	(void)arg;
	world.pulls += r->event == RING_SENT && r->kind == MSG_STORE_EVENTS;
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

struct place {
	char dir[64], broker[100], bus[100];
};

static struct loop *open_cell(const struct place *p, const char *name)
{
	struct loop *l;
	struct err e = {0};
	struct loop_config cfg = {
		.cell = {.name = name,
			 .cluster = 1,
			 .catalogue = &catalogue,
			 .kinds = kinds,
			 .drivers = drivers},
		.broker = p->broker,
		.bus = p->bus,
		.tap = count_pulls,
	};
	must(loop_open(&l, &cfg, &e) == 0, "%s", e.text);
	return l;
}

static void add(struct loop *l, const char *kind)
{
	struct buf b = {0};
	struct err e = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "driver", "memory");
	must(cell_add_actor(loop_cell(l), kind, kind, mp_of(span_buf(&b)), &e) == 0, "%s", e.text);
	buf_fini(&b);
}

static bool wait_for(const _Atomic int *what, int least)
{
	for (int i = 0; *what < least; i++) {
		if (i > 30000)
			return false;
		nap();
	}
	return true;
}

static long resident_kb(pid_t pid)
{
	char path[64];
	long pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void far_behind(void)
{
	struct place p = {.dir = "/tmp/troupe-bus-XXXXXX"};
	pthread_t threads[2];
	int changes = CHANGES;
	must(mkdtemp(p.dir));
	snprintf(p.broker, sizeof p.broker, "ipc://%s/broker.ipc", p.dir);
	snprintf(p.bus, sizeof p.bus, "ipc://%s/bus.ipc", p.dir);
	struct broker_starter starter = broker_starter_new(p.dir, 0);
	pid_t broker = broker_process_start(&starter);
	sock_system_start();
	struct loop *core = open_cell(&p, "core"), *far = open_cell(&p, "far");
	add(core, "store");
	add(core, "writer");
	add(far, "follower");
	struct loop_hook *hook = loop_hook_add(far, hold, NULL);
	pthread_create(&threads[0], NULL, run, core);
	pthread_create(&threads[1], NULL, run, far);
	world.write = 10;
	must(wait_for(&world.seen, 10), "it follows: %d", world.seen);
	world.paused = true;
	while (!world.held)
		nap();
	long before = resident_kb(broker), most = 0, pulls = world.pulls;
	world.write = changes;
	while (world.written < changes) {
		long now = resident_kb(broker);
		most = now > most ? now : most;
		nap();
	}
	printf("%d changes of %d bytes: the broker grew by %ld KiB; ", changes, VALUE_BYTES,
	       most - before);
	must(BODIES_FAT || most - before < ROOM_KB, "%ld KiB", most - before);
	must(world.seen == 10);
	world.paused = false;
	must(wait_for(&world.seen, changes), "%d of %d seen", world.seen, changes);
	printf("the follower pulled %ld pages\n", world.pulls - pulls);
	must(world.pulls - pulls >= 5, "%ld: much did not fit", world.pulls - pulls);
	/* And is live: what comes next comes by the bus. */
	pulls = world.pulls;
	world.write = changes + 10;
	must(wait_for(&world.seen, changes + 10));
	must(world.pulls - pulls <= 2, "%ld", world.pulls - pulls);
	loop_stop(core, 0);
	loop_stop(far, 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	loop_hook_remove(hook);
	loop_free(core);
	loop_free(far);
	sock_system_stop();
	broker_starter_end(&starter, broker);
	char path[128];
	snprintf(path, sizeof path, "%s/broker.ipc", p.dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/bus.ipc", p.dir);
	unlink(path);
	rmdir(p.dir);
}

const struct body bodies[] = {
	{"a follower that falls far behind pulls until it has caught up", far_behind},
	{0},
};
