#include "nodes/static/static_pod.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/rfc3339.h"
#include "actors/schema/yaml.h"
#include "broker/base/doc.h"
#include "broker/base/mem.h"

enum { NAME_BYTES_MAX = 253 };

void static_pod_free(struct static_pod *p)
{
	if (!p)
		return;
	bytes_unref(p->object);
	bytes_unref(p->mirror);
	free(p->key);
	free(p);
}

static uint64_t hash(uint64_t h, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * UINT64_C(1099511628211);
	return (h ^ 0xff) * UINT64_C(1099511628211); /* where it ends */
}

static void make_uid(const char *node, const char *file, struct span text, char out[STATIC_UID_BYTES])
{
	uint64_t a = UINT64_C(14695981039346656037), b = UINT64_C(0x9e3779b97f4a7c15);
	const struct span parts[] = {span_of(node), span_of(file), text};
	for (size_t i = 0; i < 3; i++) {
		a = hash(a, parts[i]);
		b = hash(b ^ a, parts[i]);
	}
	snprintf(out, STATIC_UID_BYTES, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

/* A DNS name: small letters, digits, dashes and dots. */
static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
			return false;
	}
	return s.len > 0 && s.data[0] != '-' && s.data[0] != '.';
}

/* What can be told only by looking: the API looks at the rest, when it is shown
 * the mirror. */
static int look_at(const struct doc *pod, const char *file, struct err *e)
{
	const struct doc *containers = doc_path(pod, "spec.containers");
	if (!doc_is(pod, DOC_MAP) || !span_is(doc_get_str(pod, "kind"), "Pod") ||
	    !span_is(doc_get_str(pod, "apiVersion"), "v1"))
		return err_set(e, ERR_INVALID, "%s: a Pod of v1 is wanted", file);
	if (!is_name(doc_path_str(pod, "metadata.name")))
		return err_set(e, ERR_INVALID, "%s: metadata.name is missing, or no name", file);
	if (!doc_is(containers, DOC_ARRAY) || !containers->count)
		return err_set(e, ERR_INVALID, "%s: spec.containers is missing", file);
	DOC_EACH(c, containers)
		if (!is_name(doc_get_str(c, "name")))
			return err_set(e, ERR_INVALID, "%s: a container without a name", file);
	return 0;
}

static void bear_everything(struct arena *a, struct doc *spec)
{
	struct doc *list = doc_default(a, spec, "tolerations", doc_new(a, DOC_ARRAY));
	struct doc *t = doc_new(a, DOC_MAP);
	doc_set_str(a, t, "operator", "Exists");
	doc_set_str(a, t, "effect", "NoExecute");
	if (doc_is(list, DOC_ARRAY))
		doc_add(list, t);
}

static struct bytes *encoded(const struct doc *d)
{
	struct buf b = {0};
	doc_to_mp(&b, d);
	return bytes_take(&b);
}

static int complete(struct arena *a, struct doc *pod, const char *node, int64_t seen_us,
		    struct static_pod *p, struct err *e)
{
	char seen[RFC3339_MAX];
	struct doc *meta = doc_need_map(a, pod, "metadata"), *spec = doc_need_map(a, pod, "spec");
	struct span given = doc_get_str(meta, "name"), ns = doc_get_str(meta, "namespace");
	char *name = arena_printf(a, "%.*s-%s", (int)given.len, (const char *)given.data, node);
	struct doc *notes = doc_need_map(a, meta, "annotations");
	if (strlen(name) > NAME_BYTES_MAX || !notes)
		return err_set(e, ERR_INVALID, "metadata: the name is too long, or annotations are no map");
	if (!ns.len)
		ns = span_of("default");
	p->key = mem_dup(arena_printf(a, "pods/%.*s/%s", (int)ns.len, (const char *)ns.data, name));
	doc_set_str(a, meta, "name", name);
	doc_set(a, meta, "namespace", doc_span(a, ns));
	size_t n = rfc3339_format(seen_us, seen);
	doc_set_str(a, notes, "kubernetes.io/config.hash", p->uid);
	doc_set(a, notes, "kubernetes.io/config.seen", doc_span(a, (struct span){(uint8_t *)seen, n}));
	doc_set_str(a, notes, "kubernetes.io/config.source", "file");
	doc_set_str(a, spec, "nodeName", node);
	bear_everything(a, spec);
	doc_remove(pod, "status");
	doc_remove(meta, "uid");
	doc_set_str(a, notes, STATIC_MIRROR, p->uid);
	p->mirror = encoded(pod);
	doc_remove(notes, STATIC_MIRROR);
	doc_set_str(a, meta, "uid", p->uid);
	p->object = encoded(pod);
	return 0;
}

int static_pod_make(const char *node, const char *file, struct span text, int64_t seen_us,
		    struct static_pod **out, struct err *e)
{
	struct arena a = {0};
	struct doc *pod = NULL;
	struct err why = {0};
	struct static_pod *p = mem_alloc(sizeof *p);
	make_uid(node, file, text, p->uid);
	int rc = yaml_parse(&a, text, &pod, NULL, &why);
	rc = rc ? err_set(e, ERR_INVALID, "%s: %s", file, why.text) : look_at(pod, file, e);
	if (rc == 0 && (rc = complete(&a, pod, node, seen_us, p, &why)))
		err_set(e, rc, "%s: %s", file, why.text);
	arena_fini(&a);
	if (rc)
		static_pod_free(p);
	else
		*out = p;
	return rc;
}

struct span static_pod_mirrored(struct mp pod)
{
	struct mp notes, v;
	struct span uid = {0};
	if (mp_path(pod, "metadata.annotations", &notes) && mp_find(notes, STATIC_MIRROR, &v))
		mp_str(&v, &uid);
	return uid;
}

struct bytes *static_pod_with_status(const struct static_pod *p, struct mp mirror)
{
	struct arena a = {0};
	struct doc *pod = NULL, *status = NULL;
	struct mp v;
	struct bytes *out = NULL;
	if (mp_find(mirror, "status", &v) && doc_from_mp(&a, v, &status, NULL) == 0 &&
	    doc_from_mp(&a, mp_of_bytes(p->object), &pod, NULL) == 0) {
		doc_set(&a, pod, "status", status);
		out = encoded(pod);
	}
	arena_fini(&a);
	return out ? out : bytes_ref(p->object);
}
