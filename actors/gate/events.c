/* Events: what the others say of what they do, as Kubernetes' Events.
 *
 *   event.record ──► too much? ──► the same again? ──► queue ──► transaction
 *                                                        ▲            │
 *                                                        └── refused ─┘ each alone
 *
 * The same fact about the same object within ten minutes raises the count of
 * the Event that is there already. One transaction is under way at a time, and
 * what comes meanwhile goes together in the next: events are half of what is
 * written when many pods are made, and nobody waits for one. */
#include <stdlib.h>
#include <string.h>

#include "actors/gate/gate_private.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"

enum {
	RECENT_EVENTS_MAX = 5000,
	SOURCES_MAX = 5000,
	SOURCE_BURST = 25,
	LOOKS_MAX = 64, /* in the queue, for others of the same principal */
	KEY_BYTES_MAX = STORE_KEY_BYTES_MAX * 4,
};
#define RECENT_US INT64_C(600000000)
#define SOURCE_US INT64_C(300000000)

struct recent {
	char *name, *namespace; /* of the Event object */
	int64_t last_us, count;
};

/* A component, and an object that it speaks of. */
struct source {
	int64_t left, since_us; /* what it may say yet; counted since then */
};

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

static struct doc *event_doc(struct ctx *c, struct job *j, struct mp body, struct span ns)
{
	struct arena *a = &j->writing.arena;
	struct doc *e = doc_new(a, DOC_MAP), *meta = doc_new(a, DOC_MAP);
	struct doc *about = doc_new(a, DOC_MAP), *source = doc_new(a, DOC_MAP);
	struct span name = mp_path_str(body, "name");
	doc_set_str(a, e, "apiVersion", "v1");
	doc_set_str(a, e, "kind", "Event");
	doc_set(a, e, "metadata", meta);
	doc_set(a, meta, "name",
		doc_printf(a, "%.*s.%016llx", (int)name.len, (const char *)name.data,
			   (unsigned long long)ctx_random(c)));
	doc_set(a, meta, "namespace", doc_span(a, writing_text(&j->writing, ns)));
	copy_text(j, about, "kind", body, "kind");
	copy_text(j, about, "namespace", body, "namespace");
	copy_text(j, about, "name", body, "name");
	copy_text(j, about, "uid", body, "uid");
	copy_text(j, about, "fieldPath", body, "field");
	struct span version = mp_path_str(body, "api_version");
	doc_set(a, about, "apiVersion",
		version.len ? doc_span(a, writing_text(&j->writing, version)) : doc_str(a, "v1"));
	doc_set(a, e, "involvedObject", about);
	copy_text(j, e, "reason", body, "reason");
	copy_text(j, e, "message", body, "message");
	copy_text(j, e, "type", body, "type");
	copy_text(j, source, "component", body, "component");
	copy_text(j, source, "host", body, "host");
	doc_set(a, e, "source", source);
	copy_text(j, e, "reportingComponent", body, "component");
	copy_text(j, e, "reportingInstance", body, "host");
	doc_set(a, e, "firstTimestamp", time_doc(a, ctx_wall_us(c)));
	doc_set(a, e, "lastTimestamp", time_doc(a, ctx_wall_us(c)));
	doc_set_int(a, e, "count", 1);
	return e;
}

/* Some of what it says, as one text. */
static char *key_of(struct mp body, const char *const *parts, size_t n)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++) {
		struct span s = mp_path_str(body, parts[i]);
		buf_append(&b, s.data, s.len);
		buf_putc(&b, '\n');
	}
	char *key = mem_ndup(b.data, b.len < KEY_BYTES_MAX ? b.len : KEY_BYTES_MAX);
	buf_fini(&b);
	return key;
}

static void recent_free(void *p)
{
	struct recent *r = p;
	free(r->name);
	free(r->namespace);
	free(r);
}

void events_remember(struct gate *g, struct job *j)
{
	struct recent *r = mem_alloc(sizeof *r);
	struct span ns = j->writing.request.namespace, name = j->writing.plan.name;
	r->name = mem_ndup(name.data, name.len);
	r->namespace = mem_ndup(ns.data, ns.len);
	r->last_us = j->writing.request.origin.wall_us;
	r->count = 1;
	struct recent *was = omap_put(&g->events.recent, span_of(j->event_key), r);
	if (was) {
		free(was->name);
		free(was->namespace);
		free(was);
	}
}

