/* What an object uses of its namespace's quotas, in Kubernetes' names: "pods",
 * "requests.cpu", "count/deployments.apps", "fast.storageclass..." . The write
 * path charges it, the quota controller counts it again.
 *
 * Pure; spans point into the objects. */
#ifndef OBJECTS_USAGE_H
#define OBJECTS_USAGE_H

#include "actors/schema/quantity.h"
#include "actors/schema/schema.h"
#include "broker/base/mp.h"

struct amount {
	struct span name;
	struct quantity q;
};

/* A short list, in the order of its making; grows in the arena. */
struct amounts {
	struct arena *a;
	struct amount *all;
	size_t count, cap;
};

struct amount *amounts_find(const struct amounts *t, struct span name);
/* Adds to what is there under that name. */
void amounts_add(struct amounts *t, struct span name, struct quantity q);
/* The greater one stays. */
void amounts_raise(struct amounts *t, struct span name, struct quantity q);
/* By name. */
void amounts_sort(struct amounts *t);
/* "cpu=1,pods=2" in the arena. */
const char *amounts_text(struct amounts *t);
/* A map of quantities, each added. */
void amounts_of(struct amounts *t, struct mp map);

/* "requests" or "limits" of all containers of a pod's spec: what the init
 * containers need one after the other counts when it is more. */
void usage_of_containers(struct mp spec, const char *list, struct amounts *out);
/* The same of the pod: what it says as a whole stands for what they say, and
 * its overhead comes on top. */
void usage_of_pod(struct mp spec, const char *list, struct amounts *out);
/* Whether pods can ask for that as a whole: "cpu", "memory", "hugepages-2Mi". */
bool usage_is_pod_level(struct span name);
/* What the object uses of anything; of pods that have ended only their number. */
void usage_of(const struct schema_resource *r, struct mp object, struct amounts *out);
/* Whether objects of this kind can use what is called so. */
bool usage_is_named(const struct schema_resource *r, struct span name);
/* Whether an object of this kind can come to use more, or less, by an update. */
bool usage_can_grow(const struct schema_resource *r);
/* Whether the scopes of a quota (its spec) take the object in. */
bool usage_in_scope(const struct schema_resource *r, struct mp object, struct mp quota_spec);
/* What each container must say when the quota counts these names: "cpu for:
 * a,b; ..." in the arena, NULL when nothing is missing. `hard`: a map. */
const char *usage_missing(const struct schema_resource *r, struct mp object, struct mp hard,
			  struct arena *a);

/* Walks a list or a map. Usage: struct mp_walk k = mp_walk_map(m, "path");
 * while (mp_walk_next(&k)) k.key, k.value. */
struct mp_walk {
	struct mp at, value;
	struct span key;
	size_t left;
	bool map;
};
struct mp_walk mp_walk_list(struct mp m, const char *path);
struct mp_walk mp_walk_map(struct mp m, const char *path);
bool mp_walk_next(struct mp_walk *k);

#endif
