/* Statuses. Every one is the same seven fields; what differs is a row of
 * code, reason and words. */
#include "actors/objects/status.h"

#include <stdio.h>
#include <stdlib.h>

const char STATUS_MODIFIED[] = "the object has been modified; please apply your changes to the "
			       "latest version and try again";

static struct doc *status(struct arena *a, const char *verdict)
{
	struct doc *s = doc_new(a, DOC_MAP);
	doc_set_str(a, s, "kind", "Status");
	doc_set_str(a, s, "apiVersion", "v1");
	doc_set(a, s, "metadata", doc_new(a, DOC_MAP));
	doc_set_str(a, s, "status", verdict);
	return s;
}

struct doc *status_failure(struct arena *a, int code, const char *reason, const char *message)
{
	struct doc *s = status(a, "Failure");
	doc_set_str(a, s, "message", arena_dup(a, message));
	if (*reason)
		doc_set_str(a, s, "reason", reason);
	doc_set_int(a, s, "code", code);
	return s;
}

/* "pods" or "deployments.apps". */
static const char *qualified(struct arena *a, const struct schema_resource *r)
{
	if (!r)
		return "";
	return *r->group ? arena_printf(a, "%s.%s", r->resource, r->group) : r->resource;
}

static struct span kept(struct arena *a, struct span s)
{
	return (struct span){(const uint8_t *)arena_ndup(a, s.data, s.len), s.len};
}

/* details stand before code. */
static struct doc *details(struct arena *a, struct doc *s)
{
	struct doc *d = doc_get(s, "details");
	if (d)
		return d;
	struct doc *code = doc_get(s, "code");
	if (code)
		doc_detach(s, code);
	d = doc_set(a, s, "details", doc_new(a, DOC_MAP));
	if (code)
		doc_set(a, s, "code", code);
	return d;
}

static void set_details(struct arena *a, struct doc *s, struct span name, const char *group,
			const char *kind)
{
	struct doc *d = details(a, s);
	if (name.len)
		doc_set(a, d, "name", doc_span(a, kept(a, name)));
	if (group && *group)
		doc_set_str(a, d, "group", group);
	if (kind && *kind)
		doc_set_str(a, d, "kind", kind);
}

struct doc *status_details(struct arena *a, struct doc *s, const struct schema_resource *r,
			   struct span name)
{
	set_details(a, s, name, r ? r->group : NULL, r ? r->resource : NULL);
	return s;
}

int status_code(const struct doc *s)
{
	bool success = doc_str_is(doc_get(s, "status"), "Success");
	return (int)doc_get_int(s, "code", success ? 200 : 500);
}

struct doc *status_success(struct arena *a, const struct schema_resource *r, struct span name,
			   struct span uid)
{
	struct doc *s = status(a, "Success");
	status_details(a, s, r, name);
	if (uid.len)
		doc_set(a, details(a, s), "uid", doc_span(a, kept(a, uid)));
	return s;
}

struct doc *status_created(struct arena *a)
{
	struct doc *s = status(a, "Success");
	doc_set_int(a, s, "code", 201);
	return s;
}

struct doc *status_bad_request(struct arena *a, const char *message)
{
	return status_failure(a, 400, "BadRequest", message);
}

struct doc *status_unauthorized(struct arena *a)
{
	return status_failure(a, 401, "Unauthorized", "Unauthorized");
}

/* `what "name" WORDS`, with details: the shape of most refusals. */
static struct doc *about(struct arena *a, const struct schema_resource *r, struct span name,
			 int code, const char *reason, const char *message)
{
	return status_details(a, status_failure(a, code, reason, message), r, name);
}

struct doc *status_forbidden(struct arena *a, const struct schema_resource *r, struct span name,
			     const char *why)
{
	const char *text =
		!r		? arena_printf(a, "forbidden: %s", why)
		: name.len == 0 ? arena_printf(a, "%s is forbidden: %s", qualified(a, r), why)
				: arena_printf(a, "%s \"%.*s\" is forbidden: %s", qualified(a, r),
					       (int)name.len, (const char *)name.data, why);
	return about(a, r, name, 403, "Forbidden", text);
}

