#include "nodes/oci/oci_bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "nodes/last_words.h"
#include "nodes/oci/oci_cgroup.h"
#include "nodes/oci/oci_file.h"
#include "nodes/oci/oci_user.h"
#include "nodes/pause/oci_process.h"
#include "nodes/pause/sandbox.h"

enum { DEVICES_MAX = 512, PROFILE_BYTES_MAX = 1024 * 1024 };

static const char default_term[] = "TERM=xterm"; /* of who has a terminal */
static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* ---- what is run */

/* A command takes the place of the image's entrypoint and of its command, arguments
 * alone that of its command. */
static const char *const *argv_of(struct arena *a, const struct oci_bundle *b)
{
	bool own = count(b->command) > 0;
	const char *const *first = own ? b->command : b->image.entrypoint;
	const char *const *then = own || count(b->args) ? b->args : b->image.command;
	size_t n = count(first), m = count(then);
	const char **argv = arena_alloc(a, (n + m + 1) * sizeof *argv);
	if (n)
		memcpy(argv, first, n * sizeof *argv);
	if (m)
		memcpy(argv + n, then, m * sizeof *argv);
	return argv;
}

static bool has_name(const char *const *env, const char *entry)
{
	size_t n = strcspn(entry, "=");
	for (; env && *env; env++)
		if (strncmp(*env, entry, n) == 0 && (*env)[n] == '=')
			return true;
	return false;
}

/* The image's first, each unless the container sets it. */
static const char *const *env_of(struct arena *a, const struct oci_bundle *b)
{
	size_t n = count(b->image.env), m = count(b->env), at = 0;
	const char **env = arena_alloc(a, (n + m + 3) * sizeof *env);
	if (!has_name(b->image.env, default_path) && !has_name(b->env, default_path))
		env[at++] = default_path;
	if (mp_path_bool(b->container, "tty", false) && !has_name(b->image.env, default_term) &&
	    !has_name(b->env, default_term))
		env[at++] = default_term;
	for (size_t i = 0; i < n; i++)
		if (!has_name(b->env, b->image.env[i]))
			env[at++] = b->image.env[i];
	for (size_t i = 0; i < m; i++)
		env[at++] = b->env[i];
	return env;
}

/* ---- mounts */

struct mounts {
	struct oci_mount *all;
	size_t count;
};

static void add(struct mounts *m, const char *source, const char *target, bool readonly)
{
	m->all[m->count++] = (struct oci_mount){.source = source, .target = target, .readonly = readonly};
}

static size_t depth_of(const char *target)
{
	size_t n = 0;
	for (const char *c = target; *c; c++)
		n += *c != '/' && (c == target || c[-1] == '/');
	return n;
}

/* As containerd does: what is mounted in another place comes after that. */
static void sort_by_depth(struct mounts *m)
{
	for (size_t i = 1; i < m->count; i++) {
		struct oci_mount one = m->all[i];
		size_t k = i, depth = depth_of(one.target);
		for (; k > 0 && depth_of(m->all[k - 1].target) > depth; k--)
			m->all[k] = m->all[k - 1];
		m->all[k] = one;
	}
}

/* The termination message is a file of the pod's. */
static int add_message(struct arena *a, const struct oci_bundle *b, struct mounts *m, struct err *e)
{
	struct span path = mp_path_str(b->container, "terminationMessagePath");
	struct span policy = mp_path_str(b->container, "terminationMessagePolicy");
	const char *file;
	if (!path.len)
		path = span_of("/dev/termination-log");
	int rc = last_words_begin(a, b->dir, b->name, b->attempt, policy, &file, e);
	if (rc)
		return rc;
	add(m, file, arena_ndup(a, path.data, path.len), false);
	return 0;
}

static bool is_target(const struct oci_bundle *b, const char *target)
{
	for (size_t i = 0; i < b->mount_count; i++)
		if (strcmp(b->mounts[i].target, target) == 0)
			return true;
	return false;
}

/* What every container of the pod sees, unless a volume is there. */
static void add_shared(struct arena *a, const struct oci_bundle *b, struct mounts *m)
{
	static const char *const files[][2] = {{"etc/hosts", "/etc/hosts"},
					       {"etc/hostname", "/etc/hostname"},
					       {"etc/resolv.conf", "/etc/resolv.conf"}};
	bool readonly = mp_path_bool(b->container, "securityContext.readOnlyRootFilesystem", false);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *file = arena_printf(a, "%s/%s", b->dir, files[i][0]);
		if (access(file, F_OK) == 0 && !is_target(b, files[i][1]))
			add(m, file, files[i][1], readonly);
	}
	if (!is_target(b, "/dev/shm"))
		add(m, b->shm ? arena_printf(a, "%s/shm", b->dir) : "/dev/shm", "/dev/shm", false);
}

/* ---- devices of the machine */

struct devices {
	struct arena *a;
	struct oci_device *all;
	size_t count;
};

