/* ConfigMaps: text and bytes, a megabyte at most, immutable if they say so. */
#include "actors/objects/config_data.h"

static const char *const fields[] = {"data", "binaryData", NULL};

static void validate(struct write *w)
{
	const struct doc *data = doc_get(w->obj, "data"), *binary = doc_get(w->obj, "binaryData");
	size_t bytes = config_validate(w, "data", false) + config_validate(w, "binaryData", true);
	if (doc_is(data, DOC_MAP))
		DOC_EACH(d, data)
			if (doc_get_span(binary, d->key))
				field_invalid(&w->faults, FPATH_KEY(FPATH(NULL, "data"), d->key),
					      d->key, "duplicate of key present in binaryData");
	if (bytes > CONFIG_BYTES_MAX)
		field_too_long(&w->faults, NULL, CONFIG_BYTES_MAX);
}

static void validate_update(struct write *w)
{
	config_validate_update(w, fields);
}

const struct strategy strategy_configmap = {
	.unconditional_update = true,
	.validate = validate,
	.validate_update = validate_update,
};
