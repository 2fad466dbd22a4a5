/* Pods: defaults, what is refused in which words, updates, binding, deletion. */
#include "fake_store.h"

Test(pod, create_fills_in_what_kubernetes_fills_in)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default", POD);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_eq(
		a,
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
		"\"namespace\":"
		"\"default\",\"uid\":\"0708090a-0b0c-4d0e-8f10-111213141516\",\"resourceVersion\":"
		"\"2048\","
		"\"generation\":1,\"creationTimestamp\":\"2026-11-24T10:00:00Z\"},\"spec\":{"
		"\"containers\":"
		"[{\"name\":\"c\",\"image\":\"nginx\",\"resources\":{},\"terminationMessagePath\":"
		"\"/dev/"
		"termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
		"\"Always\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
		"\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"default\","
		"\"serviceAccount\":"
		"\"default\",\"securityContext\":{},\"schedulerName\":\"default-scheduler\","
		"\"tolerations\":"
		"[{\"key\":\"node.kubernetes.io/"
		"not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","
		"\"tolerationSeconds\":300},{\"key\":\"node.kubernetes.io/"
		"unreachable\",\"operator\":"
		"\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}],\"priority\":0,"
		"\"enableServiceLinks\":true,\"preemptionPolicy\":\"PreemptLowerPriority\"},"
		"\"status\":"
		"{\"phase\":\"Pending\",\"qosClass\":\"BestEffort\"}}",
		"%s", a);
	cr_expect_str_eq(f.part, "", "an unbound pod is of no node");
	fake_fini(&f);
}

static const char *create(struct fake *f, const char *container, const char *spec)
{
	return fake_do(
		f, OBJ_CREATE, "pods/default",
		arena_printf(
			&f->arena,
			"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
			"\"image\":\"nginx\"%s}]%s}}",
			container, spec));
}

Test(pod, defaults_by_field)
{
	static const struct {
		const char *container, *spec, *path, *value;
	} rows[] = {
		{"", ",\"hostNetwork\":true", "spec.hostNetwork", "true"},
		{",\"ports\":[{\"containerPort\":80}]", "", "spec.containers[0].ports",
		 "[{\"containerPort\":80,\"protocol\":\"TCP\"}]"},
		{",\"ports\":[{\"containerPort\":80}]", ",\"hostNetwork\":true",
		 "spec.containers[0].ports",
		 "[{\"hostPort\":80,\"containerPort\":80,\"protocol\":\"TCP\"}]"},
		{",\"resources\":{\"limits\":{\"cpu\":\"0.5\",\"memory\":\"1024Mi\"}}", "",
		 "spec.containers[0].resources",
		 "{\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"500m\","
		 "\"memory\":"
		 "\"1Gi\"}}"},
		{",\"resources\":{\"limits\":{\"cpu\":1,\"memory\":\"1Gi\"}}", "",
		 "status.qosClass", "Guaranteed"},
		{",\"resources\":{\"requests\":{\"cpu\":1}}", "", "status.qosClass", "Burstable"},
		{",\"resources\":{\"requests\":{\"cpu\":\"200m\",\"ephemeral-storage\":\"1Gi\"}}", ",\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}",
		 "spec.resources", "{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"200m\",\"memory\":\"1Gi\"}}"},
		{"", ",\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}",
		 "status.qosClass", "Guaranteed"},
		{",\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}", ",\"resources\":{\"requests\":{\"cpu\":\"2\",\"memory\":\"2Gi\"}}",
		 "status.qosClass", "Burstable"},
		{",\"resources\":{\"requests\":{\"ephemeral-storage\":\"1Gi\"},\"limits\":{\"hugepages-2Mi\":\"4Mi\",\"cpu\":\"1\"}}", ",\"resources\":{\"requests\":{\"cpu\":\"2\"}}",
		 "spec.resources", "{\"limits\":{\"hugepages-2Mi\":\"4Mi\"},\"requests\":{\"cpu\":\"2\",\"hugepages-2Mi\":\"4Mi\"}}"},
		{",\"livenessProbe\":{\"httpGet\":{\"port\":80}}", "",
		 "spec.containers[0].livenessProbe",
		 "{\"httpGet\":{\"path\":\"/"
		 "\",\"port\":80,\"scheme\":\"HTTP\"},\"timeoutSeconds\":1,"
		 "\"periodSeconds\":10,\"successThreshold\":1,\"failureThreshold\":3}"},
		{",\"readinessProbe\":{\"grpc\":{\"port\":80}}", "",
		 "spec.containers[0].readinessProbe.grpc", "{\"port\":80,\"service\":\"\"}"},
		{",\"lifecycle\":{\"preStop\":{\"httpGet\":{\"port\":1}}}", "",
		 "spec.containers[0].lifecycle.preStop.httpGet.scheme", "HTTP"},
		{",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata."
		 "name\"}}}]",
		 "", "spec.containers[0].env[0].valueFrom.fieldRef.apiVersion", "v1"},
		{"", ",\"volumes\":[{\"name\":\"v\"}]", "spec.volumes",
		 "[{\"name\":\"v\",\"emptyDir\":{}}]"},
		{"", ",\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"m\"}}]",
		 "spec.volumes[0].configMap.defaultMode", "420"},
		{"", ",\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]",
		 "spec.volumes[0].hostPath", "{\"path\":\"/x\",\"type\":\"\"}"},
		{"",
		 ",\"volumes\":[{\"name\":\"v\",\"projected\":{\"sources\":[{"
		 "\"serviceAccountToken\":"
		 "{\"path\":\"t\"}}]}}]",
		 "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds",
		 "3600"},
		{"", ",\"serviceAccount\":\"old\"", "spec.serviceAccountName", "old"},
		{"", ",\"serviceAccountName\":\"new\",\"serviceAccount\":\"old\"",
		 "spec.serviceAccount", "new"},
		{"", ",\"terminationGracePeriodSeconds\":-5", "spec.terminationGracePeriodSeconds",
		 "1"},
		{"", ",\"terminationGracePeriodSeconds\":0", "spec.terminationGracePeriodSeconds",
		 "0"},
		{"", ",\"priorityClassName\":\"system-node-critical\"", "spec.priority",
		 "2000001000"},
		{"", ",\"tolerations\":[{\"operator\":\"Exists\"}]", "spec.tolerations",
		 "[{\"operator\":\"Exists\"}]"},
		{"", ",\"enableServiceLinks\":false", "spec.enableServiceLinks", "false"},
		{"", ",\"schedulingGates\":[{\"name\":\"a.b/c\"}]", "status.conditions[0].reason",
		 "SchedulingGated"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = create(&f, rows[i].container, rows[i].spec);
		EXPECT_CODE(&f, 201, a);
		EXPECT_AT(&f, a, rows[i].path, rows[i].value);
		fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":0}");
	}
	fake_fini(&f);
}

