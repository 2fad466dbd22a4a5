#include "tools/chaos/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/objects/objects.h"
#include "actors/objects/writing.h"
#include "broker/base/mem.h"
#include "tools/chaos/loads.h"

enum { AGAIN_US = 300000, ASK_MS = 2000 };

struct user {
	struct user_book *book;
	struct schema *schema;
	struct view *views[4]; /* as `streams` */
	struct writing *writing;
	bool asking;  /* the store, to compact */
	bool waiting; /* for its next try */
};

static const char *const streams[] = {"pods", "replicationcontrollers", "services", "nodes"};
enum { STREAMS = sizeof streams / sizeof *streams };

/* ---- bodies, as a client would post them */

static struct doc *scale_body(struct arena *a, int64_t n)
{
	struct doc *o = doc_new(a, DOC_MAP);
	doc_path_set(a, o, "spec.replicas", doc_int(a, n));
	return o;
}

static struct doc *cordon_body(struct arena *a, bool yes)
{
	struct doc *o = doc_new(a, DOC_MAP);
	doc_path_set(a, o, "spec.unschedulable", doc_bool(a, yes));
	return o;
}

static bool is_taint(const struct doc *d, const struct taint *t)
{
	return span_is(doc_get_str(d, "key"), t->key) && span_is(doc_get_str(d, "effect"), t->effect);
}

/* The whole list, as it was seen and with the change: what others write
 * meanwhile is a conflict, and the wish is tried again. */
static struct doc *taint_body(struct arena *a, const struct view *nodes, const struct wish *w)
{
	const struct view_object *seen = view_get(nodes, span_of(arena_printf(a, "nodes/%s", w->name)));
	struct doc *o = doc_new(a, DOC_MAP), *list = doc_new(a, DOC_ARRAY), *was = NULL;
	uint64_t version = 1; /* which no node has: not seen yet */
	if (seen && doc_from_mp(a, mp_of_bytes(seen->value), &was, NULL) == 0)
		version = seen->version;
	doc_path_set(a, o, "metadata.resourceVersion", doc_str(a, arena_printf(a, "%llu", (unsigned long long)version)));
	DOC_EACH(it, doc_get(doc_get(was, "spec"), "taints"))
		if (!is_taint(it, w->taint))
			doc_add(list, doc_copy(a, it));
	if (w->number) {
		struct doc *t = doc_add(list, doc_new(a, DOC_MAP));
		doc_set_str(a, t, "key", w->taint->key);
		if (w->taint->value)
			doc_set_str(a, t, "value", w->taint->value);
		doc_set_str(a, t, "effect", w->taint->effect);
	}
	doc_path_set(a, o, "spec.taints", list);
	return o;
}

static struct doc *eviction_body(struct arena *a, const char *pod)
{
	struct doc *o = doc_new(a, DOC_MAP);
	doc_set_str(a, o, "apiVersion", "policy/v1");
	doc_set_str(a, o, "kind", "Eviction");
	struct doc *meta = doc_need_map(a, o, "metadata");
	doc_set_str(a, meta, "name", pod);
	doc_set_str(a, meta, "namespace", "default");
	return o;
}

static struct doc *note_body(struct arena *a, size_t number)
{
	struct doc *o = doc_new(a, DOC_MAP);
	struct doc *notes = doc_need_map(a, doc_need_map(a, o, "metadata"), "annotations");
	doc_set_str(a, notes, "chaos.troupe/touched", arena_printf(a, "%zu", number));
	return o;
}

/* ---- one wish */

static struct view *view_of(void *arg, struct span stream)
{
	struct user *u = arg;
	for (size_t i = 0; i < STREAMS; i++)
		if (span_is(stream, streams[i]))
			return u->views[i];
	return NULL;
}

/* What it is about: a key, or what a kind of wish is always about. */
static struct span resource_of(const struct wish *w)
{
	if (w->type == WISH_TOUCH)
		return store_stream_of(span_of(w->name));
	if (w->type == WISH_CORDON || w->type == WISH_TAINT)
		return span_of("nodes");
	return span_of(w->type == WISH_DELETE || w->type == WISH_EVICT ? "pods" : load_rows[w->load->kind].stream);
}

/* "pods/default/web-1", "nodes/n1" */
static void name_key(struct obj_request *q, const char *key)
{
	const char *name = strrchr(key, '/') + 1, *first = strchr(key, '/') + 1;
	q->name = span_of(name);
	q->namespace = (struct span){(const uint8_t *)first, name > first ? (size_t)(name - first - 1) : 0};
}

static void fill_request(struct writing *w, const struct wish *wish, size_t number, const struct view *nodes)
{
	struct obj_request *q = &w->request;
	struct arena *a = &w->arena;
	q->namespace = span_of("default");
	if (wish->type == WISH_CREATE) {
		q->body = load_body(a, wish->load);
	} else if (wish->type == WISH_TOUCH) {
		name_key(q, wish->name);
		q->body = note_body(a, number);
	} else if (wish->type == WISH_CORDON) {
		q->namespace = (struct span){0};
		q->name = span_of(wish->name);
		q->body = cordon_body(a, wish->number);
	} else if (wish->type == WISH_TAINT) {
		q->namespace = (struct span){0};
		q->name = span_of(wish->name);
		q->body = taint_body(a, nodes, wish);
	} else if (wish->type == WISH_EVICT) {
		q->subresource = "eviction";
		q->name = span_of(wish->name);
		q->body = eviction_body(a, wish->name);
	} else {
		q->name = span_of(wish->type == WISH_DELETE ? wish->name : wish->load->name);
		if (wish->type == WISH_SCALE)
			q->body = scale_body(a, wish->number);
		if (wish->type == WISH_ROLL)
			q->body = load_roll_body(a, number);
	}
}

