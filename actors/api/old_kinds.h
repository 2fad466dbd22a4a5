/* Kinds that are served and that people should no longer use. */
#ifndef API_OLD_KINDS_H
#define API_OLD_KINDS_H

#include "actors/schema/schema.h"

/* What everybody is told who asks for anything of the resource, in Kubernetes' words; NULL:
 * nothing. Constant. */
const char *old_kind(const struct schema_resource *r);

#endif
