#include "nodes/images/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "broker/base/omap.h"
#include "nodes/images/name.h"
#include "nodes/images/private.h"

enum { ID_DIGITS_MIN = 12 };
static const char REF[] = "org.opencontainers.image.ref.name";

/* ---- the directory */

static int make_dir(const char *path, struct err *e)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

static int make_dirs(const struct images *im, struct err *e)
{
	static const char *const below[] = {"", "/blobs", "/blobs/sha256", "/layers", "/work"};
	char path[IMAGES_PATH_MAX];
	int rc = 0;
	for (size_t i = 0; i < sizeof below / sizeof *below && !rc; i++) {
		snprintf(path, sizeof path, "%s%s", im->dir, below[i]);
		rc = make_dir(path, e);
	}
	return rc;
}

static int make_files(const struct images *im, struct err *e)
{
	static const struct {
		const char *name, *text;
	} files[] = {{"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"},
		     {"index.json", "{\"schemaVersion\":2,\"manifests\":[]}"}};
	char path[IMAGES_PATH_MAX];
	int rc = 0;
	for (size_t i = 0; i < 2 && !rc; i++) {
		snprintf(path, sizeof path, "%s/%s", im->dir, files[i].name);
		if (!file_exists(path))
			rc = file_write(path, span_of(files[i].text), e);
	}
	return rc;
}

int images_open(struct images **out, const char *dir, struct err *e)
{
	struct images *im = mem_alloc(sizeof *im);
	char path[IMAGES_PATH_MAX];
	im->dir = mem_dup(dir);
	im->lock = -1;
	int rc = strlen(dir) + 200 > sizeof path ? err_set(e, ERR_LIMIT, "%s: too long", dir)
						 : make_dirs(im, e);
	if (!rc) {
		snprintf(path, sizeof path, "%s/lock", dir);
		im->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		rc = im->lock < 0 ? err_set(e, ERR_IO, "%s: %s", path, strerror(errno)) : 0;
	}
	if (!rc)
		rc = make_files(im, e);
	if (rc) {
		images_close(im);
		return rc;
	}
	*out = im;
	return 0;
}

void images_close(struct images *im)
{
	if (!im)
		return;
	if (im->lock >= 0)
		close(im->lock);
	free(im->dir);
	free(im);
}

void images_lock(const struct images *im)
{
	while (flock(im->lock, LOCK_EX) && errno == EINTR)
		;
}

void images_unlock(const struct images *im)
{
	flock(im->lock, LOCK_UN);
}

/* ---- what was left */

static void move_aside(const char *work, const char *name)
{
	char from[IMAGES_PATH_MAX], to[IMAGES_PATH_MAX];
	unsigned n = 0;
	snprintf(from, sizeof from, "%s/%s", work, name);
	do
		snprintf(to, sizeof to, "%s/gone/%u", work, n++);
	while (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) && errno == EEXIST);
}

