/* The store as an actor (see store_actor.h).
 *
 * Its turns never block: a transaction is handed to the store, which answers
 * from store_poll when the journal has synced it. The requests wait parked
 * meanwhile; their numbers are the tickets. Within one poll the events of a
 * revision are published before its outcome is answered, which the order of
 * effects keeps. */
#include "actors/runtime/store_actor.h"

#include <stdlib.h>
#include <string.h>

#include "actors/runtime/heads.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor_upkeep.h"
#include "actors/runtime/store_waits.h"
#include "broker/base/mem.h"
#include "store/local/journal.h"
#include "store/watch.h"

#define ADVICE "; see `troupe store check`, and `troupe store restore` for a backup"

enum { PAGE_BYTES_MAX = 1024 * 1024, WAIT_MS_MAX = 60000 };

struct state {
	struct store *store;
	struct heads *heads; /* shared; may be NULL */
	int port;
	struct ctx *turn; /* whose turn the store's callbacks belong to */
	bool failed;
	size_t under_way;
	struct store_waits waits;
	struct upkeep upkeep;
	uint64_t txns, events;
	struct buf event; /* the last one's room, empty between events */
};

/* Beyond this the room of an event is given back. */
enum { EVENT_ROOM_MAX = 64 << 10 };

/* ---- what the store calls back, inside a turn of ours */

static void encode_links(struct buf *b, const struct store_event *e)
{
	mpw_str(b, "streams");
	mpw_array(b, e->link_count);
	for (size_t i = 0; i < e->link_count; i++) {
		mpw_array(b, 2);
		mpw_span(b, e->links[i].stream);
		mpw_u64(b, e->links[i].prev);
	}
}

/* Who gets it: everybody who listens; who asked for it, with the value of a
 * secret too; or also with what was there before. */
enum showing { SHOW_BUS, SHOW_ASKED, SHOW_OLD };

static void encode_event(struct buf *b, const struct store_event *e, enum showing to)
{
	struct buf marks = {0};
	bool hide = e->row.secret && e->row.value && to == SHOW_BUS;
	bool old = to == SHOW_OLD && e->was.value;
	if (e->row.value && !hide)
		mp_marks_send(bytes_span(e->row.value), &marks);
	mpw_map(b, 8 + !hide + (e->row.part.len > 0) + hide + 3 * (e->origin != NULL) + old +
			   (marks.len > 0));
	encode_links(b, e);
	mpw_kv_u64(b, "version", e->row.mod_version);
	mpw_kv_u64(b, "revision", e->revision);
	mpw_kv_u64(b, "index", e->index);
	mpw_kv_u64(b, "count", e->count);
	mpw_kv_span(b, "key", e->row.key);
	mpw_kv_u64(b, "created", e->row.create_version);
	mpw_kv_u64(b, "was", e->was.value ? e->was.mod_version : 0);
	if (e->row.part.len)
		mpw_kv_span(b, "part", e->row.part);
	if (e->origin) {
		mpw_kv_span(b, "who", e->origin->principal);
		mpw_str(b, "trace");
		mpw_array(b, 4);
		mpw_u64(b, e->origin->trace_hi);
		mpw_u64(b, e->origin->trace_lo);
		mpw_u64(b, e->origin->span);
		mpw_u64(b, e->origin->cause);
		mpw_kv_i64(b, "wall_us", e->origin->wall_us);
	}
	if (hide) {
		mpw_kv_bool(b, "secret", true);
		return;
	}
	if (old) {
		mpw_str(b, "old");
		mpw_raw(b, bytes_span(e->was.value));
	}
	if (marks.len) {
		mpw_str(b, "marks");
		mpw_bin(b, span_buf(&marks));
	}
	buf_fini(&marks);
	mpw_str(b, "value"); /* last: who looks for one of the others need not pass it */
	mpw_raw(b, bytes_span(e->row.value));
}

/* What followers get has the value at its end; the store keeps it there. */
static struct bytes *value_in(struct bytes *body, const struct store_event *e)
{
	struct span all = bytes_span(body), value = bytes_span(e->row.value);
	if (!e->row.value || e->row.secret)
		return NULL;
	return bytes_slice(body, (struct span){all.data + all.len - value.len, value.len});
}

