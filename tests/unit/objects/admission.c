/* Limits, accounts, default classes and quotas of a namespace. */
#include "tests/unit/objects/fake_store.h"

#include "actors/objects/usage.h"

static struct fake f;

static void set_up(void)
{
	fake_init(&f);
}

static void tear_down(void)
{
	fake_fini(&f);
}

TestSuite(admission, .init = set_up, .fini = tear_down);

static const char *create(const char *kind, const char *body)
{
	return fake_do(&f, OBJ_CREATE, arena_printf(&f.arena, "%s/default", kind), body);
}

static const char *pod(const char *name, const char *resources)
{
	return create("pods", arena_printf(&f.arena,
					   "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"containers\":[{"
					   "\"name\":\"c\",\"image\":\"i\",\"resources\":%s}]}}",
					   name, resources));
}

static void expect_message(const char *answer, const char *want)
{
	EXPECT_CODE(&f, 403, answer);
	EXPECT_AT(&f, answer, "message", want);
	EXPECT_AT(&f, answer, "reason", "Forbidden");
}

/* A quota whose amounts have been counted, as its controller does. */
static void quota(const char *name, const char *hard, const char *used, const char *more)
{
	EXPECT_CODE(&f, 201,
		    create("resourcequotas",
			   arena_printf(&f.arena,
					"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"hard\":%s%s}}",
					name, hard, more)));
	EXPECT_CODE(&f, 200,
		    fake_do(&f, OBJ_PATCH_MERGE,
			    arena_printf(&f.arena, "resourcequotas/default/%s/status", name),
			    arena_printf(&f.arena, "{\"status\":{\"hard\":%s,\"used\":%s}}", hard,
					 used)));
}

static const char *used(const char *name)
{
	struct fake_row *r = fake_find(
		&f, span_of(arena_printf(&f.arena, "resourcequotas/default/%s", name)));
	struct buf b = {0};
	struct mp m;
	struct span raw;
	cr_assert(r && mp_path(mp_of(bytes_span(r->value)), "status.used", &m));
	cr_assert_eq(mp_raw(&m, &raw), 0);
	json_from_mp(&b, mp_of(raw));
	const char *text = arena_dup(&f.arena, buf_text(&b));
	buf_fini(&b);
	return text;
}

/* ---- limit ranges */

static void limits(const char *list)
{
	EXPECT_CODE(&f, 201,
		    create("limitranges", arena_printf(&f.arena,
						       "{\"metadata\":{\"name\":\"r\"},\"spec\":{"
						       "\"limits\":%s}}",
						       list)));
}

Test(admission, limit_ranges_fill_in_what_containers_do_not_say)
{
	limits("[{\"type\":\"Container\",\"default\":{\"cpu\":\"1\"},\"defaultRequest\":{\"cpu\":"
	       "\"100m\",\"memory\":\"1Mi\"}}]");
	const char *answer = pod("a", "{\"requests\":{\"memory\":\"2Mi\"}}");
	EXPECT_CODE(&f, 201, answer);
	EXPECT_AT(&f, answer, "spec.containers[0].resources",
		  "{\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"2Mi\"}}");
	EXPECT_AT(&f, answer, "metadata.annotations",
		  "{\"kubernetes.io/limit-ranger\":\"LimitRanger plugin set: cpu request for "
		  "container c; cpu limit for container c\"}");
	EXPECT_AT(&f, answer, "status.qosClass", "Burstable");
}

static const struct {
	const char *limits, *resources, *want; /* NULL: fine */
} bounds[] = {
	{"\"max\":{\"memory\":\"1Gi\"}", "{\"limits\":{\"memory\":\"1536Mi\"}}",
	 "maximum memory usage per Container is 1Gi, but limit is 1536Mi"},
	{"\"max\":{\"memory\":\"1Gi\"}", "{\"limits\":{\"memory\":\"1Gi\"}}", NULL},
	{"\"min\":{\"cpu\":\"200m\"}", "{\"requests\":{\"cpu\":\"100m\"},\"limits\":{\"cpu\":\"1\"}}",
	 "minimum cpu usage per Container is 200m, but request is 100m"},
	{"\"min\":{\"cpu\":\"200m\"}", "{\"requests\":{\"cpu\":\"200m\"}}", NULL},
	{"\"maxLimitRequestRatio\":{\"cpu\":\"2\"}",
	 "{\"requests\":{\"cpu\":\"1\"},\"limits\":{\"cpu\":\"3\"}}",
	 "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"},
	{"\"maxLimitRequestRatio\":{\"cpu\":\"2\"}", "{\"requests\":{\"cpu\":\"1\"}}",
	 "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is "
	 "0"},
	{"\"maxLimitRequestRatio\":{\"cpu\":\"2\"}", "{}",
	 "cpu max limit to request ratio per Container is 2, but no request is specified or "
	 "request is 0"},
};

