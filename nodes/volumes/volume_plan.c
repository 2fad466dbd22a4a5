/* Which volumes a pod has, each with all that is needed to make it.
 *
 * Source of the rules: kubernetes pkg/kubelet/volumemanager/populator (claims, and
 * what is said of them), pkg/volume/{emptydir,hostpath,local}. */
#include "nodes/volumes/volume_plan.h"

#include <string.h>

#include "actors/controllers/volume_port.h"
#include "actors/objects/volume_match.h"
#include "actors/schema/names.h"
#include "actors/schema/quantity.h"
#include "nodes/volumes/volume_private.h"

enum { VOLUMES_MAX = 512 };

static const char *text_of(struct arena *a, struct span s)
{
	return arena_ndup(a, s.data, s.len);
}

/* In a list of a pod's container. */
typedef bool volume_mount_is(struct mp mount);

static bool any_mount(struct mp pod, const char *list, struct span name, volume_mount_is *is)
{
	static const char *const containers[] = {"spec.initContainers", "spec.containers",
						 "spec.ephemeralContainers"};
	for (size_t l = 0; l < sizeof containers / sizeof *containers; l++) {
		struct mp items, mounts;
		size_t n = 0;
		if (!mp_path(pod, containers[l], &items) || mp_array(&items, &n))
			continue;
		for (; n > 0; n--) {
			size_t m = 0;
			if (mp_find(items, list, &mounts) && mp_array(&mounts, &m))
				m = 0;
			for (; m > 0; m--) {
				if (span_eq(mp_path_str(mounts, "name"), name) && (!is || is(mounts)))
					return true;
				mp_skip(&mounts);
			}
			mp_skip(&items);
		}
	}
	return false;
}

bool volume_is_used(struct mp pod, const char *list, struct span name)
{
	return any_mount(pod, list, name, NULL);
}

static bool is_bidirectional(struct mp mount)
{
	return span_is(mp_path_str(mount, "mountPropagation"), "Bidirectional");
}

/* ---- what a volume is */

static int place_empty_dir(const struct volume_asker *w, struct mp body, struct volume_place *v,
			   struct err *e)
{
	struct span medium = mp_path_str(body, "medium");
	v->kind = span_is(medium, "Memory") ? VOLUME_MEMORY : VOLUME_DIR;
	v->managed = true;
	if (v->kind == VOLUME_MEMORY || !medium.len)
		return 0;
	if (medium.len >= 9 && memcmp(medium.data, "HugePages", 9) == 0)
		return err_set(e, ERR_UNSUPPORTED, "storage medium \"%s\": this node has none",
			       text_of(w->a, medium));
	return err_set(e, ERR_INVALID, "unknown storage medium \"%s\"", text_of(w->a, medium));
}

static int place_host_path(const struct volume_asker *w, struct mp body, struct volume_place *v,
			   struct err *e)
{
	v->kind = VOLUME_HOST;
	v->path = mp_path_str(body, "path");
	v->type = mp_path_str(body, "type");
	if (name_path_steps_back(v->path))
		return err_set(e, ERR_INVALID, "invalid HostPath `%s`: must not contain '..'",
			       text_of(w->a, v->path));
	return 0;
}

static int place_local(const struct volume_asker *w, struct mp body, struct volume_place *v,
		       struct err *e)
{
	v->kind = VOLUME_HOST;
	v->path = mp_path_str(body, "path");
	v->local = v->managed = true;
	if (name_path_steps_back(v->path))
		return err_set(e, ERR_INVALID, "invalid path: %s must not contain '..'",
			       text_of(w->a, v->path));
	return 0;
}

static int place_files(const struct volume_asker *w, struct mp body, struct volume_place *v,
		       struct err *e)
{
	(void)w;
	(void)body;
	(void)e;
	v->kind = VOLUME_FILES;
	v->managed = v->read_only = true;
	return 0;
}

/* ---- claims */

