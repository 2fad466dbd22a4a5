#include "actors/api/inflight.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/mem.h"

uint64_t inflight_of(const struct inflight *f, struct span user)
{
	const uint64_t *n = omap_get(&f->users, user);
	return n ? *n : 0;
}

bool inflight_enter(struct inflight *f, const struct identity *who, enum inflight_kind kind)
{
	uint64_t all = f->now[INFLIGHT_READ] + f->now[INFLIGHT_MUTATING];
	bool full = all >= f->all_max || inflight_of(f, who->name) >= f->user_max;
	if (full && !identity_is_in(who, GROUP_MASTERS)) {
		f->refused++;
		return false;
	}
	uint64_t *n = omap_get(&f->users, who->name);
	if (!n) {
		n = mem_alloc(sizeof *n);
		*n = 0;
		omap_put(&f->users, who->name, n);
	}
	(*n)++;
	f->now[kind]++;
	return true;
}

void inflight_leave(struct inflight *f, struct span user, enum inflight_kind kind)
{
	uint64_t *n = omap_get(&f->users, user);
	assert(n && *n > 0 && f->now[kind] > 0);
	f->now[kind]--;
	if (--*n == 0)
		free(omap_remove(&f->users, user));
}

void inflight_fini(struct inflight *f)
{
	omap_fini(&f->users, free);
}
