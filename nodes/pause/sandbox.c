#include "nodes/pause/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/network/pod_network.h"
#include "nodes/pause/share.h"

enum { SANDBOX_BYTES_MAX = 256 * 1024, NAMES_MAX = 64 };

static const char unified[] = "/sys/fs/cgroup/unified";

static int failed(struct err *e, const char *what)
{
	const char *why = strerrordesc_np(errno);
	return err_set(e, ERR_IO, "%s: %s", what, why ? why : "unknown error");
}

/* 0 and nothing in `out` when there is no such file. */
static int read_file(struct buf *out, struct err *e)
{
	int fd = open(SANDBOX_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	if (fd < 0)
		return errno == ENOENT ? 0 : failed(e, SANDBOX_FILE);
	while (n > 0 && out->len <= SANDBOX_BYTES_MAX) {
		buf_reserve(out, 4096);
		n = read(fd, out->data + out->len, 4096);
		out->len += n > 0 ? (size_t)n : 0;
	}
	int rc = n < 0 ? failed(e, SANDBOX_FILE) : 0;
	close(fd);
	if (rc == 0 && (out->len > SANDBOX_BYTES_MAX || mp_check(span_buf(out), NULL)))
		rc = err_set(e, ERR_INVALID, SANDBOX_FILE ": not a map, or too large");
	return rc;
}

static int read_runtime(struct sandbox *s, struct mp m, struct err *e)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(m, "runtime", &list) || mp_array(&list, &n) || n == 0 || n > NAMES_MAX)
		return err_set(e, ERR_INVALID, SANDBOX_FILE ": runtime");
	s->runtime = mem_alloc((n + 1) * sizeof *s->runtime);
	for (size_t i = 0; i < n; i++) {
		struct span text;
		if (mp_bin(&list, &text) || memchr(text.data, 0, text.len))
			return err_set(e, ERR_INVALID, SANDBOX_FILE ": runtime");
		s->runtime[i] = mem_ndup(text.data, text.len);
	}
	char here[4096];
	if (!getcwd(here, sizeof here))
		return failed(e, "the pod's directory");
	s->dir = mem_dup(here);
	return 0;
}

static int enter_mounts(struct err *e)
{
	struct stat st;
	if (mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
		return failed(e, "mounts of its own");
	if (stat(unified, &st) == 0 && umount2(unified, MNT_DETACH) != 0 && errno != EINVAL)
		return failed(e, unified);
	return 0;
}

static int mount_tmpfs(const char *path, const char *options, struct err *e)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return failed(e, path);
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
		return failed(e, path);
	return 0;
}

static int mount_shm(int64_t bytes, struct err *e)
{
	char options[48] = "mode=1777,size=", digits[24];
	size_t at = sizeof digits;
	digits[--at] = 0;
	for (int64_t left = bytes; left; left /= 10)
		digits[--at] = (char)('0' + left % 10);
	strcpy(options + strlen(options), digits + at);
	return mount_tmpfs("shm", options, e);
}

static int mount_memory(struct mp m, struct err *e)
{
	struct mp list;
	size_t n = 0, two;
	int64_t shm = mp_path_int(m, "shm", 0);
	int rc = shm > 0 ? mount_shm(shm, e) : 0;
	if (!mp_find(m, "memory", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct span path = {0}, options = {0};
		if (mp_array(&list, &two) || two != 2 || mp_str(&list, &path) ||
		    mp_str(&list, &options) || path.len == 0 || path.data[0] == '/')
			return err_set(e, ERR_INVALID, SANDBOX_FILE ": memory");
		char *text = mem_ndup(path.data, path.len);
		char *how = mem_ndup(options.data, options.len);
		rc = mount_tmpfs(text, how, e);
		free(how);
		free(text);
	}
	return rc;
}

static int set_sysctl(struct span name, struct span value, struct err *e)
{
	struct buf path = {0};
	buf_puts(&path, "/proc/sys/");
	buf_append(&path, name.data, name.len);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '.')
			path.data[path.len - name.len + i] = '/';
	const char *text = buf_text(&path);
	int fd = strstr(text, "/../") ? -1 : open(text, O_WRONLY | O_CLOEXEC);
	int rc = 0;
	if (fd < 0 || write(fd, value.data, value.len) != (ssize_t)value.len)
		rc = failed(e, text);
	if (fd >= 0)
		close(fd);
	buf_fini(&path);
	return rc;
}

static int set_sysctls(struct mp m, struct err *e)
{
	struct mp list;
	size_t n = 0, two;
	int rc = 0;
	if (!mp_find(m, "sysctls", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct span name, value;
		if (mp_array(&list, &two) || two != 2 || mp_str(&list, &name) ||
		    mp_str(&list, &value))
			return err_set(e, ERR_INVALID, SANDBOX_FILE ": sysctls");
		rc = set_sysctl(name, value, e);
	}
	return rc;
}

/* ---- processes that all containers see */

static _Noreturn void hold(void)
{
	sigset_t ends;
	int got;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "pause");
	close_range(0, ~0u, 0);
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_SETMASK, &ends, NULL);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwait(&ends, &got);
	}
}

