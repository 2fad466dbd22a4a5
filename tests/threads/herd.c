/* A thousand cells on real sockets, each a thread with a loop of its own, and a
 * broker in another process that is killed under them. CELLS sets how many. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/mem.h"
#include "broker/descriptors.h"
#include "broker/messages.h"
#include "tests/lib/broker_process.h"
#include "tests/threads/bodies.h"

enum { BACK_MS = 10000, ASK_US = 50000 };

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = 5000000};
	nanosleep(&t, NULL);
}

/* ---- one asks the broker who is here; the others are only here */

struct world {
	_Atomic size_t sessions, names, late; /* late: of the second half of the cells */
	_Atomic size_t answers;
	size_t second_half; /* the number of its first */
};

static int ask(struct ctx *c, void *st, uint64_t tag)
{
	struct buf none = {0};
	(void)st, (void)tag;
	ctx_request(c, "broker", "broker.sessions", &none, 1000, 0);
	return 0;
}

static int on_sessions(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = ctx_shared(c, "world");
	struct mp list;
	size_t n = 0, names = 0, late = 0;
	(void)st, (void)tag;
	if (r->status == 0 && mp_find(r->body, "sessions", &list) && mp_array(&list, &n) == 0)
		for (size_t i = 0; i < n; i++) {
			char cell[32];
			span_text(cell, sizeof cell, mp_path_str(list, "cell"));
			names += (size_t)mp_path_int(list, "names", 0);
			late += (size_t)atol(cell + 1) >= w->second_half;
			mp_skip(&list);
		}
	w->sessions = n;
	w->names = names;
	w->late = late;
	w->answers += r->status == 0;
	ctx_timer(c, ASK_US, 0);
	return 0;
}

static int asker_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 0, 0);
	return 0;
}

static const struct actor_spec asker = {.kind = "asker",
					.state_bytes = 1,
					.init = asker_init,
					.on_timer = ask,
					.on_reply = on_sessions};
static const struct actor_spec idler = {.kind = "idler", .state_bytes = 1};
static const struct actor_spec *const kinds[] = {&asker, &idler, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
}

/* ---- the herd */

struct herd {
	struct world world;
	char dir[64], broker[100], bus[100];
	size_t count;
	char (*names)[32]; /* of cells: the loops borrow them */
	struct loop **loops;
	pthread_t *threads;
};

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void add_cell(struct herd *h, size_t i, const char *kind)
{
	static const uint8_t empty[] = {0x80};
	char actor[32], *name = h->names[i];
	struct err e = {0};
	snprintf(name, sizeof h->names[i], "c%zu", i);
	snprintf(actor, sizeof actor, "%s/%zu", kind, i);
	struct loop_config cfg = {
		.cell = {.name = name, .cluster = 1, .catalogue = &catalogue, .kinds = kinds},
		.broker = h->broker,
		.bus = h->bus,
		.shared = shared,
		.shared_arg = &h->world,
	};
	must(loop_open(&h->loops[i], &cfg, &e) == 0, "cell %zu: %s", i, e.text);
	must(cell_add_actor(loop_cell(h->loops[i]), kind, actor, mp_of((struct span){empty, 1}),
			    &e) == 0,
	     "%s", e.text);
}

static void herd_name(struct herd *h)
{
	snprintf(h->dir, sizeof h->dir, "/tmp/troupe-herd-XXXXXX");
	must(mkdtemp(h->dir));
	snprintf(h->broker, sizeof h->broker, "ipc://%s/broker.ipc", h->dir);
	snprintf(h->bus, sizeof h->bus, "ipc://%s/bus.ipc", h->dir);
}

static bool eventually(bool (*what)(const struct herd *h), const struct herd *h, uint64_t ms)
{
	uint64_t until = now_ms() + ms;
	while (!what(h)) {
		if (now_ms() > until)
			return false;
		nap();
	}
	return true;
}

static bool one_here(const struct herd *h)
{
	return h->world.sessions == 1;
}

/* The one that asks is there before the others. */
static void herd_start(struct herd *h, size_t count)
{
	pthread_attr_t attr;
	log_init("off");
	sock_system_start();
	h->count = count;
	h->world.second_half = count / 2;
	h->names = mem_alloc(count * sizeof *h->names);
	h->loops = mem_alloc(count * sizeof *h->loops);
	h->threads = mem_alloc(count * sizeof *h->threads);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	add_cell(h, 0, "asker");
	must(pthread_create(&h->threads[0], &attr, run, h->loops[0]) == 0);
	must(eventually(one_here, h, 30000));
	for (size_t i = 1; i < count; i++)
		add_cell(h, i, "idler");
	for (size_t i = 1; i < count; i++)
		must(pthread_create(&h->threads[i], &attr, run, h->loops[i]) == 0);
	pthread_attr_destroy(&attr);
}

