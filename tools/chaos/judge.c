#include "tools/chaos/judge.h"

#include <stdlib.h>
#include <string.h>

#include "actors/schema/schema.h"
#include "tools/chaos/clients.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/words.h"

void judge_init(struct judge *j, const struct script *s)
{
	memset(j, 0, sizeof *j);
	j->script = s;
	j->type = s->world;
	j->zero_us = UINT64_MAX;
	j->judged = mem_alloc((s->judgement_count + 1) * sizeof *j->judged);
}

void judge_fini(struct judge *j)
{
	ledger_fini(&j->ledger);
	client_history_fini(&j->history);
	schema_free(j->schema);
	free(j->judged);
}

bool judge_asks(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->judgement_count; i++)
		if (s->judgements[i].invariant && strcmp(s->judgements[i].name, name) == 0)
			return true;
	return false;
}

int64_t judge_figure(const struct judge *j, enum figure f)
{
	if (f == FIGURE_REVISIONS)
		return (int64_t)(j->records - j->zero_revisions);
	return j->world && j->type->figure ? j->type->figure(j->world, f) : 0;
}

/* ---- witnesses */

void judge_about(struct judge *j, const struct led_object *o)
{
	for (size_t i = 0; i < j->about_count; i++)
		if (j->about[i] == o)
			return;
	if (o && j->about_count < WITNESSES)
		j->about[j->about_count++] = o;
}

static void put_witness(struct judge *j, struct witness *w, const struct led_object *o,
			const struct led_trace *t)
{
	double at = ((double)t->at_us - (double)(j->zero_us == UINT64_MAX ? 0 : j->zero_us)) / 1e6;
	w->revision = t->revision;
	snprintf(w->text, sizeof w->text, "r%llu %.3fs %.*s %s by %s", (unsigned long long)t->revision,
		 at, (int)o->key.len, (const char *)o->key.data, t->what, t->by);
}

/* The newest of all that is named, then the next, and so on. */
void judge_witness(struct judge *j, struct witness *out)
{
	size_t used[WITNESSES] = {0};
	memset(out, 0, WITNESSES * sizeof *out);
	for (size_t n = WITNESSES; n-- > 0;) {
		size_t best = WITNESSES;
		for (size_t i = 0; i < j->about_count; i++)
			if (used[i] < LED_TRAIL && j->about[i]->trail[used[i]].revision &&
			    (best == WITNESSES || j->about[i]->trail[used[i]].revision >
							  j->about[best]->trail[used[best]].revision))
				best = i;
		if (best == WITNESSES)
			break;
		put_witness(j, &out[n], j->about[best], &j->about[best]->trail[used[best]++]);
	}
	j->about_count = 0;
}

static void violated(struct judge *j, const char *name, uint64_t now_us, const struct err *why)
{
	struct violation *v = &j->violation;
	if (v->name)
		return;
	v->name = name;
	v->at_us = now_us;
	v->revision = j->ledger.revision;
	snprintf(v->text, sizeof v->text, "%s", why->text);
	for (size_t i = 0; i < j->ledger.change_count && !j->about_count; i++) {
		const struct led_change *c = &j->ledger.changes[i];
		judge_about(j, c->now ? c->now : c->was);
	}
	judge_witness(j, v->witness);
}

/* ---- conditions */

static bool condition_holds(struct judge *j, const struct judgement *g, struct err *why)
{
	struct buf b = {0};
	bool good = expr_value(g->condition, j);
	if (good == (g->word != JUDGE_NEVER))
		return true;
	expr_explain(g->condition, j, &b);
	err_set(why, ERR_CONFLICT, "%s%s", good ? "it is so: " : "", buf_text(&b));
	buf_fini(&b);
	return false;
}

bool judge_holds(struct judge *j, const struct judgement *g, struct err *why)
{
	j->about_count = 0;
	return g->condition ? condition_holds(j, g, why) : g->invariant->as_is(j, why);
}

static bool may_have_changed(const struct judge *j, const struct expr *x)
{
	for (size_t i = 0; i < j->ledger.change_count; i++)
		if (expr_depends_on(x, store_stream_of(j->ledger.changes[i].raw->key)))
			return true;
	return false;
}

/* ---- leads-to: a clock runs from the first, unless the second is there */

static void follow(struct judge *j, const struct judgement *g, struct judged *d, uint64_t now_us)
{
	bool is = expr_value(g->condition, j);
	if (is && !d->held && !d->open) {
		d->open = true;
		d->since_us = now_us;
		d->since_revision = j->ledger.revision;
	}
	d->held = is;
	d->seen = d->seen || is;
	if (d->open && expr_value(g->then, j))
		d->open = false;
}

static void check_clock(struct judge *j, const struct judgement *g, struct judged *d, uint64_t now_us)
{
	struct buf b = {0};
	struct err why = {0};
	char within[32];
	if (!d->open || now_us <= d->since_us + (uint64_t)g->within_us)
		return;
	expr_explain(g->then, j, &b);
	err_set(&why, ERR_TIMEOUT, "it was so at revision %llu and what it leads to did not come within %s: %s",
		(unsigned long long)d->since_revision, time_text(within, g->within_us), buf_text(&b));
	buf_fini(&b);
	violated(j, g->name, now_us, &why);
}

/* ---- a revision */

static bool during(const struct judge *j, const struct judgement *g)
{
	return g->word == JUDGE_STEADY && g->during && j->timeline;
}