Test(pod, pull_policy_follows_the_tag)
{
	static const struct {
		const char *image, *policy;
	} rows[] = {
		{"nginx", "Always"}, {"nginx:latest", "Always"}, {"nginx:1.27", "IfNotPresent"},
		{"host:5000/nginx", "Always"}, {"host:5000/a/nginx:2", "IfNotPresent"},
		{"nginx@sha256:0123", "IfNotPresent"}, {"nginx:latest@sha256:0123", "IfNotPresent"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a =
			create(&f, arena_printf(&f.arena, ",\"image\":\"%s\"", rows[i].image), "");
		EXPECT_AT(&f, a, "spec.containers[0].imagePullPolicy", rows[i].policy);
		fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	}
	fake_fini(&f);
}

Test(pod, is_refused_in_kubernetes_words)
{
	static const struct {
		const char *container, *spec, *why;
	} rows[] = {
		{",\"name\":\"\"", "", "spec.containers[0].name: Required value"},
		{",\"image\":\"\"", "", "spec.containers[0].image: Required value"},
		{",\"image\":\" x\"", "",
		 "spec.containers[0].image: Invalid value: \" x\": must not have "
		 "leading or trailing whitespace"},
		{",\"name\":\"a.b\"", "",
		 "spec.containers[0].name: Invalid value: \"a.b\": must not contain "
		 "dots"},
		{"},{\"name\":\"c\",\"image\":\"i\"", "",
		 "spec.containers[1].name: Duplicate value: \"c\""},
		{"", ",\"containers\":[]", "spec.containers: Required value"},
		{"", ",\"restartPolicy\":\"Sometimes\"",
		 "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: "
		 "\"Always\", "
		 "\"OnFailure\", \"Never\""},
		{"", ",\"dnsPolicy\":\"X\"",
		 "spec.dnsPolicy: Unsupported value: \"X\": supported values: "
		 "\"ClusterFirstWithHostNet\", "
		 "\"ClusterFirst\", \"Default\", \"None\""},
		{",\"imagePullPolicy\":\"X\"", "",
		 "spec.containers[0].imagePullPolicy: Unsupported value: \"X\": supported values: "
		 "\"Always\", "
		 "\"IfNotPresent\", \"Never\""},
		{",\"terminationMessagePolicy\":\"X\"", "",
		 "spec.containers[0].terminationMessagePolicy: Unsupported value: \"X\": supported "
		 "values: "
		 "\"File\", \"FallbackToLogsOnError\""},
		{",\"ports\":[{\"containerPort\":70000}]", "",
		 "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between "
		 "1 and "
		 "65535, inclusive"},
		{",\"ports\":[{\"name\":\"x\"}]", "",
		 "spec.containers[0].ports[0].containerPort: Required value"},
		{",\"ports\":[{\"containerPort\":1,\"protocol\":\"X\"}]", "",
		 "spec.containers[0].ports[0].protocol: Unsupported value: \"X\": supported "
		 "values: \"SCTP\", "
		 "\"TCP\", \"UDP\""},
		{",\"ports\":[{\"containerPort\":1,\"name\":\"x\"},{\"containerPort\":2,\"name\":"
		 "\"x\"}]",
		 "", "spec.containers[0].ports[1].name: Duplicate value: \"x\""},
		{",\"ports\":[{\"containerPort\":1,\"hostPort\":8},{\"containerPort\":2,"
		 "\"hostPort\":8}]",
		 "", "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//8\""},
		{",\"env\":[{\"name\":\"\"}]", "",
		 "spec.containers[0].env[0].name: Required value"},
		{",\"env\":[{\"name\":\"A=\"}]", "",
		 "spec.containers[0].env[0].name: Invalid value: \"A=\": a valid environment "
		 "variable name "
		 "must consist only of printable ASCII characters other than '='"},
		{",\"env\":[{\"name\":\"A\",\"valueFrom\":{}}]", "",
		 "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: "
		 "`fieldRef`, "
		 "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"},
		{",\"env\":[{\"name\":\"A\",\"value\":\"x\",\"valueFrom\":{\"fieldRef\":{"
		 "\"fieldPath\":"
		 "\"metadata.name\"}}}]",
		 "",
		 "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified "
		 "when `value` "
		 "is not empty"},
		{",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/x\"}]", "",
		 "spec.containers[0].volumeMounts[0].name: Not found: \"v\""},
		{",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/"
		 "x\"},{\"name\":\"v\",\"mountPath\":"
		 "\"/x\"}]",
		 ",\"volumes\":[{\"name\":\"v\"}]",
		 "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be "
		 "unique"},
		{"", ",\"volumes\":[{\"name\":\"v\"},{\"name\":\"v\"}]",
		 "spec.volumes[1].name: Duplicate value: \"v\""},
		{"",
		 ",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{},\"configMap\":{\"name\":\"x\"}}]",
		 "spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type"},
		{"", ",\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"\"}}]",
		 "spec.volumes[0].hostPath.path: Required value"},
		{",\"resources\":{\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"2\"}}", "",
		 "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than "
		 "or equal to "
		 "cpu limit of 1"},
		{",\"resources\":{\"limits\":{\"cpu\":\"-1\"}}", "",
		 "spec.containers[0].resources.limits[cpu]: Invalid value: \"-1\": must be greater "
		 "than or "
		 "equal to 0, spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": "
		 "must be "
		 "greater than or equal to 0"},
		{",\"resources\":{\"limits\":{\"gold\":\"1\"},\"requests\":{\"gold\":\"1\"}}", "",
		 "spec.containers[0].resources.limits[gold]: Invalid value: \"gold\": must be a "
		 "standard "
		 "resource for containers, spec.containers[0].resources.requests[gold]: Invalid "
		 "value: "
		 "\"gold\": must be a standard resource for containers"},
		{",\"resources\":{\"requests\":{\"x.y/gpu\":\"1\"}}", "",
		 "spec.containers[0].resources.limits: Required value: Limit must be set for non "
		 "overcommitable resources"},
		{",\"livenessProbe\":{}", "",
		 "spec.containers[0].livenessProbe: Required value: must specify a handler type"},
		{",\"livenessProbe\":{\"exec\":{\"command\":[\"x\"]},\"successThreshold\":2}", "",
		 "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"},
		{",\"readinessProbe\":{\"httpGet\":{\"port\":0}}", "",
		 "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be "
		 "between 1 and "
		 "65535, inclusive"},
		{",\"readinessProbe\":{\"tcpSocket\":{\"port\":\"a--b\"},\"periodSeconds\":-1}", "",
		 "spec.containers[0].readinessProbe.tcpSocket.port: Invalid value: \"a--b\": must "
		 "not contain "
		 "consecutive hyphens, spec.containers[0].readinessProbe.periodSeconds: Invalid "
		 "value: -1: "
		 "must be greater than or equal to 0"},
		{"", ",\"initContainers\":[{\"name\":\"i\",\"image\":\"x\",\"livenessProbe\":{}}]",
		 "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init "
		 "containers without "
		 "restartPolicy=Always"},
		{",\"volumeDevices\":[{\"name\":\"v\",\"devicePath\":\"/dev/x\"}]", ",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]",
		 "spec.containers[0].volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"},
		{",\"volumeDevices\":[{\"name\":\"v\"}]", "",
		 "spec.containers[0].volumeDevices[0].name: Not found: \"v\", spec.containers[0].volumeDevices[0].devicePath: Required value"},
		{",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}],\"volumeDevices\":[{\"name\":\"v\",\"devicePath\":\"/dev/x\"}]", ",\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"x\"}}]",
		 "spec.containers[0].volumeDevices[0].name: Invalid value: \"v\": must not already exist in volumeMounts"},
		{",\"securityContext\":{\"seccompProfile\":{\"type\":\"Localhost\"}}", "",
		 "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"},
		{",\"securityContext\":{\"seccompProfile\":{\"type\":\"Localhost\",\"localhostProfile\":\"../x\"}}", "",
		 "spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: \"../x\": must not contain '..'"},
		{",\"securityContext\":{\"procMount\":\"Unmasked\"}", "",
		 "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`"},
		{"", ",\"securityContext\":{\"seccompProfile\":{\"type\":\"Nope\"}}",
		 "spec.securityContext.seccompProfile.type: Unsupported value: \"Nope\": supported values: \"Localhost\", \"RuntimeDefault\", \"Unconfined\""},
		{"", ",\"hostPID\":true,\"shareProcessNamespace\":true",
		 "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"},
		{"", ",\"dnsPolicy\":\"None\"",
		 "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"},
		{"", ",\"dnsPolicy\":\"None\",\"dnsConfig\":{\"searches\":[\"a\"]}",
		 "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"},
		{"", ",\"dnsConfig\":{\"nameservers\":[\"1.1.1.1\",\"2.2.2.2\",\"3.3.3.3\",\"4.4.4.4\"]}",
		 "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"2.2.2.2\",\"3.3.3.3\",\"4.4.4.4\"]: must not have more than 3 nameservers"},
		{"", ",\"dnsConfig\":{\"nameservers\":[\"ns\"],\"options\":[{\"name\":\"a\"},{\"value\":\"1\"}]}",
		 "spec.dnsConfig.nameservers[0]: Invalid value: \"ns\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), spec.dnsConfig.options[1]: Required value: must not be empty"},
		{"", ",\"hostAliases\":[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"a\"]},{\"ip\":\"x\",\"hostnames\":[\"b\"]}]",
		 "spec.hostAliases[1].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"},
		{"", ",\"initContainers\":[{\"name\":\"c\",\"image\":\"x\"}]",
		 "spec.initContainers[0].name: Duplicate value: \"c\""},
		{"", ",\"activeDeadlineSeconds\":0",
		 "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, "
		 "inclusive"},
		{"", ",\"hostname\":\"A\"",
		 "spec.hostname: Invalid value: \"A\": a lowercase RFC 1123 label "
		 "must consist of lower case alphanumeric characters or '-', and must start and "
		 "end with an "
		 "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
		 "is "
		 "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
		{"",
		 ",\"tolerations\":[{\"operator\":\"Exists\",\"effect\":\"NoSchedule\","
		 "\"tolerationSeconds\":5}]",
		 "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be "
		 "'NoExecute' when "
		 "`tolerationSeconds` is set"},
		{"",
		 ",\"affinity\":{\"podAffinity\":{"
		 "\"requiredDuringSchedulingIgnoredDuringExecution\":"
		 "[{}]}}",
		 "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]."
		 "topologyKey: "
		 "Required value: can not be empty, spec.affinity.podAffinity."
		 "requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "
		 "\"\": name part must be non-empty"},
		{"",
		 ",\"affinity\":{\"nodeAffinity\":{"
		 "\"requiredDuringSchedulingIgnoredDuringExecution\":"
		 "{}}}",
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms"
		 ": Required value: must have at least one node selector term"},
		{"",
		 ",\"topologySpreadConstraints\":[{\"maxSkew\":0,\"topologyKey\":\"z\","
		 "\"whenUnsatisfiable\":\"X\"}]",
		 "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater "
		 "than zero, "
		 "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"X\": "
		 "supported "
		 "values: \"DoNotSchedule\", \"ScheduleAnyway\""},
		{"", ",\"nodeSelector\":{\"a b\":\"c\"}",
		 "spec.nodeSelector: Invalid value: \"a b\": name part must consist of "
		 "alphanumeric "
		 "characters, '-', '_' or '.', and must start and end with an alphanumeric "
		 "character (e.g. "
		 "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
		 "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
		{"", ",\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"i\"}]",
		 "spec.ephemeralContainers: Forbidden: cannot be set on create"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = create(&f, rows[i].container, rows[i].spec);
		const char *many = strstr(rows[i].why, ", spec.") ? "[" : "";
		const char *want = arena_printf(&f.arena, "Pod \"p\" is invalid: %s%s%s", many,
						rows[i].why, *many ? "]" : "");
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "message", want);
		EXPECT_AT(&f, a, "details.kind", "Pod");
	}
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

Test(pod, invalid_status_names_each_cause)
{
	struct fake f;
	fake_init(&f);
	const char *a = create(&f, ",\"image\":\"\"", ",\"restartPolicy\":\"X\"");
	EXPECT_AT(&f, a, "reason", "Invalid");
	EXPECT_AT(
		&f, a, "details.causes",
		"[{\"reason\":\"FieldValueRequired\",\"message\":\"Required value\",\"field\":"
		"\"spec.containers[0].image\"},{\"reason\":\"FieldValueNotSupported\",\"message\":"
		"\"Unsupported value: \\\"X\\\": supported values: \\\"Always\\\", "
		"\\\"OnFailure\\\", "
		"\\\"Never\\\"\",\"field\":\"spec.restartPolicy\"}]");
	fake_fini(&f);
}

Test(pod, status_of_a_client_is_dropped_on_create_and_on_update)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_CREATE, "pods/default",
			"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
			"\"image\":"
			"\"i\"}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"1.2.3.4\"}}");
	EXPECT_AT(&f, a, "status", "{\"phase\":\"Pending\",\"qosClass\":\"BestEffort\"}");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{\"status\":{\"phase\":\"Failed\"}}");
	EXPECT_AT(&f, a, "status.phase", "Pending");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p/status",
		    "{\"status\":{\"phase\":\"Running\"},\"spec\":{\"nodeName\":\"x\"},"
		    "\"metadata\":{\"labels\":"
		    "{\"a\":\"b\"}}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "status", "{\"phase\":\"Running\",\"qosClass\":\"BestEffort\"}");
	EXPECT_AT(&f, a, "spec.nodeName", "");
	EXPECT_AT(&f, a, "metadata.labels.a", "b");
	EXPECT_AT(&f, a, "metadata.generation", "1");
	fake_fini(&f);
}

Test(pod, put_of_a_status_keeps_the_metadata_that_it_leaves_out)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", "");
	fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p",
		"{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"d\"},"
		"\"finalizers\":[\"e.f/g\"]}}");
	const char *a =
		fake_do(&f, OBJ_UPDATE, "pods/default/p/status",
			"{\"metadata\":{\"name\":\"p\"},\"status\":{\"phase\":\"Running\"}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.labels.a", "b");
	EXPECT_AT(&f, a, "metadata.annotations.c", "d");
	EXPECT_AT(&f, a, "metadata.finalizers", "[\"e.f/g\"]");
	EXPECT_AT(&f, a, "spec.containers[0].image", "nginx");
	a = fake_do(&f, OBJ_UPDATE, "pods/default/p/status",
		    "{\"metadata\":{\"name\":\"p\",\"labels\":{\"x\":\"y\"}},\"status\":{}}");
	EXPECT_AT(&f, a, "metadata.labels", "{\"x\":\"y\"}");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p/status",
		    "{\"metadata\":{\"labels\":null}}");
	EXPECT_AT(&f, a, "metadata.labels", "");
	fake_fini(&f);
}

