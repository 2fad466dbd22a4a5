/* What is left becomes plainer: fewer settings and judgements, shorter, rarer,
 * rounder, as long as it fails in the same way. */
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/shrink_private.h"

/* ---- statements taken out */

static bool counts(const struct work *w, const struct statement *st, enum statement_type type)
{
	return st->type == type && !shrink_judges_first(w, st);
}

/* Of those of one type, counted from 0, without [from, from + n). */
static struct statements without(struct work *w, enum statement_type type, size_t from, size_t n)
{
	struct statements l = {arena_alloc(&w->arena, (w->best.count + 1) * sizeof *l.at), 0};
	size_t nth = 0;
	for (size_t i = 0; i < w->best.count; i++) {
		const struct statement *st = &w->best.at[i];
		bool counted = counts(w, st, type);
		if (!counted || nth < from || nth >= from + n)
			l.at[l.count++] = *st;
		nth += counted;
	}
	return l;
}

static size_t count_of(const struct work *w, enum statement_type type)
{
	size_t n = 0;
	for (size_t i = 0; i < w->best.count; i++)
		n += counts(w, &w->best.at[i], type);
	return n;
}

/* Chunks of half, a quarter, ... one (Zeller's ddmin, by complements). */
static void take_out(struct work *w, enum statement_type type, const char *what)
{
	for (size_t chunk = count_of(w, type); chunk && !shrink_spent(w); chunk /= 2)
		for (size_t from = 0; from < count_of(w, type) && !shrink_spent(w);) {
			struct statements l = without(w, type, from, chunk);
			if (!shrink_take(w, &l, what))
				from += chunk;
		}
}

/* ---- words */

static bool reword(struct work *w, size_t i, const char *text)
{
	struct statements l = {arena_alloc(&w->arena, (w->best.count + 1) * sizeof *l.at), w->best.count};
	memcpy(l.at, w->best.at, l.count * sizeof *l.at);
	l.at[i].text = text;
	return shrink_take(w, &l, "weaker");
}

/* The word at `at`, `n` long, as `word`. */
static bool replace(struct work *w, size_t i, size_t at, size_t n, const char *word)
{
	const char *text = w->best.at[i].text;
	return reword(w, i, arena_printf(&w->arena, "%.*s%s%s", (int)at, text, word, text + at + n));
}

/* Times rounded to what a person would write, as coarse as it goes. */
static bool round_time(struct work *w, size_t i, size_t at, size_t n, int64_t us)
{
	static const int64_t steps[] = {1000000, 100000, 10000, 1000};
	for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
		int64_t round = (us + steps[k] / 2) / steps[k] * steps[k];
		char text[32];
		if (us % steps[k] == 0)
			return false; /* it is that round already */
		if (round > 0 && replace(w, i, at, n, time_text(text, round)))
			return true;
	}
	return false;
}

static bool is_load(const char *text)
{
	static const char *const words[] = {"nodes ", "clients ", "replicaset ", "deployment ", "statefulset ", "job "};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* Whether the word at `at` counts something that may be less. */
static bool weaken_word(struct work *w, size_t i, size_t at)
{
	const char *text = w->best.at[i].text, *word = text + at;
	size_t n = strcspn(word, " \t");
	char *unit;
	int64_t number = strtoll(word, &unit, 10);
	if (unit == word)
		return false;
	if (w->best.at[i].type == STATEMENT_ACT && unit + 2 == word + n)
		return (strncmp(unit, "us", 2) == 0 && round_time(w, i, at, n, number)) ||
		       (strncmp(unit, "ms", 2) == 0 && round_time(w, i, at, n, number * 1000));
	return is_load(text) && unit == word + n && number > 1 &&
	       replace(w, i, at, n, arena_printf(&w->arena, "%lld", (long long)number / 2));
}

static bool weaken_words(struct work *w, size_t i)
{
	for (size_t at = 0;; at++) {
		at += strcspn(w->best.at[i].text + at, " \t");
		if (!w->best.at[i].text[at])
			return false;
		if (weaken_word(w, i, at + 1))
			return true;
	}
}

/* ---- clauses */

static const struct line *line_of(const struct work *w, size_t i)
{
	size_t nth = 0;
	for (size_t k = 0; k < i; k++)
		nth += w->best.at[k].type == STATEMENT_ACT;
	return w->best.at[i].type == STATEMENT_ACT ? &w->script.lines[nth] : NULL;
}

static bool is_named(const struct work *w, const struct line *l)
{
	for (size_t i = 0; i < w->script.line_count; i++)
		if (w->script.lines[i].follows == l || w->script.lines[i].ends == l)
			return true;
	return false;
}

/* " WORD X" of the line's text is left out. */
static bool drop_clause(struct work *w, size_t i, const char *word)
{
	const char *text = w->best.at[i].text, *begin = strstr(text, word);
	if (!begin)
		return false;
	const char *value = begin + strlen(word), *end = value + strcspn(value, " \t");
	return reword(w, i, arena_printf(&w->arena, "%.*s%s", (int)(begin - text), text, end));
}

static bool weaken_clauses(struct work *w, size_t i)
{
	const struct line *l = line_of(w, i);
	if (!l)
		return false;
	return (l->act.draws && drop_clause(w, i, " draws ")) ||
	       (l->act.id && !is_named(w, l) && drop_clause(w, i, " id ")) ||
	       (l->act.target.mode != MODE_ONE && drop_clause(w, i, " mode ")) ||
	       (l->act.percent != 100 && drop_clause(w, i, " percent "));
}

/* What happens often: once, or half as long. */
static bool weaken_every(struct work *w, size_t i)
{
	const struct line *l = line_of(w, i);
	if (!l || l->when.type != WHEN_EVERY)
		return false;
	const struct happening *first = w->plan.happenings, *last;
	while (first->line != l)
		first++;
	for (last = first; last + 1 < w->plan.happenings + w->plan.happening_count && last[1].line == l;)
		last++;
	if (reword(w, i, line_pinned(last, &w->arena)) || reword(w, i, line_pinned(first, &w->arena)))
		return true;
	int64_t half = first->begin_us + (last->begin_us - first->begin_us) / 2;
	return last > first + 1 && (reword(w, i, line_within(l, half, INT64_MAX, &w->arena)) ||
				    reword(w, i, line_within(l, first->begin_us, half, &w->arena)));
}

void shrink_weaken(struct work *w)
{
	take_out(w, STATEMENT_JUDGE, "fewer judgements");
	take_out(w, STATEMENT_SETTING, "fewer settings");
	for (size_t i = 0; i < w->best.count && !shrink_spent(w); i++)
		while (!shrink_spent(w) && (weaken_every(w, i) || weaken_clauses(w, i)))
			;
	for (size_t i = 0; i < w->best.count && !shrink_spent(w); i++)
		while (!shrink_spent(w) && weaken_words(w, i))
			;
}
