/* Changes and records: read from where they come, shown as lines. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/cell.h"
#include "actors/runtime/messages.h"
#include "actors/schema/json.h"
#include "broker/messages.h"
#include "store/store.h"
#include "tools/host.h"
#include "tools/tail.h"

enum { PAGE_EVENTS = 500 };

/* ---- changes */

static void read_trace(struct mp body, struct change *out)
{
	struct mp v;
	size_t n;
	if (!mp_find(body, "trace", &v) || mp_array(&v, &n) || n != 4 ||
	    mp_u64(&v, &out->trace_hi) || mp_u64(&v, &out->trace_lo) || mp_u64(&v, &out->span))
		out->trace_hi = out->trace_lo = out->span = 0;
}

bool tail_read_change(struct mp body, struct change *out)
{
	struct mp v;
	memset(out, 0, sizeof *out);
	if (!mp_find(body, "version", &v) || mp_u64(&v, &out->version))
		return false;
	if (mp_find(body, "was", &v))
		mp_u64(&v, &out->was);
	read_trace(body, out);
	out->wall_us = mp_path_int(body, "wall_us", 0);
	out->key = mp_path_str(body, "key");
	out->stream = store_stream_of(out->key);
	out->name = (struct span){out->key.data + out->stream.len + 1,
				  out->key.len - out->stream.len - 1};
	const uint8_t *slash = memchr(out->name.data, '/', out->name.len);
	if (slash) {
		out->namespace = (struct span){out->name.data, (size_t)(slash - out->name.data)};
		out->name.len -= out->namespace.len + 1;
		out->name.data = slash + 1;
	}
	out->who = mp_path_str(body, "who");
	if (mp_find(body, "value", &v))
		mp_raw(&v, &out->value);
	bool gone = out->value.len == 1 && out->value.data[0] == 0xc0;
	out->verb = gone ? "deleted" : out->was ? "modified" : "added";
	return true;
}

int tail_fetch(struct client *cl, const char *stream, uint64_t after, struct tail_page *p,
	       struct err *e)
{
	struct buf b = {0};
	struct mp reply;
	memset(p, 0, sizeof *p);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "stream", stream);
	mpw_kv_u64(&b, "after", after);
	mpw_kv_u64(&b, "limit", PAGE_EVENTS);
	int rc = client_request(cl, "store", MSG_STORE_EVENTS, &b, TAIL_TIMEOUT_MS, &reply,
				&p->owner, e);
	if (rc)
		return rc;
	p->more = mp_path_bool(reply, "more", false);
	if (!mp_find(reply, "events", &p->list) || mp_array(&p->list, &p->left))
		p->left = 0;
	return 0;
}

bool tail_next(struct tail_page *p, struct change *out)
{
	while (p->left) {
		struct mp body = p->list;
		p->left--;
		if (mp_skip(&p->list) == 0 && tail_read_change(body, out))
			return true;
	}
	return false;
}

void tail_page_fini(struct tail_page *p)
{
	bytes_unref(p->owner);
	memset(p, 0, sizeof *p);
}

int tail_bounds(struct client *cl, uint64_t *head, uint64_t *oldest, struct err *e)
{
	struct buf b = {0};
	struct mp reply, state;
	struct bytes *owner = NULL;
	mpw_map(&b, 0);
	int rc = client_request(cl, "store", MSG_ACTOR_INSPECT, &b, TAIL_TIMEOUT_MS, &reply, &owner,
				e);
	if (rc)
		return rc;
	bool there = mp_find(reply, "state", &state);
	uint64_t revision = there ? (uint64_t)mp_path_int(state, "revision", 0) : 0;
	uint64_t compacted = there ? (uint64_t)mp_path_int(state, "compacted", 0) : 0;
	*head = store_version(revision, (1u << STORE_POSITION_BITS) - 1);
	*oldest = store_version(compacted, (1u << STORE_POSITION_BITS) - 1);
	bytes_unref(owner);
	return 0;
}