struct doc *status_not_found(struct arena *a, const struct schema_resource *r, struct span name)
{
	return about(a, r, name, 404, "NotFound",
		     arena_printf(a, "%s \"%.*s\" not found", qualified(a, r), (int)name.len,
				  (const char *)name.data));
}

struct doc *status_not_shown(struct arena *a, const struct schema_resource *r,
			     const char *subresource, struct span name)
{
	struct schema_resource part = *r;
	part.resource = arena_printf(a, "%s/%s", r->resource, subresource);
	return status_not_found(a, &part, name);
}

struct doc *status_no_resource(struct arena *a)
{
	struct doc *s = status_failure(a, 404, "NotFound",
				       "the server could not find the requested resource");
	details(a, s);
	return s;
}

struct doc *status_method_not_allowed(struct arena *a, const struct schema_resource *r,
				      const char *verb)
{
	if (!r) {
		struct doc *s = status_failure(
			a, 405, "MethodNotAllowed",
			"the server does not allow this method on the requested resource");
		details(a, s);
		return s;
	}
	return about(a, r, (struct span){0}, 405, "MethodNotAllowed",
		     arena_printf(a, "%s is not supported on resources of kind \"%s\"", verb,
				  qualified(a, r)));
}

struct doc *status_not_acceptable(struct arena *a, const char *accepted)
{
	return status_failure(a, 406, "NotAcceptable",
			      arena_printf(a, "only the following media types are accepted: %s",
					   accepted));
}

struct doc *status_already_exists(struct arena *a, const struct schema_resource *r,
				  struct span name)
{
	return about(a, r, name, 409, "AlreadyExists",
		     arena_printf(a, "%s \"%.*s\" already exists", qualified(a, r), (int)name.len,
				  (const char *)name.data));
}

struct doc *status_conflict(struct arena *a, const struct schema_resource *r, struct span name,
			    const char *why)
{
	return about(a, r, name, 409, "Conflict",
		     arena_printf(a, "Operation cannot be fulfilled on %s \"%.*s\": %s",
				  qualified(a, r), (int)name.len, (const char *)name.data, why));
}

struct doc *status_expired(struct arena *a, const char *message)
{
	return status_failure(a, 410, "Expired", message);
}

struct doc *status_too_large(struct arena *a, const char *message)
{
	return status_failure(a, 413, "RequestEntityTooLarge",
			      arena_printf(a, "Request entity too large: %s", message));
}

struct doc *status_unsupported_media_type(struct arena *a, const char *message)
{
	return status_failure(a, 415, "UnsupportedMediaType", message);
}

static const char *const causes[] = {
	[FIELD_REQUIRED] = "FieldValueRequired",
	[FIELD_INVALID] = "FieldValueInvalid",
	[FIELD_DUPLICATE] = "FieldValueDuplicate",
	[FIELD_FORBIDDEN] = "FieldValueForbidden",
	[FIELD_NOT_SUPPORTED] = "FieldValueNotSupported",
	[FIELD_NOT_FOUND] = "FieldValueNotFound",
	[FIELD_TOO_LONG] = "FieldValueTooLong",
	[FIELD_TOO_MANY] = "FieldValueTooMany",
	[FIELD_TYPE_INVALID] = "FieldValueTypeInvalid",
	[FIELD_INTERNAL] = "InternalError",
};

static bool said_before(const struct field_errors *all, const struct field_error *e)
{
	for (const struct field_error *x = all->first; x != e; x = x->next)
		if (strcmp(x->field, e->field) == 0 && strcmp(x->text, e->text) == 0)
			return true;
	return false;
}

