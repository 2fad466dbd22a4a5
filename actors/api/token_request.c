/* POST serviceaccounts/NAME/token: a token for an account, for a time, perhaps
 * bound to an object that must live as long. The port signs it. */
#include <stdio.h>

#include "actors/access/claims.h"
#include "actors/api/api_private.h"
#include "actors/schema/rfc3339.h"

enum { SECONDS_MIN = 600, SECONDS_DEFAULT = 3600 };
static const int64_t seconds_max = (int64_t)1 << 32;

/* ---- what is asked */

static struct doc *invalid(struct call *k, const char *field, const char *why)
{
	return status_failure(&k->arena, 422, "Invalid",
			      arena_printf(&k->arena,
					   "TokenRequest.authentication.k8s.io \"\" is invalid: "
					   "%s: Invalid value: %s",
					   field, why));
}

static struct doc *read_spec(struct call *k, struct doc *request)
{
	struct arena *m = &k->arena;
	struct doc *spec = doc_need_map(m, request, "spec");
	struct doc *audiences = doc_get(spec, "audiences");
	if (!audiences || !audiences->count) {
		audiences = doc_set(m, spec, "audiences", doc_new(m, DOC_ARRAY));
		doc_add(audiences, doc_str(m, CLAIMS_ISSUER));
	}
	doc_default(m, spec, "expirationSeconds", doc_int(m, SECONDS_DEFAULT));
	int64_t seconds = doc_get_int(spec, "expirationSeconds", 0);
	if (seconds < SECONDS_MIN)
		return invalid(k, "spec.expirationSeconds",
			       arena_printf(m,
					    "%lld: may not specify a duration less than 10 "
					    "minutes",
					    (long long)seconds));
	if (seconds > seconds_max)
		return invalid(k, "spec.expirationSeconds",
			       arena_printf(m,
					    "%lld: may not specify a duration larger than 2^32 "
					    "seconds",
					    (long long)seconds));
	return NULL;
}

static struct doc *decode(struct ctx *c, struct api *a, struct call *k)
{
	struct err e = {0};
	struct doc *bad = write_prepare(c, a, k, OBJ_CREATE);
	bad = bad ? bad : bad_kind(k);
	if (bad)
		return bad;
	k->review = doc_copy(&k->arena, k->writing.request.body);
	const struct schema_type *type = api_body_type(k->resource, k->sub);
	if (!doc_is(k->review, DOC_MAP) || schema_coerce(type, k->review, &k->arena, NULL, &e))
		return status_bad_request(&k->arena,
					  arena_printf(&k->arena,
						       "TokenRequest in version \"v1\" cannot be "
						       "handled as a TokenRequest: %s",
						       *e.text ? e.text : "it is no object"));
	doc_set_str(&k->arena, k->review, "kind", "TokenRequest");
	doc_set_str(&k->arena, k->review, "apiVersion", "authentication.k8s.io/v1");
	return read_spec(k, k->review);
}

/* ---- what the token is bound to */

static const struct kind {
	const char *kind, *resource;
	enum claims_bound place;
	bool namespaced;
} kinds[] = {
	{"Pod", "pods", CLAIMS_POD, true},
	{"Secret", "secrets", CLAIMS_SECRET, true},
	{"Node", "nodes", CLAIMS_NODE, false},
};

static const struct kind *kind_of(struct span kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (span_is(kind, kinds[i].kind))
			return &kinds[i];
	return NULL;
}

static struct view_object *object_of(const struct schema_resource *r, struct stream *s,
				     struct span namespace, struct span name)
{
	struct buf key = {0};
	schema_key(&key, r, namespace, name);
	struct view_object *o = view_get(s->view, span_buf(&key));
	buf_fini(&key);
	return o;
}

/* An object of the API's oldest group, or NULL; `wait`: not known yet. */
static struct view_object *core_object(struct ctx *c, struct api *a, const char *resource,
				       struct span namespace, struct span name,
				       const struct schema_resource **r, struct stream **wait)
{
	*r = schema_find(a->schema, (struct span){0}, span_of("v1"), span_of(resource));
	struct stream *s = api_stream(c, a, *r);
	if (view_synced(s->view))
		return object_of(*r, s, namespace, name);
	*wait = s;
	return NULL;
}

/* A pod's token tells where the pod is; by its name alone if that node is gone. */
static void tell_node(struct ctx *c, struct api *a, struct claims *t, struct mp pod,
		      struct stream **wait)
{
	const struct schema_resource *r;
	struct span name = mp_path_str(pod, "spec.nodeName");
	if (!name.len)
		return;
	struct view_object *o = core_object(c, a, "nodes", (struct span){0}, name, &r, wait);
	t->bound[CLAIMS_NODE] = (struct claims_ref){
		name, o ? mp_path_str(mp_of_bytes(o->value), "metadata.uid") : (struct span){0}};
}

static struct doc *unknown_kind(struct call *k, const struct doc *ref)
{
	struct span version = doc_get_str(ref, "apiVersion"), kind = doc_get_str(ref, "kind");
	return status_bad_request(
		&k->arena, arena_printf(&k->arena,
					"cannot bind token to object of type %s%.*s, Kind=%.*s",
					memchr(version.data, '/', version.len) ? "" : "/",
					(int)version.len, (const char *)version.data, (int)kind.len,
					(const char *)kind.data));
}

