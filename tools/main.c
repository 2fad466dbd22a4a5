/* troupe COMMAND [options] */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "tools/commands.h"
#include "tools/version.h"

/* ---- version */

static const struct argp_option version_rows[] = {
	{"output", 'o', "FORM", 0, "text or json", 0},
	{0},
};

static error_t parse_version(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;
	if (key == ARGP_KEY_ARG)
		argp_error(state, "unexpected argument '%s'", arg);
	if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	if (strcmp(arg, "json") && strcmp(arg, "text"))
		argp_error(state, "--output takes text or json, not '%s'", arg);
	*json = strcmp(arg, "json") == 0;
	return 0;
}

static int command_version(int argc, char **argv)
{
	static const struct argp argp = {.options = version_rows,
					 .parser = parse_version,
					 .doc = "The version of this program. `kubectl version` tells the cluster's."};
	bool json = false;
	argv[0] = (char *)"troupe version";
	argp_parse(&argp, argc, argv, 0, NULL, &json);
	printf(json ? "{\"version\":\"%s\"}\n" : "troupe %s\n", TROUPE_VERSION);
	return 0;
}

/* ---- the commands */

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: not for people */
} commands[] = {
	{"up", command_up, "start a cluster, in the foreground"},
	{"tail", command_tail, "what happens, as it happens"},
	{"trace", command_trace, "who caused what: the tree of one trace"},
	{"top", command_top, "every actor: its mailbox, its turns, its failures"},
	{"inspect", command_inspect, "who lives here, and what an actor knows"},
	{"store", command_store, "backup, restore, check, history, compact"},
	{"image", command_image, "load, list, remove: what containers are made of"},
	{"chaos", command_chaos, "scripts that break a cluster and judge it"},
	{"dlq", command_dlq, "messages that nobody took: list, retry, drop"},
	{"manual", command_manual, "messages: every message between the actors"},
	{"plugin", command_plugin, "check: whether a shared object fits"},
	{"version", command_version, "of this program"},
	{"send", command_send, NULL},
	{"process", command_process, NULL},
};

const char *default_data_dir(void)
{
	const char *dir = getenv("TROUPE_DATA_DIR");
	return dir && *dir ? dir : "troupe.data";
}

static int usage(FILE *out)
{
	fprintf(out, "Usage: troupe COMMAND [options]\n\nCommands:\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].help)
			fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n`troupe COMMAND --help` tells more.\n");
	return out == stdout ? 0 : EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *this, const char *that)
{
	return strcmp(word, this) == 0 || strcmp(word, that) == 0;
}

int main(int argc, char **argv)
{
	log_init(getenv("TROUPE_LOG"));
	if (argc < 2)
		return usage(stderr);
	if (is_one_of(argv[1], "--help", "-h") || (strcmp(argv[1], "help") == 0 && argc == 2))
		return usage(stdout);
	if (strcmp(argv[1], "help") == 0) { /* `help up` is `up --help` */
		argv[1] = argv[2];
		argv[2] = (char *)"--help";
	} else if (is_one_of(argv[1], "--version", "-V")) {
		argv[1] = (char *)"version";
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "troupe: there is no command '%s'\n", argv[1]);
	return usage(stderr);
}
