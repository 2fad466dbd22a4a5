/* From an archive's files to blobs and names. Two forms: an OCI layout (oci-layout,
 * index.json, blobs/), whose digests are checked, and that of `docker save`
 * (manifest.json), for which a manifest is written. Newer `docker save` has both;
 * its names are Docker's then. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "nodes/images/name.h"
#include "nodes/images/private.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"
enum { LAYERS_MAX = 500 /* of overlayfs */, INDEX_DEPTH_MAX = 4 };

struct taking {
	struct images *im;
	const char *file, *work;
	struct arena *a;
	struct err *e;
	void (*loaded)(void *arg, const struct image *image);
	void *arg;
	size_t count;
};

/* A file of the archive; links may not lead out of it. NULL: it is not there. */
static const char *member(struct taking *t, const char *name)
{
	const char *path = arena_printf(t->a, "%s/%s", t->work, name);
	char real[PATH_MAX], root[PATH_MAX];
	if (!realpath(path, real) || !realpath(t->work, root))
		return NULL;
	size_t n = strlen(root);
	return strncmp(real, root, n) == 0 && real[n] == '/' ? arena_dup(t->a, real) : NULL;
}

static const char *text_of(struct taking *t, const struct doc *d, const char *key)
{
	struct span s = doc_get_str(d, key);
	return arena_ndup(t->a, s.data, s.len);
}

/* Moves a file of the archive to where its digest says. */
static int take_blob(struct taking *t, const char *path, const char *hex)
{
	const char *to = blob_path(t->im, t->a, hex);
	if (file_exists(to))
		return 0;
	/* A link: the archive may name it twice. */
	if (link(path, to) == 0)
		return 0;
	return err_set(t->e, ERR_IO, "%s: %s", to, strerror(errno));
}

static int take_name(struct taking *t, const char *text, const char *digest)
{
	struct image_name n;
	struct image image;
	int rc = image_name_parse(t->a, span_of(text), &n, t->e);
	if (rc)
		return rc;
	const char *name = image_name_text(t->a, &n);
	rc = images_put(t->im, t->a, name, digest, t->e);
	if (!rc)
		rc = images_read_manifest(t->im, t->a, name, span_of(digest), &image, t->e);
	if (rc)
		return rc;
	t->count++;
	if (t->loaded)
		t->loaded(t->arg, &image);
	return 0;
}

/* ---- docker save */

struct layer {
	const char *hex, *diff_hex;
	int64_t bytes;
};

static int take_layer(struct taking *t, const char *name, const struct doc *diff, struct layer *out)
{
	const char *path = member(t, name);
	char digest[DIGEST_TEXT_MAX];
	if (!path)
		return err_set(t->e, ERR_INVALID, "%s: layer %s is missing", t->file, name);
	out->diff_hex = doc_is(diff, DOC_STR) ? digest_hex(t->a, diff->text) : NULL;
	if (!out->diff_hex)
		return err_set(t->e, ERR_INVALID, "%s: the config has no digest for layer %s",
			       t->file, name);
	int rc = file_digest(path, digest, t->e);
	if (rc)
		return rc;
	out->hex = digest_hex(t->a, span_of(digest));
	out->bytes = file_bytes(path);
	rc = take_blob(t, path, out->hex);
	return rc ? rc : layer_unpack(t->im, blob_path(t->im, t->a, out->hex), out->diff_hex, t->e);
}

static const char *manifest_of(struct taking *t, const char *config_hex, int64_t config_bytes,
			       const struct layer *layers, size_t count)
{
	struct buf b = {0};
	buf_printf(&b,
		   "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":{\"mediaType\":"
		   "\"" CONFIG_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%lld},\"layers\":[",
		   config_hex, (long long)config_bytes);
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s{\"mediaType\":\"" LAYER_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%lld}",
			   i ? "," : "", layers[i].hex, (long long)layers[i].bytes);
	buf_puts(&b, "]}");
	const char *text = arena_ndup(t->a, b.data, b.len);
	buf_fini(&b);
	return text;
}

