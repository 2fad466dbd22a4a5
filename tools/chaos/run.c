#include "tools/chaos/run.h"

#include "tools/chaos/recording.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_US = 200000, SETTLE_LOOK_US = 500000, SPOTS_SHOWN = 6 };

/* What is known of a happening while it lasts. */
struct progress {
	uint64_t *touched_before; /* per spot */
	int64_t seen; /* how often what it waits for was */
	bool touched, done;
	struct wish *wish;
};

struct run {
	const struct script *s;
	const struct run_watch *watch;
	struct run_result *out;
	const struct world_type *type;
	struct world *world;
	struct judge judge;
	struct plan plan;
	struct progress *progress; /* as plan.happenings */
	int64_t *held_since;       /* per judgement, -1: it does not hold */
	struct wish *first_wishes; /* the workload */
	uint64_t zero_us;          /* the end of the warm-up */
	bool watching;             /* the timeline runs: events count */
	struct arena arena;
};

static const struct {
	const char *name;
	int weight;
} verdicts[] = {
	[VERDICT_HELD] = {"held", 0},
	[VERDICT_VIOLATED] = {"violated", 4},
	[VERDICT_NOT_STEADY] = {"not steady", 2},
	[VERDICT_NOT_HEALED] = {"not healed", 3},
	[VERDICT_INCONCLUSIVE] = {"inconclusive", 1},
};

const char *verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
	return verdicts[a].weight >= verdicts[b].weight ? a : b;
}

static void conclude(struct run *r, enum verdict v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void conclude(struct run *r, enum verdict v, const char *fmt, ...)
{
	va_list ap;
	if (verdict_worse(r->out->verdict, v) == r->out->verdict)
		return;
	r->out->verdict = v;
	va_start(ap, fmt);
	vsnprintf(r->out->why, sizeof r->out->why, fmt, ap);
	va_end(ap);
}

static int64_t now(struct run *r)
{
	return (int64_t)(r->type->now_us(r->world) - r->zero_us);
}

static bool violated(struct run *r)
{
	return r->judge.violation.name != NULL;
}

static void run_to(struct run *r, int64_t at_us)
{
	r->type->run(r->world, r->zero_us + (uint64_t)at_us);
}

/* ---- the warm-up */

static void wish_workload(struct run *r)
{
	r->first_wishes = arena_alloc(&r->arena, (r->s->load_count + 1) * sizeof *r->first_wishes);
	for (size_t i = 0; i < r->s->load_count; i++) {
		struct wish *w = &r->first_wishes[i];
		*w = (struct wish){.type = WISH_CREATE, .load = &r->s->loads[i]};
		r->type->wish(r->world, w);
	}
}

/* All nodes are there, the workload is made, and what `steady` asks for holds. */
static bool steady(struct run *r, struct err *why)
{
	int64_t nodes = 0;
	for (size_t i = 0; i < r->s->load_count; i++) {
		const struct wish *w = &r->first_wishes[i];
		if (!w->done || w->code >= 400) {
			err_set(why, ERR_AGAIN, "%s is not made (answer %d)", w->load->name, w->code);
			return false;
		}
	}
	for (struct onode *n = omap_first(&r->judge.ledger.nodes); n; n = omap_next(n))
		nodes += ((struct led_node *)n->value)->present;
	if (nodes < r->s->nodes) {
		err_set(why, ERR_AGAIN, "%lld of %lld nodes are there", (long long)nodes,
			(long long)r->s->nodes);
		return false;
	}
	for (size_t i = 0; i < r->s->judgement_count; i++) {
		const struct judgement *j = &r->s->judgements[i];
		if (j->word == JUDGE_STEADY && !judge_holds(&r->judge, j, why))
			return false;
	}
	return r->type->whole(r->world, why);
}

static bool warm_up(struct run *r)
{
	struct err why = {0};
	wish_workload(r);
	while (now(r) < r->s->warm_up_us && !violated(r)) {
		run_to(r, now(r) + LOOK_US);
		if (!violated(r) && steady(r, &why)) {
			if (r->watch && r->watch->steady)
				r->watch->steady(r->watch->arg, now(r), r->judge.ledger.revision);
			r->zero_us = r->type->now_us(r->world);
			judge_begin(&r->judge, r->zero_us);
			r->type->begin(r->world);
			return true;
		}
	}
	conclude(r, VERDICT_NOT_STEADY, "nothing was broken yet, and after the warm-up %s", why.text);
	return false;
}

/* ---- the timeline */

static void mark(struct run *r, const char *text)
{
	if (r->watch && r->watch->recording)
		recording_mark(r->watch->recording, r->type->now_us(r->world), r->judge.ledger.revision, text);
}

static void tell(struct run *r, const struct happening *h, bool end, const char *text)
{
	char line[500];
	snprintf(line, sizeof line, "line %u %s %s", h->line->place.line, verb_name(h->line->act.verb), text);
	mark(r, line);
	if (r->watch && r->watch->step)
		r->watch->step(r->watch->arg, now(r), h, end, text, r->judge.ledger.revision);
}

static void list_spots(const struct happening *h, struct buf *b)
{
	for (size_t i = 0; i < h->spots.count && i < SPOTS_SHOWN; i++)
		buf_printf(b, "%s%s", i ? ", " : "", h->spots.names[i]);
	if (h->spots.count > SPOTS_SHOWN)
		buf_printf(b, " and %zu more", h->spots.count - SPOTS_SHOWN);
}

/* Each spot has a stream of its own, which begins where the line's is. */
static struct strike strike_of(const struct happening *h, size_t spot)
{
	return (struct strike){&h->line->act, h->spots.names[spot], h->by_us,
			       h->chance.state + spot * 0x9e3779b97f4a7c15u};
}

static void set_fault(struct run *r, struct happening *h, struct progress *p, bool on)
{
	if (on)
		p->touched_before = arena_alloc(&r->arena, (h->spots.count + 1) * sizeof(uint64_t));
	for (size_t i = 0; i < h->spots.count; i++) {
		struct strike k = strike_of(h, i);
		if (on)
			p->touched_before[i] = r->type->touched(r->world, &k);
		r->type->set(r->world, &k, on);
	}
}

static uint64_t touched_by(struct run *r, struct happening *h, struct progress *p)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < h->spots.count; i++) {
		struct strike k = strike_of(h, i);
		sum += r->type->touched(r->world, &k) - p->touched_before[i];
	}
	return sum;
}

