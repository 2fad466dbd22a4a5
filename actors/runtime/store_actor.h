/* The actor that serves store.h to messages. Named "store"; the only one
 * that publishes journal streams.
 *
 * Messages: store.txn, store.range, store.events, store.check, store.keep,
 * store.compact, store.backup, bus.subscribed. Publishes bus.event and bus.head under each stream's name.
 * After a crash it opens the journal again; requests in flight are answered
 * CRASHED, and the runtime asks again by request id. */
#ifndef RUNTIME_STORE_ACTOR_H
#define RUNTIME_STORE_ACTOR_H

#include "actors/runtime/actor.h"
#include "actors/runtime/port.h"

extern const struct actor_spec store_actor;

struct journal;

/* The port "journal": opens what its config names ({driver: lmdb, path, quota}
 * in production). Its state is a struct journal_port. */
struct journal_port {
	struct journal *journal; /* the actor takes it over and sets this NULL */
};

enum {
	/* calls */
	JOURNAL_WATCH = 1,  /* arg: the store's descriptor, to be polled */
	JOURNAL_POLLED = 2, /* the actor polled; tell it again when there is more */
	JOURNAL_KICK = 3,   /* writes are under way (the simulator syncs then) */
	/* events */
	JOURNAL_POLL = 1,
};

extern const struct port_driver journal_port_driver;

#endif
