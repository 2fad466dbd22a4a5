/* metav1.Status in Kubernetes' words: what every refusal of the API is.
 *
 * All of these return a doc in the arena, ready for json_from_doc; texts are
 * borrowed or made in the same arena. `r` may be NULL where the resource is
 * not known. No state; any thread. */
#ifndef OBJECTS_STATUS_H
#define OBJECTS_STATUS_H

#include "actors/schema/schema.h"
#include "broker/base/doc.h"

/* One row of details.causes, one line of an Invalid message. */
enum field_fault {
	FIELD_REQUIRED,
	FIELD_INVALID,
	FIELD_DUPLICATE,
	FIELD_FORBIDDEN,
	FIELD_NOT_SUPPORTED,
	FIELD_NOT_FOUND,
	FIELD_TOO_LONG,
	FIELD_TOO_MANY,
	FIELD_TYPE_INVALID,
	FIELD_INTERNAL,
};

struct field_error {
	struct field_error *next;
	const char *field; /* "spec.containers[0].name" */
	const char *text;  /* "Required value: ..." , without the field */
	enum field_fault fault;
};

/* In the order in which they were found; zeroed is empty. */
struct field_errors {
	struct field_error *first, *last;
	size_t count;
};

enum { FIELD_ERRORS_MAX = 200 };

/* Any status of failure: code 404, reason "NotFound", and a message. */
struct doc *status_failure(struct arena *a, int code, const char *reason, const char *message);
/* Adds details {name, group, kind: the resource's plural}. Returns status. */
struct doc *status_details(struct arena *a, struct doc *status,
			   const struct schema_resource *r, struct span name);
int status_code(const struct doc *status);

struct doc *status_success(struct arena *a, const struct schema_resource *r, struct span name,
			   struct span uid);                 /* 200, what DELETE answers */
struct doc *status_created(struct arena *a);                 /* 201, what bindings answer */
struct doc *status_bad_request(struct arena *a, const char *message);          /* 400 */
struct doc *status_unauthorized(struct arena *a);                              /* 401 */
/* `pods "web" is forbidden: WHY` */
struct doc *status_forbidden(struct arena *a, const struct schema_resource *r, struct span name,
			     const char *why);                                  /* 403 */
/* `pods "web" not found` */
struct doc *status_not_found(struct arena *a, const struct schema_resource *r, struct span name);
/* The same of a part of it: `deployments/scale.apps "web" not found` */
struct doc *status_not_shown(struct arena *a, const struct schema_resource *r,
			     const char *subresource, struct span name);
/* 404 for a path that is nothing: "the server could not find the requested resource" */
struct doc *status_no_resource(struct arena *a);
struct doc *status_method_not_allowed(struct arena *a, const struct schema_resource *r,
				      const char *verb);                        /* 405 */
struct doc *status_not_acceptable(struct arena *a, const char *accepted);       /* 406 */
/* `pods "web" already exists` */
struct doc *status_already_exists(struct arena *a, const struct schema_resource *r,
				  struct span name);                            /* 409 */
/* `Operation cannot be fulfilled on pods "web": WHY` */
struct doc *status_conflict(struct arena *a, const struct schema_resource *r, struct span name,
			    const char *why);                                   /* 409 */
/* The WHY of an update with an old resourceVersion. */
extern const char STATUS_MODIFIED[];
struct doc *status_expired(struct arena *a, const char *message);               /* 410 */
struct doc *status_too_large(struct arena *a, const char *message);             /* 413 */
struct doc *status_unsupported_media_type(struct arena *a, const char *message); /* 415 */
/* `Pod "web" is invalid: spec.x: Required value` */
struct doc *status_invalid(struct arena *a, const struct schema_resource *r, struct span name,
			   const struct field_errors *errors);                  /* 422 */
/* The same for options of a request ("CreateOptions"). */
struct doc *status_invalid_options(struct arena *a, const char *kind,
				   const struct field_errors *errors);
struct doc *status_too_many_requests(struct arena *a, int retry_after_s);       /* 429 */
struct doc *status_internal(struct arena *a, const char *why);                  /* 500 */
struct doc *status_unavailable(struct arena *a, const char *why);               /* 503 */
struct doc *status_timeout(struct arena *a, const char *why);                   /* 504 */
/* The status for an error code of ours (a store's, a session's). */
struct doc *status_of_err(struct arena *a, const struct schema_resource *r, struct span name,
			  int code, const char *text);

#endif
