/* `troupe top`: what every actor costs and how long messages wait for it; for
 * people, as JSON lines, or as Prometheus text. */
#include <argp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "actors/runtime/metrics.h"
#include "actors/schema/json.h"
#include "tools/commands.h"
#include "tools/roster.h"

enum { TIMEOUT_MS = 5000, EVERY_MS = 2000, KEEP_MS = 500 };

struct options {
	const char *data_dir;
	const struct form *form;
	const struct order *order;
	bool once;
};

/* ---- orders */

static uint64_t of_turn(const struct roster_actor *a)
{
	return a->turn_us;
}

static uint64_t of_turns(const struct roster_actor *a)
{
	return a->turns;
}

static uint64_t of_queue(const struct roster_actor *a)
{
	return a->queue;
}

static uint64_t of_wait(const struct roster_actor *a)
{
	return a->wait_p99_us;
}

static uint64_t of_restarts(const struct roster_actor *a)
{
	return a->restarts;
}

static const struct order {
	const char *name;
	uint64_t (*of)(const struct roster_actor *a);
} orders[] = {
	{"time", of_turn},   {"turns", of_turns},	{"queue", of_queue},
	{"wait", of_wait},   {"restarts", of_restarts}, {NULL, NULL},
};

static int compare(const void *x, const void *y, void *arg)
{
	const struct order *o = arg;
	const struct roster_actor *a = x, *b = y;
	uint64_t of_a = o->of(a), of_b = o->of(b);
	if (of_a != of_b)
		return of_a < of_b ? 1 : -1;
	int c = strcmp(a->cell, b->cell);
	return c ? c : strcmp(a->name, b->name);
}

/* ---- forms */

/* "830us", "12.4ms", "3.1s" */
static const char *short_time(char out[16], uint64_t us)
{
	if (us < 1000)
		snprintf(out, 16, "%lluus", (unsigned long long)us);
	else if (us < 1000000)
		snprintf(out, 16, "%.1fms", (double)us / 1000);
	else
		snprintf(out, 16, "%.1fs", (double)us / 1000000);
	return out;
}

static void table_row(const struct roster_actor *a)
{
	char t[5][16];
	printf("%-10s %-26s %7llu %8s %8s %10llu %8s %8s %9s %7llu %7llu", a->cell, a->name,
	       (unsigned long long)a->queue, short_time(t[0], a->wait_p50_us),
	       short_time(t[1], a->wait_p99_us), (unsigned long long)a->turns,
	       short_time(t[2], a->turn_p50_us), short_time(t[3], a->turn_p99_us),
	       short_time(t[4], a->turn_us), (unsigned long long)a->rejected,
	       (unsigned long long)a->restarts);
	printf("%s\n", a->up ? "" : "  down");
}

/* On a terminal as many as it has lines. */
static size_t rows_that_fit(size_t all)
{
	struct winsize w;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_row < 10)
		return all;
	return all < w.ws_row - 3u ? all : w.ws_row - 3u;
}

static void print_silent(const struct roster *r)
{
	char t[16];
	for (size_t i = 0; i < r->cell_count; i++)
		if (!r->cells[i].answered)
			printf("%-10s (does not say who lives there)\n", r->cells[i].name);
	for (size_t i = 0; i < r->busy_count; i++)
		printf("%-10s (%s has been in a turn about %s for %s)\n", r->busy[i].cell,
		       r->busy[i].actor, r->busy[i].about, short_time(t, r->busy[i].us));
}

static void form_table(const struct roster *r)
{
	printf("%-10s %-26s %7s %8s %8s %10s %8s %8s %9s %7s %7s\n", "CELL", "ACTOR", "QUEUE",
	       "WAIT p50", "p99", "TURNS", "TURN p50", "p99", "SUM", "REJECTS", "RESTART");
	for (size_t i = 0; i < rows_that_fit(r->actor_count); i++)
		table_row(&r->actors[i]);
	print_silent(r);
}

/* The figures of an actor under the names that json has. */
static const struct {
	const char *name;
	size_t at;
} figures[] = {
	{"queue", offsetof(struct roster_actor, queue)},
	{"wait_us", offsetof(struct roster_actor, wait_us)},
	{"wait_p50_us", offsetof(struct roster_actor, wait_p50_us)},
	{"wait_p99_us", offsetof(struct roster_actor, wait_p99_us)},
	{"turns", offsetof(struct roster_actor, turns)},
	{"turn_us", offsetof(struct roster_actor, turn_us)},
	{"turn_p50_us", offsetof(struct roster_actor, turn_p50_us)},
	{"turn_p99_us", offsetof(struct roster_actor, turn_p99_us)},
	{"rejected", offsetof(struct roster_actor, rejected)},
	{"restarts", offsetof(struct roster_actor, restarts)},
};

