/* Files of volumes that are made of other objects: config maps, secrets, the downward API, and
 * several of them in one. What a node would refuse is refused here.
 * Source of the rules: kubernetes pkg/apis/core/validation (validateKeyToPath,
 * validateDownwardAPIVolumeFile, validateProjectionSources); places are named as there, also
 * where they leave an index out. */
#include "actors/objects/pod.h"
#include "actors/schema/names.h"

static const char mode_words[] = "must be a number between 0 and 0777 (octal), both inclusive";
static const int64_t token_seconds_max = (int64_t)1 << 32;

static void check_mode(struct faults *f, const struct fpath *p, const struct doc *mode)
{
	if (doc_is(mode, DOC_INT) && (mode->integer < 0 || mode->integer > 0777))
		field_invalid_int(f, p, mode->integer, mode_words);
}

void pod_path_validate(struct faults *f, const struct fpath *p, struct span path)
{
	if (name_path_steps_back(path))
		field_invalid(f, p, path, "must not contain '..'");
}

static void check_path(struct faults *f, const struct fpath *p, struct span path)
{
	bool dots = path.len >= 2 && path.data[0] == '.' && path.data[1] == '.';
	if (path.len == 0)
		field_required(f, p, "");
	else if (path.data[0] == '/')
		field_invalid(f, p, path, "must be a relative path");
	pod_path_validate(f, p, path);
	if (dots && path.len > 2 && path.data[2] != '/')
		field_invalid(f, p, path, "must not start with '..'");
}

static void check_item(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (doc_get_str(d, "key").len == 0)
		field_required(f, FPATH(p, "key"), "");
	check_path(f, FPATH(p, "path"), doc_get_str(d, "path"));
	check_mode(f, FPATH(p, "mode"), doc_get(d, "mode"));
}

static void check_field(struct faults *f, const struct fpath *p, const struct doc *ref)
{
	static const char *const paths[] = {"metadata.annotations", "metadata.labels", "metadata.name",
					    "metadata.namespace", "metadata.uid", NULL};
	struct span path = doc_get_str(ref, "fieldPath");
	if (path.len == 0)
		field_required(f, FPATH(p, "fieldPath"), "");
	else if (!in_list(paths, path) && !memchr(path.data, '[', path.len))
		field_not_supported(f, FPATH(p, "fieldPath"), path, paths);
}

static void check_resource(struct faults *f, const struct fpath *p, const struct doc *ref)
{
	if (doc_get_str(ref, "containerName").len == 0)
		field_required(f, FPATH(p, "containerName"), "");
	else if (doc_get_str(ref, "resource").len == 0)
		field_required(f, FPATH(p, "resource"), "");
}

static void check_downward(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *field = doc_get(d, "fieldRef"), *resource = doc_get(d, "resourceFieldRef");
	check_path(f, FPATH(p, "path"), doc_get_str(d, "path"));
	if (!doc_absent(field))
		check_field(f, FPATH(p, "fieldRef"), field);
	else if (!doc_absent(resource))
		check_resource(f, FPATH(p, "resourceFieldRef"), resource);
	else
		field_required(f, p, "one of fieldRef and resourceFieldRef is required");
	if (!doc_absent(field) && !doc_absent(resource))
		field_invalid(f, p, span_of("resource"),
			      "fieldRef and resourceFieldRef can not be specified simultaneously");
	check_mode(f, FPATH(p, "mode"), doc_get(d, "mode"));
}

static void check_items(struct faults *f, const struct fpath *p, const struct doc *source)
{
	const struct doc *items = doc_get(source, "items");
	bool downward = span_is(source->key, "downwardAPI");
	int i = 0;
	DOC_EACH(d, doc_is(items, DOC_ARRAY) ? items : NULL)
	{
		const struct fpath *here = downward ? p : FPATH_AT(FPATH(p, "items"), i++);
		if (downward)
			check_downward(f, here, d);
		else
			check_item(f, here, d);
	}
}

/* ---- several in one */

/* The path's first file of this volume; NULL: it is the first. */
static bool is_taken(const struct doc *sources, const struct doc *item, struct span path)
{
	DOC_EACH(s, sources)
	DOC_EACH(source, doc_is(s, DOC_MAP) ? s : NULL)
	{
		const struct doc *items = doc_get(source, "items");
		if (source == item)
			return false;
		if (span_is(source->key, "serviceAccountToken") && span_eq(doc_get_str(source, "path"), path))
			return true;
		DOC_EACH(d, doc_is(items, DOC_ARRAY) ? items : NULL)
		{
			if (d == item)
				return false;
			if (span_eq(doc_get_str(d, "path"), path))
				return true;
		}
	}
	return false;
}

/* Kubernetes names the object rather than the path, where there is one. */
static void check_taken(struct faults *f, const struct fpath *p, const struct doc *sources,
			const struct doc *item, struct span name)
{
	struct span path = doc_get_str(item, "path");
	if (path.len && is_taken(sources, item, path))
		field_invalid(f, p, name.len ? name : path, "conflicting duplicate paths");
}

static void check_token(struct faults *f, const struct fpath *p, const struct fpath *volume,
			const struct doc *token)
{
	int64_t seconds = doc_get_int(token, "expirationSeconds", 3600);
	if (seconds < 600)
		field_invalid_int(f, FPATH(p, "expirationSeconds"), seconds,
				  "may not specify a duration less than 10 minutes");
	if (seconds > token_seconds_max)
		field_invalid_int(f, FPATH(p, "expirationSeconds"), seconds,
				  "may not specify a duration larger than 2^32 seconds");
	if (doc_get_str(token, "path").len == 0)
		field_required(f, FPATH(volume, "path"), "");
}

static void check_projection(struct faults *f, const struct fpath *p, const struct fpath *volume,
			     const struct doc *sources, const struct doc *source)
{
	struct span name = doc_get_str(source, "name");
	const struct doc *items = doc_get(source, "items");
	bool named = span_is(source->key, "configMap") || span_is(source->key, "secret");
	if (named && !name.len)
		field_required(f, FPATH(p, "name"), "");
	if (span_is(source->key, "serviceAccountToken")) {
		check_token(f, p, volume, source);
		check_taken(f, volume, sources, source, (struct span){0});
		return;
	}
	check_items(f, p, source);
	DOC_EACH(d, doc_is(items, DOC_ARRAY) ? items : NULL)
	check_taken(f, volume, sources, d, named ? name : (struct span){0});
}

static void check_projected(struct faults *f, const struct fpath *p, const struct doc *volume)
{
	const struct doc *sources = doc_get(volume, "sources");
	int i = 0;
	DOC_EACH(s, doc_is(sources, DOC_ARRAY) ? sources : NULL)
	{
		const struct fpath *here = FPATH_AT(FPATH(p, "sources"), i++);
		int count = 0;
		DOC_EACH(source, doc_is(s, DOC_MAP) ? s : NULL)
		{
			if (doc_absent(source))
				continue;
			if (++count == 2)
				field_forbidden(f, here, "may not specify more than 1 volume type");
			check_projection(f, FPATH(here, arena_ndup(f->arena, source->key.data, source->key.len)),
					 p, sources, source);
		}
	}
}

void pod_volume_files_validate(struct faults *f, const struct fpath *p, const struct doc *source)
{
	check_mode(f, FPATH(p, "defaultMode"), doc_get(source, "defaultMode"));
	if (span_is(source->key, "projected"))
		check_projected(f, p, source);
	else
		check_items(f, p, source);
}
