/* The actor contract.
 *
 * An actor is a state, a table of handlers and nothing else. The runtime
 * calls one handler at a time: a *turn*. A turn runs to completion, never
 * blocks and touches the world only through its `struct ctx`. What it asks
 * for there is buffered. When it returns 0, the effects are released in the
 * order transaction, sends and port calls, replies, timers. When it returns
 * an error (or `check` finds an invariant broken) nothing is released: the
 * state is thrown away with `fini`, a request is answered ERR_CRASHED, and the
 * supervisor starts the actor again with `init` (supervision.h). A send whose
 * turn failed comes again then, with `attempt` one higher; what was in three
 * crashes goes to dead letters.
 *
 * So the same object code runs on two back ends: zmq (production) and sim
 * (one thread, virtual time, seeded faults). For that an actor uses no clock,
 * no randomness, no threads, no I/O and no mutable file-level state.
 *
 * Threads: an actor lives on its cell's loop. Everything borrowed by a
 * handler is valid for that turn only; keep bytes with bytes_ref. */
#ifndef RUNTIME_ACTOR_H
#define RUNTIME_ACTOR_H

#include "actors/runtime/view.h"
#include "broker/base/mp.h"
#include "broker/catalogue.h"
#include "broker/envelope.h"
#include "store/store.h"

struct ctx;

/* A message as its handler sees it. */
struct msg {
	const struct msg_row *row; /* which kind; its body was checked against it */
	struct span from;          /* who sent it */
	bool request;              /* it waits for exactly one answer */
	struct mp body;            /* cursor at the map */
	struct bytes *owner;       /* what body points into */
	struct trace trace;
	unsigned attempt; /* crashes of its receiver that it was in */
};

/* The answer to a request of ours. status 0: `body` is the reply's. */
struct reply {
	int status; /* ERR_TIMEOUT, ERR_UNREACHABLE, ERR_OVERLOADED, ERR_CRASHED, or theirs */
	struct span text; /* for people, with status other than 0 */
	struct span from;
	struct mp body;
	struct bytes *owner;
};

/* A change in a view that the actor follows. `was` NULL: created (or first
 * seen); `now` NULL: deleted. With `key` empty: the view is complete (first
 * list done, or listed again); iterate it. */
struct view_change {
	struct view *view;
	struct span key;
	struct view_object *was, *now;
	uint64_t version; /* of this change, for deletions too */
};

/* Something from outside; see the port's own header for op and payload. */
struct port_event {
	int port; /* handle of ctx_port_open */
	uint32_t op;
	uint64_t id;
	uint32_t arg;
	struct bytes *payload; /* may be NULL */
};

/* A row of the handler table: the catalogue's name and who takes it. */
struct actor_handler {
	const char *message;
	int (*on)(struct ctx *c, void *state, const struct msg *m);
};

struct actor_spec {
	const char *kind;
	size_t state_bytes;                   /* zeroed before init */
	const struct actor_handler *handlers; /* ends with message NULL */
	/* `cfg`: the actor's map of the config; its keys were checked. */
	int (*init)(struct ctx *c, void *state, struct mp cfg);
	int (*on_reply)(struct ctx *c, void *state, uint64_t tag, const struct reply *r);
	int (*on_outcome)(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o);
	int (*on_timer)(struct ctx *c, void *state, uint64_t tag);
	int (*on_view)(struct ctx *c, void *state, const struct view_change *v);
	int (*on_port)(struct ctx *c, void *state, const struct port_event *p);
	int (*on_down)(struct ctx *c, void *state, struct span who, int reason);
	/* Invariants; run after every turn in tests and the simulator. Returns
	 * 0, or non-zero with the reason in `why`. */
	int (*check)(const void *state, struct err *why);
	/* Appends one msgpack map: what `troupe inspect` shows. */
	void (*inspect)(const void *state, struct buf *out);
	int (*stop)(struct ctx *c, void *state); /* orderly end only */
	void (*fini)(void *state);               /* frees memory; always */
};

/* Everything a handler does not have may be NULL. */

/* ---- the world, read only */
uint64_t ctx_now_us(struct ctx *c); /* monotonic; same value during a turn */
int64_t ctx_wall_us(struct ctx *c); /* since 1970, UTC; same value during a turn */
uint64_t ctx_random(struct ctx *c);
void ctx_random_bytes(struct ctx *c, uint8_t *out, size_t n);
struct span ctx_name(struct ctx *c);     /* this actor's */
struct arena *ctx_arena(struct ctx *c);  /* gone after the turn */
void ctx_why(struct ctx *c, const char *fmt, ...) /* why this turn is about to fail */
	__attribute__((format(printf, 2, 3)));
/* What lists of actors show of this one beside its name ("active"); gone when it
 * begins again. An effect like others. */
