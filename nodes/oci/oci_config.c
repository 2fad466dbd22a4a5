#include "nodes/oci/oci_config.h"

#include <string.h>

#include "actors/schema/json.h"
#include "actors/schema/quantity.h"

enum { CPU_PERIOD_US = 100000, CPU_QUOTA_MIN_US = 1000, SHARES_MIN = 2, SHARES_MAX = 262144 };

struct build {
	const struct oci_container *c;
	struct arena *a;
};

static struct doc *map_of(struct build *b)
{
	return doc_new(b->a, DOC_MAP);
}

static struct doc *texts(struct build *b, const char *const *list)
{
	struct doc *d = doc_new(b->a, DOC_ARRAY);
	for (; list && *list; list++)
		doc_add(d, doc_str(b->a, *list));
	return d;
}

bool oci_privileged(struct mp container)
{
	return mp_path_bool(container, "securityContext.privileged", false);
}

bool oci_security(const struct oci_container *c, const char *field, struct mp *out)
{
	struct mp context;
	return (mp_find(c->container, "securityContext", &context) &&
		mp_find(context, field, out)) ||
	       (mp_find(c->pod, "securityContext", &context) && mp_find(context, field, out));
}

/* ---- process */

static struct doc *user_of(struct build *b)
{
	const struct oci_user *u = &b->c->user;
	struct doc *d = map_of(b), *groups = doc_new(b->a, DOC_ARRAY);
	doc_set_int(b->a, d, "uid", u->uid);
	doc_set_int(b->a, d, "gid", u->gid);
	for (size_t i = 0; i < u->group_count; i++)
		doc_add(groups, doc_int(b->a, u->groups[i]));
	doc_set(b->a, d, "additionalGids", groups);
	return d;
}

/* "500m" as thousandths, "1Gi" as bytes; -1: it is not there. */
static int64_t amount_in(struct mp resources, const char *what, const char *resource, bool milli)
{
	struct mp list;
	struct quantity q;
	if (!resources.p || !mp_find(resources, what, &list) ||
	    quantity_parse(mp_path_str(list, resource), &q))
		return -1;
	return milli ? quantity_milli(q) : quantity_value(q);
}

static int64_t amount(struct mp container, const char *what, const char *resource, bool milli)
{
	struct mp resources = {0};
	mp_find(container, "resources", &resources);
	return amount_in(resources, what, resource, milli);
}

struct quality {
	bool guaranteed, best_effort;
};

/* Of a container, or of a pod that says it as a whole. */
static void look_at(struct mp c, struct quality *q)
{
	static const char *const resources[] = {"cpu", "memory"};
	for (size_t r = 0; r < 2; r++) {
		int64_t limit = amount(c, "limits", resources[r], true);
		int64_t ask = amount(c, "requests", resources[r], true);
		q->guaranteed = q->guaranteed && limit > 0 && (ask < 0 || ask == limit);
		q->best_effort = q->best_effort && limit <= 0 && ask <= 0;
	}
}

static size_t list_of(struct mp pod, const char *list, struct mp *first)
{
	size_t n = 0;
	return mp_find(pod, list, first) && mp_array(first, &n) == 0 ? n : 0;
}

static struct quality quality_of(struct mp pod)
{
	static const char *const lists[] = {"initContainers", "containers"};
	struct quality q = {true, true};
	struct mp c;
	if (mp_find(pod, "resources", &c)) {
		look_at(pod, &q);
		return q;
	}
	for (size_t l = 0; l < 2; l++)
		for (size_t n = list_of(pod, lists[l], &c); n > 0; n--, mp_skip(&c))
			look_at(c, &q);
	return q;
}

/* What the pod asks for as a whole and its containers do not is theirs in equal parts. */
static int64_t memory_asked(const struct oci_container *c)
{
	int64_t whole = amount(c->pod, "requests", "memory", false), own, theirs = 0;
	struct mp d;
	size_t count = list_of(c->pod, "containers", &d);
	own = amount(c->container, "requests", "memory", false);
	own = own > 0 ? own : 0;
	for (size_t n = count; n > 0; n--, mp_skip(&d)) {
		int64_t one = amount(d, "requests", "memory", false);
		theirs += one > 0 ? one : 0;
	}
	return count && whole > theirs ? own + (whole - theirs) / (int64_t)count : own;
}

/* Which the kernel kills first: kubernetes pkg/kubelet/qos/policy.go. */
static int64_t oom_score(const struct oci_container *c)
{
	struct span class = mp_path_str(c->pod, "priorityClassName");
	struct quality q = quality_of(c->pod);
	if (span_is(class, "system-node-critical") || (q.guaranteed && !q.best_effort))
		return -997;
	if (q.best_effort)
		return 1000;
	int64_t total = c->node_memory > 0 ? c->node_memory : INT64_MAX;
	int64_t score = 1000 - (int64_t)((__int128)1000 * memory_asked(c) / total);
	return score < 3 ? 3 : score > 999 ? 999 : score;
}

