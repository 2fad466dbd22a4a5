/* The write path: names, versions, conflicts, updates, patches, deletions. */
#include "fake_store.h"

Test(objects, create_completes_metadata_and_answers_201)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(
		&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\",\"selfLink\":\"x\","
		"\"managedFields\":[{\"manager\":\"m\"}],\"labels\":{\"b\":\"1\",\"a\":\"2\"}},"
		"\"data\":{\"k\":\"v\"}}");
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_eq(
		a,
		"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\","
		"\"namespace\":\"default\",\"uid\":\"0708090a-0b0c-4d0e-8f10-111213141516\","
		"\"resourceVersion\":\"2048\",\"creationTimestamp\":\"2026-11-24T10:00:00Z\","
		"\"labels\":{\"a\":\"2\",\"b\":\"1\"}},\"data\":{\"k\":\"v\"}}",
		"%s", a);
	cr_expect_eq(f.writes, 1);
	cr_expect_not(f.secret);
	fake_fini(&f);
}

Test(objects, create_of_a_taken_name_is_refused_by_what_the_store_says)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "pods/default", POD);
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default", POD);
	EXPECT_CODE(&f, 409, a);
	cr_expect_str_eq(
		a,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
		"\"Failure\",\"message\":\"pods \\\"web\\\" already exists\",\"reason\":"
		"\"AlreadyExists\",\"details\":{\"name\":\"web\",\"kind\":\"pods\"},\"code\":409}");
	/* The same with a view that has not seen it yet: one plan more. */
	f.behind = true;
	a = fake_do(&f, OBJ_CREATE, "pods/default", POD);
	EXPECT_CODE(&f, 409, a);
	cr_expect_gt(f.plans, 1);
	cr_expect_eq(f.writes, 1);
	fake_fini(&f);
}

Test(objects, refusals_are_confirmed_by_the_store_when_the_view_is_behind)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "pods/default", POD);
	f.behind = true;
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/web",
				"{\"metadata\":{\"labels\":{\"x\":\"y\"}}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.labels.x", "y");
	a = fake_do(&f, OBJ_DELETE, "pods/default/web", NULL);
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_DELETE, "pods/default/web", NULL);
	EXPECT_CODE(&f, 404, a);
	fake_fini(&f);
}

Test(objects, generated_names_are_made_anew_when_taken)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(&f, OBJ_CREATE, "configmaps/default",
					    "{\"metadata\":{\"generateName\":\"job-\"}}");
	f.seed = 50;
	const char *first = fake_at(&f, fake_send(&f, &q), "metadata.name");
	cr_expect_eq(strlen(first), 9);
	cr_expect_eq(strncmp(first, "job-", 4), 0);
	cr_expect_eq(strspn(first + 4, "bcdfghjklmnpqrstvwxz2456789"), 5);
	f.seed = 50; /* the same entropy */
	const char *second = fake_at(&f, fake_send(&f, &q), "metadata.name");
	EXPECT_CODE(&f, 201, second);
	cr_expect_str_neq(first, second);
	f.behind = true;
	f.seed = 50;
	const char *third = fake_at(&f, fake_send(&f, &q), "metadata.name");
	EXPECT_CODE(&f, 201, third);
	cr_expect_str_neq(third, first);
	cr_expect_str_neq(third, second);
	fake_fini(&f);
}

struct refused {
	const char *path, *body;
	int code;
	const char *message;
};

static void refuse(struct fake *f, enum obj_verb verb, const struct refused *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int writes = f->writes;
		const char *a = fake_do(f, verb, rows[i].path, rows[i].body);
		EXPECT_CODE(f, rows[i].code, rows[i].body);
		EXPECT_AT(f, a, "message", rows[i].message);
		cr_expect_eq(f->writes, writes, "nothing is written: %s", rows[i].body);
	}
}

