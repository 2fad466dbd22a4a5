#include "nodes/oci/oci_volumes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/oci/oci_bundle.h"
#include "nodes/pause/share.h"
#include "nodes/pause/subpath.h"
#include "nodes/runtime.h"
#include "nodes/volumes/volume_files.h"
#include "nodes/volumes/volume_jobs.h"
#include "nodes/volumes/volume_plan.h"

struct oci_volumes {
	struct machine *m;
	struct volume_jobs *jobs;
};

/* A job's id: the pod's, and what it is. */
enum { JOB_MAKE, JOB_REFRESH, JOB_REMOVE, JOB_RETIRE, JOB_CLEAN, JOB_BITS = 3 };

static void tell_unmade(struct pod *p, const char *why)
{
	struct buf b = {0};
	p->preparing = false;
	mpw_map(&b, 2);
	mpw_kv_str(&b, "text", why);
	mpw_kv_str(&b, "reason", "FailedMount");
	machine_tell(p->m, RUNTIME_FAILED, p->id, &b);
}

static void on_done(void *arg, const struct volume_done *d)
{
	struct oci_volumes *v = arg;
	struct pod *p = machine_pod(v->m, d->id >> JOB_BITS);
	unsigned what = d->id & ((1u << JOB_BITS) - 1);
	if ((what == JOB_REMOVE || what == JOB_RETIRE || what == JOB_CLEAN) && d->code)
		log_warn("node", "%s was not removed: %s", d->dir, d->text);
	if (!p || what == JOB_REMOVE || what == JOB_CLEAN)
		return;
	if (what == JOB_RETIRE)
		machine_tell(v->m, RUNTIME_RETIRED, p->id, &(struct buf){0});
	else if (what == JOB_REFRESH && d->code)
		machine_tell_text(v->m, RUNTIME_STALE, p->id, "text", d->text);
	else if (what == JOB_MAKE && p->preparing && d->code)
		tell_unmade(p, d->text);
	else if (what == JOB_MAKE && p->preparing)
		machine_launch(p);
}

int oci_volumes_new(struct oci_volumes **out, struct machine *m, struct err *e)
{
	struct oci_volumes *v = mem_alloc(sizeof *v);
	v->m = m;
	int rc = volume_jobs_new(&v->jobs, m->port->loop, on_done, v, e);
	if (rc)
		free(v);
	else
		*out = v;
	return rc;
}

void oci_volumes_free(struct oci_volumes *v)
{
	if (!v)
		return;
	volume_jobs_free(v->jobs);
	free(v);
}

static struct bytes *list_of(struct mp body)
{
	struct mp list;
	struct span raw;
	size_t n;
	if (!mp_find(body, "volumes", &list) || mp_raw(&list, &raw))
		return NULL;
	list = mp_of(raw);
	return mp_array(&list, &n) || !n ? NULL : bytes_copy(raw.data, raw.len);
}

int oci_volumes_prepare(struct oci_volumes *v, struct pod *p, struct mp body)
{
	struct bytes *list = list_of(body);
	if (!list)
		return 0;
	volume_jobs_apply(v->jobs, p->id << JOB_BITS | JOB_MAKE, p->dir, list);
	return ERR_AGAIN;
}

void oci_volumes_refresh(struct oci_volumes *v, struct pod *p, struct mp body)
{
	struct bytes *list = list_of(body);
	if (list)
		volume_jobs_apply(v->jobs, p->id << JOB_BITS | JOB_REFRESH, p->dir, list);
}

void oci_volumes_retire(struct oci_volumes *v, const struct pod *p)
{
	static const char *const names[] = {VOLUMES_DIR, BUNDLES_DIR, BUNDLES_DIR ".gone",
					    SUBPATHS_DIR, NULL};
	volume_jobs_clear(v->jobs, p->id << JOB_BITS | JOB_RETIRE, p->dir, names);
}

void oci_volumes_drop(struct oci_volumes *v, const char *dir)
{
	static const char *const names[] = {"gone", NULL};
	volume_jobs_clear(v->jobs, JOB_CLEAN, dir, names);
}

/* In one step, since the next attempts are to be put there. */
void oci_volumes_clean(struct oci_volumes *v, const struct pod *p)
{
	static const char *const names[] = {BUNDLES_DIR ".gone", NULL};
	struct buf from = {0}, to = {0};
	buf_printf(&from, "%s/" BUNDLES_DIR, p->dir);
	buf_printf(&to, "%s.gone", buf_text(&from));
	if (!pause_alive(p->dir, NULL) && rename(buf_text(&from), buf_text(&to)) == 0)
		volume_jobs_clear(v->jobs, p->id << JOB_BITS | JOB_CLEAN, p->dir, names);
	buf_fini(&from);
	buf_fini(&to);
}

void oci_volumes_remove(struct oci_volumes *v, const struct pod *p)
{
	volume_jobs_remove(v->jobs, p->id << JOB_BITS | JOB_REMOVE, p->dir);
}

/* Writes, and returns true, for those volumes that belong there. */
typedef bool put_volume(struct buf *b, struct mp volume);

static void put_list(struct buf *b, struct mp body, const char *key, put_volume *put)
{
	struct mp list;
	size_t n = 0, count = 0;
	mpw_str(b, key);
	size_t at = mpw_array_open(b);
	if (!mp_find(body, "volumes", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list))
		count += put(b, list);
	mpw_array_close(b, at, count);
}

