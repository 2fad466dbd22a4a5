/* Where a service's connections go, worked out from the service and its pods.
 * Pure: trees in an arena; spans point into what was given.
 *
 * Pods whose ports of the service resolve alike are one *group*. A group's
 * endpoints fill slices of at most 100 (Kubernetes' default); an endpoint
 * stays in its slice, so that one pod's change is one small write. */
#ifndef CONTROLLERS_ENDPOINTS_PLAN_H
#define CONTROLLERS_ENDPOINTS_PLAN_H

#include "broker/base/doc.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum {
	ENDPOINTS_A_SLICE = 100,
	ENDPOINTS_ADDRESSES_MAX = 1000, /* of one Endpoints object */
	ENDPOINTS_MIRRORED_MAX = 1000,	/* of one subset; a mirror's slice holds as many */
};

struct endpoint {
	struct span ip, node, zone, hostname;
	struct span namespace, pod, uid; /* of the pod; empty: no targetRef */
	bool ready, serving, terminating;
	bool written; /* by people: nobody knows more of it than whether it is ready */
	bool portless; /* it has none of the service's ports: in slices only */
	bool near_zone, near_node; /* who is in its zone, or on its node, shall come to it */
};

struct endpoint_group {
	struct endpoint_group *next;
	struct doc *ports; /* as in an Endpoints subset: name, port, protocol, appProtocol */
	struct endpoint *list;
	size_t count, cap;
};

struct endpoint_groups {
	struct arena *arena;
	struct endpoint_group *first, *last;
	/* The zone of a node; empty: it has none. NULL: no node has. */
	struct span (*zone_of)(void *arg, struct span node);
	void *arg;
	size_t skipped; /* addresses of subsets that were more than are mirrored */
};

/* Adds a pod that the service selects. Pods without an address, or that have
 * ended, add nothing. One that has none of the ports that the service names is
 * in a slice without ports: by name it is found, nobody connects to it. */
void endpoint_groups_pod(struct endpoint_groups *g, struct mp service, struct mp pod);
/* Adds a subset of an Endpoints object (of a service without selector), as much of it as is
 * mirrored. */
void endpoint_groups_subset(struct endpoint_groups *g, struct mp subset);

/* `subsets` of an Endpoints object. What is terminating, or has no port, is not in it. Of more
 * than it holds those that are ready come first, of each group its share; then
 * *truncated, which may be NULL, is set. */
struct doc *endpoints_subsets(struct endpoint_groups *g, bool *truncated);

/* One slice that there is, or shall be. */
struct slice {
	struct slice *next;
	struct span key;       /* in the store; empty: new */
	struct doc *ports;     /* as stored */
	struct doc *endpoints; /* as stored; afterwards: as they shall be */
	bool changed, unwanted;
};

/* Places all endpoints of all groups into the slices of the list, and new
 * ones at its end. With no endpoints at all one empty slice stays. */
void slices_place(struct endpoint_groups *g, struct slice **list);

#endif
