/* `troupe manual messages`: the catalogue, printed from the rows themselves. */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/host.h"

static void print_fields(const struct msg_row *r)
{
	for (const struct msg_field *f = r->fields; f && f->name; f++)
		printf("    %-12s %-6s %s%s\n", f->name,
		       f->type == MP_NONE ? "any" : mp_type_name(f->type), f->help,
		       f->required ? "" : " (optional)");
}

int command_manual(int argc, char **argv)
{
	static const char *const classes[] = {"system", "send",	 "request",
					      "reply",	"event", "notice", "command"};
	if (argc != 2 || strcmp(argv[1], "messages") != 0) {
		bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
		fprintf(help ? stdout : stderr, "Usage: troupe manual messages\n");
		return help ? 0 : EXIT_USAGE;
	}
	for (const struct msg_table *const *t = host_catalogue()->tables; *t; t++) {
		for (const struct msg_row *r = (*t)->rows; r->name; r++) {
			printf("%s  (%u, %s, %s/)\n    %s\n", r->name, r->number,
			       classes[r->class], (*t)->folder, r->help);
			print_fields(r);
			printf("\n");
		}
	}
	return 0;
}
