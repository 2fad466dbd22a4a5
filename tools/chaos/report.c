#include "tools/chaos/report.h"

#include <string.h>

#include "actors/schema/json.h"

/* ---- as it goes */

static void line_begins(FILE *out, int64_t at_us, uint64_t revision)
{
	fprintf(out, "%9.3fs  r%-6llu ", (double)at_us / 1e6, (unsigned long long)revision);
}

static void on_steady(void *arg, int64_t took_us, uint64_t revision)
{
	char text[32];
	line_begins(arg, 0, revision);
	fprintf(arg, "steady, after %s\n", time_text(text, took_us));
}

static void on_step(void *arg, int64_t at_us, const struct happening *h, bool end, const char *text,
		    uint64_t revision)
{
	const struct act *a = &h->line->act;
	line_begins(arg, at_us, revision);
	fprintf(arg, "line %-3u ", h->line->place.line);
	if (end)
		fprintf(arg, "%s %s\n", verb_name(a->verb), text);
	else if (a->verb == VERB_SCALE)
		fprintf(arg, "scale %s %lld\n", text, (long long)a->number);
	else
		fprintf(arg, "%s %s\n", verb_name(a->verb), text);
}

static void on_settle(void *arg, int64_t at_us, uint64_t revision)
{
	line_begins(arg, at_us, revision);
	fprintf(arg, "settle: everything is healed\n");
}

static void on_recovered(void *arg, const struct judgement *j, int64_t after_us)
{
	char after[32], within[32];
	fprintf(arg, "                    %s holds %s after settle (within %s)\n", j->name,
		time_text(after, after_us), time_text(within, j->within_us));
}

static void on_changed(void *arg, int64_t at_us, const struct ledger *l, const struct led_change *c)
{
	static const char *const notes[] = {"spec.nodeName", "status.phase", "reason", "message"};
	struct span who = l->record.origin.principal;
	line_begins(arg, at_us, l->revision);
	fprintf(arg, "         %s %.*s by %.*s", !c->now ? "gone" : c->was ? "changed" : "made",
		(int)c->raw->key.len, (const char *)c->raw->key.data, (int)who.len,
		(const char *)who.data);
	for (size_t i = 0; c->now && i < sizeof notes / sizeof *notes; i++) {
		struct span s = mp_path_str(mp_of_bytes(c->now->value), notes[i]);
		if (s.len)
			fprintf(arg, " %.*s", (int)(s.len < 80 ? s.len : 80), (const char *)s.data);
	}
	fprintf(arg, "%s\n", c->now && c->now->pod.ready ? " ready" : "");
}

struct run_watch report_watch(FILE *out, bool changes)
{
	return (struct run_watch){out, on_steady, on_step, on_settle, on_recovered,
				  changes ? on_changed : NULL, NULL};
}

/* ---- the verdict */

static const char *shout(enum verdict v)
{
	static const char *const words[] = {"HELD", "VIOLATED", "NOT STEADY", "NOT HEALED", "INCONCLUSIVE"};
	return words[v];
}

void report_verdict(FILE *out, const struct script *s, const struct run_result *r)
{
	char at[32], all[32];
	fprintf(out, "%s", shout(r->verdict));
	if (r->broken[0])
		fprintf(out, " %s at %s rev %llu", r->broken, time_text(at, r->broken_us),
			(unsigned long long)r->broken_revision);
	fprintf(out, " seed %llu digest %016llx: %zu faults, %llu revisions, %s\n",
		(unsigned long long)r->seed, (unsigned long long)r->digest, r->faults,
		(unsigned long long)r->revisions, time_text(all, r->virtual_us));
	if (r->verdict == VERDICT_HELD)
		return;
	fprintf(out, "  %s\n", r->why);
	for (size_t i = 0; i < WITNESSES; i++)
		if (r->witness[i].revision)
			fprintf(out, "  witness: %s\n", r->witness[i].text);
	fprintf(out, "  again: troupe chaos run %s --seed %llu\n", s->file, (unsigned long long)r->seed);
}

/* ---- JSON */

static void put_string(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, span_of(text));
}

static void put_number(struct buf *b, const char *key, int64_t n)
{
	buf_printf(b, ",\"%s\":%lld", key, (long long)n);
}

