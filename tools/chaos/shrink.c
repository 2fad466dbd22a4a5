#include "tools/chaos/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "tools/chaos/pin.h"
#include "tools/chaos/seeds.h"

struct work {
	const struct shrink *how;
	struct shrunk *out;
	struct arena arena;
	struct statements best;
	uint64_t seed; /* of the best so far */
	struct run_result result;
	int rc;
	struct err e;
};

/* ---- one candidate */

static void write_script(struct buf *b, const struct statements *l, uint64_t seed)
{
	for (size_t i = 0; i < l->count; i++) {
		buf_printf(b, "%s\n", l->at[i].text);
		if (i == 0) /* "chaos 1" is the first line */
			buf_printf(b, "seed %llu\n", (unsigned long long)seed);
	}
}

static void keep(void *arg, const struct run_result *r)
{
	*(struct run_result *)arg = *r;
}

static int run_once(struct work *w, const struct script *s, uint64_t seed, struct run_result *r)
{
	struct seeds one = {.first = seed, .last = seed, .jobs = 1};
	w->out->runs++;
	return w->rc = seeds_run(s, &one, keep, r, &w->e);
}

/* The next word that is no name and no number; its length, 0 at the end. */
static size_t next_plain(const char **text)
{
	for (;;) {
		*text += strspn(*text, " ");
		size_t n = strcspn(*text, " ");
		if (!n || (strcspn(*text, "/0123456789") >= n && !memchr(*text, '-', n)))
			return n;
		*text += n;
	}
}

/* The same reason, of whatever objects. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		size_t n = next_plain(&a), m = next_plain(&b);
		if (n != m || strncmp(a, b, n) != 0)
			return false;
		if (!n)
			return true;
		a += n;
		b += m;
	}
}

/* "Never" and "too late", "not ready" and "not bound" are different failures:
 * else the shrinker slips from one to the other. Of what is judged at each
 * revision the witnesses differ, and the invariant says it all. */
static bool likewise(const struct work *w, const struct run_result *r)
{
	const struct run_result *before = &w->out->before;
	bool late = strncmp(before->why, "not within", 10) == 0;
	return r->verdict == before->verdict && strcmp(r->broken, before->broken) == 0 &&
	       r->late == before->late && (!late || same_words(r->why, before->why));
}

static bool spent(const struct work *w)
{
	return w->rc || w->out->runs >= w->how->runs_max;
}

/* The seed of the best so far first, then those that follow the first one. */
static bool fails(struct work *w, const struct script *s)
{
	for (unsigned i = 0; i < w->how->seeds && !spent(w); i++) {
		uint64_t seed = i ? w->how->seed + i : w->seed;
		struct run_result r;
		if (run_once(w, s, seed, &r) || !likewise(w, &r))
			continue;
		w->seed = seed;
		w->result = r;
		return true;
	}
	return false;
}

/* Takes it as the best when it fails likewise. What is no script fails no run. */
static bool take(struct work *w, const struct statements *l, const char *what)
{
	struct script s;
	struct buf b = {0};
	struct err e = {0};
	if (spent(w))
		return false;
	write_script(&b, l, w->seed);
	bool ok = script_parse(&s, w->how->script->file, (struct span){b.data, b.len}, &e) == 0 &&
		  script_check(&s, &e) == 0 && fails(w, &s);
	script_fini(&s);
	buf_fini(&b);
	if (!ok)
		return false;
	w->best = *l;
	if (w->how->told)
		w->how->told(w->how->told_arg, what, statements_acts(l), w->out->runs);
	return true;
}

/* ---- statements taken out */

static bool judges_it(const struct work *w, const struct statement *st)
{
	const char *name = strchr(st->text, ' ');
	size_t n = strlen(w->out->before.broken);
	if (!name || st->type != STATEMENT_JUDGE || !n)
		return false;
	name += strspn(name, " \t");
	bool whole = n + 1 < sizeof w->out->before.broken; /* else it is the beginning of a long condition */
	return strncmp(name, w->out->before.broken, n) == 0 && (!whole || strchr(" \t:", name[n]));
}

/* Of those of one type, counted from 0, without [from, from + n). */
static struct statements without(struct work *w, enum statement_type type, size_t from, size_t n)
{
	struct statements l = {arena_alloc(&w->arena, (w->best.count + 1) * sizeof *l.at), 0};
	size_t nth = 0;
	for (size_t i = 0; i < w->best.count; i++) {
		const struct statement *st = &w->best.at[i];
		bool counted = st->type == type && !judges_it(w, st);
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
		n += w->best.at[i].type == type && !judges_it(w, &w->best.at[i]);
	return n;
}

/* ddmin by complements: chunks of half, a quarter, ... one. */
static void take_out(struct work *w, enum statement_type type, const char *what)
{
	size_t chunk = count_of(w, type);
	while (chunk && !spent(w)) {
		bool any = false;
		for (size_t from = 0; from < count_of(w, type) && !spent(w);) {
			struct statements l = without(w, type, from, chunk);
			if (take(w, &l, what))
				any = true;
			else
				from += chunk;
		}
		if (chunk == 1 && !any)
			return;
		if (chunk > 1)
			chunk /= 2;
	}
}

/* ---- words weakened */

static struct statements with(struct work *w, size_t i, const char *text)
{
	struct statements l = {arena_alloc(&w->arena, (w->best.count + 1) * sizeof *l.at), w->best.count};
	memcpy(l.at, w->best.at, l.count * sizeof *l.at);
	l.at[i].text = text;
	return l;
}

/* The word at `at`, `n` long, as `word`. */
static bool reword(struct work *w, size_t i, size_t at, size_t n, const char *word)
{
	const char *text = w->best.at[i].text;
	struct statements l = with(w, i, arena_printf(&w->arena, "%.*s%s%s", (int)at, text, word, text + at + n));
	return take(w, &l, "weaker");
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
		if (round > 0 && reword(w, i, at, n, time_text(text, round)))
			return true;
	}
	return false;
}

