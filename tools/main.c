/* troupe COMMAND [options] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "tools/commands.h"
#include "tools/version.h"

static int command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("troupe %s\n", TROUPE_VERSION);
	return 0;
}

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

int main(int argc, char **argv)
{
	log_init(getenv("TROUPE_LOG"));
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "troupe: there is no command '%s'\n", argv[1]);
	return usage(stderr);
}