Test(objects, creates_are_refused_in_kubernetes_words)
{
	static const struct refused rows[] = {
		{"pods/nowhere", "{\"metadata\":{\"name\":\"a\"}}", 404,
		 "namespaces \"nowhere\" not found"},
		{"pods/default", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"other\"}}", 400,
		 "the namespace of the provided object does not match the namespace sent on the "
		 "request"},
		{"pods/default", "{\"apiVersion\":\"v2\",\"metadata\":{\"name\":\"a\"}}", 400,
		 "the API version in the data (v2) does not match the expected API version (v1)"},
		{"pods/default", "{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"}}", 400,
		 "Node in version \"v1\" cannot be handled as a Pod: no kind \"Node\" is known for "
		 "this "
		 "resource"},
		{"pods/default", "{\"kind\":\"Pod\",\"spec\":{\"containers\":\"x\"}}", 400,
		 "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string "
		 "into Go "
		 "struct field PodSpec.spec.containers of type []v1.Container"},
		{"pods/default", "[]", 400,
		 "the object provided is unrecognized (must be of type Pod): couldn't get "
		 "version/kind; "
		 "json parse error: the body is no object ([])"},
		{"pods/default", "{\"kind\":1,\"metadata\":{\"name\":\"a\"}}", 400,
		 "the object provided is unrecognized (must be of type Pod): couldn't get "
		 "version/kind; json parse error: json: cannot unmarshal number into Go struct "
		 "field .kind of type string ({\"kind\":1,\"metadata\":{\"name\":\" ...)"},
		{"pods/default", "{\"apiVersion\":[],\"kind\":\"Pod\"}", 400,
		 "the object provided is unrecognized (must be of type Pod): couldn't get "
		 "version/kind; json parse error: json: cannot unmarshal array into Go struct "
		 "field .apiVersion of type string ({\"apiVersion\":[],\"kind\":\"Pod\"})"},
		{"configmaps/default", "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}}",
		 400, "resourceVersion should not be set on objects to be created"},
		{"configmaps/default", "{}", 422,
		 "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName "
		 "is required"},
		{"configmaps/default", "{\"metadata\":{\"name\":\"A_b\"}}", 422,
		 "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase "
		 "RFC 1123 "
		 "subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
		 "must start "
		 "and end with an alphanumeric character (e.g. 'example.com', regex used for "
		 "validation is "
		 "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
		{"configmaps/default",
		 "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"-\"},"
		 "\"finalizers\":[\"a b\"]}}",
		 422,
		 "ConfigMap \"a\" is invalid: [metadata.labels: Invalid value: \"-\": a valid "
		 "label must be "
		 "an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
		 "start and "
		 "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
		 "regex "
		 "used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'), "
		 "metadata.finalizers: Invalid value: \"a b\": name part must consist of "
		 "alphanumeric "
		 "characters, '-', '_' or '.', and must start and end with an alphanumeric "
		 "character (e.g. "
		 "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
		 "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), "
		 "metadata.finalizers[0]: Invalid value: \"a b\": name is neither a standard finalizer "
		 "name nor is it fully qualified]"},
		{"configmaps/default",
		 "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"e.f/g\",\"orphan\",\"mine\"]}}", 422,
		 "ConfigMap \"a\" is invalid: metadata.finalizers[2]: Invalid value: \"mine\": name is "
		 "neither a standard finalizer name nor is it fully qualified"},
		{"configmaps/default",
		 "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{\"kind\":\"K\"}]}}", 422,
		 "ConfigMap \"a\" is invalid: [metadata.ownerReferences.apiVersion: Invalid value: "
		 "\"\": "
		 "version must not be empty, metadata.ownerReferences.name: Invalid value: \"\": "
		 "must not be "
		 "empty, metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]"},
	};
	struct fake f;
	fake_init(&f);
	refuse(&f, OBJ_CREATE, rows, sizeof rows / sizeof *rows);
	fake_fini(&f);
}

Test(objects, unknown_and_duplicate_fields_follow_field_validation)
{
	static const char body[] =
		"{\"metadata\":{\"name\":\"c\"},\"dat\":1,\"data\":{\"a\":\"1\"},"
		"\"data\":{\"b\":\"2\"}}";
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(&f, OBJ_CREATE, "configmaps/default", body);
	q.validation = OBJ_STRICT;
	const char *a = fake_send(&f, &q);
	EXPECT_CODE(&f, 400, a);
	EXPECT_AT(&f, a, "message",
		  "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding "
		  "error: "
		  "duplicate field \"data\", unknown field \"dat\"");
	q.validation = OBJ_WARN;
	a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_eq(f.warnings, "duplicate field \"data\", unknown field \"dat\"");
	EXPECT_AT(&f, a, "data", "{\"b\":\"2\"}");
	fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	q.validation = OBJ_IGNORE;
	a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_eq(f.warnings, "");
	fake_fini(&f);
}