static int take_docker_image(struct taking *t, const struct doc *image)
{
	const char *config_name = text_of(t, image, "Config"), *config_path = member(t, config_name);
	const struct doc *names = doc_get(image, "Layers"), *tags = doc_get(image, "RepoTags");
	struct layer layers[LAYERS_MAX];
	struct doc *config;
	char digest[DIGEST_TEXT_MAX];
	size_t n = 0;
	if (!config_path)
		return err_set(t->e, ERR_INVALID, "%s: config '%s' is missing", t->file, config_name);
	int rc = file_json(t->a, config_path, &config, t->e);
	if (!rc)
		rc = file_digest(config_path, digest, t->e);
	if (rc)
		return rc;
	const struct doc *diffs = doc_path(config, "rootfs.diff_ids");
	const struct doc *diff = doc_is(diffs, DOC_ARRAY) ? diffs->first : NULL;
	if (doc_is(names, DOC_ARRAY) && names->count > LAYERS_MAX)
		return err_set(t->e, ERR_LIMIT, "%s: more than %d layers", t->file, LAYERS_MAX);
	DOC_EACH(d, doc_is(names, DOC_ARRAY) ? names : NULL)
	{
		rc = take_layer(t, arena_ndup(t->a, d->text.data, d->text.len), diff, &layers[n++]);
		if (rc)
			return rc;
		diff = diff ? diff->next : NULL;
	}
	const char *hex = digest_hex(t->a, span_of(digest));
	rc = take_blob(t, config_path, hex);
	if (rc)
		return rc;
	const char *manifest = manifest_of(t, hex, file_bytes(config_path), layers, n);
	if (text_digest(span_of(manifest), digest))
		return err_set(t->e, ERR_IO, "no SHA-256");
	rc = file_write(blob_path(t->im, t->a, digest_hex(t->a, span_of(digest))), span_of(manifest),
			t->e);
	DOC_EACH(d, !rc && doc_is(tags, DOC_ARRAY) ? tags : NULL)
	{
		rc = take_name(t, arena_ndup(t->a, d->text.data, d->text.len), digest);
		if (rc)
			return rc;
	}
	return rc;
}

static int take_docker(struct taking *t, const char *manifest)
{
	struct doc *list;
	int rc = file_json(t->a, manifest, &list, t->e);
	if (!rc && !doc_is(list, DOC_ARRAY))
		return err_set(t->e, ERR_INVALID, "%s: manifest.json is no list", t->file);
	DOC_EACH(d, rc ? NULL : list)
	{
		rc = take_docker_image(t, d);
		if (rc)
			return rc;
	}
	return rc;
}

/* ---- OCI */

/* The blob of a descriptor: there, and of its digest. Returns its path. */
static int check_blob(struct taking *t, const struct doc *descriptor, const char **hex,
		      const char **path)
{
	struct span digest = doc_get_str(descriptor, "digest");
	char is[DIGEST_TEXT_MAX];
	*hex = digest_hex(t->a, digest);
	if (!*hex)
		return err_set(t->e, ERR_INVALID, "%s: '%.*s' is no digest", t->file,
			       (int)digest.len, (const char *)digest.data);
	*path = member(t, arena_printf(t->a, "blobs/sha256/%s", *hex));
	if (!*path)
		return err_set(t->e, ERR_INVALID, "%s: blob sha256:%s is missing", t->file, *hex);
	int rc = file_digest(*path, is, t->e);
	if (!rc && strcmp(is + 7, *hex) != 0)
		return err_set(t->e, ERR_CORRUPT, "%s: blob sha256:%s is %s", t->file, *hex, is);
	return rc;
}

static bool is_for_us(const struct doc *descriptor)
{
	const struct doc *platform = doc_get(descriptor, "platform");
	return !platform || (span_is(doc_get_str(platform, "architecture"), "amd64") &&
					span_is(doc_get_str(platform, "os"), "linux"));
}

