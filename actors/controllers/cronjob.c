/* CronJobs: jobs by a schedule. What is to be done is cronjob_plan.h; here are
 * the facts that it needs, and the writes that it asks for. Nothing is polled:
 * each has a timer for its next time.
 *
 * The job comes first and the status after it: after a crash in between, the
 * job that is there says which time was met. Its name is the time's, so that
 * making it again is refused. */
#include "actors/controllers/cronjob.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/cronjob_plan.h"
#include "actors/controllers/status.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { CREATE = 1, DELETE, TELL };

struct state {
	struct reconciler r; /* first */
	struct children jobs;
	struct omap told; /* key -> what was told last, so that it is told once */
	struct omap seen; /* key -> what is told when the status is written */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which keys a change is about */

static void want_owner(struct ctx *c, struct state *s, const struct view_object *o)
{
	struct owner_ref ref;
	struct buf b = {0};
	struct mp job = object_of(o);
	if (!o || !owners_controller(job, &ref) || !span_is(ref.kind, "CronJob"))
		return;
	schema_key(&b, s->jobs.owners, object_namespace(job), ref.name);
	if (reconcile_get(&s->r, span_buf(&b)))
		reconcile_want(c, &s->r, span_buf(&b));
	buf_fini(&b);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->jobs.view) {
		want_owner(c, s, v->was);
		want_owner(c, s, v->now);
	} else if (v->view != s->jobs.owner_view) {
		return;
	} else if (v->now) {
		reconcile_want(c, r, v->key);
	} else {
		free(omap_remove(&s->told, v->key));
		free(omap_remove(&s->seen, v->key));
	}
}

/* ---- facts */

struct gather {
	struct arena *a;
	struct cronjob_child *list;
	size_t count, cap;
};

static int gather_one(void *arg, const struct view_found *f)
{
	struct gather *g = arg;
	if (g->count == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct cronjob_child *list = arena_alloc(g->a, cap * sizeof *list);
		if (g->count)
			memcpy(list, g->list, g->count * sizeof *list);
		g->list = list;
		g->cap = cap;
	}
	g->list[g->count] = *(const struct cronjob_child *)f->facts;
	g->list[g->count++].child.key = f->key;
	return 0;
}

/* ---- what a plan asks for */

static void create(struct reconciler *r, struct reconcile_item *i, struct span key,
		   const struct cronjob_plan *p)
{
	struct arena *a = reconcile_arena(i);
	struct mp cronjob = object_of(reconcile_get(r, key));
	struct reconcile_action *x = children_create(r, i, &state_of(r)->jobs, key,
						     object_namespace(cronjob));
	x->body = cronjob_new_job(a, cronjob, p->start_name, p->start_text);
	x->what = CREATE;
}

static void drop(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		 const struct cronjob_plan *p)
{
	if (!p->remove_count || !reconcile_fresh(c, r, i))
		return;
	for (size_t k = 0; k < p->remove_count; k++) {
		struct reconcile_action *x = children_act(r, i, &state_of(r)->jobs, key,
							  &p->remove[k]->child, OBJ_DELETE);
		x->propagation = OBJ_BACKGROUND;
		x->what = DELETE;
	}
}

static struct doc *reference(struct arena *a, const struct cronjob_child *job)
{
	struct doc *d = doc_new(a, DOC_MAP);
	doc_set_str(a, d, "apiVersion", "batch/v1");
	doc_set_str(a, d, "kind", "Job");
	doc_set(a, d, "name", doc_span(a, object_copy(a, job->child.name)));
	doc_set(a, d, "namespace", doc_span(a, object_copy(a, job->child.namespace)));
	doc_set(a, d, "uid", doc_span(a, object_copy(a, job->child.uid)));
	return d;
}

static void say_time(struct status *st, const char *field, int64_t us)
{
	char text[RFC3339_MAX];
	if (!us)
		return;
	rfc3339_format(us, text);
	status_set(st, field, doc_str(st->arena, arena_dup(st->arena, text)));
}

static void say(struct status *st, const struct cronjob_plan *p)
{
	struct doc *active = doc_new(st->arena, DOC_ARRAY);
	for (size_t i = 0; i < p->active_count; i++)
		doc_add(active, reference(st->arena, p->active[i]));
	status_set(st, "active", p->active_count ? active : NULL);
	say_time(st, "lastScheduleTime", p->last_schedule_us);
	say_time(st, "lastSuccessfulTime", p->last_success_us);
}

/* ---- what is told */

/* Notes as text, a line each: "W REASON ABOUT MESSAGE". */
static char *lines_of(const struct cronjob_note *notes, size_t n)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%c %s %lld %s\n", notes[i].warning ? 'W' : 'N', notes[i].reason,
			   (long long)notes[i].about_s, notes[i].text);
	char *text = mem_dup(buf_text(&b));
	buf_fini(&b);
	return text;
}