Test(objects, update_keeps_what_clients_cannot_change)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}");
	uint64_t before = f.version;
	const char *a = fake_do(
		&f, OBJ_UPDATE, "configmaps/default/c",
		"{\"metadata\":{\"name\":\"c\",\"creationTimestamp\":\"2001-01-01T00:00:00Z\"},"
		"\"data\":{\"a\":\"2\"}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.creationTimestamp", "2026-11-24T10:00:00Z");
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "");
	EXPECT_AT(&f, a, "metadata.namespace", "default");
	EXPECT_AT(&f, a, "data.a", "2");
	cr_expect_gt(f.version, before);
	fake_fini(&f);
}

Test(objects, update_that_changes_nothing_writes_nothing)
{
	struct fake f;
	fake_init(&f);
	const char *made = fake_do(&f, OBJ_CREATE, "pods/default", POD);
	uint64_t version = f.version;
	int writes = f.writes;
	const char *a = fake_do(&f, OBJ_UPDATE, "pods/default/web", made);
	EXPECT_CODE(&f, 200, a);
	cr_expect_eq(f.version, version);
	cr_expect_str_eq(a, made);
	a = fake_do(&f, OBJ_PATCH_MERGE, "pods/default/web", "{}");
	EXPECT_CODE(&f, 200, a);
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(objects, updates_are_refused_in_kubernetes_words)
{
	static const struct refused rows[] = {
		{"configmaps/default/none", "{\"metadata\":{\"name\":\"none\"}}", 404,
		 "configmaps \"none\" not found"},
		{"configmaps/default/c", "{\"metadata\":{\"name\":\"d\"}}", 400,
		 "the name of the object (d) does not match the name on the URL (c)"},
		{"configmaps/default/c", "{\"metadata\":{}}", 400,
		 "the name of the object (c based on URL) was undeterminable: name must be "
		 "provided"},
		{"configmaps/default/c", "{\"metadata\":{\"name\":\"c\",\"namespace\":\"x\"}}", 400,
		 "the namespace of the object (x) does not match the namespace on the request "
		 "(default)"},
		{"configmaps/default/c",
		 "{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"1\"}}", 409,
		 "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; "
		 "please "
		 "apply your changes to the latest version and try again"},
		{"configmaps/default/c",
		 "{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"x\"}}", 422,
		 "ConfigMap \"c\" is invalid: metadata.resourceVersion: Invalid value: \"x\": must "
		 "be an "
		 "unsigned integer"},
		{"configmaps/default/c", "{\"metadata\":{\"name\":\"c\",\"uid\":\"other\"}}", 409,
		 "Operation cannot be fulfilled on configmaps \"c\": Precondition failed: UID in "
		 "precondition: other, UID in object meta: 0708090a-0b0c-4d0e-8f10-111213141516"},
		{"leases/default/l", "{\"metadata\":{\"name\":\"l\"}}", 422,
		 "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid "
		 "value: 0x0: "
		 "must be "
		 "specified for an update"},
	};
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default", "{\"metadata\":{\"name\":\"c\"}}");
	fake_do(&f, OBJ_CREATE, "leases/default", "{\"metadata\":{\"name\":\"l\"}}");
	refuse(&f, OBJ_UPDATE, rows, sizeof rows / sizeof *rows);
	fake_fini(&f);
}

Test(objects, put_makes_what_is_not_there_only_for_some_kinds)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_UPDATE, "leases/default/l",
				"{\"metadata\":{\"name\":\"l\"},\"spec\":{}}");
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "apiVersion", "coordination.k8s.io/v1");
	fake_fini(&f);
}

