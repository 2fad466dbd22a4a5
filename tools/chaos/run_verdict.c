/* What a run shows, when it is over. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/chaos/run_private.h"

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

void run_conclude(struct run *r, enum verdict v, const char *fmt, ...)
{
	va_list ap;
	if (verdict_worse(r->out->verdict, v) == r->out->verdict)
		return;
	r->out->verdict = v;
	va_start(ap, fmt);
	vsnprintf(r->out->why, sizeof r->out->why, fmt, ap);
	va_end(ap);
}

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

void run_judge_always(struct run *r)
{
	const struct violation *v = &r->judge.violation;
	if (!v->name)
		return;
	break_at(r, v->name, v->revision, (int64_t)(v->at_us - r->zero_us));
	memcpy(r->out->witness, v->witness, sizeof v->witness);
	run_conclude(r, VERDICT_VIOLATED, "%s", v->text);
	run_mark(r, r->out->why);
}

static void add_symptom(struct run_result *out, const char *name, const char *why, bool late)
{
	for (size_t i = 0; i < SYMPTOMS; i++) {
		struct symptom *s = &out->symptoms[i];
		if (s->name[0])
			continue;
		snprintf(s->name, sizeof s->name, "%s", name);
		snprintf(s->why, sizeof s->why, "%.*s", (int)sizeof s->why - 1, why);
		s->late = late;
		return;
	}
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
		add_symptom(r->out, j->name, why.text, at >= 0);
		break_at(r, j->name, r->judge.ledger.revision, run_now(r));
		run_conclude(r, VERDICT_VIOLATED, "not within %s of settle: %s", time_text(within, j->within_us),
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
			break_at(r, j->name, r->judge.ledger.revision, run_now(r));
			run_conclude(r, VERDICT_VIOLATED, "at the end: %s", why.text);
		}
		if (j->word == JUDGE_SOMETIMES && !r->judge.judged[i].seen)
			run_conclude(r, VERDICT_INCONCLUSIVE, "line %u was never so: sometimes %s", j->place.line,
				 j->name);
	}
}

static void judge_clients(struct run *r)
{
	struct err why = {0};
	const char *name;
	if (!r->s->checkers || judge_history(&r->judge, &name, &why))
		return;
	break_at(r, name, r->judge.ledger.revision, run_now(r));
	run_conclude(r, VERDICT_VIOLATED, "%s", why.text);
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
			run_conclude(r, VERDICT_INCONCLUSIVE, "line %u had no effect: %.*s", l->place.line,
				 (int)l->text.len, (const char *)l->text.data);
	}
}

void run_judge_all(struct run *r)
{
	struct err why = {0};
	run_judge_always(r);
	if (run_violated(r))
		return;
	if (r->s->settle_us && !r->type->whole(r->world, &why)) {
		run_conclude(r, VERDICT_NOT_HEALED, "after settle %s", why.text);
		return;
	}
	judge_eventually(r);
	judge_end(r);
	judge_clients(r);
	judge_touched(r);
}
