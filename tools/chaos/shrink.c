#include "tools/chaos/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "tools/chaos/seeds.h"
#include "tools/chaos/shrink_private.h"

/* Of the runs, so many of ten for the lines once they are few; what is left goes to the words. */
enum { LINES_TENTHS = 8 };

/* ---- one run */

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

/* What follows one of these is a name. */
static bool names_what_follows(const char *word, size_t n)
{
	static const char *const words[] = {"actor", "budget", "by", "cell", "node", "nodes", "pod", "quota", "view"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == n && strncmp(word, words[i], n) == 0)
			return true;
	return false;
}

struct words {
	const char *at, *next; /* the word, and what is behind it */
	bool name, aside; /* a name is next; within parentheses */
};

/* Of a key, "deployments.apps/default/web", its kind. */
static size_t kind_length(const char *word, size_t n)
{
	const char *slash = memchr(word, '/', n);
	return slash ? (size_t)(slash - word) : n;
}

/* The next word that is neither a name nor a number nor said aside, of a key
 * its kind; its length, 0 at the end. */
static size_t next_plain(struct words *t)
{
	for (;;) {
		t->at += strspn(t->at, " ");
		size_t whole = strcspn(t->at, " "), n = kind_length(t->at, whole);
		bool plain = !t->name && strcspn(t->at, "0123456789(") >= n && !memchr(t->at, '-', n);
		if (!whole || (n && plain && !t->aside)) {
			t->name = names_what_follows(t->at, n);
			t->next = t->at + whole;
			return n;
		}
		t->aside = (t->aside || *t->at == '(') && !memchr(t->at, ')', whole);
		t->name = false;
		t->at += whole;
	}
}

bool shrink_same_reason(const char *first, const char *second)
{
	struct words a = {.at = first}, b = {.at = second};
	for (;;) {
		size_t n = next_plain(&a), m = next_plain(&b);
		if (n != m || strncmp(a.at, b.at, n) != 0)
			return false;
		if (!n)
			return true;
		a.at = a.next;
		b.at = b.next;
	}
}

/* "Never" and "too late", "not ready" and "not bound" are different failures:
 * else the shrinker slips from one to the other. */
static bool same_symptom(const struct symptom *a, const struct symptom *b)
{
	return a->name[0] && strcmp(a->name, b->name) == 0 && a->late == b->late && shrink_same_reason(a->why, b->why);
}

static bool shares_a_symptom(const struct run_result *a, const struct run_result *b)
{
	for (size_t i = 0; i < SYMPTOMS; i++)
		for (size_t k = 0; k < SYMPTOMS; k++)
			if (same_symptom(&a->symptoms[i], &b->symptoms[k]))
				return true;
	return false;
}

/* One cause has several symptoms, of which each seed shows some: what was broken
 * beside the first is as good. Of what is judged at each revision the reason
 * counts too, without names and numbers: a node that has too little memory is
 * not one that has too few CPUs, nor a pod too many of a job one of a set. */
static bool likewise(const struct work *w, const struct run_result *r)
{
	const struct run_result *before = &w->out->before;
	if (r->verdict != before->verdict)
		return false;
	if (before->symptoms[0].name[0])
		return shares_a_symptom(before, r);
	return strcmp(r->broken, before->broken) == 0 && (!r->broken[0] || shrink_same_reason(r->why, before->why));
}

/* ---- one candidate */

bool shrink_spent(const struct work *w)
{
	return w->rc || w->out->runs >= w->runs_max;
}

static bool judges(const struct statement *st, const char *broken)
{
	const char *name = strchr(st->text, ' ');
	size_t n = strlen(broken);
	if (!name || st->type != STATEMENT_JUDGE || !n)
		return false;
	name += strspn(name, " \t");
	bool whole = n + 1 < sizeof ((struct run_result *)0)->broken; /* else it is the beginning of a long condition */
	return strncmp(name, broken, n) == 0 && (!whole || strchr(" \t:", name[n]));
}

bool shrink_judges_first(const struct work *w, const struct statement *st)
{
	return judges(st, w->result.broken);
}