Test(pod, update_may_change_image_deadline_and_tolerations_only)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"activeDeadlineSeconds\":100");
	const char *a = fake_do(&f, OBJ_PATCH_STRATEGIC, "pods/default/p",
				"{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"new:1\"}],"
				"\"activeDeadlineSeconds\":50}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.containers[0].image", "new:1");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	a = fake_do(&f, OBJ_PATCH_JSON, "pods/default/p",
		    "[{\"op\":\"add\",\"path\":\"/spec/tolerations/"
		    "-\",\"value\":{\"key\":\"x\",\"operator\":"
		    "\"Exists\"}}]");
	EXPECT_CODE(&f, 200, a);
	static const struct {
		const char *patch, *why;
	} rows[] = {
		{"{\"spec\":{\"activeDeadlineSeconds\":60}}",
		 "Pod \"p\" is invalid: spec.activeDeadlineSeconds: Invalid value: 60: must be "
		 "less than or "
		 "equal to previous value"},
		{"{\"spec\":{\"activeDeadlineSeconds\":null}}",
		 "Pod \"p\" is invalid: spec.activeDeadlineSeconds: Invalid value: null: must not "
		 "update from "
		 "a positive integer to nil value"},
		{"{\"spec\":{\"tolerations\":[]}}",
		 "Pod \"p\" is invalid: spec.tolerations: Forbidden: existing toleration can not "
		 "be modified "
		 "except its tolerationSeconds"},
		{"{\"spec\":{\"containers\":[]}}", "Pod \"p\" is invalid: spec.containers: "
						   "Forbidden: pod updates may not add or remove "
						   "containers"},
		{"{\"spec\":{\"nodeName\":\"n9\"}}",
		 "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other "
		 "than "
		 "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec."
		 "activeDeadlineSeconds`,"
		 "`spec.tolerations` (only additions to existing tolerations),"
		 "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
		 "previously "
		 "negative)\n+ nodeName: \"n9\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", rows[i].patch);
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "message", rows[i].why);
	}
	fake_fini(&f);
}

