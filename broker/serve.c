#include "broker/serve.h"

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
#include "broker/ring.h"
#include "broker/socket.h"

enum { BURST = 256, TICK_MS = 2000, DEAD_RECORDS = 4096, NO_BODIES = 8 };

/* Peers of the ipc ROUTER are told from those of the inproc one by this bit. */
#define FAR_PEER ((uint64_t)1 << 40)

struct broker {
	struct router *router;
	struct sock *near, *far, *bus;
	struct ring *ring; /* NULL: none */
	int stop_fd, epoll_fd;
	char *router_path, *bus_path; /* ours to remove; NULL: inproc only */
	_Atomic bool stopping;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int send_to(void *arg, uint64_t peer, struct bytes *frame)
{
	struct broker *b = arg;
	struct sock *s = peer & FAR_PEER ? b->far : b->near;
	return s ? sock_send(s, peer & ~FAR_PEER, frame) : ERR_UNREACHABLE;
}

static void publish(void *arg, struct bytes *frame, bool trusted)
{
	(void)trusted; /* followers of other processes check what comes */
	struct broker *b = arg;
	(void)sock_send(b->bus, 0, frame); /* lossy by design: followers fetch */
}

static void dead_letter(void *arg, const struct envelope *env, int code)
{
	struct broker *b = arg;
	if (!b->ring)
		return;
	struct ring_record r = {
		.time_us = now_us(),
		.from = ring_intern(b->ring, env->from),
		.to = ring_intern(b->ring, env->to),
		.kind = env->kind,
		.event = RING_DEAD,
		.detail = (uint8_t)-code,
		.size = (uint32_t)env->body.len,
		.id = env->sequence,
		.correlation = env->correlation,
		.trace = env->trace.lo,
		.span = (uint32_t)env->trace.span,
		.parent = (uint32_t)env->trace.parent,
	};
	ring_write(b->ring, &r, (struct span){0});
}

/* A broker without a ring does its work all the same. */
static void open_ring(struct broker *b, const char *path, uint64_t seed)
{
	struct err e = {0};
	struct ring_config cfg = {path, "broker", seed | 1, DEAD_RECORDS, NO_BODIES};
	if (path && ring_open(&b->ring, &cfg, &e))
		log_warn("broker", "dead letters are not kept: %s", e.text);
}

static int open_router(struct sock **out, const char *endpoint, struct err *e)
{
	*out = sock_new(SOCK_ROUTER, e);
	return *out ? sock_bind(*out, endpoint, e) : ERR_IO;
}

static int open_sockets(struct broker *b, const struct broker_config *cfg, struct err *e)
{
	char at[512];
	int rc = open_router(&b->near, "inproc://broker", e);
	if (rc)
		return rc;
	b->bus = sock_new(SOCK_XPUB, e);
	if (!b->bus || (rc = sock_bind(b->bus, "inproc://bus", e)))
		return rc ? rc : ERR_IO;
	if (!cfg->dir)
		return 0;
	snprintf(at, sizeof at, "ipc://%s/broker.ipc", cfg->dir);
	if ((rc = open_router(&b->far, at, e)))
		return rc;
	b->router_path = mem_dup(at + strlen("ipc://"));
	snprintf(at, sizeof at, "ipc://%s/bus.ipc", cfg->dir);
	if ((rc = sock_bind(b->bus, at, e)))
		return rc;
	b->bus_path = mem_dup(at + strlen("ipc://"));
	return 0;
}

/* ZeroMQ leaves the file of an ipc socket behind. */
static void remove_path(char *path)
{
	if (path)
		unlink(path);
	free(path);
}

static void watch(struct broker *b, int fd, struct sock *s)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
	epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

int broker_open(struct broker **out, const struct broker_config *cfg, struct err *e)
{
	struct broker *b = mem_alloc(sizeof *b);
	struct router_ops ops = {b, send_to, publish, dead_letter};
	uint64_t seed = 0;
	(void)!getrandom(&seed, sizeof seed, 0);
	b->router = router_new(&ops, cfg->cluster, seed);
	open_ring(b, cfg->ring, seed);
	b->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int rc = open_sockets(b, cfg, e);
	if (rc) {
		broker_free(b);
		return rc;
	}
	watch(b, b->stop_fd, NULL);
	watch(b, sock_fd(b->near), b->near);
	watch(b, sock_fd(b->bus), b->bus);
	if (b->far)
		watch(b, sock_fd(b->far), b->far);
	*out = b;
	return 0;
}

static void serve_router(struct broker *b, struct sock *s, uint64_t mark, bool trusted)
{
	uint64_t now = now_us();
	for (int i = 0; s && !sock_quiet(s) && i < BURST; i++) {
		uint64_t peer = 0;
		struct bytes *frame = NULL;
		if (sock_recv(s, &peer, &frame) == 0)
			router_on_frame(b->router, peer | mark, frame, trusted, now);
		bytes_unref(frame);
	}
}

static void serve_bus(struct broker *b)
{
	for (int i = 0; i < BURST && !sock_quiet(b->bus); i++) {
		uint64_t peer;
		struct bytes *frame = NULL;
		int rc = sock_recv(b->bus, &peer, &frame);
		struct span f = bytes_span(frame);
		/* 1 and the topic with its zero byte: somebody subscribed; 0: no more */
		bool whole = rc == 0 && f.len > 2 && f.data[f.len - 1] == 0;
		struct span topic = {f.data + 1, whole ? f.len - 2 : 0};
		if (whole && f.data[0] == 1)
			router_on_subscribe(b->router, topic);
		else if (whole && f.data[0] == 0)
			router_on_unsubscribe(b->router, topic);
		bytes_unref(frame);
	}
}

static void wait_for_frames(struct broker *b)
{
	struct epoll_event ev[8];
	int n = epoll_wait(b->epoll_fd, ev, 8, TICK_MS);
	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr)
			sock_woken(ev[i].data.ptr);
}

void broker_run(struct broker *b)
{
	uint64_t tick_at = now_us();
	while (!b->stopping) {
		serve_router(b, b->near, 0, true);
		serve_router(b, b->far, FAR_PEER, false);
		serve_bus(b);
		uint64_t now = now_us();
		if (now >= tick_at) {
			router_tick(b->router, now);
			tick_at = now + TICK_MS * 1000;
		}
		router_flush(b->router);
		if (!sock_readable(b->near) && !sock_readable(b->bus) &&
		    !(b->far && sock_readable(b->far)))
			wait_for_frames(b);
	}
	sock_close(b->near);
	sock_close(b->far);
	sock_close(b->bus);
	b->near = b->far = b->bus = NULL;
}

void broker_stop(struct broker *b)
{
	uint64_t one = 1;
	b->stopping = true;
	(void)!write(b->stop_fd, &one, sizeof one);
}

void broker_free(struct broker *b)
{
	if (!b)
		return;
	sock_close(b->near);
	sock_close(b->far);
	sock_close(b->bus);
	remove_path(b->router_path);
	remove_path(b->bus_path);
	router_free(b->router);
	ring_close(b->ring);
	close(b->stop_fd);
	close(b->epoll_fd);
	free(b);
}
