/* Writes: create, update, patch, delete. The plan is made by actors/objects
 * from what this cell knows; the store decides. A conflict brings the rows as
 * they are, and the plan is made again from those. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "actors/api/api_private.h"
#include "actors/schema/protobuf.h"
#include "actors/schema/yaml.h"

enum { MANAGER_BYTES_MAX = 128 };

static struct view *view_of(void *arg, struct span stream)
{
	struct api *a = arg;
	struct stream *s = omap_get(&a->streams, stream);
	return s ? s->view : NULL;
}

static void answer_write(struct ctx *c, struct api *a, struct call *k)
{
	struct obj_answer *r = &k->writing.plan.answer;
	if (r->status)
		answer_status(c, a, k, r->status);
	else
		answer_object(c, a, k, r->code, mp_of_bytes(r->object), r->version);
}

void write_outcome(struct ctx *c, struct api *a, struct call *k, const struct store_outcome *o)
{
	if (!writing_outcome(c, &k->writing, o, k->id))
		return;
	if (k->deletion)
		delete_collection_next(c, a, k);
	else
		answer_write(c, a, k);
}

/* ---- from HTTP to a request */

static const struct verb_row {
	const char *method, *type;
	enum obj_verb verb;
} verbs[] = {
	{"POST", NULL, OBJ_CREATE},
	{"PUT", NULL, OBJ_UPDATE},
	{"DELETE", NULL, OBJ_DELETE},
	{"PATCH", "application/merge-patch+json", OBJ_PATCH_MERGE},
	{"PATCH", "application/json-patch+json", OBJ_PATCH_JSON},
	{"PATCH", "application/strategic-merge-patch+json", OBJ_PATCH_STRATEGIC},
	{"PATCH", "application/apply-patch+yaml", OBJ_APPLY},
};

static bool type_is(struct span type, const char *want)
{
	size_t n = strlen(want);
	return type.len >= n && strncasecmp((const char *)type.data, want, n) == 0 &&
	       (type.len == n || type.data[n] == ';' || type.data[n] == ' ');
}

static bool find_verb(const struct call *k, enum obj_verb *verb)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (span_is(k->method, verbs[i].method) &&
		    (!verbs[i].type || type_is(k->content_type, verbs[i].type))) {
			*verb = verbs[i].verb;
			return true;
		}
	}
	return false;
}

static bool is_yaml(const struct call *k)
{
	return type_is(k->content_type, "application/yaml") ||
	       type_is(k->content_type, "application/apply-patch+yaml");
}

static bool is_protobuf(const struct call *k)
{
	return type_is(k->content_type, PROTOBUF_TYPE);
}

static const char *refused_type(const struct call *k)
{
	if (span_is(k->method, "PATCH"))
		return "the body of the request was in an unknown format - accepted "
		       "media types include: application/json-patch+json, "
		       "application/merge-patch+json, "
		       "application/strategic-merge-patch+json, application/apply-patch+yaml";
	if (!k->content_type.len || type_is(k->content_type, "application/json") || is_yaml(k) ||
	    is_protobuf(k))
		return NULL;
	return "the body of the request was in an unknown format - accepted media types include: "
	       "application/json, application/yaml, " PROTOBUF_TYPE;
}

static struct doc *bad_option(struct call *k, const char *name, enum field_fault fault,
			      const char *text)
{
	static const char *const kinds[] = {
		[OBJ_CREATE] = "CreateOptions",		[OBJ_UPDATE] = "UpdateOptions",
		[OBJ_PATCH_MERGE] = "PatchOptions",	[OBJ_PATCH_JSON] = "PatchOptions",
		[OBJ_PATCH_STRATEGIC] = "PatchOptions", [OBJ_APPLY] = "PatchOptions",
		[OBJ_DELETE] = "DeleteOptions"};
	struct field_error one = {.field = name, .fault = fault, .text = text};
	struct field_errors all = {&one, &one, 1};
	return status_invalid_options(&k->arena, kinds[k->writing.request.verb], &all);
}

