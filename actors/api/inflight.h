/* How many requests are answered at the same time, of one user and in all.
 * What lasts (a watch, a log that is followed) and what asks whether the API
 * lives do not count; administrators (system:masters) are not refused. */
#ifndef API_INFLIGHT_H
#define API_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/access/identity.h"
#include "broker/base/omap.h"

enum { INFLIGHT_ALL = 600, INFLIGHT_USER = 300 }; /* when the config says nothing */

enum inflight_kind { INFLIGHT_READ, INFLIGHT_MUTATING, INFLIGHT_KINDS };

struct inflight {
	uint64_t all_max, user_max;
	uint64_t now[INFLIGHT_KINDS];
	uint64_t refused;
	struct omap users; /* name -> uint64_t: how many of it; none of 0 */
};

/* False: too many already, and nothing was counted. */
bool inflight_enter(struct inflight *f, const struct identity *who, enum inflight_kind kind);
/* One that was counted is over. */
void inflight_leave(struct inflight *f, struct span user, enum inflight_kind kind);
uint64_t inflight_of(const struct inflight *f, struct span user);
void inflight_fini(struct inflight *f);

#endif
