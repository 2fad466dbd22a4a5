/* A cell: any number of actors on one loop, and one connection to the broker.
 *
 * This is the part that both back ends share; `struct cell_ops` is what they
 * differ in. A back end feeds frames in, calls cell_run until it says that
 * nothing is left, and sleeps until cell_deadline.
 *
 * Threads: one owner. Nothing blocks. */
#ifndef RUNTIME_CELL_H
#define RUNTIME_CELL_H

#include "actors/runtime/actor.h"
#include "actors/runtime/dead_letters.h"
#include "actors/runtime/port.h"
#include "actors/runtime/supervision.h"
#include "actors/runtime/turn_record.h"
#include "broker/ring.h"

struct cell;

/* What the tap sees: every message that a turn released or was given, every
 * turn, and what becomes of actors. */
enum { TAP_TURN_BEGINS = 0 }; /* beside enum ring_event: for who looks while a turn hangs */

struct tap_record {
	uint64_t now_us;
	unsigned event; /* enum ring_event */
	enum env_type type;
	uint16_t kind; /* 0: none (a turn about a timer, a view, a port) */
	struct span from, to;
	struct trace trace;
	struct span body;
	uint64_t id;          /* the message's number at its sender */
	uint64_t correlation; /* of a bus event: its version */
	int error;            /* of RING_DEAD and RING_CRASHED */
	/* of turns */
	unsigned item; /* what it was about: cell_item_name */
	uint8_t attempt;
	uint64_t wait_us, turn_us; /* in the mailbox; in the handler */
};

struct cell_ops {
	void *arg;
	uint64_t (*now_us)(void *arg);
	int64_t (*wall_us)(void *arg);
	uint64_t (*random)(void *arg);
	/* To the broker. ERR_OVERLOADED: its queue is full, try later. */
	int (*send)(void *arg, struct bytes *frame);
	void (*subscribe)(void *arg, struct span topic, bool on);
	/* The broker did not answer: make a new connection. */
	void (*reconnect)(void *arg);
	void *(*shared)(void *arg, const char *name);
	/* An actor failed too often: the cell has failed. It runs no more turns;
	 * once cell_run has returned, drop it (cell_free) and make another. NULL:
	 * the actor goes on being restarted. Hopeless: its `init` ended in
	 * ERR_CORRUPT or ERR_UNSUPPORTED, and would again. */
	void (*escalate)(void *arg, const char *actor, const char *why, bool hopeless);
	void (*tap)(void *arg, const struct tap_record *r); /* may be NULL */
	/* Whether somebody reads notices of that kind here. NULL: nobody. */
	bool (*heard)(void *arg, uint16_t kind, uint64_t now_us);
};

struct cell_config {
	const char *name;
	uint32_t cluster;
	const struct catalogue *catalogue;
	const struct actor_spec *const *kinds;       /* ends with NULL */
	const struct port_driver *const *drivers;    /* ends with NULL */
	struct loop *loop;                           /* for the drivers; NULL in sim */
	bool check;                                  /* run actors' check after each turn */
	bool apart; /* no memory in common with the store: what it holds nobody else does */
	struct restart_policy restart; /* of its actors; zeroed: restart_policy_default */
	/* What outlives the cell, borrowed; NULL: it has its own. */
	struct turn_record *record;
	struct dead_letters *letters;
};

enum {
	/* Of a mailbox, for messages and port events; what belongs to the
	 * runtime's own bookkeeping (answers, outcomes, timers, views, the end) is
	 * always taken. */
	CELL_MAILBOX_ITEMS_MAX = 100000,
	CELL_MAILBOX_BYTES_MAX = 64 * 1024 * 1024,
	CELL_OUTBOX_ITEMS_MAX = 20000,
	COMMAND_WINDOW = 64,       /* of a pair, on their way */
	COMMAND_QUEUE_MAX = 10000, /* of a pair, waiting; then ERR_OVERLOADED */
	COMMAND_GIVE_UP_US = 60000000, /* without a word of the receiver's cell */
	CELL_NOTICES_MAX = 64, /* that wait for the broker; then the oldest goes */
	CELL_REPORT_STATE_MAX = 2048, /* bytes of a state in a crash report */
};

struct cell *cell_new(const struct cell_config *cfg, const struct cell_ops *ops);
/* Stops nothing in order: ports are closed, states freed, newest actor first. */
void cell_free(struct cell *c);

/* ERR_UNSUPPORTED: no such kind. ERR_EXISTS. Its init runs as its first turn.
 * `restart` of cfg: permanent (when it says nothing), transient or temporary. */
int cell_add_actor(struct cell *c, const char *kind, const char *name, struct mp cfg,
		   struct err *e);
/* As if a turn had failed (chaos, tests). ERR_NOT_FOUND. */
int cell_kill_actor(struct cell *c, const char *name);
/* An actor that gets no turns while held (chaos `pause`); its mailbox fills.
 * ERR_NOT_FOUND. */
int cell_hold_actor(struct cell *c, const char *name, bool held);
/* Drops an actor without `stop`, for good; cell_add_actor makes another.
 * ERR_NOT_FOUND. */
int cell_end_actor(struct cell *c, const char *name);
/* Stops all actors in reverse order of their start; each `stop` is a turn, and
 * the next one begins when the actor before it is gone. */
void cell_stop(struct cell *c);

void cell_on_frame(struct cell *c, struct bytes *frame, bool trusted);
void cell_on_bus(struct cell *c, struct bytes *frame, bool trusted);
/* Runs due timers and at most `turns` turns; true when work is left. */
bool cell_run(struct cell *c, unsigned turns);
/* When something is due next (now_us clock); UINT64_MAX: nothing, 0: turns
 * are waiting. */
uint64_t cell_deadline(const struct cell *c);

/* For tests, inspect and invariants. */
const char *cell_name(const struct cell *c);
const char *cell_item_name(unsigned item); /* "message", "timer", ... */
void *cell_actor_state(struct cell *c, const char *name); /* NULL: none or down */
const char *cell_role(struct cell *c, const char *name); /* ctx_role; NULL: none */
struct view *cell_view(struct cell *c, const char *stream);
void cell_each_view(struct cell *c, void (*each)(void *arg, struct view *v), void *arg);
size_t cell_actor_queued(struct cell *c, const char *name); /* turns that wait */
bool cell_connected(const struct cell *c);
uint64_t cell_turns(const struct cell *c);
size_t cell_actor_count(const struct cell *c);
uint64_t cell_actor_restarts(struct cell *c, const char *name);
const struct dead_letters *cell_dead_letters(const struct cell *c);

#endif
