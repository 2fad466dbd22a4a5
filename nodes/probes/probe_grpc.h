/* gRPC's health protocol, as much of it as one question needs: a unary call of
 * grpc.health.v1.Health/Check over HTTP/2 without TLS. Pure.
 *
 * Headers of the answer are not decoded: a server that says no without a message
 * (no such service, no such protocol) is a failure whose reason is not known. Its
 * settings and pings are left unanswered, since the connection ends at once.
 *
 * Sources: RFC 9113 (frames), RFC 7541 (literal headers), grpc/grpc PROTOCOL-HTTP2.md
 * and health.proto; words: kubernetes pkg/probe/grpc. */
#ifndef PROBES_PROBE_GRPC_H
#define PROBES_PROBE_GRPC_H

#include <stdbool.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum probe_grpc_health { GRPC_UNKNOWN, GRPC_SERVING, GRPC_NOT_SERVING, GRPC_SERVICE_UNKNOWN };
const char *probe_grpc_name(int64_t health); /* "NOT_SERVING"; as a number when it has none */

/* Appends all that is to be said. `service` may be empty. */
void probe_grpc_request(struct buf *out, const char *authority, struct span service);

/* An answer as it comes: zeroed at first. */
struct probe_grpc {
	struct buf bytes, message;
	int64_t health;
};
void probe_grpc_fini(struct probe_grpc *g);
/* What was read. ERR_AGAIN: more is needed. 0: `health` is the answer. ERR_CLOSED: it
 * said no. ERR_INVALID: that is no gRPC. */
int probe_grpc_read(struct probe_grpc *g, struct span data);

#endif
