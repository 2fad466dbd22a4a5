/* One cell, one thread, one epoll: the DEALER to the broker, the SUB of the
 * bus, and whatever descriptors ports have. ZeroMQ's descriptors announce an
 * edge only: a socket is drained when its descriptor said so, and asked once
 * more before the loop sleeps if something was sent on it meanwhile. */
#include "actors/runtime/loop.h"

#include <malloc.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/socket.h"

enum {
	BURST = 512,
	TURNS = 512,
	EVENTS = 64,
	SLEEP_MAX_US = 60000000,
	/* A storm leaves holes in the heap: given back when it is over. */
	TRIM_TURNS = 20000,
	TRIM_SLEEP_MS = 500, /* so much time to come is "over" */
};

struct loop_watch {
	struct loop *loop;
	int fd;
	unsigned events;
	void (*ready)(void *arg, unsigned events);
	void *arg;
	bool dead;
	struct loop_watch *next;
};

struct loop_hook {
	struct loop *loop;
	uint64_t (*before_sleep)(void *arg);
	void *arg;
	struct loop_hook *next;
};

struct loop {
	struct loop_config cfg;
	char *broker, *bus_at;
	struct cell *cell;
	struct sock *dealer, *sub;
	struct loop_watch *dealer_watch, *sub_watch;
	int epoll_fd, wake_fd;
	struct loop_watch *watches, *graves;
	struct loop_hook *hooks;
	uint64_t random[4]; /* xoshiro256** */
	uint64_t now;
	uint64_t trimmed_turns;
	bool trimmed;
	struct failures failures;
	uint64_t lives;
	bool failed, hopeless;
	char why[600];
	_Atomic bool stop;
	_Atomic uint64_t stop_at;
};

/* ---- time and randomness */

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t op_now(void *arg)
{
	(void)arg;
	return clock_us(CLOCK_MONOTONIC);
}

