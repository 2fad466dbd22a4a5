/* `troupe dlq`: messages that nobody took, of all cells. Each cell keeps its
 * own (actors/runtime/dead_letters.h); a letter's id is CELL/NUMBER. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/messages.h"
#include "actors/schema/json.h"
#include "tools/client.h"
#include "tools/commands.h"
#include "tools/config.h"

enum { TIMEOUT_MS = 3000, IDS_MAX = 1000 };

struct options {
	const char *data_dir, *verb;
	const char *ids[IDS_MAX];
	size_t id_count;
	bool json, all;
};

struct session {
	const struct options *o;
	struct client *cl;
	struct config config;
	uint64_t shown;
	int failures;
};

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"output", 'o', "FORM", 0, "table or json (lines)", 0},
	{"all", 'a', NULL, 0, "retry or drop: every letter", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		break;
	case 'o':
		if (strcmp(arg, "json") && strcmp(arg, "table"))
			argp_error(state, "--output takes table or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		break;
	case 'a':
		o->all = true;
		break;
	case ARGP_KEY_ARG:
		if (!o->verb)
			o->verb = arg;
		else if (o->id_count < IDS_MAX)
			o->ids[o->id_count++] = arg;
		else
			argp_error(state, "at most %d letters at once", IDS_MAX);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.args_doc = "list\nretry ID...\ndrop ID...",
	.doc = "Dead letters: messages that could not be delivered and had nobody to tell. "
	       "retry sends one again as it was.",
};

/* ---- showing */

