/* What runs pods: generations, selectors, generated labels, scales, and the
 * parts of a pod that have a subresource. The words of each fault are compared
 * with Kubernetes' in tests/golden. */
#include "fake_store.h"

#define TEMPLATE                                                                                   \
	"\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{"    \
	"\"name\":\"c\",\"image\":\"nginx\"}]}}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}"

static const char *const DEPLOYMENT =
	"{\"metadata\":{\"name\":\"d\"},\"spec\":{" SELECTOR "," TEMPLATE "}}";

Test(deployment, is_completed_and_counts_spec_and_annotations)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "deployments/default", DEPLOYMENT);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.strategy",
		  "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"25%\","
		  "\"maxSurge\":\"25%\"}}");
	EXPECT_AT(&f, a, "spec.replicas", "1");
	EXPECT_AT(&f, a, "spec.template.spec.restartPolicy", "Always");
	EXPECT_AT(&f, a, "spec.template.spec.enableServiceLinks", "");
	EXPECT_AT(&f, a, "metadata.generation", "1");
	a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d",
		    "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"status\":{\"replicas\":7}}");
	EXPECT_AT(&f, a, "metadata.generation", "1");
	EXPECT_AT(&f, a, "status.replicas", "");
	a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d",
		    "{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d/status",
		    "{\"spec\":{\"replicas\":5},\"status\":{\"replicas\":1}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.replicas", "1");
	EXPECT_AT(&f, a, "status.replicas", "1");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	fake_fini(&f);
}

Test(deployment, tells_all_its_faults_at_once)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "deployments/default",
				"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":-1,"
				"\"minReadySeconds\":-2,\"selector\":{\"matchLabels\":{\"app\":"
				"\"other\"}}," TEMPLATE "}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.replicas");
	EXPECT_AT(&f, a, "details.causes[1].field", "spec.minReadySeconds");
	EXPECT_AT(&f, a, "details.causes[2].field", "spec.template.metadata.labels");
	EXPECT_AT(&f, a, "details.causes[2].reason", "FieldValueInvalid");
	EXPECT_AT(&f, a, "details.causes[3]", "");
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

Test(deployment, selector_is_immutable)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "deployments/default", DEPLOYMENT);
	int writes = f.writes;
	const char *a =
		fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d",
			"{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
			"\"metadata\":{\"labels\":{\"a\":\"b\"}}}}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.selector");
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(deployment, scale_shows_and_sets_replicas)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "deployments/default", DEPLOYMENT);
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d/scale",
				"{\"spec\":{\"replicas\":4}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "kind", "Scale");
	EXPECT_AT(&f, a, "status.selector", "app=web");
	a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d/scale",
		    "{\"spec\":{\"replicas\":-4}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.kind", "Scale");
	a = fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d", "{}");
	EXPECT_AT(&f, a, "spec.replicas", "4");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	fake_fini(&f);
}

Test(job, gets_a_selector_and_labels_of_its_uid)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_CREATE, "jobs/default",
			"{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{"
			"\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":"
			"\"i\"}]}}}}");
	EXPECT_CODE(&f, 201, a);
	const char *uid = fake_at(&f, a, "metadata.uid");
	const char *labels = arena_printf(
		&f.arena,
		"{\"batch.kubernetes.io/controller-uid\":\"%s\",\"batch.kubernetes.io/job-name\":"
		"\"j\",\"controller-uid\":\"%s\",\"job-name\":\"j\"}",
		uid, uid);
	EXPECT_AT(&f, a, "spec.template.metadata.labels", labels);
	EXPECT_AT(&f, a, "spec.selector.matchLabels",
		  arena_printf(&f.arena, "{\"batch.kubernetes.io/controller-uid\":\"%s\"}", uid));
	/* Parallelism may change, the template not. */
	a = fake_do(&f, OBJ_PATCH_MERGE, "jobs/default/j", "{\"spec\":{\"parallelism\":3}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.generation", "2");
	a = fake_do(&f, OBJ_PATCH_MERGE, "jobs/default/j",
		    "{\"spec\":{\"completions\":3,\"template\":{\"metadata\":{\"labels\":{\"a\":"
		    "\"b\"}}}}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.template");
	EXPECT_AT(&f, a, "details.causes[1].field", "spec.completions");
	fake_fini(&f);
}

