/* CNI plugins are scripts here that note what they are told, and the namespaces are
 * the test's own. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "nodes/network/pod_cni.h"
#include "nodes/oci/oci_cni.h"
#include "tests/unit/nodes/namespaces.h"
#include "tests/unit/nodes/objects.h"

static char dir[64];
static struct arena arena;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static void begin(void)
{
	strcpy(dir, "/tmp/troupe-cni.XXXXXX");
	cr_assert(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
}

static void end(void)
{
	cr_expect_eq(chdir("/"), 0);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_fini(&arena);
}

TestSuite(pod_cni, .init = begin, .fini = end);
TestSuite(oci_cni, .init = begin, .fini = end);

static void put_file(const char *name, int mode, const char *text)
{
	FILE *f = fopen(name, "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
	chmod(name, (mode_t)mode);
}

/* `answer`: what it prints; it notes its command, its input, and whether it has a
 * namespace to work on. */
static void put_plugin(const char *name, const char *answer)
{
	put_file(name, 0755,
		 arena_printf(&arena,
			      "#!/bin/sh\n"
			      "echo \"$CNI_COMMAND %s $CNI_CONTAINERID $CNI_IFNAME ${CNI_NETNS:+in} "
			      "$CNI_ARGS $(cat)\" >>%s/log\n%s\n",
			      name, dir, answer));
}

static const char *file_text(const char *name)
{
	char *text = arena_alloc(&arena, 8192);
	FILE *f = fopen(name, "r");
	if (f) {
		size_t n = fread(text, 1, 8191, f);
		text[n] = 0;
		fclose(f);
	}
	return text;
}

