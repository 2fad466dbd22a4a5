/* Resources, and whether a pod fits a node: pure arithmetic in integers.
 *
 * Units: thousandths of a CPU, bytes of memory and of ephemeral storage,
 * number of pods. Requests of a pod are, as in Kubernetes, the larger of the
 * sum over its containers and the largest of its init containers, plus its
 * overhead. */
#ifndef SCHEDULER_FIT_H
#define SCHEDULER_FIT_H

#include <stdbool.h>

#include "broker/base/mp.h"

struct resources {
	int64_t cpu_milli, memory, storage, pods;
};

/* Why a node does not take a pod, in the order in which Kubernetes tells it. */
enum fit_fault {
	FIT_CPU = 1,
	FIT_MEMORY = 2,
	FIT_STORAGE = 4,
	FIT_PODS = 8,
	FIT_UNSCHEDULABLE = 16, /* spec.unschedulable */
	FIT_TAINT = 32,
	FIT_SELECTOR = 64, /* nodeSelector, or required node affinity */
	FIT_NAME = 128,    /* another spec.nodeName was asked for */
	FIT_NOT_READY = 256,
	FIT_VOLUME_NODE = 512, /* a volume of its claims is elsewhere */
	FIT_VOLUME_NONE = 1024, /* no volume can be had there */
	FIT_PORTS = 2048, /* a port of the node's is taken (host_ports.h) */
	FIT_SPREAD = 4096, /* there would be too many of its like (near.h) */
	FIT_SPREAD_LABEL = 8192, /* it has not the label that pods are spread over */
	FIT_AFFINITY = 16384, /* the pods that it is to be near to are not */
	FIT_ANTI_AFFINITY = 32768, /* pods that it is not to be near to are */
	FIT_OTHERS = 65536, /* pods are near that are not to be near to it */
	FIT_EXTENDED = 131072, /* and the bits behind it: of the pod's i-th (extended.h) too little */
	FIT_LAST = FIT_EXTENDED << 7,
	FIT_ROOM = FIT_CPU | FIT_MEMORY | FIT_STORAGE | FIT_PODS, /* looked at after the ports */
};

enum { FIT_EXTENDED_MAX = 8 }; /* of more than so many the last bit stands for all that follow */

struct resources fit_requests(struct mp pod);

/* What is asked of a node for every pod, read once. */
struct fit_node {
	struct resources allocatable;
	bool ready;
	bool cordoned; /* spec.unschedulable */
	bool tainted;  /* cordoned, or it has taints */
};
struct fit_node fit_node_of(struct mp node);
/* Whether a pod's spec looks at the labels of nodes at all. */
bool fit_is_selective(struct mp pod);
void fit_add(struct resources *to, const struct resources *r, int sign);

/* 0, or the faults of this node for this pod; `selective` as above. */
unsigned fit_check(struct mp pod, const struct resources *wants, bool selective, struct mp node,
		   const struct fit_node *facts, const struct resources *used);
/* How many nodes that take a pod are enough to choose from: as many as there are, of
 * more than a hundred fewer (Kubernetes' adaptive percentageOfNodesToScore), and never
 * more than 300: the best of those is hardly better than the best of thousands. */
size_t fit_enough(size_t nodes);
/* What a pod counts in scores: one that asks for no CPU or no memory still counts a
 * little, as in Kubernetes, or all of those would go to one node. */
struct resources fit_weight(const struct resources *wants);
/* How good a node is, 0 to 200: least allocated, and balanced, after the pod
 * is there (Kubernetes' NodeResourcesFit and BalancedAllocation). Weights of the pod
 * and of all that are there. */
int fit_score(const struct resources *weight, const struct resources *allocatable,
	      const struct resources *there);
/* "Insufficient cpu" and its kin. */
const char *fit_fault_text(enum fit_fault f);

#endif
