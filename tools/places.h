/* Where the nodes of runtime oci are in the network, by the config: each has a
 * subnet for its pods and an address of its own.
 *
 * A lone one is in this machine's own namespace, so that pods and services answer
 * from the machine; its address is its pods' gateway. Of several (or where the config
 * says so) each has a namespace, and an address in the range between them.
 *
 * Pure; results are in the arena. */
#ifndef TOOLS_PLACES_H
#define TOOLS_PLACES_H

#include "tools/config.h"

struct place {
	/* subnet "": plugins say where its pods are */
	const char *node, *subnet, *address;
	const char *bridge; /* NULL: the usual one */
	bool named; /* the address, by the config */
};

struct places {
	struct place *all; /* in the order of the config */
	size_t count;
	bool own; /* each has a namespace of its own */
	const char *machine; /* its address in their range */
};

/* ERR_INVALID: a subnet that is none, or that two of them have; addresses that are not in the
 * range between nodes, or have no room there. */
int places_read(const struct config *c, struct arena *a, struct places *out, struct err *e);
/* The address under which nodes and pods reach what listens on this machine; NULL:
 * there are none. */
const char *places_machine(const struct places *p);
/* NULL: that node is not one of them. */
const struct place *places_of(const struct places *p, const char *node);

#endif