Test(pod, binding_gives_it_a_node_once)
{
	static const char body[] =
		"{\"metadata\":{\"name\":\"p\",\"annotations\":{\"x\":\"y\"}},\"target\":"
		"{\"kind\":\"Node\",\"name\":\"n1\"}}";
	struct fake f;
	fake_init(&f);
	create(&f, "", "");
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default/p/binding", body);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_eq(a, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
			    "\"Success\",\"code\":201}");
	cr_expect_str_eq(f.part, "n1", "its events are that node's now");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{}");
	EXPECT_AT(&f, a, "spec.nodeName", "n1");
	EXPECT_AT(&f, a, "metadata.annotations.x", "y");
	EXPECT_AT(&f, a, "status.conditions",
		  "[{\"type\":\"PodScheduled\",\"status\":\"True\",\"lastProbeTime\":null,"
		  "\"lastTransitionTime\":\"2026-11-24T10:00:00Z\"}]");
	a = fake_do(&f, OBJ_CREATE, "pods/default/p/binding", body);
	EXPECT_CODE(&f, 409, a);
	EXPECT_AT(&f, a, "message",
		  "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned "
		  "to node "
		  "\"n1\"");
	a = fake_do(&f, OBJ_CREATE, "pods/default/none/binding",
		    "{\"metadata\":{\"name\":\"none\"},\"target\":{\"name\":\"n1\"}}");
	EXPECT_CODE(&f, 404, a);
	fake_fini(&f);
}

