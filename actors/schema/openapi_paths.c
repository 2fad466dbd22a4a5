/* Paths: what can be done with a resource, and how. */
#include <ctype.h>
#include <string.h>

#include "actors/schema/openapi.h"

/* ---- parameters of the query */

struct parameter {
	const char *name, *type, *description;
};

#define DRY_RUN                                                                                    \
	{                                                                                          \
		"dryRun", "string", "All: everything but the write."                               \
	}
#define MANAGER                                                                                    \
	{                                                                                          \
		"fieldManager", "string", "Who is said to own the fields that are set."            \
	}
#define VALIDATION                                                                                 \
	{                                                                                          \
		"fieldValidation", "string",                                                       \
			"What happens to unknown and duplicate fields: Ignore, Warn or Strict."    \
	}

static const struct parameter always[] = {
	{"pretty", "string", "Accepted for the sake of old clients; the output is never indented."},
	{NULL, NULL, NULL},
};
static const struct parameter on_list[] = {
	{"allowWatchBookmarks", "boolean", "Events of type BOOKMARK are welcome."},
	{"continue", "string", "Where a former list of the same query goes on."},
	{"fieldSelector", "string", "Only objects with these fields."},
	{"labelSelector", "string", "Only objects with these labels."},
	{"limit", "integer", "Items at most; the rest follows with `continue`."},
	{"resourceVersion", "string", "What the answer is to show at least, or exactly."},
	{"resourceVersionMatch", "string", "NotOlderThan or Exact."},
	{"sendInitialEvents", "boolean", "A watch begins with what is there."},
	{"timeoutSeconds", "integer", "When the watch ends."},
	{"watch", "boolean", "Changes as they happen, instead of a list."},
	{NULL, NULL, NULL},
};
static const struct parameter on_write[] = {DRY_RUN, MANAGER, VALIDATION, {NULL, NULL, NULL}};
static const struct parameter on_patch[] = {
	DRY_RUN,
	MANAGER,
	VALIDATION,
	{"force", "boolean", "Apply takes fields over from other managers."},
	{NULL, NULL, NULL},
};
static const struct parameter on_delete[] = {
	DRY_RUN,
	{"gracePeriodSeconds", "integer", "How long it may take to end; 0: at once."},
	{"orphanDependents", "boolean", "Old form of propagationPolicy."},
	{"propagationPolicy", "string", "Orphan, Background or Foreground."},
	{NULL, NULL, NULL},
};

/* ---- operations, by the verb that a resource lists */

enum body { BODY_NONE, BODY_OBJECT, BODY_PATCH, BODY_OPTIONS };
enum answer { ANSWER_OBJECT, ANSWER_LIST, ANSWER_STATUS };

struct operation {
	const char *verb, *method, *action, *id;
	bool item; /* of one object; else of all */
	enum body body;
	enum answer answer;
	const struct parameter *parameters;
};

static const struct operation operations[] = {
	{"list", "get", "list", "list", false, BODY_NONE, ANSWER_LIST, on_list},
	{"create", "post", "post", "create", false, BODY_OBJECT, ANSWER_OBJECT, on_write},
	{"deletecollection", "delete", "deletecollection", "deleteCollection", false, BODY_OPTIONS,
	 ANSWER_STATUS, on_delete},
	{"get", "get", "get", "read", true, BODY_NONE, ANSWER_OBJECT, NULL},
	{"update", "put", "put", "replace", true, BODY_OBJECT, ANSWER_OBJECT, on_write},
	{"delete", "delete", "delete", "delete", true, BODY_OPTIONS, ANSWER_STATUS, on_delete},
	{"patch", "patch", "patch", "patch", true, BODY_PATCH, ANSWER_OBJECT, on_patch},
};

/* What an operation is about. */
struct subject {
	struct openapi_types *t;
	const struct schema_resource *r;
	const struct schema_subresource *sub; /* or NULL */
	const struct schema_type *type;	      /* of the object; NULL: any */
	bool namespaced;
};

/* ---- parts of one */

static struct doc *parameter(struct openapi_types *t, const char *name, const char *in,
			     const char *type, const char *description)
{
	struct arena *a = t->arena;
	struct doc *d = doc_new(a, DOC_MAP), *schema = d;
	if (description)
		doc_set_str(a, d, "description", description);
	doc_set_str(a, d, "in", in);
	doc_set_str(a, d, "name", name);
	if (strcmp(in, "path") == 0)
		doc_set_bool(a, d, "required", true);
	if (t->version == OPENAPI_V3)
		schema = doc_set(a, d, "schema", doc_new(a, DOC_MAP));
	doc_set_str(a, schema, "type", type);
	doc_set_bool(a, schema, "uniqueItems", true);
	return d;
}

