/* Uids are version 4 (RFC 9562) from the request's entropy; the suffix of a
 * generated name is five letters of an alphabet without vowels and look-alikes.
 * Both are functions of the request: the same request plans the same object. A
 * retry with a new request id keeps the uid and takes another name, since the
 * one before may be what was in the way. */
#include "actors/objects/meta.h"

#include <stdio.h>

#include "actors/schema/rfc3339.h"

enum {
	ANNOTATIONS_BYTES_MAX = 256 * 1024,
	NAME_SUFFIX = 5,
	GENERATED_PREFIX_MAX = 58, /* 63 less the suffix */
};

struct doc *meta_of(const struct doc *obj)
{
	struct doc *m = doc_get(obj, "metadata");
	return doc_is(m, DOC_MAP) ? m : NULL;
}

bool meta_deleting(const struct doc *obj)
{
	return doc_is(doc_get(meta_of(obj), "deletionTimestamp"), DOC_STR);
}

bool meta_has_finalizers(const struct doc *obj)
{
	const struct doc *f = doc_get(meta_of(obj), "finalizers");
	return doc_is(f, DOC_ARRAY) && f->count > 0;
}

/* ---- what the server sets */

/* splitmix64 (S. Vigna): well-spread numbers from a counter. */
static uint64_t mixed(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t meta_random(const struct write *w, uint64_t n)
{
	uint64_t seed, try;
	memcpy(&seed, w->req->entropy + 16, sizeof seed);
	memcpy(&try, w->req->origin.request, sizeof try);
	return mixed(seed ^ mixed(try + n));
}

static struct doc *uid_of(struct write *w, const uint8_t *e)
{
	static const char hex[] = "0123456789abcdef";
	char text[37], *at = text; /* 4 and the variant stand where RFC 9562 says */
	for (size_t i = 0; i < 16; i++) {
		uint8_t byte = i == 6 ? (e[i] & 15) | 0x40 : i == 8 ? (e[i] & 0x3f) | 0x80 : e[i];
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[byte >> 4];
		*at++ = hex[byte & 15];
	}
	size_t n = (size_t)(at - text);
	return doc_span(w->a, (struct span){(uint8_t *)arena_ndup(w->a, text, n), n});
}

struct doc *meta_another_uid(struct write *w)
{
	uint64_t random[] = {meta_random(w, 500), meta_random(w, 501)};
	return uid_of(w, (const uint8_t *)random);
}

struct span meta_generated_name(struct write *w, struct span prefix, int attempt)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	if (prefix.len > GENERATED_PREFIX_MAX)
		prefix.len = GENERATED_PREFIX_MAX;
	char *name = arena_alloc(w->a, prefix.len + NAME_SUFFIX + 1);
	memcpy(name, prefix.data, prefix.len);
	uint64_t bits = meta_random(w, (uint64_t)attempt);
	for (int i = 0; i < NAME_SUFFIX; i++) {
		name[prefix.len + (size_t)i] = letters[bits % (sizeof letters - 1)];
		bits /= sizeof letters - 1;
	}
	return (struct span){(uint8_t *)name, prefix.len + NAME_SUFFIX};
}

static void drop_server_fields(struct doc *m)
{
	static const char *const fields[] = {"selfLink", "managedFields", "deletionTimestamp",
					     "deletionGracePeriodSeconds", "resourceVersion"};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		doc_remove(m, fields[i]);
}

void meta_create(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	drop_server_fields(m);
	doc_set(w->a, m, "uid", uid_of(w, w->req->entropy));
	doc_set_str(w->a, m, "creationTimestamp", w->now);
	if (w->s->generation)
		doc_set_int(w->a, m, "generation", 1);
}

void meta_update(struct write *w)
{
	static const char *const kept[] = {"generation", "creationTimestamp"};
	struct doc *m = meta_of(w->obj), *was = meta_of(w->old);
	doc_remove(m, "selfLink");
	w->given_fields = doc_get(m, "managedFields");
	if (w->given_fields)
		doc_detach(m, w->given_fields);
	doc_remove(m, "resourceVersion");
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		put_or_remove(w, m, kept[i], copy_of(w, doc_get(was, kept[i])));
	if (doc_get_str(m, "uid").len == 0)
		put_or_remove(w, m, "uid", copy_of(w, doc_get(was, "uid")));
	/* Nobody can take a deletion back; who starts one by an update is refused. */
	if (meta_deleting(w->old))
		put_or_remove(w, m, "deletionTimestamp", copy_of(w, doc_get(was, "deletionTimestamp")));
	if (!doc_get(m, "deletionGracePeriodSeconds"))
		put_or_remove(w, m, "deletionGracePeriodSeconds",
			      copy_of(w, doc_get(was, "deletionGracePeriodSeconds")));
}

