/* A broker on a thread of its own for what is measured through it, and the two
 * ways to it, each beside the endpoint of a bare relay. */
#ifndef BENCH_BROKER_H
#define BENCH_BROKER_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/serve.h"
#include "broker/socket.h"

struct way {
	const char *over, *broker, *bus, *raw;
	bool trusted;
};

struct bench_broker {
	struct way inproc, ipc;
	struct broker *broker;
	pthread_t thread;
	char dir[40], files[3][80], endpoints[3][100];
};

static inline void *bench_broker_run(void *broker)
{
	broker_run(broker);
	return NULL;
}

/* Ends the process when there is none to be had. */
static inline void bench_broker_open(struct bench_broker *b)
{
	static const char *const names[] = {"broker", "bus", "raw"};
	struct err e = {0};
	log_init("off");
	sock_system_start();
	snprintf(b->dir, sizeof b->dir, "%s", "/tmp/troupe-bench-XXXXXX");
	if (!mkdtemp(b->dir)) {
		perror(b->dir);
		exit(1);
	}
	for (size_t i = 0; i < 3; i++) {
		snprintf(b->files[i], sizeof b->files[i], "%s/%s.ipc", b->dir, names[i]);
		snprintf(b->endpoints[i], sizeof b->endpoints[i], "ipc://%s", b->files[i]);
	}
	b->inproc = (struct way){"inproc", "inproc://broker", "inproc://bus", "inproc://raw", true};
	b->ipc = (struct way){"ipc", b->endpoints[0], b->endpoints[1], b->endpoints[2], false};
	struct broker_config cfg = {.cluster = 1, .dir = b->dir};
	if (broker_open(&b->broker, &cfg, &e)) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	pthread_create(&b->thread, NULL, bench_broker_run, b->broker);
}

static inline void bench_broker_close(struct bench_broker *b)
{
	broker_stop(b->broker);
	pthread_join(b->thread, NULL);
	broker_free(b->broker);
	for (size_t i = 0; i < 3; i++)
		unlink(b->files[i]);
	rmdir(b->dir);
	sock_system_stop();
}

#endif
