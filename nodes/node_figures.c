/* What the node and its pods use, told to who asks, as a kubelet's /stats/summary
 * (kubernetes staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1). */
#include "actors/schema/rfc3339.h"
#include "nodes/disk_use.h"
#include "nodes/node_private.h"

static void put_cpu(struct buf *b, const char *time, struct mp m)
{
	int64_t rate = mp_path_int(m, "nano_cores", -1);
	mpw_str(b, "cpu");
	mpw_map(b, rate < 0 ? 2 : 3);
	mpw_kv_str(b, "time", time);
	if (rate >= 0)
		mpw_kv_i64(b, "usageNanoCores", rate);
	mpw_kv_i64(b, "usageCoreNanoSeconds", mp_path_int(m, "cpu_ns", 0));
}

static void put_memory(struct buf *b, const char *time, int64_t usage, int64_t working_set,
		       int64_t rss, int64_t available)
{
	mpw_str(b, "memory");
	mpw_map(b, available < 0 ? 4 : 5);
	mpw_kv_str(b, "time", time);
	if (available >= 0)
		mpw_kv_i64(b, "availableBytes", available);
	mpw_kv_i64(b, "usageBytes", usage);
	mpw_kv_i64(b, "workingSetBytes", working_set);
	mpw_kv_i64(b, "rssBytes", rss);
}

/* Without what is known of its own it is of the node's. */
static void put_fs_fields(struct buf *b, const char *time, struct mp fs, int64_t used,
			  int64_t inodes_used)
{
	mpw_kv_str(b, "time", time);
	mpw_kv_i64(b, "availableBytes", mp_path_int(fs, "available", 0));
	mpw_kv_i64(b, "capacityBytes", mp_path_int(fs, "capacity", 0));
	mpw_kv_i64(b, "usedBytes", used);
	mpw_kv_i64(b, "inodesFree", mp_path_int(fs, "inodes_free", 0));
	mpw_kv_i64(b, "inodes", mp_path_int(fs, "inodes", 0));
	mpw_kv_i64(b, "inodesUsed", inodes_used);
}

enum { FS_FIELDS = 7 };

static void put_used(struct buf *b, const char *key, const char *time, struct mp fs,
		     struct disk_used used)
{
	mpw_str(b, key);
	mpw_map(b, FS_FIELDS);
	put_fs_fields(b, time, fs, used.bytes, used.inodes);
}

static void put_fs(struct buf *b, const char *key, const char *time, struct mp fs)
{
	struct disk_used used = {mp_path_int(fs, "used", 0), mp_path_int(fs, "inodes_used", 0)};
	put_used(b, key, time, fs, used);
}

static void put_node(struct buf *b, const struct agent *a, const char *time, struct mp node)
{
	struct mp fs = {0};
	char since[RFC3339_MAX];
	rfc3339_format(a->ready_since_us, since);
	mp_find(node, "fs", &fs);
	mpw_str(b, "node");
	mpw_map(b, 7);
	mpw_kv_str(b, "nodeName", a->node);
	mpw_kv_str(b, "startTime", since);
	put_cpu(b, time, node);
	put_memory(b, time, mp_path_int(node, "memory_total", 0) - mp_path_int(node, "available", 0),
		   mp_path_int(node, "working_set", 0), mp_path_int(node, "rss", 0),
		   mp_path_int(node, "available", 0));
	put_fs(b, "fs", time, fs);
	mpw_str(b, "runtime");
	mpw_map(b, 1);
	put_fs(b, "imageFs", time, fs);
	mpw_str(b, "rlimit");
	mpw_map(b, 3);
	mpw_kv_str(b, "time", time);
	mpw_kv_i64(b, "maxpid", mp_path_int(node, "processes_max", 0));
	mpw_kv_i64(b, "curproc", mp_path_int(node, "processes", 0));
}

struct sum {
	int64_t cpu_ns, nano_cores, usage, working_set, rss, processes;
	bool rated;
};

/* Where pods are, and what is known of one. */
struct seen {
	struct mp fs;	 /* the node's */
	struct mp disk;	 /* RUNTIME_DISK; empty: nothing yet */
	char time[RFC3339_MAX];
};

