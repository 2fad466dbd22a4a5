/* config.json of containers: what a spec asks for is what an OCI program is told. */
#include "nodes/oci/oci_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "actors/schema/json.h"
#include "nodes/oci/oci_cgroup.h"
#include "nodes/pause/remove.h"
#include "tests/unit/nodes/objects.h"

static const uint64_t every_cap = (1ull << 41) - 1;

/* The whole config of a container in a pod; both are specs as JSON with ' for ". */
static struct doc *config_of(struct arena *a, const char *pod, const char *container,
			     struct oci_container more)
{
	static const char *const none[] = {NULL};
	struct buf b = {0};
	struct doc *d = NULL;
	struct err e = {0};
	more.pod = mp_of(object_of(a, pod));
	more.container = mp_of(object_of(a, container));
	more.argv = more.argv ? more.argv : none;
	more.env = more.env ? more.env : none;
	more.cwd = more.cwd ? more.cwd : "";
	more.cgroup = "/troupe/u/c.0";
	if (!more.powers.caps)
		more.powers = (struct oci_powers){every_cap, -1000};
	oci_config_write(&more, &b);
	char *text = arena_ndup(a, b.data, b.len);
	cr_assert_eq(json_parse(a, span_of(text), &d, NULL, &e), 0, "%s: %s", e.text, text);
	buf_fini(&b);
	return d;
}

static const char *at(struct arena *a, const struct doc *d, const char *path)
{
	struct buf b = {0};
	const struct doc *v = doc_path(d, path);
	if (!v)
		return "none";
	json_from_doc(&b, v);
	char *text = arena_ndup(a, b.data, b.len);
	for (char *c = text; *c; c++)
		*c = *c == '"' ? '\'' : *c;
	buf_fini(&b);
	return text;
}

static bool has(const struct doc *list, const char *text)
{
	DOC_EACH(it, list)
		if (doc_str_is(it, text))
			return true;
	return false;
}

static const struct doc *mount_at(const struct doc *d, const char *target)
{
	DOC_EACH(m, doc_get(d, "mounts"))
		if (doc_str_is(doc_get(m, "destination"), target))
			return m;
	return NULL;
}

