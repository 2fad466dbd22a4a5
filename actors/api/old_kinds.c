/* Source of the words: kubernetes, the lifecycles of the API's types. */
#include "actors/api/old_kinds.h"

#include <string.h>

static const struct {
	const char *group, *version, *resource, *told;
} old[] = {
	{"", "v1", "endpoints", "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"},
	{"batch", "v1beta1", "cronjobs",
	 "batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob"},
	{"policy", "v1beta1", "poddisruptionbudgets",
	 "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 "
	 "PodDisruptionBudget"},
};

const char *old_kind(const struct schema_resource *r)
{
	for (size_t i = 0; i < sizeof old / sizeof *old; i++)
		if (strcmp(r->group, old[i].group) == 0 && strcmp(r->version, old[i].version) == 0 &&
		    strcmp(r->resource, old[i].resource) == 0)
			return old[i].told;
	return NULL;
}
