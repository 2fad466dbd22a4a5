/* Ports: drivers that turn what happens outside into messages.
 *
 * A driver owns file descriptors and libraries (HTTP, child processes, disks)
 * on the cell's loop; the actor that opened it gets `on_port` turns and makes
 * calls. When the actor dies its ports are closed hard, before it restarts.
 * The simulator registers fakes under the same names.
 *
 * Threads: everything on the cell's loop. A driver may have threads of its
 * own behind a descriptor. Nothing here blocks. */
#ifndef RUNTIME_PORT_H
#define RUNTIME_PORT_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mp.h"

struct port;
struct loop;

struct port_driver {
	const char *name;
	/* Sets p->state. `cfg` is borrowed. */
	int (*open)(struct port *p, struct mp cfg, struct err *e);
	/* From a released turn. `payload` is borrowed, may be NULL. */
	void (*call)(struct port *p, uint32_t op, uint64_t id, uint32_t arg,
		     struct bytes *payload);
	void (*close)(struct port *p);
};

struct port {
	const struct port_driver *driver;
	void *state;
	struct loop *loop; /* NULL in the simulator */
	void *(*shared)(struct port *p, const char *name); /* as ctx_shared */
	void *owner; /* the runtime's */
};

/* Queues one on_port turn of the actor. A reference to payload is taken over.
 * ERR_OVERLOADED: its mailbox is full, nothing was queued (payload released). */
int port_deliver(struct port *p, uint32_t op, uint64_t id, uint32_t arg,
		 struct bytes *payload);

/* Whether somebody listens to notices of that kind (ctx_notice): reads the ring, or
 * follows the bus (known with the next ping). For what is worth its cost only
 * when it is heard; a driver that notes it in what it delivers keeps its actor
 * a function of its messages. */
bool port_heard(struct port *p, const char *kind);

/* ---- descriptors and timeouts on the loop (production only) */
struct loop_watch; /* owned by the loop until removed */

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4, /* the other side has said its last; what it said may be unread */
};

/* `ready(arg, events)` is called when one of the events is there (level). */
struct loop_watch *loop_add(struct loop *l, int fd, unsigned events,
			    void (*ready)(void *arg, unsigned events), void *arg);
void loop_change(struct loop_watch *w, unsigned events);
void loop_remove(struct loop_watch *w); /* does not close the fd; NULL is fine */
/* Called before each sleep of the loop; returns how long it may sleep at
 * most, in microseconds (UINT64_MAX: does not matter). One per driver state. */
struct loop_hook *loop_hook_add(struct loop *l, uint64_t (*before_sleep)(void *arg), void *arg);
void loop_hook_remove(struct loop_hook *h);

#endif
