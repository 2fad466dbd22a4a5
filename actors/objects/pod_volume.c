/* Volumes: a unique name and exactly one source, with what that one needs. */
#include "actors/objects/pod.h"

/* A source's fields that may not be empty. Sources without a row need none. */
static const struct {
	const char *source, *required[3];
} needs[] = {
	{"hostPath", {"path"}},
	{"persistentVolumeClaim", {"claimName"}},
	{"secret", {"secretName"}},
	{"configMap", {"name"}},
	{"nfs", {"server", "path"}},
	{"csi", {"driver"}},
	{"iscsi", {"targetPortal", "iqn"}},
	{"gcePersistentDisk", {"pdName"}},
	{"awsElasticBlockStore", {"volumeID"}},
	{"gitRepo", {"repository"}},
	{"ephemeral", {"volumeClaimTemplate"}},
};

static void validate_needs(struct faults *f, const struct fpath *p, const struct doc *source)
{
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		if (!span_is(source->key, needs[i].source))
			continue;
		for (size_t k = 0; k < 3 && needs[i].required[k]; k++) {
			const struct doc *d = doc_get(source, needs[i].required[k]);
			if (doc_absent(d) || (doc_is(d, DOC_STR) && d->text.len == 0))
				field_required(f, FPATH(p, needs[i].required[k]), "");
		}
	}
}

static void validate_host_path(struct faults *f, const struct fpath *p, const struct doc *d)
{
	static const char *const types[] = {
		"",	"BlockDevice",	"CharDevice", "Directory", "DirectoryOrCreate",
		"File", "FileOrCreate", "Socket",     NULL};
	check_enum(f, FPATH(p, "type"), doc_get(d, "type"), types);
	pod_path_validate(f, FPATH(p, "path"), doc_get_str(d, "path"));
}

static void validate_source(struct faults *f, const struct fpath *volume, const struct doc *source)
{
	const char *name = arena_ndup(f->arena, source->key.data, source->key.len);
	const struct fpath *p = FPATH(volume, name);
	validate_needs(f, p, source);
	pod_volume_files_validate(f, p, source);
	if (strcmp(name, "hostPath") == 0)
		validate_host_path(f, p, source);
}

static void validate_volume(struct faults *f, const struct fpath *p, const struct doc *volume)
{
	int count = 0;
	DOC_EACH(d, volume) {
		if (span_is(d->key, "name") || doc_absent(d))
			continue;
		if (count++)
			field_forbidden(f, FPATH(p, arena_ndup(f->arena, d->key.data, d->key.len)),
					"may not specify more than 1 volume type");
		else
			validate_source(f, p, d);
	}
	if (count == 0)
		field_required(f, p, "must specify a volume type");
}

static bool named_before(const struct doc *list, const struct doc *one)
{
	for (const struct doc *d = list->first; d != one; d = d->next)
		if (span_eq(doc_get_str(d, "name"), doc_get_str(one, "name")))
			return true;
	return false;
}

void pod_volumes_validate(struct faults *f, const struct fpath *p, const struct doc *volumes)
{
	int i = 0;
	if (!doc_is(volumes, DOC_ARRAY))
		return;
	DOC_EACH(v, volumes) {
		const struct fpath *here = FPATH_AT(p, i++);
		check_name(f, FPATH(here, "name"), doc_get_str(v, "name"), name_dns1123_label);
		if (named_before(volumes, v))
			field_duplicate(f, FPATH(here, "name"), doc_get_str(v, "name"));
		validate_volume(f, here, v);
	}
}
