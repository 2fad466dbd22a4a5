/* How volumes, claims and their users are found in views: indexes that several
 * actors of a cell share. */
#ifndef OBJECTS_VOLUME_INDEX_H
#define OBJECTS_VOLUME_INDEX_H

#include "actors/runtime/view.h"

enum { VOLUME_UNDER_MAX = 600 };

/* Volumes: kept for a claim, or free and of a class. */
extern const struct view_index_spec volumes_by_binding;
struct span volumes_for(char out[VOLUME_UNDER_MAX], struct span namespace, struct span claim);
struct span volumes_free(char out[VOLUME_UNDER_MAX], struct span class);

/* Claims: that name a volume, that want one of a class, that name no class. */
extern const struct view_index_spec claims_by_binding;
struct span claims_on(char out[VOLUME_UNDER_MAX], struct span volume);
struct span claims_that_want(char out[VOLUME_UNDER_MAX], struct span class);
extern const char CLAIMS_WITHOUT_CLASS[];

/* Pods, whether they have a node or not: by the claims that they name. */
extern const struct view_index_spec pods_by_claim;
struct span pods_with(char out[VOLUME_UNDER_MAX], struct span namespace, struct span claim);

#endif
