#include "actors/controllers/revision.h"

#include <string.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t more(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	return h;
}

/* The finalizer of MurmurHash3 (Appleby): sums of such are told apart. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint64_t digest_value(struct mp *m, bool in_labels);

static uint64_t digest_map(struct mp *m, bool is_labels)
{
	size_t n = 0;
	uint64_t sum = 0;
	struct span key;
	mp_map(m, &n);
	for (; n > 0 && !mp_str(m, &key); n--) {
		bool is_null = mp_peek(m) == MP_NIL;
		uint64_t value = digest_value(m, span_is(key, "labels"));
		if ((is_labels && span_is(key, REVISION_LABEL)) || span_is(key, "$patch") ||
		    is_null)
			continue;
		uint64_t h = more(FNV_START, key.data, key.len);
		sum += mix(more(h, &value, sizeof value));
	}
	return mix(sum + 1);
}

static uint64_t digest_array(struct mp *m)
{
	size_t n = 0;
	uint64_t h = FNV_START;
	mp_array(m, &n);
	for (; n > 0; n--) {
		uint64_t value = digest_value(m, false);
		h = more(h, &value, sizeof value);
	}
	return mix(h + 2);
}

/* Depth is bounded by the object's: MP_DEPTH_MAX. */
static uint64_t digest_value(struct mp *m, bool is_labels)
{
	struct span raw = {0};
	switch (mp_peek(m)) {
	case MP_MAP:
		return digest_map(m, is_labels);
	case MP_ARRAY:
		return digest_array(m);
	default:
		if (mp_raw(m, &raw))
			m->p = m->end;
		return mix(more(FNV_START, raw.data, raw.len) + 3);
	}
}

uint64_t revision_digest(struct mp template)
{
	return template.p ? digest_value(&template, false) : 0;
}

void revision_text(char out[REVISION_TEXT_MAX], uint64_t digest, int64_t collisions)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	uint64_t h = collisions ? mix(digest + (uint64_t)collisions) : digest;
	for (size_t i = 0; i + 1 < REVISION_TEXT_MAX; i++, h /= sizeof letters - 1)
		out[i] = letters[h % (sizeof letters - 1)];
	out[REVISION_TEXT_MAX - 1] = '\0';
}
