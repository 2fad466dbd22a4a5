/* Patches on trees: RFC 7386, RFC 6902, and Kubernetes' strategic merge.
 * `target` is changed in place, what the patch holds is copied; both stay in
 * the arena. Pure; no state. */
#ifndef OBJECTS_PATCH_H
#define OBJECTS_PATCH_H

#include "actors/schema/schema.h"
#include "broker/base/doc.h"

/* Returns the result: `target`, or a new tree when the patch is no map. */
struct doc *patch_merge(struct arena *a, struct doc *target, const struct doc *patch);

enum { PATCH_OPS_MAX = 10000 };

/* `patch` is an array of operations. ERR_INVALID: not of that form;
 * ERR_CONFLICT: one of them cannot be done, or says no. */
int patch_json(struct arena *a, struct doc **target, const struct doc *patch, struct err *e);

/* By the merge keys and strategies of the type's fields, with the directives
 * $patch, $retainKeys, $setElementOrder/x and $deleteFromPrimitiveList/x.
 * `type` NULL: as patch_merge. ERR_INVALID. */
int patch_strategic(struct arena *a, struct doc *target, const struct doc *patch,
		    const struct schema_type *type, struct err *e);

#endif
