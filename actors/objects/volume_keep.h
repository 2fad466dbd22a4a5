/* What binders of volumes write: a volume is kept for a claim, both are protected
 * from then on. Merge patches in the arena; NULL: it is so already. Pure. */
#ifndef OBJECTS_VOLUME_KEEP_H
#define OBJECTS_VOLUME_KEEP_H

#include "broker/base/doc.h"

/* The volume's claimRef, as a whole. */
struct doc *claim_ref(struct arena *a, struct mp claim);
struct doc *volume_kept_for(struct arena *a, struct mp volume, struct mp claim);
/* Adds a finalizer, or takes it. */
struct doc *finalizer_patch(struct arena *a, struct mp object, const char *name, bool wanted);
/* The patch goes on with a finalizer, unless the object is being deleted. */
struct doc *volume_protect(struct arena *a, struct doc *patch, struct mp object, const char *name);
/* Sets an annotation in a merge patch. */
void volume_note_in(struct arena *a, struct doc *patch, const char *name, struct doc *value);

#endif
