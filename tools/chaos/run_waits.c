/* What lines wait for: changes when they are on the disk, messages when they
 * are on their way. What was seen stops the world, and the line's steps are
 * placed where it stands. */
#include <stdio.h>

#include "tools/chaos/expr.h"
#include "tools/chaos/run_private.h"

static bool pod_says(const struct led_object *o, enum seen_event event)
{
	if (!o || !o->is_pod)
		return false;
	switch (event) {
	case SEEN_BOUND:
		return o->pod.bound;
	case SEEN_READY:
		return o->pod.ready;
	case SEEN_ENDED:
		return o->pod.ended;
	case SEEN_DELETING:
		return o->pod.deleted;
	default:
		return false;
	}
}

static bool is_seen(const struct when *w, const struct led_change *c, const char *key)
{
	if (w->event == SEEN_SENT || w->event == SEEN_SO || !glob_matches(w->key, key))
		return false;
	switch (w->event) {
	case SEEN_CREATED:
		return !c->was && c->now;
	case SEEN_CHANGED:
		return c->was && c->now;
	case SEEN_GONE:
		return c->was && !c->now;
	default:
		return pod_says(c->now, w->event) && !pod_says(c->was, w->event);
	}
}

/* It is so now, and was not at the revision before. */
static bool became_so(struct run *r, const struct when *w, struct progress *p, struct span stream)
{
	if (w->event != SEEN_SO || !expr_depends_on(w->condition, stream))
		return false;
	bool was = p->is_so;
	p->is_so = expr_value(w->condition, &r->judge);
	return p->is_so && !was;
}

bool run_awaits_changes(const struct script *s)
{
	for (size_t i = 0; i < s->line_count; i++)
		if (s->lines[i].when.type == WHEN_SEEN && s->lines[i].when.event != SEEN_SENT)
			return true;
	return false;
}

void run_watch_for(struct run *r, const struct led_change *c)
{
	char key[1024];
	const struct led_object *o = c->now ? c->now : c->was;
	snprintf(key, sizeof key, "%.*s", (int)o->key.len, (const char *)o->key.data);
	for (size_t i = 0; i < r->plan.happening_count; i++) {
		const struct when *w = &r->plan.happenings[i].line->when;
		struct progress *p = &r->progress[i];
		if (w->type != WHEN_SEEN || p->done)
			continue;
		if ((is_seen(w, c, key) || became_so(r, w, p, o->stream)) && ++p->seen == w->nth)
			r->judge.pause = true;
	}
}

static bool is_end(const char *pattern, const char *actor, const char *cell)
{
	return !pattern || (*actor && glob_matches(pattern, actor)) || (*cell && glob_matches(pattern, cell));
}

static bool is_awaited_message(const struct when *w, const struct sent_message *m)
{
	return w->type == WHEN_SEEN && w->event == SEEN_SENT && glob_matches(w->key, m->kind) &&
	       is_end(w->from, m->from, m->from_cell) && is_end(w->to, m->to, m->to_cell);
}

void run_on_sent(void *arg, const struct sent_message *m)
{
	struct run *r = arg;
	for (size_t i = 0; i < r->plan.happening_count && r->watching; i++) {
		const struct when *w = &r->plan.happenings[i].line->when;
		if (!r->progress[i].done && is_awaited_message(w, m) && ++r->progress[i].seen == w->nth)
			r->judge.pause = true;
	}
}

bool run_awaits_messages(const struct script *s)
{
	for (size_t i = 0; i < s->line_count; i++)
		if (s->lines[i].when.type == WHEN_SEEN && s->lines[i].when.event == SEEN_SENT)
			return true;
	return false;
}

void run_place_seen(struct run *r)
{
	r->judge.pause = false;
	for (size_t i = 0; i < r->plan.happening_count; i++) {
		struct happening *h = &r->plan.happenings[i];
		if (h->awaited && !r->progress[i].done && h->line->when.type == WHEN_SEEN && r->progress[i].seen >= h->line->when.nth)
			plan_place(&r->plan, h, run_now(r));
	}
}