static void judge_at_revision(struct judge *j, const struct judgement *g, struct judged *d, uint64_t now_us)
{
	struct err why = {0};
	bool demanded = g->word == JUDGE_ALWAYS || g->word == JUDGE_NEVER || during(j, g);
	j->about_count = 0;
	if (g->invariant) {
		bool (*holds)(struct judge *, struct err *) =
			g->word == JUDGE_ALWAYS ? g->invariant->at_revision : g->invariant->as_is;
		if (demanded && !holds(j, &why))
			violated(j, g->name, now_us, &why);
		return;
	}
	bool moved = may_have_changed(j, g->condition) || (g->then && may_have_changed(j, g->then));
	if (!moved || (!demanded && j->zero_us == UINT64_MAX))
		return;
	if (g->word == JUDGE_LEADS_TO)
		follow(j, g, d, now_us);
	else if (g->word == JUDGE_SOMETIMES)
		d->seen = d->seen || expr_value(g->condition, j);
	else if (demanded && !condition_holds(j, g, &why))
		violated(j, g->name, now_us, &why);
}

/* That revisions rise is judged before the fold, whatever the script asks for. */
static bool revisions_rise(struct judge *j, uint64_t revision, uint64_t last, struct err *why)
{
	uint64_t before = j->ledger.record.before; /* 0: the store began with an empty log */
	if (revision > last && (before == last || !before))
		return true;
	err_set(why, ERR_CONFLICT, "revision %llu, which says that it follows %llu, came after %llu",
		(unsigned long long)revision, (unsigned long long)j->ledger.record.before,
		(unsigned long long)last);
	return false;
}

static void log_clients(struct judge *j)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct record_change *c = j->ledger.changes[i].raw;
		char key[24];
		if (!client_key(c->key))
			continue;
		snprintf(key, sizeof key, "%.*s", (int)c->key.len, (const char *)c->key.data);
		client_history_log(&j->history, j->ledger.revision, key, client_value(c->value));
	}
}

bool judge_history(struct judge *j, const char **name, struct err *why)
{
	struct client_history *h = &j->history;
	size_t op;
	if (!client_history_holds(h)) {
		enum checker of = client_checker(&h->ops[h->wrong]);
		*name = row_name(checker_rows, checker_row_count, (int)of);
		return err_set(why, ERR_CONFLICT, "%s", h->why) == 0;
	}
	if (client_money_conserved(h, &op))
		return true;
	*name = row_name(checker_rows, checker_row_count, CHECKER_BANK);
	err_set(why, ERR_CONFLICT, "operation %zu of client %u at revision %llu saw another sum than there was "
		"from the beginning", op, h->ops[op].client, (unsigned long long)h->ops[op].revision);
	return false;
}

void judge_record(struct judge *j, uint64_t now_us, uint64_t revision, struct span record)
{
	struct err why = {0};
	uint64_t last = j->ledger.revision;
	j->ledger.now_us = now_us;
	if (ledger_fold(&j->ledger, revision, record)) {
		err_set(&why, ERR_CORRUPT, "revision %llu is no record", (unsigned long long)revision);
		violated(j, "rev-monotonic", now_us, &why);
		return;
	}
	if (!revisions_rise(j, revision, last, &why))
		violated(j, "rev-monotonic", now_us, &why);
	for (size_t i = 0; j->changed && i < j->ledger.change_count; i++)
		j->changed(j->changed_arg, now_us, &j->ledger, &j->ledger.changes[i]);
	for (size_t i = 0; i < j->script->judgement_count; i++)
		judge_at_revision(j, &j->script->judgements[i], &j->judged[i], now_us);
	if (j->script->checkers)
		log_clients(j);
	j->records++;
	ledger_close(&j->ledger);
	judge_look(j, now_us);
}

/* ---- what the store tells its writers, and what its disk keeps */

void judge_acknowledged(struct judge *j, uint64_t now_us, uint64_t revision, struct span to)
{
	struct err why = {0};
	if (revision > j->acked) {
		j->acked = revision;
		snprintf(j->acked_to, sizeof j->acked_to, "%.*s", (int)to.len, (const char *)to.data);
	}
	if (revision <= j->ledger.revision)
		return;
	err_set(&why, ERR_CONFLICT, "%s was told that revision %llu is committed, and the disk has %llu at most",
		j->acked_to, (unsigned long long)revision, (unsigned long long)j->ledger.revision);
	violated(j, "acked-durable", now_us, &why);
}

void judge_lost(struct judge *j, uint64_t now_us, uint64_t kept)
{
	struct err why = {0};
	if (kept >= j->acked)
		return;
	err_set(&why, ERR_CONFLICT, "%s was told that revision %llu is committed, and the disk has %llu at most, "
		"since it lost what it had synced", j->acked_to, (unsigned long long)j->acked,
		(unsigned long long)kept);
	violated(j, "acked-durable", now_us, &why);
}

/* ---- phases */

void judge_begin(struct judge *j, uint64_t now_us)
{
	j->zero_us = now_us;
	j->zero_revisions = j->records;
	j->timeline = true;
	for (size_t i = 0; i < j->script->judgement_count; i++) {
		const struct judgement *g = &j->script->judgements[i];
		if (g->word == JUDGE_LEADS_TO)
			follow(j, g, &j->judged[i], now_us);
		else if (g->word == JUDGE_SOMETIMES)
			j->judged[i].seen = expr_value(g->condition, j);
	}
}

/* Nothing is demanded in time while things are broken: what is open begins anew. */
void judge_settle(struct judge *j, uint64_t now_us)
{
	j->timeline = false;
	for (size_t i = 0; i < j->script->judgement_count; i++)
		j->judged[i].since_us = now_us;
}

void judge_look(struct judge *j, uint64_t now_us)
{
	for (size_t i = 0; i < j->script->judgement_count && j->zero_us != UINT64_MAX && !j->timeline; i++)
		if (j->script->judgements[i].word == JUDGE_LEADS_TO)
			check_clock(j, &j->script->judgements[i], &j->judged[i], now_us);
}