static void stop_cells(struct herd *h, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (h->loops[i])
			loop_stop(h->loops[i], 0);
	for (size_t i = from; i < to; i++) {
		if (!h->loops[i])
			continue;
		pthread_join(h->threads[i], NULL);
		loop_free(h->loops[i]);
		h->loops[i] = NULL;
	}
}

static void herd_stop(struct herd *h)
{
	char path[128];
	stop_cells(h, 0, h->count);
	free(h->names);
	free(h->loops);
	free(h->threads);
	sock_system_stop();
	snprintf(path, sizeof path, "%s/broker.ipc", h->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/bus.ipc", h->dir);
	unlink(path);
	rmdir(h->dir);
}

/* Each cell has a name of its own and one of its actor. */
static bool all_here(const struct herd *h)
{
	return h->world.sessions == h->count && h->world.names == 2 * h->count;
}

static size_t cells_wanted(void)
{
	const char *n = getenv("CELLS");
	return n ? (size_t)atol(n) : BODIES_SLOW ? 300 : 1000;
}

static void all_cells_are_back_ten_seconds_after_their_broker_was_killed(void)
{
	struct herd h = {0};
	herd_name(&h);
	struct broker_starter starter = broker_starter_new(h.dir, 0);
	pid_t broker = broker_process_start(&starter);
	herd_start(&h, cells_wanted());
	must(eventually(all_here, &h, 60000), "%zu sessions, %zu names", h.world.sessions,
	     h.world.names);
	size_t ours = open_files(getpid());
	kill(broker, SIGKILL);
	h.world.sessions = h.world.names = 0;
	uint64_t killed = now_ms();
	broker = broker_process_start(&starter);
	must(eventually(all_here, &h, BACK_MS), "%zu sessions, %zu names", h.world.sessions,
	     h.world.names);
	uint64_t took = now_ms() - killed;
	double cpu = cpu_seconds(broker);
	printf("%zu cells back after %d ms; the broker used %.2f s of CPU and %zu files\n", h.count,
	       (int)took, cpu, open_files(broker));
	must(cpu < 5);
	must(open_files(broker) <= 2 * h.count + 100, "a DEALER and a SUB each");
	must(open_files(getpid()) <= ours + 100, "old sockets are closed");
	herd_stop(&h);
	broker_starter_end(&starter, broker);
}

/* ---- more connections than there are descriptors */

enum { FILES = 200, MANY = 150, ANSWERS = 40 };

static bool some_here(const struct herd *h)
{
	return h->world.sessions > 40;
}

static bool answered_often(const struct herd *h)
{
	return h->world.answers > ANSWERS;
}

static bool second_half_here(const struct herd *h)
{
	return h->world.late == MANY / 2;
}

static void a_broker_without_descriptors_left_goes_on_with_those_it_has(void)
{
	struct herd h = {0};
	herd_name(&h);
	struct broker_starter starter = broker_starter_new(h.dir, FILES);
	pid_t broker = broker_process_start(&starter);
	herd_start(&h, MANY);
	must(eventually(some_here, &h, 30000), "%zu sessions", h.world.sessions);
	/* Those that were refused go on trying: it neither ends nor spins. */
	double cpu = cpu_seconds(broker);
	h.world.answers = 0;
	must(eventually(answered_often, &h, 30000), "%zu answers", h.world.answers);
	must(cpu_seconds(broker) - cpu < 1);
	must(h.world.sessions < MANY);
	/* And the one that is just being refused. */
	size_t open = open_files_below(broker, FILES);
	must(open <= FILES - DESCRIPTORS_RESERVE_MIN + 1, "%zu", open);
	/* When others go they come in. */
	stop_cells(&h, 1, MANY / 2);
	must(eventually(second_half_here, &h, 30000), "%zu of them", h.world.late);
	herd_stop(&h);
	broker_starter_end(&starter, broker);
}

const struct body bodies[] = {
	{"all_cells_are_back_ten_seconds_after_their_broker_was_killed",
	 all_cells_are_back_ten_seconds_after_their_broker_was_killed},
	{"a_broker_without_descriptors_left_goes_on_with_those_it_has",
	 a_broker_without_descriptors_left_goes_on_with_those_it_has},
	{0},
};