Test(job, that_waits_may_still_be_placed_elsewhere)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "jobs/default",
		"{\"metadata\":{\"name\":\"j\"},\"spec\":{\"suspend\":true,\"template\":{\"spec\":{"
		"\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}"
		"}");
	const char *a =
		fake_do(&f, OBJ_PATCH_MERGE, "jobs/default/j",
			"{\"spec\":{\"suspend\":false,\"template\":{\"spec\":{\"nodeSelector\":{"
			"\"a\":\"b\"}}}}}");
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "jobs/default/j",
		    "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"c\":\"d\"}}}}}");
	EXPECT_CODE(&f, 422, a);
	fake_fini(&f);
}

Test(statefulset, only_some_of_its_spec_changes)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "statefulsets/default",
		"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"serviceName\":\"x\"," SELECTOR
		"," TEMPLATE "}}");
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "statefulsets/default/s",
				"{\"spec\":{\"replicas\":3,\"minReadySeconds\":1}}");
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "statefulsets/default/s",
		    "{\"spec\":{\"serviceName\":\"y\"}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].reason", "FieldValueForbidden");
	fake_fini(&f);
}

Test(cronjob, time_zones_are_named_and_not_in_the_schedule)
{
	static const char *const rows[][2] = {
		{"\"timeZone\":\"Local\"",
		 "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone "
		 "as defined in https://www.iana.org/time-zones"},
		{"\"timeZone\":\"\"",
		 "spec.timeZone: Invalid value: \"\": must be nil or non-empty string"},
		{"\"timeZone\":\"not so\"",
		 "spec.timeZone: Invalid value: \"not so\": unknown time zone not so"},
		{"\"schedule\":\"TZ=UTC 0 0 * * *\"",
		 "spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use TZ or CRON_TZ in "
		 "schedule, use timeZone field instead"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *schedule =
			strstr(rows[i][0], "schedule") ? "" : ",\"schedule\":\"@daily\"";
		const char *a = fake_do(
			&f, OBJ_CREATE, "cronjobs/default",
			arena_printf(
				&f.arena,
				"{\"metadata\":{\"name\":\"c\"},\"spec\":{%s%s,\"jobTemplate\":{"
				"\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\","
				"\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}}}",
				rows[i][0], schedule));
		EXPECT_AT(&f, a, "message",
			  arena_printf(&f.arena, "CronJob.batch \"c\" is invalid: %s", rows[i][1]));
	}
	fake_fini(&f);
}

Test(pod_parts, ephemeral_containers_come_and_stay)
{
	static const char at[] = "pods/default/web/ephemeralcontainers";
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "pods/default", POD);
	const char *a =
		fake_do(&f, OBJ_PATCH_STRATEGIC, at,
			"{\"metadata\":{\"labels\":{\"no\":\"no\"}},\"spec\":{\"hostname\":\"x\","
			"\"ephemeralContainers\":[{\"name\":\"look\",\"image\":\"busybox\","
			"\"targetContainerName\":\"c\"}]}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.ephemeralContainers[0].imagePullPolicy", "Always");
	EXPECT_AT(&f, a, "spec.hostname", "");
	EXPECT_AT(&f, a, "metadata.labels", "");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	static const char *const rows[][2] = {
		{"{\"spec\":{\"ephemeralContainers\":[{\"name\":\"look\",\"$patch\":\"delete\"}]}}",
		 "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"look\" may "
		 "not "
		 "be removed\n"},
		{"{\"spec\":{\"ephemeralContainers\":[{\"name\":\"look\",\"image\":\"other\"}]}}",
		 "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"look\" may "
		 "not "
		 "be changed\n"},
		{"{\"spec\":{\"ephemeralContainers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
		 "spec.ephemeralContainers[0].name: Duplicate value: \"c\""},
		{"{\"spec\":{\"ephemeralContainers\":[{\"name\":\"p\",\"image\":\"i\",\"ports\":[{"
		 "\"containerPort\":1}]}]}}",
		 "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral "
		 "Container"},
		{"{\"spec\":{\"ephemeralContainers\":[{\"name\":\"p\",\"image\":\"i\","
		 "\"targetContainerName\":\"z\"}]}}",
		 "spec.ephemeralContainers[0].targetContainerName: Not found: \"z\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = fake_do(&f, OBJ_PATCH_STRATEGIC, at, rows[i][0]);
		EXPECT_AT(&f, a, "message",
			  arena_printf(&f.arena, "Pod \"web\" is invalid: %s", rows[i][1]));
	}
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/web",
		    "{\"spec\":{\"ephemeralContainers\":null}}");
	EXPECT_CODE(&f, 422, a);
	fake_fini(&f);
}

