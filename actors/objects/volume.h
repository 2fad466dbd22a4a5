/* Persistent volumes and what asks for them. Private to actors/objects. */
#ifndef OBJECTS_VOLUME_H
#define OBJECTS_VOLUME_H

#include "actors/objects/strategy.h"

extern const char *const volume_access_modes[], *const volume_modes[];

/* A PersistentVolumeSpec at `p`; `inline_of_attachment`: it stands in a
 * VolumeAttachment, where most of it may not. */
void volume_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec,
			  bool inline_of_attachment);
/* A name of a storage class, an access mode: what claims and volumes share. */
void volume_check_access(struct faults *f, const struct fpath *p, const struct doc *modes,
			 const char *missing);

#endif
