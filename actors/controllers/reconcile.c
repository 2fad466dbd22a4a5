/* The queue of keys (see reconcile.h).
 *
 *   QUEUED ──ready──► PLANNED ──a turn each──► ON ITS WAY ──all over──► idle
 *     │  ▲               │ nothing to do                        │
 *     │  └── visible ────┼── WAITS for a view                   │ refused
 *     │                  ▼                                      ▼
 *     └───────────────► idle ◄──────── QUEUED after a pause ◄───┘
 *
 * A write that was committed is expected: its key is not planned again before
 * the view of its stream has reached the write's version. */
#include "actors/controllers/reconcile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "broker/base/planted.h"

#define PAUSE_MIN_US UINT64_C(10000)
#define PAUSE_MAX_US UINT64_C(300000000)
enum { REFUSALS_AWAY_MAX = 9, REFUSALS_RACED_MAX = 6, REFUSALS_QUOTA_MAX = 11 }; /* pauses of 5 s, 640 ms, 20 s */
#define PAUSE_WANTED_US UINT64_C(500000) /* at most, when it is wanted meanwhile */
enum {
	TAG_RUN = 0, /* of a timer; others are items */
	PLANS_A_TURN = 64,
	CHECK_MS = 2000,
	KEY16 = 16,
};

enum fresh { FRESH_NO, FRESH_ASKED, FRESH_YES };

struct reconcile_item {
	char *key;
	uint64_t id, place; /* place 0: not queued */
	uint64_t waits_for; /* version, in r->waits[wait_view]; 0: not waiting */
	size_t wait_view;
	size_t on_way; /* writes */
	bool again;    /* wanted while it was busy */
	enum fresh fresh;
	unsigned refusals; /* since the last success */
	bool paused;	   /* after a refusal, until the timer */
	uint64_t due;	   /* wanted then; 0: no timer */
	uint64_t timer;
	struct arena arena; /* of the plan */
	struct reconcile_action *first, *last, *next;
	bool planning, committed;
	bool refused;	    /* a write of this plan was */
	bool in_vain;	    /* some of it was left out: its namespace is on its way out */
	struct trace trace; /* of what wanted it last */
	const struct write *telling; /* a passing write, on its way */
	uint64_t told;	    /* the version that the last one made */
	uint64_t expects[]; /* per view */
};

struct write {
	struct writing writing;
	struct reconcile_item *item;
	const struct reconcile_action *action;
	uint64_t tag;
};

struct key16 {
	uint8_t b[KEY16];
};