static int look_up(const struct volume_asker *w, enum volume_object kind, struct span namespace,
		   struct span name, struct span *out)
{
	const struct volume_source *s = w->source;
	return s->object ? s->object(s->arg, kind, namespace, name, out) : ERR_NOT_FOUND;
}

static int check_claim(const struct volume_asker *w, struct mp claim, struct err *e)
{
	if (!w->mounted && mp_path_str(claim, "metadata.deletionTimestamp").len)
		return err_set(e, ERR_NOT_FOUND, "PVC is being deleted");
	if (!span_is(mp_path_str(claim, "status.phase"), "Bound"))
		return err_set(e, ERR_NOT_FOUND, "PVC is not bound");
	if (!mp_path_str(claim, "spec.volumeName").len)
		return err_set(e, ERR_NOT_FOUND, "PVC has empty pvc.Spec.VolumeName");
	return 0;
}

static int find_claim(const struct volume_asker *w, struct span name, struct mp *claim,
		      struct err *e)
{
	struct span object;
	int rc = look_up(w, VOLUME_CLAIM, w->namespace, name, &object);
	if (rc == ERR_AGAIN)
		return rc;
	if (rc)
		return err_set(e, rc, "failed to fetch PVC from API server: persistentvolumeclaims "
			       "\"%s\" not found", text_of(w->a, name));
	*claim = mp_of(object);
	return check_claim(w, *claim, e);
}

static int find_volume(const struct volume_asker *w, struct mp claim, struct mp *volume,
		       struct err *e)
{
	struct span name = mp_path_str(claim, "spec.volumeName"), object, uid,
		    wanted = mp_path_str(claim, "metadata.uid");
	struct mp ref;
	int rc = look_up(w, VOLUME_PERSISTENT, (struct span){0}, name, &object);
	const char *title = text_of(w->a, name);
	if (rc == ERR_AGAIN)
		return rc;
	if (rc)
		return err_set(e, rc, "failed to fetch PV %s from API server: persistentvolumes "
			       "\"%s\" not found", title, title);
	*volume = mp_of(object);
	if (!mp_path(*volume, "spec.claimRef", &ref))
		return err_set(e, ERR_NOT_FOUND, "found PV object %s but it has a nil "
			       "pv.Spec.ClaimRef indicating it is not yet bound to the claim", title);
	uid = mp_path_str(ref, "uid");
	if (!span_eq(uid, wanted))
		return err_set(e, ERR_NOT_FOUND, "found PV object %s but its pv.Spec.ClaimRef.UID %s "
			       "does not point to claim.UID %s", title, text_of(w->a, uid),
			       text_of(w->a, wanted));
	return 0;
}

/* A claim that an ephemeral volume did not make is somebody else's. */
static int check_owner(const struct volume_asker *w, struct mp claim, struct span name,
		       struct err *e)
{
	struct mp owners;
	size_t n = 0;
	struct span pod_uid = mp_path_str(w->pod, "metadata.uid");
	if (mp_path(claim, "metadata.ownerReferences", &owners) && mp_array(&owners, &n))
		n = 0;
	for (; n > 0; n--) {
		if (span_eq(mp_path_str(owners, "uid"), pod_uid))
			return 0;
		mp_skip(&owners);
	}
	const char *ns = text_of(w->a, w->namespace);
	return err_set(e, ERR_NOT_FOUND, "PVC %s/%s was not created for pod %s/%s (pod is not owner)",
		       ns, text_of(w->a, name), ns,
		       text_of(w->a, mp_path_str(w->pod, "metadata.name")));
}

static int check_mode(const struct volume_asker *w, struct mp volume, struct span name,
		      struct err *e)
{
	struct span mode = mp_path_str(volume, "spec.volumeMode");
	if (!span_is(mode, "Block"))
		return volume_is_used(w->pod, "volumeDevices", name)
			       ? err_set(e, ERR_INVALID, "volume %s has volumeMode Filesystem, but is "
					 "specified in volumeDevices", text_of(w->a, name))
			       : 0;
	if (volume_is_used(w->pod, "volumeMounts", name))
		return err_set(e, ERR_INVALID, "volume %s has volumeMode Block, but is specified in "
			       "volumeMounts", text_of(w->a, name));
	return err_set(e, ERR_UNSUPPORTED, "volume %s has volumeMode Block, which this node does not "
		       "map into containers", text_of(w->a, name));
}

