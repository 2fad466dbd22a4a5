#include "actors/objects/config_data.h"

size_t config_validate(struct write *w, const char *field, bool base64)
{
	const struct doc *data = doc_get(w->obj, field);
	size_t bytes = 0;
	if (!doc_is(data, DOC_MAP))
		return 0;
	DOC_EACH(d, data) {
		const char *why = name_config_key(d->key);
		if (why)
			field_invalid(&w->faults, FPATH_KEY(FPATH(NULL, field), d->key), d->key,
				      why);
		if (!doc_is(d, DOC_STR))
			continue;
		struct span v = d->text;
		while (base64 && v.len && v.data[v.len - 1] == '=')
			v.len--;
		bytes += base64 ? v.len * 3 / 4 : v.len;
	}
	return bytes;
}

void config_validate_update(struct write *w, const char *const *fields)
{
	if (!doc_get_bool(w->old, "immutable", false))
		return;
	const struct doc *still = doc_get(w->obj, "immutable");
	if (!doc_is(still, DOC_BOOL) || !still->boolean)
		field_forbidden(&w->faults, FPATH(NULL, "immutable"),
				"field is immutable when `immutable` is set");
	for (; *fields; fields++)
		if (!doc_equal(doc_get(w->obj, *fields), doc_get(w->old, *fields)))
			field_forbidden(&w->faults, FPATH(NULL, *fields),
					"field is immutable when `immutable` is set");
}
