/* The userspace data plane: listeners, and the connections between who came
 * and an endpoint. TCP in relay.c, UDP in flows.c.
 *
 *  - One listening socket per address and port that has endpoints; without
 *    endpoints there is none, so that who connects is refused at once.
 *  - What is connected is its own: it goes on when its endpoint or its
 *    listener is gone. Half-closes, ends and resets are passed on.
 *  - Limits: over one of them a connection is reset as soon as it is there.
 *
 * Threads: one owner, which calls plane_turn; plane_wake from any thread.
 * Nothing but plane_turn blocks. */
#ifndef PROXY_PLANE_H
#define PROXY_PLANE_H

#include "broker/base/err.h"
#include "nodes/proxy/proxy_plan.h"

enum {
	PLANE_LISTENERS_MAX = 8000,
	PLANE_CONNECTIONS = 4000, /* defaults of the limits below */
	PLANE_SERVICE_CONNECTIONS = 2000,
	PLANE_FLOWS = 1000,
	PLANE_CONNECT_TIMEOUT_MS = 2000,
	PLANE_FLOW_IDLE_MS = 60000,
	/* Read from one side, not taken by the other, of all connections. Beyond
	 * it they read by 4 KiB at most, so that 32 MiB more are the end. */
	PLANE_WAITING_BYTES = 64 << 20,
};

/* X(name): what `inspect` shows. The first three are gauges. */
#define PLANE_COUNTERS(X)                                                      \
	X(connections)        /* now */                                        \
	X(flows)              /* now */                                        \
	X(bytes_waiting)      /* now: for a side that does not take them */    \
	X(accepted)           /* connections, ever */                          \
	X(connect_failed)     /* tries of an endpoint that failed */           \
	X(unserved)           /* connections reset: every endpoint failed */   \
	X(over_limit)         /* connections reset: too many in all */         \
	X(over_service_limit) /* connections reset: too many of one service */ \
	X(no_descriptors)     /* times that accepting had to pause */          \
	X(reset)              /* connections that a dead peer ended */         \
	X(bytes_in)           /* from clients */                               \
	X(bytes_out)          /* to clients */                                 \
	X(flows_opened)       /* ever */                                       \
	X(flows_pushed_out)   /* by a newer one, at the limit */               \
	X(datagrams_lost)     /* nobody took them */

struct plane_counters {
#define PLANE_COUNTER(name) uint64_t name;
	PLANE_COUNTERS(PLANE_COUNTER)
#undef PLANE_COUNTER
};

/* 0 in a limit: its default. What the process has no descriptors for is cut,
 * with a line in the log. */
struct plane_config {
	size_t connections_max, service_connections_max, flows_max;
	uint32_t connect_timeout_ms, flow_idle_ms;
	/* What became of listener `id`: 0, or an error with its text. */
	void (*told)(void *arg, uint64_t id, int code, const char *text);
	void *arg;
};

struct plane;

/* ERR_IO: no descriptors left. */
int plane_new(struct plane **out, const struct plane_config *cfg, struct err *e);
/* All at once: listeners and connections. */
void plane_free(struct plane *p);

/* Makes or changes a listener, as PROXY_LISTEN of proxy_port.h. */
void plane_listen(struct plane *p, uint64_t id, struct span service,
		  const struct proxy_listener *wanted);
void plane_close(struct plane *p, uint64_t id);
/* A socket that listens there, in the caller's namespace; 0 or an errno. Any thread. */
int plane_open(const struct proxy_address *at, enum proxy_protocol protocol, int *fd);
/* A new listener with a socket of plane_open, which is the plane's from now on. */
void plane_adopt(struct plane *p, uint64_t id, struct span service,
		 const struct proxy_listener *wanted, int fd);

/* Waits for something to do, at most so long (-1: for ever), and does it.
 * True: plane_wake was called. */
bool plane_turn(struct plane *p, int timeout_ms);
void plane_wake(struct plane *p);
const struct plane_counters *plane_counters(const struct plane *p);

#endif