static void end_writing(struct user *u)
{
	if (u->writing)
		writing_fini(u->writing);
	free(u->writing);
	u->writing = NULL;
}

/* Whether that answer ends the wish. A create that was answered "exists" is
 * ours, whose first answer was lost; one without its namespace comes too
 * early; who deletes what is gone has what they want. */
static bool ends(const struct wish *w, int code)
{
	if (code < 300)
		return true;
	if (w->type == WISH_COMPACT)
		return false;
	if (w->type == WISH_CREATE)
		return code == 409 || code == 422 || code == 400;
	return code == 404 || code == 422 || code == 400;
}

static void compact(struct ctx *c, struct user *u)
{
	struct buf b = {0};
	mpw_map(&b, 0);
	ctx_request(c, "store", "store.compact", &b, ASK_MS, 0);
	u->asking = true;
}

/* What a budget does not allow yet keeps nobody else waiting. */
static void put_back(struct user_book *b)
{
	struct wish *w = b->wishes[b->next];
	for (size_t i = b->next; i + 1 < b->count; i++)
		b->wishes[i] = b->wishes[i + 1];
	b->wishes[b->count - 1] = w;
}

static void answered(struct ctx *c, struct user *u, int code)
{
	struct wish *w = u->book->wishes[u->book->next];
	w->code = code;
	end_writing(u);
	u->waiting = !w->given_up && !ends(w, w->code);
	if (u->waiting && w->type == WISH_EVICT)
		put_back(u->book);
	if (!u->waiting) {
		w->done = true;
		w->done_us = ctx_now_us(c);
		u->book->next++;
	}
	if (u->waiting || u->book->next < u->book->count)
		ctx_timer(c, u->waiting ? AGAIN_US : 1, 0);
}

static void start(struct ctx *c, struct user *u)
{
	static const enum obj_verb verbs[] = {
		[WISH_CREATE] = OBJ_CREATE, [WISH_SCALE] = OBJ_PATCH_MERGE, [WISH_DELETE] = OBJ_DELETE,
		[WISH_ROLL] = OBJ_PATCH_MERGE,
		[WISH_TOUCH] = OBJ_PATCH_MERGE, [WISH_CORDON] = OBJ_PATCH_MERGE, [WISH_TAINT] = OBJ_PATCH_MERGE, [WISH_EVICT] = OBJ_CREATE};
	if (u->writing || u->asking || u->waiting)
		return;
	while (u->book->next < u->book->count && u->book->wishes[u->book->next]->given_up)
		u->book->next++;
	if (u->book->next == u->book->count)
		return;
	const struct wish *wish = u->book->wishes[u->book->next];
	if (wish->type == WISH_COMPACT) {
		compact(c, u);
		return;
	}
	struct writing *w = u->writing = mem_alloc(sizeof *w);
	writing_init(c, w, u->schema,
		     schema_find_stream(u->schema, resource_of(wish)),
		     verbs[wish->type], view_of, u);
	fill_request(w, wish, u->book->next, view_of(u, span_of("nodes")));
	if (writing_start(c, w, 0))
		answered(c, u, w->plan.answer.code);
}

/* ---- turns */

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct user *u = state;
	if (u->writing && writing_outcome(c, u->writing, o, tag))
		answered(c, u, u->writing->plan.answer.code);
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct user *u = state;
	(void)tag;
	u->asking = false;
	/* An answer that was lost: it is so already. */
	answered(c, u, r->status && r->status != ERR_COMPACTED ? 500 : 200);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct user *u = state;
	(void)tag;
	u->waiting = false;
	start(c, u);
	return 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	(void)p;
	start(c, state);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct user *u = state;
	struct err e = {0};
	u->book = ctx_shared(c, "user-book");
	u->schema = schema_new();
	objects_install(u->schema);
	int port = ctx_port_open(c, "wishes", cfg, &e);
	if (port < 0)
		return port;
	for (size_t i = 0; i < STREAMS; i++)
		u->views[i] = ctx_follow(c, streams[i]);
	start(c, u);
	return 0;
}

static void fini(void *state)
{
	struct user *u = state;
	end_writing(u);
	schema_free(u->schema);
}

const struct actor_spec chaos_user_actor = {
	.kind = "user",
	.state_bytes = sizeof(struct user),
	.init = init,
	.on_outcome = on_outcome,
	.on_reply = on_reply,
	.on_timer = on_timer,
	.on_port = on_port,
	.fini = fini,
};

/* ---- the port, and the book */

static int port_open(struct port *p, struct mp cfg, struct err *e)
{
	struct user_book *b = p->shared(p, "user-book");
	(void)cfg;
	(void)e;
	b->port = p;
	p->state = b;
	return 0;
}

static void port_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)p;
	(void)op;
	(void)id;
	(void)arg;
	(void)payload;
}

static void port_close(struct port *p)
{
	struct user_book *b = p->state;
	if (b->port == p)
		b->port = NULL;
}

const struct port_driver chaos_user_port = {
	.name = "wishes",
	.open = port_open,
	.call = port_call,
	.close = port_close,
};

void user_book_add(struct user_book *b, struct wish *w)
{
	if (b->count == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 16;
		b->wishes = mem_realloc(b->wishes, b->cap * sizeof *b->wishes);
	}
	size_t at = b->count++;
	if (w->urgent) { /* the next one may be under way */
		size_t first = b->next < at ? b->next + 1 : at;
		while (first < at && b->wishes[first]->urgent)
			first++;
		for (; at > first; at--)
			b->wishes[at] = b->wishes[at - 1];
	}
	b->wishes[at] = w;
	if (b->port)
		port_deliver(b->port, 0, 0, 0, NULL);
}

void user_book_fini(struct user_book *b)
{
	free(b->wishes);
}
