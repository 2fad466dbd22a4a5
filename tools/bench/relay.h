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

struct echo {
	const char *endpoint;
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

static inline void *run_echo(void *arg)
{
	struct echo *x = arg;
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
		while (sock_send(s, 0, frame) == ERR_OVERLOADED && !x->stop)
			;
		bytes_unref(frame);
	}
	bytes_unref(first);
	sock_close(s);
	return NULL;
}

static inline double bare(const char *endpoint, long in_flight, size_t bytes, double seconds)
{
	struct err e = {0};
	struct relay r = {.router = sock_new(SOCK_ROUTER, &e)};
	struct echo x = {.endpoint = endpoint};
	pthread_t t[2];
	uint64_t peer;
	if (sock_bind(r.router, endpoint, &e)) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	pthread_create(&t[0], NULL, run_relay, &r);
	pthread_create(&t[1], NULL, run_echo, &x);
	struct sock *s = sock_new(SOCK_DEALER, &e);
	struct bytes *frame = frame_of(bytes);
	struct timespec settle = {.tv_nsec = 200000000};
	sock_connect(s, endpoint, &e);
	nanosleep(&settle, NULL);
	for (long i = 0; i < in_flight; i++)
		while (sock_send(s, 0, frame))
			;
	long n = 0;
	double began = now_s(), took;
	do {
		struct bytes *back = NULL;
		if (sock_recv(s, &peer, &back)) {
			wait_for(s);
		} else {
			bytes_unref(back);
			n++;
			while (sock_send(s, 0, frame))
				;
		}
		took = now_s() - began;
	} while (took < seconds);
	x.stop = r.stop = true;
	pthread_join(t[1], NULL);
	pthread_join(t[0], NULL);
	bytes_unref(frame);
	sock_close(s);
	sock_close(r.router);
	return (double)n / took;
}

/* The same without answers: how many come through a relay, sent one by one. */
static inline void *run_sink(void *arg)
{
	struct echo *x = arg;
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
		x->got++;
		bytes_unref(frame);
	}
	bytes_unref(first);
	sock_close(s);
	return NULL;
}

static inline double bare_flood(const char *endpoint, size_t bytes, long backlog, double seconds)
{
	struct err e = {0};
	struct relay r = {.router = sock_new(SOCK_ROUTER, &e)};
	struct echo x = {.endpoint = endpoint};
	pthread_t t[2];
	if (sock_bind(r.router, endpoint, &e)) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	pthread_create(&t[0], NULL, run_relay, &r);
	pthread_create(&t[1], NULL, run_sink, &x);
	struct sock *s = sock_new(SOCK_DEALER, &e);
	struct bytes *frame = frame_of(bytes);
	struct timespec settle = {.tv_nsec = 200000000};
	sock_connect(s, endpoint, &e);
	nanosleep(&settle, NULL);
	long sent = 0;
	double began = now_s();
	while (now_s() - began < seconds)
		for (int i = 0; i < 100; i++) {
			while (sent - x.got > backlog || sock_send(s, 0, frame))
				a_moment();
			sent++;
		}
	double per_s = (double)x.got / (now_s() - began);
	x.stop = r.stop = true;
	pthread_join(t[1], NULL);
	pthread_join(t[0], NULL);
	bytes_unref(frame);
	sock_close(s);
	sock_close(r.router);
	return per_s;
}

#endif