static void add_parameters(struct openapi_types *t, struct doc *list, const struct parameter *p)
{
	for (; p && p->name; p++)
		doc_add(list, parameter(t, p->name, "query", p->type, p->description));
}

static struct doc *any_object(struct openapi_types *t)
{
	struct doc *d = doc_new(t->arena, DOC_MAP);
	doc_set_str(t->arena, d, "type", "object");
	return d;
}

static struct doc *schema_named(struct openapi_types *t, const char *name)
{
	const struct schema_type *type = schema_type(name);
	return type ? openapi_type(t, type) : any_object(t);
}

static struct doc *object_schema(const struct subject *s)
{
	return s->type ? openapi_type(s->t, s->type) : any_object(s->t);
}

static struct doc *body_schema(const struct subject *s, enum body body)
{
	return body == BODY_OBJECT    ? object_schema(s)
	       : body == BODY_OPTIONS ? schema_named(s->t, "meta/v1.DeleteOptions")
				      : any_object(s->t);
}

static struct doc *answer_schema(const struct subject *s, enum answer answer)
{
	if (answer == ANSWER_STATUS)
		return schema_named(s->t, "meta/v1.Status");
	return answer == ANSWER_LIST && s->type ? openapi_list_type(s->t, s->r) : object_schema(s);
}

static const char *const patches[] = {"application/json-patch+json", "application/merge-patch+json",
				      "application/strategic-merge-patch+json",
				      "application/apply-patch+yaml", NULL};
static const char *const media[] = {"application/json", "application/yaml",
				    "application/vnd.kubernetes.protobuf", NULL};

static struct doc *texts(struct arena *a, const char *const *list)
{
	struct doc *d = doc_new(a, DOC_ARRAY);
	for (; *list; list++)
		doc_add(d, doc_str(a, *list));
	return d;
}

static struct doc *content(struct arena *a, const char *const *types, struct doc *schema)
{
	struct doc *d = doc_new(a, DOC_MAP);
	for (; *types; types++)
		doc_set(a, doc_set(a, d, *types, doc_new(a, DOC_MAP)), "schema",
			doc_copy(a, schema));
	return d;
}

static void put_body(const struct subject *s, struct doc *d, struct doc *parameters, enum body body)
{
	struct arena *a = s->t->arena;
	const char *const *types = body == BODY_PATCH ? patches : media;
	if (body == BODY_NONE)
		return;
	struct doc *schema = body_schema(s, body), *at = doc_new(a, DOC_MAP);
	bool required = body != BODY_OPTIONS;
	if (s->t->version == OPENAPI_V3) {
		doc_set(a, at, "content", content(a, types, schema));
		if (required)
			doc_set_bool(a, at, "required", true);
		doc_set(a, d, "requestBody", at);
		return;
	}
	doc_set(a, d, "consumes", texts(a, body == BODY_PATCH ? patches : media));
	doc_set_str(a, at, "in", "body");
	doc_set_str(a, at, "name", "body");
	if (required)
		doc_set_bool(a, at, "required", true);
	doc_set(a, at, "schema", schema);
	doc_add(parameters, at);
}

static void put_answers(const struct subject *s, struct doc *d, enum answer answer)
{
	struct arena *a = s->t->arena;
	struct doc *all = doc_set(a, d, "responses", doc_new(a, DOC_MAP));
	struct doc *good = doc_set(a, all, "200", doc_new(a, DOC_MAP));
	struct doc *schema = answer_schema(s, answer);
	doc_set_str(a, good, "description", "OK");
	if (s->t->version == OPENAPI_V3)
		doc_set(a, good, "content", content(a, media, schema));
	else
		doc_set(a, good, "schema", schema);
	doc_set_str(a, doc_set(a, all, "401", doc_new(a, DOC_MAP)), "description", "Unauthorized");
}

/* ---- names: "rbac.authorization.k8s.io" is RbacAuthorization */

static const char *camel_group(struct arena *a, const char *group)
{
	if (!*group)
		return "Core";
	const char *end = strstr(group, ".k8s.io");
	size_t n = end ? (size_t)(end - group) : strcspn(group, "."), out = 0;
	char *text = arena_ndup(a, group, n);
	bool up = true;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '.' || text[i] == '-') {
			up = true;
			continue;
		}
		text[out++] = (char)(up ? toupper(text[i]) : text[i]);
		up = false;
	}
	text[out] = 0;
	return text;
}

static const char *capital(struct arena *a, const char *text)
{
	char *t = arena_dup(a, text);
	*t = (char)toupper(*t);
	return t;
}