/* The volume that a claim is bound to. */
static int place_persistent(const struct volume_asker *w, struct mp volume,
			    struct volume_place *v, struct err *e)
{
	struct mp body;
	v->title = mp_path_str(volume, "metadata.name");
	v->open = span_is(volume_note(volume, VOLUME_PROVISIONED_BY), HOST_PATH_PROVISIONER);
	if (mp_path(volume, "spec.hostPath", &body))
		return place_host_path(w, body, v, e);
	if (mp_path(volume, "spec.local", &body))
		return place_local(w, body, v, e);
	return err_set(e, ERR_UNSUPPORTED, "failed to get Plugin from volumeSpec for volume \"%s\" "
		       "err=no volume plugin matched", text_of(w->a, v->title));
}

static int place_claim(const struct volume_asker *w, struct span claim_name, bool owned,
		       struct volume_place *v, bool *unprocessed, struct err *e)
{
	struct mp claim, volume;
	int rc = find_claim(w, claim_name, &claim, e);
	if (!rc && owned)
		rc = check_owner(w, claim, claim_name, e);
	if (!rc)
		rc = find_volume(w, claim, &volume, e);
	if (rc == ERR_AGAIN)
		return rc;
	*unprocessed = true;
	if (rc)
		return err_wrap(e, rc, "error processing PVC %s/%s", text_of(w->a, w->namespace),
				text_of(w->a, claim_name));
	rc = check_mode(w, volume, v->name, e);
	if (rc)
		return rc;
	rc = place_persistent(w, volume, v, e);
	*unprocessed = rc == ERR_UNSUPPORTED;
	return rc;
}

/* ---- one of them */

static const struct {
	const char *source;
	int (*place)(const struct volume_asker *w, struct mp body, struct volume_place *v,
		     struct err *e);
} sources[] = {
	{"emptyDir", place_empty_dir}, {"hostPath", place_host_path}, {"configMap", place_files},
	{"secret", place_files},       {"downwardAPI", place_files},  {"projected", place_files},
};

int volume_place_of(const struct volume_asker *w, struct mp volume, struct volume_place *out,
		    bool *unprocessed, struct err *e)
{
	struct mp body;
	memset(out, 0, sizeof *out);
	*unprocessed = false;
	out->name = out->title = mp_path_str(volume, "name");
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		if (mp_find(volume, sources[i].source, &body) && mp_peek(&body) == MP_MAP) {
			out->body = body;
			out->source = sources[i].source;
			return sources[i].place(w, body, out, e);
		}
	if (mp_find(volume, "persistentVolumeClaim", &body)) {
		int rc = place_claim(w, mp_path_str(body, "claimName"), false, out, unprocessed, e);
		out->read_only |= mp_path_bool(body, "readOnly", false);
		return rc;
	}
	if (mp_find(volume, "ephemeral", &body)) {
		struct span pod = mp_path_str(w->pod, "metadata.name");
		const char *name = arena_printf(w->a, "%.*s-%.*s", (int)pod.len,
						(const char *)pod.data, (int)out->name.len,
						(const char *)out->name.data);
		return place_claim(w, span_of(name), true, out, unprocessed, e);
	}
	*unprocessed = true;
	return err_set(e, ERR_UNSUPPORTED, "failed to get Plugin from volumeSpec for volume \"%s\" "
		       "err=no volume plugin matched", text_of(w->a, out->name));
}

/* ---- the list */

static bool is_wanted(const struct volume_asker *w, struct span name)
{
	size_t n = sizeof VOLUME_OF_ACCOUNT - 1;
	if (w->source->unmounted && name.len >= n && memcmp(name.data, VOLUME_OF_ACCOUNT, n) == 0)
		return false;
	return volume_is_used(w->pod, "volumeMounts", name) ||
	       volume_is_used(w->pod, "volumeDevices", name);
}

