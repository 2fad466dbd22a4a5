/* Get and list, from the cell's views. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/schema/protobuf.h"

struct view *fresh_view(struct ctx *c, struct api *a, struct call *k,
			void (*retry)(struct ctx *, struct api *, struct call *))
{
	struct stream *s = api_stream(c, a, k->resource);
	if (!k->wait_version && a->heads)
		k->wait_version = heads_get(a->heads, span_of(k->resource->stream));
	if (view_synced(s->view) && view_version(s->view) >= k->wait_version)
		return s->view;
	k->retry = retry;
	k->next_waiting = s->waiting;
	s->waiting = k;
	ctx_timer(c, API_WAIT_US, API_TAG(TAG_CALL, k->id));
	return NULL;
}

uint64_t stream_version(const struct api *a, const struct stream *s)
{
	uint64_t version = view_version(s->view);
	/* Read first: what comes between the two reads only makes it less. */
	uint64_t global = a->heads ? heads_global(a->heads) : 0;
	if (global > version && heads_get(a->heads, view_stream(s->view)) <= version)
		return global;
	return version;
}

uint64_t version_given(const struct api *a, uint64_t now)
{
	uint64_t global = a->heads ? heads_global(a->heads) : 0;
	return global > now ? global : now;
}

/* What is wrong with resourceVersionMatch, or NULL. */
static struct doc *bad_match(struct call *k, struct span match, uint64_t asked)
{
	const char *why = NULL;
	bool exact = span_is(match, "Exact");
	if (match.len && !call_arg(k, "resourceVersion").len)
		why = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is "
		      "provided";
	else if (match.len && !exact && !span_is(match, "NotOlderThan"))
		why = "Unsupported value: supported values: \"Exact\", \"NotOlderThan\"";
	else if (exact && !asked)
		why = "Forbidden: resourceVersionMatch \"Exact\" is forbidden for "
		      "resourceVersion \"0\"";
	return why ? status_failure(&k->arena, 422, "Invalid",
				    arena_printf(&k->arena,
						 "ListOptions.meta.k8s.io \"\" is invalid: "
						 "resourceVersionMatch: %s",
						 why))
		   : NULL;
}

/* A get or a list that names a version: is it one that we can show? */
static bool check_version(struct ctx *c, struct api *a, struct call *k, uint64_t now)
{
	uint64_t asked;
	struct span match = call_arg(k, "resourceVersionMatch");
	if (!call_number(k, "resourceVersion", &asked)) {
		answer_status(c, a, k,
			      status_bad_request(&k->arena, "resourceVersion: Invalid value"));
		return false;
	}
	struct doc *bad = bad_match(k, match, asked);
	if (bad) {
		answer_status(c, a, k, bad);
		return false;
	}
	if (asked > now && asked > version_given(a, now)) {
		answer_future(c, a, k, asked, now);
		return false;
	}
	if (span_is(match, "Exact") && asked != now) {
		answer_status(c, a, k,
			      status_expired(&k->arena, "The provided resource version is too old"));
		return false;
	}
	return true;
}

void read_get(struct ctx *c, struct api *a, struct call *k)
{
	struct view *v = fresh_view(c, a, k, read_get);
	if (!v)
		return;
	struct buf key = {0};
	schema_key(&key, k->resource, k->namespace, k->name);
	uint64_t now = stream_version(a, omap_get(&a->streams, view_stream(v)));
	if (!check_version(c, a, k, now)) {
		buf_fini(&key);
		return;
	}
	struct view_object *o = view_get(v, span_buf(&key));
	buf_fini(&key);
	if (!o) {
		answer_status(c, a, k,
			      strcmp(k->sub, "scale") == 0
				      ? status_not_shown(&k->arena, k->resource, k->sub, k->name)
				      : status_not_found(&k->arena, k->resource, k->name));
		return;
	}
	struct mp object = mp_of(bytes_span(o->value));
	struct bytes *shown = objects_show(k->resource, k->sub, object, &k->arena);
	answer_object(c, a, k, 200, shown ? mp_of(bytes_span(shown)) : object, o->version);
	bytes_unref(shown);
}

