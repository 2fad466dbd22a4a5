#include "actors/controllers/owners.h"

#include <stddef.h>
#include <stdio.h>

#define TEXT(name, field) {name, sizeof name - 1, offsetof(struct owner_ref, field)}
static const struct text_field {
	const char *name;
	size_t len, at;
} texts[] = {TEXT("uid", uid), TEXT("kind", kind), TEXT("name", name), TEXT("apiVersion", api_version)};

/* Reads the value behind the key, or passes it. */
static int read_field(struct owner_ref *ref, struct span key, struct mp *m)
{
	for (const struct text_field *t = texts; t < texts + sizeof texts / sizeof *texts; t++)
		if (key.len == t->len && bytes_same(key.data, t->name, key.len))
			return mp_str(m, (struct span *)((char *)ref + t->at)) ? mp_skip(m) : 0;
	bool *flag = span_is(key, "controller")		  ? &ref->controller
		     : span_is(key, "blockOwnerDeletion") ? &ref->blocks
							  : NULL;
	return flag && mp_bool(m, flag) == 0 ? 0 : mp_skip(m);
}

/* Moves on to the next one. */
static int read_ref(struct mp *list, struct owner_ref *ref)
{
	struct mp m = *list;
	struct span key;
	size_t n = 0;
	*ref = (struct owner_ref){0};
	if (mp_map(&m, &n))
		return mp_skip(list);
	for (; n > 0; n--)
		if (mp_str(&m, &key) || read_field(ref, key, &m))
			return ERR_INVALID;
	*list = m;
	return 0;
}

void owners_each(struct mp object, void (*each)(void *arg, const struct owner_ref *ref), void *arg)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(object, "metadata.ownerReferences", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		struct owner_ref ref;
		if (read_ref(&list, &ref))
			return;
		each(arg, &ref);
	}
}

static void keep_controller(void *arg, const struct owner_ref *ref)
{
	struct owner_ref *out = arg;
	if (ref->controller)
		*out = *ref;
}

bool owners_controller(struct mp object, struct owner_ref *out)
{
	*out = (struct owner_ref){0};
	owners_each(object, keep_controller, out);
	return out->controller;
}

struct putter {
	void (*put)(void *arg, struct span under);
	void *arg;
};

static void put_uid(void *arg, const struct owner_ref *ref)
{
	struct putter *p = arg;
	p->put(p->arg, ref->uid);
}

void owners_index_keys(struct mp object, void (*put)(void *arg, struct span under), void *arg)
{
	struct putter p = {put, arg};
	owners_each(object, put_uid, &p);
}

void owners_controller_keys(struct mp object, void (*put)(void *arg, struct span under), void *arg)
{
	struct owner_ref ref;
	char text[300];
	if (owners_controller(object, &ref)) {
		put(arg, ref.uid);
		return;
	}
	struct span ns = mp_path_str(object, "metadata.namespace");
	snprintf(text, sizeof text, "in/%.*s", (int)ns.len, (const char *)ns.data);
	put(arg, span_of(text));
}

struct doc *owners_new_ref(struct arena *a, struct mp owner)
{
	static const struct {
		const char *field, *path;
	} fields[] = {{"apiVersion", "apiVersion"},
		      {"kind", "kind"},
		      {"name", "metadata.name"},
		      {"uid", "metadata.uid"}};
	struct doc *ref = doc_new(a, DOC_MAP);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct span s = mp_path_str(owner, fields[i].path);
		doc_set(a, ref, fields[i].field,
			doc_span(a, (struct span){(uint8_t *)arena_ndup(a, s.data, s.len), s.len}));
	}
	doc_set_bool(a, ref, "controller", true);
	doc_set_bool(a, ref, "blockOwnerDeletion", true);
	return ref;
}

struct doc *owners_without(struct arena *a, struct mp object, struct span uid)
{
	struct mp list;
	struct span raw;
	struct doc *all = NULL;
	bool had = false;
	if (!mp_path(object, "metadata.ownerReferences", &list) || mp_raw(&list, &raw))
		return NULL;
	raw.data = (uint8_t *)arena_ndup(a, raw.data, raw.len);
	if (doc_from_mp(a, mp_of(raw), &all, NULL) || !doc_is(all, DOC_ARRAY))
		return NULL;
	for (struct doc *d = all->first, *next; d; d = next) {
		next = d->next;
		if (!span_eq(doc_get_str(d, "uid"), uid))
			continue;
		doc_detach(all, d);
		had = true;
	}
	return had ? all : NULL;
}