Test(pod, a_binding_names_its_pod_and_a_node)
{
	static const struct {
		const char *path, *body, *message;
		int code;
	} rows[] = {
		{"p/binding", "{\"target\":{\"name\":\"n1\"}}",
		 "name in URL does not match name in Binding object", 400},
		{"p/binding", "{\"metadata\":{\"name\":\"q\"},\"target\":{\"name\":\"n1\"}}",
		 "name in URL does not match name in Binding object", 400},
		{"none/binding", "{\"metadata\":{\"name\":\"q\"},\"target\":{\"name\":\"n1\"}}",
		 "name in URL does not match name in Binding object", 400},
		{"p/binding", "{\"metadata\":{\"name\":\"p\"}}", "target.name: Required value", 500},
		{"p/binding", "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\"}}",
		 "target.name: Required value", 500},
		{"p/binding",
		 "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Machine\",\"name\":\"n1\"}}",
		 "target.kind: Unsupported value: \"Machine\": supported values: \"Node\", \"<empty>\"", 500},
		{"p/binding", "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n1\"}}",
		 "Pod in version \"v1\" cannot be handled as a Binding: no kind \"Pod\" is known for this "
		 "resource", 400},
		{"p/binding",
		 "{\"apiVersion\":\"v2\",\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n1\"}}",
		 "the API version in the data (v2) does not match the expected API version (v1)", 400},
		{"p/eviction", "{}", "name in URL does not match name in Eviction object", 400},
		{"p/eviction", "{\"metadata\":{\"name\":\"q\"}}",
		 "name in URL does not match name in Eviction object", 400},
		{"p/eviction", "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}}",
		 "Pod in version \"v1\" cannot be handled as a Eviction: no kind \"Pod\" is known for this "
		 "resource", 400},
		{"p/eviction", "{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"}}",
		 "the API version in the data (v1) does not match the expected API version (policy/v1)", 400},
	};
	struct fake f;
	fake_init(&f);
	create(&f, "", "");
	int writes = f.writes;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[64];
		snprintf(path, sizeof path, "pods/default/%s", rows[i].path);
		const char *a = fake_do(&f, OBJ_CREATE, path, rows[i].body);
		EXPECT_CODE(&f, rows[i].code, a);
		EXPECT_AT(&f, a, "message", rows[i].message);
	}
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(pod, binding_of_one_that_was_deleted_or_made_again_is_a_conflict)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"schedulingGates\":[{\"name\":\"a.b/c\"}]");
	const char *a =
		fake_do(&f, OBJ_CREATE, "pods/default/p/binding",
			"{\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n1\"}}");
	EXPECT_CODE(&f, 409, a);
	EXPECT_AT(&f, a, "message",
		  "Operation cannot be fulfilled on pods/binding \"p\": pod p has non-empty "
		  ".spec.schedulingGates");
	a = fake_do(&f, OBJ_CREATE, "pods/default/p/binding",
		    "{\"metadata\":{\"name\":\"p\",\"uid\":\"other\"},\"target\":{\"name\":\"n1\"}}");
	EXPECT_CODE(&f, 409, a);
	fake_fini(&f);
}

