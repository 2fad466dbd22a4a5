/* Ports of a node that its pods' containers take (hostPort, hostIP, protocol),
 * and whether those of another pod are free there.
 *
 * Two are in each other's way when port and protocol are equal and so are their
 * addresses, or one of them is every address (0.0.0.0; also :: and none).
 * Source of the rule: kubernetes pkg/scheduler/framework (HostPortInfo). */
#ifndef SCHEDULER_HOST_PORTS_H
#define SCHEDULER_HOST_PORTS_H

#include <stdbool.h>

#include "broker/base/mp.h"

struct host_port {
	char ip[46];      /* "0.0.0.0": every address */
	char protocol[8]; /* "TCP", "UDP", "SCTP" */
	uint16_t port;
	uint32_t takers;  /* pods have been given the same one by others than us */
};

/* A zeroed one is empty. */
struct host_ports {
	struct host_port *all;
	size_t count, cap;
};

enum { HOST_PORTS_MAX = 1024 }; /* of a pod; the rest is not looked at */

/* Those of the pod's containers, and of its init containers that stay. */
void host_ports_read(struct host_ports *h, struct mp pod);
bool host_ports_conflict(const struct host_ports *node, const struct host_ports *pod);
void host_ports_add(struct host_ports *node, const struct host_ports *pod);
void host_ports_remove(struct host_ports *node, const struct host_ports *pod);
void host_ports_fini(struct host_ports *h);

#endif
