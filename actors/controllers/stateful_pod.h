/* The pods of stateful sets and their claims: names, bodies. Pure. */
#ifndef CONTROLLERS_STATEFUL_POD_H
#define CONTROLLERS_STATEFUL_POD_H

#include "actors/controllers/object.h"

/* "web-3" */
struct span stateful_pod_name(struct arena *a, struct mp set, int64_t ordinal);

/* The pod of a number: from the set's template or, where `revision` is one,
 * from the template that the revision keeps. `revision_name` is its label. */
struct doc *stateful_pod_body(struct arena *a, struct mp set, int64_t ordinal, struct mp revision,
			      struct span revision_name);

/* Calls each(arg, name, template) for the claims that the pod of a number has. */
void stateful_claims_each(struct arena *a, struct mp set, int64_t ordinal,
			  void (*each)(void *arg, struct span name, const struct doc *template),
			  void *arg);
/* Whether claims are deleted when their set is (whenDeleted: Delete): then it is
 * one of their owners, by this reference. */
bool stateful_claims_go_with(struct mp set);
struct doc *stateful_claim_owner(struct arena *a, struct mp set);
/* The claim, from its template. */
struct doc *stateful_claim_body(struct arena *a, struct mp set, const struct doc *template,
				struct span name);

#endif
