/* The ordered map against a sorted array, through random lives with keys of several shapes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/omap.h"

enum { KEYS_MAX = 6000 };

struct model {
	struct span keys[KEYS_MAX];
	void *values[KEYS_MAX];
	struct onode *nodes[KEYS_MAX];
	size_t count;
};

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

static size_t place(const struct model *m, struct span key)
{
	size_t from = 0, to = m->count;
	while (from < to) {
		size_t mid = (from + to) / 2;
		if (span_cmp(m->keys[mid], key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool has(const struct model *m, size_t at, struct span key)
{
	return at < m->count && span_eq(m->keys[at], key);
}

static void agrees(const struct omap *map, const struct model *m)
{
	cr_assert_eq(map->count, m->count);
	struct onode *n = omap_first(map);
	for (size_t i = 0; i < m->count; i++, n = omap_next(n)) {
		cr_assert_not_null(n);
		cr_assert(span_eq(onode_key(n), m->keys[i]));
		cr_assert_eq(n->value, m->values[i]);
		cr_assert_eq(n, m->nodes[i], "a node stays where it is");
	}
	cr_assert_null(n);
}

/* One step: a put, a removal or a look, and what both say of it. */
static void step(struct omap *map, struct model *m, struct span key, unsigned removals)
{
	size_t at = place(m, key);
	bool there = has(m, at, key);
	cr_assert_eq(omap_get(map, key), there ? m->values[at] : NULL);
	struct onode *n = omap_seek(map, key);
	cr_assert_eq(n, at < m->count ? m->nodes[at] : NULL);
	if (draw(100) < removals) {
		cr_assert_eq(omap_remove(map, key), there ? m->values[at] : NULL);
		if (!there)
			return;
		free((void *)(uintptr_t)m->keys[at].data);
		m->count--;
		size_t behind = m->count - at;
		memmove(m->keys + at, m->keys + at + 1, behind * sizeof m->keys[0]);
		memmove(m->values + at, m->values + at + 1, behind * sizeof m->values[0]);
		memmove(m->nodes + at, m->nodes + at + 1, behind * sizeof m->nodes[0]);
		return;
	}
	void *value = (void *)(uintptr_t)(1 + draw(1000000));
	if (!there && m->count == KEYS_MAX)
		return;
	cr_assert_eq(omap_put(map, key, value), there ? m->values[at] : NULL);
	if (!there) {
		size_t behind = m->count - at;
		memmove(m->keys + at + 1, m->keys + at, behind * sizeof m->keys[0]);
		memmove(m->values + at + 1, m->values + at, behind * sizeof m->values[0]);
		memmove(m->nodes + at + 1, m->nodes + at, behind * sizeof m->nodes[0]);
		uint8_t *copy = malloc(key.len + 1);
		memcpy(copy, key.data, key.len);
		m->keys[at] = (struct span){copy, key.len};
		m->nodes[at] = omap_seek(map, key);
		m->count++;
	}
	m->values[at] = value;
}

/* Keys as objects have them; short binary ones with zeros, of which one begins another;
 * ones that rise; ones that fall. */
static struct span key_of(unsigned shape, unsigned turn, uint8_t *out)
{
	static const char *const kinds[] = {"pods/default/web-", "pods/default/", "pods/", "nodes/n", "p", ""};
	switch (shape) {
	case 0:
		return (struct span){out, (size_t)sprintf((char *)out, "%s%05u", kinds[draw(6)], (unsigned)draw(4000))};
	case 1: {
		size_t n = draw(12);
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)(draw(3) ? 0 : draw(2) * 255);
		return (struct span){out, n};
	}
	case 2:
		return (struct span){out, (size_t)sprintf((char *)out, "events/default/e.%08u", turn)};
	default:
		return (struct span){out, (size_t)sprintf((char *)out, "%08u", 99999999 - turn)};
	}
}

static void life(unsigned shape, uint64_t seed)
{
	static struct model m;
	struct omap map = {0};
	uint8_t text[64];
	state = seed;
	m.count = 0;
	/* It grows, stands, shrinks until nothing is left, and grows again. */
	static const unsigned removals[] = {5, 50, 95, 20};
	for (unsigned turn = 0; turn < 24000; turn++) {
		unsigned phase = turn / 6000;
		bool known = m.count && draw(100) < removals[phase];
		struct span key = known ? m.keys[draw(m.count)] : key_of(shape, turn, text);
		uint8_t copy[64];
		if (key.len)
			memcpy(copy, key.data, key.len);
		step(&map, &m, (struct span){copy, key.len}, known ? 90 : 2);
		if (turn % 500 == 0)
			agrees(&map, &m);
	}
	agrees(&map, &m);
	while (m.count) {
		cr_assert_eq(omap_remove(&map, m.keys[m.count - 1]), m.values[m.count - 1]);
		free((void *)(uintptr_t)m.keys[--m.count].data);
	}
	cr_assert_null(omap_first(&map));
	cr_assert_eq(map.count, 0);
	omap_fini(&map, NULL);
}

Test(omap, agrees_with_a_sorted_array)
{
	for (unsigned shape = 0; shape < 4; shape++)
		for (uint64_t seed = 1; seed <= 3; seed++)
			life(shape, seed);
}

static size_t dropped;

static void drop(void *value)
{
	dropped += (size_t)(uintptr_t)value;
}

Test(omap, numbers_in_their_order_and_each_value_dropped_once)
{
	struct omap map = {0};
	for (uint64_t i = 1; i <= 1000; i++)
		cr_assert_null(omap_put_u64(&map, i * 7919 % 1009 << (i % 5 * 12), (void *)(uintptr_t)1));
	uint64_t last = 0;
	for (struct onode *n = omap_first(&map); n; n = omap_next(n)) {
		cr_assert(n == omap_first(&map) || onode_u64(n) > last);
		last = onode_u64(n);
	}
	cr_assert_eq(omap_seek_u64(&map, last), omap_seek_u64(&map, last));
	cr_assert_null(omap_seek_u64(&map, last + 1));
	size_t count = map.count;
	omap_fini(&map, drop);
	cr_assert_eq(dropped, count);
	cr_assert_null(omap_first(&map));
}
