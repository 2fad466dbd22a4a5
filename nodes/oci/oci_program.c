#include "nodes/oci/oci_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mp.h"
#include "nodes/oci/oci_cgroup.h"
#include "nodes/oci/oci_config.h"
#include "nodes/oci/oci_file.h"
#include "nodes/pause/remove.h"

extern char **environ;

/* Runs it and reads what it says on stdout; the wait status, or -1. */
static int output_of(const char *const *argv, const char *dir, char *out, size_t size)
{
	posix_spawn_file_actions_t acts;
	int pipes[2], status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;
	out[0] = 0;
	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&acts, pipes[1], 1);
	posix_spawn_file_actions_addopen(&acts, 2, "/dev/null", O_WRONLY, 0);
	if (dir)
		posix_spawn_file_actions_addchdir_np(&acts, dir);
	int rc = posix_spawn(&pid, argv[0], &acts, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&acts);
	close(pipes[1]);
	while (rc == 0 && n + 1 < size && (got = read(pipes[0], out + n, size - n - 1)) > 0)
		n += (size_t)got;
	close(pipes[0]);
	out[n] = 0;
	while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* "crun version 1.8.1" in its first line. */
static void read_version(struct oci_program *p)
{
	char text[512];
	const char *argv[] = {p->path, "--version", NULL};
	output_of(argv, NULL, text, sizeof text);
	text[strcspn(text, "\n")] = 0;
	const char *at = strstr(text, "version ");
	snprintf(p->version, sizeof p->version, "%.60s", at ? at + 8 : "unknown");
}

static bool look_up(const char *name, struct oci_program *out)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					   "/usr/bin", "/sbin", "/bin"};
	const char *base = strrchr(name, '/');
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "%.31s", base ? base + 1 : name);
	if (base) {
		snprintf(out->path, sizeof out->path, "%.127s", name);
		return access(out->path, X_OK) == 0;
	}
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		snprintf(out->path, sizeof out->path, "%s/%.31s", dirs[i], name);
		if (access(out->path, X_OK) == 0)
			return true;
	}
	return false;
}

/* ---- the trial: a pod of one container, which is the pause program itself */

static int put(const char *dir, const char *name, struct buf *b, struct err *e)
{
	char path[700];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int rc = oci_write_file(path, span_buf(b), e);
	buf_fini(b);
	return rc;
}

static int put_sandbox(const struct oci_program *p, const char *dir, struct err *e)
{
	struct buf b = {0};
	char root[600];
	snprintf(root, sizeof root, "%s/oci", dir);
	mpw_map(&b, 3);
	mpw_str(&b, "runtime");
	mpw_array(&b, 3);
	mpw_bin(&b, span_of(p->path));
	mpw_bin(&b, span_of("--root"));
	mpw_bin(&b, span_of(root));
	mpw_kv_bool(&b, "ipc", true);
	mpw_kv_bool(&b, "uts", true);
	return put(dir, "sandbox", &b, e);
}