static struct bytes *on_event(void *arg, const struct store_event *e)
{
	struct state *s = arg;
	encode_event(&s->event, e, SHOW_BUS);
	/* It is kept as long as its object is, so it has no room to spare. */
	struct bytes *body = bytes_copy(s->event.data, s->event.len);
	s->event.len = 0;
	if (s->event.cap > EVENT_ROOM_MAX)
		buf_fini(&s->event);
	for (size_t i = 0; i < e->link_count; i++) {
		ctx_publish(s->turn, e->links[i].stream, "bus.event", body);
		store_waits_wake(&s->waits, e->links[i].stream);
	}
	struct bytes *kept = value_in(body, e);
	bytes_unref(body);
	s->events++;
	if (s->heads) {
		heads_set(s->heads, e->links[0].stream, e->row.mod_version);
		heads_set_global(s->heads, e->row.mod_version);
	}
	return kept;
}

static void encode_row(struct buf *b, const struct store_row *r)
{
	mpw_array(b, 5);
	mpw_span(b, r->key);
	mpw_raw(b, bytes_span(r->value));
	mpw_u64(b, r->create_version);
	mpw_u64(b, r->mod_version);
	mpw_u64(b, r->changes);
}

static void on_outcome(void *arg, const struct store_outcome *o)
{
	struct state *s = arg;
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "status", err_name(o->status));
	mpw_kv_bool(&b, "compared", o->compared);
	mpw_kv_u64(&b, "revision", o->revision);
	mpw_str(&b, "rows");
	mpw_array(&b, o->row_count);
	for (size_t i = 0; i < o->row_count; i++)
		encode_row(&b, &o->rows[i]);
	mpw_kv_str(&b, "text", o->text);
	ctx_reply_parked(s->turn, o->ticket, &b);
	s->under_way--;
	s->txns++;
}

static void on_failure(void *arg, int code, const char *text)
{
	struct state *s = arg;
	s->failed = true;
	ctx_why(s->turn, "the journal failed (%s): %s", err_name(code), text);
}

static void answer_due(struct ctx *c, struct state *s);

/* Ends every turn that gave the store something to do. */
static int poll_store(struct ctx *c, struct state *s)
{
	upkeep_before_poll(c, &s->upkeep, s->store);
	s->turn = c;
	int rc = store_poll(s->store);
	s->turn = NULL;
	answer_due(c, s);
	upkeep_after_poll(c, &s->upkeep, s->store);
	if (s->under_way || s->upkeep.busy)
		ctx_port_call(c, s->port, JOURNAL_KICK, 0, 0, NULL);
	return s->failed ? ERR_IO : rc;
}

/* ---- store.txn: its body back into the structures of store.h */

struct wire_txn {
	struct store_txn txn;
	struct arena *arena;
	struct store_op *then_ops, *else_ops;
};

static int read_compares(struct mp *list, struct wire_txn *w)
{
	size_t n, places;
	if (w->txn.compares || mp_array(list, &n) || n > STORE_OPS_MAX)
		return ERR_INVALID;
	struct store_compare *compares = arena_alloc(w->arena, n * sizeof *compares);
	for (size_t i = 0; i < n; i++) {
		struct store_compare *k = &compares[i];
		uint64_t field;
		if (mp_array(list, &places) || places != 4 || mp_str(list, &k->key) ||
		    mp_u64(list, &field) || field > STORE_VALUE || mp_u64(list, &k->number) ||
		    mp_raw(list, &k->value))
			return ERR_INVALID;
		k->field = (enum store_field)field;
	}
	w->txn.compares = compares;
	w->txn.compare_count = n;
	return 0;
}

