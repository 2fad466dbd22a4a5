/* Statuses: the words and codes that clients match. */
#include <criterion/criterion.h>

#include "actors/objects/status.h"
#include "actors/schema/json.h"

static struct arena a;
static const struct schema_resource pods = {.group = "", .resource = "pods", .kind = "Pod"};
static const struct schema_resource deployments = {
	.group = "apps", .resource = "deployments", .kind = "Deployment"};

static void expect(struct doc *s, int code, const char *reason, const char *message)
{
	cr_expect_eq(status_code(s), code, "%d for %s", status_code(s), message);
	cr_expect(span_is(doc_get_str(s, "reason"), reason));
	cr_expect(span_is(doc_get_str(s, "message"), message), "%.*s",
		  (int)doc_get_str(s, "message").len, doc_get_str(s, "message").data);
	cr_expect(doc_str_is(doc_get(s, "status"), "Failure"));
}

Test(status, has_kubernetes_words_and_codes)
{
	struct span n = span_of("x");
	expect(status_not_found(&a, &deployments, n), 404, "NotFound",
	       "deployments.apps \"x\" not found");
	expect(status_already_exists(&a, &pods, n), 409, "AlreadyExists",
	       "pods \"x\" already exists");
	expect(status_conflict(&a, &pods, n, STATUS_MODIFIED), 409, "Conflict",
	       "Operation cannot be fulfilled on pods \"x\": the object has been modified; please "
	       "apply your "
	       "changes to the latest version and try again");
	expect(status_forbidden(&a, &pods, n, "no"), 403, "Forbidden",
	       "pods \"x\" is forbidden: no");
	expect(status_forbidden(&a, &pods, span_of(""), "no"), 403, "Forbidden",
	       "pods is forbidden: no");
	expect(status_forbidden(&a, NULL, n, "no"), 403, "Forbidden", "forbidden: no");
	expect(status_bad_request(&a, "m"), 400, "BadRequest", "m");
	expect(status_unauthorized(&a), 401, "Unauthorized", "Unauthorized");
	expect(status_no_resource(&a), 404, "NotFound",
	       "the server could not find the requested resource");
	expect(status_method_not_allowed(&a, &pods, "patch"), 405, "MethodNotAllowed",
	       "patch is not supported on resources of kind \"pods\"");
	expect(status_method_not_allowed(&a, NULL, "patch"), 405, "MethodNotAllowed",
	       "the server does not allow this method on the requested resource");
	expect(status_not_acceptable(&a, "application/json"), 406, "NotAcceptable",
	       "only the following media types are accepted: application/json");
	expect(status_expired(&a, "m"), 410, "Expired", "m");
	expect(status_too_large(&a, "m"), 413, "RequestEntityTooLarge",
	       "Request entity too large: m");
	expect(status_unsupported_media_type(&a, "m"), 415, "UnsupportedMediaType", "m");
	expect(status_too_many_requests(&a, 2), 429, "TooManyRequests",
	       "Too many requests, please try again later.");
	expect(status_internal(&a, "m"), 500, "InternalError", "Internal error occurred: m");
	expect(status_unavailable(&a, "m"), 503, "ServiceUnavailable", "m");
	expect(status_timeout(&a, "m"), 504, "Timeout", "Timeout: m");
	arena_fini(&a);
}

Test(status, success_has_no_code_but_is_200)
{
	struct doc *s = status_success(&a, &pods, span_of("x"), span_of("u"));
	cr_expect_eq(status_code(s), 200);
	cr_expect_null(doc_get(s, "code"));
	cr_expect(span_is(doc_path_str(s, "details.uid"), "u"));
	cr_expect_eq(status_code(status_created(&a)), 201);
	cr_expect_eq(status_code(NULL), 500);
	arena_fini(&a);
}

Test(status, invalid_lists_each_fault_once)
{
	struct field_error e2 = {NULL, "spec.b", "Required value", FIELD_REQUIRED};
	struct field_error e1 = {&e2, "spec.a", "Invalid value: 5: no", FIELD_INVALID};
	struct field_error e0 = {&e1, "spec.a", "Invalid value: 5: no", FIELD_INVALID};
	struct field_errors all = {&e0, &e2, 3};
	struct doc *s = status_invalid(&a, &deployments, span_of("x"), &all);
	expect(s, 422, "Invalid",
	       "Deployment.apps \"x\" is invalid: [spec.a: Invalid value: 5: no, spec.b: Required "
	       "value]");
	cr_expect_eq(doc_path(s, "details.causes")->count, 3);
	cr_expect(span_is(doc_path_str(s, "details.kind"), "Deployment"));
	struct field_errors one = {&e2, &e2, 1};
	expect(status_invalid(&a, &pods, span_of("x"), &one), 422, "Invalid",
	       "Pod \"x\" is invalid: spec.b: Required value");
	arena_fini(&a);
}

Test(status, every_code_of_ours_has_one)
{
#define ROW(code, wire, name, retry, text) code,
	static const int codes[] = {ERR_TABLE(ROW)};
#undef ROW
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct doc *s = status_of_err(&a, &pods, span_of("x"), codes[i], NULL);
		cr_expect_geq(status_code(s), 400);
		cr_expect(doc_get_str(s, "message").len > 0);
	}
	arena_fini(&a);
}