void ctx_role(struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What led to this turn: the message's, or that of the change that a view
 * shows. Timers and ports have none; a turn of theirs that goes on with
 * something noted in an earlier one says so, and its effects belong there. */
struct trace ctx_trace(struct ctx *c);
void ctx_resume(struct ctx *c, const struct trace *noted);
/* What the process gave its actors under a name (the cluster's ranges, shared heads):
 * outlives every actor; its own header says who may write. NULL: none. */
void *ctx_shared(struct ctx *c, const char *name);

/* ---- messages. `body` is taken over (left empty). `kind` must be in the
 * catalogue: an unknown one or a body that does not fit fails the turn. */
enum send_flags {
	/* Wait for this turn's transaction; dropped unless committed (all its
	 * compares held). It leaves before the outcome's turn. In a turn without a
	 * transaction it is a mistake that fails the turn. */
	SEND_AFTER_COMMIT = 1,
};
void ctx_send(struct ctx *c, const char *to, const char *kind, struct buf *body, unsigned flags);
/* Exactly one on_reply turn with this tag follows. */
void ctx_request(struct ctx *c, const char *to, const char *kind, struct buf *body,
		 uint32_t timeout_ms, uint64_t tag);
/* Sent until it is acknowledged: handled in order with others of this actor to
 * `to`, and once for each life of the receiver's cell. Exactly one on_reply turn
 * with this tag follows: status 0 (empty body) when its turn went well; else why
 * not: ERR_POISON, ERR_INVALID, ERR_UNSUPPORTED, ERR_CRASHED or ERR_CLOSED (its
 * receiver is gone), ERR_OVERLOADED (too many wait), ERR_UNREACHABLE (the
 * receiver's cell was given up: it may or may not have been handled). `kind`
 * is one of class command. An actor that fails forgets what it had asked for.
 * With SEND_AFTER_COMMIT it is sent when the outcome has come and is "committed";
 * otherwise the outcome is all that follows. */
void ctx_command(struct ctx *c, const char *to, const char *kind, struct buf *body,
		 unsigned flags, uint64_t tag);
/* Answers the message of this turn. A request handler replies, fails or parks. */
void ctx_reply(struct ctx *c, struct buf *body);
void ctx_reply_error(struct ctx *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Keeps the request of this turn open; the number answers it later. */
uint64_t ctx_park(struct ctx *c);
void ctx_reply_parked(struct ctx *c, uint64_t parked, struct buf *body);
void ctx_error_parked(struct ctx *c, uint64_t parked, int code, const char *text);

/* ---- the store: at most one transaction a turn; its outcome is exactly one
 * on_outcome turn with this tag. The txn is copied. The origin's trace and
 * request id are filled in when zero. */
void ctx_txn(struct ctx *c, const struct store_txn *txn, uint64_t tag);

/* ---- timers: one on_timer turn, unless cancelled. */
uint64_t ctx_timer(struct ctx *c, uint64_t after_us, uint64_t tag);
void ctx_cancel(struct ctx *c, uint64_t timer);

/* One on_timer turn with this tag (not 0) whenever this cell has a session with the
 * broker again: others may have given it up meanwhile. */
void ctx_on_session(struct ctx *c, uint64_t tag);

/* ---- views: a follow brings on_view turns for every change, first one per
 * object that is there, then the empty-key one. */
struct view *ctx_follow(struct ctx *c, const char *stream);
/* The same by a session watch instead of the bus: for what is secret, and
 * for who is far away or slow. It has one page on its way at most. */
struct view *ctx_follow_session(struct ctx *c, const char *stream);
/* The same from the bus, for who keeps what objects are and never asks who wrote
 * which field: in a process apart from the store's they come without
 * metadata.managedFields, which is near to half of a pod. Of all who follow the
 * stream in this cell. */
struct view *ctx_follow_unmanaged(struct ctx *c, const char *stream);
/* Where view_history said ERR_AGAIN: has it reach back to `after` if the store
 * knows. An on_view turn of no change follows, after which it says 0 or
 * ERR_COMPACTED, or again ERR_AGAIN when others asked at that time. */
void ctx_recall(struct ctx *c, struct view *v, uint64_t after);
/* The view's index of the spec's name; made when it is not there yet. The spec
 * is borrowed for good. */
struct view_index *ctx_index(struct ctx *c, struct view *v, const struct view_index_spec *spec);

/* ---- actors: spawn a child beside this one (same cell; its end does not end
 * ours; `restart` of its cfg says what follows its own end, transient when it
 * says nothing), stop it in order. ctx_monitor: exactly one on_down turn when
 * that actor fails, ends, or its cell or process does, wherever it is; at once
 * if there is none (after a few seconds while the broker is new). An actor
 * that is just being restarted counts as there. */
int ctx_spawn(struct ctx *c, const char *kind, const char *name, struct mp cfg);
void ctx_stop(struct ctx *c, const char *name);
void ctx_monitor(struct ctx *c, const char *name);

/* ---- ports: what is outside (port.h). Open at init; a failed open is
 * answered at once so that init can refuse. Calls are effects. */
int ctx_port_open(struct ctx *c, const char *driver, struct mp cfg, struct err *e);
void ctx_port_call(struct ctx *c, int port, uint32_t op, uint64_t id, uint32_t arg,
		   struct bytes *payload); /* payload: a reference is taken over */
/* The port's own structure, for drivers that are a library beside the loop. */
void *ctx_port_state(struct ctx *c, int port);

/* ---- notices: said to whom it may concern, on the bus (topic `notices`) and in
 * the cell's ring of that kind. Nobody need listen; when there is no room
 * for it the bus goes without and the cell counts it. `kind`: a row of class notice. */
void ctx_notice(struct ctx *c, const char *kind, struct buf *body);

/* ---- the store actor and other publishers. `frame_topics`: one envelope
 * published under each topic. */
void ctx_publish(struct ctx *c, struct span topic, const char *kind, struct bytes *body);

#endif
