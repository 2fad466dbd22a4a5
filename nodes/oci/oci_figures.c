#include "nodes/oci/oci_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/runtime.h"

enum { PERIOD_US = 10000000, FILE_BYTES_MAX = 8192 };

struct spent {
	int64_t cpu_ns;
	uint64_t at_us;
	bool seen; /* in this sample */
};

struct oci_figures {
	struct machine *m;
	uint64_t period_us, due_us;
	struct omap spent; /* "uid/name.attempt", "" of the node -> struct spent */
};

struct oci_figures *oci_figures_new(struct machine *m, struct mp cfg)
{
	struct oci_figures *f = mem_alloc(sizeof *f);
	f->m = m;
	f->period_us = (uint64_t)mp_path_int(cfg, "figures-period", PERIOD_US);
	f->due_us = machine_now_us() + 1000000; /* the first one begins the rates */
	return f;
}

void oci_figures_free(struct oci_figures *f)
{
	if (!f)
		return;
	omap_fini(&f->spent, free);
	free(f);
}

/* ---- small files */

static bool read_text(const char *path, char *out, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, max - 1) : -1;
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* The number behind a word at the begin of a line; `otherwise` when it is not there. */
static int64_t number_of(const char *text, const char *word, int64_t otherwise)
{
	size_t n = strlen(word);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) == 0)
			return strtoll(line + n, NULL, 10);
		if (!*line)
			break;
	}
	return otherwise;
}

/* ---- rates */

static int64_t rate_of(struct oci_figures *f, const char *key, int64_t cpu_ns)
{
	struct spent *s = omap_get(&f->spent, span_of(key));
	uint64_t now = machine_now_us();
	int64_t rate = -1;
	if (!s) {
		s = mem_alloc(sizeof *s);
		omap_put(&f->spent, span_of(key), s);
	} else if (now > s->at_us) {
		rate = (int64_t)((__int128)(cpu_ns - s->cpu_ns) * 1000000 / (__int128)(now - s->at_us));
		rate = rate < 0 ? 0 : rate;
	}
	*s = (struct spent){cpu_ns, now, true};
	return rate;
}

static void forget_unseen(struct oci_figures *f)
{
	struct onode *next;
	for (struct onode *n = omap_first(&f->spent); n; n = next) {
		struct spent *s = n->value;
		next = omap_next(n);
		if (!s->seen) {
			omap_remove(&f->spent, onode_key(n));
			free(s);
		} else {
			s->seen = false;
		}
	}
}

/* ---- the node */

/* User, nice, system, irq, softirq, steal: all but idle and waiting, in ticks. */
static int64_t node_cpu_ns(void)
{
	char text[FILE_BYTES_MAX];
	long long t[8] = {0};
	if (!read_text("/proc/stat", text, sizeof text) ||
	    sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &t[0], &t[1], &t[2], &t[3],
		   &t[4], &t[5], &t[6], &t[7]) < 4)
		return 0;
	return (t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) * (1000000000 / sysconf(_SC_CLK_TCK));
}

static void put_fs(struct buf *b, const char *path)
{
	struct statvfs v = {.f_frsize = 1};
	statvfs(path, &v);
	int64_t unit = (int64_t)v.f_frsize;
	mpw_map(b, 6);
	mpw_kv_i64(b, "capacity", (int64_t)v.f_blocks * unit);
	mpw_kv_i64(b, "available", (int64_t)v.f_bavail * unit);
	mpw_kv_i64(b, "used", (int64_t)(v.f_blocks - v.f_bfree) * unit);
	mpw_kv_i64(b, "inodes", (int64_t)v.f_files);
	mpw_kv_i64(b, "inodes_free", (int64_t)v.f_ffree);
	mpw_kv_i64(b, "inodes_used", (int64_t)(v.f_files - v.f_ffree));
}

static int64_t processes_now(void)
{
	char text[128];
	const char *slash = read_text("/proc/loadavg", text, sizeof text) ? strchr(text, '/') : NULL;
	return slash ? strtoll(slash + 1, NULL, 10) : 0;
}

/* Threads count as well. */
static int64_t processes_max(void)
{
	static const char *const files[] = {"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"};
	int64_t least = 0;
	for (size_t i = 0; i < 2; i++) {
		char text[32];
		int64_t n = read_text(files[i], text, sizeof text) ? strtoll(text, NULL, 10) : 0;
		if (n > 0 && (least == 0 || n < least))
			least = n;
	}
	return least;
}