static struct key16 key_of(uint64_t high, uint64_t low)
{
	struct key16 k;
	for (int i = 0; i < 8; i++) {
		k.b[i] = (uint8_t)(high >> (56 - 8 * i));
		k.b[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return k;
}
#define KEY(high, low) ((struct span){key_of(high, low).b, KEY16})

/* ---- reading */

struct view *reconcile_view(const struct reconciler *r, struct span stream)
{
	for (size_t i = 0; i < r->view_count; i++)
		if (span_eq(view_stream(r->views[i]), stream))
			return r->views[i];
	return NULL;
}

struct view_object *reconcile_get(const struct reconciler *r, struct span key)
{
	struct view *v = reconcile_view(r, store_stream_of(key));
	return v ? view_get(v, key) : NULL;
}

const struct schema_resource *reconcile_resource(const struct reconciler *r, const char *stream)
{
	return schema_find_stream(r->schema, span_of(stream));
}

struct store_compare reconcile_basis(const struct reconciler *r, struct span key)
{
	struct view_object *o = reconcile_get(r, key);
	return (struct store_compare){.key = key, .field = STORE_MOD, .number = o ? o->version : 0};
}

void reconcile_rest_on(const struct reconciler *r, struct reconcile_item *i,
		       struct reconcile_action *x, struct span key)
{
	struct store_compare *basis = arena_alloc(&i->arena, sizeof *basis);
	*basis = reconcile_basis(r, object_copy(&i->arena, key));
	x->basis = basis;
	x->basis_count = 1;
}

static struct view *view_of(void *arg, struct span stream)
{
	struct reconciler *r = arg;
	for (size_t i = 0; i < RECONCILE_HELPERS; i++)
		if (r->helpers[i] && span_eq(view_stream(r->helpers[i]), stream))
			return r->helpers[i];
	return reconcile_view(r, stream);
}

/* ---- items */

static struct reconcile_item *item_of(struct reconciler *r, struct span key)
{
	struct reconcile_item *i = omap_get(&r->items, key);
	if (i)
		return i;
	i = mem_alloc(sizeof *i + r->view_count * sizeof *i->expects);
	i->key = mem_ndup(key.data, key.len);
	i->id = ++r->next_id;
	omap_put(&r->items, key, i);
	omap_put_u64(&r->by_id, i->id, i);
	return i;
}

static void item_free(void *p)
{
	struct reconcile_item *i = p;
	arena_fini(&i->arena);
	free(i->key);
	free(i);
}

static void dequeue(struct reconciler *r, struct reconcile_item *i)
{
	if (i->place)
		omap_remove_u64(&r->queue, i->place);
	i->place = 0;
	if (i->waits_for)
		omap_remove(&r->waits[i->wait_view], KEY(i->waits_for, i->id));
	i->waits_for = 0;
}

/* Nothing is known of it that is not in the views. */
static void forget_if_idle(struct reconciler *r, struct reconcile_item *i)
{
	if (i->place || i->waits_for || i->on_way || i->next || i->again || i->refusals || i->due ||
	    i->fresh || i->planning || i->in_vain)
		return;
	for (size_t k = 0; k < r->view_count; k++)
		if (i->expects[k] > view_version(r->views[k]))
			return;
	omap_remove(&r->items, span_of(i->key));
	omap_remove_u64(&r->by_id, i->id);
	item_free(i);
}

static void run_soon(struct ctx *c, struct reconciler *r)
{
	if (r->running || !r->queue.count || r->writes.count >= RECONCILE_WRITES_MAX ||
	    !fence_holds(&r->fence))
		return;
	r->running = true;
	ctx_timer(c, 0, TAG_RUN);
}

static void enqueue(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	if (i->place)
		return;
	dequeue(r, i);
	i->place = ++r->next_place;
	omap_put_u64(&r->queue, i->place, i);
	run_soon(c, r);
}

static void wake_at(struct ctx *c, struct reconcile_item *i, uint64_t us)
{
	uint64_t due = ctx_now_us(c) + us;
	if (i->due && i->due <= due)
		return;
	if (i->due)
		ctx_cancel(c, i->timer);
	i->due = due;
	i->timer = ctx_timer(c, us, i->id);
}

void reconcile_want(struct ctx *c, struct reconciler *r, struct span key)
{
	struct reconcile_item *i = item_of(r, key);
	i->trace = ctx_trace(c);
	if (i->on_way || i->next)
		i->again = true;
	else if (i->paused)
		wake_at(c, i, PAUSE_WANTED_US);
	else
		enqueue(c, r, i);
}

/* The store's event of it may be here before its outcome, or after. What was planned
 * more than once may rest on what is not shown yet, and is news. */
bool reconcile_told(const struct reconciler *r, const struct view_change *v)
{
	const struct reconcile_item *i = v->now ? omap_get(&r->items, v->key) : NULL;
	if (!i)
		return false;
	const struct writing *w = i->telling ? &i->telling->writing : NULL;
	if (w && w->plans == 1 && w->plan.value &&
	    span_eq(bytes_span(w->plan.value), bytes_span(v->now->value)))
		return true;
	return v->now->version == i->told;
}

void reconcile_later(struct ctx *c, struct reconcile_item *i, uint64_t us)
{
	wake_at(c, i, us);
}

/* ---- plans */

struct arena *reconcile_arena(struct reconcile_item *i)
{
	return &i->arena;
}

struct reconcile_action *reconcile_add(struct reconcile_item *i, enum obj_verb verb,
				       const struct schema_resource *resource,
				       struct span namespace, struct span name)
{
	struct reconcile_action *x = arena_alloc(&i->arena, sizeof *x);
	memset(x, 0, sizeof *x);
	x->verb = verb;
	x->resource = resource;
	x->namespace = namespace;
	x->name = name;
	x->grace_s = -1;
	if (i->last)
		i->last->next = x;
	else
		i->first = i->next = x;
	i->last = x;
	return x;
}

static void drop_plan(struct reconcile_item *i)
{
	i->first = i->last = i->next = NULL;
}

/* Waits for the first view that does not show what was written; whether there
 * is one. */
static bool wait_for_view(struct reconciler *r, struct reconcile_item *i)
{
	for (size_t k = 0; k < r->view_count; k++) {
		if (i->expects[k] <= view_version(r->views[k]) || PLANTED(OWN_WRITES_NOT_AWAITED))
			continue;
		dequeue(r, i);
		i->waits_for = i->expects[k];
		i->wait_view = k;
		omap_put(&r->waits[k], KEY(i->waits_for, i->id), i);
		return true;
	}
	return false;
}

static void wake_waiting(struct ctx *c, struct reconciler *r, size_t view)
{
	struct onode *n;
	uint64_t version = view_version(r->views[view]);
	while ((n = omap_first(&r->waits[view]))) {
		struct reconcile_item *i = n->value;
		if (i->waits_for > version)
			return;
		enqueue(c, r, i);
	}
}

static struct doc *owned(struct arena *a, const struct doc *body)
{
	struct doc *d = body ? doc_copy(a, body) : NULL;
	if (d)
		doc_own(a, d);
	return d;
}

/* Nothing new comes into a namespace on its way out: such creates would only be
 * refused, again and again while it is emptied. One that takes its name may be there
 * before this view knows: then they are planned again. */
static bool is_in_vain(const struct reconciler *r, const struct reconcile_action *x)
{
	struct buf key = {0};
	if (x->verb != OBJ_CREATE || x->sub || !x->namespace.len)
		return false;
	buf_puts(&key, "namespaces/");
	buf_append(&key, x->namespace.data, x->namespace.len);
	bool leaving = object_is_deleting(object_of(reconcile_get(r, span_buf(&key))));
	buf_fini(&key);
	return leaving;
}

static void drop_vain(const struct reconciler *r, struct reconcile_item *i)
{
	struct reconcile_action **at = &i->first, *x;
	i->last = NULL;
	while ((x = *at)) {
		if (is_in_vain(r, x)) {
			i->in_vain = true;
			*at = x->next;
			continue;
		}
		i->last = x;
		at = &x->next;
	}
	i->next = i->first;
}

/* Writes of a plan are made in later turns, and on a conflict once more: then the
 * views may not have any more what the plan took from them. */
static void own_all(struct reconcile_item *i)
{
	struct arena *a = &i->arena;
	for (struct reconcile_action *x = i->first; x; x = x->next) {
		x->namespace = object_copy(a, x->namespace);
		x->name = object_copy(a, x->name);
		x->uid = object_copy(a, x->uid);
		x->body = owned(a, x->body);
	}
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	enum fresh was = i->fresh;
	arena_reset(&i->arena);
	drop_plan(i);
	i->committed = i->refused = i->in_vain = false;
	i->planning = true;
	r->plans++;
	r->spec->plan(c, r, i, span_of(i->key));
	drop_vain(r, i);
	own_all(i);
	i->planning = false;
	if (was == FRESH_YES)
		i->fresh = FRESH_NO; /* it was so for this plan */
}

bool reconcile_fresh(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	struct buf b = {0};
	if (i->fresh != FRESH_NO)
		return i->fresh == FRESH_YES;
	i->fresh = FRESH_ASKED;
	mpw_map(&b, 1);
	mpw_str(&b, "streams");
	mpw_map(&b, r->view_count);
	for (size_t k = 0; k < r->view_count; k++) {
		mpw_span(&b, view_stream(r->views[k]));
		mpw_u64(&b, view_version(r->views[k]));
	}
	ctx_request(c, "store", "store.check", &b, CHECK_MS, i->id);
	return false;
}

static void expect_heads(struct reconciler *r, struct reconcile_item *i, struct mp m)
{
	struct span stream;
	uint64_t head;
	size_t n = 0;
	if (!mp_find(m, "streams", &m) || mp_map(&m, &n))
		return;
	for (; n > 0 && !mp_str(&m, &stream) && !mp_u64(&m, &head); n--)
		for (size_t k = 0; k < r->view_count; k++)
			if (span_eq(view_stream(r->views[k]), stream) && i->expects[k] < head)
				i->expects[k] = head;
}

int reconcile_on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *reply)
{
	struct reconciler *r = state;
	if (tag == FENCE_TAG) {
		fence_on_reply(c, &r->fence, reply);
		run_soon(c, r);
		return 0;
	}
	struct reconcile_item *i = omap_get_u64(&r->by_id, tag);
	if (!i || i->fresh != FRESH_ASKED)
		return 0;
	if (reply->status) {
		i->fresh = FRESH_NO;
		wake_at(c, i, PAUSE_MIN_US * 10);
		return 0;
	}
	expect_heads(r, i, reply->body);
	i->fresh = FRESH_YES;
	if (i->on_way || i->next)
		i->again = true;
	else
		enqueue(c, r, i);
	return 0;
}

/* ---- writes */

static void item_over(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	if (i->on_way || i->next)
		return;
	/* Something more may be due: the plan was made before its own writes. */
	bool again = i->again || i->committed;
	i->again = i->committed = false;
	if (again && !i->paused)
		enqueue(c, r, i);
	else
		forget_if_idle(r, i);
}

/* All writes of a plan rest on the same: what refuses one refuses those that
 * are on their way with it, and counts once. */
static void refuse(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		   enum obj_verb verb, int code)
{
	unsigned most = UINT_MAX;
	if (i->refused)
		return;
	i->refused = true;
	/* The store is away or full, or somebody else was faster: that is nothing
	 * that this object has done, and what waits is to go on soon after. */
	if (code >= 500 && !PLANTED(LONG_PAUSE_WHEN_AWAY))
		most = REFUSALS_AWAY_MAX;
	else if (code == 409 && verb != OBJ_CREATE)
		most = REFUSALS_RACED_MAX;
	else if (code == 403) /* nobody says when the quota has room again */
		most = REFUSALS_QUOTA_MAX;
	if (i->refusals > most)
		i->refusals = most;
	uint64_t pause = PAUSE_MIN_US << (i->refusals < 15 ? i->refusals : 15);
	i->refusals++;
	i->paused = true;
	i->next = NULL; /* what is left of the plan may rest on the same */
	dequeue(r, i);
	wake_at(c, i, pause < PAUSE_MAX_US ? pause : PAUSE_MAX_US);
}

static void note_commit(struct reconciler *r, struct write *w)
{
	struct reconcile_item *i = w->item;
	uint64_t version = w->writing.plan.answer.version;
	for (size_t k = 0; k < r->view_count; k++)
		if (span_is(view_stream(r->views[k]), w->action->resource->stream) &&
		    i->expects[k] < version) {
			i->expects[k] = version;
			i->committed = i->committed || !w->action->passing;
		}
	if (w->action->passing && w->writing.plans == 1)
		i->told = version;
}

static void write_over(struct ctx *c, struct reconciler *r, struct write *w)
{
	struct reconcile_item *i = w->item;
	const struct obj_answer *a = &w->writing.plan.answer;
	bool gone = a->code == 404 && w->action->verb == OBJ_DELETE;
	omap_remove_u64(&r->writes, w->tag);
	i->on_way--;
	if (i->telling == w)
		i->telling = NULL;
	if (a->code < 300 || gone) {
		r->written++;
		if (!w->action->report)
			i->refusals = 0;
		note_commit(r, w);
	} else {
		r->refused++;
		refuse(c, r, i, w->action->verb, a->code);
	}
	if (r->spec->done)
		r->spec->done(c, r, span_of(i->key), w->action, a);
	writing_fini(&w->writing);
	free(w);
	item_over(c, r, i);
	run_soon(c, r);
}

static void start_write(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			const struct reconcile_action *x)
{
	struct write *w = mem_alloc(sizeof *w);
	w->item = i;
	w->action = x;
	w->tag = ++r->next_tag;
	writing_init(c, &w->writing, r->schema, x->resource, x->verb, view_of, r);
	struct obj_request *q = &w->writing.request;
	q->origin.principal = span_of(r->spec->name);
	q->subresource = x->sub ? x->sub : "";
	q->namespace = x->namespace;
	q->name = x->name;
	q->body = x->body;
	if (!q->body && r->spec->body && x->verb == OBJ_CREATE)
		q->body = owned(&w->writing.arena, r->spec->body(c, r, x, &w->writing.arena));
	q->del.uid = x->uid;
	q->del.propagation = x->propagation;
	q->del.grace_s = x->grace_s;
	q->basis = x->basis;
	q->basis_count = x->basis_count;
	w->writing.fence_key = span_of(r->fence.key);
	w->writing.fence_token = r->fence.token;
	i->on_way++;
	if (x->passing)
		i->telling = w;
	omap_put_u64(&r->writes, w->tag, w);
	if (writing_start(c, &w->writing, w->tag))
		write_over(c, r, w);
}

/* Starts the next write of a plan; the turn is over then. */
static void write_next(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	const struct reconcile_action *x = i->next;
	i->next = x->next;
	ctx_resume(c, &i->trace);
	if (i->next)
		enqueue(c, r, i);
	start_write(c, r, i, x);
}

/* What is about to change again is told once: those writes lead to a plan that
 * tells it. But not when such writes were refused before: it may stay as it is. */
static void pass_over(struct reconcile_item *i)
{
	while (i->next && i->next->passing && !i->refusals && (i->on_way || i->committed))
		i->next = i->next->next;
}

/* Whether the key is done with for this turn, without a write. */
static bool look_at(struct ctx *c, struct reconciler *r, struct reconcile_item *i)
{
	if (!i->next) {
		if (i->on_way) {
			i->again = true;
			return true;
		}
		if (wait_for_view(r, i))
			return true;
		plan(c, r, i);
	}
	pass_over(i);
	if (i->next)
		return false;
	if (i->on_way || i->committed) {
		item_over(c, r, i);
		return true;
	}
	i->refusals = 0;
	forget_if_idle(r, i);
	return true;
}

static void run(struct ctx *c, struct reconciler *r)
{
	struct onode *first;
	r->running = false;
	if (!fence_holds(&r->fence) || r->writes.count >= RECONCILE_WRITES_MAX)
		return;
	for (int n = 0; n < PLANS_A_TURN && (first = omap_first(&r->queue)); n++) {
		struct reconcile_item *i = first->value;
		dequeue(r, i);
		if (look_at(c, r, i))
			continue;
		write_next(c, r, i);
		break;
	}
	run_soon(c, r);
}

/* ---- turns */

int reconcile_on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct reconciler *r = state;
	if (tag == FENCE_TAG)
		return fence_on_outcome(c, &r->fence, o);
	if (o->status == ERR_FENCED)
		return ERR_FENCED; /* another incarnation is at work: begin anew */
	struct write *w = omap_get_u64(&r->writes, tag);
	if (w && writing_outcome(c, &w->writing, o, tag))
		write_over(c, r, w);
	return 0;
}