Test(pod_parts, resize_changes_cpu_and_memory_within_the_class)
{
	static const char at[] = "pods/default/p/resize";
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "pods/default",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
		"\"image\":"
		"\"i\",\"resources\":{\"requests\":{\"cpu\":\"100m\"}}}]}}");
	const char *a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
				"{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"other\","
				"\"resources\":{\"requests\":{\"cpu\":\"200m\"}}}]}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.containers[0].resources.requests.cpu", "200m");
	EXPECT_AT(&f, a, "spec.containers[0].image", "i");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
		    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{"
		    "\"ephemeral-storage\":\"1Gi\"}}}]}}");
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.containers[0].resources.requests");
	EXPECT_AT(&f, a, "details.causes[0].message",
		  "Forbidden: only cpu and memory resources are mutable");
	a = fake_do(&f, OBJ_PATCH_MERGE, at,
		    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{}}]}}");
	EXPECT_AT(&f, a, "details.causes[1].field", "status.qosClass");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, "pods/default/p",
		    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{"
		    "\"cpu\":\"300m\"}}}]}}");
	EXPECT_CODE(&f, 422, a);
	fake_fini(&f);
}

Test(pod_parts, resize_takes_nothing_away_and_leaves_init_containers)
{
	static const char at[] = "pods/default/p/resize";
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"i\"},"
		"{\"name\":\"s\",\"image\":\"i\",\"restartPolicy\":\"Always\"}],\"containers\":[{\"name\":\"c\","
		"\"image\":\"i\",\"resources\":{\"limits\":{\"memory\":\"2Gi\"},\"requests\":{\"cpu\":\"100m\"}}}]}}");
	EXPECT_CODE(&f, 201, a);
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
		    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"memory\":null}}}]}}");
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.containers[0].resources.limits");
	EXPECT_AT(&f, a, "details.causes[0].message", "Forbidden: resource limits cannot be removed");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
		    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":null}}}]}}");
	EXPECT_AT(&f, a, "details.causes[0].message", "Forbidden: resource requests cannot be removed");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
		    "{\"spec\":{\"initContainers\":[{\"name\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"1m\"}}}]}}");
	EXPECT_AT(&f, a, "details.causes[0].field", "spec.initContainers[0].resources");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, at,
		    "{\"spec\":{\"initContainers\":[{\"name\":\"s\",\"resources\":{\"requests\":{\"cpu\":\"1m\"}}}]}}");
	EXPECT_CODE(&f, 200, a);
	fake_fini(&f);
}

Test(pod_parts, resize_policies_are_checked)
{
	static const char *const rows[][2] = {
		{"{\"resourceName\":\"disk\",\"restartPolicy\":\"NotRequired\"}",
		 "Unsupported value: \"disk\": supported values: \"cpu\", \"memory\""},
		{"{\"resourceName\":\"cpu\",\"restartPolicy\":\"Sometimes\"}",
		 "Unsupported value: \"Sometimes\": supported values: \"NotRequired\", \"RestartContainer\""},
		{"{\"resourceName\":\"cpu\",\"restartPolicy\":\"RestartContainer\"}",
		 "Invalid value: \"RestartContainer\": must be 'NotRequired' when `restartPolicy` is 'Never'"},
		{"{\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"},{\"resourceName\":\"cpu\","
		 "\"restartPolicy\":\"NotRequired\"}", "Duplicate value: \"cpu\""},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = fake_do(&f, OBJ_CREATE, "pods/default",
			arena_printf(&f.arena, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"restartPolicy\":\"Never\","
				     "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resizePolicy\":[%s]}]}}",
				     rows[i][0]));
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "details.causes[0].message", rows[i][1]);
	}
	fake_fini(&f);
}