void meta_next_generation(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	int64_t was = doc_get_int(m, "generation", 0);
	if (was > 0)
		doc_set_int(w->a, m, "generation", was + 1);
}

void meta_mark_deleted(struct write *w, int64_t grace_s)
{
	struct doc *m = meta_of(w->obj);
	char text[RFC3339_MAX];
	size_t n = rfc3339_format(w->req->origin.wall_us + grace_s * 1000000, text);
	if (!meta_deleting(w->obj))
		meta_next_generation(w);
	doc_set(w->a, m, "deletionTimestamp",
		doc_span(w->a, (struct span){(uint8_t *)arena_ndup(w->a, text, n), n}));
	doc_set_int(w->a, m, "deletionGracePeriodSeconds", grace_s);
}

/* ---- validation */

void meta_validate_labels(struct faults *f, const struct fpath *p, const struct doc *labels)
{
	if (!doc_is(labels, DOC_MAP))
		return;
	DOC_EACH(l, labels) {
		const char *why = name_qualified(l->key);
		if (why)
			field_invalid(f, p, l->key, why);
		why = doc_is(l, DOC_STR) ? name_label_value(l->text) : NULL;
		if (why)
			field_invalid(f, p, l->text, why);
	}
}

/* Annotation keys may be in capitals. */
static const char *annotation_key(struct arena *a, struct span key)
{
	if (!name_qualified(key))
		return NULL;
	char *lower = arena_ndup(a, key.data, key.len);
	for (size_t i = 0; i < key.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] |= 0x20;
	return name_qualified((struct span){(uint8_t *)lower, key.len});
}

void meta_validate_annotations(struct faults *f, const struct fpath *p, const struct doc *all)
{
	size_t bytes = 0;
	if (!doc_is(all, DOC_MAP))
		return;
	DOC_EACH(d, all) {
		const char *why = annotation_key(f->arena, d->key);
		if (why)
			field_invalid(f, p, d->key, why);
		bytes += d->key.len + (doc_is(d, DOC_STR) ? d->text.len : 0);
	}
	if (bytes > ANNOTATIONS_BYTES_MAX)
		field_too_long(f, p, ANNOTATIONS_BYTES_MAX);
}

static void not_empty(struct faults *f, const struct fpath *p, const struct doc *map,
		      const char *field, const char *why)
{
	struct span v = doc_get_str(map, field);
	if (v.len == 0)
		field_invalid(f, FPATH(p, field), v, why);
}

static void validate_owners(struct faults *f, const struct fpath *p, const struct doc *owners)
{
	const struct doc *controller = NULL;
	if (!doc_is(owners, DOC_ARRAY))
		return;
	DOC_EACH(o, owners) {
		not_empty(f, p, o, "apiVersion", "version must not be empty");
		not_empty(f, p, o, "kind", "must not be empty");
		not_empty(f, p, o, "name", "must not be empty");
		not_empty(f, p, o, "uid", "must not be empty");
		if (span_is(doc_get_str(o, "kind"), "Event") &&
		    span_is(doc_get_str(o, "apiVersion"), "v1"))
			field_invalid_doc(f, p, o,
					  "/v1, Kind=Event is disallowed from being an owner");
		if (!doc_get_bool(o, "controller", false))
			continue;
		if (controller) {
			struct span k = doc_get_str(controller, "kind"),
				    n = doc_get_str(controller, "name");
			struct span k2 = doc_get_str(o, "kind"), n2 = doc_get_str(o, "name");
			field_invalid_doc(
				f, p, owners,
				arena_printf(
					f->arena,
					"Only one reference can have Controller set to true. Found "
					"\"true\" in references for %.*s/%.*s and %.*s/%.*s",
					(int)k.len, k.data, (int)n.len, n.data, (int)k2.len,
					k2.data, (int)n2.len, n2.data));
		}
		controller = o;
	}
}

static bool listed(const struct doc *list, const char *text)
{
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(d, list)
			if (doc_str_is(d, text))
				return true;
	return false;
}

