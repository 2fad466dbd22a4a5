/* `troupe image`: what containers are made of (nodes/images/images.h). */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "nodes/images/images.h"
#include "tools/commands.h"

enum { NAMES_MAX = 1000 };

struct options {
	const char *data_dir, *verb, *auth;
	unsigned patience;
	const char *names[NAMES_MAX];
	size_t count;
	bool json;
};

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"authfile", 'a', "FILE", 0, "for pull: who one is at registries, as in Docker's config.json", 0},
	{"patience", 'p', "SECONDS", 0, "for pull: given up when nothing comes for so long (300; 0: never)", 0},
	{"output", 'o', "FORM", 0, "table or json (lines)", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		break;
	case 'a':
		o->auth = arg;
		break;
	case 'p': {
		char *end;
		unsigned long n = strtoul(arg, &end, 10);
		if (!*arg || *end || n > 1000000)
			argp_error(state, "--patience takes seconds, not '%s'", arg);
		o->patience = (unsigned)n;
		break;
	}
	case 'o':
		if (strcmp(arg, "json") && strcmp(arg, "table"))
			argp_error(state, "--output takes table or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		break;
	case ARGP_KEY_ARG:
		if (!o->verb)
			o->verb = arg;
		else if (o->count < NAMES_MAX)
			o->names[o->count++] = arg;
		else
			argp_error(state, "at most %d at once", NAMES_MAX);
		break;
	case ARGP_KEY_END:
		if (!o->verb)
			argp_error(state, "load, pull, list or remove?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	rows, parse, "load FILE... | pull NAME... | list | remove NAME...",
	"Images on this machine.\v"
	"load    archives of `docker save`, `skopeo copy ... docker-archive:FILE` or an OCI layout\n"
	"        (-: standard input); packed ones too. Their layers are unpacked, as root\n"
	"pull    from their registries, by skopeo; of this machine (localhost, 127.*) by plain HTTP\n"
	"list    their names, ids and bytes\n"
	"remove  by name or id; what no other image needs goes too\n\n"
	"Names are Docker's: busybox is docker.io/library/busybox:latest.",
	NULL, NULL, NULL};

static int failed(const struct err *e)
{
	fprintf(stderr, "troupe image: %s\n", e->text);
	return 1;
}

/* ---- what is shown */

static void show_json(const struct image *i)
{
	struct buf b = {0};
	buf_puts(&b, "{\"name\":");
	json_string(&b, span_of(i->name));
	buf_printf(&b, ",\"id\":\"%s\",\"digest\":\"%s\",\"bytes\":%lld,\"unpacked\":%s}", i->id,
		   i->digest, (long long)i->bytes, i->unpacked ? "true" : "false");
	printf("%s\n", buf_text(&b));
	buf_fini(&b);
}

static int show(void *arg, const struct image *i)
{
	const struct options *o = arg;
	if (o->json)
		show_json(i);
	else
		printf("%-60s %.12s %10.1f MB%s\n", i->name, i->id + 7, (double)i->bytes / 1e6,
		       i->unpacked ? "" : "  not unpacked");
	return 0;
}

static void tell_loaded(void *arg, const struct image *i)
{
	const struct options *o = arg;
	if (o->json)
		show_json(i);
	else
		printf("%s %s%s\n", strcmp(o->verb, "pull") ? "loaded" : "pulled", i->name,
		       i->unpacked ? "" : " (its layers are unpacked when root loads it)");
}

/* ---- the verbs */

static int load(struct images *im, struct options *o)
{
	struct err e = {0};
	for (size_t i = 0; i < o->count; i++)
		if (images_load(im, o->names[i], tell_loaded, o, &e))
			return failed(&e);
	return 0;
}

static int pull(struct images *im, struct options *o)
{
	struct err e = {0};
	for (size_t i = 0; i < o->count; i++)
		if (images_pull(im, o->names[i], o->auth, o->patience, tell_loaded, o, &e))
			return failed(&e);
	return 0;
}

static int list(struct images *im, struct options *o)
{
	struct err e = {0};
	if (!o->json)
		printf("%-60s %-12s %13s\n", "NAME", "ID", "SIZE");
	return images_each(im, show, o, &e) ? failed(&e) : 0;
}

static int remove_all(struct images *im, struct options *o)
{
	struct err e = {0};
	int rc = 0;
	for (size_t i = 0; i < o->count; i++)
		if (images_remove(im, o->names[i], &e))
			rc = failed(&e);
		else if (!o->json)
			printf("removed %s\n", o->names[i]);
	return rc;
}

static const struct verb {
	const char *name;
	int (*run)(struct images *im, struct options *o);
	bool names;
} verbs[] = {{"load", load, true}, {"pull", pull, true}, {"list", list, false}, {"remove", remove_all, true}};

int command_image(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir(), .patience = 300};
	struct images *im = NULL;
	struct err e = {0};
	char dir[600];
	size_t v = 0;
	argv[0] = "troupe image";
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	while (v < sizeof verbs / sizeof *verbs && strcmp(verbs[v].name, o.verb) != 0)
		v++;
	if (v == sizeof verbs / sizeof *verbs || verbs[v].names != (o.count > 0)) {
		fprintf(stderr, v == sizeof verbs / sizeof *verbs
					? "troupe image: load, pull, list or remove, not '%s'\n"
					: "troupe image: %s takes %s\n",
			o.verb, v < sizeof verbs / sizeof *verbs && verbs[v].names ? "names" : "no names");
		return EXIT_USAGE;
	}
	snprintf(dir, sizeof dir, "%s/images", o.data_dir);
	mkdir(o.data_dir, 0700); /* what there is to say, the next line says */
	if (images_open(&im, dir, &e))
		return failed(&e);
	int rc = verbs[v].run(im, &o);
	images_close(im);
	return rc;
}