int reconcile_on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct reconciler *r = state;
	if (tag == TAG_RUN) {
		run(c, r);
		return 0;
	}
	if (tag == FENCE_TAG) {
		fence_on_timer(c, &r->fence);
		return 0;
	}
	struct reconcile_item *i = omap_get_u64(&r->by_id, tag);
	if (!i)
		return 0;
	i->due = 0;
	i->paused = false;
	if (i->on_way || i->next)
		i->again = true;
	else
		enqueue(c, r, i);
	return 0;
}

int reconcile_on_down(struct ctx *c, void *state, struct span who, int reason)
{
	struct reconciler *r = state;
	(void)reason;
	fence_on_down(c, &r->fence, who);
	return 0;
}

/* A namespace that is not on its way out, or a new beginning of the view. */
static bool may_take(const struct view_change *v)
{
	return span_is(view_stream(v->view), "namespaces") &&
	       (!v->key.len || (v->now && !object_is_deleting(object_of(v->now))));
}

static void want_in_vain(struct ctx *c, struct reconciler *r)
{
	for (struct onode *n = omap_first(&r->items), *next; n; n = next) {
		struct reconcile_item *i = n->value;
		next = omap_next(n);
		if (i->in_vain)
			reconcile_want(c, r, span_of(i->key));
	}
}

