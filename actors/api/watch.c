/* Watches: a stream of events per client, from the view's changes.
 *
 * A watch that begins at version X gets what the view's history has after X
 * and then every change as it comes; what the view does not have is asked of
 * the store, and further back than that is 410: the client lists again. Without a version, or with 0, it first
 * gets what is there. An object that begins or ceases to match the selectors
 * is ADDED or DELETED for this watch, whatever happened to it. Each form of
 * an event is written once and shared by all watches that want it. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/schema/protobuf.h"

enum { BOOKMARK_US = 60000000 };

/* What one change looks like on the wire, by form and kind of event. */
enum event_kind { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED, EVENT_KINDS };

struct encoded {
	struct bytes *text[EVENT_KINDS][FORMS][3]; /* event, form, include */
	struct bytes *first_table[EVENT_KINDS][3]; /* with column definitions */
};

static const char *const event_names[] = {"ADDED", "MODIFIED", "DELETED"};

static struct bytes *encode_protobuf(const struct watch *w, const char *event, struct mp object,
				     uint64_t version)
{
	struct buf body = {0}, out = {0};
	visible_protobuf(&body, w->resource, object, version);
	protobuf_write_event(&out, event, span_buf(&body));
	buf_fini(&body);
	return bytes_take(&out);
}

/* An object as it is since that change. */
static struct bytes *encode_stored(struct api *a, const struct watch *w, enum event_kind kind,
				   const struct view_object *o)
{
	struct buf out = {0};
	struct span text = bytes_span(encodings_object(&a->encodings, w->resource, o));
	buf_reserve(&out, text.len + 40);
	buf_puts(&out, "{\"type\":\"");
	buf_puts(&out, event_names[kind]);
	buf_puts(&out, "\",\"object\":");
	buf_append(&out, text.data, text.len - 1);
	buf_puts(&out, "}\n");
	return bytes_take(&out);
}

static struct bytes *encode(struct api *a, const struct watch *w, enum event_kind kind,
			    const struct view_object *o, uint64_t version, int64_t wall_us,
			    bool columns)
{
	struct buf out = {0};
	struct mp object = mp_of_bytes(o->value);
	if (w->form == FORM_PROTOBUF)
		return encode_protobuf(w, event_names[kind], object, version);
	if (w->form == FORM_OBJECT && version == o->version)
		return encode_stored(a, w, kind, o);
	buf_reserve(&out, bytes_span(o->value).len * 2);
	buf_printf(&out, "{\"type\":\"%s\",\"object\":", event_names[kind]);
	if (w->form == FORM_TABLE) {
		struct table t;
		table_open(&t, &out, w->resource, w->as, wall_us, columns, version, NULL, -1);
		table_row(&t, object, version);
		table_close(&t);
	} else if (w->form == FORM_METADATA) {
		json_metadata(&out, object, version, w->as.version);
	} else {
		visible_object(&out, w->resource, object, version);
	}
	buf_puts(&out, "}\n");
	return bytes_take(&out);
}

static struct bytes **slot_of(struct encoded *e, const struct watch *w, enum event_kind kind)
{
	if (w->form == FORM_TABLE && !w->columns_sent)
		return &e->first_table[kind][w->as.include];
	return &e->text[kind][w->form][w->as.include];
}

static void encoded_fini(struct encoded *e)
{
	for (int k = 0; k < EVENT_KINDS; k++) {
		for (int i = 0; i < 3; i++) {
			bytes_unref(e->first_table[k][i]);
			for (int f = 0; f < FORMS; f++)
				bytes_unref(e->text[k][f][i]);
		}
	}
}

static bool wants(const struct watch *w, const struct view_object *o)
{
	if (!o)
		return false;
	struct mp object = mp_of_bytes(o->value);
	return label_selector_match_object(w->labels, object) &&
	       field_selector_match(w->fields, object);
}

static bool about(const struct watch *w, struct span key)
{
	struct span p = bytes_span(w->prefix);
	if (w->exact)
		return span_eq(bytes_span(w->exact), key);
	return key.len >= p.len && memcmp(key.data, p.data, p.len) == 0;
}