/* With a sanitizer the pause is no static program: it finds its libraries. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const struct oci_mount libraries[] = {
	{.source = "/usr", .target = "/usr", .readonly = true},
	{.source = "/lib", .target = "/lib", .readonly = true},
	{.source = "/lib64", .target = "/lib64", .readonly = true},
};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };
#else
static const struct oci_mount *const libraries = NULL;
enum { LIBRARIES = 0 };
#endif

static int put_config(const char *dir, const char *cgroup, struct err *e)
{
	static const uint8_t nothing[] = {0x80};
	static const char *const argv[] = {"/troupe-pause", "--true", NULL};
	static const char *const env[] = {"PATH=/", NULL};
	struct mp empty = mp_of((struct span){nothing, 1});
	struct oci_container c = {.pod = empty, .container = empty, .argv = argv, .env = env,
				  .cwd = "/", .cgroup = cgroup, .powers = oci_powers_here(),
				  .mounts = libraries, .mount_count = LIBRARIES};
	struct buf b = {0};
	oci_config_write(&c, &b);
	return put(dir, "bundle/config.json", &b, e);
}

static int make(const char *dir, const char *name, struct err *e)
{
	char path[700];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return mkdir(path, 0755) == 0 || errno == EEXIST
		       ? 0
		       : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

/* A link where it can be: on one file system. */
static int put_program(const char *pause, const char *to, struct err *e)
{
	if (link(pause, to) == 0)
		return 0;
	int in = open(pause, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t n = 1;
	while (in >= 0 && out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 1 << 24, 0);
	int number = errno;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return n == 0 ? 0 : err_set(e, ERR_IO, "%s: %s", to, strerror(number));
}

static int try(const struct oci_program *p, const char *dir, const char *pause, struct err *e)
{
	static const char *const dirs[] = {"", "bundle", "layers", "layers/trial"};
	char cgroup[80], to[700], said[400];
	const char *argv[] = {pause, "trial", "--trial", NULL};
	int rc = 0;
	remove_tree(dir);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs && rc == 0; i++)
		rc = make(dir, dirs[i], e);
	snprintf(cgroup, sizeof cgroup, "/troupe/trial-%d", (int)getpid());
	snprintf(to, sizeof to, "%s/layers/trial/troupe-pause", dir);
	rc = rc ? rc : put_sandbox(p, dir, e);
	rc = rc ? rc : put_config(dir, cgroup, e);
	rc = rc ? rc : put_program(pause, to, e);
	if (rc == 0 && output_of(argv, dir, said, sizeof said) != 0)
		rc = err_set(e, ERR_IO, "%s: %.160s", p->name, *said ? said : "it died");
	oci_cgroup_remove(cgroup);
	remove_tree(dir);
	return rc;
}

int oci_program_find(const char *dir, const char *pause, const char *wanted,
		     struct oci_program *out, struct err *e)
{
	const char *const names[] = {wanted ? wanted : "crun", wanted ? NULL : "runc"};
	int rc = err_set(e, ERR_NOT_FOUND, wanted ? "%s is not installed" : "neither crun nor runc is installed",
			 wanted);
	if (geteuid() != 0)
		return err_set(e, ERR_FORBIDDEN, "containers need root");
	for (size_t i = 0; i < 2 && names[i]; i++) {
		if (!look_up(names[i], out))
			continue;
		rc = try(out, dir, pause, e);
		if (rc == 0)
			read_version(out);
		if (rc == 0)
			return 0;
	}
	return rc;
}

/* ---- what was found */

int oci_program_note(const char *data_dir, const struct oci_program *p, struct err *e)
{
	struct buf b = {0};
	buf_printf(&b, "%s\n%s\n%s\n", p->path, p->name, p->version);
	return put(data_dir, "run/oci", &b, e);
}

static bool read_line(FILE *f, char *out, size_t size)
{
	if (!fgets(out, (int)size, f))
		return false;
	out[strcspn(out, "\n")] = 0;
	return true;
}

int oci_program_installed(const char *wanted, struct oci_program *out, struct err *e)
{
	if (!look_up(wanted, out))
		return err_set(e, ERR_NOT_FOUND, "%s is not installed", wanted);
	read_version(out);
	return 0;
}

int oci_program_noted(const char *data_dir, const char *wanted, struct oci_program *out,
		      struct err *e)
{
	char path[700];
	snprintf(path, sizeof path, "%s/run/oci", data_dir);
	FILE *f = fopen(path, "re");
	bool noted = f && read_line(f, out->path, sizeof out->path) &&
		     read_line(f, out->name, sizeof out->name) &&
		     read_line(f, out->version, sizeof out->version);
	if (f)
		fclose(f);
	if (noted && (!wanted || strcmp(wanted, out->name) == 0 || strcmp(wanted, out->path) == 0))
		return 0;
	if (!wanted)
		return err_set(e, ERR_NOT_FOUND, "nobody has looked for an OCI program: start it by `troupe up`");
	return oci_program_installed(wanted, out, e);
}