/* Of the machine's; where it has no AppArmor the pod is not taken. */
static struct span apparmor_of(const struct oci_container *c)
{
	struct mp profile;
	return !oci_privileged(c->container) && oci_security(c, "appArmorProfile", &profile) &&
			       span_is(mp_path_str(profile, "type"), "Localhost")
		       ? mp_path_str(profile, "localhostProfile")
		       : (struct span){0};
}

/* What the first process has, and each command beside it. */
static struct doc *any_process(struct build *b)
{
	const struct oci_container *c = b->c;
	struct doc *d = map_of(b);
	doc_set(b->a, d, "user", user_of(b));
	doc_set_str(b->a, d, "cwd", *c->cwd ? c->cwd : "/");
	oci_put_capabilities(b->a, d, c->container, c->powers.caps);
	doc_set_bool(b->a, d, "noNewPrivileges",
		     !mp_path_bool(c->container, "securityContext.allowPrivilegeEscalation", true));
	struct span profile = apparmor_of(c);
	if (profile.len)
		doc_set_str(b->a, d, "apparmorProfile", arena_ndup(b->a, profile.data, profile.len));
	int64_t score = oom_score(c), least = c->powers.oom_score_min;
	doc_set_int(b->a, d, "oomScoreAdj", score < least ? least : score);
	doc_set(b->a, d, "env", texts(b, c->env));
	return d;
}

static struct doc *process(struct build *b)
{
	struct doc *d = any_process(b);
	doc_set_bool(b->a, d, "terminal", mp_path_bool(b->c->container, "tty", false));
	doc_set(b->a, d, "args", texts(b, b->c->argv));
	return d;
}

/* ---- mounts */

static void add_mount(struct build *b, struct doc *list, const char *target, const char *type,
		      const char *source, const char *const *options)
{
	struct doc *d = map_of(b);
	doc_set_str(b->a, d, "destination", target);
	doc_set_str(b->a, d, "type", type);
	doc_set_str(b->a, d, "source", source);
	doc_set(b->a, d, "options", texts(b, options));
	doc_add(list, d);
}

static const char *propagation(const struct oci_mount *m)
{
	if (m->propagation && strcmp(m->propagation, "Bidirectional") == 0)
		return "rshared";
	return m->propagation && strcmp(m->propagation, "HostToContainer") == 0 ? "rslave"
										: "rprivate";
}

static const char *how_of(const struct oci_mount *m)
{
	return !m->readonly ? "rw" : m->recursive ? "rro" : "ro";
}

static struct doc *mounts(struct build *b)
{
	const struct oci_container *c = b->c;
	bool privileged = oci_privileged(c->container);
	struct doc *l = doc_new(b->a, DOC_ARRAY);
	const char *how = privileged ? "rw" : "ro";
	add_mount(b, l, "/proc", "proc", "proc",
		  (const char *[]){"nosuid", "noexec", "nodev", NULL});
	add_mount(b, l, "/dev", "tmpfs", "tmpfs",
		  (const char *[]){"nosuid", "strictatime", "mode=755", "size=65536k", NULL});
	add_mount(b, l, "/dev/pts", "devpts", "devpts",
		  (const char *[]){"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
				   "gid=5", NULL});
	add_mount(b, l, "/dev/mqueue", "mqueue", "mqueue",
		  (const char *[]){"nosuid", "noexec", "nodev", NULL});
	add_mount(b, l, "/sys", "sysfs", "sysfs",
		  (const char *[]){"nosuid", "noexec", "nodev", how, NULL});
	add_mount(b, l, "/sys/fs/cgroup", "cgroup", "cgroup",
		  (const char *[]){"nosuid", "noexec", "nodev", "relatime", how, NULL});
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct oci_mount *m = &c->mounts[i];
		add_mount(b, l, m->target, "bind", m->source,
			  (const char *[]){"rbind", propagation(m), how_of(m),
					   NULL});
	}
	return l;
}

/* ---- linux */

static struct doc *device_rule(struct build *b, bool allow, const char *access)
{
	struct doc *d = map_of(b);
	doc_set_bool(b->a, d, "allow", allow);
	doc_set_str(b->a, d, "access", access);
	return d;
}

struct oci_limits oci_limits_of(struct mp resources, struct mp whole)
{
	int64_t limit = amount_in(resources, "limits", "cpu", true);
	int64_t ask = amount_in(resources, "requests", "cpu", true);
	int64_t memory = amount_in(resources, "limits", "memory", false);
	if (limit <= 0)
		limit = amount_in(whole, "limits", "cpu", true);
	if (memory <= 0)
		memory = amount_in(whole, "limits", "memory", false);
	if (ask < 0)
		ask = limit;
	int64_t shares = ask > 0 ? ask * 1024 / 1000 : SHARES_MIN;
	int64_t quota = limit > 0 ? limit * (CPU_PERIOD_US / 1000) : 0;
	return (struct oci_limits){
		.shares = shares < SHARES_MIN ? SHARES_MIN : shares > SHARES_MAX ? SHARES_MAX : shares,
		.quota = quota > 0 && quota < CPU_QUOTA_MIN_US ? CPU_QUOTA_MIN_US : quota,
		.period = CPU_PERIOD_US,
		.memory = memory > 0 ? memory : 0,
	};
}

