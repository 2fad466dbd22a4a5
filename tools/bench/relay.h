/* What the sockets alone can do, by the same wrapper: a bare DEALER - ROUTER -
 * DEALER relay, with an answer to each message or without, one message a frame. */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

#include "broker/socket.h"

static inline double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void a_moment(void)
{
	struct timespec t = {.tv_nsec = 20000};
	nanosleep(&t, NULL);
}

struct relay {
	struct sock *router;
	_Atomic bool stop;
};

static inline void wait_for(struct sock *s)
{
	zmq_pollitem_t p = {.fd = sock_fd(s), .events = ZMQ_POLLIN};
	if (!sock_readable(s))
		zmq_poll(&p, 1, 1);
}

/* Two peers: what comes from one goes to the other. */
static inline void *run_relay(void *arg)
{
	struct relay *r = arg;
	uint64_t peers[2] = {0}, from;
	size_t known = 0;
	while (!r->stop) {
		struct bytes *frame = NULL;
		if (sock_recv(r->router, &from, &frame)) {
			wait_for(r->router);
			continue;
		}
		size_t i = 0;
		while (i < known && peers[i] != from)
			i++;
		if (i == known && known < 2)
			peers[known++] = from;
		if (known == 2)
			while (sock_send(r->router, peers[!i], frame) == ERR_OVERLOADED && !r->stop)
				;
		bytes_unref(frame);
	}
	return NULL;
}

/* The far end: counts what comes, or sends it back. */
struct far_end {
	const char *endpoint;
	bool echoes;
	_Atomic bool stop;
	_Atomic long got;
};

static inline struct bytes *frame_of(size_t n)
{
	struct buf b = {0};
	while (b.len < n)
		buf_putc(&b, (char)0x95);
	return bytes_take(&b);
}

static inline void *run_far_end(void *arg)
{
	struct far_end *x = arg;
	struct err e = {0};
	struct sock *s = sock_new(SOCK_DEALER, &e);
	struct bytes *first = frame_of(4);
	uint64_t peer;
	sock_connect(s, x->endpoint, &e);
	while (sock_send(s, 0, first) && !x->stop)
		;
	while (!x->stop) {
		struct bytes *frame = NULL;
		if (sock_recv(s, &peer, &frame)) {
			wait_for(s);
			continue;
		}
		while (x->echoes && sock_send(s, 0, frame) == ERR_OVERLOADED && !x->stop)
			;
		x->got++;
		bytes_unref(frame);
	}
	bytes_unref(first);
	sock_close(s);
	return NULL;
}

/* The relay and its far end, each on a thread of its own, and our end. */
struct line {
	struct relay relay;
	struct far_end far;
	pthread_t threads[2];
	struct sock *near;
	struct bytes *frame;
};

static inline void line_open(struct line *l, const char *endpoint, size_t bytes, bool echoes)
{
	struct err e = {0};
	struct timespec settle = {.tv_nsec = 200000000};
	l->relay = (struct relay){.router = sock_new(SOCK_ROUTER, &e)};
	l->far = (struct far_end){.endpoint = endpoint, .echoes = echoes};
	if (sock_bind(l->relay.router, endpoint, &e)) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	pthread_create(&l->threads[0], NULL, run_relay, &l->relay);
	pthread_create(&l->threads[1], NULL, run_far_end, &l->far);
	l->near = sock_new(SOCK_DEALER, &e);
	l->frame = frame_of(bytes);
	sock_connect(l->near, endpoint, &e);
	nanosleep(&settle, NULL);
}

static inline void line_close(struct line *l)
{
	l->far.stop = l->relay.stop = true;
	pthread_join(l->threads[1], NULL);
	pthread_join(l->threads[0], NULL);
	bytes_unref(l->frame);
	sock_close(l->near);
	sock_close(l->relay.router);
}

/* Round trips a second, so many on their way. */
static inline double bare(const char *endpoint, long in_flight, size_t bytes, double seconds)
{
	struct line l;
	uint64_t peer;
	line_open(&l, endpoint, bytes, true);
	for (long i = 0; i < in_flight; i++)
		while (sock_send(l.near, 0, l.frame))
			;
	long n = 0;
	double began = now_s(), took;
	do {
		struct bytes *back = NULL;
		if (sock_recv(l.near, &peer, &back)) {
			wait_for(l.near);
		} else {
			bytes_unref(back);
			n++;
			while (sock_send(l.near, 0, l.frame))
				;
		}
		took = now_s() - began;
	} while (took < seconds);
	line_close(&l);
	return (double)n / took;
}

/* The same without answers: how many come through a relay, sent one by one. */
static inline double bare_flood(const char *endpoint, size_t bytes, long backlog, double seconds)
{
	struct line l;
	line_open(&l, endpoint, bytes, false);
	long sent = 0;
	double began = now_s();
	while (now_s() - began < seconds)
		for (int i = 0; i < 100; i++) {
			while (sent - l.far.got > backlog || sock_send(l.near, 0, l.frame))
				a_moment();
			sent++;
		}
	double per_s = (double)l.far.got / (now_s() - began);
	line_close(&l);
	return per_s;
}

#endif
