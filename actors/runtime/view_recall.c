/* What happened before a view began, asked of the store page by page and put
 * in front of its history: after a restart every informer comes back with a
 * version from before, and goes on without a gap. One question serves all of
 * them. They wait for the turn that tells of no change, and look again. */
#include <stdlib.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/view_private.h"

static void ask(struct cell *c, struct view *v);

void recall_drop(struct view *v)
{
	struct recall *r = &v->recall;
	for (size_t i = 0; i < r->count; i++)
		change_fini(&r->list[i]);
	free(r->list);
	*r = (struct recall){.generation = r->generation + 1};
}

static void keep(struct recall *r, struct change h)
{
	if (r->count == r->cap) {
		r->cap = r->cap ? 2 * r->cap : VIEW_PAGE_ROWS;
		r->list = mem_realloc(r->list, r->cap * sizeof *r->list);
	}
	r->list[r->count++] = h;
}

/* The same object as the view's, when it is still that. */
static struct view_object *object_of(const struct view *v, const struct event *e,
				     struct bytes *owner)
{
	struct view_object *is = view_get(v, e->key);
	if (e->deleted)
		return NULL;
	if (is && is->version == e->version)
		return view_object_ref(is);
	return view_object_new(owner, e->value, &e->marks, e->version, e->created);
}

static int take(struct view *v, struct mp body, struct bytes *owner)
{
	struct recall *r = &v->recall;
	struct event e;
	if (view_read_event(v, body, &e) || !e.has_value)
		return ERR_INVALID;
	r->reached = e.version;
	if (e.version > v->history.from)
		return 0;
	struct view_object *was = NULL, *now = object_of(v, &e, owner);
	if (e.old.len)
		was = view_object_new(owner, e.old, NULL, 0, e.created);
	keep(r, change_of(e.key, was, now, e.version));
	view_object_unref(was);
	view_object_unref(now);
	return 0;
}

/* Waiting calls look again: at a history that reaches back, or never will. */
static void done(struct cell *c, struct view *v)
{
	recall_drop(v);
	view_tell_all(c, v, (struct span){0}, NULL, NULL, v->last, &view_untraced);
}

static void give_up(struct cell *c, struct view *v)
{
	v->history.floor = v->recall.after + 1;
	done(c, v);
}

static void finish(struct cell *c, struct view *v)
{
	struct recall *r = &v->recall;
	if (changes_prepend(&v->history, r->after, r->list, r->count)) {
		give_up(c, v);
		return;
	}
	r->count = 0;
	done(c, v);
}

static void again(struct cell *c, struct view *v)
{
	v->recall.at_us = c->ops.now_us(c->ops.arg) + VIEW_RETRY_US;
	if (v->recall.at_us < c->views_act_us)
		c->views_act_us = v->recall.at_us;
}

static void on_past(struct cell *c, void *arg, uint64_t tag, const struct reply *r)
{
	struct view *v = omap_get(&c->views, span_of(arg));
	struct mp m;
	size_t count;
	uint64_t epoch;
	if (!v || v->recall.generation != tag)
		return;
	if (r->status == ERR_COMPACTED) {
		give_up(c, v);
		return;
	}
	if (r->status || !mp_find(r->body, "epoch", &m) || mp_u64(&m, &epoch) ||
	    !mp_find(r->body, "events", &m) || mp_array(&m, &count)) {
		again(c, v);
		return;
	}
	if (epoch != v->epoch) {
		give_up(c, v);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct span body;
		if (mp_raw(&m, &body) || take(v, mp_of(body), r->owner)) {
			again(c, v);
			return;
		}
	}
	if (v->recall.count > VIEW_CHANGES_MAX)
		give_up(c, v);
	else if (mp_path_bool(r->body, "more", false) && v->recall.reached < v->history.from)
		ask(c, v);
	else
		finish(c, v);
}

static void ask(struct cell *c, struct view *v)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "stream", v->stream);
	mpw_kv_u64(&b, "after", v->recall.reached);
	mpw_kv_u64(&b, "limit", VIEW_PAGE_ROWS);
	mpw_kv_bool(&b, "old", true);
	v->recall.at_us = 0;
	cell_request(c, "store", MSG_STORE_EVENTS, &b, VIEW_REQUEST_MS, v->recall.generation,
		     on_past, mem_dup(v->stream));
}

void view_recall(struct cell *c, struct view *v, uint64_t after)
{
	if (v->recall.asking)
		return;
	v->recall.asking = true;
	v->recall.after = v->recall.reached = after;
	ask(c, v);
}

void recall_due(struct cell *c, struct view *v, uint64_t now_us)
{
	if (!v->recall.at_us)
		return;
	if (now_us >= v->recall.at_us)
		ask(c, v);
	else if (v->recall.at_us < c->views_act_us)
		c->views_act_us = v->recall.at_us;
}
