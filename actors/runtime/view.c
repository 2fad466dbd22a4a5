/* Views (see view.h): one stream, followed.
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
 * So a slow follower costs nobody memory, and misses nothing.
 * In the cell where the store lives the events come straight from its turn
 * (effects.c) and no subscription is made. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/heads.h"
#include "actors/runtime/view_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/messages.h"

enum {
	BUFFERED_MAX = 10000,
	PAGE_ROWS = VIEW_PAGE_ROWS,
	REQUEST_MS = VIEW_REQUEST_MS,
	WATCH_MS = 20000, /* a session watch that hears nothing asks again */
	WAIT_HEAD_US = 300000,
	RETRY_US = VIEW_RETRY_US,
	CHECK_US = 2000000,
	CHECK_EARLY_US = 500000, /* a cell that is awake need not be woken for it */
	CHECK_ASKS = 5, /* so often the store is asked, also when the shared heads say enough */
};

struct view_object *view_object_ref(struct view_object *o)
{
	if (o)
		atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void view_object_unref(struct view_object *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	bytes_unref(o->value);
	free(o);
}

/* Something is due for this view later; the cell remembers the earliest. */
static void act_after(struct cell *c, struct view *v, uint64_t us)
{
	v->act_at_us = c->ops.now_us(c->ops.arg) + us;
	if (v->act_at_us < c->views_act_us)
		c->views_act_us = v->act_at_us;
}

static void again_soon(struct cell *c, struct view *v)
{
	act_after(c, v, RETRY_US);
}

/* ---- reading */

struct span view_stream(const struct view *v)
{
	return span_of(v->stream);
}

bool view_synced(const struct view *v)
{
	return v->synced;
}

uint64_t view_version(const struct view *v)
{
	return v->last;
}

uint64_t view_epoch(const struct view *v)
{
	return v->epoch;
}

size_t view_count(const struct view *v)
{
	return v->objects.count;
}

/* Up to and with the second slash; empty: there is none. */
static struct span folder_of(struct span key)
{
	const uint8_t *slash = key.len ? memchr(key.data, '/', key.len) : NULL;
	if (slash)
		slash = memchr(slash + 1, '/', key.len - (size_t)(slash + 1 - key.data));
	return (struct span){key.data, slash ? (size_t)(slash + 1 - key.data) : 0};
}

static void folder_add(struct view *v, struct span key, int more)
{
	struct span folder = folder_of(key);
	if (!folder.len)
		return;
	uintptr_t n = (uintptr_t)omap_get(&v->folders, folder) + (uintptr_t)more;
	if (n)
		omap_put(&v->folders, folder, (void *)n);
	else
		omap_remove(&v->folders, folder);
}

size_t view_count_in(const struct view *v, struct span folder)
{
	size_t stream = strlen(v->stream);
	if (folder.len == stream + 1 && memcmp(folder.data, v->stream, stream) == 0)
		return v->objects.count;
	return (uintptr_t)omap_get(&v->folders, folder);
}

struct view_object *view_get(const struct view *v, struct span key)
{
	return omap_get(&v->objects, key);
}

const struct omap *view_map(const struct view *v)
{
	return &v->objects;
}

/* What is wanted of the last changes: where it is all there. */
static int history_reaches(const struct view *v, uint64_t after)
{
	if (!v->synced || after < v->history.floor)
		return ERR_COMPACTED;
	if (after >= v->history.from)
		return 0;
	return v->part ? ERR_COMPACTED : ERR_AGAIN;
}

void view_keep_changes(struct view *v)
{
	v->keeps_changes = true;
}

int view_history(const struct view *v, uint64_t after,
		 int (*each)(void *arg, struct span key, struct view_object *was,
			     struct view_object *now, uint64_t version),
		 void *arg)
{
	int rc = history_reaches(v, after);
	for (size_t i = 0; !rc && each && i < v->history.count; i++) {
		const struct change *h = changes_at(&v->history, i);
		if (h->version > after)
			rc = each(arg, (struct span){(const uint8_t *)h->key, h->key_len}, h->was,
				  h->now, h->version);
	}
	return rc;
}

/* ---- telling the followers */

const struct trace view_untraced;

static void tell(struct cell *c, struct view *v, uint64_t uid, struct span key,
		 struct view_object *was, struct view_object *now, uint64_t version,
		 const struct trace *trace)
{
	struct actor *a = actor_by_uid(c, uid);
	if (!a)
		return;
	struct item *i = item_new(ITEM_VIEW, (struct span){0});
	i->view = v;
	i->key = mem_ndup(key.data, key.len);
	i->key_len = key.len;
	i->was = view_object_ref(was);
	i->now = view_object_ref(now);
	i->version = version;
	i->trace = *trace;
	actor_queue(c, a, i);
}

void view_tell_all(struct cell *c, struct view *v, struct span key, struct view_object *was,
		     struct view_object *now, uint64_t version, const struct trace *trace)
{
	for (size_t i = 0; i < v->follower_count; i++)
		tell(c, v, v->followers[i], key, was, now, version, trace);
}

/* One key becomes `now` (NULL: gone). Takes the reference to now. What the
 * followers do about it belongs to the trace that wrote it. */
static void set_object(struct cell *c, struct view *v, struct span key, struct view_object *now,
		       uint64_t version, const struct trace *trace)
{
	struct view_object *was =
		now ? omap_put(&v->objects, key, now) : omap_remove(&v->objects, key);
	if (!was && !now)
		return;
	if (!was || !now)
		folder_add(v, key, now ? 1 : -1);
	view_indexes_set(v->indexes, key, was, now);
	if (v->keeps_changes)
		changes_add(&v->history, change_of(key, was, now, version));
	else
		v->history.from = version;
	view_tell_all(c, v, key, was, now, version, trace);
	view_object_unref(was);
}

struct view_object *view_object_new(struct bytes *owner, struct span value,
				    const struct mp_marks *marks, uint64_t version,
				    uint64_t created)
{
	struct view_object *o = mem_alloc(sizeof *o);
	o->refs = 1;
	o->value = marks ? mp_slice(owner, value, marks) : bytes_slice(owner, value);
	o->version = version;
	o->created = created;
	return o;
}

/* ---- applying events */

bool view_nil(struct span raw)
{
	return raw.len == 1 && raw.data[0] == 0xc0;
}

static int prev_of(struct mp streams, const char *stream, uint64_t *prev)
{
	size_t n;
	if (mp_array(&streams, &n))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		size_t two;
		struct span name;
		uint64_t version;
		if (mp_array(&streams, &two) || two != 2 || mp_str(&streams, &name) ||
		    mp_u64(&streams, &version))
			return ERR_INVALID;
		if (span_is(name, stream)) {
			*prev = version;
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

/* ---- the fields of an event: each reads its value and passes it */

struct reading {
	const struct view *view;
	struct event *e;
	unsigned has; /* bits of the fields that must be there */
};

enum { HAS_VERSION = 1, HAS_CREATED = 2, HAS_PREV = 4, HAS_ALL = 7 };

static int read_version(struct reading *r, struct mp *m)
{
	r->has |= HAS_VERSION;
	return mp_u64(m, &r->e->version);
}

static int read_created(struct reading *r, struct mp *m)
{
	r->has |= HAS_CREATED;
	return mp_u64(m, &r->e->created);
}

static int read_streams(struct reading *r, struct mp *m)
{
	r->has |= HAS_PREV;
	int rc = prev_of(*m, r->view->stream, &r->e->prev);
	return rc ? rc : mp_skip(m);
}

static int read_key(struct reading *r, struct mp *m)
{
	return mp_str(m, &r->e->key);
}

static int read_part(struct reading *r, struct mp *m)
{
	return mp_str(m, &r->e->part);
}

static int read_secret(struct reading *r, struct mp *m)
{
	return mp_bool(m, &r->e->secret);
}

static int read_value(struct reading *r, struct mp *m)
{
	r->e->has_value = true;
	int rc = mp_raw_marked(m, &r->e->value, &r->e->marks);
	r->e->deleted = !rc && view_nil(r->e->value);
	return rc;
}

static int read_old(struct reading *r, struct mp *m)
{
	return mp_raw(m, &r->e->old);
}

static int read_trace(struct reading *r, struct mp *m)
{
	size_t n;
	uint64_t cause;
	struct trace *t = &r->e->trace;
	struct mp four = *m;
	if (mp_array(&four, &n) || n != 4 || mp_u64(&four, &t->hi) || mp_u64(&four, &t->lo) ||
	    mp_u64(&four, &t->span) || mp_u64(&four, &cause))
		*t = view_untraced;
	return mp_skip(m);
}

#define FIELD(name, read) {name, sizeof name - 1, read}
static const struct field {
	const char *name;
	size_t len;
	int (*read)(struct reading *r, struct mp *m);
} fields[] = {
	FIELD("streams", read_streams), FIELD("version", read_version), FIELD("key", read_key),
	FIELD("created", read_created), FIELD("part", read_part),	FIELD("trace", read_trace),
	FIELD("value", read_value),	FIELD("secret", read_secret),	FIELD("old", read_old),
};

static const struct field *field_named(struct span key)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (key.len == fields[i].len && bytes_same(key.data, fields[i].name, key.len))
			return &fields[i];
	return NULL;
}

int view_read_event(const struct view *v, struct mp body, struct event *e)
{
	struct reading r = {.view = v, .e = e};
	size_t n;
	memset(e, 0, offsetof(struct event, marks)); /* those come with the value */
	if (mp_map(&body, &n))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		struct span key;
		if (mp_str(&body, &key))
			return ERR_INVALID;
		const struct field *f = field_named(key);
		if (f ? f->read(&r, &body) : mp_skip(&body))
			return ERR_INVALID;
	}
	e->trace.cause = e->version;
	return r.has == HAS_ALL && e->key.len ? 0 : ERR_INVALID;
}

static void apply(struct cell *c, struct view *v, const struct event *e, struct bytes *owner)
{
	struct view_object *is = omap_get(&v->objects, e->key);
	bool gone = e->deleted || (v->part && !span_is(e->part, v->part));
	if (!is || is->version < e->version)
		set_object(c, v, e->key,
			   gone ? NULL : view_object_new(owner, e->value, &e->marks, e->version, e->created),
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

static void buffer_clear(struct view *v)
{
	for (size_t i = 0; i < v->buffer_count; i++)
		bytes_unref(v->buffer[i].owner);
	v->buffer_count = 0;
}

static void start_list(struct cell *c, struct view *v);
static void start_fetch(struct cell *c, struct view *v);

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
		start_list(c, v);
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
		start_fetch(c, v);
		return;
	}
	buffer_clear(v);
}

static void become_live(struct cell *c, struct view *v)
{
	v->state = VIEW_LIVE;
	v->act_at_us = 0;
	v->generation++;
	if (v->session)
		start_fetch(c, v);
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
		set_object(c, v, key, view_object_new(owner, value, &marks, version, created), version,
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
			set_object(c, v, (struct span){(uint8_t *)key, k.len}, NULL, v->list_head,
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
		again_soon(c, v);
		return;
	}
	if (!v->next) {
		v->list_head = head;
		v->epoch = epoch;
	}
	for (size_t i = 0; i < count; i++) {
		if (take_row(c, v, &m, r->owner)) {
			again_soon(c, v);
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
	mpw_kv_u64(&b, "limit", PAGE_ROWS);
	mpw_kv_str(&b, "stream", v->stream);
	if (v->part)
		mpw_kv_str(&b, "part", v->part);
	v->act_at_us = 0;
	cell_request(c, "store", MSG_STORE_RANGE, &b, REQUEST_MS, v->generation, on_page,
		     mem_dup(v->stream));
}

static void start_list(struct cell *c, struct view *v)
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
		start_list(c, v);
		return;
	}
	if (r->status || !mp_find(r->body, "epoch", &m) || mp_u64(&m, &epoch) ||
	    !mp_find(r->body, "events", &m) || mp_array(&m, &count)) {
		again_soon(c, v);
		return;
	}
	if (epoch != v->epoch) {
		start_list(c, v);
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
			start_list(c, v);
			return;
		}
		apply(c, v, &e, r->owner);
	}
	if (mp_path_bool(r->body, "more", false))
		start_fetch(c, v);
	else
		become_live(c, v);
}

static void start_fetch(struct cell *c, struct view *v)
{
	struct buf b = {0};
	v->state = VIEW_FETCHING;
	v->generation++;
	v->act_at_us = 0;
	mpw_map(&b, 3 + v->session);
	mpw_kv_str(&b, "stream", v->stream);
	mpw_kv_u64(&b, "after", v->last);
	mpw_kv_u64(&b, "limit", PAGE_ROWS);
	if (v->session)
		mpw_kv_u64(&b, "wait_ms", WATCH_MS);
	cell_request(c, "store", MSG_STORE_EVENTS, &b,
		     v->session ? WATCH_MS + REQUEST_MS : REQUEST_MS, v->generation, on_changes,
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
		start_fetch(c, v);
		return;
	}
	if (v->buffer_count >= BUFFERED_MAX) {
		buffer_clear(v); /* what is lost here shows as a gap and is fetched */
		return;
	}
	buffer_add(v, owner, body);
	if (v->state == VIEW_WAITING)
		start_list(c, v);
}

static void on_head(struct cell *c, struct view *v, uint64_t version, uint64_t epoch)
{
	if (v->session)
		return;
	if (v->state == VIEW_WAITING || (v->epoch && epoch != v->epoch))
		start_list(c, v);
	else if (v->state == VIEW_LIVE && version > v->last)
		start_fetch(c, v);
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
			on_head(c, v, version, epoch);
	}
}

