/* What people ask the store for beside reading and writing, and what it does
 * by itself: compaction, backup, leases, the alarm when the quota is used up.
 * Part of the store actor; its handlers are rows there. */
#ifndef RUNTIME_STORE_ACTOR_UPKEEP_H
#define RUNTIME_STORE_ACTOR_UPKEEP_H

#include "actors/runtime/actor.h"

struct upkeep {
	uint64_t compact_parked, compact_to; /* 0: nobody waits */
	uint64_t backup_parked;
	char *backup_path;
	uint64_t lease_timer;
	int64_t lease_due_us;
	bool busy;  /* writes that no request waits for may be under way */
	bool alarm; /* the quota is used up, and it was said */
};

#define UPKEEP_LEASE_TAG UINT64_MAX /* of its timer */

int upkeep_on_compact(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m);
int upkeep_on_backup(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m);
int upkeep_on_keep(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m);
/* Around the store's poll, at the end of every turn that may have moved it. */
void upkeep_before_poll(struct ctx *c, struct upkeep *u, struct store *s);
void upkeep_after_poll(struct ctx *c, struct upkeep *u, struct store *s);
void upkeep_fini(struct upkeep *u);

#endif
