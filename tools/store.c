/* `troupe store`: what people do to the state of a cluster as a whole. A
 * running cluster is asked by messages to its store actor; that of a stopped
 * one is opened here, under the same lock as the cluster would. */
#include "tools/store.h"

#include <argp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/messages.h"
#include "store/local/check.h"
#include "store/local/journal.h"
#include "store/local/journal_lock.h"
#include "store/store.h"
#include "tools/commands.h"
#include "tools/config.h"

enum { OPT_TO = 't' };

static const struct argp_option plain_rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"output", 'o', "FORM", 0, "text or json", 0},
	{0},
};
static const struct argp_option compact_rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"to", OPT_TO, "REV", 0, "forget what happened up to this revision, not all", 0},
	{"output", 'o', "FORM", 0, "text or json", 0},
	{0},
};
static const struct argp_option history_rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"body", 'b', NULL, 0, "the objects too (never those of secrets)", 0},
	{"output", 'o', "FORM", 0, "text or json (lines)", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct store_options *o = state->input;
	char *end;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		return 0;
	case 'b':
		o->body = true;
		return 0;
	case OPT_TO:
		o->revision = strtoull(arg, &end, 10);
		if (*end || !o->revision)
			argp_error(state, "--to takes a revision, not '%s'", arg);
		return 0;
	case 'o':
		if (strcmp(arg, "json") && strcmp(arg, "text"))
			argp_error(state, "--output takes text or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			argp_error(state, "one argument at most");
		o->file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Where the config says; without one, where it would be. */
static void find_store(struct store_options *o)
{
	struct config c;
	char file[600];
	const char *at = "store";
	snprintf(file, sizeof file, "%s/cluster.yaml", o->data_dir);
	bool known = access(file, R_OK) == 0 && config_load(&c, file, NULL) == 0;
	if (known)
		at = c.store_path;
	snprintf(o->path, sizeof o->path, "%s%s%s", *at == '/' ? "" : o->data_dir,
		 *at == '/' ? "" : "/", at);
	if (known)
		config_fini(&c);
}

/* Whoever has the store open has its lock. Without a directory it is perhaps
 * in memory: then the broker knows. */
static bool is_stopped(const struct store_options *o)
{
	int lock;
	if (access(o->path, F_OK) || journal_lock(o->path, &lock, NULL))
		return false;
	close(lock);
	return true;
}

/* However long it takes: copying and forgetting are the store's work. */
static int ask_store(struct store_options *o, uint16_t kind, struct buf *body, struct mp *reply,
		     struct bytes **owner, struct err *e)
{
	return client_request(o->client, "store", kind, body, STORE_WORK_MS, reply, owner, e);
}

/* ---- backup */

static int absolute(const char *file, char out[PATH_MAX], struct err *e)
{
	char here[PATH_MAX];
	int n = *file == '/' ? snprintf(out, PATH_MAX, "%s", file)
		: getcwd(here, sizeof here)
			? snprintf(out, PATH_MAX, "%s/%s", here, file)
			: -1;
	return n < 0 || n >= PATH_MAX ? err_set(e, ERR_INVALID, "%s: path too long", file) : 0;
}

static int backup_stopped(const char *from, const char *file, struct err *e)
{
	struct journal *j;
	struct journal_lmdb_options o = {.dir = from, .read_only = true};
	int rc = journal_lmdb_open(&j, &o, e);
	if (rc)
		return rc;
	rc = journal_backup(j, file, e);
	struct pollfd fd = {.fd = journal_fd(j), .events = POLLIN};
	while (!rc && (rc = journal_backup_reap(j, e)) == ERR_AGAIN)
		rc = poll(&fd, 1, -1) < 0 ? ERR_IO : 0;
	journal_close(j);
	return rc;
}

static int make_backup(struct store_options *o, const char *file, struct err *e)
{
	struct buf b = {0};
	struct mp reply;
	struct bytes *owner = NULL;
	if (!o->client)
		return backup_stopped(o->path, file, e);
	mpw_map(&b, 1);
	mpw_kv_str(&b, "path", file);
	int rc = ask_store(o, MSG_STORE_BACKUP, &b, &reply, &owner, e);
	bytes_unref(owner);
	return rc;
}

static int run_backup(struct store_options *o, struct err *e)
{
	char file[PATH_MAX];
	int rc = absolute(o->file, file, e);
	if (!rc)
		rc = make_backup(o, file, e);
	if (!rc)
		printf(o->json ? "{\"file\":\"%s\"}\n" : "%s is complete\n", file);
	return rc;
}

/* ---- restore */

static int run_restore(struct store_options *o, struct err *e)
{
	struct journal_restored r;
	if (o->client)
		return err_set(e, ERR_BUSY, "the cluster runs: stop it first");
	int rc = journal_lmdb_restore(o->file, o->path, &r, e);
	if (rc)
		return rc;
	printf(o->json ? "{\"store\":\"%s\",\"revision\":%llu}\n"
		       : "%s is restored; revisions go on above %llu, so that everybody lists "
			 "anew\n",
	       o->path, (unsigned long long)r.revision);
	if (r.replaced && !o->json)
		printf("what was there is kept as %s/data.mdb.replaced\n", o->path);
	return 0;
}

/* ---- check */

struct verdict {
	int rc;
	struct err why;
	struct store_checked found;
};

/* In a child: LMDB may end a process that walks damaged pages. */
static int check_apart(const char *path, struct verdict *v, struct err *e)
{
	int p[2], status = 0;
	if (pipe(p))
		return err_set(e, ERR_IO, "pipe failed");
	pid_t child = fork();
	if (child == 0) {
		v->rc = store_check(path, &v->found, &v->why);
		_exit(write(p[1], v, sizeof *v) != sizeof *v);
	}
	close(p[1]);
	bool said = child > 0 && read(p[0], v, sizeof *v) == sizeof *v;
	close(p[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	if (!said)
		return err_set(e, ERR_CORRUPT, "%s: LMDB's pages are damaged (%s)", path,
			       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no answer");
	return v->rc ? err_set(e, v->rc, "%s", v->why.text) : 0;
}

static void tell_verdict(const struct store_options *o, const char *what,
			 const struct store_checked *f)
{
	printf(o->json ? "{\"checked\":\"%s\",\"keys\":%llu,\"objects\":%llu,\"records\":%llu,"
			 "\"events\":%llu,\"revision\":%llu,\"compacted\":%llu}\n"
		       : "%s is sound: %llu keys, %llu checkpoint rows, %llu records, %llu events, "
			 "revision %llu, history above %llu\n",
	       what, (unsigned long long)f->rows, (unsigned long long)f->objects,
	       (unsigned long long)f->records, (unsigned long long)f->events,
	       (unsigned long long)f->revision, (unsigned long long)f->compacted);
}

/* A running store is checked as the copy that a backup of now would be: that
 * reads every page that is in use. */
static int check_running(struct store_options *o, struct verdict *v, struct err *e)
{
	char copy[PATH_MAX], named[800];
	snprintf(named, sizeof named, "%s/check.%d", o->path, getpid());
	int rc = absolute(named, copy, e);
	if (!rc)
		rc = make_backup(o, copy, e);
	if (rc)
		return rc;
	rc = check_apart(copy, v, e);
	unlink(copy);
	return rc;
}

static int run_check(struct store_options *o, struct err *e)
{
	struct verdict v = {0};
	const char *what = o->file ? o->file : o->path;
	int rc = !o->file && o->client ? check_running(o, &v, e) : check_apart(what, &v, e);
	if (!rc)
		tell_verdict(o, what, &v.found);
	return rc;
}

/* ---- compact */

static int compact_running(struct store_options *o, uint64_t *to, struct err *e)
{
	struct buf b = {0};
	struct mp reply;
	struct bytes *owner = NULL;
	mpw_map(&b, o->revision > 0);
	if (o->revision)
		mpw_kv_u64(&b, "revision", o->revision);
	int rc = ask_store(o, MSG_STORE_COMPACT, &b, &reply, &owner, e);
	if (!rc)
		*to = (uint64_t)mp_path_int(reply, "compacted", 0);
	bytes_unref(owner);
	return rc;
}

/* Until nothing more is written: the log is cut in slices. */
static int settle(struct store *s)
{
	struct pollfd fd = {.fd = store_fd(s), .events = POLLIN};
	int rc = store_poll(s);
	while (!rc && poll(&fd, 1, 200) > 0)
		rc = store_poll(s);
	return rc;
}

static int compact_stopped(struct store_options *o, uint64_t *to, struct err *e)
{
	struct journal *j;
	struct store *s;
	struct store_client nobody = {0};
	struct store_head head;
	if (access(o->path, F_OK))
		return err_set(e, ERR_NOT_FOUND, "%s: there is no store", o->path);
	int rc = journal_lmdb_open(&j, &(struct journal_lmdb_options){.dir = o->path}, e);
	if (!rc)
		rc = store_local_open(&s, &j, &nobody, e);
	if (rc)
		return rc;
	store_head(s, &head);
	rc = store_compact(s, o->revision ? o->revision : head.revision, e);
	if (!rc && settle(s))
		rc = err_set(e, ERR_IO, "%s: the journal failed", o->path);
	store_head(s, &head);
	*to = head.compacted;
	store_close(s);
	return rc;
}

static int run_compact(struct store_options *o, struct err *e)
{
	uint64_t to = 0;
	int rc = (o->client ? compact_running : compact_stopped)(o, &to, e);
	if (!rc)
		printf(o->json ? "{\"compacted\":%llu}\n"
			       : "what happened up to revision %llu is forgotten\n",
		       (unsigned long long)to);
	return rc;
}

/* ---- the table */

static const struct part {
	const char *name, *argument; /* in brackets: may be absent */
	int (*run)(struct store_options *o, struct err *e);
	const struct argp_option *rows;
	const char *help;
} parts[] = {
	{"backup", "FILE", run_backup, plain_rows,
	 "a copy of the state to FILE, while the cluster runs or not"},
	{"restore", "FILE", run_restore, plain_rows,
	 "puts a backup in the place of a stopped cluster's state; every watch and list token "
	 "from before is answered 410"},
	{"check", "[FILE]", run_check, plain_rows,
	 "looks at everything in the store, or in a backup; names the first record that is bad"},
	{"history", "KEY", store_history, history_rows,
	 "what became of one key (pods/default/web), as far back as it is known"},
	{"compact", "", run_compact, compact_rows,
	 "forgets what happened, not what is, and frees its room"},
};

static int usage(FILE *out)
{
	fprintf(out, "Usage: troupe store COMMAND [FILE|KEY] [options]\n\nCommands:\n");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		fprintf(out, "  %-8s %-6s  %s\n", parts[i].name, parts[i].argument, parts[i].help);
	return out == stdout ? 0 : EXIT_USAGE;
}

static int run_part(const struct part *p, int argc, char **argv)
{
	struct store_options o = {.data_dir = default_data_dir()};
	struct argp argp = {
		.options = p->rows, .parser = parse, .args_doc = p->argument, .doc = p->help};
	struct err e = {0};
	char name[64];
	snprintf(name, sizeof name, "troupe store %s", p->name);
	argv[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return EXIT_USAGE;
	if ((*p->argument && *p->argument != '[' && !o.file) || (!*p->argument && o.file)) {
		fprintf(stderr, "Usage: %s %s\n", name, p->argument);
		return EXIT_USAGE;
	}
	find_store(&o);
	if (is_stopped(&o) || client_open(&o.client, o.data_dir, STORE_ASK_MS, &e))
		o.client = NULL;
	int rc = p->run(&o, &e);
	client_close(o.client);
	if (rc)
		fprintf(stderr, "%s: %s\n", name, e.text[0] ? e.text : err_text(rc));
	return rc ? 1 : 0;
}

int command_store(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(parts[i].name, argv[1]) == 0)
			return run_part(&parts[i], argc - 1, argv + 1);
	fprintf(stderr, "troupe store: there is no command '%s'\n", argv[1]);
	return usage(stderr);
}
