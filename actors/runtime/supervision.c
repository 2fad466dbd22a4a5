#include "actors/runtime/supervision.h"

#include <stdlib.h>

#include "broker/base/mem.h"

const struct restart_policy restart_policy_default = {
	.strategy = RESTART_ONE_FOR_ONE,
	.intensity = 5,
	.window_us = 30000000,
	.backoff_min_us = 100000,
	.backoff_max_us = 30000000,
};

static const char *const strategies[] = {"one-for-one", "one-for-all", "rest-for-one", NULL};
static const char *const kinds[] = {"permanent", "transient", "temporary", NULL};

static bool place_of(const char *const *words, struct span word, unsigned *out)
{
	for (*out = 0; words[*out]; ++*out)
		if (span_is(word, words[*out]))
			return true;
	return false;
}

bool restart_strategy_of(struct span word, enum restart_strategy *out)
{
	unsigned at;
	bool known = place_of(strategies, word, &at);
	if (known)
		*out = (enum restart_strategy)at;
	return known;
}

bool restart_kind_of(struct span word, enum restart_kind *out)
{
	unsigned at;
	bool known = place_of(kinds, word, &at);
	if (known)
		*out = (enum restart_kind)at;
	return known;
}

bool failures_add(struct failures *f, const struct restart_policy *p, uint64_t now_us)
{
	if (f->last_us && now_us - f->last_us > p->window_us)
		f->backoff_us = 0;
	f->last_us = now_us;
	if (!p->intensity)
		return true;
	if (!f->at)
		f->at = mem_alloc(p->intensity * sizeof *f->at);
	/* What the ring is about to forget is the intensity-th one before this. */
	bool full = f->count == p->intensity;
	bool often = full && now_us - f->at[f->next] <= p->window_us;
	f->at[f->next] = now_us;
	f->next = (f->next + 1) % p->intensity;
	f->count += !full;
	return often;
}

uint64_t failures_backoff(struct failures *f, const struct restart_policy *p, uint64_t random)
{
	f->backoff_us = f->backoff_us ? f->backoff_us * 2 : p->backoff_min_us;
	if (f->backoff_us > p->backoff_max_us)
		f->backoff_us = p->backoff_max_us;
	uint64_t fifth = f->backoff_us / 5;
	return f->backoff_us - fifth + random % (2 * fifth + 1);
}

void failures_fini(struct failures *f)
{
	free(f->at);
	*f = (struct failures){0};
}