/* ---- filters */

static bool contains(struct span s, const char *text)
{
	return s.len && memmem(s.data, s.len, text, strlen(text));
}

bool tail_wants_change(const struct tail_options *o, const struct change *c)
{
	if (o->kind && !span_is(c->stream, o->kind))
		return false;
	if (o->namespace && !span_is(c->namespace, o->namespace))
		return false;
	if (o->trace && c->trace_lo != o->trace)
		return false;
	return !o->actor || contains(c->who, o->actor);
}

bool tail_wants_record(const struct tail_options *o, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	if (!(o->phases >> (r->event & 31) & 1) || o->namespace)
		return false;
	if (o->kind && strcmp(o->kind, tail_kind_name(r)) != 0)
		return false;
	if (o->trace && r->trace != o->trace)
		return false;
	return !o->actor || contains(ring_reader_name(i->reader, r->from), o->actor) ||
	       contains(ring_reader_name(i->reader, r->to), o->actor);
}

bool tail_is_of(const struct rings_item *i, const char *mine)
{
	return span_is(ring_reader_name(i->reader, i->record.from), mine) ||
	       span_is(ring_reader_name(i->reader, i->record.to), mine);
}

bool tail_parse_trace(const char *text, uint64_t *out)
{
	size_t n = strlen(text);
	char *end;
	if (!n || n > 32 || strspn(text, "0123456789abcdefABCDEF") != n)
		return false;
	*out = strtoull(n > 16 ? text + n - 16 : text, &end, 16);
	return *out != 0;
}

/* ---- what is common to all lines */

int64_t tail_wall_us(const struct ring_record *r, int64_t epoch_us)
{
	struct timespec t;
	if (epoch_us)
		return epoch_us + (int64_t)r->time_us;
	clock_gettime(CLOCK_REALTIME, &t);
	int64_t wall = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	return wall - (int64_t)(rings_now_us() - r->time_us);
}

static void put_time(struct buf *b, int64_t wall_us, const char *form)
{
	char text[40];
	struct tm tm;
	time_t s = (time_t)(wall_us / 1000000);
	gmtime_r(&s, &tm);
	strftime(text, sizeof text, form, &tm);
	buf_printf(b, "%s.%06d", text, (int)(wall_us % 1000000));
}

const char *tail_kind_name(const struct ring_record *r)
{
	if (r->event == RING_TURN && !r->kind)
		return cell_item_name(r->detail);
	const struct msg_row *row = catalogue_by_number(host_catalogue(), r->kind);
	return row ? row->name : "";
}

static void flush_line(struct buf *b)
{
	buf_putc(b, '\n');
	fwrite(b->data, 1, b->len, stdout);
	buf_fini(b);
}

static void put_text(struct buf *b, const char *key, struct span value)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, value);
}

/* ---- a change */

static void change_json(const struct tail_options *o, const struct change *c)
{
	struct buf b = {0};
	buf_printf(&b, "{\"rev\":%llu,\"version\":\"%llu\",\"verb\":\"%s\"",
		   (unsigned long long)(c->version >> STORE_POSITION_BITS),
		   (unsigned long long)c->version, c->verb);
	put_text(&b, "kind", c->stream);
	put_text(&b, "namespace", c->namespace);
	put_text(&b, "name", c->name);
	put_text(&b, "actor", c->who);
	if (c->wall_us) {
		buf_puts(&b, ",\"time\":\"");
		put_time(&b, c->wall_us, "%Y-%m-%dT%H:%M:%S");
		buf_puts(&b, "Z\"");
	}
	if (c->trace_lo)
		buf_printf(&b, ",\"trace\":\"%016llx%016llx\"", (unsigned long long)c->trace_hi,
			   (unsigned long long)c->trace_lo);
	if (o->body && c->value.len > 1 && !span_is(c->stream, "secrets")) {
		buf_puts(&b, ",\"object\":");
		json_object(&b, mp_of(c->value), c->version);
	}
	buf_puts(&b, "}");
	flush_line(&b);
}

