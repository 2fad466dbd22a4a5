#include "actors/controllers/disruption_plan.h"

bool disruption_counts_scale(struct mp budget)
{
	struct mp m;
	return mp_path(budget, "spec.maxUnavailable", &m) ||
	       (mp_path(budget, "spec.minAvailable", &m) && mp_peek(&m) == MP_STR);
}

struct disruption_counts disruption_count(struct mp budget, const struct disruption_facts *f)
{
	struct disruption_counts c = {.healthy = f->healthy};
	struct mp m;
	struct span share;
	if (mp_path(budget, "spec.maxUnavailable", &m)) {
		c.expected = f->scale;
		c.desired = f->scale -
			    object_share(budget, "spec.maxUnavailable", f->scale, true, 0);
		c.desired = c.desired < 0 ? 0 : c.desired;
	} else if (mp_path(budget, "spec.minAvailable", &m)) {
		/* A number counts what is there, a share what there should be. */
		c.expected = mp_str(&m, &share) == 0 ? f->scale : f->pods;
		c.desired = object_share(budget, "spec.minAvailable", c.expected, true, 0);
	}
	c.allowed = c.expected > 0 && c.healthy > c.desired ? c.healthy - c.desired : 0;
	return c;
}