static unsigned long long figure(const struct roster_actor *a, size_t at)
{
	uint64_t n;
	memcpy(&n, (const uint8_t *)a + at, sizeof n);
	return n;
}

static void form_json(const struct roster *r)
{
	struct buf b = {0};
	for (size_t i = 0; i < r->actor_count; i++) {
		const struct roster_actor *a = &r->actors[i];
		buf_puts(&b, "{\"cell\":");
		json_string(&b, span_of(a->cell));
		buf_puts(&b, ",\"actor\":");
		json_string(&b, span_of(a->name));
		buf_puts(&b, ",\"kind\":");
		json_string(&b, span_of(a->kind));
		buf_printf(&b, ",\"up\":%s", a->up ? "true" : "false");
		for (size_t k = 0; k < sizeof figures / sizeof *figures; k++)
			buf_printf(&b, ",\"%s\":%llu", figures[k].name, figure(a, figures[k].at));
		buf_puts(&b, "}\n");
	}
	for (size_t i = 0; i < r->busy_count; i++) {
		buf_puts(&b, "{\"cell\":");
		json_string(&b, span_of(r->busy[i].cell));
		buf_puts(&b, ",\"in_turn\":");
		json_string(&b, span_of(r->busy[i].actor));
		buf_printf(&b, ",\"about\":\"%s\",\"us\":%llu}\n", r->busy[i].about,
			   (unsigned long long)r->busy[i].us);
	}
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

static void form_prometheus(const struct roster *r)
{
	struct buf b = {0};
	metrics_text(&b, r->pages, r->page_count, r->broker);
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

static const struct form {
	const char *name;
	void (*print)(const struct roster *r);
} forms[] = {
	{"table", form_table}, {"json", form_json}, {"prometheus", form_prometheus}, {NULL, NULL},
};

/* ---- the command */

enum { OPT_SORT = 0x100, OPT_ONCE };

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"output", 'o', "FORM", 0, "table, json (lines) or prometheus (text format 0.0.4)", 0},
	{"sort", OPT_SORT, "BY", 0, "time (all turns together), turns, queue, wait or restarts", 0},
	{"once", OPT_ONCE, NULL, 0, "print once, on a terminal too", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		return 0;
	case 'o':
		for (o->form = forms; o->form->name && strcmp(o->form->name, arg) != 0;)
			o->form++;
		if (!o->form->name)
			argp_error(state, "--output takes table, json or prometheus, not '%s'", arg);
		return 0;
	case OPT_SORT:
		for (o->order = orders; o->order->name && strcmp(o->order->name, arg) != 0;)
			o->order++;
		if (!o->order->name)
			argp_error(state, "--sort does not know '%s'", arg);
		return 0;
	case OPT_ONCE:
		o->once = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.doc = "Shows every actor: its mailbox, how long messages wait there, how long its turns take, "
	       "and how often it failed. Refreshes on a terminal.",
};

static int print_once(struct client *cl, const struct options *o, struct err *e)
{
	struct roster r;
	int rc = roster_read(&r, cl, o->data_dir, e);
	if (rc)
		return rc;
	qsort_r(r.actors, r.actor_count, sizeof *r.actors, compare,
		(void *)(uintptr_t)o->order);
	o->form->print(&r);
	fflush(stdout);
	roster_fini(&r);
	return 0;
}

static int run(struct client *cl, const struct options *o, struct err *e)
{
	bool refresh = !o->once && o->form == forms && isatty(STDOUT_FILENO);
	int rc;
	do {
		if (refresh)
			printf("\033[H\033[J");
		rc = print_once(cl, o, e);
		for (int ms = 0; refresh && rc == 0 && ms < EVERY_MS; ms += KEEP_MS) {
			poll(NULL, 0, KEEP_MS);
			client_keep(cl);
		}
	} while (refresh && rc == 0);
	return rc;
}

int command_top(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir(), .form = forms, .order = orders};
	struct client *cl = NULL;
	struct err e = {0};
	argv[0] = (char *)"troupe top";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	signal(SIGPIPE, SIG_DFL);
	int rc = client_open(&cl, o.data_dir, TIMEOUT_MS, &e);
	if (rc == 0)
		rc = run(cl, &o, &e);
	client_close(cl);
	if (rc)
		fprintf(stderr, "troupe top: %s\n", e.text);
	return rc ? 1 : 0;
}
