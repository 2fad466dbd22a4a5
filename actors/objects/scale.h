/* autoscaling/v1 Scale, for every kind that counts replicas. Private to
 * actors/objects. */
#ifndef OBJECTS_SCALE_H
#define OBJECTS_SCALE_H

#include "actors/objects/strategy.h"

/* The Scale of an object with spec.replicas and status.replicas; `selector`
 * is its pods' selector as text. Borrows from both. */
struct doc *scale_of(struct arena *a, const struct doc *obj, struct span selector);
/* A strategy's `take`: the number of replicas that the Scale asks for. */
void scale_take(struct write *w, const struct doc *scale);

#endif
