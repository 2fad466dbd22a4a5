/* Leases: numbers that count something are positive. Those of nodes are written
 * every few seconds and mean nothing once nobody writes them, so they are not
 * journaled. */
#include "actors/objects/strategy.h"

static void validate(struct write *w)
{
	const struct doc *spec = doc_get(w->obj, "spec");
	const struct doc *seconds = doc_get(spec, "leaseDurationSeconds");
	const struct fpath *p = FPATH(NULL, "spec");
	if (doc_is(seconds, DOC_INT) && seconds->integer <= 0)
		field_invalid_int(&w->faults, FPATH(p, "leaseDurationSeconds"), seconds->integer,
				  "must be greater than 0");
	const struct doc *turns = doc_get(spec, "leaseTransitions");
	check_not_negative(&w->faults, FPATH(p, "leaseTransitions"), turns);
}

const struct strategy strategy_lease = {
	.create_on_update = true, .soft_in = "kube-node-lease", .validate = validate};
