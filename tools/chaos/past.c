#include "tools/chaos/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/json.h"

struct reading {
	struct past *p;
	const char *file;
	unsigned line;
	size_t cap;
	struct err *e;
};

/* ---- lines of JSON */

static int refuse(struct reading *r, const char *what)
{
	return err_set(r->e, ERR_INVALID, "%s:%u: %s", r->file, r->line, what);
}

static int64_t number_of(const struct doc *d, const char *key)
{
	const struct doc *v = doc_get(d, key);
	return doc_is(v, DOC_INT) ? v->integer : 0;
}

static struct span text_of(const struct doc *d, const char *key)
{
	const struct doc *v = doc_get(d, key);
	return doc_is(v, DOC_STR) ? v->text : (struct span){0};
}

static void copy(char *to, size_t cap, struct span text)
{
	snprintf(to, cap, "%.*s", (int)text.len, text.len ? (const char *)text.data : "");
}

static int verdict_of(struct span name, enum verdict *out)
{
	for (enum verdict v = VERDICT_HELD; v <= VERDICT_INCONCLUSIVE; v++)
		if (span_is(name, verdict_name(v))) {
			*out = v;
			return 0;
		}
	return -1;
}

static int read_digest(const struct doc *d, uint64_t *out)
{
	char text[32], *end;
	copy(text, sizeof text, text_of(d, "digest"));
	*out = strtoull(text, &end, 16);
	return *text && !*end ? 0 : -1;
}

static int read_run(struct reading *r, const struct doc *d, struct past_run *out)
{
	struct run_result *to = &out->result;
	struct span script = text_of(d, "script");
	if (!doc_is(doc_get(d, "seed"), DOC_INT))
		return refuse(r, "seed: expected a whole number");
	if (!script.len)
		return refuse(r, "script: expected the file of the script");
	if (verdict_of(text_of(d, "verdict"), &to->verdict))
		return refuse(r, "verdict: expected held, violated, not steady, not healed or inconclusive");
	if (read_digest(d, &to->digest))
		return refuse(r, "digest: expected a number in hexadecimal");
	out->script = arena_ndup(&r->p->arena, script.data, script.len);
	to->seed = (uint64_t)number_of(d, "seed");
	to->broken_revision = (uint64_t)number_of(d, "revision");
	to->broken_us = number_of(d, "at_ms") * 1000;
	to->faults = (size_t)number_of(d, "faults");
	to->revisions = (uint64_t)number_of(d, "revisions");
	to->events = (uint64_t)number_of(d, "events");
	to->virtual_us = number_of(d, "virtual_ms") * 1000;
	to->recovered_us = number_of(d, "recovered_ms") * 1000;
	copy(to->why, sizeof to->why, text_of(d, "why"));
	copy(to->broken, sizeof to->broken, text_of(d, "broken"));
	return 0;
}

static int read_line(struct reading *r, struct span text)
{
	struct past *p = r->p;
	struct arena a = {0};
	struct doc *d = NULL;
	struct err e = {0};
	int rc = json_parse(&a, text, &d, NULL, &e);
	if (rc)
		rc = refuse(r, e.text);
	else if (!doc_is(d, DOC_MAP))
		rc = refuse(r, "expected a run, which is a JSON object");
	else if (!doc_get(d, "seeds")) {
		if (p->count == r->cap)
			p->runs = mem_realloc(p->runs, (r->cap = r->cap * 2 + 16) * sizeof *p->runs);
		memset(&p->runs[p->count], 0, sizeof *p->runs);
		rc = read_run(r, d, &p->runs[p->count]);
		p->count += rc == 0;
	}
	arena_fini(&a);
	return rc;
}

int past_read(struct past *p, const char *file, struct err *e)
{
	struct reading r = {.p = p, .file = strcmp(file, "-") ? file : "(standard input)", .e = e};
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;
	memset(p, 0, sizeof *p);
	FILE *f = strcmp(file, "-") ? fopen(file, "re") : stdin;
	if (!f)
		return err_set(e, ERR_IO, "%s: %s", file, strerror(errno));
	while (rc == 0 && (n = getline(&text, &cap, f)) >= 0) {
		r.line++;
		if (n > 1)
			rc = read_line(&r, (struct span){(const uint8_t *)text, (size_t)n});
	}
	if (rc == 0 && ferror(f))
		rc = err_set(e, ERR_IO, "%s: %s", r.file, strerror(errno));
	if (f != stdin)
		fclose(f);
	free(text);
	if (rc == 0 && !p->count)
		return err_set(e, ERR_NOT_FOUND, "%s: there is no run in it", r.file);
	return rc;
}

void past_fini(struct past *p)
{
	free(p->runs);
	arena_fini(&p->arena);
}

/* ---- JUnit */

static void put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			fputc(c < 0x20 ? ' ' : c, out);
	}
}

static bool is_failure(enum verdict v)
{
	return v == VERDICT_VIOLATED || v == VERDICT_NOT_HEALED;
}

static void put_case(FILE *out, const struct past_run *r)
{
	const struct run_result *x = &r->result;
	const char *tag = is_failure(x->verdict) ? "failure" : "error";
	fputs("    <testcase classname=\"", out);
	put_xml(out, r->script);
	fprintf(out, "\" name=\"seed %llu\" time=\"%.3f\"", (unsigned long long)x->seed,
		(double)x->virtual_us / 1e6);
	if (x->verdict == VERDICT_HELD) {
		fputs("/>\n", out);
		return;
	}
	fprintf(out, ">\n      <%s type=\"%s\" message=\"", tag,
		x->broken[0] ? x->broken : verdict_name(x->verdict));
	put_xml(out, x->why);
	fputs("\">again: troupe chaos run ", out);
	put_xml(out, r->script);
	fprintf(out, " --seed %llu</%s>\n    </testcase>\n", (unsigned long long)x->seed, tag);
}

/* Those of the script at `i` that come one after the other. */
static size_t put_suite(FILE *out, const struct past *p, size_t i)
{
	size_t end = i, failures = 0, errors = 0;
	for (; end < p->count && strcmp(p->runs[end].script, p->runs[i].script) == 0; end++) {
		enum verdict v = p->runs[end].result.verdict;
		failures += is_failure(v);
		errors += v != VERDICT_HELD && !is_failure(v);
	}
	fputs("  <testsuite name=\"", out);
	put_xml(out, p->runs[i].script);
	fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", end - i, failures, errors);
	for (; i < end; i++)
		put_case(out, &p->runs[i]);
	fputs("  </testsuite>\n", out);
	return end;
}

void past_junit(FILE *out, const struct past *p)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
	for (size_t i = 0; i < p->count;)
		i = put_suite(out, p, i);
	fputs("</testsuites>\n", out);
}
