/* One version of each kind is stored; the others are views of it. A body is
 * converted when it comes in, an object when it goes out, so that everything
 * between sees the stored version alone. Nothing is lost on the way out and
 * back. Private to actors/objects; the world uses objects_visible. */
#ifndef OBJECTS_CONVERT_H
#define OBJECTS_CONVERT_H

#include "actors/schema/schema.h"

/* Changes `d`, coerced as the type of `r`, to the version that is stored. */
void convert_in(struct arena *a, const struct schema_resource *r, struct doc *d);
/* Changes `d`, as it is stored, to the version of `r`. */
void convert_out(struct arena *a, const struct schema_resource *r, struct doc *d);

/* Moves what is behind a path to another one; nothing when it is absent. */
void convert_move(struct arena *a, struct doc *d, const char *from, const char *to);

/* convert_hpa.c: autoscaling/v1 from and to v2. */
void convert_hpa_in(struct arena *a, struct doc *d);
void convert_hpa_out(struct arena *a, struct doc *d);

#endif