/* A child alone is in the new namespace, so that those that come later are not. */
static int hold_pids(struct sandbox *s, struct err *e)
{
	struct buf path = {0};
	char digits[12];
	size_t at = sizeof digits;
	s->holder = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
	if (s->holder == 0)
		hold();
	if (s->holder < 0)
		return failed(e, "a process namespace of its own");
	digits[--at] = 0;
	for (pid_t left = s->holder; left; left /= 10)
		digits[--at] = (char)('0' + left % 10);
	buf_puts(&path, "/proc/");
	buf_puts(&path, digits + at);
	buf_puts(&path, "/ns/pid");
	int fd = open(SANDBOX_PIDS, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int rc = fd < 0 || mount(buf_text(&path), SANDBOX_PIDS, NULL, MS_BIND, NULL) != 0
			 ? failed(e, SANDBOX_PIDS)
			 : 0;
	if (fd >= 0)
		close(fd);
	buf_fini(&path);
	return rc;
}

void sandbox_let_go(struct sandbox *s)
{
	if (s->holder > 0)
		kill(s->holder, SIGKILL);
	s->holder = 0;
}

static int enter(struct sandbox *s, struct mp m, struct err *e)
{
	struct mp network, shared = {0};
	struct share shares = {.count = 0};
	struct span hostname = mp_path_str(m, "hostname");
	bool named = mp_find(m, "network", &network) && mp_peek(&network) == MP_MAP;
	bool own_network = named && pod_network_is_own(network);
	bool uts = mp_path_bool(m, "uts", false);
	int flags = CLONE_NEWNS | (own_network ? CLONE_NEWNET : 0) | (uts ? CLONE_NEWUTS : 0) |
		    (mp_path_bool(m, "ipc", false) ? CLONE_NEWIPC : 0);
	int rc = named ? pod_network_enter_node(network, &s->node, e) : 0;
	if (rc)
		return rc;
	if (unshare(flags) != 0)
		return failed(e, "namespaces of its own");
	if (mp_find(m, "shared", &shared))
		rc = share_open(&shares, shared, e);
	rc = rc ? rc : enter_mounts(e);
	if (rc == 0 && own_network)
		rc = pod_network_up(network, &s->node, e);
	if (s->node.namespace < 0)
		pod_network_leave_node(&s->node);
	if (rc == 0 && uts && hostname.len &&
	    sethostname((const char *)hostname.data, hostname.len) != 0)
		rc = failed(e, "hostname");
	if (rc == 0)
		rc = set_sysctls(m, e);
	if (rc == 0 && mp_path_bool(m, "pids", false))
		rc = hold_pids(s, e);
	rc = rc ? rc : mount_memory(m, e);
	return rc ? rc : share_mount(&shares, shared, e);
}

void sandbox_free(struct sandbox *s)
{
	for (char **text = s->runtime; text && *text; text++)
		free(*text);
	free(s->runtime);
	free(s->dir);
	s->runtime = NULL;
	s->dir = NULL;
}

/* When memory runs out containers go, each by a score of its own, and not what holds their
 * namespaces. Without the right to it the score stays. */
static void be_spared(void)
{
	static const char score[] = "-998"; /* a pod's sandbox in Kubernetes */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, score, sizeof score - 1);
	close(fd);
}

int sandbox_enter(struct sandbox *s, struct err *e)
{
	struct buf file = {0};
	int rc = read_file(&file, e);
	s->node = (struct pod_network_node){-1, -1};
	s->oci = rc == 0 && file.len > 0;
	if (s->oci)
		be_spared();
	if (s->oci)
		rc = read_runtime(s, mp_of(span_buf(&file)), e);
	if (s->oci && rc == 0)
		rc = enter(s, mp_of(span_buf(&file)), e);
	buf_fini(&file);
	return rc;
}

static void undo_network(struct sandbox *s)
{
	struct buf file = {0};
	struct mp network;
	if (s->node.namespace < 0)
		return;
	if (read_file(&file, NULL) == 0 && file.len &&
	    mp_find(mp_of(span_buf(&file)), "network", &network))
		pod_network_down(network, &s->node);
	pod_network_leave_node(&s->node);
	buf_fini(&file);
}

void sandbox_undo(void)
{
	struct buf file = {0};
	struct mp network;
	if (read_file(&file, NULL) == 0 && file.len &&
	    mp_find(mp_of(span_buf(&file)), "network", &network))
		pod_network_undo(network);
	buf_fini(&file);
}

static void remove_group(const char *hierarchy, const char *uid)
{
	struct buf path = {0};
	buf_puts(&path, "/sys/fs/cgroup/");
	buf_puts(&path, hierarchy);
	buf_puts(&path, "/troupe/");
	buf_puts(&path, uid);
	rmdir(buf_text(&path));
	buf_fini(&path);
}

void sandbox_leave(struct sandbox *s, const char *uid)
{
	DIR *d = s->oci ? opendir("/sys/fs/cgroup") : NULL;
	struct dirent *e;
	undo_network(s);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, "..") != 0)
			remove_group(e->d_name, uid);
	if (d)
		closedir(d);
}
