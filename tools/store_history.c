/* `troupe store history KEY`: every change of one key that is still known,
 * from a running store by its messages, from a stopped one by its journal. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/messages.h"
#include "actors/schema/json.h"
#include "actors/schema/rfc3339.h"
#include "store/local/journal.h"
#include "store/watch.h"
#include "tools/kinds.h"
#include "tools/store.h"

struct line {
	uint64_t version, was;
	int64_t wall_us;
	struct span who, value; /* value empty: deleted */
};

struct printing {
	const struct store_options *o;
	struct span key;
	uint64_t lines;
};

static const char *verb_of(const struct line *l)
{
	return !l->value.len ? "deleted" : l->was ? "changed" : "created";
}

/* msgpack as the journal has it; nil stands for a deletion. */
static void print_body(const struct store_options *o, const struct line *l, struct buf *b)
{
	if (!o->body || !l->value.len || strncmp(o->file, "secrets/", 8) == 0)
		return;
	buf_puts(b, o->json ? ",\"object\":" : "  ");
	json_from_mp(b, mp_of(l->value));
}

static void print_line(struct printing *p, const struct line *l)
{
	struct buf b = {0};
	char time[RFC3339_MAX];
	unsigned long long revision = l->version >> STORE_POSITION_BITS;
	rfc3339_format_micro(l->wall_us, time);
	p->lines++;
	if (p->o->json) {
		buf_printf(&b, "{\"revision\":%llu,\"version\":%llu,\"time\":\"%s\",\"verb\":\"%s\",\"who\":",
			   revision, (unsigned long long)l->version, time, verb_of(l));
		json_string(&b, l->who);
		print_body(p->o, l, &b);
		buf_puts(&b, "}");
	} else {
		buf_printf(&b, "%-10llu %-28s %-8s %.*s", revision, time, verb_of(l),
			   (int)l->who.len, (const char *)l->who.data);
		print_body(p->o, l, &b);
	}
	printf("%.*s\n", (int)b.len, (const char *)b.data);
	buf_fini(&b);
}

/* ---- from the journal */

static int journal_line(void *arg, enum store_seen seen, const struct store_event *ev)
{
	struct printing *p = arg;
	(void)seen;
	struct line l = {
		.version = ev->row.mod_version,
		.was = ev->was.value ? ev->was.mod_version : 0,
		.wall_us = ev->origin->wall_us,
		.who = ev->origin->principal,
		.value = bytes_span(ev->row.value),
	};
	if (span_eq(ev->row.key, p->key))
		print_line(p, &l);
	return 0;
}

static int history_stopped(struct printing *p, struct err *e)
{
	struct journal *j;
	struct store *s;
	struct store_client nobody = {0};
	struct store_head head;
	struct journal_lmdb_options o = {.dir = p->o->path, .read_only = true};
	int rc = journal_lmdb_open(&j, &o, e);
	if (!rc)
		rc = store_local_open(&s, &j, &nobody, e);
	if (rc)
		return rc;
	store_head(s, &head);
	struct store_watch w = {.stream = store_stream_of(p->key), .prefix = p->key};
	w.after = head.compacted ? store_version(head.compacted + 1, 0) - 1 : 0;
	bool more = true;
	while (!rc && more)
		rc = store_watch_next(s, &w, 0, journal_line, p, &more);
	store_close(s);
	return rc < 0 ? err_set(e, rc, "%s: %s", p->o->path, err_text(rc)) : rc;
}

/* ---- from the store actor */

static void message_line(struct printing *p, struct mp body)
{
	struct line l = {.who = mp_path_str(body, "who"),
			 .wall_us = mp_path_int(body, "wall_us", 0),
			 .version = (uint64_t)mp_path_int(body, "version", 0),
			 .was = (uint64_t)mp_path_int(body, "was", 0)};
	struct mp v;
	if (!span_eq(mp_path_str(body, "key"), p->key))
		return;
	if (mp_find(body, "value", &v) && mp_peek(&v) != MP_NIL)
		mp_raw(&v, &l.value);
	print_line(p, &l);
}

static int ask(struct printing *p, uint16_t kind, struct buf *b, struct mp *reply,
	       struct bytes **owner, struct err *e)
{
	return client_request(p->o->client, "store", kind, b, STORE_ASK_MS, reply, owner, e);
}

static int oldest(struct printing *p, uint64_t *after, struct err *e)
{
	struct buf b = {0};
	struct mp reply, state;
	struct bytes *owner = NULL;
	mpw_map(&b, 0);
	int rc = ask(p, MSG_ACTOR_INSPECT, &b, &reply, &owner, e);
	uint64_t compacted = 0;
	if (!rc && mp_find(reply, "state", &state))
		compacted = (uint64_t)mp_path_int(state, "compacted", 0);
	*after = compacted ? store_version(compacted + 1, 0) - 1 : 0;
	bytes_unref(owner);
	return rc;
}

static int page(struct printing *p, uint64_t *after, bool *more, struct err *e)
{
	struct buf b = {0};
	struct mp reply, list;
	struct bytes *owner = NULL;
	size_t n;
	mpw_map(&b, 4);
	mpw_str(&b, "stream");
	mpw_span(&b, store_stream_of(p->key));
	mpw_str(&b, "prefix");
	mpw_span(&b, p->key);
	mpw_kv_u64(&b, "after", *after);
	mpw_kv_u64(&b, "limit", STORE_RANGE_MAX);
	int rc = ask(p, MSG_STORE_EVENTS, &b, &reply, &owner, e);
	if (!rc && mp_find(reply, "events", &list) && !mp_array(&list, &n)) {
		struct span body;
		while (n-- && !mp_raw(&list, &body))
			message_line(p, mp_of(body));
	}
	if (!rc) {
		*more = mp_path_bool(reply, "more", false);
		*after = (uint64_t)mp_path_int(reply, "seen", 0);
	}
	bytes_unref(owner);
	return rc;
}

static int history_running(struct printing *p, struct err *e)
{
	uint64_t after = 0;
	bool more = true;
	int rc = oldest(p, &after, e);
	while (!rc && more)
		rc = page(p, &after, &more, e);
	return rc;
}

int store_history(struct store_options *o, struct err *e)
{
	struct arena arena = {0};
	struct printing p = {.o = o};
	const char *key = NULL;
	int rc = kinds_key(o->file, &arena, &key, e);
	if (rc == 0) {
		p.key = span_of(key);
		rc = (o->client ? history_running : history_stopped)(&p, e);
	}
	if (!rc && !p.lines)
		rc = err_set(e, ERR_NOT_FOUND, "nothing is known of %s", o->file);
	arena_fini(&arena);
	return rc;
}