/* ---- opening and following */

static void subscribe(struct cell *c, struct view *v)
{
	v->state = VIEW_WAITING;
	v->generation++;
	act_after(c, v, WAIT_HEAD_US);
	c->ops.subscribe(c->ops.arg, span_of(v->stream), true);
}

/* One follower that wants it from the session is enough. */
static void by_session(struct cell *c, struct view *v)
{
	if (v->session)
		return;
	v->session = true;
	if (!v->direct)
		c->ops.subscribe(c->ops.arg, span_of(v->stream), false);
	buffer_clear(v);
	if (v->state == VIEW_LIVE)
		start_fetch(c, v);
	else if (v->state == VIEW_WAITING)
		start_list(c, v);
}

struct view *view_open(struct cell *c, const char *stream, bool session)
{
	struct view *v = omap_get(&c->views, span_of(stream));
	if (v && session)
		by_session(c, v);
	if (v)
		return v;
	v = mem_alloc(sizeof *v);
	v->stream = mem_dup(stream);
	const char *at = strchr(stream, '@');
	v->kind = at ? mem_ndup(stream, (size_t)(at - stream)) : mem_dup(stream);
	v->part = at ? mem_dup(at + 1) : NULL;
	omap_put(&c->views, span_of(stream), v);
	v->direct = actor_by_name(c, span_of("store")) != NULL;
	v->session = session;
	if (v->direct || v->session)
		start_list(c, v);
	else
		subscribe(c, v);
	return v;
}

