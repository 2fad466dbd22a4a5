/* Where a container has its pod's volumes. Source of the rules: kubernetes
 * pkg/kubelet/kubelet_pods.go, makeMounts. */
#include <string.h>

#include "actors/schema/names.h"
#include "nodes/volumes/volume_private.h"

struct mounts {
	struct volume_asker asker;
	const char *const *env;
	const char *missing; /* names that a subPathExpr wants and that are not set */
	struct buf list;
	size_t count;
};

static const char *text_of(struct mounts *m, struct span s)
{
	return arena_ndup(m->asker.a, s.data, s.len);
}

static bool find_volume(struct mp pod, struct span name, struct mp *out)
{
	size_t n = 0;
	if (!mp_path(pod, "spec.volumes", out) || mp_array(out, &n))
		return false;
	for (; n > 0; n--) {
		if (span_eq(mp_path_str(*out, "name"), name))
			return true;
		mp_skip(out);
	}
	return false;
}

/* ---- sub-paths */

static const char *value_of(void *arg, struct span name)
{
	struct mounts *m = arg;
	for (const char *const *at = m->env; at && *at; at++)
		if (strncmp(*at, (const char *)name.data, name.len) == 0 && (*at)[name.len] == '=' &&
		    (*at)[name.len + 1])
			return *at + name.len + 1;
	const char *text = text_of(m, name);
	m->missing = m->missing ? arena_printf(m->asker.a, "%s, %s", m->missing, text) : text;
	return "";
}

static int sub_path(struct mounts *m, struct mp mount, const char **out, struct err *e)
{
	struct span expr = mp_path_str(mount, "subPathExpr");
	*out = text_of(m, mp_path_str(mount, "subPath"));
	m->missing = NULL;
	if (expr.len)
		*out = pod_env_expand(m->asker.a, expr, value_of, m);
	if (m->missing)
		return err_set(e, ERR_INVALID, "missing value for %s", m->missing);
	if (**out == '/')
		return err_set(e, ERR_INVALID, "error SubPath `%s` must not be an absolute path", *out);
	if (name_path_steps_back(span_of(*out)))
		return err_set(e, ERR_INVALID, "unable to provision SubPath `%s`: must not contain '..'",
			       *out);
	return 0;
}

/* ---- one mount */

static int propagation(struct mounts *m, struct mp mount, struct span *out, struct err *e)
{
	static const char *const modes[] = {"None", "HostToContainer", "Bidirectional"};
	*out = mp_path_str(mount, "mountPropagation");
	if (!out->len)
		*out = span_of(modes[0]);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (span_is(*out, modes[i]))
			return 0;
	return err_set(e, ERR_INVALID, "invalid MountPropagation mode: \"%s\"", text_of(m, *out));
}

static int take_mount(struct mounts *m, struct span container, struct mp mount, struct err *e)
{
	struct span name = mp_path_str(mount, "name"), target = mp_path_str(mount, "mountPath"),
		    recursive = mp_path_str(mount, "recursiveReadOnly");
	struct volume_place v;
	struct mp volume;
	const char *sub = NULL;
	struct span spread = {0};
	bool unprocessed;
	if (!find_volume(m->asker.pod, name, &volume))
		return err_set(e, ERR_NOT_FOUND, "cannot find volume \"%s\" to mount into container "
			       "\"%s\"", text_of(m, name), text_of(m, container));
	int rc = volume_place_of(&m->asker, volume, &v, &unprocessed, e);
	if (!rc)
		rc = sub_path(m, mount, &sub, e);
	if (!rc)
		rc = propagation(m, mount, &spread, e);
	if (rc)
		return rc;
	bool read_only = v.read_only || mp_path_bool(mount, "readOnly", false);
	mpw_map(&m->list, 7);
	mpw_kv_span(&m->list, "volume", name);
	mpw_kv_str(&m->list, "source",
		   v.kind == VOLUME_HOST
			   ? text_of(m, v.path)
			   : arena_printf(m->asker.a, VOLUMES_DIR "/%s", text_of(m, name)));
	mpw_kv_str(&m->list, "subpath", sub);
	mpw_kv_str(&m->list, "target",
		   arena_printf(m->asker.a, "%s%s", target.len && target.data[0] == '/' ? "" : "/",
				text_of(m, target)));
	mpw_kv_bool(&m->list, "read_only", read_only);
	mpw_kv_bool(&m->list, "recursive",
		    read_only && recursive.len && !span_is(recursive, "Disabled"));
	mpw_kv_span(&m->list, "propagation", spread);
	m->count++;
	return 0;
}

int volume_mounts_make(struct arena *a, const struct volume_source *s, struct mp pod,
		       struct mp container, const char *const *env, struct span *out,
		       struct err *e)
{
	struct mounts m = {.asker = {a, s, pod, mp_path_str(pod, "metadata.namespace"), true},
			   .env = env};
	struct mp list;
	size_t n = 0, at = mpw_array_open(&m.list);
	int rc = 0;
	if (mp_find(container, "volumeMounts", &list) && mp_array(&list, &n))
		n = 0;
	for (; n > 0 && rc == 0; n--) {
		rc = take_mount(&m, mp_path_str(container, "name"), list, e);
		mp_skip(&list);
	}
	mpw_array_close(&m.list, at, m.count);
	*out = (struct span){(uint8_t *)arena_ndup(a, m.list.data, m.list.len), m.list.len};
	buf_fini(&m.list);
	return rc;
}
