/* `troupe inspect`: who lives here; `troupe inspect ACTOR`: what it knows. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "actors/schema/json.h"
#include "broker/messages.h"
#include "tools/commands.h"
#include "tools/roster.h"

enum { TIMEOUT_MS = 5000 };

struct options {
	const char *data_dir, *actor;
	bool json;
};

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"output", 'o', "FORM", 0, "table or json", 0},
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
		if (strcmp(arg, "json") && strcmp(arg, "table"))
			argp_error(state, "--output takes table or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		return 0;
	case ARGP_KEY_ARG:
		if (o->actor)
			argp_error(state, "one actor at a time");
		o->actor = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.args_doc = "[ACTOR]",
	.doc = "Without ACTOR lists the actors of all cells. With it shows what that actor says of "
	       "itself; `broker` is one too.",
};

/* ---- the list */

static void list_table(const struct roster *r)
{
	printf("%-10s %-28s %-20s %-5s %10s %7s %8s  %s\n", "CELL", "ACTOR", "KIND", "STATE", "TURNS",
	       "QUEUE", "RESTARTS", "ROLE");
	for (size_t i = 0; i < r->actor_count; i++) {
		const struct roster_actor *a = &r->actors[i];
		printf("%-10s %-28s %-20s %-5s %10llu %7llu %8llu  %s\n", a->cell, a->name, a->kind,
		       a->up ? "up" : "down", (unsigned long long)a->turns,
		       (unsigned long long)a->queue, (unsigned long long)a->restarts,
		       *a->role ? a->role : "-");
	}
	for (size_t i = 0; i < r->cell_count; i++)
		if (!r->cells[i].answered)
			printf("%-10s (does not say who lives there)\n", r->cells[i].name);
}

static void list_json(const struct roster *r)
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
		buf_puts(&b, ",\"role\":");
		json_string(&b, span_of(a->role));
		buf_printf(&b, ",\"up\":%s,\"turns\":%llu,\"queue\":%llu,\"restarts\":%llu}\n",
			   a->up ? "true" : "false", (unsigned long long)a->turns,
			   (unsigned long long)a->queue, (unsigned long long)a->restarts);
	}
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

static int list(struct client *cl, const struct options *o, struct err *e)
{
	struct roster r;
	int rc = roster_read(&r, cl, o->data_dir, e);
	if (rc)
		return rc;
	(o->json ? list_json : list_table)(&r);
	roster_fini(&r);
	return 0;
}

/* ---- one actor */

static void state_lines(struct mp state)
{
	struct span key, raw;
	size_t n;
	if (mp_map(&state, &n))
		return;
	for (size_t i = 0; i < n && !mp_str(&state, &key) && !mp_raw(&state, &raw); i++) {
		struct buf b = {0};
		json_from_mp(&b, mp_of(raw));
		printf("%-20.*s %.*s\n", (int)key.len, (const char *)key.data, (int)b.len,
		       (const char *)b.data);
		buf_fini(&b);
	}
}

static void state_json(struct mp state)
{
	struct buf b = {0};
	json_from_mp(&b, state);
	printf("%.*s\n", (int)b.len, (const char *)b.data);
	buf_fini(&b);
}

static int show(struct client *cl, const struct options *o, struct err *e)
{
	bool broker = strcmp(o->actor, "broker") == 0;
	struct buf b = {0};
	struct mp reply, state;
	struct bytes *owner = NULL;
	mpw_map(&b, 0);
	int rc = client_request(cl, o->actor, broker ? MSG_BROKER_SESSIONS : MSG_ACTOR_INSPECT, &b,
				TIMEOUT_MS, &reply, &owner, e);
	if (rc == ERR_UNREACHABLE)
		err_set(e, rc, "there is no actor %s: `troupe inspect` lists those that are there",
			o->actor);
	if (rc)
		return rc;
	state = reply;
	if (broker || mp_find(reply, "state", &state)) {
		struct span raw; /* the map alone, not what is behind it */
		mp_raw(&state, &raw);
		(o->json ? state_json : state_lines)(mp_of(raw));
	}
	bytes_unref(owner);
	return 0;
}

int command_inspect(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir()};
	struct client *cl = NULL;
	struct err e = {0};
	argv[0] = (char *)"troupe inspect";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	int rc = client_open(&cl, o.data_dir, TIMEOUT_MS, &e);
	if (rc == 0)
		rc = (o.actor ? show : list)(cl, &o, &e);
	client_close(cl);
	if (rc)
		fprintf(stderr, "troupe inspect: %s\n", e.text);
	return rc ? 1 : 0;
}
