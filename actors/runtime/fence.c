#include "actors/runtime/fence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/view.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"

enum { CHECK_MS = 1000, DOUBLED_MAX = 2, AGAIN_US = 100000 };

/* Ours, if it is as we have seen it; or who has it. */
static void take(struct ctx *c, struct fence *f)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_span(&b, "holder", ctx_name(c));
	struct bytes *value = bytes_take(&b);
	struct store_compare as_seen = {
		.key = span_of(f->key), .field = STORE_MOD, .number = f->seen};
	struct store_op put = {.verb = STORE_PUT, .key = span_of(f->key), .value = value};
	struct store_op get = {.verb = STORE_GET, .key = span_of(f->key)};
	struct store_txn t = {.compares = &as_seen,
			      .compare_count = 1,
			      .then_ops = &put,
			      .then_count = 1,
			      .else_ops = &get,
			      .else_count = 1};
	ctx_txn(c, &t, FENCE_TAG);
	bytes_unref(value);
}

void fence_take(struct ctx *c, struct fence *f, const char *name, struct view *const *views,
		size_t view_count)
{
	snprintf(f->key, sizeof f->key, "fences/%s", name);
	f->token = f->seen = 0;
	f->views = views;
	f->view_count = view_count;
	take(c, f);
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

static void wait_for(struct ctx *c, struct fence *f, struct span holder)
{
	free(f->holder);
	f->holder = mem_ndup(holder.data, holder.len);
	ctx_role(c, "waits for %s", f->holder);
	ctx_monitor(c, f->holder);
	f->timer = ctx_timer(c, FENCE_LOOK_S * UINT64_C(1000000), FENCE_TAG);
}

/* Somebody was there before us: a former incarnation of ours, or another. */
static void on_seen(struct ctx *c, struct fence *f, const struct store_row *row)
{
	struct span holder = {0};
	if (row->value)
		holder = mp_path_str(mp_of_bytes(row->value), "holder");
	f->seen = row->mod_version;
	if (holder.len && !span_eq(holder, ctx_name(c)))
		wait_for(c, f, holder);
	else
		take(c, f);
}

/* Is it still ours? Somebody who heard nothing of us may have taken it. */
static void verify(struct ctx *c, struct fence *f)
{
	struct store_compare ours = {
		.key = span_of(f->key), .field = STORE_MOD, .number = f->token};
	struct store_txn t = {.compares = &ours, .compare_count = 1};
	ctx_txn(c, &t, FENCE_TAG);
}

int fence_on_outcome(struct ctx *c, struct fence *f, const struct store_outcome *o)
{
	if (f->token)
		return o->status == ERR_CONFLICT ? ERR_FENCED : 0;
	if (o->status || !o->row_count)
		return ERR_IO;
	if (!o->compared) {
		on_seen(c, f, &o->rows[0]);
		return 0;
	}
	f->token = o->rows[0].mod_version;
	ctx_role(c, "active");
	ctx_on_session(c, FENCE_TAG);
	ask(c, f);
	return 0;
}

static void stop_waiting(struct fence *f)
{
	free(f->holder);
	f->holder = NULL;
}

void fence_on_down(struct ctx *c, struct fence *f, struct span who)
{
	if (!f->holder || !span_is(who, f->holder))
		return;
	ctx_cancel(c, f->timer);
	stop_waiting(f);
	take(c, f);
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
	if (f->token && f->floors) {
		verify(c, f);
	} else if (f->token) {
		ask(c, f);
	} else if (f->holder) {
		stop_waiting(f);
		f->seen = 0; /* so that nothing is taken from him: it is looked at */
		take(c, f);
	}
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

void fence_inspect(const struct fence *f, struct buf *out)
{
	char text[ENV_NAME_BYTES_MAX + 20];
	snprintf(text, sizeof text, "waits for %s", f->holder ? f->holder : "the store");
	mpw_kv_str(out, "role", f->token ? "active" : text);
}

void fence_fini(struct fence *f)
{
	stop_waiting(f);
	free(f->floors);
	f->floors = NULL;
}