/* Every value of dryRun counts: one that is not known, also none, must not write. */
static struct doc *read_dry_run(struct call *k)
{
	struct mp args = k->args;
	struct span key, value;
	struct buf shown = {0};
	bool known = true;
	size_t n, two;
	if (mp_array(&args, &n))
		n = 0;
	while (n-- && mp_array(&args, &two) == 0 && mp_str(&args, &key) == 0 &&
	       mp_str(&args, &value) == 0) {
		if (!span_is(key, "dryRun"))
			continue;
		known = known && span_is(value, "All");
		buf_puts(&shown, shown.len ? ", " : "");
		json_string(&shown, value);
	}
	k->writing.request.dry_run = shown.len > 0;
	struct doc *bad =
		known ? NULL
		      : bad_option(k, "dryRun", FIELD_NOT_SUPPORTED,
				   arena_printf(&k->arena, "Unsupported value: []string{%s}: supported values: \"All\"",
						buf_text(&shown)));
	buf_fini(&shown);
	return bad;
}

/* Who writes is named in each object: by a short word that can be read. */
static struct doc *bad_manager(struct call *k)
{
	struct span name = call_arg(k, "fieldManager");
	if (k->writing.request.verb == OBJ_DELETE)
		return NULL;
	if (name.len > MANAGER_BYTES_MAX)
		return bad_option(k, "fieldManager", FIELD_TOO_LONG,
				  "Too long: may not be more than 128 bytes");
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (c >= ' ' && c != 0x7f)
			continue;
		struct buf shown = {0};
		json_string(&shown, name);
		struct doc *bad = bad_option(
			k, "fieldManager", FIELD_INVALID,
			arena_printf(&k->arena, "Invalid value: %.*s: invalid character U+%04X (at position %zu)",
				     (int)shown.len, (const char *)shown.data, c, i));
		buf_fini(&shown);
		return bad;
	}
	return NULL;
}

/* How it is deleted, as the query says where there is no body. */
static struct doc *read_delete_options(struct call *k)
{
	static const char *const names[] = {"gracePeriodSeconds", "propagationPolicy",
					    "orphanDependents", "uid", NULL};
	struct span policy = call_arg(k, "propagationPolicy");
	if (k->body.len)
		return NULL;
	for (int i = 0; names[i]; i++) {
		struct span v = call_arg(k, names[i]);
		struct doc *bad = v.data ? obj_delete_option(&k->writing.request.del, &k->arena,
							     span_of(names[i]), v)
					 : NULL;
		if (bad)
			return bad;
	}
	if (!policy.data || !call_arg(k, "orphanDependents").data)
		return NULL;
	return bad_option(k, "propagationPolicy", FIELD_INVALID,
			  arena_printf(&k->arena,
				       "Invalid value: \"%.*s\": orphanDependents and "
				       "deletionPropagation cannot be both set",
				       (int)policy.len, (const char *)policy.data));
}

/* What is done about unknown and duplicate fields; nobody asks of deletions. */
static struct doc *read_validation(struct call *k)
{
	static const struct {
		const char *word;
		enum obj_validation means;
	} known[] = {{"", OBJ_WARN}, {"Ignore", OBJ_IGNORE}, {"Strict", OBJ_STRICT}, {"Warn", OBJ_WARN}};
	struct span v = call_arg(k, "fieldValidation");
	struct obj_request *q = &k->writing.request;
	q->validation = OBJ_WARN;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (span_is(v, known[i].word)) {
			q->validation = known[i].means;
			return NULL;
		}
	}
	if (q->verb == OBJ_DELETE)
		return NULL;
	struct buf shown = {0};
	json_string(&shown, v);
	struct doc *bad = bad_option(
		k, "fieldValidation", FIELD_NOT_SUPPORTED,
		arena_printf(&k->arena,
			     "Unsupported value: %s: supported values: \"\", \"Ignore\", \"Strict\", "
			     "\"Warn\"",
			     buf_text(&shown)));
	buf_fini(&shown);
	return bad;
}

static struct doc *read_options(struct call *k)
{
	struct obj_request *q = &k->writing.request;
	q->del.grace_s = -1;
	q->advise = true;
	struct doc *bad = q->verb == OBJ_DELETE ? read_delete_options(k) : NULL;
	if (bad)
		return bad;
	bad = read_dry_run(k);
	bad = bad ? bad : read_validation(k);
	if (bad)
		return bad;
	if (q->force && span_is(k->method, "PATCH") && q->verb != OBJ_APPLY)
		return bad_option(k, "force", FIELD_FORBIDDEN,
				  "Forbidden: may not be specified for non-apply patch");
	return bad_manager(k);
}

