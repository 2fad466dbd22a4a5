#include "nodes/oci/oci_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/oci/oci_config.h"

static const char root[] = "/sys/fs/cgroup";

static void kill_all(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 1)
			kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

/* The children first; whether all is gone. */
static bool remove_at(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	if (!d)
		return fd < 0 && errno == ENOENT;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_at(fd, e->d_name);
	kill_all(fd);
	closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static bool is_unified(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

bool oci_cgroup_remove(const char *path)
{
	char full[600];
	struct dirent *e;
	bool gone = true;
	if (is_unified()) {
		snprintf(full, sizeof full, "%s%s", root, path);
		return remove_at(AT_FDCWD, full);
	}
	DIR *d = opendir(root);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(full, sizeof full, "%s/%s%s", root, e->d_name, path);
		gone = remove_at(AT_FDCWD, full) && gone;
	}
	if (d)
		closedir(d);
	return gone;
}

void oci_cgroup_oom_file(const char *path, struct buf *out)
{
	if (is_unified())
		buf_printf(out, "%s%s/memory.events", root, path);
	else
		buf_printf(out, "%s/memory%s/memory.oom_control", root, path);
}

/* ---- limits that change */

struct group {
	const char *root, *path, *name; /* of a container; NULL: a pod's */
	bool unified;
	struct err *e;
};

static void file_of(const struct group *g, const char *controller, const char *file, char out[700])
{
	snprintf(out, 700, "%s%s%s%s/%s", g->root, g->unified ? "" : "/", g->unified ? "" : controller,
		 g->path, file);
}

static int put(const struct group *g, const char *controller, const char *file, const char *text)
{
	char path[700];
	file_of(g, controller, file, path);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), rc = 0;
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		rc = g->name ? err_set(g->e, ERR_IO, "container \"%s\": %s: %s", g->name, file, strerror(errno))
			     : err_set(g->e, ERR_IO, "the pod's control group: %s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int put_number(const struct group *g, const char *controller, const char *file, int64_t n)
{
	char text[32];
	snprintf(text, sizeof text, "%lld", (long long)n);
	return put(g, controller, file, text);
}

static int64_t number_in(const struct group *g, const char *controller, const char *file)
{
	char path[700], text[32] = "";
	file_of(g, controller, file, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	return strtoll(text, NULL, 10);
}

static int put_cpu(const struct group *g, const struct oci_limits *l)
{
	char text[64];
	int rc;
	if (!g->unified) {
		rc = put_number(g, "cpu", "cpu.shares", l->shares);
		rc = rc ? rc : put_number(g, "cpu", "cpu.cfs_period_us", l->period);
		return rc ? rc : put_number(g, "cpu", "cpu.cfs_quota_us", l->quota > 0 ? l->quota : -1);
	}
	/* 2 to 262144 become 1 to 10000, as the OCI programs do it. */
	rc = put_number(g, NULL, "cpu.weight", 1 + (l->shares - 2) * 9999 / 262142);
	snprintf(text, sizeof text, "%lld %lld", (long long)l->quota, (long long)l->period);
	if (l->quota <= 0)
		snprintf(text, sizeof text, "max %lld", (long long)l->period);
	return rc ? rc : put(g, NULL, "cpu.max", text);
}

/* The kernel would kill, rather than refuse, for a limit below what is used. */
static int check_memory(const struct group *g, const struct oci_limits *l)
{
	int64_t used = number_in(g, "memory", g->unified ? "memory.current" : "memory.usage_in_bytes");
	if (l->memory <= 0 || used <= l->memory)
		return 0;
	return err_set(g->e, ERR_BUSY, "cannot decrease memory limits: attempting to set container \"%s\" "
		       "memory limit (%lld) below current usage (%lld)", g->name, (long long)l->memory,
		       (long long)used);
}

static int put_memory(const struct group *g, const struct oci_limits *l)
{
	if (!g->unified)
		return put_number(g, "memory", "memory.limit_in_bytes", l->memory > 0 ? l->memory : -1);
	return l->memory > 0 ? put_number(g, NULL, "memory.max", l->memory) : put(g, NULL, "memory.max", "max");
}

int oci_cgroup_limit_at(const char *at, bool unified, const char *path, const char *name,
			const struct oci_limits *l, struct err *e)
{
	struct group g = {at, path, name, unified, e};
	int rc = check_memory(&g, l);
	rc = rc ? rc : put_memory(&g, l);
	return rc ? rc : put_cpu(&g, l);
}

int oci_cgroup_limit(const char *path, const char *name, const struct oci_limits *l, struct err *e)
{
	return oci_cgroup_limit_at(root, is_unified(), path, name, l, e);
}

/* ---- the group of a pod */

static int make_in(const struct group *g, const char *controller)
{
	char path[700];
	file_of(g, controller, "", path);
	for (char *c = path + strlen(g->root) + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return err_set(g->e, ERR_IO, "cannot make the pod's control group %s: %s", path,
				       strerror(errno));
		*c = '/';
	}
	return 0;
}

/* Of version 2: what is limited below is said in each group above, and in this one. */
static int hand_down(const struct group *g)
{
	size_t n = strlen(g->path);
	int rc = 0;
	for (size_t i = 0; i <= n && rc == 0; i++) {
		char path[600];
		struct group above = *g;
		if (i < n && g->path[i] != '/')
			continue;
		snprintf(path, sizeof path, "%.*s", (int)i, g->path);
		above.path = path;
		rc = put(&above, NULL, "cgroup.subtree_control", "+cpu +memory");
	}
	return rc;
}

int oci_cgroup_make(const char *path, const struct oci_limits *l, struct err *e)
{
	struct group g = {root, path, NULL, is_unified(), e};
	int rc = make_in(&g, "cpu");
	rc = rc ? rc : g.unified ? hand_down(&g) : make_in(&g, "memory");
	rc = rc ? rc : put_memory(&g, l);
	return rc ? rc : put_cpu(&g, l);
}