static void send_change(struct ctx *c, struct api *a, struct watch *w, struct encoded *e,
			const struct view_object *was, const struct view_object *now,
			uint64_t version)
{
	bool before = wants(w, was), after = wants(w, now);
	if (!before && !after)
		return;
	enum event_kind kind = !before ? EVENT_ADDED : !after ? EVENT_DELETED : EVENT_MODIFIED;
	const struct view_object *shown = after ? now : was;
	struct encoded own = {0}; /* other versions are rare: nothing is shared */
	bool shared = w->resource == w->resource->stored && w->as.version == META_V1;
	struct bytes **slot = slot_of(shared ? e : &own, w, kind);
	if (!*slot)
		*slot = encode(a, w, kind, shown, version, ctx_wall_us(c), !w->columns_sent);
	w->columns_sent = true;
	if (version > w->last)
		w->last = version;
	a->watch_events++;
	ctx_port_call(c, a->port, HTTP_DATA, w->id, 0, bytes_ref(*slot));
	encoded_fini(&own);
}

void watch_change(struct ctx *c, struct api *a, struct stream *s, const struct view_change *v)
{
	struct encoded e = {0};
	for (struct watch *w = s->watches; w; w = w->next)
		if (v->version > w->start && about(w, v->key))
			send_change(c, a, w, &e, v->was, v->now, v->version);
	s->told = v->version;
	encoded_fini(&e);
}

/* ---- the beginning */

static struct bytes *protobuf_bookmark(struct watch *w, uint64_t version, bool initial_end)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_str(&b, "apiVersion", schema_api_version(w->resource, &w->arena));
	mpw_kv_str(&b, "kind", w->resource->kind);
	mpw_str(&b, "metadata");
	mpw_map(&b, initial_end);
	if (initial_end) {
		mpw_str(&b, "annotations");
		mpw_map(&b, 1);
		mpw_kv_str(&b, "k8s.io/initial-events-end", "true");
	}
	struct bytes *frame = encode_protobuf(w, "BOOKMARK", mp_of(span_buf(&b)), version);
	buf_fini(&b);
	return frame;
}