static const struct schema_type *body_type(const struct call *k)
{
	return k->writing.request.verb == OBJ_DELETE ? schema_type("meta/v1.DeleteOptions")
						     : api_body_type(k->resource, k->sub);
}

static int read_protobuf(struct call *k, struct doc **body, struct err *e)
{
	struct protobuf_body envelope;
	const struct schema_type *type = body_type(k);
	int rc = protobuf_open(k->body, &envelope, e);
	if (rc == 0 && !type)
		rc = err_set(e, ERR_UNSUPPORTED, "%s has no protobuf form", k->resource->kind);
	if (rc == 0)
		rc = protobuf_parse(&k->arena, type, envelope.raw, body, e);
	if (rc == 0 && envelope.api_version.len)
		doc_set(&k->arena, *body, "apiVersion", doc_span(&k->arena, envelope.api_version));
	if (rc == 0 && envelope.kind.len)
		doc_set(&k->arena, *body, "kind", doc_span(&k->arena, envelope.kind));
	return rc;
}

static int parse_body(struct call *k, struct doc **body, struct notes *dups, struct err *e)
{
	if (is_protobuf(k))
		return read_protobuf(k, body, e);
	return is_yaml(k) ? yaml_parse(&k->arena, k->body, body, dups, e)
			  : json_parse(&k->arena, k->body, body, dups, e);
}

/* The beginning of a body: text where it looks like an object, digits elsewhere. */
static const char *summary(struct call *k)
{
	enum { SHOWN = 30 };
	struct buf b = {0};
	size_t n = k->body.len < SHOWN ? k->body.len : SHOWN;
	bool text = k->body.len && k->body.data[0] == '{';
	if (!k->body.len)
		return "<empty>";
	for (size_t i = 0; i < n; i++)
		if (text)
			buf_putc(&b, (char)k->body.data[i]);
		else
			buf_printf(&b, "%02x", k->body.data[i]);
	const char *shown = arena_printf(&k->arena, "%s%s", buf_text(&b), k->body.len > n ? " ..." : "");
	buf_fini(&b);
	return shown;
}

/* Why a body could not be read; of an object as Kubernetes says it. */
static const char *unreadable(struct call *k, const char *why)
{
	enum obj_verb verb = k->writing.request.verb;
	bool object = verb == OBJ_CREATE || verb == OBJ_UPDATE;
	if (verb == OBJ_APPLY)
		return arena_printf(&k->arena, "error decoding YAML: %s", why);
	if (!object || is_yaml(k))
		return arena_printf(&k->arena, "error decoding the body: %s", why);
	const struct schema_subresource *sub =
		*k->sub ? schema_subresource(k->resource, span_of(k->sub)) : NULL;
	return arena_printf(&k->arena, "the object provided is unrecognized (must be of type %s): %s%s (%s)",
			    sub ? sub->kind : k->resource->kind,
			    is_protobuf(k) ? "" : "couldn't get version/kind; json parse error: ", why,
			    summary(k));
}

/* Nothing is an object without fields, where one is asked for. */
static bool is_nothing(const struct call *k, const struct doc *body)
{
	enum obj_verb verb = k->writing.request.verb;
	return body->type == DOC_NULL &&
	       (verb == OBJ_CREATE || verb == OBJ_UPDATE || verb == OBJ_APPLY);
}

static struct doc *read_body(struct call *k)
{
	struct err e = {0};
	struct doc *body = NULL;
	struct notes *dups = arena_alloc(&k->arena, sizeof *dups);
	enum obj_verb verb = k->writing.request.verb;
	if (k->too_large)
		return status_too_large(&k->arena,
					arena_printf(&k->arena, "limit is %d", HTTP_BODY_MAX));
	if (k->body.len == 0 && verb == OBJ_DELETE)
		return NULL;
	if (verb == OBJ_DELETE && refused_type(k))
		return status_unsupported_media_type(&k->arena, refused_type(k));
	if (k->body.len == 0 && verb == OBJ_APPLY)
		body = doc_new(&k->arena, DOC_NULL);
	else if (k->body.len == 0)
		return status_bad_request(&k->arena, unreadable(k, "unexpected end of JSON input"));
	else if (parse_body(k, &body, dups, &e))
		return status_bad_request(&k->arena, unreadable(k, e.text));
	k->writing.request.body = is_nothing(k, body) ? doc_new(&k->arena, DOC_MAP) : body;
	k->writing.request.duplicates = dups;
	return NULL;
}