Test(pod, unbound_or_ended_pods_are_deleted_at_once)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", "");
	const char *a = fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	EXPECT_CODE(&f, 200, a);
	cr_expect(f.deleted);
	EXPECT_AT(&f, a, "kind", "Pod");
	create(&f, "", ",\"nodeName\":\"n1\"");
	fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p/status",
		"{\"status\":{\"phase\":\"Succeeded\"}}");
	fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	cr_expect(f.deleted);
	fake_fini(&f);
}

Test(pod, bound_pods_wait_for_their_node_and_grace_only_shrinks)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"nodeName\":\"n1\"");
	cr_expect_str_eq(f.part, "n1");
	const char *a = fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	cr_expect_not(f.deleted);
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:30Z");
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "30");
	EXPECT_AT(&f, a, "metadata.generation", "2");
	int writes = f.writes;
	fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":60}");
	cr_expect_eq(f.writes, writes, "nothing changes");
	a = fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":10}");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:10Z");
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "10");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p",
		    "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:10Z");
	cr_expect_not(f.deleted);
	fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":0}");
	cr_expect(f.deleted);
	fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	cr_expect_eq(f.code, 404);
	fake_fini(&f);
}

Test(pod, a_grace_beyond_all_reason_is_cut)
{
	struct fake f;
	fake_init(&f);
	create(&f, "",
	       ",\"nodeName\":\"n1\",\"terminationGracePeriodSeconds\":9223372036854775807");
	const char *a = fake_do(&f, OBJ_DELETE, "pods/default/p",
				"{\"gracePeriodSeconds\":9223372036854775807}");
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "2000000000");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2090-04-10T13:33:20Z");
	a = fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":30}");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:30Z");
	fake_fini(&f);
}

Test(pod, finalizers_outlive_the_grace_period)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"nodeName\":\"n1\"");
	fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p",
		"{\"metadata\":{\"finalizers\":[\"a.b/c\"]}}");
	fake_do(&f, OBJ_DELETE, "pods/default/p", NULL);
	const char *a = fake_do(&f, OBJ_DELETE, "pods/default/p", "{\"gracePeriodSeconds\":0}");
	cr_expect_not(f.deleted);
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "0");
	fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{\"metadata\":{\"finalizers\":null}}");
	cr_expect(f.deleted);
	fake_fini(&f);
}