static int read_ops(struct mp *list, struct bytes *owner, struct arena *arena,
		    struct store_op **out, size_t *count)
{
	size_t places, n;
	if (*out || mp_array(list, &n) || n > STORE_OPS_MAX)
		return ERR_INVALID;
	struct store_op *ops = *out = arena_alloc(arena, n * sizeof *ops);
	for (; *count < n; ++*count) {
		uint64_t verb, flags, ttl_ms = 0;
		struct span value;
		struct store_op *op = &ops[*count];
		if (mp_array(list, &places) || (places != 5 && places != 7) ||
		    mp_u64(list, &verb) || verb > STORE_GET || mp_str(list, &op->key) ||
		    mp_raw(list, &value) || mp_str(list, &op->part) || mp_u64(list, &flags) ||
		    (places == 7 && (mp_str(list, &op->lease) || mp_u64(list, &ttl_ms) ||
				     ttl_ms > UINT32_MAX)))
			return ERR_INVALID;
		op->verb = (enum store_verb)verb;
		op->soft = flags & 1;
		op->secret = flags & 2;
		op->ttl_ms = (uint32_t)ttl_ms;
		if (op->verb == STORE_PUT)
			op->value = bytes_slice(owner, value);
	}
	return 0;
}

static int read_request(struct mp *m, struct store_txn *t)
{
	struct span request;
	if (mp_bin(m, &request) || request.len != sizeof t->origin.request)
		return ERR_INVALID;
	memcpy(t->origin.request, request.data, request.len);
	return 0;
}

static int read_trace(struct mp *m, struct store_txn *t)
{
	size_t n;
	return mp_array(m, &n) || n != 4 || mp_u64(m, &t->origin.trace_hi) ||
			       mp_u64(m, &t->origin.trace_lo) || mp_u64(m, &t->origin.span) ||
			       mp_u64(m, &t->origin.cause)
		       ? ERR_INVALID
		       : 0;
}

static int read_fence(struct mp *m, struct store_txn *t)
{
	size_t n;
	return mp_array(m, &n) || n != 2 || mp_str(m, &t->fence_key) || mp_u64(m, &t->fence_token)
		       ? ERR_INVALID
		       : 0;
}

static int read_part(struct mp *m, struct span key, struct bytes *owner, struct wire_txn *w)
{
	struct store_txn *t = &w->txn;
	if (span_is(key, "if"))
		return read_compares(m, w);
	if (span_is(key, "then"))
		return read_ops(m, owner, w->arena, &w->then_ops, &t->then_count);
	if (span_is(key, "else"))
		return read_ops(m, owner, w->arena, &w->else_ops, &t->else_count);
	if (span_is(key, "request"))
		return read_request(m, t);
	if (span_is(key, "who"))
		return mp_str(m, &t->origin.principal);
	if (span_is(key, "trace"))
		return read_trace(m, t);
	if (span_is(key, "fence"))
		return read_fence(m, t);
	return mp_skip(m);
}

/* In one pass, whatever the order: the values are large. */
static int read_txn(struct mp m, struct bytes *owner, struct wire_txn *w)
{
	size_t n;
	int rc = mp_map(&m, &n);
	for (; !rc && n > 0; n--) {
		struct span key;
		rc = mp_str(&m, &key);
		if (!rc)
			rc = read_part(&m, key, owner, w);
	}
	if (rc)
		return ERR_INVALID;
	w->txn.then_ops = w->then_ops;
	w->txn.else_ops = w->else_ops;
	return 0;
}

static void drop_values(struct wire_txn *w)
{
	for (size_t i = 0; i < w->txn.then_count; i++)
		bytes_unref(w->then_ops[i].value);
	for (size_t i = 0; i < w->txn.else_count; i++)
		bytes_unref(w->else_ops[i].value);
}

static int on_txn(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct wire_txn w = {.arena = ctx_arena(c)};
	struct err e = {0};
	int rc = read_txn(m->body, m->owner, &w);
	if (rc)
		err_set(&e, rc, "store.txn: a compare, operation or origin is malformed");
	uint64_t ticket = rc ? 0 : ctx_park(c);
	/* One clock says how long history and request ids are kept, or a writer's that is
	 * wrong would end them for all. */
	w.txn.origin.wall_us = ctx_wall_us(c);
	if (rc == 0)
		rc = store_txn(s->store, &w.txn, ticket, &e);
	drop_values(&w);
	if (rc == 0)
		s->under_way++;
	else if (ticket)
		ctx_error_parked(c, ticket, rc, e.text);
	else
		ctx_reply_error(c, rc, "%s", e.text);
	return poll_store(c, s);
}