static bool halve(struct work *w, size_t i, size_t at, size_t n, int64_t number, const char *unit)
{
	return number > 1 && reword(w, i, at, n, arena_printf(&w->arena, "%lld%s", (long long)number / 2, unit));
}

/* Whether the word behind the blank at `at` counts something that may be less. */
static bool weaken_word(struct work *w, size_t i, size_t at)
{
	const char *text = w->best.at[i].text, *word = text + at;
	size_t n = strcspn(word, " \t");
	char *unit;
	int64_t number = strtoll(word, &unit, 10);
	bool is_number = unit != word && unit == word + n;
	bool act = w->best.at[i].type == STATEMENT_ACT;
	if (act && unit != word && strncmp(unit, "us", 2) == 0 && unit + 2 == word + n)
		return round_time(w, i, at, n, number);
	if (strncmp(text, "nodes ", 6) == 0 || strncmp(text, "replicaset ", 11) == 0 ||
	    strncmp(text, "deployment ", 11) == 0 || strncmp(text, "statefulset ", 12) == 0 ||
	    strncmp(text, "job ", 4) == 0)
		return is_number && halve(w, i, at, n, number, "");
	return false;
}

static bool weaken(struct work *w, size_t i)
{
	for (size_t at = 0;; at++) {
		at += strcspn(w->best.at[i].text + at, " \t");
		if (!w->best.at[i].text[at])
			return false;
		if (weaken_word(w, i, at + 1))
			return true;
	}
}

static void weaken_all(struct work *w)
{
	for (size_t i = 0; i < w->best.count && !spent(w); i++)
		while (weaken(w, i) && !spent(w))
			;
}

/* ---- all of it */

static void begin(struct work *w)
{
	const struct script *s = w->how->script;
	const struct run_result *r = &w->out->before;
	struct statements pinned;
	struct plan p;
	statements_read(&w->best, s, &w->arena);
	w->out->acts_before = statements_acts(&w->best);
	plan_make(&p, s, w->how->seed);
	int64_t until = r->verdict == VERDICT_VIOLATED && r->broken_us ? r->broken_us : INT64_MAX;
	statements_pin(&pinned, s, &p, until, &w->arena);
	take(w, &pinned, "as it was drawn");
	plan_fini(&p);
}

static void count_again(struct work *w)
{
	struct script s;
	struct err e = {0};
	struct run_result r;
	if (script_parse(&s, w->how->script->file, (struct span){w->out->text.data, w->out->text.len}, &e) == 0 &&
	    script_check(&s, &e) == 0)
		for (unsigned i = 1; i <= SHRINK_AGAIN && w->rc == 0; i++)
			w->out->again += run_once(w, &s, w->seed + i, &r) == 0 && likewise(w, &r);
	script_fini(&s);
}

int shrink_script(const struct shrink *how, struct shrunk *out, struct err *e)
{
	struct work w = {.how = how, .out = out, .seed = how->seed};
	memset(out, 0, sizeof *out);
	if (run_once(&w, how->script, how->seed, &out->before))
		return err_set(e, w.rc, "%s", w.e.text);
	if (out->before.verdict == VERDICT_HELD || out->before.verdict == VERDICT_INCONCLUSIVE)
		return err_set(e, ERR_NOT_FOUND, "seed %llu: %s: there is nothing to shrink",
			       (unsigned long long)how->seed, verdict_name(out->before.verdict));
	w.result = out->before;
	begin(&w);
	take_out(&w, STATEMENT_ACT, "fewer lines");
	take_out(&w, STATEMENT_JUDGE, "fewer judgements");
	take_out(&w, STATEMENT_SETTING, "fewer settings");
	weaken_all(&w);
	take_out(&w, STATEMENT_ACT, "fewer lines");
	write_script(&out->text, &w.best, w.seed);
	out->after = w.result;
	out->acts = statements_acts(&w.best);
	uint64_t runs = out->runs;
	count_again(&w);
	out->runs = runs; /* these do not count */
	arena_fini(&w.arena);
	return w.rc ? err_set(e, w.rc, "%s", w.e.text) : 0;
}
