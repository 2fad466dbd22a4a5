/* Reviews: questions that are asked with a POST and answered in the object's
 * status; nothing is stored. Who may do what has one answer today: whoever is
 * known may do everything. */
#include "actors/api/api_private.h"

/* ---- who may do what */

static const char one_of[] = "exactly one of nonResourceAttributes or resourceAttributes must be "
			     "specified";

/* Why a question cannot be answered, or NULL. */
static const char *bad_question(const struct doc *spec, bool names_user)
{
	bool on_resource = doc_get(spec, "resourceAttributes") != NULL;
	bool on_path = doc_get(spec, "nonResourceAttributes") != NULL;
	const struct doc *groups = doc_get(spec, "groups");
	if (on_resource == on_path)
		return one_of;
	if (names_user && !doc_get_str(spec, "user").len && !(groups && groups->count))
		return "at least one of user or group must be specified";
	return NULL;
}

static const char *access(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	(void)a;
	bool self = strcmp(k->resource->resource, "selfsubjectaccessreviews") == 0;
	const char *why = bad_question(doc_get(review, "spec"), !self);
	doc_set_bool(&k->arena, status, "allowed", true);
	return why;
}

static const char *local_access(struct api *a, struct call *k, struct doc *review,
				struct doc *status)
{
	struct span asked = doc_path_str(review, "spec.resourceAttributes.namespace");
	const char *why = access(a, k, review, status);
	if (!why && !span_eq(asked, k->namespace))
		why = "spec.resourceAttributes.namespace must match metadata.namespace";
	return why;
}

static struct doc *all_of(struct arena *a, struct doc *rule, const char *field)
{
	struct doc *list = doc_set(a, rule, field, doc_new(a, DOC_ARRAY));
	doc_add(list, doc_str(a, "*"));
	return rule;
}

static const char *rules(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	struct arena *m = &k->arena;
	(void)a;
	if (!doc_path_str(review, "spec.namespace").len)
		return "no namespace on request";
	struct doc *rule = doc_new(m, DOC_MAP), *path = doc_new(m, DOC_MAP);
	all_of(m, all_of(m, all_of(m, rule, "verbs"), "apiGroups"), "resources");
	all_of(m, all_of(m, path, "verbs"), "nonResourceURLs");
	doc_add(doc_set(m, status, "resourceRules", doc_new(m, DOC_ARRAY)), rule);
	doc_add(doc_set(m, status, "nonResourceRules", doc_new(m, DOC_ARRAY)), path);
	return NULL;
}

/* ---- whose token it is */

static const char *token(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	struct span asked = doc_path_str(review, "spec.token");
	if (!asked.len)
		return "token is required for TokenReview in authentication";
	if (!api_token_is(a, asked)) {
		doc_set_str(&k->arena, status, "error", "the token is not known");
		return NULL;
	}
	doc_set_bool(&k->arena, status, "authenticated", true);
	struct doc *user = doc_set(&k->arena, status, "user", doc_new(&k->arena, DOC_MAP));
	doc_set_str(&k->arena, user, "username", API_ADMIN);
	return NULL;
}

/* ---- the call */

static const struct {
	const char *resource;
	const char *(*answer)(struct api *a, struct call *k, struct doc *review,
			      struct doc *status);
} reviews[] = {
	{"tokenreviews", token},
	{"subjectaccessreviews", access},
	{"selfsubjectaccessreviews", access},
	{"localsubjectaccessreviews", local_access},
	{"selfsubjectrulesreviews", rules},
};

static struct doc *decode(struct ctx *c, struct api *a, struct call *k, struct doc **review)
{
	struct err e = {0};
	struct doc *bad = write_prepare(c, a, k, OBJ_CREATE);
	if (bad)
		return bad;
	struct doc *d = *review = doc_copy(&k->arena, k->writing.request.body);
	if (!doc_is(d, DOC_MAP) || schema_coerce(k->resource->type, d, &k->arena, NULL, &e))
		return status_bad_request(&k->arena,
					  arena_printf(&k->arena,
						       "%s in version \"%s\" cannot be handled as "
						       "a %s: %s",
						       k->resource->kind, k->resource->version,
						       k->resource->kind,
						       *e.text ? e.text : "it is no object"));
	doc_set_str(&k->arena, d, "kind", k->resource->kind);
	doc_set_str(&k->arena, d, "apiVersion", schema_api_version(k->resource, &k->arena));
	return NULL;
}

bool is_review(const struct call *k)
{
	for (size_t i = 0; i < sizeof reviews / sizeof *reviews; i++)
		if (strcmp(reviews[i].resource, k->resource->resource) == 0)
			return !k->resource->stored;
	return false;
}

void review_start(struct ctx *c, struct api *a, struct call *k)
{
	struct doc *review, *bad = decode(c, a, k, &review);
	struct buf b = {0};
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	struct doc *status = doc_set(&k->arena, review, "status", doc_new(&k->arena, DOC_MAP));
	const char *why = NULL;
	for (size_t i = 0; i < sizeof reviews / sizeof *reviews; i++)
		if (strcmp(reviews[i].resource, k->resource->resource) == 0)
			why = reviews[i].answer(a, k, review, status);
	if (why) {
		answer_status(c, a, k, status_bad_request(&k->arena, why));
		return;
	}
	(void)schema_coerce(k->resource->type, review, &k->arena, NULL, NULL);
	doc_to_mp(&b, review);
	answer_object(c, a, k, 201, mp_of(span_buf(&b)), 0);
	buf_fini(&b);
}