static struct mp map_of(const char *const *plugins)
{
	struct buf b = {0};
	size_t n = 0;
	while (plugins[n])
		n++;
	mpw_map(&b, 4);
	mpw_kv_str(&b, "container", "u1");
	mpw_kv_str(&b, "args", "A=b");
	mpw_kv_str(&b, "path", dir);
	mpw_str(&b, "plugins");
	mpw_array(&b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_array(&b, 2);
		mpw_str(&b, arena_printf(&arena, "%s/%s", dir, plugins[i]));
		mpw_str(&b, arena_printf(&arena, "{\"type\":\"%s\"}", plugins[i]));
	}
	struct span s = {(uint8_t *)arena_ndup(&arena, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

static int namespace_or_none(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

#define NEEDS_SETNS()                                                          \
	int node = namespace_or_none();                                        \
	if (setns(node, CLONE_NEWNET) != 0)                                    \
		cr_skip_test("entering a network namespace needs root")

Test(pod_cni, plugins_are_run_in_order_and_undone_backwards)
{
	static const char *const both[] = {"one", "two", NULL};
	NEEDS_SETNS();
	struct err e = {0};
	put_plugin("one", "echo '{\"r\":1}'");
	put_plugin("two", "echo '{\"r\":2}'");
	cr_assert_eq(pod_cni_add(map_of(both), node, &e), 0, "%s", e.text);
	cr_expect_str_eq(file_text(POD_CNI_RESULT), "{\"r\":2}\n");
	pod_cni_del(map_of(both), node, false);
	cr_expect_str_eq(file_text("log"),
			 "ADD one u1 eth0 in A=b {\"type\":\"one\"}\n"
			 "ADD two u1 eth0 in A=b {\"prevResult\":{\"r\":1}\n,\"type\":\"two\"}\n"
			 "DEL two u1 eth0 in A=b {\"prevResult\":{\"r\":2}\n,\"type\":\"two\"}\n"
			 "DEL one u1 eth0 in A=b {\"prevResult\":{\"r\":2}\n,\"type\":\"one\"}\n");
	cr_expect_neq(access(POD_CNI_RESULT, F_OK), 0);
}

Test(pod_cni, without_a_namespace_they_are_told_of_none)
{
	static const char *const one[] = {"one", NULL};
	NEEDS_SETNS();
	put_plugin("one", "");
	pod_cni_del(map_of(one), node, true);
	cr_expect_str_eq(file_text("log"), "DEL one u1 eth0  A=b {\"type\":\"one\"}\n");
}

Test(pod_cni, a_failure_has_the_plugins_words_and_is_undone)
{
	static const char *const both[] = {"one", "two", NULL}, *const none[] = {"none", NULL};
	NEEDS_SETNS();
	struct err e = {0};
	put_plugin("one", "echo '{}'");
	put_plugin("two", "echo '{\"code\": 7, \"msg\": \"no \\\"room\\\" left\"}'; exit 1");
	cr_expect_eq(pod_cni_add(map_of(both), node, &e), ERR_IO);
	cr_expect_str_eq(e.text, "plugin type=\"two\" failed (add): no \\\"room\\\" left");
	cr_expect(strstr(file_text("log"), "DEL two") && strstr(file_text("log"), "DEL one"));
	cr_expect_neq(access(POD_CNI_RESULT, F_OK), 0);
	cr_expect_eq(pod_cni_add(map_of(none), node, &e), ERR_IO);
	cr_expect_str_eq(e.text, "plugin type=\"none\" failed (add): it could not be run");
	put_plugin("two", "exit 3");
	cr_expect_eq(pod_cni_add(map_of(both), node, &e), ERR_IO);
	cr_expect_str_eq(e.text, "plugin type=\"two\" failed (add): it failed without a word");
	put_plugin("two", "while :; do echo more and more and more; done");
	cr_expect_eq(pod_cni_add(map_of(both), node, &e), ERR_LIMIT);
	cr_expect_str_eq(e.text, "plugin type=\"two\" failed (add): it said too much");
}

/* ---- the agent's side */

static const char *put_of(struct oci_cni *c, const char *spec, struct err *e)
{
	struct buf b = {0};
	struct mp pod = mp_of(object_of(&arena, arena_printf(&arena,
		"{'metadata':{'name':'p','namespace':'d'},'spec':{%s}}", spec)));
	mpw_map(&b, 1);
	if (oci_cni_put(c, &arena, pod, "u1", &b, e)) {
		buf_fini(&b);
		return "";
	}
	const char *text = json_of(&arena, mp_of(span_buf(&b)));
	buf_fini(&b);
	return text;
}

Test(oci_cni, a_list_becomes_what_each_plugin_is_told)
{
	struct oci_cni *c = NULL;
	struct err e = {0};
	put_file("bridge", 0755, "");
	put_file("portmap", 0755, "");
	put_file("net.conflist", 0644,
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"bridge\",\"mtu\":9},"
		 "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}]}");
	cr_assert_eq(oci_cni_open(&c, "net.conflist", dir, &e), 0, "%s", e.text);
	const char *plain = put_of(c, "'containers':[]", &e);
	cr_expect(strstr(plain, arena_printf(&arena, "'container':'u1','args':'IgnoreUnknown=1;"
		"K8S_POD_NAMESPACE=d;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=u1;K8S_POD_UID=u1',"
		"'path':'%s','plugins':[['%s/bridge','{'type':'bridge','mtu':9,'name':'net',"
		"'cniVersion':'1.0.0'}'],['%s/portmap','{'type':'portmap','name':'net',"
		"'cniVersion':'1.0.0'}']]", dir, dir, dir)), "%s", plain);
	const char *ports = put_of(c, "'containers':[{'ports':[{'hostPort':8080,'containerPort':80},"
				      "{'containerPort':9},{'hostPort':53,'containerPort':53,"
				      "'protocol':'UDP','hostIP':'10.0.0.1'}]}]", &e);
	cr_expect(strstr(ports, "'runtimeConfig':{'portMappings':[{'hostPort':8080,'containerPort':80,"
				"'protocol':'tcp'},{'hostPort':53,'containerPort':53,"
				"'protocol':'udp','hostIP':'10.0.0.1'}]}"), "%s", ports);
	oci_cni_close(c);
}

Test(oci_cni, what_does_not_fit_is_refused_in_words)
{
	static const char *const rows[][2] = {
		{"{", "cni: net.conflist: "},
		{"[]", "cni: net.conflist: not a JSON object"},
		{"{\"name\":\"n\",\"plugins\":[]}", "cni: net.conflist: there are no plugins in it"},
		{"{\"name\":\"n\",\"plugins\":[{}]}", "cni: a plugin has no type"},
		{"{\"plugins\":[{\"type\":\"bridge\"}]}", "cni: the network has no name"},
		{"{\"name\":\"n\",\"type\":\"../sh\"}", "cni: a plugin has no type"},
		{"{\"name\":\"n\",\"type\":\"other\"}", "cni: there is no plugin 'other' in /none"},
	};
	struct oci_cni *c = NULL;
	struct err e = {0};
	cr_expect_eq(oci_cni_open(&c, "none", "/none", &e), ERR_NOT_FOUND);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put_file("net.conflist", 0644, rows[i][0]);
		cr_expect_neq(oci_cni_open(&c, "net.conflist", "/none", &e), 0);
		cr_expect(strncmp(e.text, rows[i][1], strlen(rows[i][1])) == 0, "%s", e.text);
	}
	put_file("bridge", 0755, "");
	put_file("net.conflist", 0644, "{\"name\":\"n\",\"type\":\"bridge\"}");
	cr_assert_eq(oci_cni_open(&c, "net.conflist", dir, &e), 0, "%s", e.text);
	put_of(c, "'containers':[{'ports':[{'hostPort':80}]}]", &e);
	cr_expect_str_eq(e.text, "host ports need a CNI plugin with the capability portMappings");
	oci_cni_close(c);
}

Test(oci_cni, addresses_are_read_from_results_of_either_form)
{
	char ip[46] = "";
	cr_expect(!oci_cni_address(dir, ip, sizeof ip));
	put_file(POD_CNI_RESULT, 0600, "{\"ips\":[{\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\"}]}");
	cr_expect(oci_cni_address(dir, ip, sizeof ip));
	cr_expect_str_eq(ip, "10.1.2.3");
	put_file(POD_CNI_RESULT, 0600, "{\"ip4\":{\"ip\":\"10.1.2.4/24\"}}");
	cr_expect(oci_cni_address(dir, ip, sizeof ip));
	cr_expect_str_eq(ip, "10.1.2.4");
	put_file(POD_CNI_RESULT, 0600, "{}");
	cr_expect(!oci_cni_address(dir, ip, sizeof ip));
}
