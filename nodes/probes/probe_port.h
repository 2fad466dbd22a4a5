/* Requests of probes and hooks, from outside the container: port "probes" of the
 * node agent. Commands inside containers go through its runtime (runtime.h).
 *
 * `id` is the agent's number of the run. Payloads are msgpack maps.
 *
 * Calls:
 *   PROBE_RUN     probe_call.h makes it: {kind, host, port, timeout_ms; for HTTP
 *                 also tls, path, lines (headers), name (Host), any_status; for
 *                 gRPC service}. Exactly one PROBE_DONE follows, unless:
 *   PROBE_CANCEL  it is over, and nothing more is told of it
 * Events:
 *   PROBE_DONE    arg: enum probe_result; payload: why, as text; NULL on success
 *
 * Everything is on the loop and never blocks; time-outs are the port's. */
#ifndef PROBES_PROBE_PORT_H
#define PROBES_PROBE_PORT_H

#include "actors/runtime/port.h"

enum { PROBE_RUN = 1, PROBE_CANCEL };
enum { PROBE_DONE = 1 };

enum { PROBES_AT_ONCE_MAX = 1024 }; /* further ones are PROBE_ERROR */

extern const struct port_driver probe_port_driver;

#endif