Test(pod, eviction_is_a_deletion_with_another_answer)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"nodeName\":\"n1\"");
	const char *a =
		fake_do(&f, OBJ_CREATE, "pods/default/p/eviction",
			"{\"kind\":\"Eviction\",\"metadata\":{\"name\":\"p\"},\"deleteOptions\":{\"gracePeriodSeconds\":5}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "status", "Success");
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{}");
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "5");
	a = fake_do(&f, OBJ_CREATE, "pods/default/p/eviction",
		    "{\"metadata\":{\"name\":\"p\"},\"deleteOptions\":{\"preconditions\":{\"uid\":\"x\"}}}");
	EXPECT_CODE(&f, 409, a);
	fake_fini(&f);
}

/* The namespace's list names the budget: a view without it is behind. */
Test(pod, eviction_asks_a_budget_that_its_view_does_not_show_yet)
{
	struct fake f;
	fake_init(&f);
	create(&f, "", ",\"nodeName\":\"n1\"");
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{\"metadata\":{\"labels\":{\"app\":\"web\"}}}");
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p/status", "{\"status\":{\"phase\":\"Running\"}}");
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_CREATE, "poddisruptionbudgets/default",
		    "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}");
	EXPECT_CODE(&f, 201, a);
	f.behind = true;
	a = fake_do(&f, OBJ_CREATE, "pods/default/p/eviction", "{\"metadata\":{\"name\":\"p\"}}");
	EXPECT_CODE(&f, 429, a);
	f.behind = false;
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/p", "{}");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "");
	fake_fini(&f);
}

Test(pod, priority_is_that_of_its_class)
{
	struct fake f;
	fake_init(&f);
	const char *a = create(&f, "", ",\"priorityClassName\":\"gold\"");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "pods \"p\" is forbidden: no PriorityClass with name gold was found");
	fake_do(&f, OBJ_CREATE, "priorityclasses",
		"{\"metadata\":{\"name\":\"gold\"},\"value\":1000,\"preemptionPolicy\":\"Never\"}");
	EXPECT_CODE(&f, 201, "");
	a = create(&f, "", ",\"priorityClassName\":\"gold\"");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.priority", "1000");
	EXPECT_AT(&f, a, "spec.preemptionPolicy", "Never");
	/* A view that has not seen the class yet is corrected by the store. */
	f.behind = true;
	a = create(&f, "", ",\"priorityClassName\":\"gold\"");
	EXPECT_CODE(&f, 409, a);
	f.behind = false;
	a = create(&f, "", ",\"priorityClassName\":\"gold\",\"priority\":7");
	EXPECT_CODE(&f, 422, a);
	fake_fini(&f);
}

Test(pod, runtime_class_is_there_and_writes_its_costs_and_places)
{
	struct fake f;
	fake_init(&f);
	const char *a = create(&f, "", ",\"runtimeClassName\":\"safe\"");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message", "pods \"p\" is forbidden: pod rejected: RuntimeClass \"safe\" not found");
	a = create(&f, "", ",\"overhead\":{\"cpu\":\"1\"}");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "pods \"p\" is forbidden: pod rejected: Pod Overhead set without corresponding "
		  "RuntimeClass defined Overhead");
	a = fake_do(&f, OBJ_CREATE, "runtimeclasses",
		"{\"metadata\":{\"name\":\"safe\"},\"handler\":\"runsc\",\"overhead\":{\"podFixed\":{\"memory\":"
		"\"64Mi\"}},\"scheduling\":{\"nodeSelector\":{\"vm\":\"yes\"},\"tolerations\":["
		"{\"key\":\"vm\",\"operator\":\"Exists\"},{\"key\":\"own\",\"operator\":\"Exists\"}]}}");
	EXPECT_CODE(&f, 201, a);
	a = create(&f, "", ",\"runtimeClassName\":\"safe\",\"overhead\":{\"memory\":\"65Mi\"}");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "pods \"p\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's "
		  "defined Overhead");
	a = create(&f, "", ",\"runtimeClassName\":\"safe\",\"nodeSelector\":{\"vm\":\"no\"}");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "pods \"p\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; "
		  "pod.spec.nodeSelector[vm] = no");
	/* What the class tolerates covers what the pod does, and the other way round. */
	a = create(&f, "",
		   ",\"runtimeClassName\":\"safe\",\"overhead\":{\"memory\":\"65536Ki\"},\"nodeSelector\":"
		   "{\"a\":\"b\"},\"tolerations\":[{\"key\":\"vm\",\"operator\":\"Equal\",\"value\":\"x\"},"
		   "{\"key\":\"own\",\"operator\":\"Exists\"}]");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.overhead", "{\"memory\":\"64Mi\"}");
	EXPECT_AT(&f, a, "spec.nodeSelector", "{\"a\":\"b\",\"vm\":\"yes\"}");
	EXPECT_AT(&f, a, "spec.tolerations[0]", "{\"key\":\"own\",\"operator\":\"Exists\"}");
	EXPECT_AT(&f, a, "spec.tolerations[3]", "{\"key\":\"vm\",\"operator\":\"Exists\"}");
	fake_fini(&f);
}

#define VOLUME(source) ",\"volumes\":[{\"name\":\"v\"," source "}]"
#define ITEM(path) "\"items\":[{\"key\":\"k\",\"path\":\"" path "\"}]"
#define PROJECTED(sources) VOLUME("\"projected\":{\"sources\":[" sources "]}")

