/* `troupe tail`: every committed change, in order, none missing; with
 * --messages what the actors say to each other as well, with --notices only what
 * they say to whom it may concern: that one crashed, that a request was answered
 * (tail_merge.c).
 *
 * A word in shared memory says how far the store is (heads.h); the changes come
 * from it page by page after the last one printed. So a tail that is slow,
 * stopped or resumed (--from-rev) loses nothing, and slows nobody: a subscriber
 * of the bus would cost the broker a frame for every change. */
#include "tools/tail.h"

#include <argp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/heads.h"
#include "store/store.h"
#include "tools/commands.h"
#include "tools/host.h"
#include "tools/kinds.h"

enum { ROUND_MS = 20, AGAIN_MS = 100 };

enum { OPT_TRACE = 0x100, OPT_PHASE, OPT_STRICT, OPT_RATE, OPT_RUN, OPT_NOTICES };

enum { TTY_RATE = 500 }; /* more is for no eye */

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"run", OPT_RUN, "DIR", 0, "a run that is over: what `troupe chaos run --record DIR` wrote", 0},
	{"from-rev", 'R', "REV", 0, "begin with this revision, not with what is new", 0},
	{"messages", 'm', NULL, 0, "the messages between the actors of this machine too", 0},
	{"notices", OPT_NOTICES, NULL, 0, "crash reports and, while this runs, an audit of each request (with --messages they always are there)", 0},
	{"kind", 'k', "KIND", 0, "only changes of this kind (pods, deploy) or messages of this one (store.txn)", 0},
	{"ns", 'n', "NAME", 0, "only changes in this namespace", 0},
	{"actor", 'a', "TEXT", 0, "only what a principal, sender or receiver wrote that contains TEXT", 0},
	{"trace", OPT_TRACE, "ID", 0, "only what belongs to this trace", 0},
	{"phase", OPT_PHASE, "LIST", 0,
	 "of messages: sent,replied,delivered,turn,dead,crashed,started,ended,view, or all "
	 "(without: all but delivered and turn)", 0},
	{"output", 'o', "FORM", 0, "table or json (lines)", 0},
	{"body", 'b', NULL, 0, "objects and messages too (never what is secret)", 0},
	{"no-follow", 'x', NULL, 0, "stop at the end; of messages: what the rings still hold", 0},
	{"strict", OPT_STRICT, NULL, 0, "exit with code 5 when messages were lost", 0},
	{"max-rate", OPT_RATE, "N", 0,
	 "messages a second at most, the others are counted (500 on a terminal; 0: all)", 0},
	{"count", 'c', "N", 0, "stop after N lines", 0},
	{0},
};

static unsigned parse_phases(struct argp_state *state, const char *list)
{
	unsigned bits = 0;
	if (strcmp(list, "all") == 0)
		return ~0u;
	while (*list) {
		size_t n = strcspn(list, ",");
		unsigned event = ring_event_by_name((struct span){(const uint8_t *)list, n});
		if (!event)
			argp_error(state, "--phase does not know '%.*s'", (int)n, list);
		bits |= 1u << event;
		list += n + (list[n] == ',');
	}
	return bits;
}

/* Messages have kinds, too. */
static void parse_kind(struct argp_state *state, struct tail_options *o, const char *kind)
{
	struct err e = {0};
	o->kind = kind;
	if (!catalogue_by_name(host_catalogue(), kind) && kinds_stream(kind, &o->arena, &o->kind, &e))
		argp_error(state, "--kind: %s", e.text);
}