int parse_selectors(struct call *k, struct arena *in, const struct label_selector **labels,
		    const struct field_selector **fields, struct err *e)
{
	struct span l = call_arg(k, "labelSelector"), f = call_arg(k, "fieldSelector");
	/* The texts must live as long as what is made of them. */
	l.data = (uint8_t *)arena_ndup(in, l.data, l.len);
	f.data = (uint8_t *)arena_ndup(in, f.data, f.len);
	int rc = label_selector_parse(in, l, labels, e);
	return rc ? rc : field_selector_parse(in, k->resource, f, fields, e);
}

/* ---- lists */

struct listing {
	struct call *k;
	struct buf out;
	struct table table;
	const struct label_selector *labels;
	const struct field_selector *fields;
	size_t limit, count;
	uint64_t version;
	struct span next; /* protobuf: the continue token */
};

static void list_open(struct listing *l, int64_t wall_us)
{
	const struct schema_resource *r = l->k->resource;
	if (l->k->form == FORM_PROTOBUF)
		return; /* the head is written last */
	if (l->k->form == FORM_TABLE) {
		table_open(&l->table, &l->out, r, l->k->include, wall_us, true, l->version, NULL,
			   -1);
		return;
	}
	bool metadata = l->k->form == FORM_METADATA;
	buf_printf(&l->out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"},\"items\":[",
		   metadata ? "PartialObjectMetadataList" : r->list_kind,
		   metadata ? "meta.k8s.io/v1" : schema_api_version(r, &l->k->arena),
		   (unsigned long long)l->version);
}

static void list_item(struct listing *l, const struct view_object *o)
{
	struct mp object = mp_of(bytes_span(o->value));
	if (l->k->form == FORM_TABLE) {
		table_row(&l->table, object, o->version);
	} else if (l->k->form == FORM_PROTOBUF) {
		visible_protobuf_item(&l->out, l->k->resource, object, o->version);
	} else {
		if (l->count)
			buf_putc(&l->out, ',');
		if (l->k->form == FORM_METADATA)
			json_metadata(&l->out, object, o->version);
		else
			visible_item(&l->out, l->k->resource, object, o->version);
	}
	l->count++;
}

/* The list's head was written before it was known that more follows: a token
 * is put in where resourceVersion stands. */
static void list_continue(struct listing *l, uint64_t epoch, struct span last_key)
{
	char token[2 * STORE_KEY_BYTES_MAX + 80];
	size_t n = (size_t)snprintf(token, sizeof token, "\"continue\":\"%016llx",
				    (unsigned long long)epoch);
	for (size_t i = 0; i < last_key.len; i++)
		n += (size_t)snprintf(token + n, sizeof token - n, "%02x", last_key.data[i]);
	if (l->k->form == FORM_PROTOBUF) {
		size_t head = sizeof "\"continue\":\"" - 1;
		l->next = (struct span){(uint8_t *)arena_ndup(&l->k->arena, token + head, n - head),
					n - head};
		return;
	}
	n += (size_t)snprintf(token + n, sizeof token - n, "\",");
	static const char at[] = "\"metadata\":{";
	uint8_t *p = memmem(l->out.data, l->out.len, at, sizeof at - 1);
	if (!p)
		return;
	size_t offset = (size_t)(p - l->out.data) + sizeof at - 1;
	buf_reserve(&l->out, n);
	memmove(l->out.data + offset + n, l->out.data + offset, l->out.len - offset);
	memcpy(l->out.data + offset, token, n);
	l->out.len += n;
}

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The key behind which the list goes on, and the epoch of the store that it
 * began in; false when the token is not ours. */