/* ---- too many */

/* The first five and twenty that a component says about an object, then one in
 * five minutes: as Kubernetes' recorders do. */
static bool says_too_much(struct ctx *c, struct gate_events *e, struct mp body)
{
	static const char *const parts[] = {"component", "host", "kind", "namespace", "name", "uid"};
	int64_t now = ctx_wall_us(c);
	char *key = key_of(body, parts, sizeof parts / sizeof *parts);
	if (e->sources.count >= SOURCES_MAX)
		omap_fini(&e->sources, free);
	struct source *s = omap_get(&e->sources, span_of(key));
	if (!s) {
		s = mem_alloc(sizeof *s);
		*s = (struct source){.left = SOURCE_BURST, .since_us = now};
		omap_put(&e->sources, span_of(key), s);
	}
	free(key);
	int64_t more = now > s->since_us ? (now - s->since_us) / SOURCE_US : 0;
	s->since_us += more * SOURCE_US;
	s->left = s->left + more < SOURCE_BURST ? s->left + more : SOURCE_BURST;
	if (s->left == 0)
		return true;
	s->left--;
	return false;
}

/* ---- the queue */

static void queue(struct ctx *c, struct gate_events *e, struct job *j)
{
	if (!e->last)
		e->last = &e->first;
	j->trace = ctx_trace(c);
	*e->last = j;
	e->last = &j->next;
}

static struct job *unqueue(struct gate_events *e, struct job **at)
{
	struct job *j = *at;
	*at = j->next;
	if (e->last == &j->next)
		e->last = at;
	j->next = NULL;
	return j;
}

/* A transaction has one principal; of a quota there is one figure. */
static bool may_join(const struct gate_events *e, const struct job *j, size_t compares, size_t ops)
{
	const struct job *first = e->sent[0];
	const struct obj_plan *p = &j->writing.plan;
	return span_eq(j->writing.request.origin.principal,
		       first->writing.request.origin.principal) &&
	       !p->charged && compares + p->txn.compare_count <= STORE_OPS_MAX &&
	       ops + p->txn.then_count <= STORE_OPS_MAX;
}

/* Takes from the queue what one transaction can have. */
static void gather(struct ctx *c, struct gate *g)
{
	struct gate_events *e = &g->events;
	size_t compares = 0, ops = 0, looks = 0;
	struct job **at = &e->first;
	while (*at && e->sent_count < EVENTS_TOGETHER_MAX && looks++ < LOOKS_MAX) {
		struct job *j = *at;
		if (e->sent_count && (j->alone || e->sent[0]->alone))
			break;
		if (e->sent_count && !span_eq(j->writing.request.origin.principal,
					      e->sent[0]->writing.request.origin.principal)) {
			at = &j->next;
			continue;
		}
		if (writing_plan(&j->writing)) {
			job_answer(c, g, unqueue(e, at));
			continue;
		}
		if (e->sent_count && !may_join(e, j, compares, ops))
			break;
		compares += j->writing.plan.txn.compare_count;
		ops += j->writing.plan.txn.then_count;
		e->sent[e->sent_count++] = unqueue(e, at);
		if (j->writing.plan.charged)
			break;
	}
}

/* What was gathered, as one. */
static void send(struct ctx *c, struct gate *g)
{
	struct gate_events *e = &g->events;
	struct job *first = e->sent[0];
	struct store_txn t = first->writing.plan.txn;
	struct arena *a = &first->writing.arena;
	struct store_compare *compares = arena_alloc(a, STORE_OPS_MAX * sizeof *compares);
	struct store_op *ops = arena_alloc(a, STORE_OPS_MAX * sizeof *ops);
	t.compare_count = t.then_count = 0;
	for (size_t i = 0; i < e->sent_count; i++) {
		const struct store_txn *one = &e->sent[i]->writing.plan.txn;
		memcpy(compares + t.compare_count, one->compares,
		       one->compare_count * sizeof *compares);
		memcpy(ops + t.then_count, one->then_ops, one->then_count * sizeof *ops);
		t.compare_count += one->compare_count;
		t.then_count += one->then_count;
	}
	t.compares = compares;
	t.then_ops = ops;
	if (e->sent_count > 1)
		t.else_count = 0; /* if it is refused, each asks for itself */
	e->tag = ++g->next_tag;
	e->transactions++;
	ctx_resume(c, &first->trace);
	ctx_txn(c, &t, e->tag);
}