Test(admission, limit_ranges_refuse_by_their_bounds)
{
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		limits(arena_printf(&f.arena, "[{\"type\":\"Container\",%s}]", bounds[i].limits));
		const char *answer = pod("a", bounds[i].resources);
		if (bounds[i].want)
			expect_message(answer, arena_printf(&f.arena, "pods \"a\" is forbidden: %s",
							    bounds[i].want));
		else
			EXPECT_CODE(&f, 201, answer);
		fake_do(&f, OBJ_DELETE, "limitranges/default/r", NULL);
		if (!bounds[i].want)
			fake_do(&f, OBJ_DELETE, "pods/default/a", NULL);
	}
}

Test(admission, a_pod_is_the_sum_of_its_containers)
{
	limits("[{\"type\":\"Pod\",\"max\":{\"cpu\":\"2\"}}]");
	const char *body =
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
		"\"i\",\"resources\":{\"limits\":{\"cpu\":\"1500m\"}}},{\"name\":\"d\",\"image\":"
		"\"i\",\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]}}";
	expect_message(create("pods", body),
		       "pods \"a\" is forbidden: maximum cpu usage per Pod is 2, but limit is "
		       "2500m");
}

/* ---- accounts */

Test(admission, a_missing_default_account_comes_with_the_pod)
{
	fake_set(&f, span_of("serviceaccounts/default/default"), NULL, 0);
	const char *answer = pod("a", "{}");
	EXPECT_CODE(&f, 201, answer);
	EXPECT_AT(&f, answer, "spec.serviceAccountName", "default");
	EXPECT_AT(&f, answer, "spec.containers[0].volumeMounts[0].mountPath",
		  "/var/run/secrets/kubernetes.io/serviceaccount");
	struct fake_row *r = fake_find(&f, span_of("serviceaccounts/default/default"));
	cr_assert(r->value);
	struct mp account = mp_of(bytes_span(r->value));
	cr_expect(span_is(mp_path_str(account, "metadata.name"), "default"));
	cr_expect_eq(mp_path_str(account, "metadata.uid").len, 36);
	cr_expect(span_is(mp_path_str(account, "kind"), "ServiceAccount"));
}

Test(admission, another_missing_account_refuses_the_pod)
{
	const char *answer =
		create("pods", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"serviceAccountName\":"
			       "\"bot\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}");
	expect_message(answer, "pods \"a\" is forbidden: error looking up service account "
			       "default/bot: serviceaccount \"bot\" not found");
	cr_expect_eq(f.writes, 0);
}

/* ---- default classes */

Test(admission, claims_get_the_newest_default_class)
{
	static const char claim[] =
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}";
	static const char *const classes[] = {"slow", "fast"};
	EXPECT_AT(&f, create("persistentvolumeclaims", claim), "spec.storageClassName", "");
	fake_do(&f, OBJ_DELETE, "persistentvolumeclaims/default/a", NULL);
	for (size_t i = 0; i < 2; i++)
		EXPECT_CODE(&f, 201,
			    fake_do(&f, OBJ_CREATE, "storageclasses",
				    arena_printf(&f.arena,
						 "{\"metadata\":{\"name\":\"%s\",\"annotations\":{"
						 "\"storageclass.kubernetes.io/is-default-class\":"
						 "\"true\"}},\"provisioner\":\"p\"}",
						 classes[i])));
	/* Equally old: by name. */
	EXPECT_AT(&f, create("persistentvolumeclaims", claim), "spec.storageClassName", "fast");
}

Test(admission, pods_without_a_class_get_the_global_default)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"%s\"},\"value\":100,\"globalDefault\":true}";
	EXPECT_CODE(&f, 201, fake_do(&f, OBJ_CREATE, "priorityclasses",
				     arena_printf(&f.arena, text, "some")));
	const char *answer = pod("a", "{}");
	EXPECT_AT(&f, answer, "spec.priority", "100");
	EXPECT_AT(&f, answer, "spec.priorityClassName", "some");
	expect_message(fake_do(&f, OBJ_CREATE, "priorityclasses",
			       arena_printf(&f.arena, text, "other")),
		       "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass "
		       "some is already marked as default. Only one default can exist");
}

