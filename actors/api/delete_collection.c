/* DELETE of a collection: one object after the other, those that a list with the same
 * parameters would show (a page, where there is a limit), each by the same write as a single DELETE. What is gone
 * meanwhile is no error. A refusal ends it and is its answer; what was deleted
 * until then stays deleted, as in Kubernetes. The answer is a list of what was
 * deleted, as it was before. */
#include <stdlib.h>

#include "actors/api/api_private.h"

struct item {
	struct view_object *seen;
	bool deleted;
};

struct delete_collection {
	struct item *items;
	size_t count, at;
	const char *next; /* where the next page begins, or NULL */
	int64_t remaining;
};

void delete_collection_free(struct delete_collection *s)
{
	for (size_t i = 0; s && i < s->count; i++)
		view_object_unref(s->items[i].seen);
	if (s)
		free(s->items);
	free(s);
}

static struct delete_collection *collection_new(const struct list_page *page)
{
	struct delete_collection *s = mem_alloc(sizeof *s);
	s->items = mem_alloc((page->count ? page->count : 1) * sizeof *s->items);
	s->count = page->count;
	s->next = page->next;
	s->remaining = page->remaining;
	for (size_t i = 0; i < page->count; i++)
		s->items[i] = (struct item){.seen = view_object_ref(page->rows[i])};
	return s;
}

static void answer(struct ctx *c, struct api *a, struct call *k)
{
	struct buf out = {0};
	struct delete_collection *s = k->deletion;
	size_t written = 0;
	uint64_t version = stream_version(a, omap_get(&a->streams, span_of(k->resource->stream)));
	buf_printf(&out,
		   "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
		   "\"%llu\"",
		   k->resource->list_kind, schema_api_version(k->resource, &k->arena),
		   (unsigned long long)version);
	if (s->next)
		buf_printf(&out, ",\"continue\":\"%s\"", s->next);
	if (s->remaining >= 0)
		buf_printf(&out, ",\"remainingItemCount\":%lld", (long long)s->remaining);
	buf_puts(&out, "},\"items\":[");
	for (size_t i = 0; i < s->count; i++) {
		struct item *it = &s->items[i];
		if (!it->deleted)
			continue;
		if (written++)
			buf_putc(&out, ',');
		visible_item(&out, k->resource, mp_of_bytes(it->seen->value),
			     it->seen->version);
	}
	buf_puts(&out, "]}\n");
	answer_text(c, a, k, 200, HTTP_JSON, &out);
}

/* Starts the write of the item at `at`: positive: it is over already, 0 on its way,
 * negative: the call was answered. */
static int begin(struct ctx *c, struct api *a, struct call *k)
{
	struct mp seen = mp_of_bytes(k->deletion->items[k->deletion->at].seen->value);
	k->namespace = mp_path_str(seen, "metadata.namespace");
	k->name = mp_path_str(seen, "metadata.name");
	struct doc *bad = write_prepare(c, a, k, OBJ_DELETE);
	if (!bad)
		return writing_start(c, &k->writing, k->id);
	answer_status(c, a, k, bad);
	return -1;
}

/* Notes what became of the item at `at`; false: refused, and answered so. */
static bool settle(struct ctx *c, struct api *a, struct call *k)
{
	struct obj_answer *r = &k->writing.plan.answer;
	struct item *it = &k->deletion->items[k->deletion->at];
	int code = r->status ? status_code(r->status) : r->code;
	if (code >= 400 && code != 404) {
		answer_status(c, a, k, r->status);
		return false;
	}
	it->deleted = code < 400;
	return true;
}

static void run(struct ctx *c, struct api *a, struct call *k)
{
	struct delete_collection *s = k->deletion;
	while (s->at < s->count) {
		int over = begin(c, a, k);
		if (over <= 0)
			return;
		if (k->writing.planned && !settle(c, a, k))
			return;
		writing_fini(&k->writing);
		s->at++;
	}
	answer(c, a, k);
}

/* The write under way is over. */
void delete_collection_next(struct ctx *c, struct api *a, struct call *k)
{
	if (!settle(c, a, k))
		return;
	writing_fini(&k->writing);
	k->deletion->at++;
	run(c, a, k);
}

/* Options and body are looked at also where nothing matches. */
static struct doc *refused(struct ctx *c, struct api *a, struct call *k)
{
	struct doc *bad = write_prepare(c, a, k, OBJ_DELETE);
	writing_fini(&k->writing);
	return bad;
}

void delete_collection_start(struct ctx *c, struct api *a, struct call *k)
{
	struct list_page page = {0};
	struct doc *bad = refused(c, a, k);
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	if (list_choose(c, a, k, delete_collection_start, &page)) {
		k->deletion = collection_new(&page);
		run(c, a, k);
	}
	free(page.rows);
}
