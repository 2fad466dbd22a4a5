/* Files as pods of a node. */
#include "nodes/static/static_pod.h"

#include "tests/unit/nodes/objects.h"

#define SEEN INT64_C(1795514400000000) /* 2026-11-24T10:00:00Z */

static struct static_pod *make(const char *node, const char *file, const char *text)
{
	struct static_pod *p = NULL;
	struct err e = {0};
	cr_assert_eq(static_pod_make(node, file, span_of(text), SEEN, &p, &e), 0, "%s", e.text);
	return p;
}

#define WEB "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n"

Test(static_pod, is_completed_for_its_node)
{
	struct arena a = {0};
	struct static_pod *p = make("n1", "web.yaml", WEB);
	cr_expect_str_eq(p->key, "pods/default/web-n1");
	cr_expect_eq(strlen(p->uid), 32);
	cr_expect_str_eq(json_of(&a, mp_of_bytes(p->object)),
		arena_printf(&a, "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web-n1','annotations':{"
			"'kubernetes.io/config.hash':'%s','kubernetes.io/config.seen':'2026-11-24T10:00:00Z',"
			"'kubernetes.io/config.source':'file'},'namespace':'default','uid':'%s'},'spec':{'containers':["
			"{'name':'c','image':'i'}],'nodeName':'n1','tolerations':[{'operator':'Exists','effect':'NoExecute'}]}}",
			p->uid, p->uid));
	cr_expect(span_is(static_pod_mirrored(mp_of_bytes(p->mirror)), p->uid));
	cr_expect_eq(mp_path_str(mp_of_bytes(p->mirror), "metadata.uid").len, 0);
	cr_expect_eq(static_pod_mirrored(mp_of_bytes(p->object)).len, 0);
	static_pod_free(p);
	arena_fini(&a);
}

Test(static_pod, has_a_uid_of_what_its_file_says)
{
	struct static_pod *p = make("n1", "web.yaml", WEB), *same = make("n1", "web.yaml", WEB);
	struct static_pod *others[] = {make("n2", "web.yaml", WEB), make("n1", "b.yaml", WEB),
				       make("n1", "web.yaml", WEB "# more\n")};
	cr_expect_str_eq(p->uid, same->uid);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_str_neq(p->uid, others[i]->uid);
		static_pod_free(others[i]);
	}
	static_pod_free(same);
	static_pod_free(p);
}

Test(static_pod, keeps_what_it_says_and_takes_its_mirrors_status)
{
	struct arena a = {0};
	struct static_pod *p = make("n1", "w.json", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"w\","
		"\"namespace\":\"shop\",\"uid\":\"mine\",\"annotations\":{\"a\":\"b\"}},\"status\":{\"phase\":\"Failed\"},"
		"\"spec\":{\"nodeName\":\"other\",\"tolerations\":[{\"key\":\"k\"}],\"containers\":[{\"name\":\"c\"}]}}");
	cr_expect_str_eq(p->key, "pods/shop/w-n1");
	struct mp pod = mp_of_bytes(p->object), v;
	cr_expect(span_is(mp_path_str(pod, "spec.nodeName"), "n1"));
	cr_expect(span_is(mp_path_str(pod, "metadata.annotations.a"), "b"));
	cr_expect_not(mp_path(pod, "status", &v));
	struct span mirror = object_of(&a, "{'status':{'phase':'Running'}}");
	struct bytes *with = static_pod_with_status(p, mp_of(mirror));
	cr_expect(span_is(mp_path_str(mp_of_bytes(with), "status.phase"), "Running"));
	cr_expect(span_is(mp_path_str(mp_of_bytes(with), "metadata.uid"), p->uid));
	bytes_unref(with);
	static_pod_free(p);
	arena_fini(&a);
}

static const struct {
	const char *text, *why;
} bad[] = {
	{"", "f: a Pod of v1 is wanted"},
	{"kind: [", "f: yaml: "},
	{"[]", "f: a Pod of v1 is wanted"},
	{"{apiVersion: v1, kind: Service, metadata: {name: a}}", "f: a Pod of v1 is wanted"},
	{"{apiVersion: v2, kind: Pod, metadata: {name: a}}", "f: a Pod of v1 is wanted"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: A/b}}", "f: metadata.name is missing, or no name"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}", "f: spec.containers is missing"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: i}]}}",
	 "f: a container without a name"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: 7}, spec: {containers: [{name: c}]}}",
	 "f: metadata: the name is too long, or annotations are no map"},
};

Test(static_pod, says_what_is_wrong_with_a_file)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct static_pod *p = NULL;
		struct err e = {0};
		cr_expect_eq(static_pod_make("n1", "f", span_of(bad[i].text), SEEN, &p, &e), ERR_INVALID);
		cr_expect_eq(strncmp(e.text, bad[i].why, strlen(bad[i].why)), 0, "%s", e.text);
		cr_expect_null(p);
	}
}