Test(objects, patches_change_what_they_name)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}");
	const char *a = fake_do(
		&f, OBJ_PATCH_MERGE, "configmaps/default/c",
		"{\"data\":{\"a\":null,\"c\":\"3\"},\"metadata\":{\"labels\":{\"x\":\"y\"}}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "data", "{\"b\":\"2\",\"c\":\"3\"}");
	a = fake_do(&f, OBJ_PATCH_JSON, "configmaps/default/c",
		    "[{\"op\":\"test\",\"path\":\"/data/b\",\"value\":\"2\"},"
		    "{\"op\":\"replace\",\"path\":\"/data/b\",\"value\":\"9\"}]");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "data.b", "9");
	a = fake_do(&f, OBJ_PATCH_STRATEGIC, "configmaps/default/c", "{\"data\":{\"b\":null}}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "data", "{\"c\":\"3\"}");
	fake_fini(&f);
}

Test(objects, patches_are_refused_when_they_do_not_fit)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}");
	static const struct refused merge[] = {
		{"configmaps/default/none", "{}", 404, "configmaps \"none\" not found"},
		{"configmaps/default/c", "[]", 400, "error decoding patch: the patch is no object"},
		{"configmaps/default/c", "{\"metadata\":{\"resourceVersion\":\"1\"}}", 409,
		 "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; "
		 "please "
		 "apply your changes to the latest version and try again"},
		{"configmaps/default/c", "{\"metadata\":{\"name\":\"d\"}}", 400,
		 "the name of the object (d) does not match the name on the URL (c)"},
		{"configmaps/default/c", "{\"data\":5}", 422,
		 " \"\" is invalid: patch: Invalid value: "
		 "\"{\\\"kind\\\":\\\"ConfigMap\\\",\\\"apiVersion\\\":\\\"v1\\\","
		 "\\\"metadata\\\":{\\\"name\\\":\\\"c\\\",\\\"namespace\\\":"
		 "\\\"default\\\",\\\"uid\\\":\\\"0708090a-0b0c-4d0e-8f10-111213141516\\\","
		 "\\\"resourceVersion\\\":\\\"2048\\\",\\\"creationTimestamp\\\":"
		 "\\\"2026-11-24T10:00:00Z\\\"},\\\"data\\\":5}\": json: cannot unmarshal "
		 "number into Go struct field ConfigMap.data of type map[string]string"},
	};
	static const struct refused json[] = {
		{"configmaps/default/c", "[{\"op\":\"test\",\"path\":\"/data/a\",\"value\":\"2\"}]",
		 422,
		 "the server rejected our request due to an error in our request: testing value "
		 "/data/a "
		 "failed"},
		{"configmaps/default/c", "[{\"op\":\"remove\",\"path\":\"/data/z\"}]", 422,
		 "the server rejected our request due to an error in our request: path '/data/z' "
		 "does not "
		 "exist"},
		{"configmaps/default/c", "{}", 400,
		 "error decoding patch: a JSON patch is an array of operations"},
	};
	refuse(&f, OBJ_PATCH_MERGE, merge, sizeof merge / sizeof *merge);
	refuse(&f, OBJ_PATCH_JSON, json, sizeof json / sizeof *json);
	fake_fini(&f);
}

Test(objects, a_patch_of_what_nobody_may_change_is_invalid)
{
	static const char *const begins[] = {
		"{\"metadata\":{\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"}}",
		"{\"metadata\":{\"deletionGracePeriodSeconds\":5}}"};
	static const char *const patches[] = {
		"{\"metadata\":{\"uid\":\"other\"}}",
		"[{\"op\":\"replace\",\"path\":\"/metadata/uid\",\"value\":\"other\"}]"};
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default", "{\"metadata\":{\"name\":\"c\"}}");
	for (int i = 0; i < 2; i++) {
		const char *a = fake_do(&f, i ? OBJ_PATCH_JSON : OBJ_PATCH_MERGE, "configmaps/default/c",
					patches[i]);
		EXPECT_CODE(&f, 422, a);
		EXPECT_AT(&f, a, "message",
			  "ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable");
		a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c", begins[i]);
		EXPECT_CODE(&f, 422, a);
		cr_expect(strstr(a, "field is immutable"), "%s", a);
	}
	fake_fini(&f);
}