bool shrink_judges(const struct work *w, const struct statement *st)
{
	bool any = judges(st, w->out->before.broken);
	for (size_t i = 0; i < SYMPTOMS && !any; i++)
		any = judges(st, w->out->before.symptoms[i].name);
	return any;
}

/* What is no script fails no run. */
static bool parse(const struct work *w, const struct statements *l, uint64_t seed, struct script *s)
{
	struct buf b = {0};
	struct err e = {0};
	statements_write(l, seed, &b);
	bool ok = script_parse(s, w->how->script->file, span_buf(&b), &e) == 0 && script_check(s, &e) == 0;
	buf_fini(&b);
	return ok;
}

static bool is_new(struct work *w, const struct script *s)
{
	if (omap_get(&w->tried, s->text))
		return false;
	omap_put(&w->tried, s->text, w);
	return true;
}

static void take(struct work *w, const struct statements *l, struct script *s, uint64_t seed)
{
	script_fini(&w->script);
	plan_fini(&w->plan);
	w->best = *l;
	w->script = *s;
	memset(s, 0, sizeof *s);
	plan_make(&w->plan, &w->script, seed);
	w->seed = seed;
}

bool shrink_try(struct work *w, const struct statements *l, uint64_t seed, const char *what)
{
	struct script s = {0};
	struct run_result r;
	bool fails = !shrink_spent(w) && parse(w, l, seed, &s) && is_new(w, &s) &&
		     run_once(w, &s, seed, &r) == 0 && likewise(w, &r);
	if (fails) {
		take(w, l, &s, seed);
		w->result = r;
		if (w->how->told)
			w->how->told(w->how->told_arg, what, statements_acts(l), w->out->runs);
	}
	script_fini(&s);
	return fails;
}

bool shrink_take(struct work *w, const struct statements *l, const char *what)
{
	if (shrink_try(w, l, w->seed, what))
		return true;
	for (unsigned i = 1; i < w->how->seeds; i++)
		if (shrink_try(w, l, w->how->seed + i, what))
			return true;
	return false;
}

/* ---- all of it */

static void begin(struct work *w)
{
	struct statements l;
	struct script s;
	statements_read(&l, w->how->script, &w->arena);
	w->out->acts_before = statements_acts(&l);
	w->result = w->out->before;
	if (parse(w, &l, w->how->seed, &s))
		take(w, &l, &s, w->how->seed);
}

static void count_again(struct work *w)
{
	struct run_result r;
	for (unsigned i = 1; i <= SHRINK_AGAIN && w->rc == 0; i++)
		w->out->again += run_once(w, &w->script, w->seed + i, &r) == 0 && likewise(w, &r);
}

int shrink_script(const struct shrink *how, struct shrunk *out, struct err *e)
{
	struct work w = {.how = how, .out = out, .seed = how->seed, .next_seed = how->seed + 1};
	memset(out, 0, sizeof *out);
	if (run_once(&w, how->script, how->seed, &out->before))
		return err_set(e, w.rc, "%s", w.e.text);
	if (out->before.verdict == VERDICT_HELD || out->before.verdict == VERDICT_INCONCLUSIVE)
		return err_set(e, ERR_NOT_FOUND, "seed %llu: %s: there is nothing to shrink",
			       (unsigned long long)how->seed, verdict_name(out->before.verdict));
	begin(&w);
	shrink_lines(&w, how->runs_max * LINES_TENTHS / 10);
	w.runs_max = how->runs_max;
	shrink_weaken(&w);
	shrink_lines(&w, how->runs_max);
	statements_write(&w.best, w.seed, &out->text);
	out->after = w.result;
	out->acts = statements_acts(&w.best);
	uint64_t runs = out->runs;
	count_again(&w);
	out->runs = runs; /* these do not count */
	script_fini(&w.script);
	plan_fini(&w.plan);
	omap_fini(&w.tried, NULL);
	arena_fini(&w.arena);
	return w.rc ? err_set(e, w.rc, "%s", w.e.text) : 0;
}
