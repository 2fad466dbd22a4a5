/* Names of machines that probes ask: looked up as this machine does it, which may
 * take its time. Each look-up has a thread of its own, that ends by itself; what
 * it found comes back over a descriptor of the loop.
 *
 * Threads: the loop's. */
#ifndef PROBES_PROBE_NAMES_H
#define PROBES_PROBE_NAMES_H

#include <sys/socket.h>

#include "actors/runtime/port.h"

enum { PROBE_NAMES_MAX = 16 }; /* looked up at a time */

struct probe_names;

/* `told`: what became of `id`; n 0: there is no such name. */
struct probe_names *probe_names_new(struct loop *loop,
				    void (*told)(void *arg, uint64_t id,
						 const struct sockaddr_storage *at, socklen_t n),
				    void *arg);
/* Nothing more is told; threads end when they may. NULL is fine. */
void probe_names_free(struct probe_names *x);
/* ERR_OVERLOADED: too many are on their way. ERR_INVALID: that is no name. ERR_IO. */
int probe_names_ask(struct probe_names *x, uint64_t id, const char *host);

#endif