static const char *operation_id(const struct subject *s, const struct operation *o)
{
	struct arena *a = s->t->arena;
	bool all = s->r->namespaced && !s->namespaced;
	bool collection = strcmp(o->id, "deleteCollection") == 0;
	return arena_printf(a, "%s%s%s%s%s%s%s%s", collection ? "delete" : o->id,
			    camel_group(a, s->r->group), capital(a, s->r->version),
			    collection ? "Collection" : "", s->namespaced ? "Namespaced" : "",
			    s->r->kind, s->sub ? capital(a, s->sub->name) : "",
			    all ? "ForAllNamespaces" : "");
}

static void put_kind(const struct subject *s, struct doc *d)
{
	struct arena *a = s->t->arena;
	struct doc *gvk = doc_new(a, DOC_MAP);
	const struct schema_subresource *sub = s->sub;
	bool own = !sub || (!*sub->group && !*sub->version);
	doc_set_str(a, gvk, "group", own ? s->r->group : sub->group);
	doc_set_str(a, gvk, "kind", sub ? sub->kind : s->r->kind);
	doc_set_str(a, gvk, "version", own ? s->r->version : sub->version);
	doc_set(a, d, "x-kubernetes-group-version-kind", gvk);
}

static const char *sentence(const struct subject *s, const struct operation *o)
{
	return arena_printf(s->t->arena, "%s %s%s%s", o->id, s->sub ? s->sub->name : "",
			    s->sub ? " of " : "", s->r->kind);
}

static void put_operation(const struct subject *s, struct doc *path, const struct operation *o)
{
	struct arena *a = s->t->arena;
	struct doc *d = doc_set(a, path, o->method, doc_new(a, DOC_MAP));
	struct doc *parameters = doc_new(a, DOC_ARRAY);
	const char *version = s->r->version;
	doc_set_str(a, d, "description", sentence(s, o));
	doc_set_str(a, d, "operationId", operation_id(s, o));
	doc_add(doc_set(a, d, "tags", doc_new(a, DOC_ARRAY)),
		doc_printf(a, "%s_%s", *s->r->group ? s->r->group : "core", version));
	put_body(s, d, parameters, o->body);
	add_parameters(s->t, parameters, o->parameters);
	if (s->t->version == OPENAPI_V2)
		doc_set(a, d, "produces", texts(a, media));
	doc_set(a, d, "parameters", parameters);
	put_answers(s, d, o->answer);
	doc_set_str(a, d, "x-kubernetes-action", o->action);
	put_kind(s, d);
}

/* ---- one path */

static struct doc *path_of(const struct subject *s, struct doc *paths, bool item)
{
	struct arena *a = s->t->arena;
	const struct schema_resource *r = s->r;
	const char *name = arena_printf(
		a, "/%s%s%s/%s%s/%s%s%s%s", *r->group ? "apis" : "api", *r->group ? "/" : "",
		r->group, r->version, s->namespaced ? "/namespaces/{namespace}" : "", r->resource,
		item ? "/{name}" : "", s->sub ? "/" : "", s->sub ? s->sub->name : "");
	struct doc *d = doc_get(paths, name);
	if (d)
		return d;
	d = doc_set(a, paths, name, doc_new(a, DOC_MAP));
	struct doc *list = doc_new(a, DOC_ARRAY);
	if (item)
		doc_add(list, parameter(s->t, "name", "path", "string", "name of the object"));
	if (s->namespaced)
		doc_add(list, parameter(s->t, "namespace", "path", "string", "its namespace"));
	add_parameters(s->t, list, always);
	doc_set(a, d, "parameters", list);
	return d;
}

static void put_verbs(const struct subject *s, struct doc *paths, const char *const *verbs)
{
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		const struct operation *o = &operations[i];
		if (schema_has_verb(verbs, o->verb))
			put_operation(s, path_of(s, paths, s->sub || o->item), o);
	}
}

/* What a subresource takes and gives. */
static const struct schema_type *type_of_sub(const struct schema_resource *r,
					     const struct schema_subresource *sub, struct arena *a)
{
	if (strcmp(sub->kind, r->kind) == 0)
		return r->type;
	int n = (int)strcspn(sub->group, ".");
	return schema_type(arena_printf(a, "%.*s/%s.%s", n ? n : 4, n ? sub->group : "core",
					sub->version, sub->kind));
}

void openapi_paths(struct openapi_types *t, struct doc *paths, const struct schema_resource *r)
{
	static const char *const list_only[] = {"list", NULL};
	struct subject s = {.t = t, .r = r, .type = r->type, .namespaced = r->namespaced};
	put_verbs(&s, paths, r->verbs);
	if (r->namespaced && schema_has_verb(r->verbs, "list")) {
		struct subject all = s;
		all.namespaced = false;
		put_verbs(&all, paths, list_only);
	}
	for (size_t i = 0; i < r->subresource_count; i++) {
		struct subject sub = s;
		sub.sub = &r->subresources[i];
		sub.type = type_of_sub(r, sub.sub, t->arena);
		put_verbs(&sub, paths, sub.sub->verbs);
	}
}
