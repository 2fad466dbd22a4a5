/* Facts become Events: correlator.h says which, here they are written. */
#include "actors/gate/gate_private.h"
#include "actors/schema/rfc3339.h"

static struct doc *time_doc(struct arena *a, int64_t us)
{
	char text[RFC3339_MAX];
	size_t n = rfc3339_format(us, text);
	return doc_span(a, (struct span){(uint8_t *)arena_ndup(a, text, n), n});
}

static void copy_text(struct job *j, struct doc *to, const char *key, struct mp body,
		      const char *field)
{
	struct span s = mp_path_str(body, field);
	if (s.len)
		doc_set(&j->writing.arena, to, key,
			doc_span(&j->writing.arena, writing_text(&j->writing, s)));
}

static struct doc *message_of(struct job *j, struct mp body, const struct correlated *e)
{
	struct span s = mp_path_str(body, "message");
	return doc_printf(&j->writing.arena, "%s%.*s",
			  e->combined ? "(combined from similar events): " : "", (int)s.len,
			  (const char *)s.data);
}

static struct doc *about(struct job *j, struct mp body)
{
	struct arena *a = &j->writing.arena;
	struct doc *d = doc_new(a, DOC_MAP);
	copy_text(j, d, "kind", body, "kind");
	copy_text(j, d, "namespace", body, "namespace");
	copy_text(j, d, "name", body, "name");
	copy_text(j, d, "uid", body, "uid");
	copy_text(j, d, "fieldPath", body, "field");
	struct span version = mp_path_str(body, "api_version");
	doc_set(a, d, "apiVersion",
		version.len ? doc_span(a, writing_text(&j->writing, version)) : doc_str(a, "v1"));
	return d;
}

static struct doc *whole(struct ctx *c, struct job *j, struct mp body, const struct correlated *x)
{
	struct arena *a = &j->writing.arena;
	struct doc *e = doc_new(a, DOC_MAP), *meta = doc_new(a, DOC_MAP);
	struct doc *source = doc_new(a, DOC_MAP);
	doc_set_str(a, e, "apiVersion", "v1");
	doc_set_str(a, e, "kind", "Event");
	doc_set(a, e, "metadata", meta);
	doc_set(a, meta, "name", doc_span(a, j->writing.request.name));
	doc_set(a, meta, "namespace", doc_span(a, j->writing.request.namespace));
	doc_set(a, e, "involvedObject", about(j, body));
	copy_text(j, e, "reason", body, "reason");
	doc_set(a, e, "message", message_of(j, body, x));
	copy_text(j, e, "type", body, "type");
	copy_text(j, source, "component", body, "component");
	copy_text(j, source, "host", body, "host");
	doc_set(a, e, "source", source);
	copy_text(j, e, "reportingComponent", body, "component");
	copy_text(j, e, "reportingInstance", body, "host");
	doc_set(a, e, "firstTimestamp", time_doc(a, x->first_us));
	doc_set(a, e, "lastTimestamp", time_doc(a, ctx_wall_us(c)));
	doc_set_int(a, e, "count", x->count);
	return e;
}

/* The same again: what is new of the Event that is there. */
static struct doc *again(struct ctx *c, struct job *j, struct mp body, const struct correlated *x)
{
	struct arena *a = &j->writing.arena;
	struct doc *patch = doc_new(a, DOC_MAP);
	doc_set_int(a, patch, "count", x->count);
	doc_set(a, patch, "lastTimestamp", time_doc(a, ctx_wall_us(c)));
	if (x->combined)
		doc_set(a, patch, "message", message_of(j, body, x));
	return patch;
}

int gate_on_event(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	if (g->jobs.count > JOBS_MAX) { /* events are the first thing to do without */
		g->dropped++;
		return 0;
	}
	struct correlated x =
		correlator_take(&g->correlator, m->body, ctx_wall_us(c), ctx_random(c));
	if (x.dropped) {
		g->dropped++;
		return 0;
	}
	struct span ns = mp_path_str(m->body, "namespace"), name = mp_path_str(m->body, "name");
	if (!ns.len)
		ns = span_of("default"); /* where Kubernetes keeps events of nodes */
	struct job *j = gate_job_new(c, g, m, g->events, x.count > 1 ? OBJ_PATCH_MERGE : OBJ_CREATE);
	struct obj_request *q = &j->writing.request;
	const char *own = arena_printf(&j->writing.arena, "%.*s.%016llx", (int)name.len,
				       (const char *)name.data, (unsigned long long)x.number);
	gate_job_name(j, ns, span_of(own));
	struct doc *event = whole(c, j, m->body, &x);
	if (x.count > 1) {
		q->body = again(c, j, m->body, &x);
		j->missing = event; /* it has expired, or somebody has deleted it */
	} else {
		q->body = event;
		q->name = (struct span){0};
	}
	event_queue_add(c, g, j);
	return 0;
}