Test(objects, delete_removes_and_says_what)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default", "{\"metadata\":{\"name\":\"c\"}}");
	const char *a = fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	EXPECT_CODE(&f, 200, a);
	cr_expect(f.deleted);
	cr_expect_str_eq(a,
			 "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
			 "\"Success\",\"details\":{\"name\":\"c\",\"kind\":\"configmaps\",\"uid\":"
			 "\"0708090a-0b0c-4d0e-8f10-111213141516\"}}");
	a = fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	EXPECT_CODE(&f, 404, a);
	fake_fini(&f);
}

Test(objects, finalizers_of_newer_kinds_need_no_domain)
{
	struct fake f;
	fake_init(&f);
	const char *a = fake_do(&f, OBJ_CREATE, "leases/default",
				"{\"metadata\":{\"name\":\"l\",\"finalizers\":[\"mine\"]},\"spec\":{}}");
	EXPECT_CODE(&f, 201, a);
	fake_fini(&f);
}

Test(objects, finalizers_hold_an_object_until_the_last_one_is_taken)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"a.b/x\",\"a.b/y\"]}}");
	const char *a = fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.deletionTimestamp", "2026-11-24T10:00:00Z");
	EXPECT_AT(&f, a, "metadata.deletionGracePeriodSeconds", "0");
	cr_expect_not(f.deleted);
	int writes = f.writes;
	a = fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	EXPECT_CODE(&f, 200, a);
	cr_expect_eq(f.writes, writes, "again changes nothing");
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c",
		    "{\"metadata\":{\"finalizers\":[\"a.b/x\",\"a.b/new\"]}}");
	EXPECT_CODE(&f, 422, a);
	EXPECT_AT(
		&f, a, "message",
		"ConfigMap \"c\" is invalid: metadata.finalizers: Forbidden: no new finalizers can "
		"be "
		"added if the object is being deleted, found new finalizers []string{\"a.b/new\"}");
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c",
		    "{\"metadata\":{\"finalizers\":[\"a.b/x\"]}}");
	EXPECT_CODE(&f, 200, a);
	cr_expect_not(f.deleted);
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c",
		    "{\"metadata\":{\"finalizers\":null}}");
	EXPECT_CODE(&f, 200, a);
	cr_expect(f.deleted);
	a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c", "{}");
	EXPECT_CODE(&f, 404, a);
	fake_fini(&f);
}

Test(objects, delete_preconditions_and_options_are_kept)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "configmaps/default", "{\"metadata\":{\"name\":\"c\"}}");
	static const struct refused rows[] = {
		{"configmaps/default/c", "{\"preconditions\":{\"uid\":\"zz\"}}", 409,
		 "Operation cannot be fulfilled on ConfigMap \"c\": the UID in the precondition "
		 "(zz) does "
		 "not match the UID in record (0708090a-0b0c-4d0e-8f10-111213141516). The object "
		 "might have "
		 "been deleted and then recreated"},
		{"configmaps/default/c", "{\"preconditions\":{\"resourceVersion\":\"1\"}}", 409,
		 "Operation cannot be fulfilled on ConfigMap \"c\": the ResourceVersion in the "
		 "precondition "
		 "(1) does not match the ResourceVersion in record (2048). The object might have "
		 "been "
		 "modified"},
		{"configmaps/default/c", "{\"gracePeriodSeconds\":\"x\"}", 400,
		 "json: cannot unmarshal string into Go struct field "
		 "DeleteOptions.gracePeriodSeconds of "
		 "type int64"},
		{"configmaps/default/c", "{\"propagationPolicy\":\"Sideways\"}", 422,
		 "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
		 "\"Sideways\": supported values: \"Foreground\", \"Background\", \"Orphan\", "
		 "\"nil\""},
	};
	refuse(&f, OBJ_DELETE, rows, sizeof rows / sizeof *rows);
	const char *a = fake_do(&f, OBJ_DELETE, "configmaps/default/c", "{\"dryRun\":[\"All\"]}");
	EXPECT_CODE(&f, 200, a);
	a = fake_do(&f, OBJ_DELETE, "configmaps/default/c",
		    "{\"propagationPolicy\":\"Foreground\"}");
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.finalizers", "[\"foregroundDeletion\"]");
	fake_fini(&f);
}