/* ---- quotas */

Test(admission, a_quota_is_charged_with_the_create)
{
	quota("q", "{\"pods\":\"2\"}", "{\"pods\":\"0\"}", "");
	EXPECT_CODE(&f, 201, pod("a", "{}"));
	cr_expect_str_eq(used("q"), "{\"pods\":\"1\"}");
	EXPECT_CODE(&f, 201, pod("b", "{}"));
	expect_message(pod("c", "{}"), "pods \"c\" is forbidden: exceeded quota: q, requested: "
				       "pods=1, used: pods=2, limited: pods=2");
	cr_expect_str_eq(used("q"), "{\"pods\":\"2\"}");
}

/* The writer knows nothing of quota and list: the store tells. */
Test(admission, a_writer_that_is_behind_is_charged_too)
{
	quota("q", "{\"pods\":\"1\"}", "{\"pods\":\"0\"}", "");
	f.behind = true;
	EXPECT_CODE(&f, 201, pod("a", "{}"));
	cr_expect_str_eq(used("q"), "{\"pods\":\"1\"}");
	expect_message(pod("b", "{}"), "pods \"b\" is forbidden: exceeded quota: q, requested: "
				       "pods=1, used: pods=1, limited: pods=1");
}

/* One of many writers, each with a reader of its own that is as old as its last
 * conflict. */
struct writer {
	struct fake view; /* only its rows of the last conflict are looked at */
	struct obj_request request;
	struct obj_plan plan;
	bool done;
};

static int see(void *arg, struct span key, struct store_row *out)
{
	struct writer *w = arg;
	*out = (struct store_row){.key = key};
	for (size_t i = 0; i < w->view.seen_count; i++)
		if (span_eq(w->view.seen[i].key, key))
			*out = w->view.seen[i];
	return 0;
}

/* Another writer's change would free what the row holds. */
static void keep(struct writer *w, const struct store_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes_ref(rows[i].value);
	for (size_t i = 0; i < w->view.seen_count; i++)
		bytes_unref(w->view.seen[i].value);
	if (n)
		memcpy(w->view.seen, rows, n * sizeof *rows);
	w->view.seen_count = n;
}

static void plan_all(struct writer *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct obj_reader reader = {&all[i], see};
		all[i].request.origin.request[0]++;
		if (!all[i].done)
			objects_plan(&all[i].request, &reader, &all[i].plan);
	}
}

/* The plan meets a store that others have changed since it was made. */
static void run_one(struct writer *w)
{
	struct store_outcome o;
	struct store_row rows[STORE_OPS_MAX];
	cr_assert_not(w->plan.finished, "it rests on rows");
	fake_run(&f, &w->plan, &o, rows);
	w->done = objects_answer(&w->plan, &o) == 0;
	if (w->done) {
		f.code = w->plan.answer.code;
		keep(w, NULL, 0);
	} else {
		keep(w, rows, o.row_count);
	}
	obj_plan_fini(&w->plan);
}

Test(admission, many_writers_at_once_do_not_get_past_a_quota)
{
	enum { WRITERS = 12, ROUNDS = 40 };
	static struct writer all[WRITERS];
	int created = 0, refused = 0;
	quota("q", "{\"pods\":\"5\"}", "{\"pods\":\"0\"}", "");
	for (size_t i = 0; i < WRITERS; i++) {
		all[i].request = fake_request(
			&f, OBJ_CREATE, "pods/default",
			arena_printf(&f.arena,
				     "{\"metadata\":{\"name\":\"p%zu\"},\"spec\":{\"containers\":[{"
				     "\"name\":\"c\",\"image\":\"i\"}]}}",
				     i));
		all[i].request.schema = f.schema;
		all[i].request.arena = &f.arena;
	}
	for (int round = 0; round < ROUNDS && created + refused < WRITERS; round++) {
		plan_all(all, WRITERS); /* all of them before any of them writes */
		for (size_t i = 0; i < WRITERS; i++) {
			bool was = all[i].done;
			if (!was)
				run_one(&all[i]);
			if (!was && all[i].done)
				*(f.code == 201 ? &created : &refused) += 1;
		}
		cr_assert_leq(created, 5);
	}
	cr_expect_eq(created, 5);
	cr_expect_eq(refused, WRITERS - 5);
	cr_expect_str_eq(used("q"), "{\"pods\":\"5\"}");
}

