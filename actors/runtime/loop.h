/* The production back end: one cell on one thread, real sockets, real time.
 *
 * Threads: loop_run is the thread; loop_stop and loop_kill_actor may be
 * called from any other. */
#ifndef RUNTIME_LOOP_H
#define RUNTIME_LOOP_H

#include "actors/runtime/cell.h"

struct loop_config {
	struct cell_config cell;
	/* Adds the actors of a new life of the cell: when it failed, its actors
	 * and sockets are dropped and the loop begins again, after a backoff and
	 * not more often than `restart` allows; then the process ends. NULL, or
	 * `alone` (the cell has a process of its own): it ends at once. */
	void (*fill)(void *arg, struct cell *c);
	void *fill_arg;
	bool alone;
	struct restart_policy restart; /* zeroed: restart_policy_default */
	const char *broker, *bus; /* endpoints: inproc://..., ipc://... */
	bool trusted;             /* the broker is in this process */
	void *(*shared)(void *arg, const char *name);
	void *shared_arg;
	void (*tap)(void *arg, const struct tap_record *r);
	void *tap_arg;
	bool (*heard)(void *tap_arg, uint16_t kind, uint64_t now_us); /* NULL: nobody reads there */
};

/* The process's exit code when its cell failed too often, and when beginning
 * again cannot help. */
enum { LOOP_EXIT_FAILED = 70, LOOP_EXIT_HOPELESS = 78 };

struct loop;

int loop_open(struct loop **out, const struct loop_config *cfg, struct err *e);
/* Add actors before running it. */
struct cell *loop_cell(struct loop *l);
/* Until loop_stop; an orderly stop gives the actors at most `stop_ms`. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l, uint32_t stop_ms);
void loop_free(struct loop *l);
/* How often the cell began again. */
uint64_t loop_lives(const struct loop *l);

#endif