static bool is_abandoned(const char *work, const char *name)
{
	char path[IMAGES_PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", work, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool free = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0)
		close(fd);
	return free;
}

void images_tidy(struct images *im)
{
	char work[IMAGES_PATH_MAX], gone[IMAGES_PATH_MAX];
	bool idle = flock(im->lock, LOCK_EX | LOCK_NB) == 0;
	snprintf(work, sizeof work, "%s/work", im->dir);
	snprintf(gone, sizeof gone, "%s/gone", work);
	mkdir(gone, 0700);
	DIR *d = opendir(work);
	for (struct dirent *f; d && (f = readdir(d));) {
		bool pull = strncmp(f->d_name, "pull-", 5) == 0;
		if (f->d_name[0] == '.' || strcmp(f->d_name, "gone") == 0 ||
		    strncmp(f->d_name, "new-", 4) == 0)
			continue;
		if (pull ? is_abandoned(work, f->d_name) : idle)
			move_aside(work, f->d_name);
	}
	if (d)
		closedir(d);
	if (idle)
		images_unlock(im);
}

/* ---- the index: names and manifests */

static const char *index_path(const struct images *im, struct arena *a)
{
	return arena_printf(a, "%s/index.json", im->dir);
}

/* Its list of manifests, in *root. */
static int read_index(const struct images *im, struct arena *a, struct doc **root, struct doc **list,
		      struct err *e)
{
	int rc = file_json(a, index_path(im, a), root, e);
	*list = rc ? NULL : doc_get(*root, "manifests");
	if (rc == ERR_INVALID || (!rc && !doc_is(*list, DOC_ARRAY)))
		return err_set(e, ERR_CORRUPT, "%s/index.json is no index of images", im->dir);
	return rc;
}

static int write_index(const struct images *im, struct arena *a, const struct doc *root, struct err *e)
{
	struct buf b = {0};
	json_from_doc(&b, root);
	int rc = file_write(index_path(im, a), span_buf(&b), e);
	buf_fini(&b);
	return rc;
}

static struct span name_of(const struct doc *descriptor)
{
	return doc_get_str(doc_get(descriptor, "annotations"), REF);
}

static struct doc *find_name(struct doc *list, const char *name)
{
	DOC_EACH(d, list)
		if (span_is(name_of(d), name))
			return d;
	return NULL;
}

int images_put(struct images *im, struct arena *a, const char *name, const char *digest, struct err *e)
{
	struct doc *root, *list, *d = doc_new(a, DOC_MAP), *notes = doc_new(a, DOC_MAP);
	int rc = read_index(im, a, &root, &list, e);
	if (rc)
		return rc;
	struct doc *was = find_name(list, name);
	if (was)
		doc_detach(list, was);
	doc_set_str(a, d, "mediaType", "application/vnd.oci.image.manifest.v1+json");
	doc_set_str(a, d, "digest", digest);
	doc_set_int(a, d, "size", file_bytes(blob_path(im, a, digest + 7)));
	doc_set(a, d, "annotations", notes);
	doc_set_str(a, notes, REF, name);
	doc_add(list, d);
	if (syncfs(im->lock)) /* all that the name needs, before the name */
		return err_set(e, ERR_IO, "%s: %s", im->dir, strerror(errno));
	return write_index(im, a, root, e);
}

/* ---- an image */

static const char *const *texts_of(struct arena *a, const struct doc *list)
{
	size_t n = doc_is(list, DOC_ARRAY) ? list->count : 0, i = 0;
	const char **out = arena_alloc(a, (n + 1) * sizeof *out);
	DOC_EACH(d, n ? list : NULL)
		out[i++] = arena_ndup(a, d->text.data, d->text.len);
	out[i] = NULL;
	return out;
}

static const char *text_of(struct arena *a, const struct doc *map, const char *key)
{
	struct span s = doc_get_str(map, key);
	return arena_ndup(a, s.data, s.len);
}

static void read_layers(const struct images *im, struct arena *a, const struct doc *manifest,
			const struct doc *config, struct image *out)
{
	const struct doc *diffs = doc_path(config, "rootfs.diff_ids"), *layers = doc_get(manifest, "layers");
	size_t n = doc_is(diffs, DOC_ARRAY) ? diffs->count : 0, i = 0;
	const char **dirs = arena_alloc(a, (n + 1) * sizeof *dirs);
	out->unpacked = true;
	DOC_EACH(d, n ? diffs : NULL)
	{
		const char *hex = digest_hex(a, d->text);
		dirs[i] = layer_path(im, a, hex ? hex : "none");
		out->unpacked = out->unpacked && file_exists(dirs[i++]);
	}
	dirs[i] = NULL;
	out->layers = dirs;
	DOC_EACH(d, doc_is(layers, DOC_ARRAY) ? layers : NULL)
		out->bytes += doc_get_int(d, "size", 0);
}

static int read_blob(const struct images *im, struct arena *a, struct span digest, struct doc **out,
		     struct err *e)
{
	const char *hex = digest_hex(a, digest);
	if (!hex)
		return err_set(e, ERR_CORRUPT, "%s: '%.*s' is no digest", im->dir, (int)digest.len,
			       (const char *)digest.data);
	return file_json(a, blob_path(im, a, hex), out, e);
}

int images_read_manifest(struct images *im, struct arena *a, const char *name, struct span digest,
			 struct image *out, struct err *e)
{
	struct doc *manifest, *config;
	int rc = read_blob(im, a, digest, &manifest, e);
	struct span id = rc ? (struct span){0} : doc_get_str(doc_get(manifest, "config"), "digest");
	if (!rc)
		rc = read_blob(im, a, id, &config, e);
	if (rc)
		return rc;
	const struct doc *runs = doc_get(config, "config");
	*out = (struct image){
		.name = name,
		.id = arena_ndup(a, id.data, id.len),
		.digest = arena_ndup(a, digest.data, digest.len),
		.entrypoint = texts_of(a, doc_get(runs, "Entrypoint")),
		.command = texts_of(a, doc_get(runs, "Cmd")),
		.env = texts_of(a, doc_get(runs, "Env")),
		.workdir = text_of(a, runs, "WorkingDir"),
		.user = text_of(a, runs, "User"),
		.stop_signal = text_of(a, runs, "StopSignal"),
	};
	read_layers(im, a, manifest, config, out);
	return 0;
}

/* ---- all */

static int read_one(struct images *im, struct arena *a, const struct doc *d, struct image *out,
		    struct err *e)
{
	struct span name = name_of(d);
	return images_read_manifest(im, a, arena_ndup(a, name.data, name.len),
				    doc_get_str(d, "digest"), out, e);
}

int images_each(struct images *im, int (*each)(void *arg, const struct image *image), void *arg,
		struct err *e)
{
	struct arena a = {0};
	struct doc *root, *list;
	struct omap sorted = {0};
	int rc = read_index(im, &a, &root, &list, e);
	DOC_EACH(d, rc ? NULL : list)
		omap_put(&sorted, name_of(d), d);
	for (struct onode *n = omap_first(&sorted); n && !rc; n = omap_next(n)) {
		struct image image;
		rc = read_one(im, &a, n->value, &image, e);
		if (!rc)
			rc = each(arg, &image);
	}
	omap_fini(&sorted, NULL);
	arena_fini(&a);
	return rc;
}

/* The beginning of an id, with or without "sha256:". */
static bool is_id(const char *id, const char *text)
{
	const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
	size_t n = strlen(hex);
	return n >= ID_DIGITS_MIN && strspn(hex, "0123456789abcdef") == n &&
	       strncmp(id + 7, hex, n) == 0;
}

static bool may_be_id(const char *text)
{
	const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
	return strspn(hex, "0123456789abcdef") == strlen(hex);
}

static int not_found(struct err *e, const char *name)
{
	return err_set(e, ERR_NOT_FOUND, "there is no image %s", name);
}

int images_find(struct images *im, const char *text, struct arena *a, struct image *out, struct err *e)
{
	struct doc *root, *list;
	struct image_name n;
	int rc = read_index(im, a, &root, &list, e);
	if (rc)
		return rc;
	DOC_EACH(d, may_be_id(text) ? list : NULL)
		if (read_one(im, a, d, out, NULL) == 0 && is_id(out->id, text))
			return 0;
	rc = image_name_parse(a, span_of(text), &n, e);
	if (rc)
		return rc;
	const char *name = image_name_text(a, &n);
	DOC_EACH(d, list)
	{
		bool same = n.digest ? span_is(doc_get_str(d, "digest"), n.digest)
				     : span_is(name_of(d), name);
		if (same)
			return read_one(im, a, d, out, e);
	}
	return not_found(e, name);
}

/* ---- loading */

static int extract(const char *file, const char *work, struct err *e)
{
	const char *const argv[] = {"tar", "-x", "-f", file, "-C", work, "--no-same-owner",
				    "--no-same-permissions", NULL};
	struct program p;
	int rc = program_start(&p, argv, strcmp(file, "-") == 0 ? 0 : -1, -1, e);
	return rc ? rc : program_end(&p, file, e);
}

int images_load(struct images *im, const char *file,
		void (*loaded)(void *arg, const struct image *image), void *arg, struct err *e)
{
	char work[IMAGES_PATH_MAX];
	snprintf(work, sizeof work, "%s/work/load", im->dir);
	images_lock(im);
	tree_remove(work); /* of one that was killed */
	int rc = make_dir(work, e);
	if (!rc)
		rc = extract(file, work, e);
	if (!rc)
		rc = archive_take(im, file, work, loaded, arg, e);
	tree_remove(work);
	images_unlock(im);
	return rc;
}

/* ---- removing */

static void keep_text(struct omap *kept, struct span digest)
{
	if (digest.len > 7)
		omap_put(kept, (struct span){digest.data + 7, digest.len - 7}, kept);
}

/* All that the index needs, by their digits. */
struct kept {
	struct omap blobs, layers;
};

static int gather_kept(const struct images *im, struct arena *a, const struct doc *list,
		       struct kept *kept, struct err *e)
{
	DOC_EACH(d, list)
	{
		struct doc *manifest, *config;
		int rc = read_blob(im, a, doc_get_str(d, "digest"), &manifest, e);
		if (!rc)
			rc = read_blob(im, a, doc_get_str(doc_get(manifest, "config"), "digest"),
				       &config, e);
		if (rc)
			return rc;
		keep_text(&kept->blobs, doc_get_str(d, "digest"));
		keep_text(&kept->blobs, doc_get_str(doc_get(manifest, "config"), "digest"));
		DOC_EACH(l, doc_get(manifest, "layers"))
			keep_text(&kept->blobs, doc_get_str(l, "digest"));
		DOC_EACH(l, doc_path(config, "rootfs.diff_ids"))
			keep_text(&kept->layers, l->text);
	}
	return 0;
}

static void sweep(const char *dir, const struct omap *kept)
{
	char path[IMAGES_PATH_MAX];
	DIR *d = opendir(dir);
	for (struct dirent *f; d && (f = readdir(d));) {
		if (f->d_name[0] == '.' || omap_get(kept, span_of(f->d_name)))
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		tree_remove(path);
	}
	if (d)
		closedir(d);
}

static int remove_locked(struct images *im, struct arena *a, const char *text, struct err *e)
{
	struct doc *root, *list;
	struct kept kept = {0};
	struct image image;
	int rc = images_find(im, text, a, &image, e);
	if (!rc)
		rc = read_index(im, a, &root, &list, e);
	if (rc)
		return rc;
	struct doc *d = find_name(list, image.name);
	if (!d)
		return not_found(e, text);
	doc_detach(list, d);
	rc = write_index(im, a, root, e);
	if (!rc)
		rc = gather_kept(im, a, list, &kept, e);
	if (!rc) {
		sweep(arena_printf(a, "%s/blobs/sha256", im->dir), &kept.blobs);
		sweep(arena_printf(a, "%s/layers", im->dir), &kept.layers);
	}
	omap_fini(&kept.blobs, NULL);
	omap_fini(&kept.layers, NULL);
	return rc;
}

int images_remove(struct images *im, const char *name, struct err *e)
{
	struct arena a = {0};
	images_lock(im);
	int rc = remove_locked(im, &a, name, e);
	images_unlock(im);
	arena_fini(&a);
	return rc;
}
