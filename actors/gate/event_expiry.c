/* After a restart the view says which Events there are; how old each is says the
 * last time that it tells, within what can be: not before it was made, not after
 * now. */
#include "actors/gate/event_expiry.h"

#include <string.h>

#include "actors/gate/event_ages.h"
#include "actors/schema/rfc3339.h"

enum { SECONDS = 3600, KEPT = 50000, BATCH = 100, TAG_NEXT = 1, TAG_TXN = 2 };
#define AGAIN_US 200000 /* after a batch that was refused */
#define LOOK_MAX_US INT64_C(5000000)

struct state {
	struct view *view;
	struct event_ages ages;
	int64_t ttl_us;
	uint64_t look_us; /* an Event may live so much longer than it should */
	size_t kept;
	bool listed; /* what was there when it began is known */
	bool waits;  /* a timer is set */
	bool paused; /* and nothing is done before it */
	bool on_way; /* a batch is */
	uint64_t deleted, refused;
};

static int64_t time_at(struct mp event, const char *path)
{
	int64_t us;
	struct span s = mp_path_str(event, path);
	return s.len && !rfc3339_parse(s, &us) ? us : 0;
}

static int64_t last_told_us(struct mp event, int64_t now_us)
{
	static const char *const times[] = {"lastTimestamp", "series.lastObservedTime",
					    "eventTime"};
	int64_t made = time_at(event, "metadata.creationTimestamp"), last = made;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int64_t us = time_at(event, times[i]);
		last = us > last ? us : last;
	}
	return last < now_us ? last : now_us;
}

/* Who has finalizers is somebody's to let go. */
static bool is_ours(struct mp event)
{
	struct mp list;
	size_t n = 0;
	return !mp_path(event, "metadata.finalizers", &list) || mp_array(&list, &n) || n == 0;
}

static void wait(struct ctx *c, struct state *s, uint64_t us)
{
	if (s->waits)
		return;
	s->waits = true;
	ctx_timer(c, us, TAG_NEXT);
}

/* Too many go at once, more than one too many: so that not each new one costs a
 * transaction. */
static size_t to_keep(const struct state *s)
{
	size_t slack = s->kept / 2 < BATCH ? s->kept / 2 : BATCH;
	return s->ages.by_key.count > s->kept ? s->kept - slack : SIZE_MAX;
}

static void expire(struct ctx *c, struct state *s)
{
	struct store_compare compares[BATCH];
	struct store_op ops[BATCH];
	const struct event_age *x = NULL;
	size_t n = 0, keep = to_keep(s);
	int64_t before_us = ctx_wall_us(c) - s->ttl_us;
	while (n < BATCH && (x = event_ages_next(&s->ages, x, n, before_us, keep))) {
		compares[n] = (struct store_compare){
			.key = span_of(x->key), .field = STORE_MOD, .number = x->version};
		ops[n++] = (struct store_op){.verb = STORE_DELETE, .key = span_of(x->key)};
	}
	if (!n) {
		if (s->ages.by_key.count)
			wait(c, s, s->look_us);
		return;
	}
	struct store_txn t = {.origin = {.principal = span_of("event-expiry"),
					 .wall_us = ctx_wall_us(c)},
			      .compares = compares,
			      .compare_count = n,
			      .then_ops = ops,
			      .then_count = n};
	ctx_random_bytes(c, t.origin.request, sizeof t.origin.request);
	s->on_way = true;
	ctx_txn(c, &t, TAG_TXN);
}

/* What is gone is known from the view. When a compare failed, the view is about to
 * show why. */
static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct state *s = state;
	(void)tag;
	bool done = !o->status && o->compared;
	s->on_way = false;
	*(done ? &s->deleted : &s->refused) += 1;
	for (size_t i = 0; done && i < o->row_count; i++)
		event_ages_forget(&s->ages, o->rows[i].key);
	if (done) {
		expire(c, s);
		return 0;
	}
	s->paused = true;
	wait(c, s, AGAIN_US);
	return 0;
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct state *s = state;
	if (v->key.len && (!v->now || !is_ours(mp_of_bytes(v->now->value)))) {
		event_ages_forget(&s->ages, v->key);
	} else if (v->key.len) {
		/* Seen after the first list: it is told now, whatever it says. */
		int64_t at = s->listed ? ctx_wall_us(c)
				       : last_told_us(mp_of_bytes(v->now->value), ctx_wall_us(c));
		event_ages_note(&s->ages, v->key, at, v->version);
	} else {
		s->listed = true;
	}
	if (!s->listed || s->on_way || s->paused || !s->ages.by_key.count)
		return 0;
	if (s->ages.by_key.count > s->kept)
		expire(c, s);
	else
		wait(c, s, s->look_us);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct state *s = state;
	(void)tag;
	s->waits = s->paused = false;
	if (!s->on_way && s->listed)
		expire(c, s);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	s->ttl_us = mp_path_int(cfg, "event-seconds", SECONDS) * 1000000;
	s->look_us = (uint64_t)(s->ttl_us / 10 < LOOK_MAX_US ? s->ttl_us / 10 : LOOK_MAX_US);
	s->kept = (size_t)mp_path_int(cfg, "events-kept", KEPT);
	s->view = ctx_follow(c, "events");
	return 0;
}

static void inspect(const void *state, struct buf *out)
{
	const struct state *s = state;
	mpw_map(out, 3);
	mpw_kv_u64(out, "events", s->ages.by_key.count);
	mpw_kv_u64(out, "batches", s->deleted);
	mpw_kv_u64(out, "refused", s->refused);
}

static void fini(void *state)
{
	struct state *s = state;
	event_ages_fini(&s->ages);
}

const struct actor_spec event_expiry_actor = {
	.kind = "event-expiry",
	.state_bytes = sizeof(struct state),
	.init = init,
	.on_outcome = on_outcome,
	.on_timer = on_timer,
	.on_view = on_view,
	.inspect = inspect,
	.fini = fini,
};