static void put_node(struct oci_figures *f, struct buf *b)
{
	char text[FILE_BYTES_MAX];
	int64_t cpu = node_cpu_ns();
	read_text("/proc/meminfo", text, sizeof text);
	int64_t total = number_of(text, "MemTotal:", 0) * 1024;
	int64_t available = number_of(text, "MemAvailable:", 0) * 1024;
	mpw_map(b, 9);
	mpw_kv_i64(b, "cpu_ns", cpu);
	mpw_kv_i64(b, "nano_cores", rate_of(f, "", cpu));
	mpw_kv_i64(b, "memory_total", total);
	mpw_kv_i64(b, "available", available);
	mpw_kv_i64(b, "working_set", total - available);
	mpw_kv_i64(b, "rss", number_of(text, "AnonPages:", 0) * 1024);
	mpw_kv_i64(b, "processes", processes_now());
	mpw_kv_i64(b, "processes_max", processes_max());
	mpw_str(b, "fs");
	put_fs(b, f->m->data_dir);
}

/* ---- containers */

struct used {
	int64_t cpu_ns, usage, working_set, rss, processes;
};

static int64_t file_number(const char *dir, const char *name)
{
	char path[700], text[64];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return read_text(path, text, sizeof text) ? strtoll(text, NULL, 10) : 0;
}

static int64_t file_word(const char *dir, const char *name, const char *word)
{
	char path[700], text[FILE_BYTES_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return read_text(path, text, sizeof text) ? number_of(text, word, 0) : 0;
}

static struct used used_of(bool unified, const char *uid, const char *name)
{
	char memory[600], cpu[600], pids[600];
	struct used u;
	const char *of_memory = unified ? "" : "/memory", *of_cpu = unified ? "" : "/cpuacct";
	snprintf(memory, sizeof memory, "/sys/fs/cgroup%s/troupe/%s/%s", of_memory, uid, name);
	snprintf(cpu, sizeof cpu, "/sys/fs/cgroup%s/troupe/%s/%s", of_cpu, uid, name);
	snprintf(pids, sizeof pids, "/sys/fs/cgroup%s/troupe/%s/%s", unified ? "" : "/pids", uid, name);
	u.processes = file_number(pids, "pids.current");
	u.cpu_ns = unified ? file_word(cpu, "cpu.stat", "usage_usec ") * 1000
			   : file_number(cpu, "cpuacct.usage");
	u.usage = file_number(memory, unified ? "memory.current" : "memory.usage_in_bytes");
	int64_t cold = file_word(memory, "memory.stat", unified ? "inactive_file " : "total_inactive_file ");
	u.working_set = u.usage > cold ? u.usage - cold : 0;
	u.rss = file_word(memory, "memory.stat", unified ? "anon " : "total_rss ");
	return u;
}

/* NAME of NAME.ATTEMPT. */
static void put_container(struct oci_figures *f, struct buf *b, bool unified, const char *uid,
			  const char *name)
{
	char key[400];
	struct used u = used_of(unified, uid, name);
	size_t bare = (size_t)(strrchr(name, '.') - name);
	snprintf(key, sizeof key, "%s/%s", uid, name);
	mpw_map(b, 7);
	mpw_kv_i64(b, "processes", u.processes);
	mpw_kv_span(b, "name", (struct span){(const uint8_t *)name, bare});
	mpw_kv_i64(b, "cpu_ns", u.cpu_ns);
	mpw_kv_i64(b, "nano_cores", rate_of(f, key, u.cpu_ns));
	mpw_kv_i64(b, "usage", u.usage);
	mpw_kv_i64(b, "working_set", u.working_set);
	mpw_kv_i64(b, "rss", u.rss);
}

static void put_containers(struct oci_figures *f, struct buf *b, const char *uid, bool unified)
{
	char dir[600];
	struct dirent *e;
	size_t n = 0;
	snprintf(dir, sizeof dir, "/sys/fs/cgroup%s/troupe/%s", unified ? "" : "/memory", uid);
	DIR *d = opendir(dir);
	size_t at = mpw_array_open(b);
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || !strchr(e->d_name, '.'))
			continue;
		put_container(f, b, unified, uid, e->d_name);
		n++;
	}
	mpw_array_close(b, at, n);
	if (d)
		closedir(d);
}

static void sample(struct oci_figures *f)
{
	struct buf b = {0};
	struct timespec now;
	bool unified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	clock_gettime(CLOCK_REALTIME, &now);
	mpw_map(&b, 3);
	mpw_kv_i64(&b, "time_us", (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	mpw_str(&b, "node");
	put_node(f, &b);
	mpw_str(&b, "pods");
	mpw_array(&b, f->m->pods.count);
	for (struct onode *n = omap_first(&f->m->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		mpw_map(&b, 2);
		mpw_kv_u64(&b, "id", p->id);
		mpw_str(&b, "containers");
		put_containers(f, &b, p->uid, unified);
	}
	forget_unseen(f);
	machine_tell(f->m, RUNTIME_FIGURES, 0, &b);
}

void oci_figures_soon(struct oci_figures *f)
{
	f->due_us = machine_now_us();
}

uint64_t oci_figures_due(struct oci_figures *f)
{
	uint64_t now = machine_now_us();
	if (now >= f->due_us) {
		f->due_us = now + f->period_us;
		sample(f);
	}
	return f->due_us - now;
}