static void fault_begins(struct run *r, struct happening *h, struct progress *p)
{
	struct buf b = {0};
	list_spots(h, &b);
	set_fault(r, h, p, true);
	r->out->faults++;
	if (!verb_lasts(h->line->act.verb)) {
		p->done = true;
		p->touched = touched_by(r, h, p) > 0;
	}
	tell(r, h, false, buf_text(&b));
	buf_fini(&b);
}

static void fault_ends(struct run *r, struct happening *h, struct progress *p)
{
	char text[64];
	set_fault(r, h, p, false);
	uint64_t n = touched_by(r, h, p);
	p->done = true;
	p->touched = n > 0;
	snprintf(text, sizeof text, n ? "healed; it touched %llu" : "healed; it touched nothing",
		 (unsigned long long)n);
	tell(r, h, true, text);
}

/* ---- the user's acts */

/* Somebody has asked for that already, and the journal does not show it yet. */
static bool is_being_deleted(const struct run *r, struct span name)
{
	for (size_t i = 0; i < r->plan.happening_count; i++) {
		const struct wish *w = r->progress[i].wish;
		if (w && w->type == WISH_DELETE && span_is(name, w->name))
			return true;
	}
	return false;
}

static const char *draw_pod(struct run *r, struct happening *h)
{
	const struct ledger *l = &r->judge.ledger;
	char owner[320];
	const char *chosen = NULL;
	uint64_t n = 0;
	snprintf(owner, sizeof owner, "replicationcontrollers/default/%s", h->line->act.subject);
	for (struct onode *it = ledger_first(l, "pods/default/"); it;
	     it = ledger_next(it, "pods/default/")) {
		const struct led_object *o = it->value;
		if (!led_pod_lives(o) || !o->pod.owner || strcmp(o->pod.owner->name, owner) != 0 ||
		    is_being_deleted(r, o->name))
			continue;
		if (chance_next(&h->chance) % ++n == 0) /* each is as likely */
			chosen = arena_ndup(&r->arena, o->name.data, o->name.len);
	}
	return chosen;
}