static void add_device(struct devices *d, const char *path, const struct stat *st)
{
	if (d->count == DEVICES_MAX)
		return;
	d->all[d->count++] = (struct oci_device){
		.path = arena_dup(d->a, path),
		.type = S_ISBLK(st->st_mode) ? 'b' : 'c',
		.major = (int64_t)major(st->st_rdev),
		.minor = (int64_t)minor(st->st_rdev),
		.mode = st->st_mode & 0777,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

/* As containerd lists them for who is privileged: not what has its own mounts. */
static void list_devices(struct devices *d, const char *dir, int depth)
{
	static const char *const skipped[] = {"/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue",
					      "/dev/console", "/dev/.lxc"};
	DIR *open_dir = opendir(dir);
	struct dirent *e;
	struct stat st;
	while (open_dir && (e = readdir(open_dir))) {
		bool skip = e->d_name[0] == '.';
		const char *path = arena_printf(d->a, "%s/%s", dir, e->d_name);
		for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
			skip = skip || strcmp(path, skipped[i]) == 0;
		if (skip || lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			list_devices(d, path, depth - 1);
		else if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
			add_device(d, path, &st);
	}
	if (open_dir)
		closedir(open_dir);
}

/* ---- system calls */

static int find_seccomp(struct arena *a, const struct oci_bundle *b, const struct oci_container *c,
			const struct doc **out, struct err *e)
{
	struct mp profile;
	*out = NULL;
	if (oci_privileged(b->container) || !oci_security(c, "seccompProfile", &profile))
		return 0;
	struct span type = mp_path_str(profile, "type");
	if (span_is(type, "RuntimeDefault")) {
		*out = b->machine->profile ? oci_seccomp(a, b->machine->profile, b->container) : NULL;
		return *out ? 0 : err_set(e, ERR_INVALID, "seccomp: this node has no default profile "
							  "(package golang-github-containers-common)");
	}
	if (!span_is(type, "Localhost"))
		return 0;
	struct span name = mp_path_str(profile, "localhostProfile");
	const char *path = arena_printf(a, "/var/lib/kubelet/seccomp/%.*s", (int)name.len,
					(const char *)name.data);
	if (strstr(path, "/../") || (path[strlen(path) - 1] == '.'))
		return err_set(e, ERR_INVALID, "seccomp profile \"%.*s\" leads out of its directory",
			       (int)name.len, (const char *)name.data);
	char *text = arena_alloc(a, PROFILE_BYTES_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, PROFILE_BYTES_MAX) : -1;
	struct doc *d = NULL;
	if (fd >= 0)
		close(fd);
	if (n <= 0 || json_parse(a, (struct span){(uint8_t *)text, (size_t)n}, &d, NULL, NULL))
		return err_set(e, ERR_IO, "cannot load seccomp profile \"%s\"", path);
	*out = d;
	return 0;
}

/* ---- the whole */

static const char *lower_of(struct arena *a, const struct image *image, const char **layers)
{
	size_t n = count(image->layers);
	const char *lower = NULL;
	for (size_t i = n; i-- > 0;) {
		const char *slash = strrchr(image->layers[i], '/');
		*layers = arena_ndup(a, image->layers[i], (size_t)(slash - image->layers[i]));
		lower = lower ? arena_printf(a, "%s:%s", lower, slash + 1) : slash + 1;
	}
	return lower;
}

/* "SIGQUIT", "QUIT", "3", "SIGRTMIN+3"; 0: none, or nobody knows it. */
static int signal_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);
	if (end != text)
		return *end || n <= 0 || n > SIGRTMAX ? 0 : (int)n;
	text += strncmp(text, "SIG", 3) == 0 ? 3 : 0;
	if (strncmp(text, "RTMIN", 5) == 0 || strncmp(text, "RTMAX", 5) == 0) {
		n = (text[4] == 'N' ? SIGRTMIN : SIGRTMAX) + strtol(text + 5, &end, 10);
		return *end || n < SIGRTMIN || n > SIGRTMAX ? 0 : (int)n;
	}
	for (int i = 1; i < SIGRTMIN; i++)
		if (sigabbrev_np(i) && strcmp(sigabbrev_np(i), text) == 0)
			return i;
	return 0;
}

/* "docker.io/library/busybox@sha256:...": by what anybody can have the same one. */
static const char *image_id(struct arena *a, const struct image *image)
{
	size_t n = strcspn(image->name, "@");
	const char *slash = memrchr(image->name, '/', n);
	const char *colon = memrchr(image->name, ':', n);
	if (colon && (!slash || colon > slash))
		n = (size_t)(colon - image->name);
	return arena_printf(a, "%.*s@%s", (int)n, image->name, image->digest);
}

static const char *title_of(struct arena *a, struct mp pod)
{
	struct span name = mp_path_str(pod, "metadata.name"), ns = mp_path_str(pod, "metadata.namespace");
	struct span uid = mp_path_str(pod, "metadata.uid");
	return arena_printf(a, "%.*s_%.*s(%.*s)", (int)name.len, (const char *)name.data, (int)ns.len,
			    (const char *)ns.data, (int)uid.len, (const char *)uid.data);
}

static int write_config(struct arena *a, const struct oci_bundle *b, const struct oci_container *c,
			const char *bundle, struct err *e)
{
	struct buf json = {0}, process = {0};
	const char *dir = arena_printf(a, "%s/%s", b->dir, bundle);
	oci_config_write(c, &json);
	oci_process_write(c, &process);
	int rc = mkdir(dir, 0700) != 0 && errno != EEXIST
			 ? err_set(e, ERR_IO, "%s: %s", dir, strerror(errno))
			 : oci_write_file(arena_printf(a, "%s/config.json", dir), span_buf(&json), e);
	if (rc == 0)
		rc = oci_write_file(arena_printf(a, "%s/" OCI_PROCESS_FILE, dir), span_buf(&process), e);
	buf_fini(&json);
	buf_fini(&process);
	return rc;
}

/* Whether the OCI program has made it, and it was not seen to end. */
static bool is_made(struct arena *a, const struct oci_bundle *b, struct span name)
{
	DIR *d = opendir(arena_printf(a, "%s/" BUNDLES_DIR, b->dir));
	bool made = false;
	for (struct dirent *x; !made && d && (x = readdir(d));) {
		const char *dot = strrchr(x->d_name, '.');
		struct span bare = {(const uint8_t *)x->d_name, dot ? (size_t)(dot - x->d_name) : 0};
		const char *path = arena_printf(a, "%s/" BUNDLES_DIR "/%s/pid", b->dir, x->d_name);
		made = dot && span_eq(bare, name) && access(path, F_OK) == 0;
	}
	if (d)
		closedir(d);
	return made;
}

/* The pod's own, when its containers share one; of an ephemeral container that of the
 * one that it looks at, which its pause binds there. */
static int find_pids(struct arena *a, const struct oci_bundle *b, const char *bundle,
		     struct pause_start *start, const char **out, struct err *e)
{
	struct span target = mp_path_str(b->container, "targetContainerName");
	*out = NULL;
	start->target = NULL;
	if (mp_path_bool(b->spec, "shareProcessNamespace", false)) {
		*out = arena_printf(a, "%s/" SANDBOX_PIDS, b->dir);
	} else if (target.len) {
		start->target = arena_ndup(a, target.data, target.len);
		*out = arena_printf(a, "%s/%s/" SANDBOX_PIDS, b->dir, bundle);
	}
	return start->target && !is_made(a, b, target)
		       ? err_set(e, ERR_INVALID, "unable to find target container %s", start->target)
		       : 0;
}

int oci_bundle_make(struct arena *a, const struct oci_bundle *b, struct pause_start *start,
		    struct err *e)
{
	struct mounts m = {.all = arena_alloc(a, (b->mount_count + 8) * sizeof *m.all)};
	struct devices d = {.a = a};
	struct buf oom = {0};
	struct oci_container c = {
		.pod = b->spec,
		.container = b->container,
		.argv = argv_of(a, b),
		.env = env_of(a, b),
		.cwd = *b->cwd ? b->cwd : b->image.workdir ? b->image.workdir : "/",
		.cgroup = arena_printf(a, "/troupe/%s/%s.%u", b->uid, b->name, b->attempt),
		.node_memory = b->machine->memory,
		.powers = b->machine->powers,
	};
	const char *bundle = arena_printf(a, BUNDLES_DIR "/%s.%u", b->name, b->attempt);
	int rc = find_pids(a, b, bundle, start, &c.pids, e);
	rc = rc ? rc : oci_user_find(&c, &b->image, title_of(a, b->pod), &c.user, e);
	if (rc == 0 && !c.argv[0])
		rc = err_set(e, ERR_IO, "failed to generate container \"%s\" spec: failed to generate spec: "
			     "no command specified",
			     b->name);
	rc = rc ? rc : find_seccomp(a, b, &c, &c.seccomp, e);
	rc = rc ? rc : add_message(a, b, &m, e);
	if (rc)
		return rc;
	add_shared(a, b, &m);
	for (size_t i = 0; i < b->mount_count; i++)
		m.all[m.count++] = b->mounts[i];
	sort_by_depth(&m);
	c.mounts = m.all;
	c.mount_count = m.count;
	if (oci_privileged(b->container)) {
		d.all = arena_alloc(a, DEVICES_MAX * sizeof *d.all);
		list_devices(&d, "/dev", 2);
		c.devices = d.all;
		c.device_count = d.count;
	}
	rc = write_config(a, b, &c, bundle, e);
	oci_cgroup_oom_file(c.cgroup, &oom);
	start->bundle = bundle;
	start->word = c.argv[0];
	start->lower = lower_of(a, &b->image, &start->layers);
	start->oom = arena_dup(a, buf_text(&oom));
	start->image = image_id(a, &b->image);
	start->stop = signal_of(b->image.stop_signal ? b->image.stop_signal : "");
	buf_fini(&oom);
	if (rc == 0 && !start->lower)
		rc = err_set(e, ERR_IO, "image %s has no layers", b->image.name);
	return rc;
}
