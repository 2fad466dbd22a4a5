/* Get, and what reads from the cell's views have in common. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/schema/protobuf.h"

void wait_in(struct stream *s, struct call *k)
{
	k->waits = s;
	k->next_waiting = NULL;
	if (s->waiting)
		s->waiting_last->next_waiting = k;
	else
		s->waiting = k;
	s->waiting_last = k;
}

void await_view(struct ctx *c, struct call *k, struct stream *s,
		void (*retry)(struct ctx *, struct api *, struct call *))
{
	k->retry = retry;
	wait_in(s, k);
	if (!k->timed)
		ctx_timer(c, k->patience_us ? k->patience_us : API_WAIT_US, API_TAG(TAG_CALL, k->id));
	k->timed = true;
}

struct view *fresh_view(struct ctx *c, struct api *a, struct call *k,
			void (*retry)(struct ctx *, struct api *, struct call *))
{
	struct stream *s = api_stream(c, a, k->resource);
	if (!k->wait_version && a->heads)
		k->wait_version = heads_get(a->heads, span_of(k->resource->stream));
	if (view_synced(s->view) && view_version(s->view) >= k->wait_version)
		return s->view;
	await_view(c, k, s, retry);
	return NULL;
}

struct view_object *api_find(struct view *v, const struct call *k)
{
	struct buf key = {0};
	schema_key(&key, k->resource, k->namespace, k->name);
	struct view_object *o = view_get(v, span_buf(&key));
	buf_fini(&key);
	return o;
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

bool asked_version(struct ctx *c, struct api *a, struct call *k, uint64_t now, uint64_t *asked)
{
	if (!call_number(k, "resourceVersion", asked)) {
		answer_status(c, a, k, bad_version(k, call_arg(k, "resourceVersion")));
		return false;
	}
	if (*asked > now && *asked > version_given(a, now)) {
		answer_future(c, a, k, *asked, now);
		return false;
	}
	return true;
}

void read_get(struct ctx *c, struct api *a, struct call *k)
{
	struct view *v = fresh_view(c, a, k, read_get);
	if (!v)
		return;
	uint64_t asked, now = stream_version(a, omap_get(&a->streams, view_stream(v)));
	if (!asked_version(c, a, k, now, &asked))
		return;
	struct view_object *o = api_find(v, k);
	if (!o) {
		answer_status(c, a, k,
			      strcmp(k->sub, "scale") == 0
				      ? status_not_shown(&k->arena, k->resource, k->sub, k->name)
				      : status_not_found(&k->arena, k->resource, k->name));
		return;
	}
	struct mp object = mp_of_bytes(o->value);
	struct bytes *shown = objects_show(k->resource, k->sub, object, &k->arena);
	if (shown)
		answer_object(c, a, k, 200, mp_of_bytes(shown), o->version);
	else
		answer_stored(c, a, k, o);
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
