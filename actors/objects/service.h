/* What the files of the service strategy share. Private to actors/objects. */
#ifndef OBJECTS_SERVICE_H
#define OBJECTS_SERVICE_H

#include "actors/objects/strategy.h"

/* spec.type, and what follows from it. */
bool service_is(const struct doc *service, const char *type);
/* Not headless and not a name elsewhere: it has an address of its own. */
bool service_has_address(const struct doc *service);
/* NodePort or LoadBalancer: its ports can have one on each node. */
bool service_has_node_ports(const struct doc *service);
/* ... and those that name none are given one. */
bool service_gets_node_ports(const struct doc *service);
/* A load balancer that asks the nodes whether they have pods: at healthCheckNodePort. */
bool service_is_checked(const struct doc *service);

/* service_validate.c */
void service_validate(struct write *w);
/* service_claims.c: the strategy's `claims`. Addresses and node ports are
 * plain keys "allocations/ip/A" and "allocations/port/N", written in the same
 * transaction as the service; whoever has the key has the address. */
bool service_claims(struct write *w, bool removing);

#endif
