/* Reviews: questions that are asked with a POST and answered in the object's
 * status; nothing is stored. */
#include "actors/access/claims.h"
#include "actors/api/api_private.h"
#include "actors/objects/field.h"

/* ---- who may do what */

/* What of a question is wrong, in `faults`. */
static void check_question(struct faults *f, const struct doc *spec, bool names_user)
{
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *resource = doc_get(spec, "resourceAttributes");
	const struct doc *groups = doc_get(spec, "groups");
	bool on_path = doc_get(spec, "nonResourceAttributes") != NULL;
	if ((resource != NULL) == on_path)
		field_invalid_doc(f, FPATH(p, "resourceAttributes"), resource,
				  "exactly one of nonResourceAttributes or resourceAttributes must "
				  "be specified");
	if (names_user && !doc_get_str(spec, "user").len && !(groups && groups->count))
		field_invalid_doc(f, FPATH(p, "user"), NULL,
				  "at least one of user or group must be specified");
}

static void add_texts(struct identity *who, const struct doc *list)
{
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		if (doc_is(d, DOC_STR))
			identity_add_group(who, d->text);
	}
}

/* Whom it is about: who asks, or whom the spec names. */
static struct identity subject_of(const struct call *k, const struct doc *spec, bool own)
{
	struct identity who = {0};
	if (own)
		return k->who;
	who.name = doc_get_str(spec, "user");
	who.uid = doc_get_str(spec, "uid");
	add_texts(&who, doc_get(spec, "groups"));
	return who;
}

static struct access access_of(const struct doc *spec)
{
	const struct doc *r = doc_get(spec, "resourceAttributes");
	const struct doc *p = doc_get(spec, "nonResourceAttributes");
	if (p)
		return (struct access){.verb = doc_get_str(p, "verb"),
				       .path = doc_get_str(p, "path")};
	return (struct access){
		.verb = doc_get_str(r, "verb"),
		.group = doc_get_str(r, "group"),
		.resource = doc_get_str(r, "resource"),
		.subresource = doc_get_str(r, "subresource"),
		.namespace = doc_get_str(r, "namespace"),
		.name = doc_get_str(r, "name"),
	};
}

static struct doc *answer_access(struct api *a, struct call *k, struct doc *review,
				 struct doc *status)
{
	struct arena *m = &k->arena;
	struct faults f = {.arena = m};
	const struct doc *spec = doc_get(review, "spec");
	bool own = strcmp(k->resource->resource, "selfsubjectaccessreviews") == 0;
	check_question(&f, spec, !own);
	if (f.errors.count)
		return status_invalid(m, k->resource, (struct span){0}, &f.errors);
	struct identity who = subject_of(k, spec, own);
	struct access asked = access_of(spec);
	struct buf reason = {0};
	bool allowed = rbac_allows(&a->rbac, &who, &asked, &reason);
	doc_set_bool(m, status, "allowed", allowed);
	if (reason.len)
		doc_set_str(m, status, "reason", arena_ndup(m, reason.data, reason.len));
	buf_fini(&reason);
	return NULL;
}

static struct doc *local_access(struct api *a, struct call *k, struct doc *review,
				struct doc *status)
{
	struct span asked = doc_path_str(review, "spec.resourceAttributes.namespace");
	struct doc *bad = answer_access(a, k, review, status);
	if (!bad && !span_eq(asked, k->namespace))
		bad = status_bad_request(
			&k->arena,
			"spec.resourceAttributes.namespace must match metadata.namespace");
	return bad;
}

struct listing_rules {
	struct arena *arena;
	struct doc *resources, *paths;
};

static int list_rule(void *arg, const struct rbac_rule *r)
{
	static const char *const fields[] = {"verbs", "apiGroups", "resources", "resourceNames",
					     "nonResourceURLs"};
	struct listing_rules *l = arg;
	struct doc *rule = doc_new(l->arena, DOC_MAP), *value;
	struct span raw;
	struct mp m;
	bool paths = mp_find(r->rule, "nonResourceURLs", &m) && mp_peek(&m) == MP_ARRAY;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (mp_find(r->rule, fields[i], &m) && mp_raw(&m, &raw) == 0 &&
		    doc_from_mp(l->arena, mp_of(raw), &value, NULL) == 0)
			doc_set(l->arena, rule, fields[i], value);
	doc_add(paths ? l->paths : l->resources, rule);
	return 0;
}

static struct doc *rules(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	struct arena *m = &k->arena;
	struct span namespace = doc_path_str(review, "spec.namespace");
	if (!namespace.len)
		return status_bad_request(m, "no namespace on request");
	struct listing_rules l = {m, doc_set(m, status, "resourceRules", doc_new(m, DOC_ARRAY)),
				  doc_set(m, status, "nonResourceRules", doc_new(m, DOC_ARRAY))};
	(void)rbac_each(&a->rbac, &k->who, namespace, list_rule, &l);
	return NULL;
}