static bool read_continue(struct span token, uint64_t *epoch, struct buf *key)
{
	enum { EPOCH_DIGITS = 16 };
	for (size_t i = 0; i < EPOCH_DIGITS; i++) {
		if (i >= token.len || hex(token.data[i]) < 0)
			return false;
		*epoch = *epoch << 4 | (uint64_t)hex(token.data[i]);
	}
	for (size_t i = EPOCH_DIGITS; i + 1 < token.len; i += 2) {
		int hi = hex(token.data[i]), lo = hex(token.data[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		buf_putc(key, (char)(hi << 4 | lo));
	}
	buf_putc(key, 0); /* the least key behind it */
	return token.len % 2 == 0;
}

static bool starts_with(struct span s, struct span prefix)
{
	return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

static void list_rows(struct listing *l, struct view *v, struct span prefix, struct span from)
{
	struct span last = {0};
	for (struct onode *n = omap_seek(view_map(v), from); n; n = omap_next(n)) {
		struct span key = onode_key(n);
		if (!starts_with(key, prefix))
			break;
		const struct view_object *o = n->value;
		struct mp object = mp_of(bytes_span(o->value));
		if (!label_selector_match_object(l->labels, object) ||
		    !field_selector_match(l->fields, object))
			continue;
		if (l->limit && l->count == l->limit) {
			list_continue(l, view_epoch(v), last);
			return;
		}
		list_item(l, o);
		last = key;
	}
}

static void answer_protobuf_list(struct ctx *c, struct api *a, struct listing *l)
{
	struct buf out = {0};
	const struct schema_resource *r = l->k->resource;
	protobuf_write_list(&out, schema_api_version(r, &l->k->arena), r->list_kind, l->version,
			    l->next, span_buf(&l->out));
	buf_fini(&l->out);
	answer_text(c, a, l->k, 200, HTTP_PROTOBUF, &out);
}

void read_list(struct ctx *c, struct api *a, struct call *k)
{
	struct view *v = fresh_view(c, a, k, read_list);
	if (!v)
		return;
	struct listing l = {.k = k};
	struct err e = {0};
	struct buf prefix = {0}, from = {0};
	struct span token = call_arg(k, "continue");
	uint64_t limit, epoch = 0;
	l.version = stream_version(a, omap_get(&a->streams, view_stream(v)));
	if (!check_version(c, a, k, l.version))
		return;
	if (!call_number(k, "limit", &limit)) {
		answer_status(c, a, k, status_bad_request(&k->arena, "limit: Invalid value"));
		return;
	}
	l.limit = (size_t)limit;
	if (parse_selectors(k, &k->arena, &l.labels, &l.fields, &e)) {
		answer_status(c, a, k, status_bad_request(&k->arena, e.text));
		return;
	}
	schema_key(&prefix, k->resource, k->namespace, (struct span){0});
	if (!token.len)
		buf_append(&from, prefix.data, prefix.len);
	else if (!read_continue(token, &epoch, &from) || !starts_with(span_buf(&from), span_buf(&prefix))) {
		buf_fini(&prefix);
		buf_fini(&from);
		answer_status(c, a, k, status_bad_request(&k->arena, "continue key is not valid"));
		return;
	}
	/* A backup was restored since: what the first pages told may never
	 * have happened. */
	if (token.len && epoch != view_epoch(v)) {
		buf_fini(&prefix);
		buf_fini(&from);
		answer_status(c, a, k,
			      status_expired(&k->arena,
					     "The provided continue parameter is too old to display "
					     "a consistent list result. You can start a new list "
					     "without the continue parameter."));
		return;
	}
	list_open(&l, ctx_wall_us(c));
	list_rows(&l, v, span_buf(&prefix), span_buf(&from));
	buf_fini(&prefix);
	buf_fini(&from);
	if (k->form == FORM_PROTOBUF) {
		answer_protobuf_list(c, a, &l);
		return;
	}
	if (k->form == FORM_TABLE)
		table_close(&l.table);
	else
		buf_puts(&l.out, "]}\n");
	answer_text(c, a, k, 200, HTTP_JSON, &l.out);
}