Test(rolebinding, keeps_its_role)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_UPDATE, "rolebindings/default/b",
			"{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"Role\",\"name\":"
			"\"r\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"u\"}]}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "roleRef.apiGroup", "rbac.authorization.k8s.io");
	EXPECT_AT(&f, a, "subjects[0].apiGroup", "rbac.authorization.k8s.io");
	a = fake_do(&f, OBJ_PATCH_MERGE, "rolebindings/default/b",
		    "{\"roleRef\":{\"name\":\"other\"}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(&f, a, "details.causes[0].field", "roleRef");
	fake_fini(&f);
}

Test(limitrange, a_container_gets_what_it_does_not_ask_for)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_CREATE, "limitranges/default",
			"{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[{\"type\":"
			"\"Container\",\"max\":{\"cpu\":\"2\"},\"min\":{\"memory\":\"1Mi\"}}]}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.limits[0].default", "{\"cpu\":\"2\"}");
	EXPECT_AT(&f, a, "spec.limits[0].defaultRequest", "{\"cpu\":\"2\",\"memory\":\"1Mi\"}");
	a = fake_do(
		&f, OBJ_CREATE, "limitranges/default",
		"{\"metadata\":{\"name\":\"m\"},\"spec\":{\"limits\":[{\"type\":\"Container\","
		"\"max\":{\"cpu\":\"3\"},\"min\":{\"cpu\":\"0\"},\"maxLimitRequestRatio\":{\"cpu\":"
		"\"2\"}}]}}");
	EXPECT_CODE(&f, 201, a); /* nothing can be divided by that */
	fake_fini(&f);
}

Test(persistentvolumeclaim, finds_its_volume_once_and_grows_when_bound)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "persistentvolumeclaims/default",
		"{\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
		"\"storageClassName\":\"s\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");
	const char *at = "persistentvolumeclaims/default/c";
	static const char larger_still[] =
		"{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"3Gi\"}}}}";
	static const char bigger[] =
		"{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}";
	EXPECT_CODE(&f, 200, fake_do(&f, OBJ_PATCH_MERGE, at, "{\"spec\":{\"volumeName\":\"v\"}}"));
	EXPECT_CODE(&f, 422, fake_do(&f, OBJ_PATCH_MERGE, at, "{\"spec\":{\"volumeName\":\"w\"}}"));
	EXPECT_CODE(&f, 422, fake_do(&f, OBJ_PATCH_MERGE, at, bigger));
	EXPECT_CODE(&f, 200,
		    fake_do(&f, OBJ_PATCH_MERGE, "persistentvolumeclaims/default/c/status",
			    "{\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}}"));
	EXPECT_CODE(&f, 403, fake_do(&f, OBJ_PATCH_MERGE, at, bigger)); /* no such class */
	fake_do(&f, OBJ_CREATE, "storageclasses", "{\"metadata\":{\"name\":\"s\"},\"provisioner\":\"p\"}");
	const char *answer = fake_do(&f, OBJ_PATCH_MERGE, at, bigger);
	EXPECT_CODE(&f, 403, answer);
	EXPECT_AT(&f, answer, "message",
		  "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized "
		  "and the storageclass that provisions the pvc must support resize");
	fake_do(&f, OBJ_PATCH_MERGE, "storageclasses/s", "{\"allowVolumeExpansion\":true}");
	EXPECT_CODE(&f, 200, fake_do(&f, OBJ_PATCH_MERGE, at, larger_still));
	EXPECT_CODE(&f, 200, fake_do(&f, OBJ_PATCH_MERGE, at, bigger)); /* given up, it is not there */
	EXPECT_CODE(&f, 422,
		    fake_do(&f, OBJ_PATCH_MERGE, at,
			    "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"));
	fake_fini(&f);
}