struct plan {
	struct volume_asker asker;
	const struct pod_env_facts *facts;
	struct buf list;
	size_t count;
	const char *messages[VOLUMES_MAX + 2];
	size_t message_count;
	const char *names, *reasons; /* of those that were not even processed; NULL: none */
	bool waits;
};

static int64_t bytes_of(struct mp map, const char *path, bool *found)
{
	struct quantity q;
	struct span text = mp_path_str(map, path);
	*found = text.len && quantity_parse(text, &q) == 0;
	return *found ? quantity_value(q) : 0;
}

/* What the pod may use as a whole, or its containers together; 0: not all of them have a limit. */
static int64_t memory_limit(struct mp pod)
{
	struct mp items;
	size_t n = 0;
	bool found;
	int64_t all = bytes_of(pod, "spec.resources.limits.memory", &found);
	if (found)
		return all;
	found = true;
	if (!mp_path(pod, "spec.containers", &items) || mp_array(&items, &n))
		return 0;
	for (; n > 0 && found; n--) {
		all += bytes_of(items, "resources.limits.memory", &found);
		mp_skip(&items);
	}
	return found ? all : 0;
}

static int64_t memory_size(const struct plan *p, const struct volume_place *v)
{
	bool found = false;
	int64_t size = 0, limit = memory_limit(p->asker.pod);
	if (p->facts->allocatable.len)
		size = bytes_of(mp_of(p->facts->allocatable), "memory", &found);
	if (limit && (!found || limit < size))
		size = limit;
	limit = bytes_of(v->body, "sizeLimit", &found);
	return limit > 0 && (!size || limit < size) ? limit : size;
}

static void put_files(struct plan *p, const struct volume_contents *c)
{
	mpw_str(&p->list, "files");
	mpw_array(&p->list, c->files.count);
	for (struct onode *n = omap_first(&c->files); n; n = omap_next(n)) {
		const struct volume_file *f = n->value;
		mpw_array(&p->list, 4);
		mpw_span(&p->list, onode_key(n));
		mpw_bin(&p->list, f->data);
		mpw_i64(&p->list, f->mode);
		mpw_i64(&p->list, f->uid);
	}
}

static int put_volume(struct plan *p, const struct volume_place *v, struct err *e)
{
	static const char *const kinds[] = {"dir", "memory", "files", "host"};
	struct volume_contents c = {.asker = &p->asker, .facts = p->facts};
	int64_t gid = mp_path_int(p->asker.pod, "spec.securityContext.fsGroup", -1);
	struct span policy = mp_path_str(p->asker.pod, "spec.securityContext.fsGroupChangePolicy");
	bool owned = gid >= 0 && v->managed && (v->kind == VOLUME_FILES || !v->read_only);
	int rc = v->kind == VOLUME_FILES ? volume_contents_take(&c, v, e) : 0;
	if (rc) {
		omap_fini(&c.files, NULL);
		return rc;
	}
	size_t at = mpw_map_open(&p->list), n = 3;
	mpw_kv_span(&p->list, "name", v->name);
	mpw_kv_span(&p->list, "title", v->title);
	mpw_kv_str(&p->list, "kind", kinds[v->kind]);
	if (v->kind == VOLUME_MEMORY) {
		mpw_kv_i64(&p->list, "size", memory_size(p, v));
		n++;
	} else if (v->kind == VOLUME_HOST) {
		mpw_kv_span(&p->list, "path", v->path);
		mpw_kv_span(&p->list, "type", v->type);
		mpw_kv_bool(&p->list, "local", v->local);
		if (v->open)
			mpw_kv_bool(&p->list, "open", true);
		n += 3 + v->open;
	} else if (v->kind == VOLUME_FILES) {
		put_files(p, &c);
		n++;
	}
	if (owned) {
		mpw_kv_i64(&p->list, "gid", gid);
		mpw_kv_bool(&p->list, "always",
			    v->kind != VOLUME_HOST || !span_is(policy, "OnRootMismatch"));
		mpw_kv_bool(&p->list, "read_only", v->read_only);
		n += 3;
	}
	if (any_mount(p->asker.pod, "volumeMounts", v->name, is_bidirectional)) {
		mpw_kv_bool(&p->list, "shared", true);
		n++;
	}
	mpw_map_close(&p->list, at, n);
	p->count++;
	omap_fini(&c.files, NULL);
	return 0;
}