void view_store_moved(struct cell *c)
{
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		struct view *v = n->value;
		if (!v->direct && !v->session)
			c->ops.subscribe(c->ops.arg, span_of(v->stream), false);
		v->direct = true;
		start_list(c, v);
	}
}

void view_follow(struct cell *c, struct view *v, struct actor *a)
{
	for (size_t i = 0; i < v->follower_count; i++)
		if (v->followers[i] == a->uid)
			return;
	v->followers = mem_realloc(v->followers, (v->follower_count + 1) * sizeof *v->followers);
	v->followers[v->follower_count++] = a->uid;
	if (!v->synced)
		return;
	for (struct onode *n = omap_first(&v->objects); n; n = omap_next(n)) {
		struct view_object *o = n->value;
		tell(c, v, a->uid, onode_key(n), NULL, o, o->version, &view_untraced);
	}
	tell(c, v, a->uid, (struct span){0}, NULL, NULL, v->last, &view_untraced);
}

void view_unfollow_all(struct cell *c, uint64_t uid)
{
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		struct view *v = n->value;
		for (size_t i = 0; i < v->follower_count; i++) {
			if (v->followers[i] != uid)
				continue;
			memmove(v->followers + i, v->followers + i + 1,
				(--v->follower_count - i) * sizeof *v->followers);
			break;
		}
	}
}

