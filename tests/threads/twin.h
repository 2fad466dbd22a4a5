/* A cluster on either back end, so that one body shows a promise on both: in
 * the simulator (one thread, virtual time), and on real sockets (a thread a
 * cell, a broker in this process on ipc). What actors and the test share is
 * atomic. */
#ifndef THREADS_TWIN_H
#define THREADS_TWIN_H

#include "actors/runtime/cell.h"

enum twin_end { TWIN_SIM, TWIN_ZMQ };

struct twin;

struct twin_config {
	const struct catalogue *catalogue;
	const struct actor_spec *const *kinds;
	struct restart_policy restart; /* of actors */
	void *(*shared)(void *arg, const char *name);
	void *arg;					   /* of what is here */
	bool deaf;					   /* what is published comes to nobody */
	void (*published)(void *arg, struct bytes *frame); /* what the broker puts on the bus */
	const char *topic; /* on real sockets: of that, as a prefix */
};

struct twin *twin_new(enum twin_end end, const struct twin_config *cfg);
void twin_free(struct twin *t);
/* Adds and starts a cell; `actors`: "kind name kind name ...". The kind `store`
 * gets a journal in memory. */
void twin_cell(struct twin *t, const char *cell, const char *actors);
/* Until `done`, at most so long. Returns whether it is. */
bool twin_run(struct twin *t, uint64_t at_most_us, bool (*done)(void *arg));
/* That cell does nothing, and takes nothing from its socket. */
void twin_pause(struct twin *t, const char *cell, bool paused);
void twin_restart_broker(struct twin *t);
void twin_jump_wall(struct twin *t, int64_t us);
uint64_t twin_now_us(const struct twin *t);

#endif
