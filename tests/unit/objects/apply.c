/* Who owns which field: server-side apply, and what other writes do to it. */
#include "fake_store.h"

#define MAP "configmaps/default"
#define DEPLOYMENT "deployments/default"

static const char *as(struct fake *f, const char *manager, enum obj_verb verb, const char *path,
		      const char *body, bool force)
{
	struct obj_request q = fake_request(f, verb, path, body);
	q.field_manager = span_of(manager);
	q.force = force;
	f->owners = true;
	return fake_send(f, &q);
}

static const char *apply(struct fake *f, const char *manager, const char *path, const char *body)
{
	return as(f, manager, OBJ_APPLY, path, body, false);
}

/* What the manager owns by that operation, as JSON; "" when nothing. */
static const char *owns(struct fake *f, const char *object, const char *manager,
			const char *operation)
{
	struct doc *d;
	struct buf b = {0};
	cr_assert_eq(json_parse(&f->arena, span_of(object), &d, NULL, NULL), 0);
	DOC_EACH(e, doc_path(d, "metadata.managedFields"))
	{
		if (doc_str_is(doc_get(e, "manager"), manager) &&
		    doc_str_is(doc_get(e, "operation"), operation))
			json_from_doc(&b, doc_get(e, "fieldsV1"));
	}
	const char *text = arena_dup(&f->arena, b.len ? buf_text(&b) : "");
	buf_fini(&b);
	return text;
}

#define EXPECT_OWNS(f, object, manager, operation, want)                                           \
	cr_expect_str_eq(owns(f, object, manager, operation), want, "%s: %s", manager,             \
			 owns(f, object, manager, operation))

#define CONFIG(data)                                                                               \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},"             \
	"\"data\":" data "}"

Test(apply, makes_what_is_not_there_and_owns_what_it_says)
{
	struct fake f;
	fake_init(&f);
	const char *a = apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\",\"b\":\"2\"}"));
	EXPECT_CODE(&f, 201, a);
	EXPECT_OWNS(&f, a, "one", "Apply", "{\"f:data\":{\"f:a\":{},\"f:b\":{}}}");
	EXPECT_AT(&f, a, "metadata.managedFields[0].fieldsType", "FieldsV1");
	EXPECT_AT(&f, a, "metadata.managedFields[0].apiVersion", "v1");
	/* The same again is no write. */
	int writes = f.writes;
	a = apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\",\"b\":\"2\"}"));
	EXPECT_CODE(&f, 200, a);
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(apply, what_it_says_no_more_goes_unless_others_own_it)
{
	struct fake f;
	fake_init(&f);
	apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}"));
	const char *a = apply(&f, "two", MAP "/c", CONFIG("{\"b\":\"2\",\"d\":\"4\"}"));
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "data", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\"}");
	a = apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\"}"));
	EXPECT_AT(&f, a, "data", "{\"a\":\"1\",\"b\":\"2\",\"d\":\"4\"}");
	EXPECT_OWNS(&f, a, "one", "Apply", "{\"f:data\":{\"f:a\":{}}}");
	EXPECT_OWNS(&f, a, "two", "Apply", "{\"f:data\":{\"f:b\":{},\"f:d\":{}}}");
	fake_fini(&f);
}

Test(apply, another_value_of_what_others_own_is_a_conflict)
{
	struct fake f;
	fake_init(&f);
	apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\",\"b\":\"2\"}"));
	int writes = f.writes;
	const char *a = apply(&f, "two", MAP "/c", CONFIG("{\"a\":\"9\"}"));
	EXPECT_CODE(&f, 409, a);
	EXPECT_AT(&f, a, "message",
		  "Apply failed with 1 conflict: conflict with \"one\": .data.a");
	EXPECT_AT(&f, a, "details.causes",
		  "[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"one\\\"\""
		  ",\"field\":\".data.a\"}]");
	cr_expect_eq(f.writes, writes);
	a = apply(&f, "two", MAP "/c", CONFIG("{\"a\":\"9\",\"b\":\"9\"}"));
	EXPECT_AT(&f, a, "message",
		  "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- "
		  ".data.b");
	a = as(&f, "two", OBJ_APPLY, MAP "/c", CONFIG("{\"a\":\"9\"}"), true);
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "data", "{\"a\":\"9\",\"b\":\"2\"}");
	EXPECT_OWNS(&f, a, "one", "Apply", "{\"f:data\":{\"f:b\":{}}}");
	EXPECT_OWNS(&f, a, "two", "Apply", "{\"f:data\":{\"f:a\":{}}}");
	/* The same value is owned by both. */
	a = apply(&f, "three", MAP "/c", CONFIG("{\"a\":\"9\"}"));
	EXPECT_CODE(&f, 200, a);
	EXPECT_OWNS(&f, a, "two", "Apply", "{\"f:data\":{\"f:a\":{}}}");
	EXPECT_OWNS(&f, a, "three", "Apply", "{\"f:data\":{\"f:a\":{}}}");
	fake_fini(&f);
}