static void put_container(struct buf *b, const char *time, const struct seen *seen, struct mp m,
			  struct sum *s)
{
	int64_t rate = mp_path_int(m, "nano_cores", -1);
	struct span name = mp_path_str(m, "name");
	mpw_map(b, seen->disk.p ? 5 : 3);
	mpw_kv_span(b, "name", name);
	put_cpu(b, time, m);
	put_memory(b, time, mp_path_int(m, "usage", 0), mp_path_int(m, "working_set", 0),
		   mp_path_int(m, "rss", 0), -1);
	if (seen->disk.p) {
		put_used(b, "rootfs", seen->time, seen->fs, disk_use_rootfs(seen->disk, name));
		put_used(b, "logs", seen->time, seen->fs, disk_use_logs(seen->disk, name));
	}
	s->cpu_ns += mp_path_int(m, "cpu_ns", 0);
	s->usage += mp_path_int(m, "usage", 0);
	s->working_set += mp_path_int(m, "working_set", 0);
	s->rss += mp_path_int(m, "rss", 0);
	s->processes += mp_path_int(m, "processes", 0);
	s->rated = s->rated && rate >= 0;
	s->nano_cores += rate >= 0 ? rate : 0;
}

static void put_volumes(struct buf *b, const struct seen *seen)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(seen->disk, "volumes", &list) || mp_array(&list, &n))
		n = 0;
	mpw_str(b, "volume");
	mpw_array(b, n);
	for (; n > 0; n--, mp_skip(&list)) {
		struct mp fs = seen->fs;
		mp_find(list, "fs", &fs); /* its own, in memory */
		mpw_map(b, FS_FIELDS + 1);
		mpw_kv_span(b, "name", mp_path_str(list, "name"));
		put_fs_fields(b, seen->time, fs, mp_path_int(list, "used", 0),
			      mp_path_int(list, "inodes_used", 0));
	}
}

static void put_pod(struct buf *b, const struct agent_pod *p, const char *time, struct mp fs,
		    struct mp figures)
{
	struct mp m = pod_worker_object(p->worker), list;
	struct sum s = {.rated = true};
	struct seen seen = {.fs = fs};
	size_t n = 0;
	if (p->disk) {
		seen.disk = mp_of_bytes(p->disk);
		rfc3339_format(mp_path_int(seen.disk, "time_us", 0), seen.time);
	}
	mpw_map(b, p->disk ? 8 : 6);
	mpw_str(b, "podRef");
	mpw_map(b, 3);
	mpw_kv_span(b, "name", mp_path_str(m, "metadata.name"));
	mpw_kv_span(b, "namespace", mp_path_str(m, "metadata.namespace"));
	mpw_kv_str(b, "uid", p->uid);
	mpw_kv_span(b, "startTime", mp_path_str(m, "status.startTime"));
	if (!mp_find(figures, "containers", &list) || mp_array(&list, &n))
		n = 0;
	mpw_str(b, "containers");
	mpw_array(b, n);
	for (; n > 0; n--, mp_skip(&list))
		put_container(b, time, &seen, list, &s);
	mpw_str(b, "cpu");
	mpw_map(b, s.rated ? 3 : 2);
	mpw_kv_str(b, "time", time);
	if (s.rated)
		mpw_kv_i64(b, "usageNanoCores", s.nano_cores);
	mpw_kv_i64(b, "usageCoreNanoSeconds", s.cpu_ns);
	put_memory(b, time, s.usage, s.working_set, s.rss, -1);
	mpw_str(b, "process_stats");
	mpw_map(b, 1);
	mpw_kv_i64(b, "process_count", s.processes);
	if (p->disk) {
		put_volumes(b, &seen);
		put_used(b, "ephemeral-storage", seen.time, fs, disk_use_pod(m, seen.disk));
	}
}

static size_t put_pods(struct buf *b, const struct agent *a, const char *time, struct mp node,
		       struct mp list)
{
	size_t n = 0, count = 0;
	struct mp fs = {0};
	mp_find(node, "fs", &fs);
	if (mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct agent_pod *p = agent_pod(a, (uint64_t)mp_path_int(list, "id", 0));
		if (!p || !p->worker || !p->key)
			continue;
		put_pod(b, p, time, fs, list);
		count++;
	}
	return count;
}

int agent_on_summary(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct mp figures = mp_of_bytes(a->figures), node = {0}, pods = {0};
	struct buf b = {0};
	char time[RFC3339_MAX];
	(void)m;
	if (!a->figures) {
		ctx_reply_error(c, ERR_AGAIN, "node %s has no figures%s", a->node,
				a->oci ? " yet" : ": its containers have none");
		return 0;
	}
	rfc3339_format(mp_path_int(figures, "time_us", 0), time);
	mp_find(figures, "node", &node);
	mp_find(figures, "pods", &pods);
	mpw_map(&b, 1);
	mpw_str(&b, "summary");
	mpw_map(&b, 2);
	put_node(&b, a, time, node);
	mpw_str(&b, "pods");
	size_t at = mpw_array_open(&b);
	mpw_array_close(&b, at, put_pods(&b, a, time, node, pods));
	ctx_reply(c, &b);
	return 0;
}