static int64_t op_wall(void *arg)
{
	(void)arg;
	return (int64_t)clock_us(CLOCK_REALTIME);
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* Uids and tokens come from here: seeded by the kernel, one per loop.
 * Source: Blackman and Vigna, xoshiro256**. */
static uint64_t op_random(void *arg)
{
	struct loop *l = arg;
	uint64_t *s = l->random;
	uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

/* ---- the broker */

static void disconnect(struct loop *l)
{
	loop_remove(l->dealer_watch);
	loop_remove(l->sub_watch);
	l->dealer_watch = l->sub_watch = NULL;
	sock_close(l->dealer);
	sock_close(l->sub);
	l->dealer = l->sub = NULL;
}

static void on_dealer(void *arg, unsigned events)
{
	struct loop *l = arg;
	(void)events;
	sock_woken(l->dealer);
}

static void on_sub(void *arg, unsigned events)
{
	struct loop *l = arg;
	(void)events;
	sock_woken(l->sub);
}

static int connect_broker(struct loop *l, struct err *e)
{
	l->dealer = sock_new(SOCK_DEALER, e);
	l->sub = sock_new(SOCK_SUB, e);
	if (!l->dealer || !l->sub)
		return ERR_IO;
	int rc = sock_connect(l->dealer, l->broker, e);
	if (rc == 0)
		rc = sock_connect(l->sub, l->bus_at, e);
	if (rc)
		return rc;
	l->dealer_watch = loop_add(l, sock_fd(l->dealer), LOOP_READ, on_dealer, l);
	l->sub_watch = loop_add(l, sock_fd(l->sub), LOOP_READ, on_sub, l);
	return 0;
}

static void op_reconnect(void *arg)
{
	struct loop *l = arg;
	struct err e = {0};
	disconnect(l);
	if (connect_broker(l, &e))
		log_warn(l->cfg.cell.name, "no new connection to the broker: %s", e.text);
}

static int op_send(void *arg, struct bytes *frame)
{
	struct loop *l = arg;
	return l->dealer ? sock_send(l->dealer, 0, frame) : ERR_OVERLOADED;
}

static void op_subscribe(void *arg, struct span topic, bool on)
{
	struct loop *l = arg;
	uint8_t prefix[300];
	if (!l->sub || topic.len + 1 > sizeof prefix)
		return;
	memcpy(prefix, topic.data, topic.len);
	prefix[topic.len] = 0; /* the delimiter: "pods" is not "podtemplates" */
	if (on) /* never twice: unsubscribing is counted */
		sock_subscribe(l->sub, (struct span){prefix, topic.len + 1}, false);
	sock_subscribe(l->sub, (struct span){prefix, topic.len + 1}, on);
}

static void *op_shared(void *arg, const char *name)
{
	struct loop *l = arg;
	return l->cfg.shared ? l->cfg.shared(l->cfg.shared_arg, name) : NULL;
}

static void op_escalate(void *arg, const char *actor, const char *why, bool hopeless)
{
	struct loop *l = arg;
	l->failed = true; /* begin_again does the rest, outside of the turn */
	l->hopeless = hopeless;
	snprintf(l->why, sizeof l->why, "%s %s (%s)", actor,
		 hopeless ? "cannot begin" : "failed too often", why);
}

static void op_tap(void *arg, const struct tap_record *r)
{
	struct loop *l = arg;
	l->cfg.tap(l->cfg.tap_arg, r);
}

static bool op_heard(void *arg, uint16_t kind, uint64_t now_us)
{
	struct loop *l = arg;
	return l->cfg.heard(l->cfg.tap_arg, kind, now_us);
}

/* ---- descriptors of ports */

static uint32_t epoll_events(unsigned events)
{
	return (events & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
	       (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0) |
	       (events & LOOP_HANGUP ? (uint32_t)EPOLLRDHUP : 0);
}

struct loop_watch *loop_add(struct loop *l, int fd, unsigned events,
			    void (*ready)(void *arg, unsigned events), void *arg)
{
	struct loop_watch *w = mem_alloc(sizeof *w);
	*w = (struct loop_watch){l, fd, events, ready, arg, false, l->watches};
	l->watches = w;
	struct epoll_event ev = {.events = epoll_events(events), .data.ptr = w};
	epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
	return w;
}

void loop_change(struct loop_watch *w, unsigned events)
{
	struct epoll_event ev = {.events = epoll_events(events), .data.ptr = w};
	if (w->events != events)
		epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
	w->events = events;
}

/* Freed after the round: epoll may have handed it out already. */
void loop_remove(struct loop_watch *w)
{
	if (!w)
		return;
	struct loop *l = w->loop;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	struct loop_watch **at = &l->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->dead = true;
	w->next = l->graves;
	l->graves = w;
}

static void bury(struct loop *l)
{
	while (l->graves) {
		struct loop_watch *w = l->graves;
		l->graves = w->next;
		free(w);
	}
}

struct loop_hook *loop_hook_add(struct loop *l, uint64_t (*before_sleep)(void *arg), void *arg)
{
	struct loop_hook *h = mem_alloc(sizeof *h);
	*h = (struct loop_hook){l, before_sleep, arg, l->hooks};
	l->hooks = h;
	return h;
}

void loop_hook_remove(struct loop_hook *h)
{
	if (!h)
		return;
	struct loop_hook **at = &h->loop->hooks;
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	free(h);
}

/* ---- life */

static void open_cell(struct loop *l)
{
	struct cell_ops ops = {
		.arg = l,
		.now_us = op_now,
		.wall_us = op_wall,
		.random = op_random,
		.send = op_send,
		.subscribe = op_subscribe,
		.reconnect = op_reconnect,
		.shared = op_shared,
		.escalate = op_escalate,
		.tap = l->cfg.tap ? op_tap : NULL,
		.heard = l->cfg.heard ? op_heard : NULL,
	};
	struct cell_config cell = l->cfg.cell;
	cell.loop = l;
	l->cell = cell_new(&cell, &ops);
}

/* Said once and never read: an edge is enough. */
static void watch_wake(struct loop *l)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev);
}

int loop_open(struct loop **out, const struct loop_config *cfg, struct err *e)
{
	struct loop *l = mem_alloc(sizeof *l);
	l->cfg = *cfg;
	if (!l->cfg.restart.window_us)
		l->cfg.restart = restart_policy_default;
	l->broker = mem_dup(cfg->broker);
	l->bus_at = mem_dup(cfg->bus);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)!getrandom(l->random, sizeof l->random, 0);
	watch_wake(l);
	int rc = connect_broker(l, e);
	if (rc) {
		loop_free(l);
		return rc;
	}
	open_cell(l);
	*out = l;
	return 0;
}
struct cell *loop_cell(struct loop *l)
{
	return l->cell;
}

static bool drain(struct loop *l, struct sock *s, void (*take)(struct cell *, struct bytes *, bool))
{
	for (int i = 0; i < BURST; i++) {
		uint64_t peer;
		struct bytes *frame = NULL;
		if (!s || sock_quiet(s) || sock_recv(s, &peer, &frame) == ERR_AGAIN)
			return false;
		if (frame)
			take(l->cell, frame, l->cfg.trusted);
		bytes_unref(frame);
	}
	return true;
}

/* Milliseconds until something is due. The cell is asked after the hooks: what
 * a library did there may have queued turns. */
