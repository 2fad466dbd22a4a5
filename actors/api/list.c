/* Lists, from the cell's views.
 *
 * All pages of a list show one version: the token says which, and what has
 * happened since is undone (view_range_at). The store's epoch stands in it
 * too, because what the first pages told may never have happened when a
 * backup was restored since. When the past is gone the answer is 410 with a
 * token that goes on at the same key in what is there now. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/objects/field.h"
#include "actors/schema/protobuf.h"

#define TOO_OLD                                                                                    \
	"The provided continue parameter is too old to display a consistent list result. You can " \
	"start a new list without the continue parameter, or use the continue token in this "      \
	"response to retrieve the remainder of the results. Continuing with the provided token "   \
	"results in an inconsistent list - objects that were created, modified, or deleted "       \
	"between the time the first chunk was returned and now may show up in the list."

enum { TOKEN_NUMBER_DIGITS = 16 };

/* Where a list goes on. */
struct token {
	uint64_t epoch, version; /* version 0: of now */
	int64_t remaining;	 /* matches from here on; -1 unknown */
	struct buf key;		 /* the least one that is wanted */
};

struct listing {
	struct call *k;
	const struct label_selector *labels;
	const struct field_selector *fields;
	struct span prefix;
	size_t limit; /* 0: none */
	uint64_t epoch, version;
	struct view_object **rows;
	struct span last;	 /* key of the last row of a full page */
	size_t count, cap, more; /* more: matches that were seen behind the last row */
	bool selects;		 /* some objects may not be wanted */
	bool counting;		 /* all of those are wanted */
	const char *next;	 /* token; NULL: that was all */
	int64_t remaining;
};

/* ---- tokens: numbers and the key in hexadecimal digits */

static const char *write_token(struct arena *a, const struct token *t)
{
	size_t n = 3 * TOKEN_NUMBER_DIGITS + 2 * t->key.len + 1;
	char *text = arena_alloc(a, n);
	size_t at =
		(size_t)snprintf(text, n, "%016llx%016llx%016llx", (unsigned long long)t->epoch,
				 (unsigned long long)t->version, (unsigned long long)t->remaining);
	for (size_t i = 0; i < t->key.len; i++)
		at += (size_t)snprintf(text + at, n - at, "%02x", t->key.data[i]);
	return text;
}

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_number(struct span *text, uint64_t *out)
{
	*out = 0;
	for (int i = 0; i < TOKEN_NUMBER_DIGITS; i++) {
		if (!text->len || hex(*text->data) < 0)
			return false;
		*out = *out << 4 | (uint64_t)hex(*text->data);
		text->data++;
		text->len--;
	}
	return true;
}

