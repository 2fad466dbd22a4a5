/* A view comes to its stream's state, and stays there.
 *
 *   WAITING ──head or event──► LISTING ──last page──► LIVE ──gap──► FETCHING
 *      (subscribed)               ▲                    ▲               │
 *                                 └── too old ─────────┴── caught up ──┘
 *
 * The list is taken in pages while events go on; they are buffered. Each row
 * carries its own version, so replaying what came since the first page, and
 * skipping what a row has already, ends at exactly the stream's state: the
 * same argument as for the store's checkpoint.
 * A stream that goes back (a store that began again without its soft keys) is
 * listed again too.
 * Who does not keep up: the bus holds BUS_QUEUE_FRAMES (broker/socket.c) for
 * each follower and drops what does not fit, for that one alone. When it gets to
 * the gap it pulls pages from the store, one at a time, until it has caught up; what
 * the bus brings meanwhile is buffered, and dropped again when that is too much.
 * So a slow follower costs nobody memory, and misses nothing. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/view_private.h"
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/messages.h"

enum {
	BUFFERED_MAX = 10000,
	WATCH_MS = 20000, /* a session watch that hears nothing asks again */
};

/* ---- applying events */

/* As followers will see it: a part of the message that told of it, or what they want
 * of it alone, so that nothing else of the message is kept. */
static struct view_object *object_from(const struct view *v, struct bytes *owner, struct span value,
				       const struct mp_marks *marks, uint64_t version,
				       uint64_t created)
{
	struct bytes *own = v->unmanaged ? mp_copy_without(value, "metadata", "managedFields") : NULL;
	if (!own)
		return view_object_new(owner, value, marks, version, created);
	return view_object_of(own, version, created);
}

static void apply(struct cell *c, struct view *v, const struct event *e, struct bytes *owner)
{
	struct view_object *is = omap_get(&v->objects, e->key);
	bool gone = e->deleted || (v->part && !span_is(e->part, v->part));
	if (!is || is->version < e->version)
		view_set(c, v, e->key,
			   gone ? NULL : object_from(v, owner, e->value, &e->marks, e->version, e->created),
			   e->version, &e->trace);
	if (e->version > v->last)
		v->last = e->version;
}

static void buffer_add(struct view *v, struct bytes *owner, struct mp body)
{
	if (v->buffer_count == v->buffer_cap) {
		v->buffer_cap = v->buffer_cap ? 2 * v->buffer_cap : 64;
		v->buffer = mem_realloc(v->buffer, v->buffer_cap * sizeof *v->buffer);
	}
	v->buffer[v->buffer_count++] =
		(struct buffered){bytes_ref(owner), {body.p, (size_t)(body.end - body.p)}};
}

void view_buffer_clear(struct view *v)
{
	for (size_t i = 0; i < v->buffer_count; i++)
		bytes_unref(v->buffer[i].owner);
	v->buffer_count = 0;
}

/* The stream's last event before this one is not the last one known here: that
 * was a soft key's, which the store forgot when it began again, and with it
 * other keys that are still shown here. (No partition has soft keys.) */
static bool is_forgetful(const struct view *v, const struct event *e)
{
	return !v->part && e->version > v->last && e->prev < v->last;
}

/* Takes the event, or says that something before it is missing. */
static bool take_event(struct cell *c, struct view *v, struct mp body, struct bytes *owner)
{
	struct event e;
	if (view_read_event(v, body, &e)) {
		log_warn(c->name, "a malformed event of %s was dropped", v->stream);
		return true;
	}
	if (e.version <= v->last)
		return true; /* known already */
	if ((e.prev > v->last && !PLANTED(GAP_IGNORED)) || !e.has_value)
		return false;
	if (is_forgetful(v, &e))
		view_start_list(c, v);
	else
		apply(c, v, &e, owner);
	return true;
}

static void replay_buffer(struct cell *c, struct view *v)
{
	for (size_t i = 0; i < v->buffer_count; i++) {
		struct buffered *b = &v->buffer[i];
		if (take_event(c, v, mp_of(b->body), b->owner))
			continue;
		for (size_t k = 0; k < i; k++)
			bytes_unref(v->buffer[k].owner);
		memmove(v->buffer, b, (v->buffer_count - i) * sizeof *b);
		v->buffer_count -= i;
		view_start_fetch(c, v);
		return;
	}
	view_buffer_clear(v);
}