/* Kinds whose finalizers need no domain: the newer of Kubernetes', and custom ones. */
static bool takes_bare_finalizers(const struct schema_resource *r)
{
	static const char *const newer[][2] = {
		{"", "events"},
		{"coordination.k8s.io", "leases"},
		{"discovery.k8s.io", "endpointslices"},
		{"node.k8s.io", "runtimeclasses"},
		{"policy", "poddisruptionbudgets"},
	};
	for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
		if (strcmp(r->group, newer[i][0]) == 0 && strcmp(r->resource, newer[i][1]) == 0)
			return true;
	return !r->type;
}

static void validate_bare_finalizer(struct faults *f, const struct fpath *at, struct span name)
{
	static const char *const standard[] = {"kubernetes", "orphan", "foregroundDeletion"};
	for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
		if (span_is(name, standard[i]))
			return;
	if (!name.len || !memchr(name.data, '/', name.len))
		field_invalid(f, at, name, "name is neither a standard finalizer name nor is it fully qualified");
}

static void validate_finalizers(struct faults *f, const struct fpath *p, const struct doc *list, bool bare)
{
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(d, list) {
		const char *why = doc_is(d, DOC_STR) ? name_qualified(d->text) : NULL;
		if (why)
			field_invalid(f, p, d->text, why);
		if (!bare && doc_is(d, DOC_STR))
			validate_bare_finalizer(f, FPATH_AT(p, i), d->text);
		i++;
	}
	if (listed(list, "orphan") && listed(list, "foregroundDeletion"))
		field_invalid_doc(f, p, list,
				  "finalizer orphan and foregroundDeletion cannot be both set");
}

static void validate_namespace(struct write *w, const struct fpath *p, const struct doc *m)
{
	struct span ns = doc_get_str(m, "namespace");
	if (w->r->namespaced)
		check_name(&w->faults, FPATH(p, "namespace"), ns, name_dns1123_label);
	else if (ns.len)
		field_forbidden(&w->faults, FPATH(p, "namespace"), "not allowed on this type");
}

void meta_validate(struct write *w)
{
	struct faults *f = &w->faults;
	const struct doc *m = meta_of(w->obj);
	const struct fpath *p = FPATH(NULL, "metadata");
	struct span name = doc_get_str(m, "name");
	name_check *check = w->s->name ? w->s->name : name_dns1123_subdomain;
	if (name.len == 0)
		field_required(f, FPATH(p, "name"), "name or generateName is required");
	else if (check(name))
		field_invalid(f, FPATH(p, "name"), name, check(name));
	validate_namespace(w, p, m);
	meta_validate_labels(f, FPATH(p, "labels"), doc_get(m, "labels"));
	meta_validate_annotations(f, FPATH(p, "annotations"), doc_get(m, "annotations"));
	validate_owners(f, FPATH(p, "ownerReferences"), doc_get(m, "ownerReferences"));
	validate_finalizers(f, FPATH(p, "finalizers"), doc_get(m, "finalizers"), takes_bare_finalizers(w->r));
}

/* Who is being deleted takes no new finalizers. */
static void validate_no_new_finalizers(struct write *w, const struct fpath *p)
{
	const struct doc *now = doc_get(meta_of(w->obj), "finalizers");
	const struct doc *was = doc_get(meta_of(w->old), "finalizers");
	struct buf b = {0};
	if (!doc_is(now, DOC_ARRAY))
		return;
	DOC_EACH(d, now) {
		bool known = false;
		if (doc_is(was, DOC_ARRAY))
			DOC_EACH(o, was)
				known |= doc_equal(d, o);
		if (!known && doc_is(d, DOC_STR))
			buf_printf(&b, "%s\"%.*s\"", b.len ? ", " : "", (int)d->text.len,
				   (const char *)d->text.data);
	}
	if (b.len)
		field_forbidden(
			&w->faults, FPATH(p, "finalizers"),
			arena_printf(w->a,
				     "no new finalizers can be added if the object is being "
				     "deleted, found new finalizers []string{%s}",
				     buf_text(&b)));
	buf_fini(&b);
}

void meta_validate_update(struct write *w)
{
	static const char *const fixed[] = {"name",		 "namespace",
					    "uid",		 "creationTimestamp",
					    "deletionTimestamp", "deletionGracePeriodSeconds"};
	const struct fpath *p = FPATH(NULL, "metadata");
	const struct doc *m = meta_of(w->obj), *was = meta_of(w->old);
	if (meta_deleting(w->old))
		validate_no_new_finalizers(w, p);
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		check_immutable(&w->faults, FPATH(p, fixed[i]), doc_get(m, fixed[i]),
				doc_get(was, fixed[i]));
}