Test(pod, files_of_volumes_are_checked)
{
	static const struct {
		const char *spec, *field, *message;
	} rows[] = {
		{VOLUME("\"configMap\":{\"name\":\"m\"," ITEM("../x") "}"), "spec.volumes[0].configMap.items[0].path",
		 "Invalid value: \"../x\": must not contain '..'"},
		{VOLUME("\"secret\":{\"secretName\":\"m\"," ITEM("..x") "}"), "spec.volumes[0].secret.items[0].path",
		 "Invalid value: \"..x\": must not start with '..'"},
		{VOLUME("\"configMap\":{\"name\":\"m\",\"defaultMode\":512}"), "spec.volumes[0].configMap.defaultMode",
		 "Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"},
		{VOLUME("\"downwardAPI\":{\"items\":[{\"path\":\"p\"}]}"), "spec.volumes[0].downwardAPI",
		 "Required value: one of fieldRef and resourceFieldRef is required"},
		{VOLUME("\"downwardAPI\":{\"items\":[{\"path\":\"p\",\"fieldRef\":{\"fieldPath\":\"status.phase\"}}]}"),
		 "spec.volumes[0].downwardAPI.fieldRef.fieldPath",
		 "Unsupported value: \"status.phase\": supported values: \"metadata.annotations\", "
		 "\"metadata.labels\", \"metadata.name\", \"metadata.namespace\", \"metadata.uid\""},
		{PROJECTED("{\"configMap\":{\"name\":\"a\"," ITEM("p") "}},{\"secret\":{\"name\":\"b\"," ITEM("p") "}}"),
		 "spec.volumes[0].projected", "Invalid value: \"b\": conflicting duplicate paths"},
		{PROJECTED("{\"configMap\":{\"name\":\"a\"," ITEM("token") "}},{\"serviceAccountToken\":{\"path\":"
			   "\"token\"}}"),
		 "spec.volumes[0].projected", "Invalid value: \"token\": conflicting duplicate paths"},
		{PROJECTED("{\"serviceAccountToken\":{\"path\":\"t\",\"expirationSeconds\":60}}"),
		 "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds",
		 "Invalid value: 60: may not specify a duration less than 10 minutes"},
		{PROJECTED("{\"configMap\":{}}"), "spec.volumes[0].projected.sources[0].configMap.name", "Required value"},
		{PROJECTED("{\"configMap\":{\"name\":\"a\"},\"secret\":{\"name\":\"b\"}}"),
		 "spec.volumes[0].projected.sources[0]", "Forbidden: may not specify more than 1 volume type"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = create(&f, "", rows[i].spec);
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "details.causes[0].field", rows[i].field);
		EXPECT_AT(&f, a, "details.causes[0].message", rows[i].message);
	}
	const char *a = create(&f, "", PROJECTED("{\"configMap\":{\"name\":\"a\"," ITEM("p") "}},{\"configMap\":{\"name\":\"a\","
						ITEM("q") "}},{\"downwardAPI\":{\"items\":[{\"path\":\"n\",\"fieldRef\":{"
						"\"fieldPath\":\"metadata.labels['a']\"}}]}}"));
	EXPECT_CODE(&f, 201, a);
	fake_fini(&f);
}

#define ARMOR(profile) ",\"securityContext\":{\"appArmorProfile\":{" profile "}}"

Test(pod, apparmor_is_checked_and_taken_from_annotations)
{
	static const char *const rows[][2] = {
		{ARMOR(""), "Required value: type is required when appArmorProfile is set"},
		{ARMOR("\"type\":\"Strict\""), "Unsupported value: \"Strict\": supported values: \"Localhost\", "
						 "\"RuntimeDefault\", \"Unconfined\""},
		{ARMOR("\"type\":\"Localhost\""), "Required value: must be set when AppArmor type is Localhost"},
		{ARMOR("\"type\":\"Unconfined\",\"localhostProfile\":\"x\""),
		 "Invalid value: \"x\": can only be set when AppArmor type is Localhost"},
		{ARMOR("\"type\":\"Localhost\",\"localhostProfile\":\" x\""),
		 "Invalid value: \" x\": must not be padded with whitespace"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t of_pod = 0; of_pod < 2; of_pod++) {
			const char *a = create(&f, of_pod ? "" : rows[i][0], of_pod ? rows[i][0] : "");
			EXPECT_CODE(&f, 422, a);
			EXPECT_AT(&f, a, "details.causes[0].message", rows[i][1]);
		}
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default",
		"{\"metadata\":{\"name\":\"p\",\"annotations\":{"
		"\"container.apparmor.security.beta.kubernetes.io/a\":\"localhost/mine\","
		"\"container.apparmor.security.beta.kubernetes.io/b\":\"runtime/default\"}},\"spec\":{\"containers\":["
		"{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\",\"securityContext\":{\"appArmorProfile\":{"
		"\"type\":\"Unconfined\"}}},{\"name\":\"c\",\"image\":\"i\"}]}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.containers[0].securityContext.appArmorProfile",
		  "{\"type\":\"Localhost\",\"localhostProfile\":\"mine\"}");
	EXPECT_AT(&f, a, "spec.containers[1].securityContext.appArmorProfile", "{\"type\":\"Unconfined\"}");
	EXPECT_AT(&f, a, "spec.containers[2].securityContext", "");
	fake_fini(&f);
}