/* ---- store.range */

struct paging {
	struct buf *out;
	struct span part;
	size_t count, limit;
	char next[STORE_KEY_BYTES_MAX + 2];
	size_t next_len;
	bool more;
};

static void page_next(struct paging *p, struct span key)
{
	p->next_len = key.len < STORE_KEY_BYTES_MAX ? key.len : STORE_KEY_BYTES_MAX;
	memcpy(p->next, key.data, p->next_len);
}

/* The store looks at STORE_RANGE_MAX rows a call, and a partition's may be few
 * among them: the next page begins right behind the last one looked at. */
static void page_goes_on(struct paging *p)
{
	p->more = true;
	p->next[p->next_len++] = 1; /* the least key behind it; 0 is no text here */
}

static int page_row(void *arg, const struct store_row *r)
{
	struct paging *p = arg;
	page_next(p, r->key);
	if (p->part.len && !span_eq(p->part, r->part))
		return 0;
	if (p->count >= p->limit || p->out->len > PAGE_BYTES_MAX) {
		p->more = true;
		return 1;
	}
	encode_row(p->out, r);
	p->count++;
	return 0;
}

static int on_range(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct buf b = {0};
	struct paging p = {
		.out = &b,
		.part = mp_path_str(m->body, "part"),
		.limit = (size_t)mp_path_int(m->body, "limit", 500),
	};
	struct span from = mp_path_str(m->body, "from"), end = mp_path_str(m->body, "end");
	struct store_head head;
	struct mp at;
	store_head(s->store, &head);
	uint64_t revision = head.revision;
	bool count = mp_path_bool(m->body, "count", false);
	mpw_map(&b, 6 + count);
	mpw_str(&b, "rows");
	size_t rows = mpw_array_open(&b);
	bool more = false;
	int rc = mp_find(m->body, "at", &at) && mp_u64(&at, &revision) ? ERR_INVALID : 0;
	if (!rc)
		rc = store_range_at(s->store, from, end, revision, 0, page_row, &p, &more);
	if (rc < 0) {
		buf_fini(&b);
		ctx_reply_error(c, rc, "store.range: %s", err_text(rc));
		return 0;
	}
	if (more && !p.more)
		page_goes_on(&p);
	mpw_array_close(&b, rows, p.count);
	mpw_kv_bool(&b, "more", p.more);
	mpw_kv_span(&b, "next", (struct span){(uint8_t *)p.next, p.next_len});
	mpw_kv_u64(&b, "revision", revision);
	if (count)
		mpw_kv_u64(&b, "count", store_count(s->store, from, end));
	mpw_kv_u64(&b, "head", store_stream_head(s->store, mp_path_str(m->body, "stream")));
	mpw_kv_u64(&b, "epoch", head.epoch);
	ctx_reply(c, &b);
	return 0;
}

/* ---- store.events, store.check, bus.subscribed */

struct gathering {
	struct buf *out;
	enum showing to;
	size_t count;
	bool full;
};

static int gather_event(void *arg, enum store_seen seen, const struct store_event *e)
{
	struct gathering *g = arg;
	(void)seen;
	if (g->out->len > PAGE_BYTES_MAX) {
		g->full = true;
		return 1;
	}
	encode_event(g->out, e, g->to);
	g->count++;
	return 0;
}

/* One page of a stream as the body of store.changes. How many events, or a
 * negative code and nothing in `b`. */
static int gather(struct state *s, struct store_watch *w, size_t limit, enum showing to,
		  struct buf *b)
{
	struct gathering g = {.out = b, .to = to};
	struct span stream = w->stream;
	bool more = false;
	mpw_map(b, 5);
	mpw_str(b, "events");
	size_t list = mpw_array_open(b);
	int rc = store_watch_next(s->store, w, limit, gather_event, &g, &more);
	if (rc < 0) {
		buf_fini(b);
		return rc;
	}
	mpw_array_close(b, list, g.count);
	struct store_head head;
	store_head(s->store, &head);
	mpw_kv_bool(b, "more", more || g.full);
	mpw_kv_u64(b, "seen", w->after);
	mpw_kv_u64(b, "head",
		   stream.len ? store_stream_head(s->store, stream)
			      : store_version(head.revision, (1u << STORE_POSITION_BITS) - 1));
	mpw_kv_u64(b, "epoch", head.epoch);
	return (int)g.count;
}