/* ---- whose token it is */

static void put_user_info(struct arena *m, struct doc *status, const char *field,
			  const struct identity *who)
{
	struct doc *user = doc_set(m, status, field, doc_new(m, DOC_MAP));
	struct doc *groups = doc_new(m, DOC_ARRAY);
	doc_set(m, user, "username", doc_span(m, who->name));
	if (who->uid.len)
		doc_set(m, user, "uid", doc_span(m, who->uid));
	for (size_t i = 0; i < who->group_count; i++)
		doc_add(groups, doc_span(m, who->groups[i]));
	doc_set(m, user, "groups", groups);
	if (who->extra)
		doc_set(m, user, "extra", doc_copy(m, who->extra));
}

static void put_user(struct arena *m, struct doc *status, struct identity *who)
{
	doc_set_bool(m, status, "authenticated", true);
	identity_add_group(who, span_of(GROUP_AUTHENTICATED));
	put_user_info(m, status, "user", who);
}

static struct doc *self(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	(void)a, (void)review;
	put_user_info(&k->arena, status, "userInfo", &k->who);
	return NULL;
}

static struct doc *token(struct api *a, struct call *k, struct doc *review, struct doc *status)
{
	struct span asked = doc_path_str(review, "spec.token");
	struct identity who = {0};
	if (!asked.len)
		return status_bad_request(
			&k->arena, "token is required for TokenReview in authentication");
	if (authn_token_known(a, asked, &who))
		put_user(&k->arena, status, &who);
	else
		k->review = review; /* the port looks at its signature */
	return NULL;
}

static void answer_review(struct ctx *c, struct api *a, struct call *k, struct doc *review)
{
	struct buf b = {0};
	(void)schema_coerce(k->resource->type, review, &k->arena, NULL, NULL);
	doc_to_mp(&b, review);
	answer_object(c, a, k, 201, mp_of(span_buf(&b)), 0);
	buf_fini(&b);
}

static void look_again(struct ctx *c, struct api *a, struct call *k)
{
	review_verified(c, a, k, doc_path_str(k->review, "status.error"));
}

void review_verified(struct ctx *c, struct api *a, struct call *k, struct span payload)
{
	struct arena *m = &k->arena;
	struct doc *status = doc_get(k->review, "status");
	struct span audiences[16];
	size_t n = 0;
	struct identity who = {0};
	struct stream *wait;
	DOC_EACH(d, doc_path(k->review, "spec.audiences"))
	{
		if (doc_is(d, DOC_STR) && n < sizeof audiences / sizeof *audiences)
			audiences[n++] = d->text;
	}
	struct span kept = {(uint8_t *)arena_ndup(m, payload.data, payload.len), payload.len};
	int rc = payload.len ? authn_claims(c, a, m, kept, audiences, n, &who, &wait) : ERR_INVALID;
	if (rc == ERR_AGAIN) {
		doc_set(m, status, "error", doc_span(m, kept)); /* until it goes on */
		await_view(c, k, wait, look_again);
		return;
	}
	doc_remove(status, "error");
	if (rc)
		doc_set_str(m, status, "error", "invalid bearer token");
	else
		put_user(m, status, &who);
	answer_review(c, a, k, k->review);
}

/* ---- the call */

static const struct {
	const char *resource;
	/* Fills the status; or what refuses the question. */
	struct doc *(*answer)(struct api *a, struct call *k, struct doc *review,
			      struct doc *status);
} reviews[] = {
	{"selfsubjectreviews", self},
	{"tokenreviews", token},
	{"subjectaccessreviews", answer_access},
	{"selfsubjectaccessreviews", answer_access},
	{"localsubjectaccessreviews", local_access},
	{"selfsubjectrulesreviews", rules},
};

static struct doc *decode(struct ctx *c, struct api *a, struct call *k, struct doc **review)
{
	struct err e = {0};
	struct doc *bad = write_prepare(c, a, k, OBJ_CREATE);
	bad = bad ? bad : bad_kind(k);
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
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	struct doc *status = doc_set(&k->arena, review, "status", doc_new(&k->arena, DOC_MAP));
	for (size_t i = 0; i < sizeof reviews / sizeof *reviews; i++)
		if (strcmp(reviews[i].resource, k->resource->resource) == 0)
			bad = reviews[i].answer(a, k, review, status);
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	struct span t = doc_path_str(review, "spec.token");
	if (k->review)
		ctx_port_call(c, a->port, HTTP_VERIFY, k->id, 0, bytes_copy(t.data, t.len));
	else
		answer_review(c, a, k, review);
}
