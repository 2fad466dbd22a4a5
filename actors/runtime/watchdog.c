#include "actors/runtime/watchdog.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"

enum { LOOKS = 10, LOOK_MAX_MS = 1000, LOOK_MIN_MS = 5 };

struct seen {
	uint64_t turn; /* 0: none was running */
	unsigned looks;
	bool told;
};

struct watchdog {
	struct watchdog_config cfg; /* its two lists are these */
	const struct turn_record *records[WATCHDOG_RECORDS_MAX];
	const char *cells[WATCHDOG_RECORDS_MAX];
	struct seen seen[WATCHDOG_RECORDS_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool stopping;
	uint32_t look_ms;
};

static void on_slow(const struct watchdog *w, size_t i, const struct turn_note *n, unsigned looks)
{
	log_warn(w->cfg.cells[i], "%s has been in a turn (%s, attempt %u) for %u ms", n->actor,
		 n->message, (unsigned)n->attempt, looks * w->look_ms);
}

static void on_hung(const struct watchdog *w, size_t i, const struct turn_note *n)
{
	if (w->cfg.hung) {
		w->cfg.hung(w->cfg.arg, w->cfg.cells[i], n);
		return;
	}
	log_error(w->cfg.cells[i],
		  "%s hangs in a turn (%s, attempt %u) for %u ms: the process ends and starts again",
		  n->actor, n->message, (unsigned)n->attempt, w->cfg.limit_ms);
	abort();
}

static void look(struct watchdog *w, size_t i)
{
	struct seen *s = &w->seen[i];
	struct turn_note n;
	if (!turn_record_running(w->cfg.records[i], &n)) {
		*s = (struct seen){0};
		return;
	}
	if (s->turn != n.turn) {
		*s = (struct seen){.turn = n.turn};
		return;
	}
	s->looks++;
	uint32_t ms = s->looks * w->look_ms;
	if (ms >= w->cfg.limit_ms) {
		on_hung(w, i, &n);
		*s = (struct seen){.turn = n.turn, .told = true};
	} else if (!s->told && ms >= w->cfg.limit_ms / LOOKS) {
		s->told = true;
		on_slow(w, i, &n, s->looks);
	}
}

/* False: it is time to end. */
static bool wait_a_look(struct watchdog *w)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t ns = (uint64_t)t.tv_nsec + (uint64_t)w->look_ms * 1000000;
	t.tv_sec += (time_t)(ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	pthread_mutex_lock(&w->lock);
	while (!w->stopping && pthread_cond_timedwait(&w->woken, &w->lock, &t) == 0)
		;
	bool go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *watchdog_main(void *arg)
{
	struct watchdog *w = arg;
	prctl(PR_SET_NAME, "watchdog");
	while (wait_a_look(w))
		for (size_t i = 0; i < w->cfg.count; i++)
			look(w, i);
	return NULL;
}

static uint32_t look_of(uint32_t limit_ms)
{
	uint32_t ms = limit_ms / LOOKS;
	return ms > LOOK_MAX_MS ? LOOK_MAX_MS : ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms;
}

struct watchdog *watchdog_start(const struct watchdog_config *cfg)
{
	struct watchdog *w = mem_alloc(sizeof *w);
	pthread_condattr_t attr;
	w->cfg = *cfg;
	if (w->cfg.count > WATCHDOG_RECORDS_MAX)
		w->cfg.count = WATCHDOG_RECORDS_MAX;
	for (size_t i = 0; i < w->cfg.count; i++) {
		w->records[i] = cfg->records[i];
		w->cells[i] = cfg->cells[i];
	}
	w->cfg.records = w->records;
	w->cfg.cells = w->cells;
	w->look_ms = look_of(cfg->limit_ms);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->woken, &attr);
	pthread_condattr_destroy(&attr);
	pthread_create(&w->thread, NULL, watchdog_main, w);
	return w;
}

void watchdog_stop(struct watchdog *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->woken);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->woken);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