int reconcile_on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct reconciler *r = state;
	size_t k = 0;
	while (k < r->view_count && r->views[k] != v->view)
		k++;
	if (k == r->view_count)
		return 0; /* a helper of the writes */
	if (v->key.len)
		r->spec->changed(c, r, v);
	if (may_take(v))
		want_in_vain(c, r);
	wake_waiting(c, r, k);
	run_soon(c, r);
	return 0;
}

/* ---- events */

void reconcile_event(struct ctx *c, const struct reconciler *r, struct mp object, const char *type,
		     const char *reason, const char *fmt, ...)
{
	static const struct {
		const char *field, *path;
	} about[] = {{"api_version", "apiVersion"},
		     {"kind", "kind"},
		     {"namespace", "metadata.namespace"},
		     {"name", "metadata.name"},
		     {"uid", "metadata.uid"}};
	char message[1000];
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	mpw_map(&b, 4 + sizeof about / sizeof *about);
	for (size_t i = 0; i < sizeof about / sizeof *about; i++)
		mpw_kv_span(&b, about[i].field, mp_path_str(object, about[i].path));
	mpw_kv_str(&b, "type", type);
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "message", message);
	mpw_kv_str(&b, "component", r->spec->name);
	ctx_send(c, "gate", "event.record", &b, 0);
}