static void become_live(struct cell *c, struct view *v)
{
	v->state = VIEW_LIVE;
	v->act_at_us = 0;
	v->generation++;
	if (v->session)
		view_start_fetch(c, v);
	else
		replay_buffer(c, v);
}

/* ---- listing */

static int take_row(struct cell *c, struct view *v, struct mp *rows, struct bytes *owner)
{
	size_t places;
	struct span key, value;
	struct mp_marks marks;
	uint64_t created, version, changes;
	if (mp_array(rows, &places) || places != 5 || mp_str(rows, &key) ||
	    mp_raw_marked(rows, &value, &marks) ||
	    mp_u64(rows, &created) || mp_u64(rows, &version) || mp_u64(rows, &changes))
		return ERR_INVALID;
	omap_put(&v->seen, key, v);
	struct view_object *is = omap_get(&v->objects, key);
	if (!is || is->version != version)
		view_set(c, v, key, object_from(v, owner, value, &marks, version, created), version,
			   &view_untraced);
	return 0;
}

/* What was there before this list and is not in it was deleted meanwhile. */
static void remove_unseen(struct cell *c, struct view *v)
{
	struct onode *n = omap_first(&v->objects);
	while (n) {
		struct onode *next = omap_next(n);
		if (!omap_get(&v->seen, onode_key(n)) && !PLANTED(LIST_KEEPS_WHAT_IS_GONE)) {
			char key[STORE_KEY_BYTES_MAX];
			struct span k = onode_key(n);
			memcpy(key, k.data, k.len);
			view_set(c, v, (struct span){(uint8_t *)key, k.len}, NULL, v->list_head,
				   &view_untraced);
		}
		n = next;
	}
}

static void list_done(struct cell *c, struct view *v)
{
	remove_unseen(c, v);
	omap_fini(&v->seen, NULL);
	v->last = v->list_head;
	recall_drop(v);
	changes_clear(&v->history, v->list_head);
	v->synced = true;
	become_live(c, v);
	view_tell_all(c, v, (struct span){0}, NULL, NULL, v->last, &view_untraced);
	struct tap_record seen = {
		.event = RING_VIEW, .from = span_of(c->self), .to = span_of(v->stream)};
	cell_tap(c, &seen);
}

static void request_page(struct cell *c, struct view *v);

static struct view *still_wanted(struct cell *c, void *arg, uint64_t generation)
{
	struct view *v = omap_get(&c->views, span_of(arg));
	return v && v->generation == generation ? v : NULL;
}

static void on_page(struct cell *c, void *arg, uint64_t tag, const struct reply *r)
{
	struct view *v = still_wanted(c, arg, tag);
	if (!v)
		return;
	struct mp m;
	uint64_t head = 0, epoch = 0;
	size_t count;
	if (r->status || !mp_find(r->body, "head", &m) || mp_u64(&m, &head) ||
	    !mp_find(r->body, "epoch", &m) || mp_u64(&m, &epoch) ||
	    !mp_find(r->body, "rows", &m) || mp_array(&m, &count)) {
		view_again_soon(c, v);
		return;
	}
	if (!v->next) {
		v->list_head = head;
		v->epoch = epoch;
	}
	for (size_t i = 0; i < count; i++) {
		if (take_row(c, v, &m, r->owner)) {
			view_again_soon(c, v);
			return;
		}
	}
	free(v->next);
	v->next = NULL;
	if (!mp_path_bool(r->body, "more", false)) {
		list_done(c, v);
		return;
	}
	struct span next = mp_path_str(r->body, "next");
	v->next = mem_ndup(next.data, next.len);
	request_page(c, v);
}

static void request_page(struct cell *c, struct view *v)
{
	struct buf b = {0};
	char from[300], end[300];
	size_t n = strlen(v->kind);
	memcpy(from, v->kind, n);
	memcpy(end, v->kind, n);
	from[n] = '/';
	end[n] = '/' + 1; /* the first byte behind every "kind/..." */
	from[n + 1] = end[n + 1] = 0;
	mpw_map(&b, v->part ? 5 : 4);
	mpw_kv_str(&b, "from", v->next ? v->next : from);
	mpw_kv_str(&b, "end", end);
	mpw_kv_u64(&b, "limit", VIEW_PAGE_ROWS);
	mpw_kv_str(&b, "stream", v->stream);
	if (v->part)
		mpw_kv_str(&b, "part", v->part);
	v->act_at_us = 0;
	cell_request(c, "store", MSG_STORE_RANGE, &b, VIEW_REQUEST_MS, v->generation, on_page,
		     mem_dup(v->stream));
}