static void put_own_path(struct buf *b, struct mp volume, void (*write)(struct buf *b, struct span path))
{
	struct buf path = {0};
	struct span name = mp_path_str(volume, "name");
	buf_printf(&path, VOLUMES_DIR "/%.*s", (int)name.len, (const char *)name.data);
	write(b, span_buf(&path));
	buf_fini(&path);
}

static bool put_memory(struct buf *b, struct mp volume)
{
	char options[VOLUME_OPTIONS_BYTES];
	if (!span_is(mp_path_str(volume, "kind"), "memory"))
		return false;
	volume_memory_options(volume, options);
	mpw_array(b, 2);
	put_own_path(b, volume, mpw_span);
	mpw_str(b, options);
	return true;
}

static bool put_shared(struct buf *b, struct mp volume)
{
	if (!mp_path_bool(volume, "shared", false))
		return false;
	mpw_array(b, 2);
	mpw_span(b, mp_path_str(volume, "name"));
	if (span_is(mp_path_str(volume, "kind"), "host"))
		mpw_bin(b, mp_path_str(volume, "path"));
	else
		put_own_path(b, volume, mpw_bin);
	return true;
}

size_t oci_volumes_put(struct buf *b, struct mp body)
{
	put_list(b, body, "memory", put_memory);
	put_list(b, body, "shared", put_shared);
	return 2;
}

/* ---- mounts */

static const char *text_at(struct arena *a, struct mp map, const char *key)
{
	struct span s = mp_path_str(map, key);
	return arena_ndup(a, s.data, s.len);
}

/* The pause opens it again, in its own mounts: here is where the words are. */
static int look_at(const char *base, const char *path, struct mp mount, const char *container,
		   struct err *e)
{
	int fd = subpath_open(base, path);
	struct span volume = mp_path_str(mount, "volume");
	if (fd < 0)
		return err_set(e, ERR_INVALID, "failed to prepare subPath for volumeMount \"%.*s\" of "
			       "container \"%s\"", (int)volume.len, (const char *)volume.data, container);
	close(fd);
	return 0;
}

/* Of the mount that a path is on, by the longest of the mount points that lead to it. */
static bool is_shared_path(struct arena *a, const char *path, const char **mount)
{
	char line[8192], point[4096], real[PATH_MAX];
	bool shared = false;
	size_t longest = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	*mount = "/";
	if (!realpath(path, real))
		snprintf(real, sizeof real, "%s", path);
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
			continue;
		size_t n = strlen(point), bare = strcmp(point, "/") == 0 ? 0 : n;
		if (n < longest || strncmp(real, point, bare) != 0 || (real[bare] && real[bare] != '/'))
			continue;
		longest = n;
		char *optional = strstr(line, " - ");
		if (optional)
			*optional = 0;
		shared = strstr(line, " shared:") != NULL;
		*mount = arena_dup(a, point);
	}
	if (f)
		fclose(f);
	return shared;
}

/* Where the pause has put it for all the pod's containers. */
static int find_shared(struct arena *a, const char *dir, struct mp mount, const char *source,
		       const char **out, struct err *e)
{
	struct span name = mp_path_str(mount, "volume");
	const char *place = arena_printf(a, "%s/" SHARED_DIR "/%.*s", dir, (int)name.len,
					 (const char *)name.data);
	const char *point;
	*out = access(place, F_OK) == 0 ? place : source;
	if (!span_is(mp_path_str(mount, "propagation"), "Bidirectional") ||
	    strncmp(source, dir, strlen(dir)) == 0 || is_shared_path(a, source, &point))
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "failed to generate spec: path \"%s\" is mounted on \"%s\" "
		       "but it is not a shared mount", source, point);
}

int oci_volumes_mounts(struct arena *a, const char *dir, const char *container, uint32_t attempt,
		       struct mp list, struct oci_volume_mounts *out, struct err *e)
{
	struct buf parts = {0};
	size_t n = 0, at = mpw_array_open(&parts), part = 0;
	int rc = 0;
	*out = (struct oci_volume_mounts){0};
	if (mp_array(&list, &n))
		n = 0;
	out->all = arena_alloc(a, (n + 1) * sizeof *out->all);
	for (; n > 0 && rc == 0; n--) {
		const char *source = text_at(a, list, "source"), *path = text_at(a, list, "subpath");
		if (*source != '/')
			source = arena_printf(a, "%s/%s", dir, source);
		const char *shared;
		rc = find_shared(a, dir, list, source, &shared, e);
		if (*path) {
			rc = rc ? rc : look_at(source, path, list, container, e);
			mpw_array(&parts, 2);
			mpw_bin(&parts, span_of(shared));
			mpw_bin(&parts, span_of(path));
			source = arena_printf(a, "%s/" SUBPATHS_DIR "/%s.%u/%zu", dir, container,
					      attempt, part++);
		}
		out->all[out->count++] = (struct oci_mount){
			.source = *path ? source : shared,
			.target = text_at(a, list, "target"),
			.readonly = mp_path_bool(list, "read_only", false),
			.recursive = mp_path_bool(list, "recursive", false),
			.propagation = text_at(a, list, "propagation"),
		};
		mp_skip(&list);
	}
	mpw_array_close(&parts, at, part);
	if (part)
		out->subpaths = (struct span){(uint8_t *)arena_ndup(a, parts.data, parts.len), parts.len};
	buf_fini(&parts);
	return rc;
}
