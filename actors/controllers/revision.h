/* Which template is which: a digest that tells two templates apart, and the
 * short text that names what is made of one. Pure. */
#ifndef CONTROLLERS_REVISION_H
#define CONTROLLERS_REVISION_H

#include "broker/base/mp.h"

enum { REVISION_TEXT_MAX = 11 };

/* The label that an owner of replica sets puts on each, its selector and its
 * pods; a template is the same with and without it, and with a directive of
 * patches ("$patch") or nulls, as revisions keep it. */
#define REVISION_LABEL "pod-template-hash"

/* Of a pod template as it is stored: equal for equal values, whatever the
 * order of keys. 64 bits of FNV-1a per text, mixed: it tells apart by accident,
 * not against somebody who makes two of them on purpose. */
uint64_t revision_digest(struct mp template);
/* Letters and digits as Kubernetes' generated names have them. `collisions`:
 * how often the name was taken before. */
void revision_text(char out[REVISION_TEXT_MAX], uint64_t digest, int64_t collisions);

#endif
