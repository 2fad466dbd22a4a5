/* DELETE of a collection: one object after the other, as the view had them
 * when it was asked, each by the same write as a single DELETE. What is gone
 * meanwhile is no error. A refusal ends it and is its answer; what was deleted
 * until then stays deleted, as in Kubernetes. The answer is a list of what was
 * deleted, as it was before. */
#include <stdlib.h>

#include "actors/api/api_private.h"

struct item {
	struct bytes *key;
	struct view_object *seen;
	bool deleted;
};

struct delete_collection {
	struct item *items;
	size_t count, at;
};

void delete_collection_free(struct delete_collection *s)
{
	for (size_t i = 0; s && i < s->count; i++) {
		bytes_unref(s->items[i].key);
		view_object_unref(s->items[i].seen);
	}
	if (s)
		free(s->items);
	free(s);
}

static void add(struct delete_collection *s, struct span key, struct view_object *o)
{
	if ((s->count & (s->count - 1)) == 0)
		s->items = mem_realloc(s->items,
				       (s->count ? 2 * s->count : 1) * sizeof *s->items);
	s->items[s->count++] = (struct item){
		.key = bytes_copy(key.data, key.len), .seen = view_object_ref(o)};
}

static int gather(struct call *k, struct view *v, struct err *e)
{
	const struct label_selector *labels;
	const struct field_selector *fields;
	struct buf prefix = {0};
	int rc = parse_selectors(k, &k->arena, &labels, &fields, e);
	if (rc)
		return rc;
	k->deletion = mem_alloc(sizeof *k->deletion);
	schema_key(&prefix, k->resource, k->namespace, (struct span){0});
	for (struct onode *n = omap_seek(view_map(v), span_buf(&prefix)); n; n = omap_next(n)) {
		struct span key = onode_key(n);
		struct view_object *o = n->value;
		if (key.len < prefix.len || memcmp(key.data, prefix.data, prefix.len) != 0)
			break;
		struct mp object = mp_of_bytes(o->value);
		if (label_selector_match_object(labels, object) &&
		    field_selector_match(fields, object))
			add(k->deletion, key, o);
	}
	buf_fini(&prefix);
	return 0;
}

static void answer(struct ctx *c, struct api *a, struct call *k)
{
	struct buf out = {0};
	struct delete_collection *s = k->deletion;
	size_t written = 0;
	uint64_t version = stream_version(a, omap_get(&a->streams, span_of(k->resource->stream)));
	buf_printf(&out,
		   "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
		   "\"%llu\"},\"items\":[",
		   k->resource->list_kind, schema_api_version(k->resource, &k->arena),
		   (unsigned long long)version);
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

/* Starts the write of the item at `at`: 1 it is over already, 0 on its way,
 * negative: the call was answered. */
static int begin(struct ctx *c, struct api *a, struct call *k)
{
	struct span stream, namespace, name;
	if (!schema_key_split(bytes_span(k->deletion->items[k->deletion->at].key), &stream, &namespace,
			      &name))
		return 1;
	k->namespace = namespace;
	k->name = name;
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
	struct err e = {0};
	struct doc *bad;
	struct view *v = fresh_view(c, a, k, delete_collection_start);
	if (!v)
		return;
	if (!schema_has_verb(k->resource->verbs, "deletecollection"))
		answer_status(c, a, k,
			      status_method_not_allowed(&k->arena, k->resource,
							"deletecollection"));
	else if ((bad = refused(c, a, k)))
		answer_status(c, a, k, bad);
	else if (gather(k, v, &e))
		answer_status(c, a, k, status_bad_request(&k->arena, e.text));
	else
		run(c, a, k);
}