/* ---- life */

static void follow(struct ctx *c, struct reconciler *r, const char *stream)
{
	r->views = mem_realloc(r->views, (r->view_count + 1) * sizeof(struct view *));
	const struct schema_resource *row = schema_find_stream(r->schema, span_of(stream));
	r->views[r->view_count++] =
		row && row->secret ? ctx_follow_session(c, stream) : ctx_follow(c, stream);
}

/* What every write looks at; without it the store would have to tell. */
static void follow_helpers(struct ctx *c, struct reconciler *r)
{
	const char *const streams[RECONCILE_HELPERS] = {OBJ_ADMISSION, "serviceaccounts"};
	for (size_t i = 0; i < RECONCILE_HELPERS; i++)
		if (!reconcile_view(r, span_of(streams[i])))
			r->helpers[i] = ctx_follow(c, streams[i]);
}

int reconcile_init(struct ctx *c, struct reconciler *r, const struct reconcile_spec *spec)
{
	r->spec = spec;
	r->schema = schema_new();
	objects_install(r->schema);
	for (size_t i = 0; spec->streams && spec->streams[i]; i++)
		follow(c, r, spec->streams[i]);
	for (size_t i = 0; !spec->streams && i < schema_count(r->schema); i++)
		if (schema_row(r->schema, i)->stored == schema_row(r->schema, i))
			follow(c, r, schema_row(r->schema, i)->stream);
	follow_helpers(c, r);
	r->waits = mem_alloc((r->view_count + 1) * sizeof *r->waits);
	fence_take(c, &r->fence, spec->fence, r->views, r->view_count);
	return 0;
}