/* What is worth a word about the object, in one column. */
static void put_note(struct buf *b, const struct change *c)
{
	static const char *const paths[] = {"status.phase", "spec.nodeName", "reason", "message"};
	struct mp m = mp_of(c->value);
	for (size_t i = 0; c->value.len > 1 && i < sizeof paths / sizeof *paths; i++) {
		struct span s = mp_path_str(m, paths[i]);
		if (s.len)
			buf_printf(b, " %.*s", (int)(s.len < 100 ? s.len : 100),
				   (const char *)s.data);
	}
}

static void put_name(struct buf *b, const struct change *c)
{
	buf_printf(b, "%.*s%s%.*s", (int)c->namespace.len, (const char *)c->namespace.data,
		   c->namespace.len ? "/" : "", (int)c->name.len, (const char *)c->name.data);
}

static void change_table(const struct tail_options *o, const struct change *c)
{
	struct buf b = {0};
	if (o->messages) /* below the messages that led to it */
		buf_printf(&b, "%-15s ", "");
	buf_printf(&b, "r%-8llu %-8s %-16.*s ",
		   (unsigned long long)(c->version >> STORE_POSITION_BITS), c->verb,
		   (int)c->stream.len, (const char *)c->stream.data);
	put_name(&b, c);
	buf_printf(&b, "  (%.*s)", (int)c->who.len, (const char *)c->who.data);
	put_note(&b, c);
	flush_line(&b);
}

void tail_print_change(const struct tail_options *o, const struct change *c)
{
	(o->json ? change_json : change_table)(o, c);
}

/* ---- a record */

/* What a body shows is redacted by its writer; this only finds it. */
static void put_body(struct buf *b, const struct rings_item *i, const char *before)
{
	struct buf body = {0};
	if (ring_reader_body(i->reader, &i->record, &body)) {
		buf_puts(b, before);
		json_from_mp(b, mp_of(span_buf(&body)));
	}
	buf_fini(&body);
}

static bool is_notice(const struct ring_record *r)
{
	return (r->kind == MSG_BUS_NOTICE || r->kind == MSG_BUS_AUDIT) && r->event == RING_SENT;
}

/* "audit create /api/v1/... 201 kubernetes-admin" */
static void put_audit(struct buf *b, struct mp event)
{
	static const char *const words[] = {"verb", "requestURI"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct span s = mp_path_str(event, words[i]);
		buf_printf(b, " %.*s", (int)s.len, (const char *)s.data);
	}
	struct span who = mp_path_str(event, "user.username");
	struct span as = mp_path_str(event, "impersonatedUser.username");
	buf_printf(b, " %lld %.*s", (long long)mp_path_int(event, "responseStatus.code", 0),
		   (int)who.len, (const char *)who.data);
	if (as.len)
		buf_printf(b, " as %.*s", (int)as.len, (const char *)as.data);
}

/* What it says, in one line: its kind, and what of its detail people ask for. */
static void put_gist(struct buf *b, const struct rings_item *i)
{
	static const char *const fields[] = {"actor", "message", "attempt", "reason", "text"};
	struct buf body = {0};
	if (ring_reader_body(i->reader, &i->record, &body)) {
		struct mp m = mp_of(span_buf(&body)), detail, v;
		struct span what = mp_path_str(m, "what");
		buf_printf(b, "  %.*s", (int)what.len, (const char *)what.data);
		bool has = mp_find(m, "detail", &detail);
		if (has && i->record.kind == MSG_BUS_AUDIT)
			put_audit(b, detail);
		for (size_t k = 0; has && k < sizeof fields / sizeof *fields; k++) {
			if (!mp_find(detail, fields[k], &v))
				continue;
			buf_printf(b, " %s=", fields[k]);
			struct span raw;
			if (mp_raw(&v, &raw) == 0)
				json_from_mp(b, mp_of(raw));
		}
	}
	buf_fini(&body);
}