static void parse_output(struct argp_state *state, struct tail_options *o, const char *form)
{
	if (strcmp(form, "json") && strcmp(form, "table"))
		argp_error(state, "--output takes table or json, not '%s'", form);
	o->json = strcmp(form, "json") == 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct tail_options *o = state->input;
	char *end = NULL;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		break;
	case OPT_RUN:
		o->run = arg;
		break;
	case 'R':
		o->from = strtoull(arg, &end, 10);
		if (*end || !o->from || *arg == '-')
			argp_error(state, "--from-rev takes a revision, not '%s'", arg);
		break;
	case 'm':
		o->messages = true;
		break;
	case OPT_NOTICES:
		o->notices = true;
		break;
	case 'k':
		parse_kind(state, o, arg);
		break;
	case 'n':
		o->namespace = arg;
		break;
	case 'a':
		o->actor = arg;
		break;
	case OPT_TRACE:
		if (!tail_parse_trace(arg, &o->trace))
			argp_error(state, "--trace takes up to 32 hex digits, not '%s'", arg);
		break;
	case OPT_PHASE:
		o->phases = parse_phases(state, arg);
		break;
	case 'o':
		parse_output(state, o, arg);
		break;
	case 'b':
		o->body = true;
		break;
	case 'x':
		o->follow = false;
		break;
	case OPT_RATE:
		o->rate = strtol(arg, &end, 10);
		if (*end || end == arg || o->rate < 0)
			argp_error(state, "--max-rate takes a number, not '%s'", arg);
		break;
	case OPT_STRICT:
		o->strict = true;
		break;
	case 'c':
		o->count = strtol(arg, &end, 10);
		if (*end || o->count <= 0)
			argp_error(state, "--count takes a number of lines, not '%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.doc = "Shows every change of the cluster as it is committed. Exit code 6: the revision "
	       "asked for is not kept any more.",
};

/* Prints what is after *last. 0; or the exit code. */
static int print_page(struct client *cl, const struct tail_options *o, uint64_t *last,
		      long *printed, bool *more)
{
	struct tail_page p;
	struct change c;
	struct err e = {0};
	*more = false;
	int rc = tail_fetch(cl, o->kind ? o->kind : "", *last, &p, &e);
	if (rc == ERR_COMPACTED) {
		fprintf(stderr, "troupe tail: revision %llu is not kept any more: %s\n",
			(unsigned long long)(*last >> STORE_POSITION_BITS), e.text);
		return TAIL_EXIT_COMPACTED;
	}
	if (rc && !o->follow) {
		fprintf(stderr, "troupe tail: %s\n", e.text);
		return 1;
	}
	if (rc) { /* the store is being started again: the next round asks again */
		poll(NULL, 0, AGAIN_MS);
		*more = true;
		return 0;
	}
	while ((!o->count || *printed < o->count) && tail_next(&p, &c)) {
		*last = c.version;
		if (!tail_wants_change(o, &c))
			continue;
		tail_print_change(o, &c);
		(*printed)++;
	}
	fflush(stdout);
	*more = p.more;
	tail_page_fini(&p);
	return 0;
}

/* Until there is something behind `last`. */
static void wait_for_change(struct client *cl, const struct heads *heads, uint64_t last)
{
	while (heads_global(heads) <= last) {
		client_keep(cl);
		poll(NULL, 0, ROUND_MS);
	}
}

static int follow(struct client *cl, const struct tail_options *o, const struct heads *heads,
		  struct err *e)
{
	uint64_t last = o->from ? store_version(o->from, 0) - 1 : 0, oldest, seen = 0;
	long printed = 0;
	int rc = o->from ? 0 : tail_bounds(cl, &last, &oldest, e);
	while (rc == 0) {
		bool more;
		seen = heads_global(heads);
		rc = print_page(cl, o, &last, &printed, &more);
		if (rc || (o->count && printed >= o->count) || (!more && !o->follow))
			break;
		if (!more) /* of one kind there may be nothing up to where the store is */
			wait_for_change(cl, heads, seen > last ? seen : last);
	}
	return rc;
}

static int changes_only(struct client *cl, const struct tail_options *o, struct err *e)
{
	struct heads *heads;
	char path[700];
	snprintf(path, sizeof path, "%s/run/heads", o->data_dir);
	int rc = heads_open(&heads, path, e);
	if (rc)
		return rc;
	rc = follow(cl, o, heads, e);
	heads_close(heads);
	return rc;
}

int command_tail(int argc, char **argv)
{
	static const unsigned busy = 1u << RING_DELIVERED | 1u << RING_TURN;
	struct tail_options o = {
		.data_dir = default_data_dir(), .follow = true, .phases = ~busy};
	struct client *cl = NULL;
	struct err e = {0};
	argv[0] = (char *)"troupe tail";
	o.rate = isatty(STDOUT_FILENO) ? TTY_RATE : 0;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	signal(SIGPIPE, SIG_DFL);
	int rc = o.run ? tail_recorded(&o, &e) : client_open(&cl, o.data_dir, TAIL_TIMEOUT_MS, &e);
	if (rc == 0 && !o.run)
		rc = o.messages || o.notices ? tail_merged(cl, &o, &e) : changes_only(cl, &o, &e);
	client_close(cl);
	arena_fini(&o.arena);
	if (rc < 0)
		fprintf(stderr, "troupe tail: %s\n", e.text);
	return rc < 0 ? 1 : rc;
}
