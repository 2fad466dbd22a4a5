#include "tools/chaos/pin.h"

#include <string.h>

#include "tools/chaos/words.h"

static enum statement_type type_of(struct span word)
{
	static const char *const heads[] = {"chaos", "world"}, *const acts[] = {"at", "after", "every", "when"},
			  *const judges[] = {"steady", "always", "never", "eventually",
						   "leads-to", "sometimes", "at-end", "checker"};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (span_is(word, heads[i]))
			return STATEMENT_HEAD;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (span_is(word, acts[i]))
			return STATEMENT_ACT;
	for (size_t i = 0; i < sizeof judges / sizeof *judges; i++)
		if (span_is(word, judges[i]))
			return STATEMENT_JUDGE;
	return STATEMENT_SETTING;
}

static void add(struct statements *out, enum statement_type type, const char *text)
{
	out->at[out->count++] = (struct statement){type, text};
}

static size_t count_ends(struct span text)
{
	size_t n = 2;
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n' || text.data[i] == ';';
	return n;
}

static void read_into(struct statements *out, const struct script *s, bool acts, struct arena *a)
{
	struct lexer l;
	lex_start(&l, s->text);
	while (l.now.type != TOKEN_EOF) {
		struct span first = l.now.text;
		const uint8_t *end = first.data;
		bool some = false;
		for (; l.now.type != TOKEN_END && l.now.type != TOKEN_EOF; lex_next(&l)) {
			end = l.now.text.data + l.now.text.len + (l.now.type == TOKEN_STRING);
			some = true;
		}
		if (l.now.type == TOKEN_END)
			lex_next(&l);
		enum statement_type type = type_of(first);
		if (some && !span_is(first, "seed") && (acts || type != STATEMENT_ACT))
			add(out, type, arena_ndup(a, first.data, (size_t)(end - first.data)));
	}
}

void statements_read(struct statements *out, const struct script *s, struct arena *a)
{
	out->at = arena_alloc(a, count_ends(s->text) * sizeof *out->at);
	out->count = 0;
	read_into(out, s, true, a);
}

/* ---- a plan */

static const char *when_text(const struct happening *h, struct arena *a)
{
	return arena_printf(a, "at %lldus", (long long)h->begin_us);
}

static const char *user_text(const struct happening *h, struct arena *a)
{
	const struct act *act = &h->line->act;
	if (act->verb == VERB_COMPACT)
		return arena_printf(a, "%s compact store", when_text(h, a));
	if (act->verb == VERB_TOUCH)
		return arena_printf(a, "%s touch %s", when_text(h, a), act->subject);
	if (act->verb == VERB_SCALE)
		return arena_printf(a, "%s scale %s %lld", when_text(h, a), act->subject,
				    (long long)act->number);
	return arena_printf(a, "%s delete pod %s%s", when_text(h, a), act->of ? "of " : "", act->subject);
}

static const char *clauses_text(const struct happening *h, struct arena *a)
{
	const struct act *act = &h->line->act;
	const struct verb_row *v = verb_row(act->verb);
	const struct range by = act->verb == VERB_SKEW ? (struct range){h->by_us, h->by_us} : act->by_us;
	const char *text = "";
	if (act->from)
		text = arena_printf(a, "%s from %s", text, act->from);
	if (act->to)
		text = arena_printf(a, "%s to %s", text, act->to);
	if (v->clauses & CLAUSE_PERCENT && act->percent != 100)
		text = arena_printf(a, "%s percent %lld", text, (long long)act->percent);
	if (v->clauses & CLAUSE_BY)
		text = arena_printf(a, "%s by %lldus..%lldus", text, (long long)by.min, (long long)by.max);
	if (v->clauses & CLAUSE_WITH)
		text = arena_printf(a, "%s with %s", text,
				    act->verb == VERB_IO_ERROR
					    ? row_name(errno_rows, errno_row_count, act->with)
					    : row_name(refusal_rows, refusal_row_count, act->with));
	if (v->clauses & CLAUSE_RATE)
		text = arena_printf(a, "%s rate %lld", text, (long long)act->rate);
	return text;
}

/* A kind's spots are its actors. */
static const char *fault_text(const struct happening *h, const char *spot, struct arena *a)
{
	static const char *const ways[] = {
		[WAY_TO] = " from broker direction to", [WAY_FROM] = " from broker direction from",
		[WAY_BOTH] = " from broker"};
	const struct act *act = &h->line->act;
	enum target_type type = act->target.type == TARGET_KIND ? TARGET_ACTOR : act->target.type;
	const char *name = type == TARGET_BROKER || type == TARGET_STORE ? "" : arena_printf(a, " %s", spot);
	const char *length = !verb_lasts(act->verb) ? ""
				: arena_printf(a, " for %lldus", (long long)(h->end_us - h->begin_us));
	return arena_printf(a, "%s %s %s%s%s%s%s", when_text(h, a), verb_name(act->verb),
			    target_name(type), name, act->verb == VERB_PARTITION ? ways[act->ways] : "",
			    clauses_text(h, a), length);
}

/* What waits for something stays as it is written, and so does what follows it. */
static void pin(struct statements *out, const struct happening *h, struct arena *a)
{
	if (h->awaited) {
		add(out, STATEMENT_ACT, arena_ndup(a, h->line->text.data, h->line->text.len));
		return;
	}
	if (!verb_is_fault(h->line->act.verb))
		add(out, STATEMENT_ACT, user_text(h, a));
	for (size_t i = 0; i < h->spots.count; i++)
		add(out, STATEMENT_ACT, fault_text(h, h->spots.names[i], a));
}

/* Behind the timeline, as scripts are written: their order means nothing. */
static bool stands_last(const struct statement *st)
{
	return st->type == STATEMENT_JUDGE || strncmp(st->text, "settle", 6) == 0;
}

static void add_some(struct statements *out, const struct statements *from, bool last)
{
	for (size_t i = 0; i < from->count; i++)
		if (stands_last(&from->at[i]) == last)
			out->at[out->count++] = from->at[i];
}

void statements_pin(struct statements *out, const struct script *s, const struct plan *p,
		    int64_t until_us, struct arena *a)
{
	struct statements rest = {.at = arena_alloc(a, count_ends(s->text) * sizeof *rest.at)};
	size_t most = p->happening_count;
	for (size_t i = 0; i < p->happening_count; i++)
		most += p->happenings[i].spots.count;
	read_into(&rest, s, false, a);
	out->at = arena_alloc(a, (most + rest.count) * sizeof *out->at);
	out->count = 0;
	add_some(out, &rest, false);
	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].type != STEP_END &&
		    (p->steps[i].what->awaited || p->steps[i].at_us <= until_us))
			pin(out, p->steps[i].what, a);
	add_some(out, &rest, true);
}

size_t statements_acts(const struct statements *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++)
		n += l->at[i].type == STATEMENT_ACT;
	return n;
}