Test(apply, other_writes_own_what_they_change_and_take_it_from_others)
{
	struct fake f;
	fake_init(&f);
	apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\",\"b\":\"2\"}"));
	const char *a = as(&f, "two", OBJ_PATCH_MERGE, MAP "/c",
			   "{\"data\":{\"a\":\"9\",\"c\":\"3\"}}", false);
	EXPECT_CODE(&f, 200, a);
	EXPECT_OWNS(&f, a, "one", "Apply", "{\"f:data\":{\"f:b\":{}}}");
	EXPECT_OWNS(&f, a, "two", "Update", "{\"f:data\":{\"f:a\":{},\"f:c\":{}}}");
	a = as(&f, "three", OBJ_PATCH_MERGE, MAP "/c", "{\"data\":{\"a\":null,\"b\":null}}", false);
	EXPECT_OWNS(&f, a, "one", "Apply", "");
	EXPECT_OWNS(&f, a, "two", "Update", "{\"f:data\":{\"f:c\":{}}}");
	EXPECT_OWNS(&f, a, "three", "Update", "");
	a = apply(&f, "one", MAP "/c", CONFIG("{\"c\":\"4\"}"));
	EXPECT_CODE(&f, 409, a);
	cr_expect(strstr(a, "conflict with \\\"two\\\" using v1 at 2026-11-24T10:00:00Z: .data.c"),
		  "%s", a);
	fake_fini(&f);
}

Test(apply, a_create_owns_what_was_added_with_the_nodes_that_were)
{
	struct fake f;
	fake_init(&f);
	const char *a = as(&f, "maker", OBJ_CREATE, MAP, CONFIG("{\"a\":\"1\"}"), false);
	EXPECT_OWNS(&f, a, "maker", "Update", "{\"f:data\":{\".\":{},\"f:a\":{}}}");
	fake_fini(&f);
}

#define PODS(containers)                                                                           \
	"{\"apiVersion\":\"apps/"                                                                  \
	"v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\"},\"spec\":{"                    \
	"\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{"    \
	"\"a\":"                                                                                   \
	"\"b\"}},\"spec\":{\"containers\":[" containers "]}}}}"

Test(apply, lists_with_keys_are_merged_item_by_item)
{
	struct fake f;
	fake_init(&f);
	const char *a = apply(
		&f, "one", DEPLOYMENT "/d",
		PODS("{\"name\":\"x\",\"image\":\"x:1\",\"ports\":[{\"containerPort\":80}]}"));
	EXPECT_CODE(&f, 201, a);
	cr_expect(
		strstr(owns(&f, a, "one", "Apply"),
		       "\"f:containers\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\".\":{},\"f:image\":{},"
		       "\"f:name\":{},\"f:ports\":{\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":"
		       "\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{}}}}}"),
		"%s", owns(&f, a, "one", "Apply"));
	a = apply(&f, "two", DEPLOYMENT "/d", PODS("{\"name\":\"y\",\"image\":\"y:1\"}"));
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.template.spec.containers[0].name", "x");
	EXPECT_AT(&f, a, "spec.template.spec.containers[1].name", "y");
	a = apply(&f, "two", DEPLOYMENT "/d", PODS("{\"name\":\"x\",\"image\":\"x:2\"}"));
	EXPECT_CODE(&f, 409, a);
	cr_expect(strstr(a, ".spec.template.spec.containers[name=\\\"x\\\"].image"), "%s", a);
	/* Its own item goes with all that it was given by default. */
	a = apply(&f, "two", DEPLOYMENT "/d", PODS("{\"name\":\"x\",\"image\":\"x:1\"}"));
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.template.spec.containers[1]", "");
	EXPECT_AT(&f, a, "spec.template.spec.containers[0].image", "x:1");
	fake_fini(&f);
}

