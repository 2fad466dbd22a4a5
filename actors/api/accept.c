/* In which form an answer is written: what the client accepts, in its order,
 * of what the resource has. JSON and YAML; protobuf of what has a type in it;
 * tables and bare metadata of objects that are kept. */
#include <string.h>

#include "actors/api/api_private.h"

static bool has(struct span s, const char *text)
{
	return s.len && memmem(s.data, s.len, text, strlen(text)) != NULL;
}

static bool ends(struct span s, const char *text)
{
	size_t n = strlen(text);
	return s.len >= n && memcmp(s.data + s.len - n, text, n) == 0;
}

/* Tables and PartialObjectMetadata are of stored objects; the answer to a
 * question (a review, a token) is neither. */
static bool has_parts(const struct call *k)
{
	return k->resource->stored != NULL;
}

/* Protobuf has no tables and no part of an object; custom kinds have none. */
static bool has_protobuf(const struct call *k)
{
	return api_body_type(k->resource, k->sub) != NULL;
}

static bool is_watch(const struct call *k)
{
	return call_watches(k);
}

/* Whether one of the listed types can be had; the call is marked with it. */
static bool take_one(struct call *k, struct span type)
{
	bool transformed = has(type, "as=");
	bool yaml = has(type, "yaml"), json = has(type, "json") || has(type, "*/*") ||
					      has(type, "application/*") || !type.len;
	enum api_form form = FORM_OBJECT;
	if (has(type, PROTOBUF_TYPE)) {
		if (transformed || !has_protobuf(k))
			return false;
		k->form = FORM_PROTOBUF;
		k->yaml = false;
		return true;
	}
	bool v1 = has(type, "v=v1;") || ends(type, "v=v1");
	bool beta = has(type, "v=v1beta1;") || ends(type, "v=v1beta1");
	if (transformed && !(has(type, "g=meta.k8s.io") && (v1 || beta)))
		return false;
	if (transformed)
		form = has(type, "as=Table")		     ? FORM_TABLE
		       : has(type, "as=PartialObjectMetadata") ? FORM_METADATA
							     : FORMS;
	if ((!json && !yaml) || form == FORMS || (form != FORM_OBJECT && !has_parts(k)))
		return false;
	if (yaml && is_watch(k))
		return false; /* a stream of documents, that nobody reads */
	k->form = form;
	k->yaml = yaml;
	k->as.version = transformed && beta ? META_V1BETA1 : META_V1;
	k->as_list = has(type, "as=PartialObjectMetadataList");
	return true;
}

/* How much a listed type is wanted, in thousandths. */
static int quality(struct span type)
{
	struct span part;
	int q = 1000;
	while (span_next(&type, ';', &part)) {
		if (part.len < 3 || memcmp(part.data, "q=", 2) != 0)
			continue;
		q = part.data[2] == '1' ? 1000 : 0;
		int unit = q ? 0 : 100;
		for (size_t i = 4; i < part.len && unit && part.data[i] >= '0' && part.data[i] <= '9'; i++) {
			q += unit * (part.data[i] - '0');
			unit /= 10;
		}
	}
	return q;
}

/* The one form is of lists, the other of all else. What watches is neither. */
static const char *mismatch(struct call *k)
{
	bool get = span_is(k->method, "GET"), list = get && !k->name.len;
	if (k->form != FORM_METADATA || is_watch(k) || list == k->as_list)
		return NULL;
	if (list)
		return arena_printf(&k->arena, "you requested PartialObjectMetadata, but the requested "
					       "object is a list (%s)", k->resource->list_kind);
	return k->as_list && (k->name.len || !span_is(k->method, "DELETE"))
		       ? arena_printf(&k->arena, "you requested PartialObjectMetadataList, but the "
						 "requested object is not a list (%s)", k->resource->kind)
		       : NULL;
}

/* The most wanted that can be had, of equals the first. */
static bool negotiate(struct call *k)
{
	struct span rest = k->accept, type = {0};
	int best = -1;
	if (!rest.len)
		return take_one(k, type);
	while (span_next(&rest, ',', &type)) {
		int q = quality(type);
		if (q > best && take_one(k, type))
			best = q;
	}
	return best >= 0;
}

struct doc *accept_negotiate(struct call *k)
{
	bool found = negotiate(k);
	const char *why = found ? mismatch(k) : NULL;
	if (found && !why)
		return NULL;
	k->form = FORM_OBJECT;
	return why ? status_failure(&k->arena, 406, "NotAcceptable", why)
		   : status_not_acceptable(&k->arena, is_watch(k) ? "application/json;stream=watch, " PROTOBUF_TYPE ";stream=watch"
							  : "application/json, application/yaml, " PROTOBUF_TYPE);
}