struct view_index *view_index(struct view *v, const struct view_index_spec *spec)
{
	return view_index_open(&v->indexes, &v->objects, spec);
}

/* ---- repair */

static void on_behind(struct cell *c, void *arg, uint64_t tag, const struct reply *r)
{
	(void)arg;
	(void)tag;
	c->checking = false;
	struct mp m, forgotten;
	size_t n;
	uint64_t epoch = 0;
	if (r->status || !mp_find(r->body, "epoch", &m) || mp_u64(&m, &epoch) ||
	    !mp_find(r->body, "streams", &m) || mp_map(&m, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct span stream;
		uint64_t version;
		if (mp_str(&m, &stream) || mp_u64(&m, &version))
			return;
		struct view *v = omap_get(&c->views, stream);
		if (v)
			on_head(c, v, version, epoch);
	}
	if (!mp_find(r->body, "forgotten", &forgotten) || mp_array(&forgotten, &n))
		return;
	for (; n > 0; n--) {
		struct span stream;
		if (mp_str(&forgotten, &stream))
			return;
		struct view *v = omap_get(&c->views, stream);
		if (v && v->state == VIEW_LIVE)
			start_list(c, v);
	}
}

/* What this machine shares tells of whole kinds; of a partition nothing. A head
 * that has gone back is one of soft keys that are no more. */
static bool may_be_behind(const struct heads *heads, const struct view *v)
{
	uint64_t head = v->part ? 0 : heads_get(heads, span_of(v->stream));
	return v->part || (head && head != v->last);
}

static bool shown_to_be_level(struct cell *c)
{
	const struct heads *heads =
		c->ops.shared ? c->ops.shared(c->ops.arg, "heads") : NULL;
	if (!heads || heads_full(heads) || c->checks++ % CHECK_ASKS == 0)
		return false;
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		const struct view *v = n->value;
		if (v->state == VIEW_LIVE && may_be_behind(heads, v))
			return false;
	}
	return true;
}

