/* The broker on real sockets: a ROUTER for requests and an XPUB for the bus,
 * each on inproc (the cells of this process, trusted) and on ipc (cells with
 * a process of their own and tools; every frame checked). The thinking is in
 * router.h. It has no state that hellos do not bring back. */
#ifndef BROKER_SERVE_H
#define BROKER_SERVE_H

#include <stdatomic.h>

#include "broker/router.h"

struct broker_config {
	uint32_t cluster;
	const char *dir; /* for broker.ipc and bus.ipc; NULL: inproc only */
	const char *ring; /* its file (ring.h), for dead letters; NULL: none */
};

struct broker;

/* Binds. ERR_BUSY: another broker has the directory's sockets. */
int broker_open(struct broker **out, const struct broker_config *cfg, struct err *e);
/* Runs on the calling thread until broker_stop, then closes the sockets. */
void broker_run(struct broker *b);
void broker_stop(struct broker *b); /* any thread */
void broker_free(struct broker *b); /* after run returned */

#endif