static void print_json(const char *cell, struct mp letter)
{
	struct buf b = {0};
	struct mp v;
	struct span raw;
	buf_printf(&b, "{\"id\":\"%s/%lld\",\"cell\":\"%s\",\"letter\":", cell,
		   (long long)mp_path_int(letter, "number", 0), cell);
	v = letter;
	if (mp_raw(&v, &raw) || json_from_mp(&b, mp_of(raw)))
		buf_puts(&b, "null");
	buf_puts(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

static void print_table(const char *cell, struct mp letter)
{
	struct span reason = mp_path_str(letter, "reason"), from = mp_path_str(letter, "from"),
		    to = mp_path_str(letter, "to"), kind = mp_path_str(letter, "kind");
	time_t at = (time_t)(mp_path_int(letter, "wall_us", 0) / 1000000);
	char id[160], when[32];
	struct tm utc;
	gmtime_r(&at, &utc);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
	snprintf(id, sizeof id, "%s/%lld", cell, (long long)mp_path_int(letter, "number", 0));
	printf("%-16s %s %-12.*s %-24.*s %.*s -> %.*s\n", id, when, (int)reason.len, reason.data,
	       (int)kind.len, kind.data, (int)from.len, from.data, (int)to.len, to.data);
}

/* ---- asking */

static int ask(struct session *s, const char *cell, uint16_t kind, const char *key,
	       uint64_t number, struct mp *reply, struct bytes **owner)
{
	char to[200];
	struct buf b = {0};
	struct err e = {0};
	snprintf(to, sizeof to, "cell/%s", cell);
	mpw_map(&b, 1);
	mpw_kv_u64(&b, key, number);
	int rc = client_request(s->cl, to, kind, &b, TIMEOUT_MS, reply, owner, &e);
	if (rc) {
		fprintf(stderr, "troupe dlq: cell %s: %s\n", cell, e.text);
		s->failures++;
	}
	return rc;
}

/* One about each letter of the cell, page by page. */
static void each_letter(struct session *s, const char *cell,
			void (*on)(struct session *s, const char *cell, struct mp letter))
{
	uint64_t after = 0;
	for (bool more = true; more;) {
		struct mp reply, list;
		struct bytes *owner = NULL;
		size_t n = 0;
		if (ask(s, cell, MSG_CELL_LETTERS, "after", after, &reply, &owner))
			return;
		if (mp_find(reply, "letters", &list))
			mp_array(&list, &n);
		more = n > 0 && mp_path_bool(reply, "more", false);
		for (size_t i = 0; i < n; i++, mp_skip(&list)) {
			after = (uint64_t)mp_path_int(list, "number", 0);
			on(s, cell, list);
		}
		bytes_unref(owner);
	}
}

static void on_list(struct session *s, const char *cell, struct mp letter)
{
	s->shown++;
	if (s->o->json)
		print_json(cell, letter);
	else
		print_table(cell, letter);
}

static bool act(struct session *s, const char *cell, uint64_t number)
{
	struct mp reply;
	struct bytes *owner = NULL;
	bool retry = strcmp(s->o->verb, "retry") == 0;
	if (ask(s, cell, retry ? MSG_CELL_LETTER_RETRY : MSG_CELL_LETTER_DROP, "number", number,
		&reply, &owner))
		return false;
	bool done = mp_path_int(reply, "count", 0) > 0;
	bytes_unref(owner);
	s->shown += done;
	return done;
}

static void on_act(struct session *s, const char *cell, struct mp letter)
{
	act(s, cell, (uint64_t)mp_path_int(letter, "number", 0));
}

static void act_on_ids(struct session *s)
{
	for (size_t i = 0; i < s->o->id_count; i++) {
		const char *id = s->o->ids[i], *slash = strrchr(id, '/');
		char cell[128], *end = NULL;
		uint64_t number = slash ? strtoull(slash + 1, &end, 10) : 0;
		snprintf(cell, sizeof cell, "%.*s", slash ? (int)(slash - id) : 0, id);
		int failures = s->failures;
		bool good = number && !*end && act(s, cell, number);
		if (!good && s->failures == failures) {
			fprintf(stderr, "troupe dlq: there is no letter %s\n", id);
			s->failures++;
		}
	}
}

static void in_all_cells(struct session *s,
			 void (*on)(struct session *s, const char *cell, struct mp letter))
{
	for (size_t i = 0; i < s->config.cell_count; i++)
		each_letter(s, s->config.cells[i].name, on);
}

static int run(struct session *s)
{
	bool list = strcmp(s->o->verb, "list") == 0;
	if (list && !s->o->json)
		printf("%-16s %-20s %-12s %-24s %s\n", "ID", "TIME", "REASON", "KIND", "FROM -> TO");
	if (list || s->o->all)
		in_all_cells(s, list ? on_list : on_act);
	else
		act_on_ids(s);
	if (!list && !s->o->json)
		printf("%llu %s\n", (unsigned long long)s->shown,
		       strcmp(s->o->verb, "retry") == 0 ? "sent again" : "dropped");
	return s->failures ? 1 : 0;
}

static bool usage_good(const struct options *o)
{
	if (!o->verb)
		return false;
	if (strcmp(o->verb, "list") == 0)
		return !o->id_count && !o->all;
	bool verb = strcmp(o->verb, "retry") == 0 || strcmp(o->verb, "drop") == 0;
	return verb && (o->all ? !o->id_count : o->id_count > 0);
}

int command_dlq(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir()};
	struct session s = {.o = &o};
	struct err e = {0};
	char path[4096];
	argv[0] = (char *)"troupe dlq";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!usage_good(&o)) {
		fprintf(stderr, "troupe dlq: list, retry ID..., drop ID..., or --all instead of IDs\n");
		return EXIT_USAGE;
	}
	snprintf(path, sizeof path, "%s/run/cluster.yaml", o.data_dir);
	int rc = client_open(&s.cl, o.data_dir, TIMEOUT_MS, &e);
	if (rc == 0)
		rc = config_load(&s.config, path, &e);
	if (rc)
		fprintf(stderr, "troupe dlq: %s\n", e.text);
	int code = rc ? 1 : run(&s);
	client_close(s.cl);
	config_fini(&s.config);
	return code;
}