/* The manifest for this machine behind a descriptor, which may be an index. */
static int find_manifest(struct taking *t, const struct doc *descriptor, int depth,
			 struct doc **manifest, const char **hex)
{
	const char *path;
	int rc = check_blob(t, descriptor, hex, &path);
	if (!rc)
		rc = file_json(t->a, path, manifest, t->e);
	const struct doc *inner = rc ? NULL : doc_get(*manifest, "manifests");
	if (rc || !inner)
		return rc ? rc : take_blob(t, path, *hex);
	DOC_EACH(d, inner)
		if (is_for_us(d) && depth < INDEX_DEPTH_MAX)
			return find_manifest(t, d, depth + 1, manifest, hex);
	return err_set(t->e, ERR_INVALID, "%s: no image for linux/amd64", t->file);
}

static int take_oci_layers(struct taking *t, const struct doc *manifest, const struct doc *config)
{
	const struct doc *layers = doc_get(manifest, "layers");
	const struct doc *diffs = doc_path(config, "rootfs.diff_ids");
	const struct doc *diff = doc_is(diffs, DOC_ARRAY) ? diffs->first : NULL;
	DOC_EACH(d, doc_is(layers, DOC_ARRAY) ? layers : NULL)
	{
		const char *hex, *path, *diff_hex = diff ? digest_hex(t->a, diff->text) : NULL;
		if (!diff_hex)
			return err_set(t->e, ERR_INVALID, "%s: the config has fewer digests than layers",
				       t->file);
		int rc = check_blob(t, d, &hex, &path);
		if (!rc)
			rc = take_blob(t, path, hex);
		if (!rc)
			rc = layer_unpack(t->im, path, diff_hex, t->e);
		if (rc)
			return rc;
		diff = diff->next;
	}
	return 0;
}

static int take_oci_image(struct taking *t, const struct doc *descriptor)
{
	struct doc *manifest, *config;
	const struct doc *notes = doc_get(descriptor, "annotations");
	const char *hex, *config_hex, *path;
	const char *name = text_of(t, notes, "io.containerd.image.name");
	if (!*name)
		name = text_of(t, notes, "org.opencontainers.image.ref.name");
	if (!*name)
		return err_set(t->e, ERR_INVALID, "%s: an image in it has no name", t->file);
	int rc = find_manifest(t, descriptor, 0, &manifest, &hex);
	if (!rc)
		rc = check_blob(t, doc_get(manifest, "config"), &config_hex, &path);
	if (!rc)
		rc = take_blob(t, path, config_hex);
	if (!rc)
		rc = file_json(t->a, path, &config, t->e);
	if (!rc)
		rc = take_oci_layers(t, manifest, config);
	return rc ? rc : take_name(t, name, arena_printf(t->a, "sha256:%s", hex));
}

static int take_oci(struct taking *t, const char *index)
{
	struct doc *root;
	int rc = file_json(t->a, index, &root, t->e);
	const struct doc *list = rc ? NULL : doc_get(root, "manifests");
	if (!rc && !doc_is(list, DOC_ARRAY))
		return err_set(t->e, ERR_INVALID, "%s: index.json has no manifests", t->file);
	DOC_EACH(d, list)
	{
		rc = take_oci_image(t, d);
		if (rc)
			return rc;
	}
	return rc;
}

int archive_take(struct images *im, const char *file, const char *work,
		 void (*loaded)(void *arg, const struct image *image), void *arg, struct err *e)
{
	struct arena a = {0};
	struct taking t = {im, file, work, &a, e, loaded, arg, 0};
	const char *docker = member(&t, "manifest.json"), *oci = member(&t, "index.json");
	int rc = docker ? take_docker(&t, docker)
		 : oci	? take_oci(&t, oci)
			: err_set(e, ERR_INVALID,
				  "%s: neither manifest.json nor index.json is in it: no archive of images",
				  file);
	if (!rc && !t.count)
		rc = err_set(e, ERR_INVALID, "%s: no image in it has a name", file);
	arena_fini(&a);
	return rc;
}
