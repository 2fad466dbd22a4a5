#include "tools/plugin.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/host.h"

extern char **environ;

enum { STATE_BYTES_MAX = 64 * 1024 * 1024 };

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#else
enum { MACHINE = EM_NONE };
#endif

/* ---- what can be seen without loading it */

static int check_file(const char *file, struct err *e)
{
	Elf64_Ehdr h = {0};
	FILE *f = fopen(file, "re");
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: %m", file);
	size_t n = fread(&h, 1, sizeof h, f);
	int why = ferror(f) ? errno : 0;
	fclose(f);
	errno = why;
	if (why)
		return err_set(e, ERR_INVALID, "%s: %m", file);
	if (n < sizeof h || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(e, ERR_INVALID, "%s is no shared object (it is not ELF)", file);
	if (h.e_type != ET_DYN)
		return err_set(e, ERR_INVALID, "%s is no shared object: link it with -shared", file);
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || (MACHINE != EM_NONE && h.e_machine != MACHINE))
		return err_set(e, ERR_INVALID, "%s is for another kind of machine", file);
	return 0;
}

/* ---- whether it fits */

static int check_contract(const char *file, const struct troupe_plugin *p, struct err *e)
{
	if (p->magic != TROUPE_PLUGIN_MAGIC)
		return err_set(e, ERR_INVALID, "%s: its %s is not made by TROUPE_PLUGIN", file,
			       TROUPE_PLUGIN_SYMBOL);
	if (p->contract != TROUPE_CONTRACT)
		return err_set(e, ERR_UNSUPPORTED,
			       "%s is made for contract %u, this troupe has contract %d", file,
			       p->contract, TROUPE_CONTRACT);
	if (p->bytes != sizeof *p || p->digest != TROUPE_CONTRACT_DIGEST)
		return err_set(e, ERR_UNSUPPORTED,
			       "%s is built with other headers than this troupe (%016llx, not "
			       "%016llx): build it again with those of its `make sdk`",
			       file, (unsigned long long)p->digest,
			       (unsigned long long)TROUPE_CONTRACT_DIGEST);
	return 0;
}

static int check_spec(const char *file, const struct actor_spec *s, struct err *e)
{
	if (!s || !s->kind || !*s->kind || !s->init)
		return err_set(e, ERR_INVALID, "%s: its actor needs a kind and an init", file);
	if (host_has_kind(s->kind))
		return err_set(e, ERR_INVALID, "%s: the kind '%s' is Troupe's own: call it another",
			       file, s->kind);
	if (!s->state_bytes || s->state_bytes > STATE_BYTES_MAX)
		return err_set(e, ERR_INVALID, "%s: state_bytes is from 1 to %d, not %zu", file,
			       STATE_BYTES_MAX, s->state_bytes);
	for (const struct actor_handler *h = s->handlers; h && h->message; h++)
		if (!catalogue_by_name(host_catalogue(), h->message))
			return err_set(e, ERR_INVALID,
				       "%s handles '%s', which is no message (`troupe manual messages`)",
				       file, h->message);
	return 0;
}

int plugin_load(const char *file, const struct troupe_plugin **out, struct err *e)
{
	char path[4096];
	int rc = check_file(file, e);
	if (rc)
		return rc;
	/* Without a slash it would be looked for among the system's. */
	snprintf(path, sizeof path, "%s%s", strchr(file, '/') ? "" : "./", file);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		return err_set(e, ERR_INVALID, "%s cannot be loaded: %s", file, dlerror());
	const struct troupe_plugin *p = dlsym(object, TROUPE_PLUGIN_SYMBOL);
	if (!p)
		return err_set(e, ERR_INVALID, "%s has no symbol %s: TROUPE_PLUGIN makes it", file,
			       TROUPE_PLUGIN_SYMBOL);
	rc = check_contract(file, p, e);
	if (rc == 0)
		rc = check_spec(file, p->actor, e);
	if (rc == 0)
		*out = p;
	return rc;
}

/* ---- by another process */

/* All it says, until it ends or the time is over. */
static bool read_all(int fd, char *out, size_t max)
{
	size_t len = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (ssize_t n; len + 1 < max; len += (size_t)n) {
		if (poll(&p, 1, PLUGIN_CHECK_MS) != 1)
			return false;
		n = read(fd, out + len, max - 1 - len);
		if (n <= 0)
			break;
	}
	out[len] = 0;
	out[strcspn(out, "\n")] = 0;
	return true;
}

static int start_check(const char *self, const char *file, int to, pid_t *pid)
{
	char *argv[] = {(char *)(uintptr_t)self, (char *)"plugin", (char *)"check",
			(char *)(uintptr_t)file, NULL};
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, to, 2);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	int rc = posix_spawn(pid, self, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

int plugin_check(const char *self, const char *file, struct err *e)
{
	int pipes[2], status = 0;
	char text[600] = "";
	pid_t pid;
	int rc = check_file(file, e);
	if (rc)
		return rc;
	if (pipe2(pipes, O_CLOEXEC))
		return err_set(e, ERR_IO, "%m");
	errno = start_check(self, file, pipes[1], &pid);
	close(pipes[1]);
	if (errno) {
		close(pipes[0]);
		return err_set(e, ERR_IO, "%s: %m", self);
	}
	bool said = read_all(pipes[0], text, sizeof text);
	close(pipes[0]);
	if (!said)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!said)
		return err_set(e, ERR_INVALID, "%s: loading it takes more than %d s", file,
			       PLUGIN_CHECK_MS / 1000);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INVALID, "%s: loading it ends the process: signal %d (%s)",
			       file, WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return err_set(e, ERR_INVALID, "%s", *text ? text : "it cannot be loaded");
	return 0;
}

/* ---- `troupe plugin check` */

int command_plugin(int argc, char **argv)
{
	static const char usage[] =
		"Usage: troupe plugin check FILE...\n"
		"Says whether shared objects with a controller in them fit this troupe.\n";
	int failed = 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 3 || strcmp(argv[1], "check") != 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (int i = 2; i < argc; i++) {
		const struct troupe_plugin *p;
		struct err e = {0};
		if (plugin_load(argv[i], &p, &e)) {
			fprintf(stderr, "%s\n", e.text);
			failed = 1;
			continue;
		}
		printf("%s: %s %s, contract %u: fits\n", argv[i], p->actor->kind,
		       p->version ? p->version : "", p->contract);
	}
	return failed;
}