static void check_heads(struct cell *c)
{
	struct buf b = {0};
	if (shown_to_be_level(c))
		return;
	mpw_map(&b, 1);
	mpw_str(&b, "streams");
	size_t count = 0, at = mpw_map_open(&b);
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		const struct view *v = n->value;
		if (v->state != VIEW_LIVE)
			continue;
		mpw_kv_u64(&b, v->stream, v->last);
		count++;
	}
	mpw_map_close(&b, at, count);
	if (!count || PLANTED(HEADS_NOT_COMPARED)) {
		buf_fini(&b);
		return;
	}
	c->checking = true;
	cell_request(c, "store", MSG_STORE_CHECK, &b, REQUEST_MS, 0, on_behind, NULL);
}

/* A new session: subscriptions may be gone with the old sockets, and events
 * were lost for sure if there were any. */
void views_link_up(struct cell *c)
{
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		struct view *v = n->value;
		if (v->direct || v->session)
			continue;
		c->ops.subscribe(c->ops.arg, span_of(v->stream), true);
		if (v->state != VIEW_LIVE)
			again_soon(c, v);
	}
	c->check_at_us = 0;
}

static void act_due(struct cell *c, uint64_t now_us)
{
	c->views_act_us = UINT64_MAX;
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		struct view *v = n->value;
		recall_due(c, v, now_us);
		if (!v->act_at_us)
			continue;
		if (now_us < v->act_at_us) {
			if (v->act_at_us < c->views_act_us)
				c->views_act_us = v->act_at_us;
			continue;
		}
		v->act_at_us = 0;
		if (v->state == VIEW_FETCHING)
			start_fetch(c, v);
		else if (v->state != VIEW_LIVE)
			start_list(c, v);
	}
}

static bool store_reachable(const struct cell *c)
{
	return c->link == LINK_UP || actor_by_name(c, span_of("store"));
}

void views_tick(struct cell *c, uint64_t now_us)
{
	if (now_us >= c->views_act_us && store_reachable(c))
		act_due(c, now_us);
	if (now_us + CHECK_EARLY_US >= c->check_at_us && !c->checking && c->views.count &&
	    c->link == LINK_UP) {
		c->check_at_us = now_us + CHECK_US;
		check_heads(c);
	}
}

uint64_t views_deadline(const struct cell *c)
{
	if (c->stopping || !store_reachable(c))
		return UINT64_MAX;
	uint64_t due = c->views_act_us;
	if (c->views.count && !c->checking && c->link == LINK_UP && c->check_at_us < due)
		due = c->check_at_us;
	return due;
}

static void object_drop(void *o)
{
	view_object_unref(o);
}

static void view_free(void *p)
{
	struct view *v = p;
	recall_drop(v);
	changes_fini(&v->history);
	buffer_clear(v);
	view_indexes_free(v->indexes);
	omap_fini(&v->folders, NULL);
	omap_fini(&v->objects, object_drop);
	omap_fini(&v->seen, NULL);
	free(v->buffer);
	free(v->followers);
	free(v->next);
	free(v->stream);
	free(v->kind);
	free(v->part);
	free(v);
}

void views_free(struct cell *c)
{
	omap_fini(&c->views, view_free);
}