/* One transaction at a time: what comes meanwhile is the next one. */
static void pump(struct ctx *c, struct gate *g)
{
	struct gate_events *e = &g->events;
	if (e->sent_count)
		return;
	gather(c, g);
	if (e->sent_count)
		send(c, g);
}

/* Refused together: one of them must be at fault. */
static void part(struct gate_events *e)
{
	for (size_t i = e->sent_count; i-- > 0;) {
		struct job *j = e->sent[i];
		j->alone = true;
		j->next = e->first;
		e->first = j;
		if (!j->next)
			e->last = &j->next;
	}
	e->sent_count = 0;
}

static void share_out(struct ctx *c, struct gate *g, const struct store_outcome *o)
{
	struct gate_events *e = &g->events;
	size_t at = 0, n = e->sent_count;
	e->sent_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct job *j = e->sent[i];
		struct store_outcome own = *o;
		own.row_count = j->writing.plan.txn.then_count;
		own.rows = o->rows + at;
		at += own.row_count;
		objects_answer(&j->writing.plan, &own);
		job_answer(c, g, j);
	}
}

static size_t rows_due(const struct gate_events *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->sent_count; i++)
		n += e->sent[i]->writing.plan.txn.then_count;
	return n;
}

bool events_outcome(struct ctx *c, struct gate *g, uint64_t tag, const struct store_outcome *o)
{
	struct gate_events *e = &g->events;
	if (!e->sent_count || tag != e->tag)
		return false;
	if (e->sent_count == 1) {
		if (!writing_outcome(c, &e->sent[0]->writing, o, tag))
			return true; /* once more, with what it has learnt */
		e->sent_count = 0;
		job_answer(c, g, e->sent[0]);
	} else if (o->status == 0 && o->compared && o->row_count == rows_due(e)) {
		share_out(c, g, o);
	} else {
		part(e);
	}
	pump(c, g);
	return true;
}

/* ---- what comes */

/* The same again: count and last time of the Event that is there. */
static struct job *count_event(struct ctx *c, struct gate *g, const struct msg *m, struct recent *r)
{
	struct job *j = job_new(c, g, m, g->event_row, OBJ_PATCH_MERGE);
	struct arena *a = &j->writing.arena;
	struct doc *patch = doc_new(a, DOC_MAP);
	r->count++;
	r->last_us = ctx_wall_us(c);
	doc_set_int(a, patch, "count", r->count);
	doc_set(a, patch, "lastTimestamp", time_doc(a, r->last_us));
	name_job(j, span_of(r->namespace), span_of(r->name));
	j->writing.request.body = patch;
	return j;
}

static struct job *new_event(struct ctx *c, struct gate *g, const struct msg *m, char *key)
{
	struct span ns = mp_path_str(m->body, "namespace");
	if (!ns.len)
		ns = span_of("default"); /* where Kubernetes keeps events of nodes */
	struct job *j = job_new(c, g, m, g->event_row, OBJ_CREATE);
	j->event_key = key;
	j->writing.request.namespace = writing_text(&j->writing, ns);
	j->writing.request.body = event_doc(c, j, m->body, ns);
	return j;
}

int events_on_record(struct ctx *c, void *state, const struct msg *m)
{
	static const char *const parts[] = {"kind",   "namespace", "name",    "uid",
					    "reason", "type",	   "message", "component"};
	struct gate *g = state;
	struct gate_events *e = &g->events;
	/* Events are the first thing to do without. */
	if (g->jobs.count > JOBS_MAX || says_too_much(c, e, m->body)) {
		e->dropped++;
		return 0;
	}
	if (e->recent.count >= RECENT_EVENTS_MAX)
		omap_fini(&e->recent, recent_free);
	char *key = key_of(m->body, parts, sizeof parts / sizeof *parts);
	struct recent *r = omap_get(&e->recent, span_of(key));
	if (r && ctx_wall_us(c) - r->last_us < RECENT_US) {
		free(key);
		queue(c, e, count_event(c, g, m, r));
	} else {
		queue(c, e, new_event(c, g, m, key));
	}
	pump(c, g);
	return 0;
}

void events_fini(struct gate_events *e)
{
	omap_fini(&e->recent, recent_free);
	omap_fini(&e->sources, free);
}
