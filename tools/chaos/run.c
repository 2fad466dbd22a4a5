#include "tools/chaos/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/recording.h"
#include "tools/chaos/run_private.h"

enum { LOOK_US = 200000, SETTLE_LOOK_US = 500000 };

int64_t run_now(struct run *r)
{
	return (int64_t)(r->type->now_us(r->world) - r->zero_us);
}

bool run_violated(struct run *r)
{
	return r->judge.violation.name != NULL;
}

static void run_to(struct run *r, int64_t at_us)
{
	r->type->run(r->world, r->zero_us + (uint64_t)at_us);
}

void run_mark(struct run *r, const char *text)
{
	if (r->watch && r->watch->recording)
		recording_mark(r->watch->recording, r->type->now_us(r->world), r->judge.ledger.revision, text);
}

void run_tell(struct run *r, const struct happening *h, bool end, const char *text)
{
	char line[500];
	snprintf(line, sizeof line, "line %u %s %s", h->line->place.line, verb_name(h->line->act.verb), text);
	run_mark(r, line);
	if (r->watch && r->watch->step)
		r->watch->step(r->watch->arg, run_now(r), h, end, text, r->judge.ledger.revision);
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
	while (run_now(r) < r->s->warm_up_us && !run_violated(r)) {
		run_to(r, run_now(r) + LOOK_US);
		if (!run_violated(r) && steady(r, &why)) {
			if (r->watch && r->watch->steady)
				r->watch->steady(r->watch->arg, run_now(r), r->judge.ledger.revision);
			r->zero_us = r->type->now_us(r->world);
			judge_begin(&r->judge, r->zero_us);
			r->type->begin(r->world);
			return true;
		}
	}
	run_conclude(r, VERDICT_NOT_STEADY, "nothing was broken yet, and after the warm-up %s", why.text);
	return false;
}

/* ---- the timeline */

static void timeline(struct run *r)
{
	r->watching = true;
	for (size_t i = 0; i < r->plan.step_count && !run_violated(r);) {
		struct step step = r->plan.steps[i];
		run_to(r, step.at_us);
		if (r->judge.pause) {
			run_place_seen(r); /* other steps stand here and behind now, none before */
			continue;
		}
		i++;
		if (!run_violated(r))
			run_take_step(r, &step);
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
			r->held_since[i] = run_now(r) - settled_at;
	}
}

static void settle(struct run *r)
{
	int64_t from = run_now(r);
	judge_settle(&r->judge, r->type->now_us(r->world));
	r->type->heal(r->world);
	run_mark(r, "settle: everything is healed");
	if (r->watch && r->watch->settle)
		r->watch->settle(r->watch->arg, from, r->judge.ledger.revision);
	for (size_t i = 0; i < r->s->judgement_count; i++)
		r->held_since[i] = -1;
	while (run_now(r) < from + r->s->settle_us && !run_violated(r)) {
		run_to(r, run_now(r) + SETTLE_LOOK_US);
		judge_look(&r->judge, r->type->now_us(r->world));
		look(r, from);
	}
}

/* ---- all of it */

static void on_changed(void *arg, uint64_t now_us, const struct ledger *l, const struct led_change *c)
{
	struct run *r = arg;
	if (r->watch && r->watch->recording)
		recording_change(r->watch->recording, l, c);
	if (r->watch && r->watch->changed)
		r->watch->changed(r->watch->arg, (int64_t)(now_us - r->zero_us), l, c);
	if (r->watching && r->awaits_changes)
		run_watch_for(r, c);
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
	r.awaits_changes = run_awaits_changes(s);
	r.judge.sent = run_awaits_messages(s) ? run_on_sent : NULL;
	r.judge.recording = watch ? watch->recording : NULL;
	plan_make(&r.plan, s, seed);
	r.progress = mem_alloc((r.plan.happening_count + 1) * sizeof *r.progress);
	r.held_since = mem_alloc((s->judgement_count + 1) * sizeof *r.held_since);
	r.world = r.judge.world = s->world->open(s, seed, &r.judge);
	r.zero_us = s->world->now_us(r.world);
	const uint64_t begin = r.zero_us;
	if (warm_up(&r)) {
		timeline(&r);
		if (!run_violated(&r))
			settle(&r);
		run_judge_all(&r);
	} else {
		run_judge_always(&r);
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
	omap_fini(&r.deleted, NULL);
	arena_fini(&r.arena);
}
