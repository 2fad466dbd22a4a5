/* How many disruptions a budget allows, as arithmetic over facts. After
 * disruption.go of Kubernetes. Pure. */
#ifndef CONTROLLERS_DISRUPTION_PLAN_H
#define CONTROLLERS_DISRUPTION_PLAN_H

#include "actors/controllers/object.h"

struct disruption_facts {
	int64_t pods;	 /* that it selects */
	int64_t scale;	 /* of their controllers, all together */
	int64_t healthy; /* ready, not deleted, not evicted a moment ago */
};

struct disruption_counts {
	int64_t expected, desired, healthy, allowed;
};

/* Whether what it expects is the scale of controllers, not the pods that are there. */
bool disruption_counts_scale(struct mp budget);
struct disruption_counts disruption_count(struct mp budget, const struct disruption_facts *f);

#endif
