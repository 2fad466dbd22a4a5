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

static size_t count_ends(struct span text)
{
	size_t n = 2;
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n' || text.data[i] == ';';
	return n;
}

/* ---- statements */

void statements_read(struct statements *out, const struct script *s, struct arena *a)
{
	struct lexer l;
	out->at = arena_alloc(a, count_ends(s->text) * sizeof *out->at);
	out->count = 0;
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
		if (some && !span_is(first, "seed"))
			out->at[out->count++] = (struct statement){
				.type = type_of(first),
				.text = arena_ndup(a, first.data, (size_t)(end - first.data))};
	}
}

void statements_write(const struct statements *l, uint64_t seed, struct buf *out)
{
	for (size_t i = 0; i < l->count; i++) {
		buf_printf(out, "%s\n", l->at[i].text);
		if (i == 0) /* "chaos 1" is the first line */
			buf_printf(out, "seed %llu\n", (unsigned long long)seed);
	}
}

size_t statements_acts(const struct statements *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++)
		n += l->at[i].type == STATEMENT_ACT;
	return n;
}

/* ---- lines */

/* Where the words of the act begin: behind a time or a range of times. The
 * first two are "at TIME" or "after ID", and an id may be a verb. */
static struct span act_of(const struct line *l)
{
	struct lexer lex;
	struct span text = l->text;
	lex_start(&lex, text);
	lex_next(&lex);
	lex_next(&lex);
	while (lex.now.type != TOKEN_END && lex.now.type != TOKEN_EOF) {
		for (size_t i = 0; i < verb_row_count; i++)
			if (lex.now.type == TOKEN_WORD && span_is(lex.now.text, verb_rows[i].name) &&
			    verb_rows[i].verb == l->act.verb) {
				size_t at = (size_t)(lex.now.text.data - text.data);
				return (struct span){lex.now.text.data, text.len - at};
			}
		lex_next(&lex);
	}
	return text;
}

const char *line_act(const struct line *l, struct arena *a)
{
	struct span act = act_of(l);
	return arena_ndup(a, act.data, act.len);
}

bool line_draws(const struct line *l)
{
	const struct act *a = &l->act;
	bool bytes = a->verb == VERB_TORN_WRITE || a->verb == VERB_CORRUPT || a->verb == VERB_BIT_FLIP;
	bool object = a->of || a->label || (a->verb == VERB_TOUCH && strpbrk(a->subject, "*?"));
	return bytes || object || a->percent != 100 || a->by_us.min != a->by_us.max;
}

/* With what its chance comes from, counted from its nth time. */
static const char *with_chance(const struct line *l, uint64_t nth, struct arena *a)
{
	struct span act = act_of(l);
	const char *text = arena_ndup(a, act.data, act.len);
	if (l->act.id && !nth)
		return text;
	const char *given = strstr(text, " draws ");
	return arena_printf(a, "%.*s draws 0x%llx", given ? (int)(given - text) : (int)act.len, text,
			    (unsigned long long)(l->identity + nth));
}

/* With the one name that was drawn in the place of the pattern, where it was
 * one of several. */
static const char *with_spot(const struct happening *h, struct arena *a)
{
	const struct target *t = &h->line->act.target;
	const char *act = line_act(h->line, a);
	bool named = t->type == TARGET_ACTOR || t->type == TARGET_CELL || t->type == TARGET_NODE ||
		     t->type == TARGET_ZONE || t->type == TARGET_CONTAINERS;
	if (!named || t->mode != MODE_ONE || h->drawn.count != 1 || (!strpbrk(t->name, "*?") && !t->with_count))
		return act;
	size_t before = (size_t)(t->who.data - act_of(h->line).data);
	return arena_printf(a, "%.*s%s%s", (int)before, act, h->drawn.names[0], act + before + t->who.len);
}

static const char *exact(int64_t us, struct arena *a)
{
	size_t u = 2;
	while (u && us % unit_rows[u].us)
		u--;
	return arena_printf(a, "%lld%s", (long long)(us / unit_rows[u].us), unit_rows[u].name);
}

const char *line_pinned(const struct happening *h, struct arena *a)
{
	const struct line *l = h->line;
	uint64_t nth = l->when.type == WHEN_EVERY
			       ? (uint64_t)((h->begin_us - l->when.from_us) / l->when.period_us) : 0;
	return arena_printf(a, "at %s %s", exact(h->begin_us, a),
			    line_draws(l) ? with_chance(l, nth, a) : with_spot(h, a));
}

const char *line_within(const struct line *l, int64_t from_us, int64_t to_us, struct arena *a)
{
	const struct when *w = &l->when;
	int64_t skipped = from_us > w->from_us ? (from_us - w->from_us + w->period_us - 1) / w->period_us : 0;
	return arena_printf(a, "every %s from %s to %s %s", exact(w->period_us, a),
			    exact(w->from_us + skipped * w->period_us, a),
			    exact(to_us < w->to_us ? to_us : w->to_us, a), with_chance(l, (uint64_t)skipped, a));
}