static void send_bookmark(struct ctx *c, struct api *a, struct watch *w, uint64_t version,
			  bool initial_end)
{
	struct buf out = {0};
	bool table = w->form == FORM_TABLE;
	if (w->form == FORM_PROTOBUF) {
		ctx_port_call(c, a->port, HTTP_DATA, w->id, 0,
			      protobuf_bookmark(w, version, initial_end));
		return;
	}
	buf_printf(&out,
		   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
		   "\"metadata\":{\"resourceVersion\":\"%llu\"%s}}}\n",
		   table ? "Table" : w->form == FORM_METADATA ? "PartialObjectMetadata"
							       : w->resource->kind,
		   w->form == FORM_OBJECT ? schema_api_version(w->resource, &w->arena)
					  : meta_api_versions[w->as.version],
		   (unsigned long long)version,
		   initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	ctx_port_call(c, a->port, HTTP_DATA, w->id, 0, bytes_take(&out));
}

static void send_initial(struct ctx *c, struct api *a, struct watch *w, struct view *v)
{
	for (struct onode *n = omap_seek(view_map(v), bytes_span(w->prefix)); n; n = omap_next(n)) {
		struct span p = bytes_span(w->prefix), key = onode_key(n);
		if (key.len < p.len || memcmp(key.data, p.data, p.len) != 0)
			break;
		struct view_object *o = n->value;
		if (!about(w, key))
			continue;
		struct encoded e = {0};
		send_change(c, a, w, &e, NULL, o, o->version);
		encoded_fini(&e);
	}
}

struct replay {
	struct ctx *c;
	struct api *a;
	struct watch *w;
};

static int replay_one(void *arg, struct span key, struct view_object *was,
		      struct view_object *now, uint64_t version)
{
	struct replay *r = arg;
	if (about(r->w, key)) {
		struct encoded e = {0};
		send_change(r->c, r->a, r->w, &e, was, now, version);
		encoded_fini(&e);
	}
	return 0;
}

void watch_free(void *p)
{
	struct watch *w = p;
	bytes_unref(w->prefix);
	bytes_unref(w->exact);
	audit_drop(&w->audit);
	arena_fini(&w->arena);
	free(w);
}

static struct watch *watch_new(struct ctx *c, struct api *a, struct call *k)
{
	struct watch *w = mem_alloc(sizeof *w);
	struct err e = {0};
	struct buf key = {0};
	w->id = k->id;
	w->arena.block = 256; /* of selectors, while it is held */
	w->resource = k->resource;
	w->stream = omap_get(&a->streams, span_of(k->resource->stream));
	w->form = k->form;
	w->as = k->as;
	w->bookmarks = call_flag(k, "allowWatchBookmarks");
	if (parse_selectors(k, &w->arena, &w->labels, &w->fields, &e)) {
		watch_free(w);
		answer_status(c, a, k, status_bad_request(&k->arena, e.text));
		return NULL;
	}
	schema_key(&key, k->resource, k->namespace, (struct span){0});
	w->prefix = bytes_take(&key);
	struct span name = k->name;
	if (name.len || (k->namespace.len && field_selector_exact(w->fields, "metadata.name", &name))) {
		schema_key(&key, k->resource, k->namespace, name);
		w->exact = bytes_take(&key);
	}
	return w;
}

static void register_watch(struct ctx *c, struct api *a, struct watch *w, uint64_t seconds)
{
	if (!seconds || seconds > 86400)
		seconds = API_WATCH_DEFAULT_S + ctx_random(c) % API_WATCH_DEFAULT_S;
	w->timer = ctx_timer(c, seconds * 1000000, API_TAG(TAG_WATCH_END, w->id));
	if (w->bookmarks)
		w->bookmark_timer =
			ctx_timer(c, BOOKMARK_US, API_TAG(TAG_WATCH_BOOKMARK, w->id));
	omap_put_u64(&a->watches, w->id, w);
	w->next = w->stream->watches;
	w->stream->watches = w;
}

void watch_start(struct ctx *c, struct api *a, struct call *k)
{
	uint64_t from, seconds;
	struct view *v = fresh_view(c, a, k, watch_start);
	if (!v)
		return;
	struct doc *bad = bad_list_options(k);
	if (!bad && !call_number(k, "resourceVersion", &from))
		bad = bad_version(k, call_arg(k, "resourceVersion"));
	bad = bad ? bad : bad_watch_match(k);
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	if (!call_number(k, "timeoutSeconds", &seconds))
		seconds = 0;
	uint64_t now = stream_version(a, omap_get(&a->streams, view_stream(v)));
	if (from > version_given(a, now)) {
		answer_future(c, a, k, from, now);
		return;
	}
	struct watch *w = watch_new(c, a, k);
	if (!w)
		return;
	struct span events = call_arg(k, "sendInitialEvents");
	bool initial = events.len ? call_flag(k, "sendInitialEvents") : from == 0;
	if (!from)
		from = now;
	/* Is it all still there? Asked before the answer's first byte. */
	int known = initial ? 0 : view_history(v, from, NULL, NULL);
	if (known == ERR_AGAIN) {
		struct stream *s = w->stream;
		watch_free(w);
		ctx_recall(c, v, from);
		await_view(c, k, s, watch_start);
		return;
	}
	if (known) {
		char text[120];
		snprintf(text, sizeof text, "too old resource version: %llu (%llu)",
			 (unsigned long long)from, (unsigned long long)view_version(v));
		watch_free(w);
		answer_status(c, a, k, status_expired(&k->arena, text));
		return;
	}
	call_answered(c, a, k, 200);
	ctx_port_call(c, a->port, HTTP_STREAM, k->id, HTTP_ARG(200, w->form == FORM_PROTOBUF ? HTTP_PROTOBUF_WATCH : HTTP_JSON),
		      NULL);
	w->start = view_version(v);
	w->last = from > now ? from : now;
	if (initial) {
		send_initial(c, a, w, v);
		if (call_flag(k, "sendInitialEvents"))
			send_bookmark(c, a, w, now, true);
	} else {
		struct replay r = {c, a, w};
		view_history(v, from, replay_one, &r);
	}
	register_watch(c, a, w, seconds);
	audit_open(c, a, k, &w->audit);
	k->handed_over = true;
	call_end(c, a, k);
}

/* ---- the end */

void watch_gone(struct ctx *c, struct api *a, uint64_t id)
{
	struct watch *w = omap_remove_u64(&a->watches, id);
	if (!w)
		return;
	struct watch **at = &w->stream->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	ctx_cancel(c, w->timer);
	ctx_cancel(c, w->bookmark_timer);
	audit_say(c, &w->audit);
	watch_free(w);
}

void watch_timer(struct ctx *c, struct api *a, uint64_t id, bool bookmark)
{
	struct watch *w = omap_get_u64(&a->watches, id);
	if (!w)
		return;
	/* All changes of the stream that the view shows were told, unless more
	 * of them wait for their turns: then only up to the last one told. */
	uint64_t version = w->last > w->start ? w->last : w->start;
	if (w->stream->told >= view_version(w->stream->view))
		version = stream_version(a, w->stream);
	if (version > w->last)
		w->last = version;
	if (!bookmark) {
		if (w->bookmarks)
			send_bookmark(c, a, w, version, false);
		ctx_port_call(c, a->port, HTTP_END, id, 0, NULL);
		watch_gone(c, a, id);
		return;
	}
	send_bookmark(c, a, w, version, false);
	w->bookmark_timer = ctx_timer(c, BOOKMARK_US, API_TAG(TAG_WATCH_BOOKMARK, w->id));
}
