/* What volumes and claims are to each other, as Kubernetes decides it: which
 * class they are of, which volume fits a claim and may be on a node. Pure; used
 * by who binds them and by who places pods. Spans point into the objects. */
#ifndef OBJECTS_VOLUME_MATCH_H
#define OBJECTS_VOLUME_MATCH_H

#include "actors/schema/quantity.h"
#include "broker/base/mp.h"

/* Annotations and finalizers that clients know. */
#define VOLUME_BOUND_BY_CONTROLLER "pv.kubernetes.io/bound-by-controller"
#define VOLUME_BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define VOLUME_PROVISIONED_BY "pv.kubernetes.io/provisioned-by"
#define VOLUME_PROVISIONER "volume.kubernetes.io/storage-provisioner"
#define VOLUME_PROVISIONER_BETA "volume.beta.kubernetes.io/storage-provisioner"
#define VOLUME_SELECTED_NODE "volume.kubernetes.io/selected-node"
#define VOLUME_PROTECTION "kubernetes.io/pv-protection"
#define CLAIM_PROTECTION "kubernetes.io/pvc-protection"
/* So begin the names of the volumes that admission gives pods for their account. */
#define VOLUME_OF_ACCOUNT "kube-api-access-"

/* The value of an annotation; empty: none. */
struct span volume_note(struct mp object, const char *name);
/* Of a claim or a volume; empty: of none. */
struct span volume_class(struct mp object);
/* A claim that names no class, not even "": it may still be given the default one. */
bool claim_wants_default_class(struct mp claim);
bool class_is_default(struct mp class);
/* Its claims wait until a pod says on which node. */
bool class_waits(struct mp class);

/* The claim knows its volume and says so. */
bool claim_is_bound(struct mp claim);
/* The volume is kept for that claim: by its uid, or by name as long as no uid
 * is said. */
bool volume_is_for(struct mp volume, struct mp claim);
/* Nobody's, and to be had. */
bool volume_is_free(struct mp volume);
/* NULL, or why the volume cannot be the claim's, in Kubernetes' words. */
const char *volume_mismatch(struct mp volume, struct mp claim);
/* The claim gets the volume that is kept for it: by its uid, or by name, if the
 * volume is one for it, of whichever class. */
bool volume_will_be_of(struct mp volume, struct mp claim);
/* By the claim's label selector; a claim without one takes any. */
bool volume_is_selected(struct mp volume, struct mp claim);
/* Which of two that fit is taken: the smaller one, then the first by name. */
bool volume_is_better(struct mp volume, struct mp than);
/* By its required node affinity. */
bool volume_reaches(struct mp volume, struct mp node);

/* A claim that a pod names as its volume. */
struct pod_claim_name {
	struct span claim;   /* of an ephemeral volume: "POD-VOLUME"; good for that call */
	struct mp ephemeral; /* that volume's source; an empty cursor: it is none */
};
void pod_claims_each(struct mp pod, void (*each)(void *arg, const struct pod_claim_name *n),
		     void *arg);
/* Whether the claim was made for that pod: its controller is the pod. */
bool claim_is_of_pod(struct mp claim, struct mp pod);

#endif