static void put_witness(struct buf *b, const struct run_result *r)
{
	size_t n = 0;
	for (size_t i = 0; i < WITNESSES; i++) {
		if (!r->witness[i].revision)
			continue;
		buf_puts(b, n++ ? "," : ",\"witness\":[");
		json_string(b, span_of(r->witness[i].text));
	}
	if (n)
		buf_putc(b, ']');
}

void report_json(FILE *out, const struct script *s, const struct run_result *r)
{
	struct buf b = {0};
	char digest[32];
	snprintf(digest, sizeof digest, "%016llx", (unsigned long long)r->digest);
	buf_printf(&b, "{\"seed\":%llu", (unsigned long long)r->seed);
	put_string(&b, "script", s->file);
	put_string(&b, "verdict", verdict_name(r->verdict));
	put_number(&b, "code", r->verdict);
	put_string(&b, "digest", digest);
	if (r->verdict != VERDICT_HELD)
		put_string(&b, "why", r->why);
	if (r->broken[0]) {
		put_string(&b, "broken", r->broken);
		put_number(&b, "revision", (int64_t)r->broken_revision);
		put_number(&b, "at_ms", r->broken_us / 1000);
	}
	put_witness(&b, r);
	put_number(&b, "faults", (int64_t)r->faults);
	put_number(&b, "revisions", (int64_t)r->revisions);
	put_number(&b, "events", (int64_t)r->events);
	put_number(&b, "virtual_ms", r->virtual_us / 1000);
	put_number(&b, "recovered_ms", r->recovered_us / 1000);
	buf_puts(&b, "}\n");
	fwrite(b.data, 1, b.len, out);
	buf_fini(&b);
}

/* ---- of many seeds */

void report_add(struct report_sum *sum, const struct run_result *r)
{
	sum->runs++;
	sum->digest = (sum->digest ^ r->digest) * 0x100000001b3u;
	sum->events += r->events;
	sum->revisions += r->revisions;
	sum->faults += r->faults;
	sum->by_verdict[r->verdict]++;
	sum->virtual_us += r->virtual_us;
	if (r->recovered_us > sum->recovered_us)
		sum->recovered_us = r->recovered_us;
	sum->worst = verdict_worse(sum->worst, r->verdict);
}

void report_sum(FILE *out, const struct report_sum *sum, bool twice, double seconds)
{
	char all[32], slowest[32];
	fprintf(out, "%s %llu seeds%s:", shout(sum->worst), (unsigned long long)sum->runs,
		twice ? " twice" : "");
	for (int v = 0; v < 5; v++)
		if (sum->by_verdict[v])
			fprintf(out, " %llu %s,", (unsigned long long)sum->by_verdict[v],
				verdict_name((enum verdict)v));
	fprintf(out, " digest %016llx\n  %llu faults, %llu revisions judged, %s virtual, slowest recovery %s",
		(unsigned long long)sum->digest,
		(unsigned long long)sum->faults, (unsigned long long)sum->revisions,
		time_text(all, sum->virtual_us), time_text(slowest, sum->recovered_us));
	if (seconds > 0)
		fprintf(out, ", %.1f s (%.0f runs/s)", seconds,
			(double)sum->runs * (twice ? 2 : 1) / seconds);
	fputc('\n', out);
}

void report_sum_json(FILE *out, const struct script *s, const struct report_sum *sum, bool twice,
		     double seconds)
{
	struct buf b = {0};
	char digest[32];
	snprintf(digest, sizeof digest, "%016llx", (unsigned long long)sum->digest);
	buf_printf(&b, "{\"seeds\":%llu", (unsigned long long)sum->runs);
	put_string(&b, "script", s->file);
	put_string(&b, "verdict", verdict_name(sum->worst));
	put_number(&b, "code", sum->worst);
	put_string(&b, "digest", digest);
	buf_printf(&b, ",\"twice\":%s", twice ? "true" : "false");
	for (int v = 0; v < 5; v++)
		put_number(&b, verdict_name((enum verdict)v), (int64_t)sum->by_verdict[v]);
	put_number(&b, "faults", (int64_t)sum->faults);
	put_number(&b, "revisions", (int64_t)sum->revisions);
	put_number(&b, "events", (int64_t)sum->events);
	put_number(&b, "virtual_ms", sum->virtual_us / 1000);
	put_number(&b, "recovered_ms_max", sum->recovered_us / 1000);
	if (seconds > 0)
		put_number(&b, "wall_ms", (int64_t)(seconds * 1000));
	buf_puts(&b, "}\n");
	fwrite(b.data, 1, b.len, out);
	buf_fini(&b);
}
