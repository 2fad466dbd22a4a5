#include "nodes/probes/probe_plan.h"

#include <string.h>

static const struct {
	const char *field, *title;
} kinds[PROBE_KINDS] = {
	[PROBE_STARTUP] = {"startupProbe", "Startup"},
	[PROBE_READINESS] = {"readinessProbe", "Readiness"},
	[PROBE_LIVENESS] = {"livenessProbe", "Liveness"},
};

const char *probe_kind_field(enum probe_kind k)
{
	return kinds[k].field;
}

const char *probe_kind_title(enum probe_kind k)
{
	return kinds[k].title;
}

/* ---- the rule */

enum { SECONDS_MAX = 1 << 30 };

static int64_t positive(struct mp probe, const char *key, int64_t otherwise)
{
	int64_t n = mp_path_int(probe, key, otherwise);
	return n <= 0 ? otherwise : n > SECONDS_MAX ? SECONDS_MAX : n;
}

void probe_rule_read(struct mp probe, enum probe_kind kind, struct probe_rule *out)
{
	int64_t delay = positive(probe, "initialDelaySeconds", 0);
	*out = (struct probe_rule){
		.kind = kind,
		.delay_ms = delay * 1000,
		.period_ms = positive(probe, "periodSeconds", 10) * 1000,
		.timeout_ms = positive(probe, "timeoutSeconds", 1) * 1000,
		.successes = positive(probe, "successThreshold", 1),
		.failures = positive(probe, "failureThreshold", 3),
	};
}

/* ---- when */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void probe_plan_begin(struct probe_plan *p, const struct probe_rule *rule,
		      const struct probe_begin *b)
{
	bool startup = rule->kind == PROBE_STARTUP, liveness = rule->kind == PROBE_LIVENESS;
	int64_t wait = liveness && !rule->delay_ms ? rule->period_ms : rule->delay_ms;
	memset(p, 0, sizeof *p);
	p->rule = *rule;
	p->due_ms = later(b->now_ms, b->now_ms - b->age_ms + wait);
	/* Many containers are found at once by an agent that begins. */
	if (b->adopted)
		p->due_ms = later(p->due_ms,
				  b->now_ms + (int64_t)(b->random % (uint64_t)rule->period_ms));
	p->first_ms = p->due_ms;
	p->early_ms = liveness || b->adopted ? 0 : PROBE_EARLY_MS;
	p->good = liveness || (rule->kind == PROBE_READINESS && b->ready);
	p->open = startup || b->open;
	p->held = startup && b->open;
}

void probe_plan_open(struct probe_plan *p, int64_t now_ms)
{
	if (p->open)
		return;
	p->open = true;
	p->first_ms = p->due_ms = later(p->due_ms, now_ms);
}

void probe_plan_hold(struct probe_plan *p)
{
	p->held = true;
}

int64_t probe_plan_due(const struct probe_plan *p)
{
	return p->open && !p->held && !p->runs ? p->due_ms : INT64_MAX;
}

void probe_plan_ran(struct probe_plan *p, int64_t now_ms)
{
	p->runs = true;
	if (!p->tries++)
		p->ran_ms = now_ms;
}

/* ---- what it means */

static enum probe_verdict conclude(struct probe_plan *p, bool good)
{
	bool was = p->good;
	p->good = good;
	if (p->rule.kind == PROBE_READINESS)
		return was == good ? PROBE_NO_NEWS : good ? PROBE_GOOD : PROBE_BAD;
	if (p->rule.kind == PROBE_LIVENESS && good)
		return PROBE_NO_NEWS;
	p->held = true; /* until there is another attempt */
	return good ? PROBE_GOOD : PROBE_BAD;
}

/* It is not there yet, as was to be expected: when to look again. */
static bool too_early(struct probe_plan *p, int64_t now_ms)
{
	int64_t regular = p->first_ms + p->rule.period_ms, next = now_ms + p->early_ms;
	if (!p->early_ms)
		return false;
	p->early_ms = next < regular ? 2 * p->early_ms : 0;
	p->due_ms = next < regular ? next : later(regular, now_ms);
	return true;
}

enum probe_verdict probe_plan_result(struct probe_plan *p, enum probe_result r, int64_t now_ms,
				     bool *tell)
{
	bool good = r == PROBE_SUCCESS || r == PROBE_WARNING;
	enum probe_result as = good ? PROBE_SUCCESS : r;
	p->runs = false;
	*tell = !p->held && r != PROBE_SUCCESS;
	if (r == PROBE_ERROR && p->tries < PROBE_TRIES) {
		p->due_ms = now_ms;
		*tell = false;
		return PROBE_NO_NEWS;
	}
	p->tries = 0;
	if (r == PROBE_FAILURE && !p->held && too_early(p, now_ms)) {
		*tell = false;
		return PROBE_NO_NEWS;
	}
	p->early_ms = 0;
	/* A run that took longer than a period is followed at once, by one. */
	p->due_ms = later(p->ran_ms + p->rule.period_ms, now_ms);
	if (r == PROBE_ERROR || p->held)
		return PROBE_NO_NEWS;
	p->in_row = p->in_row && p->last == as ? p->in_row + 1 : 1;
	p->last = as;
	if (p->in_row < (good ? p->rule.successes : p->rule.failures))
		return PROBE_NO_NEWS;
	return conclude(p, good);
}
