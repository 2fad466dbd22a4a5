/* Views (see view.h): what one stream says, for those who follow it.
 *
 *   view.c          objects, who follows, opening, repair
 *   view_sync.c     how a view comes to its stream's state, and stays there
 *   view_event.c    an event's fields
 *   view_index.c    what is found under what; view_changes.c, view_past.c and
 *   view_recall.c   what was there before
 *
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
	WAIT_HEAD_US = 300000,
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

void view_act_after(struct cell *c, struct view *v, uint64_t us)
{
	v->act_at_us = c->ops.now_us(c->ops.arg) + us;
	if (v->act_at_us < c->views_act_us)
		c->views_act_us = v->act_at_us;
}

void view_again_soon(struct cell *c, struct view *v)
{
	view_act_after(c, v, VIEW_RETRY_US);
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

void view_set(struct cell *c, struct view *v, struct span key, struct view_object *now,
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

struct view_object *view_object_of(struct bytes *value, uint64_t version, uint64_t created)
{
	struct view_object *o = mem_alloc(sizeof *o);
	o->refs = 1;
	o->value = value;
	o->version = version;
	o->created = created;
	return o;
}

struct view_object *view_object_new(struct bytes *owner, struct span value,
				    const struct mp_marks *marks, uint64_t version,
				    uint64_t created)
{
	return view_object_of(marks ? mp_slice(owner, value, marks) : bytes_slice(owner, value),
			      version, created);
}

/* ---- opening and following */

static void subscribe(struct cell *c, struct view *v)
{
	v->state = VIEW_WAITING;
	v->generation++;
	view_act_after(c, v, WAIT_HEAD_US);
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
	view_buffer_clear(v);
	if (v->state == VIEW_LIVE)
		view_start_fetch(c, v);
	else if (v->state == VIEW_WAITING)
		view_start_list(c, v);
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
		view_start_list(c, v);
	else
		subscribe(c, v);
	return v;
}

/* Where the store's process is this one the bytes are there anyway, and are shared. */
void view_leave_managed(struct cell *c, struct view *v)
{
	v->unmanaged |= c->cfg.apart && v->follower_count == 0;
}

void view_store_moved(struct cell *c)
{
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n)) {
		struct view *v = n->value;
		if (!v->direct && !v->session)
			c->ops.subscribe(c->ops.arg, span_of(v->stream), false);
		v->direct = true;
		view_start_list(c, v);
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
			view_on_head(c, v, version, epoch);
	}
	if (!mp_find(r->body, "forgotten", &forgotten) || mp_array(&forgotten, &n))
		return;
	for (; n > 0; n--) {
		struct span stream;
		if (mp_str(&forgotten, &stream))
			return;
		struct view *v = omap_get(&c->views, stream);
		if (v && v->state == VIEW_LIVE)
			view_start_list(c, v);
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
	cell_request(c, "store", MSG_STORE_CHECK, &b, VIEW_REQUEST_MS, 0, on_behind, NULL);
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
			view_again_soon(c, v);
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
			view_start_fetch(c, v);
		else if (v->state != VIEW_LIVE)
			view_start_list(c, v);
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
	view_buffer_clear(v);
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
