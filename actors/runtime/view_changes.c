#include "actors/runtime/view_changes.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/err.h"
#include "broker/base/mem.h"

enum { FIRST_CAP = 64 };

struct change change_of(struct span key, struct view_object *was, struct view_object *now,
			uint64_t version)
{
	return (struct change){mem_ndup(key.data, key.len), key.len, view_object_ref(was),
			       view_object_ref(now), version};
}

void change_fini(struct change *h)
{
	free(h->key);
	view_object_unref(h->was);
	view_object_unref(h->now);
	memset(h, 0, sizeof *h);
}

static size_t was_bytes(const struct change *h)
{
	return h->was ? sizeof *h->was + bytes_span(h->was->value).len : 0;
}

static struct change *slot(const struct changes *h, size_t i)
{
	return &h->ring[(h->first + i) % h->cap];
}

const struct change *changes_at(const struct changes *h, size_t i)
{
	return slot(h, i);
}

/* Room for `count` in all, the present ones at the end of it. */
static void reserve(struct changes *h, size_t count)
{
	size_t cap = h->cap ? h->cap : FIRST_CAP;
	while (cap < count)
		cap *= 2;
	if (cap == h->cap)
		return;
	struct change *ring = mem_alloc(cap * sizeof *ring);
	for (size_t i = 0; i < h->count; i++)
		ring[i] = *slot(h, i);
	free(h->ring);
	h->ring = ring;
	h->cap = cap;
	h->first = 0;
}

static void drop_oldest(struct changes *h)
{
	struct change *oldest = slot(h, 0);
	h->from = oldest->version;
	h->bytes -= was_bytes(oldest);
	change_fini(oldest);
	h->first = (h->first + 1) % h->cap;
	h->count--;
}

void changes_add(struct changes *h, struct change c)
{
	h->bytes += was_bytes(&c);
	while (h->count == VIEW_CHANGES_MAX ||
	       (h->count && h->bytes > VIEW_CHANGES_BYTES_MAX))
		drop_oldest(h);
	reserve(h, h->count + 1);
	*slot(h, h->count++) = c;
}

int changes_prepend(struct changes *h, uint64_t after, struct change *list, size_t count)
{
	if (h->count + count > VIEW_CHANGES_MAX)
		return ERR_LIMIT;
	reserve(h, h->count + count);
	h->first = (h->first + h->cap - count) % h->cap;
	h->count += count;
	for (size_t i = 0; i < count; i++) {
		*slot(h, i) = list[i];
		h->bytes += was_bytes(&list[i]);
	}
	h->from = after;
	return 0;
}

void changes_clear(struct changes *h, uint64_t from)
{
	for (size_t i = 0; i < h->count; i++)
		change_fini(slot(h, i));
	h->first = h->count = h->bytes = 0;
	h->from = from;
	h->floor = 0;
}

void changes_fini(struct changes *h)
{
	changes_clear(h, 0);
	free(h->ring);
}