Test(oci_config, shared_namespaces_are_not_named_and_the_others_are_its_own)
{
	struct arena a = {0};
	struct doc *d = config_of(&a, "{}", "{}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "linux.namespaces"), "[{'type':'mount'},{'type':'cgroup'},{'type':'pid'}]");
	d = config_of(&a, "{'hostPID':true}", "{}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "linux.namespaces"), "[{'type':'mount'},{'type':'cgroup'}]");
	d = config_of(&a, "{}", "{}", (struct oci_container){.pids = "/proc/7/ns/pid"});
	cr_expect_str_eq(at(&a, d, "linux.namespaces[2]"), "{'type':'pid','path':'/proc/7/ns/pid'}");
	arena_fini(&a);
}

static void text_at(const char *dir, const char *name, char out[64])
{
	char path[300];
	snprintf(path, sizeof path, "%s/g/%s", dir, name);
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s", path);
	out[fread(out, 1, 63, f)] = 0;
	fclose(f);
}

static void make_file(const char *dir, const char *name, const char *text)
{
	char path[300];
	snprintf(path, sizeof path, "%s/g/%s", dir, name);
	FILE *f = fopen(path, "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

/* As the kernel shows them in version 2; those of version 1 are the end-to-end script's. */
Test(oci_config, limits_of_a_group_that_runs)
{
	static const char *const files[] = {"cpu.weight", "cpu.max", "memory.max"};
	char dir[] = "/tmp/troupe-group.XXXXXX", text[64], path[300];
	struct arena a = {0};
	struct err e = {0};
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/g", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (size_t i = 0; i < 3; i++)
		make_file(dir, files[i], "");
	make_file(dir, "memory.current", "1048576");
	struct oci_limits l = oci_limits_of(mp_of(
		object_of(&a, "{'requests':{'cpu':'1'},'limits':{'cpu':'1500m','memory':'2Mi'}}")), (struct mp){0});
	cr_assert_eq(oci_cgroup_limit_at(dir, true, "/g", "c", &l, &e), 0, "%s", e.text);
	text_at(dir, "cpu.weight", text);
	cr_expect_str_eq(text, "39");
	text_at(dir, "cpu.max", text);
	cr_expect_str_eq(text, "150000 100000");
	text_at(dir, "memory.max", text);
	cr_expect_str_eq(text, "2097152");
	l.memory = 1000;
	cr_expect_eq(oci_cgroup_limit_at(dir, true, "/g", "c", &l, &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "cannot decrease memory limits: attempting to set container \"c\" memory limit "
				 "(1000) below current usage (1048576)");
	text_at(dir, "memory.max", text);
	cr_expect_str_eq(text, "2097152", "and is as it was");
	l = oci_limits_of((struct mp){0}, (struct mp){0});
	cr_assert_eq(oci_cgroup_limit_at(dir, true, "/g", "c", &l, &e), 0, "%s", e.text);
	text_at(dir, "cpu.max", text);
	cr_expect_str_eq(text, "max 100000");
	text_at(dir, "memory.max", text);
	cr_expect_str_eq(text, "max");
	remove_tree(dir);
	arena_fini(&a);
}

Test(oci_config, apparmor_by_the_name_that_was_asked_for)
{
	struct arena a = {0};
	static const char profile[] = "{'securityContext':{'appArmorProfile':{'type':'Localhost','localhostProfile':'mine'}}}";
	struct doc *d = config_of(&a, "{}", profile, (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "process.apparmorProfile"), "'mine'");
	d = config_of(&a, profile, "{'securityContext':{'appArmorProfile':{'type':'Unconfined'}}}",
		      (struct oci_container){0});
	cr_expect(!doc_path(d, "process.apparmorProfile"));
	arena_fini(&a);
}

Test(oci_config, who_wants_a_terminal_gets_one)
{
	struct arena a = {0};
	struct doc *d = config_of(&a, "{}", "{}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "process.terminal"), "false");
	d = config_of(&a, "{}", "{'stdin':true}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "process.terminal"), "false");
	d = config_of(&a, "{}", "{'tty':true}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "process.terminal"), "true");
	arena_fini(&a);
}

Test(oci_config, resources_are_the_kernels)
{
	static const struct {
		const char *resources, *cpu, *memory;
	} rows[] = {
		{"{}", "{'shares':2}", "none"},
		{"{'requests':{'cpu':'250m'}}", "{'shares':256}", "none"},
		{"{'limits':{'cpu':'1500m','memory':'64Mi'}}",
		 "{'shares':1536,'quota':150000,'period':100000}", "{'limit':67108864}"},
		{"{'requests':{'cpu':'1m'},'limits':{'cpu':'1m'}}",
		 "{'shares':2,'quota':1000,'period':100000}", "none"},
		{"{'requests':{'cpu':'1000'}}", "{'shares':262144}", "none"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct doc *d = config_of(&a, "{}", arena_printf(&a, "{'resources':%s}", rows[i].resources),
					  (struct oci_container){0});
		cr_expect_str_eq(at(&a, d, "linux.resources.cpu"), rows[i].cpu);
		cr_expect_str_eq(at(&a, d, "linux.resources.memory"), rows[i].memory);
		arena_fini(&a);
	}
}

Test(oci_config, who_has_no_limit_has_that_of_the_pod)
{
	struct arena a = {0};
	const char *pod = "{'resources':{'requests':{'cpu':'3'},'limits':{'cpu':'4','memory':'64Mi'}}}";
	struct doc *d = config_of(&a, pod, "{}", (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "linux.resources.cpu"), "{'shares':4096,'quota':400000,'period':100000}");
	cr_expect_str_eq(at(&a, d, "linux.resources.memory"), "{'limit':67108864}");
	d = config_of(&a, pod, "{'resources':{'requests':{'cpu':'1'},'limits':{'cpu':'1','memory':'1Mi'}}}",
		      (struct oci_container){0});
	cr_expect_str_eq(at(&a, d, "linux.resources.cpu"), "{'shares':1024,'quota':100000,'period':100000}");
	cr_expect_str_eq(at(&a, d, "linux.resources.memory"), "{'limit':1048576}");
	arena_fini(&a);
}

/* kubernetes pkg/kubelet/qos/policy_test.go has these. */
Test(oci_config, who_asked_for_more_is_killed_later)
{
#define POD(res) "{'containers':[{'name':'c','resources':" res "}]}", "{'resources':" res "}"
	static const struct {
		const char *pod, *container, *score;
	} rows[] = {
		{POD("{}"), "1000"},
		{POD("{'requests':{'cpu':'1','memory':'1Gi'},'limits':{'cpu':'1','memory':'1Gi'}}"), "-997"},
		{POD("{'limits':{'cpu':'1','memory':'1Gi'}}"), "-997"},
		{POD("{'requests':{'memory':'4Gi'}}"), "500"},
		{POD("{'requests':{'cpu':'1'}}"), "999"},
		{POD("{'requests':{'memory':'8Gi'}}"), "3"},
		{"{'priorityClassName':'system-node-critical'}", "{}", "-997"},
#define WHOLE(res) "{'resources':" res ",'containers':[{'resources':{'requests':{'memory':'1Gi'}}},{}]}"
		/* what the pod asks for beyond its containers is shared out among them */
		{WHOLE("{'requests':{'memory':'5Gi'}}"), "{'resources':{'requests':{'memory':'1Gi'}}}", "625"},
		{WHOLE("{'requests':{'memory':'5Gi'}}"), "{}", "750"},
		{WHOLE("{'requests':{'cpu':'1','memory':'1Gi'},'limits':{'cpu':'1','memory':'1Gi'}}"), "{}", "-997"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct oci_container c = {.node_memory = INT64_C(8) << 30};
		struct doc *d = config_of(&a, rows[i].pod, rows[i].container, c);
		cr_expect_str_eq(at(&a, d, "process.oomScoreAdj"), rows[i].score, "row %zu", i);
		/* Who may not lower it leaves it where it is. */
		c.powers = (struct oci_powers){every_cap, 100};
		d = config_of(&a, rows[i].pod, rows[i].container, c);
		cr_expect_geq(doc_path_int(d, "process.oomScoreAdj", 0), 100);
		arena_fini(&a);
	}
}

Test(oci_config, capabilities)
{
	static const struct {
		const char *context, *with, *without;
	} rows[] = {
		{"{}", "CAP_CHOWN", "CAP_SYS_ADMIN"},
		{"{'capabilities':{'add':['SYS_ADMIN']}}", "CAP_SYS_ADMIN", "CAP_SYS_BOOT"},
		{"{'capabilities':{'add':['CAP_SYS_ADMIN']}}", "CAP_SYS_ADMIN", "CAP_SYS_BOOT"},
		{"{'capabilities':{'drop':['CHOWN']}}", "CAP_KILL", "CAP_CHOWN"},
		{"{'capabilities':{'drop':['ALL'],'add':['KILL']}}", "CAP_KILL", "CAP_CHOWN"},
		{"{'capabilities':{'drop':['all'],'add':['KILL']}}", "CAP_KILL", "CAP_CHOWN"},
		{"{'capabilities':{'add':['ALL'],'drop':['KILL']}}", "CAP_SYS_ADMIN", "CAP_KILL"},
		{"{'privileged':true}", "CAP_SYS_ADMIN", "CAP_NONE"},
	};
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct doc *d = config_of(&a, "{}", arena_printf(&a, "{'securityContext':%s}", rows[i].context),
					  (struct oci_container){0});
		for (size_t s = 0; s < 3; s++) {
			const struct doc *set = doc_path(d, arena_printf(&a, "process.capabilities.%s", sets[s]));
			cr_expect(has(set, rows[i].with), "row %zu %s", i, sets[s]);
			cr_expect(!has(set, rows[i].without), "row %zu %s", i, sets[s]);
		}
		arena_fini(&a);
	}
}

Test(oci_config, nobody_is_given_what_we_have_not)
{
	struct arena a = {0};
	struct oci_container c = {.powers = {1, 0}}; /* CHOWN */
	struct doc *d = config_of(&a, "{}", "{'securityContext':{'privileged':true}}", c);
	cr_expect_str_eq(at(&a, d, "process.capabilities.effective"), "['CAP_CHOWN']");
	arena_fini(&a);
}

Test(oci_config, what_is_hidden_and_what_may_only_be_read)
{
	struct arena a = {0};
	struct doc *d = config_of(&a, "{}", "{}", (struct oci_container){0});
	cr_expect(has(doc_path(d, "linux.maskedPaths"), "/proc/kcore"));
	cr_expect(has(doc_path(d, "linux.readonlyPaths"), "/proc/sys"));
	cr_expect(has(doc_get(mount_at(d, "/sys"), "options"), "ro"));
	cr_expect_str_eq(at(&a, d, "linux.resources.devices"), "[{'allow':false,'access':'rwm'}]");
	cr_expect_str_eq(at(&a, d, "process.noNewPrivileges"), "false");
	cr_expect_str_eq(at(&a, d, "root.readonly"), "false");
	d = config_of(&a, "{}", "{'securityContext':{'privileged':true}}", (struct oci_container){0});
	cr_expect_null(doc_path(d, "linux.maskedPaths"));
	cr_expect(has(doc_get(mount_at(d, "/sys"), "options"), "rw"));
	cr_expect_str_eq(at(&a, d, "linux.resources.devices"), "[{'allow':true,'access':'rwm'}]");
	d = config_of(&a, "{}", "{'securityContext':{'procMount':'Unmasked','readOnlyRootFilesystem':true,"
				"'allowPrivilegeEscalation':false}}", (struct oci_container){0});
	cr_expect_null(doc_path(d, "linux.maskedPaths"));
	cr_expect_str_eq(at(&a, d, "process.noNewPrivileges"), "true");
	cr_expect_str_eq(at(&a, d, "root.readonly"), "true");
	arena_fini(&a);
}

Test(oci_config, system_calls_by_what_the_container_may)
{
	struct arena a = {0};
	struct doc *profile, *d;
	struct span text = span_of(
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[],\"includes\":{},\"excludes\":{}},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"sync_file_range2\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"ppc64le\"]}}]}");
	cr_assert_eq(json_parse(&a, text, &profile, NULL, NULL), 0);
	d = oci_seccomp(&a, profile, mp_of(object_of(&a, "{}")));
	cr_expect_str_eq(at(&a, d, "syscalls"),
			 "[{'names':['read'],'action':'SCMP_ACT_ALLOW'},"
			 "{'names':['mount'],'action':'SCMP_ACT_ERRNO','errnoRet':1}]");
	cr_expect_str_eq(at(&a, d, "defaultErrnoRet"), "38");
	d = oci_seccomp(&a, profile, mp_of(object_of(&a, "{'securityContext':{'capabilities':{'add':['SYS_ADMIN']}}}")));
	cr_expect_str_eq(at(&a, d, "syscalls[1]"), "{'names':['mount'],'action':'SCMP_ACT_ALLOW'}");
	arena_fini(&a);
}