/* Each object that the pattern means is as likely. */
static const char *draw_key(struct run *r, struct happening *h)
{
	const char *pattern = h->line->act.subject, *chosen = NULL;
	uint64_t n = 0;
	char prefix[64];
	snprintf(prefix, sizeof prefix, "%.*s", (int)strcspn(pattern, "/*?"), pattern);
	for (struct onode *it = ledger_first(&r->judge.ledger, prefix); it; it = ledger_next(it, prefix)) {
		const struct led_object *o = it->value;
		const char *key = arena_ndup(&r->arena, o->key.data, o->key.len);
		if (glob_matches(pattern, key) && chance_next(&h->chance) % ++n == 0)
			chosen = key;
	}
	return chosen;
}

static const enum wish_type wish_types[] = {
	[VERB_SCALE] = WISH_SCALE,
	[VERB_DELETE] = WISH_DELETE,
	[VERB_TOUCH] = WISH_TOUCH,
	[VERB_COMPACT] = WISH_COMPACT,
};

static void user_acts(struct run *r, struct happening *h, struct progress *p)
{
	const struct act *a = &h->line->act;
	struct wish *w = arena_alloc(&r->arena, sizeof *w);
	char text[400];
	w->type = wish_types[a->verb];
	w->number = a->number;
	w->name = a->verb == VERB_TOUCH ? draw_key(r, h) : a->of ? draw_pod(r, h) : a->subject;
	if (!w->name && w->type != WISH_COMPACT) {
		p->done = true; /* and it touched nothing */
		tell(r, h, false, "there is none");
		return;
	}
	p->wish = w;
	r->type->wish(r->world, w);
	snprintf(text, sizeof text, "%s", w->name ? w->name : "store");
	tell(r, h, false, text);
}

/* ---- what lines wait for */

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
	if (w->event == SEEN_SENT || !glob_matches(w->key, key))
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

