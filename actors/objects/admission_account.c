/* Service accounts of pods: each pod runs as one of its namespace, which must
 * be there, gets its pull secrets, and a volume with a token for it.
 *
 * The account "default" comes with its namespace, but a moment later, and
 * Kubernetes lets a pod wait for it. Here the pod brings it: one transaction
 * makes both. */
#include "actors/objects/admission.h"

#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/objects/volume_match.h"

static const char volume_prefix[] = VOLUME_OF_ACCOUNT;
static const char mount_path[] = "/var/run/secrets/kubernetes.io/serviceaccount";
enum { TOKEN_SECONDS = 3607, FILE_MODE = 0644, ANOTHER_NAME = 400 };

/* A pod that a node runs by itself and only shows here. */
static bool is_mirror(const struct doc *pod)
{
	return doc_get(doc_get(meta_of(pod), "annotations"), "kubernetes.io/config.mirror");
}

static bool make_default(struct write *w)
{
	struct buf b = {0}, key = {0};
	const struct schema_resource *r =
		schema_find_stream(w->req->schema, span_of("serviceaccounts"));
	struct doc *d = doc_new(w->a, DOC_MAP),
		   *m = doc_set(w->a, d, "metadata", doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, d, "apiVersion", "v1");
	doc_set_str(w->a, d, "kind", r->kind);
	doc_set_str(w->a, m, "name", "default");
	doc_set(w->a, m, "namespace", doc_span(w->a, w->namespace));
	doc_set(w->a, m, "uid", meta_another_uid(w));
	doc_set_str(w->a, m, "creationTimestamp", w->now);
	(void)schema_coerce(r->type, d, w->a, NULL, NULL); /* the order of its fields */
	doc_to_mp(&b, d);
	schema_key(&key, r, w->namespace, span_of("default"));
	plan_also(w, (struct store_op){.verb = STORE_PUT,
				       .key = {(uint8_t *)arena_ndup(w->a, key.data, key.len),
					       key.len},
				       .value = plan_own(w, bytes_take(&b))});
	buf_fini(&key);
	return true;
}

/* Reads the account; *account is NULL for one that was made just now. */
static bool find_account(struct write *w, struct span name, struct doc **account)
{
	struct store_row row;
	*account = NULL;
	if (!admission_read(w, "serviceaccounts", name, &row))
		return false;
	if (row.value)
		return !doc_from_mp(w->a, mp_of_bytes(row.value), account, NULL);
	if (span_is(name, "default"))
		return make_default(w);
	plan_refuse(w, status_forbidden(
			       w->a, w->r, w->name,
			       arena_printf(w->a,
					    "error looking up service account %.*s/%.*s: "
					    "serviceaccount \"%.*s\" not found",
					    (int)w->namespace.len, (const char *)w->namespace.data,
					    (int)name.len, (const char *)name.data, (int)name.len,
					    (const char *)name.data)));
	return false;
}

/* ---- the token */

static struct doc *add_map(struct write *w, struct doc *list)
{
	return doc_add(list, doc_new(w->a, DOC_MAP));
}

static struct doc *set_list(struct write *w, struct doc *map, const char *key)
{
	return doc_set(w->a, map, key, doc_new(w->a, DOC_ARRAY));
}

static struct doc *set_map(struct write *w, struct doc *map, const char *key)
{
	return doc_set(w->a, map, key, doc_new(w->a, DOC_MAP));
}

static void fill_volume(struct write *w, struct doc *volume, struct span name)
{
	doc_set(w->a, volume, "name", doc_span(w->a, name));
	struct doc *projected = set_map(w, volume, "projected");
	struct doc *sources = set_list(w, projected, "sources");
	struct doc *token = set_map(w, add_map(w, sources), "serviceAccountToken");
	doc_set_int(w->a, token, "expirationSeconds", TOKEN_SECONDS);
	doc_set_str(w->a, token, "path", "token");
	struct doc *map = set_map(w, add_map(w, sources), "configMap");
	doc_set_str(w->a, map, "name", "kube-root-ca.crt");
	struct doc *item = add_map(w, set_list(w, map, "items"));
	doc_set_str(w->a, item, "key", "ca.crt");
	doc_set_str(w->a, item, "path", "ca.crt");
	struct doc *down = set_map(w, add_map(w, sources), "downwardAPI");
	item = add_map(w, set_list(w, down, "items"));
	doc_set_str(w->a, item, "path", "namespace");
	struct doc *ref = set_map(w, item, "fieldRef");
	doc_set_str(w->a, ref, "apiVersion", "v1");
	doc_set_str(w->a, ref, "fieldPath", "metadata.namespace");
	doc_set_int(w->a, projected, "defaultMode", FILE_MODE);
}

/* Whether a container of the list had no such mount, and has one now. */
static bool mount(struct write *w, struct doc *containers, struct span volume)
{
	bool some = false;
	DOC_EACH(c, doc_is(containers, DOC_ARRAY) ? containers : NULL)
	{
		bool there = false;
		if (!doc_is(c, DOC_MAP))
			continue;
		struct doc *mounts =
			doc_default(w->a, c, "volumeMounts", doc_new(w->a, DOC_ARRAY));
		DOC_EACH(m, mounts)
		there |= span_is(doc_get_str(m, "mountPath"), mount_path);
		if (there)
			continue;
		struct doc *m = add_map(w, mounts);
		doc_set(w->a, m, "name", doc_span(w->a, volume));
		doc_set_bool(w->a, m, "readOnly", true);
		doc_set_str(w->a, m, "mountPath", mount_path);
		some = true;
	}
	return some;
}

static void mount_token(struct write *w, struct doc *spec)
{
	struct span volume = {0};
	size_t n = sizeof volume_prefix - 1;
	struct doc *volumes = doc_get(spec, "volumes");
	DOC_EACH(v, doc_is(volumes, DOC_ARRAY) ? volumes : NULL)
	{
		struct span name = doc_get_str(v, "name");
		if (name.len >= n && memcmp(name.data, volume_prefix, n) == 0)
			volume = name;
	}
	bool there = volume.len > 0;
	if (!there)
		volume = meta_generated_name(w, span_of(volume_prefix), ANOTHER_NAME);
	bool needed = mount(w, doc_get(spec, "initContainers"), volume);
	needed |= mount(w, doc_get(spec, "containers"), volume);
	if (there || !needed)
		return;
	volumes = doc_default(w->a, spec, "volumes", doc_new(w->a, DOC_ARRAY));
	fill_volume(w, add_map(w, volumes), volume);
}

static bool wants_token(const struct doc *spec, const struct doc *account)
{
	static const char field[] = "automountServiceAccountToken";
	return doc_get_bool(spec, field, doc_get_bool(account, field, true));
}

void admit_account(struct write *w, struct doc *spec)
{
	struct doc *account;
	if (is_mirror(w->obj) || !find_account(w, doc_get_str(spec, "serviceAccountName"),
					       &account))
		return;
	if (wants_token(spec, account))
		mount_token(w, spec);
	const struct doc *given = doc_get(spec, "imagePullSecrets"),
			 *pull = doc_get(account, "imagePullSecrets");
	if (doc_is(pull, DOC_ARRAY) && pull->count && (doc_absent(given) || !given->count))
		doc_set(w->a, spec, "imagePullSecrets", doc_copy(w->a, pull));
}