Test(admission, what_was_not_counted_yet_is_not_given)
{
	EXPECT_CODE(&f, 201, create("resourcequotas", "{\"metadata\":{\"name\":\"q\"},\"spec\":{"
						      "\"hard\":{\"pods\":\"1\"}}}"));
	expect_message(pod("a", "{}"), "pods \"a\" is forbidden: status unknown for quota: q, "
				       "resources: pods");
	fake_do(&f, OBJ_DELETE, "resourcequotas/default/q", NULL);
	EXPECT_CODE(&f, 201, pod("a", "{}"));
}

/* What a pod says as a whole is what it uses, and its containers need not say more. */
Test(admission, what_a_pod_asks_for_as_a_whole_is_counted)
{
#define WHOLE(cpu) "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"resources\":{\"limits\":{\"cpu\":\"" cpu        \
	"\"}},\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":\"300m\"}}},"  \
	"{\"name\":\"d\",\"image\":\"i\",\"resources\":{\"requests\":{\"memory\":\"1Mi\"}}}]}}"
	quota("q", "{\"limits.cpu\":\"1\",\"requests.cpu\":\"1\"}",
	      "{\"limits.cpu\":\"0\",\"requests.cpu\":\"0\"}", "");
	limits("[{\"type\":\"Pod\",\"max\":{\"cpu\":\"500m\"}}]");
	expect_message(create("pods", WHOLE("600m")),
		       "pods \"a\" is forbidden: maximum cpu usage per Pod is 500m, but limit is 600m");
	EXPECT_CODE(&f, 201, create("pods", WHOLE("400m")));
	cr_expect_str_eq(used("q"), "{\"limits.cpu\":\"400m\",\"requests.cpu\":\"300m\"}");
	const char *a = fake_do(&f, OBJ_PATCH_STRATEGIC, "pods/default/a/resize",
				"{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":"
				"\"200m\"}}}]}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].message",
		  "Forbidden: pods with pod-level resources cannot be resized");
}

Test(admission, who_is_limited_by_compute_must_say_what_he_needs)
{
	quota("q", "{\"limits.cpu\":\"1\"}", "{\"limits.cpu\":\"0\"}", "");
	expect_message(pod("a", "{}"),
		       "pods \"a\" is forbidden: failed quota: q: must specify limits.cpu for: c");
	EXPECT_CODE(&f, 201, pod("a", "{\"limits\":{\"cpu\":\"600m\"}}"));
	cr_expect_str_eq(used("q"), "{\"limits.cpu\":\"600m\"}");
	expect_message(pod("b", "{\"limits\":{\"cpu\":\"600m\"}}"),
		       "pods \"b\" is forbidden: exceeded quota: q, requested: limits.cpu=600m, "
		       "used: limits.cpu=600m, limited: limits.cpu=1");
}

static const struct {
	const char *scopes, *pod;
	bool counts;
} scopes[] = {
	{"\"scopes\":[\"BestEffort\"]", "", true},
	{"\"scopes\":[\"NotBestEffort\"]", "", false},
	{"\"scopes\":[\"Terminating\"]", "\"activeDeadlineSeconds\":5,", true},
	{"\"scopes\":[\"Terminating\"]", "", false},
	{"\"scopes\":[\"NotTerminating\"]", "", true},
	{"\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":"
	 "\"In\",\"values\":[\"system-node-critical\"]}]}",
	 "\"priorityClassName\":\"system-node-critical\",", true},
	{"\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":"
	 "\"In\",\"values\":[\"system-node-critical\"]}]}",
	 "", false},
	{"\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":"
	 "\"NotIn\",\"values\":[\"system-node-critical\"]}]}",
	 "", true},
	{"\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":"
	 "\"Exists\"}]}",
	 "", false},
	{"\"scopes\":[\"CrossNamespacePodAffinity\"]",
	 "\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{"
	 "\"topologyKey\":\"zone\",\"namespaces\":[\"other\"],\"labelSelector\":{}}]}},",
	 true},
};

Test(admission, scopes_say_which_pods_count)
{
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		quota("q", "{\"pods\":\"9\"}", "{\"pods\":\"0\"}",
		      arena_printf(&f.arena, ",%s", scopes[i].scopes));
		EXPECT_CODE(&f, 201,
			    create("pods", arena_printf(&f.arena,
							"{\"metadata\":{\"name\":\"a\"},\"spec\":{%s"
							"\"containers\":[{\"name\":\"c\",\"image\":"
							"\"i\"}]}}",
							scopes[i].pod)));
		cr_expect_str_eq(used("q"), scopes[i].counts ? "{\"pods\":\"1\"}" : "{\"pods\":\"0\"}",
				 "%s with %s", scopes[i].scopes, scopes[i].pod);
		fake_do(&f, OBJ_DELETE, "pods/default/a", NULL);
		fake_do(&f, OBJ_DELETE, "resourcequotas/default/q", NULL);
	}
}

