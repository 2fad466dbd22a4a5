/* From words to the tree. A statement is a row of the table here; what follows
 * its first word is read by a file for each idea (parser.h). The first slip
 * ends it: one clear line is worth more than the ten that follow from it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/expr.h"
#include "tools/chaos/parser.h"
#include "tools/chaos/world.h"

static const struct statement {
	const char *name;
	int (*read)(struct parser *p);
	bool many;
	const char *form, *help;
} statements[] = {
	{"chaos", parse_version, false, "chaos 1", "the language's version; the first line"},
	{"title", parse_title, false, "title \"TEXT\"", "what it is about"},
	{"world", parse_world, false, "world sim", "where it runs"},
	{"seed", parse_seed, false, "seed N", "of all chance; --seed wins (1)"},
	{"nodes", parse_nodes, false, "nodes N [cpu 2] [pods 110] [zones a b ...]",
	 "n1 ... nN (3): n1 in zone a, n2 in b, ... and around"},
	{"label", parse_label, true, "label NODE KEY=VALUE ...", "those nodes have these labels from the begin"},
	{"layout", parse_layout, false, "layout together|apart",
	 "the control plane in one cell, or one for each actor (together)"},
	{"standby", parse_standby, false, "standby",
	 "a second of each controller and of the scheduler, in the cell `spare`: spare/NAME"},
	{"network", parse_network, false, "network [latency 20us..3ms] [loss 0.5%] [bus-loss 5%]",
	 "of every link, until settle"},
	{"disk", parse_disk, false, "disk sync 100us..4ms", "of the journal"},
	{"replicaset", parse_replicaset, true, "replicaset NAME N [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]",
	 "a replication controller with N pods; apart: no two on a node, or in a zone; critical: others leave for them; SCRIPT as in annotation sim.troupe"},
	{"deployment", parse_deployment, true, "deployment NAME N [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]",
	 "N pods, rolled when it is told to"},
	{"statefulset", parse_statefulset, true, "statefulset NAME N [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]",
	 "pods NAME-0 to NAME-(N-1), in order"},
	{"daemonset", parse_daemonset, true, "daemonset NAME [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]",
	 "a pod on each node"},
	{"job", parse_job, true, "job NAME N [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]",
	 "pods until N have ended well, half as many at a time (exit 0 after 1s)"},
	{"pod", parse_pod, true, "pod NAME [cpu 100m] [apart node|zone] [critical] [does \"SCRIPT\"]", "a pod without a controller"},
	{"service", parse_service, true, "service NAME",
	 "of the pods whose label app is NAME: those of a load of that name"},
	{"quota", parse_quota, true, "quota NAME RESOURCE=AMOUNT ...", "of the namespace: pods=12 requests.cpu=2400m count/jobs.batch=3"},
	{"budget", parse_budget, true, "budget NAME min-available|max-unavailable N|N%",
	 "of disruptions, of the pods whose label app is NAME"},
	{"clients", parse_clients, false, "clients N [ops N] [every TIME..TIME]",
	 "that write and read keys of their own (0; 100 each, 1ms..100ms)"},
	{"warm-up", parse_warm_up, false, "warm-up TIME", "until all is steady, at most (60s)"},
	{"limit", parse_limit, true, "limit nodes-down|faults|time <= N", "refuses a script beyond it"},
	{"forbid", parse_forbid, true, "forbid VERB [TARGET]", "refuses a script that does it"},
	{"steady", parse_steady, true, "steady WHAT [during]",
	 "must hold before the first fault; and until settle"},
	{"at", parse_at, true, "at TIME[..TIME] ACT", "counted from the end of the warm-up"},
	{"after", parse_after, true, "after ID TIME[..TIME] ACT", "counted from another line's begin"},
	{"when", parse_when, true, "when KEY EVENT [nth N] within TIME ACT",
	 "as soon as that is on the disk, before anybody hears of it"},
	{"every", parse_every, true, "every TIME from TIME to TIME ACT", "again and again"},
	{"settle", parse_settle, false, "settle TIME",
	 "all is healed; the clocks of `eventually` start"},
	{"always", parse_always, true, "always WHAT", "at every revision of the journal"},
	{"never", parse_never, true, "never COND", "at no revision"},
	{"eventually", parse_eventually, true, "eventually WHAT within TIME",
	 "by then, and from then on to the end of settle"},
	{"leads-to", parse_leads_to, true, "leads-to COND => COND within TIME",
	 "the first is followed by the second; what was open begins anew with settle"},
	{"sometimes", parse_sometimes, true, "sometimes COND", "at one revision at least, else inconclusive"},
	{"at-end", parse_at_end, true, "at-end WHAT", "when settle is over"},
	{"checker", parse_checker, true, "checker register|set|bank",
	 "what the clients did and saw is one history"},
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

static int read_statement(struct parser *p)
{
	const char *names[STATEMENTS];
	size_t i = 0;
	for (; i < STATEMENTS; i++)
		names[i] = statements[i].name;
	p->first = p->lex.now;
	int rc = parser_choose(p, "statement", names, STATEMENTS, &i);
	if (rc)
		return rc;
	if (p->s->version == 0 && i != 0)
		return script_refuse(p->s, p->first.place, p->e, "expected 'chaos 1' first");
	if (p->seen_at[i] && !statements[i].many)
		return script_refuse(p->s, p->first.place, p->e, "a second '%s'; the first is in line %u",
				     statements[i].name, p->seen_at[i]);
	p->seen_at[i] = p->first.place.line;
	rc = statements[i].read(p);
	if (rc == 0 && !parser_at_end(p))
		rc = parser_expected(p, "the end of the line");
	return rc;
}

static void defaults(struct script *s)
{
	s->title = "";
	s->world = world_types[0];
	s->seed = 1;
	s->nodes = 3;
	s->node_cpu = "2";
	s->node_pods = 110;
	s->latency_us = (struct range){20, 3000};
	s->sync_us = (struct range){100, 4000};
	s->client_ops = 100;
	s->client_us = (struct range){1000, 100000};
	s->warm_up_us = 60000000;
	s->nodes_down_max = SCRIPT_NODES_MAX;
	s->faults_max = SCRIPT_FAULTS_MAX;
	s->time_max_us = SCRIPT_TIME_MAX_US;
}

int script_parse(struct script *s, const char *file, struct span text, struct err *e)
{
	struct parser p = {.s = s, .e = e};
	memset(s, 0, sizeof *s);
	s->file = arena_dup(&s->arena, file);
	s->text = (struct span){(uint8_t *)arena_ndup(&s->arena, text.data, text.len), text.len};
	defaults(s);
	if (text.len > SCRIPT_BYTES_MAX)
		return script_refuse(s, (struct place){1, 1}, e, "longer than %d bytes", SCRIPT_BYTES_MAX);
	lex_start(&p.lex, s->text);
	while (p.lex.now.type != TOKEN_EOF) {
		int rc = 0;
		if (p.lex.now.type != TOKEN_END)
			rc = read_statement(&p);
		if (rc)
			return rc;
		lex_next(&p.lex);
	}
	return s->version ? 0 : script_refuse(s, (struct place){1, 1}, e, "expected 'chaos 1' first");
}

int script_load(struct script *s, const char *file, struct err *e)
{
	struct buf b = {0};
	char part[4096];
	size_t n;
	FILE *f = fopen(file, "re");
	memset(s, 0, sizeof *s);
	if (!f)
		return err_set(e, ERR_IO, "%s: %s", file, strerror(errno));
	errno = 0;
	while (b.len <= SCRIPT_BYTES_MAX && (n = fread(part, 1, sizeof part, f)) > 0)
		buf_append(&b, part, n);
	int rc = ferror(f) ? err_set(e, ERR_IO, "%s: %s", file, strerror(errno))
			   : script_parse(s, file, span_buf(&b), e);
	fclose(f);
	buf_fini(&b);
	return rc;
}

void script_fini(struct script *s)
{
	arena_fini(&s->arena);
}

static void put_row(FILE *out, const char *form, const char *help)
{
	fprintf(out, "  %-56s %s\n", form, help);
}

void script_words(FILE *out)
{
	fprintf(out, "Lines (a ; parts a line, # begins a comment):\n");
	for (size_t i = 0; i < STATEMENTS; i++)
		put_row(out, statements[i].form, statements[i].help);
	put_row(out, "when msg KIND [from NAME] [to NAME] [nth N] within TIME ACT",
		"as soon as such a message is on its way, between cells");
	put_row(out, "when (COND) [nth N] within TIME ACT", "as soon as that is so and was not before");
	fprintf(out, "\nACT:\n");
	for (size_t i = 0; i < verb_row_count; i++)
		put_row(out, verb_rows[i].form, verb_rows[i].help);
	fprintf(out, "\nSOME:\n");
	put_row(out, "from NAME", "sent by that actor, or from that cell");
	put_row(out, "to NAME", "sent to that actor, or to that cell");
	put_row(out, "percent N", "so many of them, drawn by the line's own chance");
	put_row(out, "draws N", "of every ACT: its chance comes from N, not from its words; what `shrink` writes");
	fprintf(out, "\nTARGET, with [mode one|all|fixed N|percent N] (one):\n");
	for (size_t i = 0; i < target_row_count; i++) {
		char form[64];
		snprintf(form, sizeof form, "%s%s%s", target_rows[i].name, target_rows[i].named ? " NAME" : "",
			 target_rows[i].labelled ? " | [NAME] with LABEL=VALUE[,...]" : "");
		put_row(out, form, target_rows[i].help);
	}
	expr_words(out);
}