struct doc *bad_kind(struct call *k)
{
	const struct schema_subresource *sub =
		*k->sub ? schema_subresource(k->resource, span_of(k->sub)) : NULL;
	const char *kind = sub ? sub->kind : k->resource->kind;
	const char *group = sub ? sub->group : k->resource->group;
	const char *version = sub ? sub->version : k->resource->version;
	const char *api = *group ? arena_printf(&k->arena, "%s/%s", group, version) : version;
	struct span is = doc_get_str(k->writing.request.body, "kind");
	struct span in = doc_get_str(k->writing.request.body, "apiVersion");
	if (in.len && !span_is(in, api))
		return status_bad_request(
			&k->arena, arena_printf(&k->arena,
						"the API version in the data (%.*s) does not match the "
						"expected API version (%s)",
						(int)in.len, (const char *)in.data, api));
	if (!is.len || span_is(is, kind))
		return NULL;
	return status_bad_request(
		&k->arena, arena_printf(&k->arena,
					"%.*s in version \"%s\" cannot be handled as a %s: no kind "
					"\"%.*s\" is known for this resource",
					(int)is.len, (const char *)is.data, version, kind, (int)is.len,
					(const char *)is.data));
}

void write_start(struct ctx *c, struct api *a, struct call *k)
{
	enum obj_verb verb;
	const char *refused = span_is(k->method, "DELETE") ? NULL : refused_type(k);
	bool patch = span_is(k->method, "PATCH");
	bool known = find_verb(k, &verb);
	if (!known || (refused && !patch)) {
		answer_status(c, a, k,
			      status_unsupported_media_type(&k->arena,
							    refused ? refused : "no such verb"));
		return;
	}
	/* Without its view the object that is to be changed is not known. */
	if (verb != OBJ_CREATE && !k->retry && !fresh_view(c, a, k, write_start))
		return;
	struct doc *bad = write_prepare(c, a, k, verb);
	if (bad)
		answer_status(c, a, k, bad);
	else if (writing_start(c, &k->writing, k->id))
		answer_write(c, a, k);
}

/* A Binding without its pod's path names the pod itself. */
static void bind_by_body(struct obj_request *q)
{
	q->resource = schema_find_stream(q->schema, span_of("pods"));
	q->subresource = "binding";
	q->name = doc_path_str(q->body, "metadata.name");
}

/* The first word of who calls, as far as it can be read. */
static struct span program_of(struct call *k)
{
	struct buf b = {0};
	for (size_t i = 0; i < k->agent.len && k->agent.data[i] != '/'; i++)
		if (k->agent.data[i] >= ' ' && k->agent.data[i] != 0x7f)
			buf_putc(&b, (char)k->agent.data[i]);
	size_t n = b.len > MANAGER_BYTES_MAX ? MANAGER_BYTES_MAX : b.len;
	while (n && n < b.len && (b.data[n] & 0xc0) == 0x80)
		n--; /* no half characters */
	struct span word = {(uint8_t *)arena_ndup(&k->arena, b.data, n), n};
	buf_fini(&b);
	return n ? word : span_of("unknown");
}

/* Who names nobody is called by his program; an apply must say. */
static struct span manager_of(struct call *k, enum obj_verb verb)
{
	struct span given = call_arg(k, "fieldManager");
	return given.len || verb == OBJ_APPLY ? given : program_of(k);
}

struct doc *write_prepare(struct ctx *c, struct api *a, struct call *k, enum obj_verb verb)
{
	writing_init(c, &k->writing, a->schema, k->resource, verb, view_of, a);
	struct obj_request *q = &k->writing.request;
	k->writing.permit = escalation;
	q->subresource = k->sub;
	q->namespace = k->namespace;
	q->name = k->name;
	q->field_manager = manager_of(k, verb);
	q->force = call_flag(k, "force");
	q->origin.principal = k->who.name;
	struct doc *bad = read_options(k);
	bad = bad ? bad : read_body(k);
	if (!bad && strcmp(k->resource->resource, "bindings") == 0)
		bind_by_body(q);
	return bad;
}