Test(admission, updates_that_take_more_are_charged)
{
	quota("q", "{\"services.nodeports\":\"1\"}", "{\"services.nodeports\":\"0\"}", "");
	EXPECT_CODE(&f, 201, create("services", "{\"metadata\":{\"name\":\"a\"},\"spec\":{"
						"\"ports\":[{\"name\":\"x\",\"port\":1}]}}"));
	cr_expect_str_eq(used("q"), "{\"services.nodeports\":\"0\"}");
	EXPECT_CODE(&f, 200, fake_do(&f, OBJ_PATCH_MERGE, "services/default/a",
				     "{\"spec\":{\"type\":\"NodePort\"}}"));
	cr_expect_str_eq(used("q"), "{\"services.nodeports\":\"1\"}");
	expect_message(fake_do(&f, OBJ_PATCH_STRATEGIC, "services/default/a",
			       "{\"spec\":{\"ports\":[{\"name\":\"y\",\"port\":2}]}}"),
		       "services \"a\" is forbidden: exceeded quota: q, requested: "
		       "services.nodeports=1, used: services.nodeports=1, limited: "
		       "services.nodeports=1");
}

Test(admission, a_namespace_has_so_many_quotas)
{
	for (int i = 0; i < 16; i++)
		quota(arena_printf(&f.arena, "q%d", i), "{\"pods\":\"9\"}", "{\"pods\":\"0\"}", "");
	expect_message(create("resourcequotas", "{\"metadata\":{\"name\":\"more\"},\"spec\":{\"hard\":"
						"{\"pods\":\"1\"}}}"),
		       "resourcequotas \"more\" is forbidden: there are 16 resourcequotas already");
	EXPECT_CODE(&f, 201, pod("a", "{}"));
	cr_expect_str_eq(used("q15"), "{\"pods\":\"1\"}");
}

/* ---- what objects use */

static const struct {
	const char *resource, *object, *want;
} usages[] = {
	{"pods", "{\"spec\":{\"containers\":[{}]}}", "count/pods=1,pods=1"},
	{"pods", "{\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Failed\"}}", "count/pods=1"},
	{"pods",
	 "{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\",\"a.com/x\":\"2\"},"
	 "\"limits\":{\"memory\":\"1Gi\"}}}],\"initContainers\":[{\"resources\":{\"requests\":{"
	 "\"cpu\":\"3\"}}}]}}",
	 "count/pods=1,cpu=3,limits.memory=1Gi,pods=1,requests.a.com/x=2,requests.cpu=3"},
	{"pods",
	 "{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],"
	 "\"initContainers\":[{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"cpu\":"
	 "\"3\"}}}],\"overhead\":{\"cpu\":\"100m\"}}}",
	 "count/pods=1,cpu=4100m,pods=1,requests.cpu=4100m"},
	{"services", "{\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{},{}]}}",
	 "count/services=1,services=1,services.loadbalancers=1,services.nodeports=2"},
	{"services",
	 "{\"spec\":{\"type\":\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false,\"ports\":[{},"
	 "{\"nodePort\":30000}]}}",
	 "count/services=1,services=1,services.loadbalancers=1,services.nodeports=1"},
	{"persistentvolumeclaims",
	 "{\"spec\":{\"storageClassName\":\"f\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
	 "count/persistentvolumeclaims=1,f.storageclass.storage.k8s.io/persistentvolumeclaims=1,"
	 "f.storageclass.storage.k8s.io/requests.storage=1Gi,persistentvolumeclaims=1,"
	 "requests.storage=1Gi"},
	{"secrets", "{}", "count/secrets=1,secrets=1"},
	{"deployments", "{}", "count/deployments.apps=1"},
	{"nodes", "{}", ""},
};

Test(admission, what_objects_use)
{
	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
		struct amounts t = {.a = &f.arena};
		struct buf b = {0};
		struct doc *d;
		cr_assert_eq(json_parse(&f.arena, span_of(usages[i].object), &d, NULL, NULL), 0);
		doc_to_mp(&b, d);
		usage_of(schema_find_name(f.schema, span_of(usages[i].resource)),
			 mp_of(span_buf(&b)), &t);
		cr_expect_str_eq(amounts_text(&t), usages[i].want, "%s", amounts_text(&t));
		buf_fini(&b);
	}
}