Test(apply, what_the_api_calls_atomic_is_one_field)
{
	struct fake f;
	fake_init(&f);
	const char *a = apply(&f, "one", DEPLOYMENT "/d",
			      PODS("{\"name\":\"x\",\"image\":\"x\",\"args\":[\"1\",\"2\"]}"));
	cr_expect(strstr(owns(&f, a, "one", "Apply"), "\"f:args\":{}"), "%s",
		  owns(&f, a, "one", "Apply"));
	cr_expect(strstr(owns(&f, a, "one", "Apply"), "\"f:selector\":{}"));
	a = apply(&f, "one", DEPLOYMENT "/d",
		  PODS("{\"name\":\"x\",\"image\":\"x\",\"args\":[\"3\"]}"));
	EXPECT_AT(&f, a, "spec.template.spec.containers[0].args", "[\"3\"]");
	fake_fini(&f);
}

Test(apply, sets_are_merged_by_value)
{
	struct fake f;
	fake_init(&f);
#define FINALIZED(list) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\",\"finalizers\":" list "}}"
	apply(&f, "one", MAP "/c", FINALIZED("[\"a/a\",\"b/b\"]"));
	const char *a = apply(&f, "two", MAP "/c", FINALIZED("[\"b/b\",\"c/c\"]"));
	EXPECT_AT(&f, a, "metadata.finalizers", "[\"a/a\",\"b/b\",\"c/c\"]");
	EXPECT_OWNS(
		&f, a, "two", "Apply",
		"{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"b/b\\\"\":{},\"v:\\\"c/c\\\"\":{}}}}");
	a = apply(&f, "one", MAP "/c", FINALIZED("[]"));
	EXPECT_AT(&f, a, "metadata.finalizers", "[\"b/b\",\"c/c\"]");
	fake_fini(&f);
}

Test(apply, status_is_owned_by_its_own_writers)
{
	struct fake f;
	fake_init(&f);
	apply(&f, "one", DEPLOYMENT "/d", PODS("{\"name\":\"x\",\"image\":\"x\"}"));
	const char *a = as(&f, "controller", OBJ_PATCH_MERGE, DEPLOYMENT "/d/status",
			   "{\"status\":{\"replicas\":3}}", false);
	EXPECT_CODE(&f, 200, a);
	EXPECT_OWNS(&f, a, "controller", "Update", "{\"f:status\":{\"f:replicas\":{}}}");
	EXPECT_AT(&f, a, "metadata.managedFields[1].subresource", "status");
	cr_expect_not(strstr(owns(&f, a, "one", "Apply"), "f:status"));
	fake_fini(&f);
}

Test(apply, an_empty_entry_takes_everything_from_everybody)
{
	struct fake f;
	fake_init(&f);
	apply(&f, "one", MAP "/c", CONFIG("{\"a\":\"1\"}"));
	const char *a = as(&f, "admin", OBJ_PATCH_MERGE, MAP "/c",
			   "{\"metadata\":{\"managedFields\":[{}]}}", false);
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "metadata.managedFields", "");
	/* Who applies next does not own what was there before. */
	a = apply(&f, "two", MAP "/c", CONFIG("{\"b\":\"2\"}"));
	EXPECT_OWNS(&f, a, "before-first-apply", "Update", "{\"f:data\":{\"f:a\":{}}}");
	EXPECT_OWNS(&f, a, "two", "Apply", "{\"f:data\":{\"f:b\":{}}}");
	fake_fini(&f);
}