static void tell_line(struct ctx *c, struct reconciler *r, struct mp cronjob, struct span line)
{
	struct span warning, reason, about;
	char name[100];
	span_next(&line, ' ', &warning);
	span_next(&line, ' ', &reason);
	span_next(&line, ' ', &about);
	span_text(name, sizeof name, reason);
	reconcile_event(c, r, cronjob, span_is(warning, "W") ? "Warning" : "Normal", name, "%.*s",
			(int)line.len, (const char *)line.data);
}

/* Those lines that are not in `was`. */
static void tell_lines(struct ctx *c, struct reconciler *r, struct mp cronjob, const char *text,
		       const char *was)
{
	struct span rest = span_of(text), line;
	while (rest.len) {
		span_next(&rest, '\n', &line);
		if (!was || !memmem(was, strlen(was), line.data, line.len))
			tell_line(c, r, cronjob, line);
	}
}

/* At once; the same again is not told again. */
static void tell_notes(struct ctx *c, struct state *s, struct span key, struct mp cronjob,
		       const struct cronjob_plan *p)
{
	char *text = p->note_count ? lines_of(p->notes, p->note_count) : NULL;
	char *was = text ? omap_put(&s->told, key, text) : omap_remove(&s->told, key);
	if (text)
		tell_lines(c, &s->r, cronjob, text, was);
	free(was);
}

/* ---- the plan */

static void make_plan(struct reconciler *r, struct arena *a, struct mp cronjob, int64_t now_us,
		      struct cronjob_plan *p)
{
	struct cronjob_facts j;
	struct gather g = {.a = a};
	cronjob_read(&j, cronjob);
	view_index_each(state_of(r)->jobs.index, object_uid(cronjob), gather_one, &g);
	cronjob_plan(a, &j, g.list, g.count, now_us, p);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp cronjob = object_of(reconcile_get(r, key));
	struct cronjob_plan p;
	struct status st;
	if (!cronjob.p)
		return;
	make_plan(r, a, cronjob, ctx_wall_us(c), &p);
	tell_notes(c, s, key, cronjob, &p);
	status_begin(&st, a, cronjob, ctx_wall_us(c));
	say(&st, &p);
	/* Nothing goes before what it was is written. */
	struct reconcile_action *told = status_write(i, &st, s->jobs.owners);
	if (told) {
		reconcile_rest_on(r, i, told, key);
		told->what = TELL;
		free(omap_put(&s->seen, key, lines_of(p.seen, p.seen_count)));
	} else {
		drop(c, r, i, key, &p);
		if (p.start_s)
			create(r, i, key, &p);
	}
	if (p.again_in_us)
		reconcile_later(c, i, (uint64_t)p.again_in_us);
}

static void create_refused(struct ctx *c, struct reconciler *r, struct mp cronjob,
			   const struct doc *status)
{
	struct span why = doc_get_str(status, "message");
	if (!doc_str_is(doc_path(status, "details.causes[0].reason"), "NamespaceTerminating"))
		reconcile_event(c, r, cronjob, "Warning", "FailedCreate", "Error creating job: %.*s",
				(int)why.len, (const char *)why.data);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp cronjob = object_of(reconcile_get(r, key));
	const char *seen = omap_get(&state_of(r)->seen, key);
	if (!cronjob.p)
		return;
	struct span name = answer->object
				   ? mp_path_str(mp_of(bytes_span(answer->object)), "metadata.name")
				   : x->name;
	if (x->what == CREATE && answer->code == 201) {
		reconcile_event(c, r, cronjob, "Normal", "SuccessfulCreate", "Created job %.*s",
				(int)name.len, (const char *)name.data);
	} else if (x->what == CREATE && answer->code != 409) {
		create_refused(c, r, cronjob, answer->status);
	} else if (x->what == TELL && answer->code < 300 && seen) {
		tell_lines(c, r, cronjob, seen, NULL);
		free(omap_remove(&state_of(r)->seen, key));
	} else if (x->what == DELETE && answer->code < 300) {
		reconcile_event(c, r, cronjob, "Normal", "SuccessfulDelete", "Deleted job %.*s",
				(int)name.len, (const char *)name.data);
	}
}

/* ---- life */

static const char *const streams[] = {"cronjobs.batch", "jobs.batch", "namespaces", NULL};

static const struct children_spec children = {
	.owner_stream = "cronjobs.batch",
	.owner_kind = "CronJob",
	.stream = "jobs.batch",
	.index = &cronjob_index,
};

static const struct reconcile_spec spec = {
	.name = "cronjob-controller",
	.fence = "cronjob",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	children_init(c, &s->r, &s->jobs, &children);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->told, free);
	omap_fini(&s->seen, free);
	reconcile_fini(&s->r);
}

const struct actor_spec cronjob_actor = {
	.kind = "cronjob",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
