#include "actors/runtime/fence.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/view.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"

enum { CHECK_MS = 1000, DOUBLED_MAX = 2, AGAIN_US = 100000 };

void fence_take(struct ctx *c, struct fence *f, const char *name, struct view *const *views,
		size_t view_count)
{
	static const uint8_t empty_map[] = {0x80};
	struct bytes *value = bytes_copy(empty_map, sizeof empty_map);
	snprintf(f->key, sizeof f->key, "fences/%s", name);
	f->token = 0;
	f->views = views;
	f->view_count = view_count;
	struct store_op op = {.verb = STORE_PUT, .key = span_of(f->key), .value = value};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, FENCE_TAG);
	bytes_unref(value);
}

/* Which streams are further than our views? Asked when the token is there, so
 * whatever came before it counts. */
static void ask(struct ctx *c, struct fence *f)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_str(&b, "streams");
	mpw_map(&b, f->view_count);
	for (size_t i = 0; i < f->view_count; i++) {
		mpw_span(&b, view_stream(f->views[i]));
		mpw_u64(&b, view_version(f->views[i]));
	}
	ctx_request(c, "store", "store.check", &b, CHECK_MS << f->unanswered, FENCE_TAG);
}

int fence_on_outcome(struct ctx *c, struct fence *f, const struct store_outcome *o)
{
	if (o->status || !o->row_count)
		return ERR_IO;
	f->token = o->rows[0].mod_version;
	ask(c, f);
	return 0;
}

static void set_floor(struct fence *f, struct span stream, uint64_t head)
{
	for (size_t i = 0; i < f->view_count; i++)
		if (span_eq(view_stream(f->views[i]), stream))
			f->floors[i] = head;
}

void fence_on_reply(struct ctx *c, struct fence *f, const struct reply *r)
{
	struct mp m;
	struct span stream;
	uint64_t head;
	size_t n = 0;
	if (!r->status)
		f->unanswered = 0;
	else if (f->unanswered < DOUBLED_MAX)
		f->unanswered++;
	if (r->status || !mp_find(r->body, "streams", &m) || mp_map(&m, &n)) {
		ctx_timer(c, AGAIN_US, FENCE_TAG);
		return;
	}
	free(f->floors);
	f->floors = mem_alloc((f->view_count + 1) * sizeof *f->floors);
	for (; n > 0 && !mp_str(&m, &stream) && !mp_u64(&m, &head); n--)
		set_floor(f, stream, head);
}

void fence_on_timer(struct ctx *c, struct fence *f)
{
	ask(c, f);
}

bool fence_holds(struct fence *f)
{
	if (!f->token || !f->floors)
		return false;
	if (PLANTED(FENCE_DOES_NOT_WAIT))
		return true;
	for (size_t i = 0; i < f->view_count; i++)
		if (!view_synced(f->views[i]) || view_version(f->views[i]) < f->floors[i])
			return false;
	return true;
}

void fence_fini(struct fence *f)
{
	free(f->floors);
	f->floors = NULL;
}