static void answer_wait(struct ctx *c, struct state *s, struct store_wait *w)
{
	struct buf b = {0};
	struct store_watch from = {
		.stream = {(uint8_t *)w->text, w->stream_len},
		.prefix = {(uint8_t *)w->text + w->stream_len, w->prefix_len},
		.after = w->after,
	};
	int n = gather(s, &from, w->limit, SHOW_ASKED, &b);
	if (n < 0)
		ctx_error_parked(c, w->parked, n, err_text(n));
	else
		ctx_reply_parked(c, w->parked, &b);
	ctx_cancel(c, w->timer);
	free(w);
}

/* A wait by prefix is answered by any event of its stream, its own or not: the
 * reader goes on from `seen`. */
static void answer_due(struct ctx *c, struct state *s)
{
	struct store_wait *w;
	while ((w = store_waits_take_due(&s->waits)))
		answer_wait(c, s, w);
}

/* Nobody waits for ever: an empty page after that time. */
static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct state *s = state;
	if (tag == UPKEEP_LEASE_TAG) {
		s->upkeep.lease_timer = 0;
		return poll_store(c, s);
	}
	struct store_wait *w = store_waits_take(&s->waits, tag);
	if (w)
		answer_wait(c, s, w);
	return 0;
}

static void wait_for_event(struct ctx *c, struct state *s, const struct store_watch *from,
			   size_t limit, int64_t wait_ms)
{
	struct store_wait *w = store_waits_add(&s->waits, from->stream, from->prefix, ctx_park(c));
	w->after = from->after;
	w->limit = limit;
	w->timer = ctx_timer(c, (uint64_t)(wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX) * 1000,
			     w->parked);
}

static int on_events(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct store_watch from = {.stream = mp_path_str(m->body, "stream"),
				   .prefix = mp_path_str(m->body, "prefix")};
	size_t limit = (size_t)mp_path_int(m->body, "limit", 500);
	int64_t wait_ms = mp_path_int(m->body, "wait_ms", 0);
	struct mp v;
	if (!mp_find(m->body, "after", &v) || mp_u64(&v, &from.after)) {
		ctx_reply_error(c, ERR_INVALID, "store.events: after is not a version");
		return 0;
	}
	struct buf b = {0};
	bool old = mp_path_bool(m->body, "old", false);
	int n = gather(s, &from, limit, old ? SHOW_OLD : SHOW_ASKED, &b);
	if (n < 0) {
		ctx_reply_error(c, n, "%.*s after %llu: %s", (int)from.stream.len,
				from.stream.data, (unsigned long long)from.after, err_text(n));
	} else if (n == 0 && wait_ms > 0 && from.stream.len) {
		buf_fini(&b);
		wait_for_event(c, s, &from, limit, wait_ms);
	} else {
		ctx_reply(c, &b);
	}
	return 0;
}

static int on_check(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct mp streams;
	size_t n, behind = 0, forgotten = 0;
	if (!mp_find(m->body, "streams", &streams) || mp_map(&streams, &n))
		return ERR_INVALID;
	struct store_head head;
	store_head(s->store, &head);
	struct buf b = {0}, less = {0};
	mpw_map(&b, 3);
	mpw_kv_u64(&b, "epoch", head.epoch);
	mpw_str(&b, "streams");
	size_t at = mpw_map_open(&b);
	for (size_t i = 0; i < n; i++) {
		struct span stream;
		uint64_t known;
		if (mp_str(&streams, &stream) || mp_u64(&streams, &known))
			break;
		uint64_t is = store_stream_head(s->store, stream);
		if (is < known) {
			mpw_span(&less, stream);
			forgotten++;
		}
		if (is <= known)
			continue;
		mpw_span(&b, stream);
		mpw_u64(&b, is);
		behind++;
	}
	mpw_map_close(&b, at, behind);
	mpw_str(&b, "forgotten");
	mpw_array(&b, forgotten);
	buf_append(&b, less.data, less.len);
	buf_fini(&less);
	ctx_reply(c, &b);
	return 0;
}

