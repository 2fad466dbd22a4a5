/* A ring in order of arrival and an open hash table of ring positions with
 * linear probing (Knuth, TAOCP 3, 6.4, algorithm R for removal). */
#include "store/local/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"

bool dedup_has_id(const uint8_t request[16])
{
	static const uint8_t none[16];
	return memcmp(request, none, sizeof none) != 0;
}

static uint32_t slot_of(const struct dedup *d, const uint8_t request[16])
{
	uint64_t a, b;
	memcpy(&a, request, 8);
	memcpy(&b, request + 8, 8);
	uint64_t h = (a ^ d->seed) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ b) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32) & (2 * d->cap - 1);
}

static uint32_t next_slot(const struct dedup *d, uint32_t slot)
{
	return (slot + 1) & (2 * d->cap - 1);
}

/* The slot of the id, or the free one where it belongs. */
static uint32_t probe(const struct dedup *d, const uint8_t request[16])
{
	uint32_t slot = slot_of(d, request);
	while (d->slots[slot] &&
	       memcmp(d->ring[d->slots[slot] - 1].request, request, 16) != 0)
		slot = next_slot(d, slot);
	return slot;
}

const struct dedup_entry *dedup_find(const struct dedup *d, const uint8_t request[16])
{
	if (d->count == 0)
		return NULL;
	uint32_t at = d->slots[probe(d, request)];
	return at ? &d->ring[at - 1] : NULL;
}

static void forget_oldest(struct dedup *d)
{
	uint32_t hole = probe(d, d->ring[d->first].request);
	d->slots[hole] = 0;
	for (uint32_t i = next_slot(d, hole); d->slots[i]; i = next_slot(d, i)) {
		uint32_t home = slot_of(d, d->ring[d->slots[i] - 1].request);
		/* may move into the hole unless its home lies in (hole, i] */
		bool stays = hole <= i ? hole < home && home <= i : hole < home || home <= i;
		if (stays)
			continue;
		d->slots[hole] = d->slots[i];
		d->slots[i] = 0;
		hole = i;
	}
	d->first = (d->first + 1) & (d->cap - 1);
	d->count--;
}

static void insert(struct dedup *d, const struct dedup_entry *e)
{
	uint32_t at = (d->first + d->count++) & (d->cap - 1);
	d->ring[at] = *e;
	d->slots[probe(d, e->request)] = at + 1;
}

static void grow(struct dedup *d)
{
	struct dedup bigger = {.cap = d->cap ? 2 * d->cap : 64, .seed = d->seed};
	bigger.ring = mem_alloc(bigger.cap * sizeof *bigger.ring);
	bigger.slots = mem_alloc(2 * bigger.cap * sizeof *bigger.slots);
	for (uint32_t i = 0; i < d->count; i++)
		insert(&bigger, &d->ring[(d->first + i) & (d->cap - 1)]);
	dedup_fini(d);
	*d = bigger;
}

void dedup_add(struct dedup *d, const struct dedup_entry *e)
{
	/* Two at most: keeps pace, and one clock that is years ahead cannot
	 * make us forget everything. */
	for (int i = 0; i < 2 && d->count; i++)
		if (d->count >= DEDUP_ENTRIES_MAX ||
		    e->wall_us - d->ring[d->first].wall_us > DEDUP_KEEP_US)
			forget_oldest(d);
	if (d->count == d->cap)
		grow(d);
	insert(d, e);
}

void dedup_fini(struct dedup *d)
{
	free(d->ring);
	free(d->slots);
	*d = (struct dedup){.seed = d->seed};
}
