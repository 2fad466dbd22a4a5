#include "actors/scheduler/choice.h"

struct range {
	int64_t least, most;
};

static void widen(struct range *r, int64_t v)
{
	r->least = v < r->least ? v : r->least;
	r->most = v > r->most ? v : r->most;
}

struct ranges {
	struct range preference, unwelcome, affinity, spread;
};

static struct ranges ranges_of(const struct candidate *all, size_t count)
{
	const struct range none = {INT64_MAX, INT64_MIN};
	struct ranges r = {{0, 0}, {0, 0}, none, none};
	for (size_t i = 0; i < count; i++) {
		widen(&r.preference, all[i].preference);
		widen(&r.unwelcome, all[i].unwelcome);
		widen(&r.affinity, all[i].affinity);
		if (all[i].spread >= 0)
			widen(&r.spread, all[i].spread);
	}
	return r;
}

static int64_t total(const struct candidate *c, const struct ranges *r)
{
	int64_t sum = c->room + c->images;
	if (r->preference.most > 0)
		sum += 2 * (c->preference * 100 / r->preference.most);
	if (r->unwelcome.most > 0)
		sum += 3 * (100 - c->unwelcome * 100 / r->unwelcome.most);
	if (r->affinity.most > r->affinity.least)
		sum += 2 * ((c->affinity - r->affinity.least) * 100 / (r->affinity.most - r->affinity.least));
	if (c->spread >= 0 && r->spread.most > 0)
		sum += 2 * ((r->spread.most + r->spread.least - c->spread) * 100 / r->spread.most);
	else if (c->spread >= 0)
		sum += 2 * 100;
	return sum;
}

const struct candidate *choice_best(const struct candidate *all, size_t count)
{
	struct ranges r = ranges_of(all, count);
	const struct candidate *best = NULL;
	int64_t most = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t sum = total(&all[i], &r);
		if (best && (sum < most || (sum == most && all[i].pods >= best->pods)))
			continue;
		best = &all[i];
		most = sum;
	}
	return best;
}