static struct doc *cpu(struct build *b, const struct oci_limits *l)
{
	struct doc *d = map_of(b);
	doc_set_int(b->a, d, "shares", l->shares);
	if (l->quota > 0) {
		doc_set_int(b->a, d, "quota", l->quota);
		doc_set_int(b->a, d, "period", l->period);
	}
	return d;
}

static struct doc *resources(struct build *b)
{
	struct doc *d = map_of(b), *rules = doc_new(b->a, DOC_ARRAY);
	bool all = oci_privileged(b->c->container);
	struct mp given = {0}, whole = {0};
	mp_find(b->c->container, "resources", &given);
	mp_find(b->c->pod, "resources", &whole);
	struct oci_limits l = oci_limits_of(given, whole);
	doc_add(rules, device_rule(b, all, "rwm"));
	doc_set(b->a, d, "devices", rules);
	doc_set(b->a, d, "cpu", cpu(b, &l));
	if (l.memory > 0) {
		struct doc *m = map_of(b);
		doc_set_int(b->a, m, "limit", l.memory);
		doc_set(b->a, d, "memory", m);
	}
	return d;
}

static void add_namespace(struct build *b, struct doc *list, const char *type, const char *path)
{
	struct doc *d = map_of(b);
	doc_set_str(b->a, d, "type", type);
	if (path)
		doc_set_str(b->a, d, "path", path);
	doc_add(list, d);
}

/* Those that the pod shares are the pause's, and so the OCI program's own. */
static struct doc *namespaces(struct build *b)
{
	struct doc *l = doc_new(b->a, DOC_ARRAY);
	add_namespace(b, l, "mount", NULL);
	add_namespace(b, l, "cgroup", NULL);
	if (!mp_path_bool(b->c->pod, "hostPID", false))
		add_namespace(b, l, "pid", b->c->pids);
	return l;
}

static struct doc *devices(struct build *b)
{
	struct doc *l = doc_new(b->a, DOC_ARRAY);
	for (size_t i = 0; i < b->c->device_count; i++) {
		const struct oci_device *v = &b->c->devices[i];
		struct doc *d = map_of(b);
		char type[2] = {v->type, 0};
		doc_set_str(b->a, d, "path", v->path);
		doc_set_str(b->a, d, "type", arena_dup(b->a, type));
		doc_set_int(b->a, d, "major", v->major);
		doc_set_int(b->a, d, "minor", v->minor);
		doc_set_int(b->a, d, "fileMode", v->mode);
		doc_set_int(b->a, d, "uid", v->uid);
		doc_set_int(b->a, d, "gid", v->gid);
		doc_add(l, d);
	}
	return l;
}

static bool propagates(const struct oci_container *c, const char *how)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (strcmp(propagation(&c->mounts[i]), how) == 0)
			return true;
	return false;
}

static struct doc *linux_part(struct build *b)
{
	const struct oci_container *c = b->c;
	struct doc *d = map_of(b);
	doc_set(b->a, d, "namespaces", namespaces(b));
	doc_set(b->a, d, "resources", resources(b));
	doc_set_str(b->a, d, "cgroupsPath", c->cgroup);
	if (c->device_count && oci_privileged(c->container))
		doc_set(b->a, d, "devices", devices(b));
	oci_put_paths(b->a, d, c->container);
	if (propagates(c, "rshared"))
		doc_set_str(b->a, d, "rootfsPropagation", "rshared");
	else if (propagates(c, "rslave"))
		doc_set_str(b->a, d, "rootfsPropagation", "rslave");
	if (c->seccomp)
		doc_set(b->a, d, "seccomp", doc_copy(b->a, c->seccomp));
	return d;
}

void oci_process_write(const struct oci_container *c, struct buf *out)
{
	struct arena arena = {0};
	struct build b = {c, &arena};
	json_from_doc(out, any_process(&b));
	arena_fini(&arena);
}

void oci_config_write(const struct oci_container *c, struct buf *out)
{
	struct arena arena = {0};
	struct build b = {c, &arena};
	struct doc *d = map_of(&b), *root = map_of(&b);
	doc_set_str(&arena, d, "ociVersion", "1.0.2");
	doc_set(&arena, d, "process", process(&b));
	doc_set_str(&arena, root, "path", "rootfs");
	doc_set_bool(&arena, root, "readonly",
		     mp_path_bool(c->container, "securityContext.readOnlyRootFilesystem", false));
	doc_set(&arena, d, "root", root);
	doc_set(&arena, d, "mounts", mounts(&b));
	doc_set(&arena, d, "linux", linux_part(&b));
	json_from_doc(out, d);
	arena_fini(&arena);
}