static void put_error(struct buf *b, const struct ring_record *r, const char *form)
{
	if (r->event == RING_DEAD || r->event == RING_CRASHED)
		buf_printf(b, form, err_name(-r->detail));
}

static void record_json(const struct tail_options *o, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	struct buf b = {0};
	buf_puts(&b, "{\"time\":\"");
	put_time(&b, tail_wall_us(r, o->epoch_us), "%Y-%m-%dT%H:%M:%S");
	buf_printf(&b, "Z\",\"cell\":\"%s\",\"seq\":%llu,\"phase\":\"%s\"",
		   ring_reader_cell(i->reader), (unsigned long long)i->number,
		   ring_event_name(r->event));
	put_text(&b, "kind", span_of(tail_kind_name(r)));
	put_text(&b, "from", ring_reader_name(i->reader, r->from));
	put_text(&b, "to", ring_reader_name(i->reader, r->to));
	if (r->event == RING_TURN)
		buf_printf(&b, ",\"about\":\"%s\",\"wait_us\":%llu,\"turn_us\":%u",
			   cell_item_name(r->detail), (unsigned long long)r->id, r->size);
	else if (r->kind)
		buf_printf(&b, ",\"id\":%llu,\"size\":%u", (unsigned long long)r->id, r->size);
	if (r->correlation)
		buf_printf(&b, ",\"correlation\":%llu", (unsigned long long)r->correlation);
	put_error(&b, r, ",\"error\":\"%s\"");
	if (r->trace)
		buf_printf(&b, ",\"trace\":\"%016llx\",\"span\":\"%08x\",\"parent\":\"%08x\"",
			   (unsigned long long)r->trace, r->span, r->parent);
	if (o->body || is_notice(r))
		put_body(&b, i, ",\"body\":");
	buf_puts(&b, "}");
	flush_line(&b);
}

static void record_table(const struct tail_options *o, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	struct buf b = {0};
	put_time(&b, tail_wall_us(r, o->epoch_us), "%H:%M:%S");
	struct span from = ring_reader_name(i->reader, r->from);
	buf_printf(&b, " %-9s %.*s", ring_event_name(r->event), (int)from.len, from.data);
	struct span to = ring_reader_name(i->reader, r->to);
	buf_printf(&b, "%s%.*s  %s", from.len ? " -> " : "", (int)to.len, to.data,
		   tail_kind_name(r));
	if (r->event == RING_TURN)
		buf_printf(&b, "  %uus +%lluus", r->size, (unsigned long long)r->id);
	else if (r->kind)
		buf_printf(&b, "  %uB", r->size);
	put_error(&b, r, "  %s");
	if (r->trace)
		buf_printf(&b, "  trace %016llx", (unsigned long long)r->trace);
	if (o->body)
		put_body(&b, i, "  ");
	else if (is_notice(r))
		put_gist(&b, i);
	flush_line(&b);
}

void tail_print_record(const struct tail_options *o, const struct rings_item *i)
{
	(o->json ? record_json : record_table)(o, i);
}

void tail_print_skipped(const struct tail_options *o, long count)
{
	printf(o->json ? "{\"gap\":{\"lost\":%ld,\"why\":\"rate\"}}\n"
		       : "-- gap: %ld messages not shown (--max-rate) --\n",
	       count);
}

void tail_print_gap(const struct tail_options *o, const struct rings_item *i)
{
	unsigned long long from = i->from, to = i->number;
	const char *cell = ring_reader_cell(i->reader);
	printf(o->json ? "{\"gap\":{\"cell\":\"%s\",\"lost\":%llu,\"from\":%llu,\"to\":%llu,"
			 "\"why\":\"overwritten\"}}\n"
		       : "-- gap: %s lost %llu (%llu..%llu, overwritten) --\n",
	       cell, to - from + 1, from, to);
}