Test(apply, of_one_item_twice_is_refused)
{
	static const char *const rows[][2] = {
		{"{\"metadata\":{\"name\":\"d\",\"finalizers\":[\"a.b/c\",\"a.b/d\",\"a.b/c\"]}",
		 ".metadata.finalizers: duplicate entries for key [=\"a.b/c\"]"},
		{"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\"},{\"name\":\"c\"}]}}}",
		 ".spec.template.spec.containers: duplicate entries for key [name=\"c\"]"},
		{"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"ports\":"
		 "[{\"containerPort\":80},{\"containerPort\":80,\"protocol\":\"UDP\"},{\"containerPort\":80,\"protocol\":\"TCP\"}]}]}}}",
		 ".spec.template.spec.containers[name=\"c\"].ports: duplicate entries for key [containerPort=80,protocol=\"TCP\"]"},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *body = arena_printf(&f.arena, "%s,\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}", rows[i][0]);
		const char *a = apply(&f, "one", DEPLOYMENT "/d", body);
		EXPECT_CODE(&f, 500, a);
		cr_expect(strstr(fake_at(&f, a, "message"), rows[i][1]), "%s", a);
	}
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

#define SCALE(replicas)                                                                            \
	"{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"spec\":{\"replicas\":" replicas "}}"

Test(apply, of_a_scale_owns_the_replicas_or_clashes_with_who_does)
{
	struct fake f;
	fake_init(&f);
	const char *a = as(&f, "maker", OBJ_CREATE, "deployments/default",
			   "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":"
			   "{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":"
			   "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}", false);
	EXPECT_CODE(&f, 201, a);
	a = apply(&f, "one", DEPLOYMENT "/d/scale", SCALE("3"));
	EXPECT_CODE(&f, 409, a);
	cr_expect(strstr(a, "conflict with \\\"maker\\\" using autoscaling/v1 at "), "%s", a);
	EXPECT_AT(&f, a, "details.causes[0].field", ".spec.replicas");
	a = apply(&f, "one", DEPLOYMENT "/d/scale", SCALE("2"));
	EXPECT_CODE(&f, 200, a);
	a = as(&f, "one", OBJ_APPLY, DEPLOYMENT "/d/scale", SCALE("3"), true);
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.replicas", "3");
	a = as(&f, "other", OBJ_PATCH_MERGE, DEPLOYMENT "/d", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", false);
	EXPECT_OWNS(&f, a, "one", "Apply", "{\"f:spec\":{\"f:replicas\":{}}}");
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "f:replicas"));
	fake_fini(&f);
}

Test(apply, of_a_scale_says_what_it_is)
{
	static const char *const rows[][2] = {
		{"{\"spec\":{\"replicas\":3}}",
		 "Incorrect version specified in apply patch. Specified patch version: , expected: autoscaling/v1"},
		{"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}",
		 "Incorrect version specified in apply patch. Specified patch version: apps/v1, expected: autoscaling/v1"},
		{"{\"apiVersion\":\"autoscaling/v1\"}",
		 "failed to create typed patch object (/; autoscaling/v1, Kind=): no corresponding type for autoscaling/v1, Kind="},
		{"{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"spec\":{\"x\":1}}",
		 "failed to create typed patch object (/; autoscaling/v1, Kind=Scale): .spec.x: field not declared in schema"},
	};
	struct fake f;
	fake_init(&f);
	fake_do(&f, OBJ_CREATE, "replicationcontrollers/default",
		"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{\"a\":\"b\"},\"template\":"
		"{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
	int writes = f.writes;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EXPECT_AT(&f, apply(&f, "one", "replicationcontrollers/default/d/scale", rows[i][0]), "message", rows[i][1]);
	cr_expect_eq(f.writes, writes);
	fake_fini(&f);
}

Test(apply, is_refused_when_it_says_too_little_or_too_much)
{
	struct fake f;
	fake_init(&f);
	const char *a = apply(&f, "", MAP "/c", CONFIG("{}"));
	EXPECT_CODE(&f, 422, a);
	cr_expect(strstr(a, "fieldManager: Required value: is required for apply patch"), "%s", a);
	a = apply(&f, "one", MAP "/c", "{\"metadata\":{\"name\":\"c\",\"managedFields\":[]}}");
	EXPECT_CODE(&f, 400, a);
	EXPECT_AT(&f, a, "message", "metadata.managedFields must be nil");
	a = apply(&f, "one", MAP "/c", "[]");
	EXPECT_CODE(&f, 400, a);
	a = apply(&f, "one", DEPLOYMENT "/d/status",
		  "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\"},\"status\":{}}");
	EXPECT_CODE(&f, 404, a);
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

Test(apply, says_what_it_is_about_in_full)
{
	static const char typed[] = "failed to create typed patch object ";
	static const struct {
		const char *body, *message;
		int code;
	} rows[] = {
		{"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}",
		 "Incorrect version specified in apply patch. Specified patch version: , expected: v1", 400},
		{"{\"apiVersion\":\"v2\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}",
		 "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1", 400},
		{"{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\"}}",
		 "(/c; /v1, Kind=): no corresponding type for /v1, Kind=", 500},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"c\",\"namespace\":\"default\"}}",
		 "(default/c; /v1, Kind=Secret): no corresponding type for /v1, Kind=Secret", 500},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"nope\":1}",
		 "(/c; /v1, Kind=ConfigMap): .nope: field not declared in schema", 500},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\",\"no\":1},\"nope\":1}",
		 "(/c; /v1, Kind=ConfigMap): errors:\n  .metadata.no: field not declared in schema\n"
		 "  .nope: field not declared in schema", 500},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}",
		 "the name of the object (c based on URL) was undeterminable: name must be provided", 400},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"other\"}}",
		 "the name of the object (other) does not match the name on the URL (c)", 400},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\",\"namespace\":\"x\"}}",
		 "the namespace of the object (x) does not match the namespace on the request (default)", 400},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\",\"uid\":\"u\"}}",
		 "Operation cannot be fulfilled on configmaps \"c\": uid mismatch: the provided object "
		 "specified uid u, and no existing object was found", 409},
	};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char want[400];
		const char *a = apply(&f, "one", MAP "/c", rows[i].body);
		snprintf(want, sizeof want, "%s%s", rows[i].code == 500 ? typed : "", rows[i].message);
		EXPECT_CODE(&f, rows[i].code, a);
		EXPECT_AT(&f, a, "message", want);
		cr_expect(rows[i].code != 500 || !strstr(a, "\"reason\""), "%s", a);
	}
	cr_expect_eq(f.writes, 0);
	fake_fini(&f);
}