static void take_volume(struct plan *p, struct mp volume)
{
	struct volume_place v;
	struct err e = {0};
	bool unprocessed;
	int rc = volume_place_of(&p->asker, volume, &v, &unprocessed, &e);
	struct arena *a = p->asker.a;
	if (!rc)
		rc = put_volume(p, &v, &e);
	if (rc == ERR_AGAIN) {
		p->waits = true;
	} else if (rc && unprocessed) {
		const char *name = text_of(a, v.name);
		p->names = p->names ? arena_printf(a, "%s %s", p->names, name) : name;
		p->reasons = p->reasons ? arena_printf(a, "%s; %s", p->reasons, e.text)
					: arena_dup(a, e.text);
	} else if (rc) {
		p->messages[p->message_count++] =
			arena_printf(a, "MountVolume.SetUp failed for volume \"%s\" : %s",
				     text_of(a, v.title), e.text);
	}
}

int volume_plan_make(struct arena *a, const struct volume_source *s,
		     const struct pod_env_facts *facts, struct mp pod, struct volume_plan *out)
{
	struct plan p = {.asker = {a, s, pod, mp_path_str(pod, "metadata.namespace"), false},
			 .facts = facts};
	struct mp volumes;
	size_t n = 0;
	size_t at = mpw_array_open(&p.list);
	if (mp_path(pod, "spec.volumes", &volumes) && mp_array(&volumes, &n))
		n = 0;
	for (size_t i = 0; i < n && i < VOLUMES_MAX; i++) {
		struct span name = mp_path_str(volumes, "name");
		if (is_wanted(&p.asker, name))
			take_volume(&p, volumes);
		mp_skip(&volumes);
	}
	mpw_array_close(&p.list, at, p.count);
	if (n > VOLUMES_MAX)
		p.messages[p.message_count++] = arena_printf(
			a, "Unable to attach or mount volumes: %zu are more than the %d that a pod "
			"may have on this node", n, VOLUMES_MAX);
	if (p.names)
		p.messages[p.message_count++] = arena_printf(
			a, "Unable to attach or mount volumes: unmounted volumes=[%s], unattached "
			"volumes=[], failed to process volumes=[%s]: %s", p.names, p.names, p.reasons);
	const char **messages = arena_alloc(a, (p.message_count + 1) * sizeof *messages);
	memcpy(messages, p.messages, p.message_count * sizeof *messages);
	bool good = !p.waits && !p.message_count;
	*out = (struct volume_plan){.messages = messages};
	if (good)
		out->list = (struct span){(uint8_t *)arena_ndup(a, p.list.data, p.list.len), p.list.len};
	buf_fini(&p.list);
	return good ? 0 : p.message_count ? ERR_NOT_FOUND : ERR_AGAIN;
}

struct span volume_plan_files(struct arena *a, struct span list)
{
	struct buf b = {0};
	struct mp all = mp_of(list);
	size_t n = 0, at = mpw_array_open(&b), count = 0;
	if (mp_array(&all, &n))
		n = 0;
	for (; n > 0; n--) {
		struct mp one = all;
		struct span raw;
		if (mp_raw(&all, &raw))
			break;
		if (!span_is(mp_path_str(one, "kind"), "files"))
			continue;
		mpw_raw(&b, raw);
		count++;
	}
	mpw_array_close(&b, at, count);
	struct span out = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return out;
}
