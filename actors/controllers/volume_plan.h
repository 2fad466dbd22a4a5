/* What a claim and a volume are to do next, as Kubernetes' binder decides it.
 *
 *	claim:   looks for a volume ──► the volume is kept for it (claimRef) ──►
 *	         it names the volume ──► status Bound
 *	volume:  Available ──kept and named──► Bound ──claim gone──► Released
 *	         ──nobody here can delete or recycle it──► Failed
 *
 * Two objects are written one after the other, the volume first. Each step
 * comes from what is there, so that a crash between them changes nothing: the
 * next plan goes on where the last one ended. Pure; all is in the arena. */
#ifndef CONTROLLERS_VOLUME_PLAN_H
#define CONTROLLERS_VOLUME_PLAN_H

#include "actors/controllers/object.h"
#include "actors/objects/volume_match.h"
#include "actors/objects/volume_keep.h"

/* A Kubernetes Event; reason NULL: none. */
struct volume_event {
	const char *type, *reason, *message;
};

struct claim_facts {
	struct mp claim;
	struct mp named; /* the volume behind spec.volumeName; an empty cursor: none */
	struct mp found; /* one that is to be had, when it names none */
	struct mp class; /* of the claim's class; an empty cursor: there is no such class */
	struct span default_class; /* name of; empty: none */
};

/* At most one write of these at a time, in this order. NULL: nothing. */
struct claim_plan {
	struct mp volume;	  /* that it is about; an empty cursor: none */
	struct doc *of_volume;	  /* merge patch: it is kept for the claim */
	struct doc *of_claim;	  /* and of the claim: it names the volume, asks a provisioner */
	struct doc *status;	  /* of the claim */
	struct volume_event event; /* about the claim */
	bool final; /* rests on something not being there: the views must be fresh */
};

struct volume_plan {
	struct doc *patch, *status; /* merge patches, one at a time */
	struct volume_event event;  /* about the volume, once the status is written */
	bool final;
};

void claim_plan(struct arena *a, const struct claim_facts *f, struct claim_plan *out);
/* `claim`: the one of the namespace and name that the volume is kept for. */
void volume_plan(struct arena *a, struct mp volume, struct mp claim, int64_t now_us,
		 struct volume_plan *out);

#endif