Test(apply, what_the_server_sets_is_nobodys)
{
	struct fake f;
	fake_init(&f);
	const char *a = as(&f, "maker", OBJ_CREATE, "pods/default", POD, false);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_neq(fake_at(&f, a, "status.qosClass"), "");
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "f:status"), "%s", a);
	/* what admission fills in, unlike defaults: an account that mounts its token */
	fake_set(&f, span_of("serviceaccounts/default/default"), NULL, 0);
	a = as(&f, "maker", OBJ_CREATE, "pods/default",
	       "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
	       "\"i\"}]}}",
	       false);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_neq(fake_at(&f, a, "spec.volumes[0].name"), "");
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "olume"), "%s", a);
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "f:priority"), "%s", a);
	cr_expect(strstr(owns(&f, a, "maker", "Update"), "f:dnsPolicy"), "%s", a);
	a = as(&f, "maker", OBJ_CREATE, "services/default",
	       "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}", false);
	EXPECT_CODE(&f, 201, a);
	cr_expect_str_neq(fake_at(&f, a, "spec.clusterIP"), "");
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "f:clusterIP"), "%s", a);
	cr_expect_not(strstr(owns(&f, a, "maker", "Update"), "f:ipFamil"), "%s", a);
	cr_expect(strstr(owns(&f, a, "maker", "Update"), "f:ports"), "%s", a);
	fake_fini(&f);
}

/* The answer to what ends a deletion says who owns what, as every update's does. */
Test(managed, is_told_of_an_object_that_goes)
{
	struct fake f;
	fake_init(&f);
	f.owners = true;
	fake_do(&f, OBJ_CREATE, "configmaps/default",
		"{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"a.b/c\"]},\"data\":{\"k\":\"v\"}}");
	fake_do(&f, OBJ_DELETE, "configmaps/default/c", NULL);
	const char *a = fake_do(&f, OBJ_PATCH_MERGE, "configmaps/default/c",
				"{\"metadata\":{\"finalizers\":null}}");
	cr_expect(f.deleted);
	EXPECT_AT(&f, a, "metadata.managedFields[0].fieldsV1", "{\"f:data\":{\".\":{},\"f:k\":{}}}");
	fake_fini(&f);
}