/* False: it is none of ours. */
static bool read_token(struct span text, struct token *t)
{
	uint64_t remaining;
	if (!read_number(&text, &t->epoch) || !read_number(&text, &t->version) ||
	    !read_number(&text, &remaining) || text.len % 2 || text.len > 2 * STORE_KEY_BYTES_MAX)
		return false;
	t->remaining = (int64_t)remaining;
	for (size_t i = 0; i < text.len; i += 2) {
		int hi = hex(text.data[i]), lo = hex(text.data[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		buf_putc(&t->key, (char)(hi << 4 | lo));
	}
	return true;
}

/* ---- choosing the rows */

static bool starts_with(struct span s, struct span prefix)
{
	return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

enum { ENOUGH = 1 };

static int choose(void *arg, struct span key, struct view_object *o)
{
	struct listing *l = arg;
	struct mp object = mp_of_bytes(o->value);
	if (!starts_with(key, l->prefix))
		return ENOUGH;
	if (!label_selector_match_object(l->labels, object) ||
	    !field_selector_match(l->fields, object))
		return 0;
	if (l->limit && l->count == l->limit) {
		l->more++;
		return l->counting ? 0 : ENOUGH;
	}
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->rows = mem_realloc(l->rows, l->cap * sizeof *l->rows);
	}
	l->rows[l->count++] = o;
	if (l->count == l->limit) /* keys of the past are gone with the walk */
		l->last = (struct span){(uint8_t *)arena_ndup(&l->k->arena, key.data, key.len),
					key.len};
	return 0;
}

/* How many follow is told only where no selector hides some of them. */
static void set_next(struct listing *l, const struct view *v, const struct token *from)
{
	struct token t = {.epoch = l->epoch, .version = l->version, .remaining = -1};
	if (from->remaining > (int64_t)l->count)
		t.remaining = from->remaining - (int64_t)l->count;
	else if (l->counting)
		t.remaining = (int64_t)l->more;
	else if (!l->selects && !from->key.len)
		t.remaining = (int64_t)(view_count_in(v, l->prefix) - l->count);
	buf_append(&t.key, l->last.data, l->last.len);
	buf_putc(&t.key, 0); /* the least key behind it */
	l->next = write_token(&l->k->arena, &t);
	l->remaining = t.remaining;
	buf_fini(&t.key);
}

/* ---- writing them */

static void put_rows(struct listing *l, struct buf *out)
{
	struct encodings *e = &l->k->api->encodings;
	size_t bytes = 0;
	for (size_t i = 0; i < l->count; i++)
		bytes += encodings_length(e, l->k->resource, l->rows[i]);
	buf_reserve(out, bytes);
	for (size_t i = 0; i < l->count; i++) {
		if (i)
			buf_putc(out, ',');
		if (l->k->form == FORM_METADATA)
			json_metadata(out, mp_of_bytes(l->rows[i]->value), l->rows[i]->version,
				      l->k->as.version);
		else
			encodings_item(e, l->k->resource, l->rows[i], out);
	}
}

static void put_json(struct listing *l, struct buf *out)
{
	const struct schema_resource *r = l->k->resource;
	bool metadata = l->k->form == FORM_METADATA;
	buf_printf(
		out,
		"{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"",
		metadata ? "PartialObjectMetadataList" : r->list_kind,
		metadata ? meta_api_versions[l->k->as.version] : schema_api_version(r, &l->k->arena),
		(unsigned long long)l->version);
	if (l->next)
		buf_printf(out, ",\"continue\":\"%s\"", l->next);
	if (l->remaining >= 0)
		buf_printf(out, ",\"remainingItemCount\":%lld", (long long)l->remaining);
	buf_puts(out, "},\"items\":[");
	put_rows(l, out);
	buf_puts(out, "]}\n");
}

static void put_table(struct listing *l, struct buf *out, int64_t wall_us)
{
	struct table t;
	table_open(&t, out, l->k->resource, l->k->as, wall_us, true, l->version, l->next,
		   l->remaining);
	for (size_t i = 0; i < l->count; i++)
		table_row(&t, mp_of_bytes(l->rows[i]->value), l->rows[i]->version);
	table_close(&t);
}

static void put_protobuf(struct listing *l, struct buf *out)
{
	const struct schema_resource *r = l->k->resource;
	struct buf items = {0};
	for (size_t i = 0; i < l->count; i++)
		visible_protobuf_item(&items, r, mp_of_bytes(l->rows[i]->value),
				      l->rows[i]->version);
	protobuf_write_list(out, schema_api_version(r, &l->k->arena), r->list_kind, l->version,
			    l->next ? span_of(l->next) : (struct span){0}, l->remaining,
			    span_buf(&items));
	buf_fini(&items);
}

static void answer_list(struct ctx *c, struct api *a, struct listing *l)
{
	struct buf out = {0};
	if (l->k->form == FORM_PROTOBUF)
		put_protobuf(l, &out);
	else if (l->k->form == FORM_TABLE)
		put_table(l, &out, ctx_wall_us(c));
	else
		put_json(l, &out);
	answer_text(c, a, l->k, 200, l->k->form == FORM_PROTOBUF ? HTTP_PROTOBUF : HTTP_JSON, &out);
}

/* ---- what is asked */

static struct doc *refused_match(struct call *k, const struct faults *faults)
{
	return faults->errors.count ? status_invalid_options(&k->arena, "ListOptions", &faults->errors)
				    : NULL;
}

/* What is wrong with resourceVersionMatch and its company, or NULL. */
static struct doc *bad_match(struct call *k, uint64_t asked)
{
	static const char *const known[] = {"Exact", "NotOlderThan", "", NULL};
	struct faults faults = {.arena = &k->arena};
	const struct fpath *p = FPATH(NULL, "resourceVersionMatch");
	struct span match = call_arg(k, "resourceVersionMatch");
	bool exact = span_is(match, "Exact"), goes_on = call_arg(k, "continue").len;
	if (match.len && !call_arg(k, "resourceVersion").len)
		field_forbidden(&faults, p, "resourceVersionMatch is forbidden unless resourceVersion is provided");
	if (match.len && goes_on)
		field_forbidden(&faults, p, "resourceVersionMatch is forbidden when continue is provided");
	if (match.len && !exact && !span_is(match, "NotOlderThan"))
		field_not_supported(&faults, p, match, known);
	if (exact && span_is(call_arg(k, "resourceVersion"), "0"))
		field_forbidden(&faults, p, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
	if (call_arg(k, "sendInitialEvents").data)
		field_forbidden(&faults, FPATH(NULL, "sendInitialEvents"), "sendInitialEvents is forbidden for list");
	struct doc *bad = refused_match(k, &faults);
	if (!bad && goes_on && asked)
		bad = status_bad_request(&k->arena, "specifying resource version is not allowed "
						    "when using continue");
	return bad;
}

struct doc *bad_watch_match(struct call *k)
{
	static const char *const known[] = {"NotOlderThan", NULL};
	struct faults faults = {.arena = &k->arena};
	const struct fpath *p = FPATH(NULL, "resourceVersionMatch");
	struct span match = call_arg(k, "resourceVersionMatch");
	bool initial = call_arg(k, "sendInitialEvents").data, known_one = span_is(match, "NotOlderThan");
	if (initial && !known_one)
		field_forbidden(&faults, p, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
	if (match.len && !initial)
		field_forbidden(&faults, p, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
	if (match.len && !known_one)
		field_not_supported(&faults, p, match, known);
	if (match.len && call_arg(k, "continue").len)
		field_forbidden(&faults, p, "resourceVersionMatch is forbidden when continue is provided");
	return refused_match(k, &faults);
}

/* The version that is to be shown: the token's; the one asked for when that
 * very one is wanted, as Kubernetes reads the parameters; or now's. */
static uint64_t wanted_version(struct call *k, const struct token *t, uint64_t asked, size_t limit,
			       uint64_t now)
{
	struct span match = call_arg(k, "resourceVersionMatch");
	if (t->version)
		return t->version;
	return asked && (span_is(match, "Exact") || (!match.len && limit)) ? asked : now;
}

/* The same place in what is there now. */
static struct doc *expired(struct call *k, const struct view *v, struct token *t)
{
	if (!call_arg(k, "continue").len)
		return status_expired(&k->arena, "The provided resource version is too old");
	struct token fresh = {.epoch = view_epoch(v), .remaining = -1, .key = t->key};
	struct doc *s = status_expired(&k->arena, TOO_OLD);
	doc_set_str(&k->arena, doc_get(s, "metadata"), "continue", write_token(&k->arena, &fresh));
	return s;
}

/* Of what bad_list_options has found to be a number. Less than none is no limit. */
static size_t limit_of(struct span v)
{
	size_t limit = 0;
	for (size_t i = v.len && v.data[0] == '+'; i < v.len; i++) {
		if (v.data[i] == '-')
			return 0;
		limit = 10 * limit + (size_t)(v.data[i] - '0');
	}
	return limit;
}

/* Parameters into the listing and the place where it begins; an answer when
 * they are wrong. */
static struct doc *read_options(struct listing *l, struct token *t, uint64_t asked, uint64_t now)
{
	struct call *k = l->k;
	struct span text = call_arg(k, "continue");
	struct err e = {0};
	struct doc *bad = bad_list_options(k);
	bad = bad ? bad : bad_match(k, asked);
	if (bad)
		return bad;
	if (parse_selectors(k, &k->arena, &l->labels, &l->fields, &e))
		return status_bad_request(&k->arena, e.text);
	if (text.len && (!read_token(text, t) || !starts_with(span_buf(&t->key), l->prefix)))
		return status_bad_request(&k->arena, "invalid continue token: continue key is not valid");
	l->limit = limit_of(call_arg(k, "limit"));
	l->version = wanted_version(k, t, asked, l->limit, now);
	return NULL;
}

/* Fills the page; false: answered, or `retry` will be called. */
static bool list_now(struct ctx *c, struct api *a, struct listing *l, struct stream *s,
		     struct token *t, void (*retry)(struct ctx *, struct api *, struct call *))
{
	struct view *v = s->view;
	struct span from = t->key.len ? span_buf(&t->key) : l->prefix;
	l->selects = call_arg(l->k, "labelSelector").len || call_arg(l->k, "fieldSelector").len;
	l->epoch = view_epoch(v);
	l->counting = l->limit && !l->selects && t->remaining < 0 &&
		      (t->key.len || l->version < view_version(v));
	int rc = t->version && t->epoch != l->epoch ? ERR_COMPACTED
						    : view_range_at(v, from, l->version, choose, l);
	if (rc == ERR_AGAIN) {
		ctx_recall(c, v, l->version);
		await_view(c, l->k, s, retry);
		return false;
	}
	if (rc < 0) {
		answer_status(c, a, l->k, expired(l->k, v, t));
		return false;
	}
	if (l->more && l->count)
		set_next(l, v, t);
	return true;
}

static bool gather(struct ctx *c, struct api *a, struct listing *l,
		   void (*retry)(struct ctx *, struct api *, struct call *))
{
	struct call *k = l->k;
	struct view *v = fresh_view(c, a, k, retry);
	if (!v)
		return false;
	struct stream *s = omap_get(&a->streams, view_stream(v));
	struct token t = {.remaining = -1};
	uint64_t asked, now = stream_version(a, s);
	if (!asked_version(c, a, k, now, &asked))
		return false;
	struct buf prefix = {0};
	schema_key(&prefix, k->resource, k->namespace, (struct span){0});
	l->prefix = span_buf(&prefix);
	struct doc *bad = read_options(l, &t, asked, now);
	bool there = !bad && list_now(c, a, l, s, &t, retry);
	if (bad)
		answer_status(c, a, k, bad);
	buf_fini(&prefix);
	buf_fini(&t.key);
	return there;
}

void read_list(struct ctx *c, struct api *a, struct call *k)
{
	struct listing l = {.k = k, .remaining = -1};
	if (gather(c, a, &l, read_list))
		answer_list(c, a, &l);
	free(l.rows);
}

bool list_choose(struct ctx *c, struct api *a, struct call *k,
		 void (*retry)(struct ctx *, struct api *, struct call *), struct list_page *page)
{
	struct listing l = {.k = k, .remaining = -1};
	bool there = gather(c, a, &l, retry);
	*page = (struct list_page){l.rows, l.count, l.next, l.remaining};
	return there;
}