static int on_subscribed(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct span stream = mp_path_str(m->body, "stream");
	struct store_head head;
	store_head(s->store, &head);
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_span(&b, "stream", stream);
	mpw_kv_u64(&b, "version", store_stream_head(s->store, stream));
	mpw_kv_u64(&b, "epoch", head.epoch);
	struct bytes *body = bytes_take(&b);
	ctx_publish(c, stream, "bus.head", body);
	bytes_unref(body);
	return 0;
}

/* ---- store.keep, store.compact, store.backup */

static int on_keep(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	int rc = upkeep_on_keep(c, &s->upkeep, s->store, m);
	return rc ? rc : poll_store(c, s);
}

static int on_compact(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	int rc = upkeep_on_compact(c, &s->upkeep, s->store, m);
	return rc ? rc : poll_store(c, s);
}

static int on_backup(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	return upkeep_on_backup(c, &s->upkeep, s->store, m);
}

/* ---- life */

static uint64_t head_of(void *arg, struct span stream)
{
	return store_stream_head(arg, stream);
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	struct err e = {0};
	s->port = ctx_port_open(c, "journal", cfg, &e);
	if (s->port < 0) {
		ctx_why(c, "%s", e.text);
		return s->port;
	}
	struct journal_port *j = ctx_port_state(c, s->port);
	struct store_client client = {s, on_event, on_outcome, on_failure};
	s->heads = ctx_shared(c, "heads");
	s->turn = c;
	int rc = store_local_open(&s->store, &j->journal, &client, &e);
	s->turn = NULL;
	if (rc) {
		ctx_why(c, "%s%s", e.text, rc == ERR_CORRUPT ? ADVICE : "");
		return rc;
	}
	upkeep_before_poll(c, &s->upkeep, s->store); /* leases begin anew */
	int fd = store_fd(s->store);
	if (fd >= 0)
		ctx_port_call(c, s->port, JOURNAL_WATCH, 0, (uint32_t)fd, NULL);
	if (s->heads) {
		struct store_head head;
		store_head(s->store, &head);
		heads_refresh(s->heads, head_of, s->store);
		heads_set_global(s->heads, store_version(head.revision, (1u << STORE_POSITION_BITS) - 1));
	}
	return 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	(void)p;
	struct state *s = state;
	s->upkeep.busy = false;
	ctx_port_call(c, s->port, JOURNAL_POLLED, 0, 0, NULL);
	return poll_store(c, s);
}

static void inspect(const void *state, struct buf *out)
{
	const struct state *s = state;
	struct store_head head;
	store_head(s->store, &head);
	mpw_map(out, 7);
	mpw_kv_str(out, "alarm", s->failed ? "failed" : head.full ? "full" : "none");
	mpw_kv_u64(out, "waits", s->waits.parked.count);
	mpw_kv_u64(out, "revision", head.revision);
	mpw_kv_u64(out, "compacted", head.compacted);
	mpw_kv_u64(out, "epoch", head.epoch);
	mpw_kv_u64(out, "transactions", s->txns);
	mpw_kv_u64(out, "events", s->events);
}

static void fini(void *state)
{
	struct state *s = state;
	store_waits_fini(&s->waits);
	upkeep_fini(&s->upkeep);
	store_close(s->store);
	buf_fini(&s->event);
}

static const struct actor_handler handlers[] = {
	{"store.txn", on_txn},
	{"store.range", on_range},
	{"store.events", on_events},
	{"store.check", on_check},
	{"store.keep", on_keep},
	{"store.compact", on_compact},
	{"store.backup", on_backup},
	{"bus.subscribed", on_subscribed},
	{NULL, NULL},
};

const struct actor_spec store_actor = {
	.kind = "store",
	.state_bytes = sizeof(struct state),
	.handlers = handlers,
	.init = init,
	.on_port = on_port,
	.on_timer = on_timer,
	.inspect = inspect,
	.fini = fini,
};