Test(objects, delete_options_of_a_query_are_read)
{
	struct obj_delete_options o = {.grace_s = -1};
	struct arena a = {0};
	cr_expect_null(obj_delete_option(&o, &a, span_of("gracePeriodSeconds"), span_of("30")));
	cr_expect_eq(o.grace_s, 30);
	cr_expect_null(obj_delete_option(&o, &a, span_of("propagationPolicy"), span_of("Orphan")));
	cr_expect_eq(o.propagation, OBJ_ORPHAN);
	cr_expect_null(obj_delete_option(&o, &a, span_of("orphanDependents"), span_of("false")));
	cr_expect_eq(o.propagation, OBJ_BACKGROUND);
	cr_expect_null(obj_delete_option(&o, &a, span_of("uid"), span_of("u-1")));
	cr_expect(span_is(o.uid, "u-1"));
	cr_expect_not_null(
		obj_delete_option(&o, &a, span_of("gracePeriodSeconds"), span_of("soon")));
	const struct doc *bad =
		obj_delete_option(&o, &a, span_of("propagationPolicy"), span_of("Up"));
	cr_expect_eq(doc_get_int(bad, "code", 0), 422, "as in a body");
	arena_fini(&a);
}

Test(objects, dry_run_answers_as_if_and_writes_nothing)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(&f, OBJ_CREATE, "pods/default", POD);
	q.dry_run = true;
	const char *a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "spec.restartPolicy", "Always");
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

Test(objects, planning_leaves_the_request_as_it_is)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(&f, OBJ_CREATE, "pods/default", POD);
	struct doc *before = doc_copy(&f.arena, q.body);
	f.behind = true;
	EXPECT_CODE(&f, 201, fake_send(&f, &q));
	cr_expect_gt(f.plans, 1);
	cr_expect(doc_equal(before, q.body));
	fake_fini(&f);
}

Test(objects, failures_of_the_store_become_statuses)
{
	static const struct {
		int status, code;
	} rows[] = {{ERR_FULL, 503}, {ERR_IO, 503}, {ERR_LIMIT, 413}, {ERR_FENCED, 503},
		    {ERR_UNKNOWN, 504}, {ERR_INVALID, 500}};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct obj_request q = fake_request(&f, OBJ_CREATE, "pods/default", POD);
		struct obj_reader reader = {&f, fake_get};
		struct obj_plan p;
		q.schema = f.schema;
		q.arena = &f.arena;
		objects_plan(&q, &reader, &p);
		cr_assert_not(p.finished);
		struct store_outcome o = {.status = rows[i].status, .text = "why"};
		cr_expect_eq(objects_answer(&p, &o), 0);
		cr_expect_eq(p.answer.code, rows[i].code);
		obj_plan_fini(&p);
	}
	fake_fini(&f);
}

static int broken_get(void *arg, struct span key, struct store_row *out)
{
	(void)arg, (void)key, (void)out;
	return ERR_UNREACHABLE;
}

Test(objects, a_reader_that_cannot_read_ends_the_plan)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(&f, OBJ_CREATE, "pods/default", POD);
	struct obj_reader reader = {&f, broken_get};
	struct obj_plan p;
	q.schema = f.schema;
	q.arena = &f.arena;
	objects_plan(&q, &reader, &p);
	cr_expect(p.finished);
	cr_expect_eq(p.answer.code, 503);
	obj_plan_fini(&p);
	fake_fini(&f);
}

Test(objects, unknown_subresources_and_verbs_are_405)
{
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "pods/default", POD);
	fake_do(&f, OBJ_UPDATE, "pods/default/web/nothing", POD);
	cr_expect_eq(f.code, 405);
	fake_do(&f, OBJ_DELETE, "pods/default/web/status", NULL);
	cr_expect_eq(f.code, 405);
	fake_do(&f, OBJ_CREATE, "pods/default/web/status", POD);
	cr_expect_eq(f.code, 405);
	fake_do(&f, OBJ_UPDATE, "pods/default/web/binding", POD);
	cr_expect_eq(f.code, 405);
	fake_fini(&f);
}