static struct doc *bind(struct ctx *c, struct api *a, struct call *k, struct claims *t,
			struct stream **wait)
{
	const struct schema_resource *r;
	const struct doc *ref = doc_path(k->review, "spec.boundObjectRef");
	const struct kind *kind = kind_of(doc_get_str(ref, "kind"));
	struct span name = doc_get_str(ref, "name"), uid = doc_get_str(ref, "uid");
	if (!doc_is(ref, DOC_MAP))
		return NULL;
	if (!kind || !span_is(doc_get_str(ref, "apiVersion"), "v1"))
		return unknown_kind(k, ref);
	struct view_object *o = core_object(c, a, kind->resource,
					    kind->namespaced ? k->namespace : (struct span){0},
					    name, &r, wait);
	if (!o)
		return *wait ? NULL : status_not_found(&k->arena, r, name);
	struct mp object = mp_of_bytes(o->value);
	struct span is = mp_path_str(object, "metadata.uid");
	if (uid.len && !span_eq(uid, is))
		return status_conflict(
			&k->arena, r, name,
			arena_printf(&k->arena,
				     "the UID in the bound object reference (%.*s) does not match "
				     "the UID in record. The object might have been deleted and "
				     "then recreated",
				     (int)uid.len, (const char *)uid.data));
	struct span account = mp_path_str(object, "spec.serviceAccountName");
	if (kind->place == CLAIMS_POD && !span_eq(account, k->name))
		return status_bad_request(
			&k->arena,
			arena_printf(&k->arena,
				     "cannot bind token for serviceaccount \"%.*s\" to pod running "
				     "with different serviceaccount name.",
				     (int)k->name.len, (const char *)k->name.data));
	t->bound[kind->place] = (struct claims_ref){name, is};
	if (kind->place == CLAIMS_POD)
		tell_node(c, a, t, object, wait);
	return NULL;
}

/* ---- the token */

static void put_id(struct ctx *c, struct call *k, struct claims *t)
{
	uint8_t b[16];
	ctx_random_bytes(c, b, sizeof b);
	char *id = arena_alloc(&k->arena, CLAIMS_ID_BYTES);
	claims_id(b, id);
	t->id = span_of(id);
}

static void put_metadata(struct call *k, int64_t now_us, int64_t until_us)
{
	struct arena *m = &k->arena;
	char text[RFC3339_MAX];
	struct doc *meta = doc_set(m, k->review, "metadata", doc_new(m, DOC_MAP));
	struct doc *status = doc_set(m, k->review, "status", doc_new(m, DOC_MAP));
	doc_set(m, meta, "name", doc_span(m, k->name));
	doc_set(m, meta, "namespace", doc_span(m, k->namespace));
	rfc3339_format(now_us, text);
	doc_set_str(m, meta, "creationTimestamp", arena_dup(m, text));
	rfc3339_format(until_us, text);
	doc_set_str(m, status, "expirationTimestamp", arena_dup(m, text));
}

static void sign(struct ctx *c, struct api *a, struct call *k, struct claims *t)
{
	struct buf payload = {0};
	int64_t seconds = doc_path_int(k->review, "spec.expirationSeconds", 0);
	t->issued_s = ctx_wall_us(c) / 1000000;
	t->until_s = t->issued_s + seconds;
	t->audiences = doc_path(k->review, "spec.audiences");
	put_id(c, k, t);
	put_metadata(k, ctx_wall_us(c), t->until_s * 1000000);
	claims_write(&payload, t);
	ctx_port_call(c, a->port, HTTP_SIGN, k->id, 0, bytes_take(&payload));
}

/* Everything it rests on is looked at in one turn. */
static void grant(struct ctx *c, struct api *a, struct call *k)
{
	const struct schema_resource *r =
		schema_find(a->schema, (struct span){0}, span_of("v1"), span_of("serviceaccounts"));
	struct view *v = fresh_view(c, a, k, grant);
	struct stream *wait = NULL;
	if (!v)
		return;
	struct view_object *o =
		object_of(r, omap_get(&a->streams, view_stream(v)), k->namespace, k->name);
	if (!o) {
		answer_status(c, a, k, status_not_found(&k->arena, r, k->name));
		return;
	}
	struct claims t = {
		.namespace = k->namespace,
		.account = {k->name, mp_path_str(mp_of_bytes(o->value), "metadata.uid")}};
	struct doc *bad = bind(c, a, k, &t, &wait);
	if (wait)
		await_view(c, k, wait, grant);
	else if (bad)
		answer_status(c, a, k, bad);
	else
		sign(c, a, k, &t);
}

bool is_token_request(const struct call *k)
{
	return strcmp(k->sub, "token") == 0 &&
	       strcmp(k->resource->resource, "serviceaccounts") == 0;
}

void token_request_start(struct ctx *c, struct api *a, struct call *k)
{
	struct doc *bad = decode(c, a, k);
	if (bad)
		answer_status(c, a, k, bad);
	else
		grant(c, a, k);
}

void token_request_signed(struct ctx *c, struct api *a, struct call *k, struct span token)
{
	struct buf b = {0};
	if (!token.len) {
		answer_status(c, a, k,
			      status_failure(&k->arena, 500, "InternalError",
					     "this cluster has no key for tokens"));
		return;
	}
	doc_set(&k->arena, doc_get(k->review, "status"), "token", doc_span(&k->arena, token));
	(void)schema_coerce(api_body_type(k->resource, k->sub), k->review, &k->arena, NULL, NULL);
	doc_to_mp(&b, k->review);
	answer_object(c, a, k, 201, mp_of(span_buf(&b)), 0);
	buf_fini(&b);
}