static void watch_for(struct run *r, const struct led_change *c)
{
	char key[1024];
	const struct led_object *o = c->now ? c->now : c->was;
	snprintf(key, sizeof key, "%.*s", (int)o->key.len, (const char *)o->key.data);
	for (size_t i = 0; i < r->plan.happening_count; i++) {
		const struct when *w = &r->plan.happenings[i].line->when;
		if (w->type == WHEN_SEEN && !r->progress[i].done && is_seen(w, c, key) && ++r->progress[i].seen == w->nth)
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

static void on_sent(void *arg, const struct sent_message *m)
{
	struct run *r = arg;
	for (size_t i = 0; i < r->plan.happening_count && r->watching; i++) {
		const struct when *w = &r->plan.happenings[i].line->when;
		if (!r->progress[i].done && is_awaited_message(w, m) && ++r->progress[i].seen == w->nth)
			r->judge.pause = true;
	}
}

static bool awaits_messages(const struct script *s)
{
	for (size_t i = 0; i < s->line_count; i++)
		if (s->lines[i].when.type == WHEN_SEEN && s->lines[i].when.event == SEEN_SENT)
			return true;
	return false;
}

static void place_seen(struct run *r)
{
	r->judge.pause = false;
	for (size_t i = 0; i < r->plan.happening_count; i++) {
		struct happening *h = &r->plan.happenings[i];
		if (h->awaited && !r->progress[i].done && h->line->when.type == WHEN_SEEN && r->progress[i].seen >= h->line->when.nth)
			plan_place(&r->plan, h, now(r));
	}
}

/* ---- steps */

static void take_step(struct run *r, const struct step *step)
{
	struct happening *h = step->what;
	struct progress *p = &r->progress[h - r->plan.happenings];
	if (step->type == STEP_DEADLINE) {
		p->done = true;
		tell(r, h, false, "what it waits for was not seen");
	} else if (!verb_is_fault(h->line->act.verb))
		user_acts(r, h, p);
	else if (step->type == STEP_END)
		fault_ends(r, h, p);
	else
		fault_begins(r, h, p);
}

static void timeline(struct run *r)
{
	r->watching = true;
	for (size_t i = 0; i < r->plan.step_count && !violated(r);) {
		struct step step = r->plan.steps[i];
		run_to(r, step.at_us);
		if (r->judge.pause) {
			place_seen(r); /* other steps stand here and behind now, none before */
			continue;
		}
		i++;
		if (!violated(r))
			take_step(r, &step);
	}
	r->watching = false;
}

/* ---- after it */

static void look(struct run *r, int64_t settled_at)
{
	struct err why = {0};
	for (size_t i = 0; i < r->s->judgement_count; i++) {
		const struct judgement *j = &r->s->judgements[i];
		if (j->word != JUDGE_EVENTUALLY)
			continue;
		if (!judge_holds(&r->judge, j, &why))
			r->held_since[i] = -1;
		else if (r->held_since[i] < 0)
			r->held_since[i] = now(r) - settled_at;
	}
}

static void settle(struct run *r)
{
	int64_t from = now(r);
	judge_settle(&r->judge, r->type->now_us(r->world));
	r->type->heal(r->world);
	mark(r, "settle: everything is healed");
	if (r->watch && r->watch->settle)
		r->watch->settle(r->watch->arg, from, r->judge.ledger.revision);
	for (size_t i = 0; i < r->s->judgement_count; i++)
		r->held_since[i] = -1;
	while (now(r) < from + r->s->settle_us && !violated(r)) {
		run_to(r, now(r) + SETTLE_LOOK_US);
		judge_look(&r->judge, r->type->now_us(r->world));
		look(r, from);
	}
}

/* ---- the verdict */

/* The first one counts. */
static void break_at(struct run *r, const char *name, uint64_t revision, int64_t at_us)
{
	if (r->out->broken[0])
		return;
	snprintf(r->out->broken, sizeof r->out->broken, "%s", name);
	r->out->broken_revision = revision;
	r->out->broken_us = at_us;
	judge_witness(&r->judge, r->out->witness);
}

static void judge_always(struct run *r)
{
	const struct violation *v = &r->judge.violation;
	if (!v->name)
		return;
	break_at(r, v->name, v->revision, (int64_t)(v->at_us - r->zero_us));
	memcpy(r->out->witness, v->witness, sizeof v->witness);
	conclude(r, VERDICT_VIOLATED, "%s", v->text);
	mark(r, r->out->why);
}

static void judge_eventually(struct run *r)
{
	for (size_t i = 0; i < r->s->judgement_count; i++) {
		const struct judgement *j = &r->s->judgements[i];
		int64_t at = r->held_since[i];
		struct err why = {0};
		char text[32], within[32];
		if (j->word != JUDGE_EVENTUALLY)
			continue;
		if (at >= 0 && at <= j->within_us) {
			r->out->recovered_us = at > r->out->recovered_us ? at : r->out->recovered_us;
			if (r->watch && r->watch->recovered)
				r->watch->recovered(r->watch->arg, j, at);
			continue;
		}
		r->judge.about_count = 0;
		if (at < 0)
			judge_holds(&r->judge, j, &why);
		else
			snprintf(why.text, sizeof why.text, "it held for good only %s after it", time_text(text, at));
		if (!r->out->broken[0])
			r->out->late = at >= 0;
		break_at(r, j->name, r->judge.ledger.revision, now(r));
		conclude(r, VERDICT_VIOLATED, "not within %s of settle: %s", time_text(within, j->within_us),
			 why.text);
	}
}

/* What was to be so when settle is over, and what was to be seen once. */
static void judge_end(struct run *r)
{
	for (size_t i = 0; i < r->s->judgement_count; i++) {
		const struct judgement *j = &r->s->judgements[i];
		struct err why = {0};
		if (j->word == JUDGE_AT_END && !judge_holds(&r->judge, j, &why)) {
			break_at(r, j->name, r->judge.ledger.revision, now(r));
			conclude(r, VERDICT_VIOLATED, "at the end: %s", why.text);
		}
		if (j->word == JUDGE_SOMETIMES && !r->judge.judged[i].seen)
			conclude(r, VERDICT_INCONCLUSIVE, "line %u was never so: sometimes %s", j->place.line,
				 j->name);
	}
}

static void judge_clients(struct run *r)
{
	struct err why = {0};
	const char *name;
	if (!r->s->checkers || judge_history(&r->judge, &name, &why))
		return;
	break_at(r, name, r->judge.ledger.revision, now(r));
	conclude(r, VERDICT_VIOLATED, "%s", why.text);
}

static bool touched(const struct progress *p)
{
	return p->wish ? p->wish->done && p->wish->code < 400 : p->touched;
}

/* Of a line that happens often, once is enough. */
static void judge_touched(struct run *r)
{
	const struct happening *h = r->plan.happenings, *end = h + r->plan.happening_count;
	while (h < end) {
		const struct line *l = h->line;
		bool any = false;
		for (; h < end && h->line == l; h++)
			any = any || touched(&r->progress[h - r->plan.happenings]);
		if (!any)
			conclude(r, VERDICT_INCONCLUSIVE, "line %u had no effect: %.*s", l->place.line,
				 (int)l->text.len, (const char *)l->text.data);
	}
}

static void judge_all(struct run *r)
{
	struct err why = {0};
	judge_always(r);
	if (violated(r))
		return;
	if (r->s->settle_us && !r->type->whole(r->world, &why)) {
		conclude(r, VERDICT_NOT_HEALED, "after settle %s", why.text);
		return;
	}
	judge_eventually(r);
	judge_end(r);
	judge_clients(r);
	judge_touched(r);
}

static void on_changed(void *arg, uint64_t now_us, const struct ledger *l, const struct led_change *c)
{
	struct run *r = arg;
	if (r->watch && r->watch->recording)
		recording_change(r->watch->recording, l, c);
	if (r->watch && r->watch->changed)
		r->watch->changed(r->watch->arg, (int64_t)(now_us - r->zero_us), l, c);
	if (r->watching)
		watch_for(r, c);
}

void run_script(const struct script *s, uint64_t seed, const struct run_watch *watch,
		struct run_result *out)
{
	struct run r = {.s = s, .watch = watch, .out = out, .type = s->world};
	memset(out, 0, sizeof *out);
	out->seed = seed;
	judge_init(&r.judge, s);
	r.judge.changed = on_changed;
	r.judge.changed_arg = &r;
	r.judge.sent = awaits_messages(s) ? on_sent : NULL;
	r.judge.recording = watch ? watch->recording : NULL;
	plan_make(&r.plan, s, seed);
	r.progress = mem_alloc((r.plan.happening_count + 1) * sizeof *r.progress);
	r.held_since = mem_alloc((s->judgement_count + 1) * sizeof *r.held_since);
	r.world = r.judge.world = s->world->open(s, seed, &r.judge);
	r.zero_us = s->world->now_us(r.world);
	const uint64_t begin = r.zero_us;
	if (warm_up(&r)) {
		timeline(&r);
		if (!violated(&r))
			settle(&r);
		judge_all(&r);
	} else {
		judge_always(&r);
	}
	out->virtual_us = (int64_t)(s->world->now_us(r.world) - begin);
	out->digest = s->world->digest(r.world);
	out->events = s->world->events(r.world);
	out->revisions = r.judge.records;
	s->world->close(r.world);
	judge_fini(&r.judge);
	plan_fini(&r.plan);
	free(r.progress);
	free(r.held_since);
	arena_fini(&r.arena);
}