void view_start_list(struct cell *c, struct view *v)
{
	v->state = VIEW_LISTING;
	v->generation++;
	free(v->next);
	v->next = NULL;
	omap_fini(&v->seen, NULL);
	request_page(c, v);
}

/* ---- fetching what is missing */

static void on_changes(struct cell *c, void *arg, uint64_t tag, const struct reply *r)
{
	struct view *v = still_wanted(c, arg, tag);
	if (!v)
		return;
	struct mp m;
	size_t count;
	uint64_t epoch = 0;
	if (r->status == ERR_COMPACTED) {
		view_start_list(c, v);
		return;
	}
	if (r->status || !mp_find(r->body, "epoch", &m) || mp_u64(&m, &epoch) ||
	    !mp_find(r->body, "events", &m) || mp_array(&m, &count)) {
		view_again_soon(c, v);
		return;
	}
	if (epoch != v->epoch) {
		view_start_list(c, v);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct span body;
		if (mp_raw(&m, &body))
			break;
		struct event e;
		if (view_read_event(v, mp_of(body), &e) || e.version <= v->last || !e.has_value)
			continue;
		if (is_forgetful(v, &e)) {
			view_start_list(c, v);
			return;
		}
		apply(c, v, &e, r->owner);
	}
	if (mp_path_bool(r->body, "more", false))
		view_start_fetch(c, v);
	else
		become_live(c, v);
}

void view_start_fetch(struct cell *c, struct view *v)
{
	struct buf b = {0};
	v->state = VIEW_FETCHING;
	v->generation++;
	v->act_at_us = 0;
	mpw_map(&b, 3 + v->session);
	mpw_kv_str(&b, "stream", v->stream);
	mpw_kv_u64(&b, "after", v->last);
	mpw_kv_u64(&b, "limit", VIEW_PAGE_ROWS);
	if (v->session)
		mpw_kv_u64(&b, "wait_ms", WATCH_MS);
	cell_request(c, "store", MSG_STORE_EVENTS, &b,
		     v->session ? WATCH_MS + VIEW_REQUEST_MS : VIEW_REQUEST_MS, v->generation, on_changes,
		     mem_dup(v->stream));
}

/* ---- from the bus, or from the store's turn in this cell */

static void on_event(struct cell *c, struct view *v, struct mp body, struct bytes *owner)
{
	if (v->session)
		return; /* a request of ours waits for it */
	if (v->state == VIEW_LIVE) {
		if (take_event(c, v, body, owner))
			return;
		buffer_add(v, owner, body);
		view_start_fetch(c, v);
		return;
	}
	if (v->buffer_count >= BUFFERED_MAX) {
		view_buffer_clear(v); /* what is lost here shows as a gap and is fetched */
		return;
	}
	buffer_add(v, owner, body);
	if (v->state == VIEW_WAITING)
		view_start_list(c, v);
}

void view_on_head(struct cell *c, struct view *v, uint64_t version, uint64_t epoch)
{
	if (v->session)
		return;
	if (v->state == VIEW_WAITING || (v->epoch && epoch != v->epoch))
		view_start_list(c, v);
	else if (v->state == VIEW_LIVE && version > v->last)
		view_start_fetch(c, v);
}

void views_on_bus_body(struct cell *c, struct span topic, uint16_t kind, struct mp body,
		       struct bytes *owner)
{
	struct view *v = omap_get(&c->views, topic);
	if (!v)
		return;
	if (kind == MSG_BUS_EVENT) {
		on_event(c, v, body, owner);
	} else if (kind == MSG_BUS_HEAD) {
		struct mp m;
		uint64_t version, epoch;
		if (mp_find(body, "version", &m) && mp_u64(&m, &version) == 0 &&
		    mp_find(body, "epoch", &m) && mp_u64(&m, &epoch) == 0)
			view_on_head(c, v, version, epoch);
	}
}
