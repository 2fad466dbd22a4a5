#include "actors/runtime/store_waits.h"

#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "broker/base/mem.h"

struct store_wait *store_waits_add(struct store_waits *w, struct span stream, uint64_t parked)
{
	struct store_wait *x = mem_alloc(sizeof *x + stream.len);
	struct store_wait **list = omap_get(&w->streams, stream);
	struct key8 k = key8_of(parked);
	if (!list) {
		list = mem_alloc(sizeof(struct store_wait *));
		omap_put(&w->streams, stream, list);
	}
	x->parked = parked;
	x->stream_len = stream.len;
	memcpy(x->stream, stream.data, stream.len);
	x->next = *list;
	x->list = list;
	*list = x;
	omap_put(&w->parked, SPAN8(k), x);
	return x;
}

void store_waits_wake(struct store_waits *w, struct span stream)
{
	struct store_wait **list = omap_get(&w->streams, stream);
	while (list && *list) {
		struct store_wait *x = *list;
		*list = x->next;
		x->list = &w->due;
		x->next = w->due;
		w->due = x;
	}
}

static void unlink_from(struct store_waits *w, struct store_wait *x)
{
	struct store_wait **at = x->list;
	struct key8 k = key8_of(x->parked);
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	omap_remove(&w->parked, SPAN8(k));
	struct span stream = {(const uint8_t *)x->stream, x->stream_len};
	struct store_wait **list = omap_get(&w->streams, stream);
	if (list && !*list)
		free(omap_remove(&w->streams, stream));
}

struct store_wait *store_waits_take_due(struct store_waits *w)
{
	struct store_wait *x = w->due;
	if (x)
		unlink_from(w, x);
	return x;
}

struct store_wait *store_waits_take(struct store_waits *w, uint64_t parked)
{
	struct key8 k = key8_of(parked);
	struct store_wait *x = omap_get(&w->parked, SPAN8(k));
	if (x)
		unlink_from(w, x);
	return x;
}

void store_waits_fini(struct store_waits *w)
{
	omap_fini(&w->parked, free);
	omap_fini(&w->streams, free);
	w->due = NULL;
}