/* One error stands alone, several in brackets; each once. */
static void list_errors(struct buf *b, const struct field_errors *all)
{
	size_t start = b->len, said = 0;
	for (const struct field_error *e = all->first; e; e = e->next) {
		if (said_before(all, e))
			continue;
		buf_printf(b, "%s%s: %s", said ? ", " : "", e->field, e->text);
		said++;
	}
	if (said < 2)
		return;
	buf_puts(b, "]");
	buf_reserve(b, 1);
	memmove(b->data + start + 1, b->data + start, b->len - start);
	b->data[start] = '[';
	b->len++;
}

struct doc *status_invalid(struct arena *a, const struct schema_resource *r, struct span name,
			   const struct field_errors *errors)
{
	struct buf b = {0};
	buf_printf(&b, "%s%s%s \"%.*s\" is invalid", r->kind, *r->group ? "." : "", r->group,
		   (int)name.len, (const char *)name.data);
	if (errors->first)
		buf_puts(&b, ": ");
	list_errors(&b, errors);
	struct doc *s = status_failure(a, 422, "Invalid", buf_text(&b));
	buf_fini(&b);
	set_details(a, s, name, r->group, r->kind);
	struct doc *list = doc_set(a, details(a, s), "causes", doc_new(a, DOC_ARRAY));
	for (const struct field_error *e = errors->first; e; e = e->next) {
		struct doc *c = doc_add(list, doc_new(a, DOC_MAP));
		doc_set_str(a, c, "reason", causes[e->fault]);
		doc_set_str(a, c, "message", e->text);
		doc_set_str(a, c, "field", e->field);
	}
	return s;
}

struct doc *status_invalid_options(struct arena *a, const char *kind,
				   const struct field_errors *errors)
{
	const struct schema_resource options = {
		.group = "meta.k8s.io", .kind = kind, .resource = kind};
	return status_invalid(a, &options, (struct span){0}, errors);
}

static struct doc *retry_after(struct arena *a, struct doc *s, int seconds)
{
	doc_set_int(a, details(a, s), "retryAfterSeconds", seconds);
	return s;
}

struct doc *status_too_many_requests(struct arena *a, int retry_after_s)
{
	return retry_after(a, status_failure(a, 429, "TooManyRequests",
					     "Too many requests, please try again later."),
			   retry_after_s);
}

struct doc *status_internal(struct arena *a, const char *why)
{
	struct doc *s = status_failure(a, 500, "InternalError",
				       arena_printf(a, "Internal error occurred: %s", why));
	struct doc *list = doc_set(a, details(a, s), "causes", doc_new(a, DOC_ARRAY));
	doc_set_str(a, doc_add(list, doc_new(a, DOC_MAP)), "message", arena_dup(a, why));
	return s;
}

struct doc *status_unavailable(struct arena *a, const char *why)
{
	return status_failure(a, 503, "ServiceUnavailable", why);
}

struct doc *status_timeout(struct arena *a, const char *why)
{
	return retry_after(
		a, status_failure(a, 504, "Timeout", arena_printf(a, "Timeout: %s", why)), 1);
}

struct doc *status_of_err(struct arena *a, const struct schema_resource *r, struct span name,
			  int code, const char *text)
{
	const char *why = text && *text ? text : err_text(code);
	switch (code) {
	case ERR_NOT_FOUND:
		return status_not_found(a, r, name);
	case ERR_EXISTS:
		return status_already_exists(a, r, name);
	case ERR_CONFLICT:
		return status_conflict(a, r, name, why);
	case ERR_FORBIDDEN:
		return status_forbidden(a, r, name, why);
	case ERR_COMPACTED:
		return status_expired(a, why);
	case ERR_LIMIT:
		return status_too_large(a, why);
	case ERR_OVERLOADED:
		return status_too_many_requests(a, 1);
	case ERR_TIMEOUT:
	case ERR_UNKNOWN:
		return status_timeout(a, why);
	case ERR_UNREACHABLE:
	case ERR_CRASHED:
	case ERR_CLOSED:
	case ERR_FENCED:
	case ERR_STALE:
	case ERR_AGAIN:
	case ERR_FULL:
	case ERR_IO:
		return status_unavailable(a, why);
	default:
		return status_internal(a, why);
	}
}
