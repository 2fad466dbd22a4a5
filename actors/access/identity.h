/* Who asks. Spans point into what the identity was made from; the owner of
 * that keeps it. */
#ifndef ACCESS_IDENTITY_H
#define ACCESS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/base/bytes.h"
#include "broker/base/doc.h"

enum { IDENTITY_GROUPS_MAX = 64 };

#define GROUP_MASTERS "system:masters" /* may do everything, whatever the roles say */
#define GROUP_AUTHENTICATED "system:authenticated"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define USER_ANONYMOUS "system:anonymous"
#define SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

struct identity {
	struct span name, uid;
	struct span groups[IDENTITY_GROUPS_MAX];
	size_t group_count;
	struct doc *extra; /* map of lists of text, or NULL */
};

/* More groups than fit are left out, and false is said. */
static inline bool identity_add_group(struct identity *i, struct span group)
{
	if (i->group_count == IDENTITY_GROUPS_MAX)
		return false;
	i->groups[i->group_count++] = group;
	return true;
}

static inline bool identity_is_in(const struct identity *i, const char *group)
{
	for (size_t k = 0; k < i->group_count; k++)
		if (span_is(i->groups[k], group))
			return true;
	return false;
}

#endif
