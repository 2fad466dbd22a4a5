/* What a quota's status shall say, from what is there. Pure. */
#ifndef CONTROLLERS_QUOTA_PLAN_H
#define CONTROLLERS_QUOTA_PLAN_H

#include "actors/objects/usage.h"

struct quota_count {
	struct mp quota;
	struct amounts hard; /* what it limits */
	struct amounts used; /* of these, so far */
};

/* Texts are those of the quota's bytes. */
void quota_count_init(struct quota_count *q, struct mp quota, struct arena *a);
/* Whether objects of this kind can count. Then what none of them uses is 0. */
bool quota_counts_kind(struct quota_count *q, const struct schema_resource *r);
void quota_count_object(struct quota_count *q, const struct schema_resource *r, struct mp object);
/* The quota with its status, in the arena: as it is when it says so already.
 * NULL: it cannot be read. */
struct doc *quota_status(struct quota_count *q);

/* Whether a change of an object may have given something back. NULL bytes:
 * not there. */
bool quota_gives_back(const struct schema_resource *r, struct mp was, struct mp now);
/* Whether a change of the quota itself wants a count. */
bool quota_wants_count(struct mp was, struct mp now);

#endif