static int sleep_ms(struct loop *l)
{
	uint64_t wait = SLEEP_MAX_US;
	for (struct loop_hook *h = l->hooks; h; h = h->next) {
		uint64_t most = h->before_sleep(h->arg);
		if (most < wait)
			wait = most;
	}
	uint64_t now = clock_us(CLOCK_MONOTONIC), due = cell_deadline(l->cell);
	uint64_t until = due > now ? due - now : 0;
	return (int)((until < wait ? until : wait) + 999) / 1000;
}

static void wait_for_events(struct loop *l, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(l->epoll_fd, ev, EVENTS, timeout_ms);
	for (int i = 0; i < n; i++) {
		struct loop_watch *w = ev[i].data.ptr;
		if (!w || w->dead)
			continue;
		bool in = ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR);
		w->ready(w->arg, (in ? (unsigned)LOOP_READ : 0) |
					 (ev[i].events & EPOLLOUT ? (unsigned)LOOP_WRITE : 0) |
					 (ev[i].events & EPOLLRDHUP ? (unsigned)LOOP_HANGUP : 0));
	}
	bury(l);
}

static bool round_once(struct loop *l)
{
	bool more = drain(l, l->dealer, cell_on_frame);
	more |= drain(l, l->sub, cell_on_bus);
	more |= cell_run(l->cell, TURNS);
	return more || (l->dealer && sock_readable(l->dealer)) ||
	       (l->sub && sock_readable(l->sub));
}

/* Nothing but the end of the process is listened to. */
static void wait_before(struct loop *l, uint64_t us)
{
	uint64_t until = clock_us(CLOCK_MONOTONIC) + us;
	for (uint64_t now; !l->stop && (now = clock_us(CLOCK_MONOTONIC)) < until;) {
		struct pollfd fd = {.fd = l->wake_fd, .events = POLLIN};
		poll(&fd, 1, (int)((until - now + 999) / 1000));
	}
}

/* The cell failed: what it had is dropped, as if its process had ended. */
static void begin_again(struct loop *l)
{
	const struct restart_policy *p = &l->cfg.restart;
	const char *name = l->cfg.cell.name;
	struct err e = {0};
	if (l->hopeless) {
		log_error(name, "%s: the process ends", l->why);
		_exit(LOOP_EXIT_HOPELESS);
	}
	bool often = failures_add(&l->failures, p, clock_us(CLOCK_MONOTONIC));
	if (often || l->cfg.alone || !l->cfg.fill) {
		log_error(name, "%s%s: the process ends", l->why,
			  l->cfg.alone || !l->cfg.fill ? "" : ", and its cell too");
		_exit(LOOP_EXIT_FAILED);
	}
	log_error(name, "%s: the cell is dropped and begins again", l->why);
	cell_free(l->cell);
	l->cell = NULL;
	disconnect(l);
	bury(l);
	wait_before(l, failures_backoff(&l->failures, p, op_random(l)));
	l->failed = false;
	if (l->stop)
		return;
	if (connect_broker(l, &e))
		log_warn(name, "no new connection to the broker: %s", e.text);
	l->lives++;
	open_cell(l);
	l->cfg.fill(l->cfg.fill_arg, l->cell);
}

static void trim(struct loop *l)
{
	uint64_t turns = cell_turns(l->cell);
	if (turns < l->trimmed_turns) /* the cell began again */
		l->trimmed_turns = 0;
	if (l->trimmed && turns - l->trimmed_turns < TRIM_TURNS)
		return;
	l->trimmed = true; /* the start leaves holes too */
	l->trimmed_turns = turns;
	malloc_trim(0);
}

void loop_run(struct loop *l)
{
	while (!l->stop) {
		if (l->failed) {
			begin_again(l);
			continue;
		}
		bool more = round_once(l);
		/* Hooks run each time: a library beside the loop may have work. */
		int ms = sleep_ms(l);
		if (!more && ms >= TRIM_SLEEP_MS)
			trim(l);
		wait_for_events(l, more ? 0 : ms);
	}
	if (!l->cell) /* it ended between two lives */
		return;
	cell_stop(l->cell);
	while (clock_us(CLOCK_MONOTONIC) < l->stop_at && cell_actor_count(l->cell) && !l->failed) {
		bool more = round_once(l);
		int ms = sleep_ms(l);
		wait_for_events(l, more ? 0 : ms < 20 ? ms : 20);
	}
}

void loop_stop(struct loop *l, uint32_t stop_ms)
{
	uint64_t one = 1;
	l->stop_at = clock_us(CLOCK_MONOTONIC) + (uint64_t)stop_ms * 1000;
	l->stop = true;
	(void)!write(l->wake_fd, &one, sizeof one);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	cell_free(l->cell);
	disconnect(l);
	bury(l);
	failures_fini(&l->failures);
	close(l->epoll_fd);
	close(l->wake_fd);
	free(l->broker);
	free(l->bus_at);
	free(l);
}

uint64_t loop_lives(const struct loop *l)
{
	return l->lives;
}