int reconcile_check(const void *state, struct err *why)
{
	const struct reconciler *r = state;
	size_t on_way = 0, queued = 0;
	for (struct onode *n = omap_first(&r->items); n; n = omap_next(n)) {
		const struct reconcile_item *i = n->value;
		on_way += i->on_way;
		queued += i->place != 0;
		if (i->place && i->waits_for)
			return err_set(why, ERR_INVALID, "%s is queued and waits", i->key);
		if (i->next && !i->place)
			return err_set(why, ERR_INVALID, "%s has a plan and is not queued", i->key);
	}
	if (on_way != r->writes.count)
		return err_set(why, ERR_INVALID, "%zu writes of items, %zu in all", on_way,
			       r->writes.count);
	if (queued != r->queue.count)
		return err_set(why, ERR_INVALID, "%zu items are queued, %zu places are taken",
			       queued, r->queue.count);
	return 0;
}

void reconcile_inspect(const void *state, struct buf *out)
{
	const struct reconciler *r = state;
	mpw_map(out, 7);
	fence_inspect(&r->fence, out);
	mpw_kv_u64(out, "queued", r->queue.count);
	mpw_kv_u64(out, "items", r->items.count);
	mpw_kv_u64(out, "on_their_way", r->writes.count);
	mpw_kv_u64(out, "plans", r->plans);
	mpw_kv_u64(out, "written", r->written);
	mpw_kv_u64(out, "refused", r->refused);
}

static void write_free(void *p)
{
	struct write *w = p;
	writing_fini(&w->writing);
	free(w);
}

void reconcile_fini(void *state)
{
	struct reconciler *r = state;
	omap_fini(&r->queue, NULL);
	omap_fini(&r->by_id, NULL);
	omap_fini(&r->writes, write_free);
	omap_fini(&r->items, item_free);
	for (size_t k = 0; k < r->view_count && r->waits; k++)
		omap_fini(&r->waits[k], NULL);
	free(r->waits);
	fence_fini(&r->fence);
	free(r->views);
	schema_free(r->schema);
}
