/* The other kinds: namespaces, nodes, config maps, secrets, accounts, events,
 * leases, and custom resources. */
#include "fake_store.h"

Test(namespace, is_active_and_labelled_until_it_is_deleted)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_CREATE, "namespaces",
			"{\"metadata\":{\"name\":\"a\"},\"status\":{\"phase\":\"Terminating\"}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec", "{\"finalizers\":[\"kubernetes\"]}");
	EXPECT_AT(&f, a, "status", "{\"phase\":\"Active\"}");
	EXPECT_AT(&f, a, "metadata.labels", "{\"kubernetes.io/metadata.name\":\"a\"}");
	EXPECT_AT(&f, a, "metadata.generation", "");
	a = fake_do(&f, OBJ_DELETE, "namespaces/a", NULL);
	EXPECT_CODE(&f, 200, a);
	cr_expect_not(f.deleted);
	EXPECT_AT(&f, a, "status.phase", "Terminating");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:00Z");
	int writes = f.writes;
	fake_do(&f, OBJ_DELETE, "namespaces/a", NULL);
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(namespace, that_terminates_takes_nothing_new)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "namespaces", "{\"metadata\":{\"name\":\"a\"}}");
	fake_do(&f, OBJ_DELETE, "namespaces/a", NULL);
	const char *a = fake_do(&f, OBJ_CREATE, "configmaps/a", "{\"metadata\":{\"name\":\"c\"}}");
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "configmaps \"c\" is forbidden: unable to create new content in namespace a "
		  "because it is "
		  "being terminated");
	EXPECT_AT(&f, a, "details.causes[0].reason", "NamespaceTerminating");
	fake_fini(&f);
}

Test(namespace, goes_when_its_finalizers_are_emptied)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "namespaces", "{\"metadata\":{\"name\":\"a\"}}");
	const char *a = fake_do(&f, OBJ_UPDATE, "namespaces/a",
				"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"finalizers\":[]}}");
	EXPECT_AT(&f, a, "spec.finalizers", "[\"kubernetes\"]");
	fake_do(&f, OBJ_DELETE, "namespaces/a", NULL);
	a = fake_do(&f, OBJ_UPDATE, "namespaces/a/finalize",
		    "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"finalizers\":[]}}");
	EXPECT_CODE(&f, 200, a);
	cr_expect(f.deleted);
	a = fake_do(&f, OBJ_DELETE, "namespaces/a", NULL);
	EXPECT_CODE(&f, 404, a);
	fake_fini(&f);
}

Test(namespace, the_first_ones_are_immortal_and_names_are_labels)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_DELETE, "namespaces/default", NULL);
	EXPECT_CODE(&f, 403, a);
	EXPECT_AT(&f, a, "message",
		  "namespaces \"default\" is forbidden: this namespace may not be deleted");
	a = fake_do(&f, OBJ_CREATE, "namespaces", "{\"metadata\":{\"name\":\"a.b\"}}");
	EXPECT_CODE(&f, 422, a);
	a = fake_do(&f, OBJ_CREATE, "namespaces",
		    "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"finalizers\":"
		    "[\"odd\"]}}");
	EXPECT_AT(&f, a, "message",
		  "Namespace \"a\" is invalid: spec.finalizers: Invalid value: \"odd\": name is "
		  "neither a "
		  "standard finalizer name nor is it fully qualified");
	fake_fini(&f);
}

