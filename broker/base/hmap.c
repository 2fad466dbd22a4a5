#include "broker/base/hmap.h"

#include <stdlib.h>
#include <sys/auxv.h>

#include "broker/base/mem.h"

enum { SLOTS_MIN = 16 };

struct hmap_slot {
	void *item; /* NULL: free */
	uint64_t hash;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* What the kernel gave this process: 16 random bytes. */
static uint64_t process_seed(void)
{
	static uint64_t seed;
	uint64_t now = __atomic_load_n(&seed, __ATOMIC_RELAXED);
	if (now)
		return now;
	const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr): as the kernel has it
	if (random)
		memcpy(&now, random, sizeof now);
	now |= 1;
	__atomic_store_n(&seed, now, __ATOMIC_RELAXED);
	return now;
}

static uint64_t hash(struct span key)
{
	uint64_t h = process_seed(), word;
	size_t i = 0;
	for (; i + sizeof word <= key.len; i += sizeof word) {
		memcpy(&word, key.data + i, sizeof word);
		h = mix(h ^ word, 0x9e3779b97f4a7c15u);
	}
	word = 0;
	for (; i < key.len; i++)
		word = word << 8 | key.data[i];
	return mix(h ^ word ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu + key.len);
}

static void place(struct hmap *m, struct hmap_slot s)
{
	size_t i = s.hash & m->mask;
	while (m->slots[i].item)
		i = (i + 1) & m->mask;
	m->slots[i] = s;
}

static void resize(struct hmap *m, size_t slots)
{
	struct hmap_slot *was = m->slots;
	size_t count = was ? m->mask + 1 : 0;
	m->slots = mem_alloc(slots * sizeof *m->slots);
	m->mask = slots - 1;
	for (size_t i = 0; i < count; i++)
		if (was[i].item)
			place(m, was[i]);
	free(was);
}

void hmap_add(struct hmap *m, void *item)
{
	if (!m->slots)
		resize(m, SLOTS_MIN);
	if (++m->count * 4 > (m->mask + 1) * 3)
		resize(m, (m->mask + 1) * 2);
	place(m, (struct hmap_slot){item, hash(m->key(item))});
}

void *hmap_get(const struct hmap *m, struct span key)
{
	if (!m->count)
		return NULL;
	uint64_t h = hash(key);
	for (size_t i = h & m->mask; m->slots[i].item; i = (i + 1) & m->mask)
		if (m->slots[i].hash == h && span_eq(m->key(m->slots[i].item), key))
			return m->slots[i].item;
	return NULL;
}

void hmap_remove(struct hmap *m, const void *item)
{
	size_t hole = hash(m->key(item)) & m->mask;
	while (m->slots[hole].item != item)
		hole = (hole + 1) & m->mask;
	/* What could stand in the hole moves there, and leaves another. */
	for (size_t i = (hole + 1) & m->mask; m->slots[i].item; i = (i + 1) & m->mask) {
		size_t home = m->slots[i].hash & m->mask;
		if (((i - home) & m->mask) < ((i - hole) & m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].item = NULL;
	m->count--;
	if (m->mask + 1 > SLOTS_MIN && m->count * 8 < m->mask)
		resize(m, (m->mask + 1) / 2);
}

void hmap_fini(struct hmap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->count = m->mask = 0;
}
