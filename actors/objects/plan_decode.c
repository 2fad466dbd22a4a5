/* Bodies: from a parsed tree to an object of the resource's type. */
#include "actors/objects/convert.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/schema/json.h"

/* Kubernetes tells type errors in a patched object as a fault of the patch. */
static void refuse_type(struct write *w, const struct doc *body, bool patched, const char *why)
{
	struct span kind = doc_get_str(body, "kind");
	if (patched) {
		const struct schema_resource none = {.group = "", .kind = "", .resource = ""};
		struct buf b = {0};
		json_from_doc(&b, body);
		field_invalid(&w->faults, FPATH(NULL, "patch"), span_buf(&b), why);
		buf_fini(&b);
		plan_refuse(w, status_invalid(w->a, &none, (struct span){0}, &w->faults.errors));
		return;
	}
	plan_bad_request(w, "%.*s in version \"%s\" cannot be handled as a %s: %s",
			 (int)(kind.len ? kind.len : strlen(w->r->kind)),
			 kind.len ? (const char *)kind.data : w->r->kind, w->r->version, w->r->kind,
			 why);
}

/* The beginning of a body, as Kubernetes shows it. */
static const char *summary(struct write *w, const struct doc *body)
{
	enum { SHOWN = 30 };
	struct buf b = {0};
	json_from_doc(&b, body);
	const char *text = arena_printf(w->a, "%.*s%s", (int)(b.len < SHOWN ? b.len : SHOWN),
					(const char *)b.data, b.len > SHOWN ? " ..." : "");
	buf_fini(&b);
	return text;
}

static void refuse_unrecognized(struct write *w, const struct doc *body, const char *kind,
				const char *why)
{
	plan_bad_request(w,
			 "the object provided is unrecognized (must be of type %s): couldn't get "
			 "version/kind; json parse error: %s (%s)",
			 kind, why, summary(w, body));
}

/* Text, or nothing at all. */
static bool is_text(struct write *w, const struct doc *body, const char *field, const char *kind)
{
	const struct doc *d = doc_get(body, field);
	if (!d || d->type == DOC_STR || d->type == DOC_NULL)
		return true;
	refuse_unrecognized(w, body, kind,
			    arena_printf(w->a,
					 "json: cannot unmarshal %s into Go struct field .%s of "
					 "type string",
					 doc_type_name(d->type), field));
	return false;
}

bool plan_check_kind(struct write *w, const struct doc *body, const char *expected,
		     const char *const *versions)
{
	struct span version = doc_get_str(body, "apiVersion"), kind = doc_get_str(body, "kind");
	if (!doc_is(body, DOC_MAP)) {
		refuse_unrecognized(w, body, expected, "the body is no object");
		return false;
	}
	if (!is_text(w, body, "apiVersion", expected) || !is_text(w, body, "kind", expected))
		return false;
	const char *const *v = versions;
	while (*v && !span_is(version, *v))
		v++;
	if (version.len && !*v) {
		plan_bad_request(w,
				 "the API version in the data (%.*s) does not match the expected "
				 "API version (%s)",
				 (int)version.len, version.data, *versions);
		return false;
	}
	if (!kind.len || span_is(kind, expected))
		return true;
	const char *group_end = strchr(*versions, '/');
	plan_bad_request(w,
			 "%.*s in version \"%s\" cannot be handled as a %s: no kind \"%.*s\" is "
			 "known for this resource",
			 (int)kind.len, kind.data, group_end ? group_end + 1 : *versions, expected,
			 (int)kind.len, kind.data);
	return false;
}

/* apiVersion and kind say what the URL says; they may be missing. */
static bool check_type_meta(struct write *w, struct doc *body)
{
	const char *const versions[] = {schema_api_version(w->r, w->a), NULL};
	if (!plan_check_kind(w, body, w->r->kind, versions))
		return false;
	doc_set_str(w->a, body, "apiVersion", versions[0]);
	doc_set_str(w->a, body, "kind", w->r->kind);
	return true;
}

/* A row without a type (a custom resource) still has Kubernetes' metadata. */
static int coerce(struct write *w, struct doc *body, struct notes *unknown, struct err *e)
{
	if (w->r->type)
		return schema_coerce(w->r->type, body, w->a, unknown, e);
	struct doc *m = doc_need_map(w->a, body, "metadata");
	return m ? schema_coerce(schema_type("meta/v1.ObjectMeta"), m, w->a, unknown, e)
		 : err_set(e, ERR_INVALID, "json: cannot unmarshal metadata into an object");
}

static void warn(struct write *w, const struct notes *from)
{
	for (const struct note *n = from ? from->first : NULL; n; n = n->next)
		notes_add(&w->plan->warnings, w->a, "%s", n->text);
}

/* Unknown and duplicate fields, as fieldValidation says. */
static bool judge_notes(struct write *w, const struct doc *body, const struct notes *unknown)
{
	const struct notes *dups = w->req->duplicates;
	size_t count = unknown->count + (dups ? dups->count : 0);
	if (unknown->count && w->req->verb == OBJ_APPLY) {
		plan_refuse_undeclared(w, unknown);
		return false;
	}
	if (count == 0 || w->req->validation == OBJ_IGNORE)
		return true;
	if (w->req->validation == OBJ_WARN) {
		warn(w, dups);
		warn(w, unknown);
		return true;
	}
	const char *first = dups && dups->count ? notes_text(dups, w->a) : "";
	const char *second = notes_text(unknown, w->a);
	refuse_type(w, body, false,
		    arena_printf(w->a, "strict decoding error: %s%s%s", first,
				 *first && *second ? ", " : "", second));
	return false;
}

bool plan_decode(struct write *w, struct doc *body, bool patched)
{
	struct notes unknown = {0};
	struct err e = {0};
	if (!check_type_meta(w, body))
		return false;
	if (coerce(w, body, &unknown, &e)) {
		refuse_type(w, body, patched, e.text);
		return false;
	}
	if (!judge_notes(w, body, &unknown))
		return false;
	convert_in(w->a, w->r, body);
	w->obj = body;
	if (w->s->fills)
		rules_fill(w->a, body, w->s->fills);
	if (w->s->defaults)
		w->s->defaults(w);
	return true;
}