Test(node, spec_and_status_are_written_apart)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(
		&f, OBJ_CREATE, "nodes",
		"{\"metadata\":{\"name\":\"n1\"},\"status\":{\"capacity\":{\"cpu\":\"4\"}}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "status.allocatable.cpu", "4");
	a = fake_do(
		&f, OBJ_PATCH_MERGE, "nodes/n1",
		"{\"spec\":{\"unschedulable\":true},\"status\":{\"capacity\":{\"cpu\":\"8\"}}}");
	EXPECT_AT(&f, a, "spec.unschedulable", "true");
	EXPECT_AT(&f, a, "status.capacity.cpu", "4");
	a = fake_do(
		&f, OBJ_PATCH_MERGE, "nodes/n1/status",
		"{\"spec\":{\"unschedulable\":false},\"status\":{\"capacity\":{\"cpu\":\"8\"}}}");
	EXPECT_AT(&f, a, "spec.unschedulable", "true");
	EXPECT_AT(&f, a, "status.capacity.cpu", "8");
	a = fake_do(&f, OBJ_PATCH_MERGE, "nodes/n1",
		    "{\"spec\":{\"taints\":[{\"key\":\"k\",\"effect\":\"X\"}]}}");
	EXPECT_AT(&f, a, "message",
		  "Node \"n1\" is invalid: metadata.taints[0].effect: Unsupported value: \"X\": "
		  "supported values: "
		  "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"");
	fake_fini(&f);
}

Test(configmap, keys_size_and_immutability)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(
		&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\"},\"data\":{\"a/b\":\"\",\"x\":\"1\"},\"binaryData\":"
		"{\"x\":\"\"}}");
	EXPECT_AT(&f, a, "message",
		  "ConfigMap \"c\" is invalid: [data[a/b]: Invalid value: \"a/b\": a valid config "
		  "key must "
		  "consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
		  "'KEY_NAME',  or "
		  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+'), data[x]: Invalid "
		  "value: "
		  "\"x\": duplicate of key present in binaryData]");
	struct buf b = {0};
	buf_puts(&b, "{\"metadata\":{\"name\":\"big\"},\"data\":{\"k\":\"");
	for (int i = 0; i < 1024 * 1024 + 1; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, "\"}}");
	a = fake_do(&f, OBJ_CREATE, "configmaps/default", buf_text(&b));
	EXPECT_AT(&f, a, "message",
		  "ConfigMap \"big\" is invalid: : Too long: may not be more than 1048576 bytes");
	buf_fini(&b);
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\"},\"immutable\":true,\"data\":{\"a\":\"1\"}}");
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c", "{\"data\":{\"a\":\"2\"}}");
	EXPECT_AT(&f, a, "message",
		  "ConfigMap \"c\" is invalid: data: Forbidden: field is immutable when "
		  "`immutable` is set");
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c", "{\"immutable\":null}");
	EXPECT_CODE(&f, 422, a);
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c",
		    "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	EXPECT_CODE(&f, 200, a);
	fake_fini(&f);
}

Test(secret, text_is_stored_encoded_and_off_the_bus)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "secrets/default",
				"{\"metadata\":{\"name\":\"s\"},\"data\":{\"a\":\"AAAA\",\"b\":"
				"\"eA==\"},\"stringData\":"
				"{\"a\":\"hello\"}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "data", "{\"a\":\"aGVsbG8=\",\"b\":\"eA==\"}");
	EXPECT_AT(&f, a, "stringData", "");
	EXPECT_AT(&f, a, "type", "Opaque");
	cr_expect(f.secret);
	a = fake_do(&f, OBJ_PATCH_MERGE, "secrets/default/s", "{\"type\":\"x\"}");
	EXPECT_AT(&f, a, "message",
		  "Secret \"s\" is invalid: type: Invalid value: \"x\": field is immutable");
	fake_fini(&f);
}

Test(secret, types_need_their_keys)
{
	static const struct {
		const char *body, *why;
	} rows[] = {
		{"\"type\":\"kubernetes.io/tls\",\"data\":{\"tls.crt\":\"eA==\"}",
		 "data[tls.key]: Required value"},
		{"\"type\":\"kubernetes.io/basic-auth\"",
		 "[data[username]: Required value, data[password]: Required value]"},
		{"\"type\":\"kubernetes.io/service-account-token\"",
		 "metadata.annotations[kubernetes.io/service-account.name]: Required value"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *a = fake_do(
			&f, OBJ_CREATE, "secrets/default",
			arena_printf(&f.arena, "{\"metadata\":{\"name\":\"s\"},%s}", rows[i].body));
		EXPECT_AT(&f, a, "message",
			  arena_printf(&f.arena, "Secret \"s\" is invalid: %s", rows[i].why));
	}
	const char *a = fake_do(
		&f, OBJ_CREATE, "secrets/default",
		"{\"metadata\":{\"name\":\"s\"},\"type\":\"kubernetes.io/basic-auth\",\"data\":"
		"{\"password\":\"eA==\"}}");
	EXPECT_CODE(&f, 201, a);
	fake_fini(&f);
}

Test(event, is_kept_with_what_it_is_about)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(
		&f, OBJ_CREATE, "events/default",
		"{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"other\"}}");
	EXPECT_AT(&f, a, "message",
		  "Event \"e\" is invalid: involvedObject.namespace: Invalid value: \"other\": "
		  "does not match event.namespace");
	a = fake_do(&f, OBJ_CREATE, "events/default",
		    "{\"metadata\":{\"generateName\":\"e.\"},\"involvedObject\":{\"kind\":\"Node\","
		    "\"name\":\"n\"},"
		    "\"lastTimestamp\":\"2026-11-24T10:00:00Z\"}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "eventTime", "null");
	EXPECT_AT(&f, a, "reportingComponent", "");
	fake_fini(&f);
}

Test(lease, durations_are_positive)
{
	struct fake f;
	fake_init(&f);
	const char *a =
		fake_do(&f, OBJ_CREATE, "leases/default",
			"{\"metadata\":{\"name\":\"l\"},\"spec\":{\"leaseDurationSeconds\":0}}");
	EXPECT_AT(&f, a, "message",
		  "Lease.coordination.k8s.io \"l\" is invalid: spec.leaseDurationSeconds: "
		  "Invalid value: 0: must be greater than 0");
	a = fake_do(&f, OBJ_DELETE, "leases/default/l", NULL);
	EXPECT_AT(&f, a, "message", "leases.coordination.k8s.io \"l\" not found");
	EXPECT_AT(&f, a, "details.group", "coordination.k8s.io");
	fake_fini(&f);
}

/* A row without a type: the body is kept as it comes, metadata is Kubernetes'. */
Test(custom_resource, is_taken_as_it_comes)
{
	struct fake f;
	fake_init(&f);
	static const char *const verbs[] = {"create", NULL};
	struct schema_resource row = {.group = "example.com",
				      .version = "v1",
				      .resource = "widgets",
				      .singular = "widget",
				      .kind = "Widget",
				      .list_kind = "WidgetList",
				      .namespaced = true,
				      .verbs = verbs,
				      .stream = "widgets.example.com"};
	cr_assert_eq(schema_add(f.schema, &row, NULL, NULL), 0);
	const char *a = fake_do(&f, OBJ_CREATE, "widgets/default",
				"{\"apiVersion\":\"example.com/"
				"v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\"},"
				"\"spec\":{\"any\":[1,{\"z\":null}]}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec", "{\"any\":[1,{\"z\":null}]}");
	cr_expect_neq(strlen(fake_at(&f, a, "metadata.uid")), 0);
	a = fake_do(&f, OBJ_PATCH_MERGE, "widgets/default/w", "{\"spec\":{\"more\":true}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.more", "true");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, "widgets/default/w", "{}");
	EXPECT_CODE(&f, 415, a);
	fake_fini(&f);
}

/* Leases of nodes are not journaled; others are. */
Test(lease, of_a_node_is_soft)
{
	struct fake f;
	fake_init(&f);
	static const char lease[] = "{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"holderIdentity\":\"n1\"}}";
	fake_do(&f, OBJ_CREATE, "namespaces", "{\"metadata\":{\"name\":\"kube-node-lease\"}}");
	EXPECT_CODE(&f, 201, fake_do(&f, OBJ_CREATE, "leases/kube-node-lease", lease));
	cr_expect(f.soft);
	EXPECT_CODE(&f, 200,
		    fake_do(&f, OBJ_PATCH_MERGE, "leases/kube-node-lease/n1",
			    "{\"spec\":{\"leaseDurationSeconds\":40}}"));
	cr_expect(f.soft);
	EXPECT_CODE(&f, 201, fake_do(&f, OBJ_CREATE, "leases/default", lease));
	cr_expect_not(f.soft);
	fake_fini(&f);
}
