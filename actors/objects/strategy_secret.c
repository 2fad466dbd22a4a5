/* Secrets: stringData is written as text and stored encoded in data; some
 * types need certain keys. */
#include "actors/objects/config_data.h"

#include "actors/objects/meta.h"
#include "actors/schema/json.h"

/* The base64 of a text, by way of the writer that JSON uses for bytes. */
static struct span encoded(struct arena *a, struct span text)
{
	struct buf bin = {0}, out = {0};
	mpw_bin(&bin, text);
	(void)json_from_mp(&out, mp_of(span_buf(&bin)));
	struct span s = {(uint8_t *)arena_ndup(a, out.data + 1, out.len - 2), out.len - 2};
	buf_fini(&bin);
	buf_fini(&out);
	return s;
}

static void defaults(struct write *w)
{
	const struct doc *text = doc_get(w->obj, "stringData");
	if (doc_get_str(w->obj, "type").len == 0)
		doc_set_str(w->a, w->obj, "type", "Opaque");
	if (!doc_is(text, DOC_MAP))
		return;
	struct doc *data = doc_need_map(w->a, w->obj, "data");
	DOC_EACH(d, text)
		doc_set_span(w->a, data, d->key, doc_span(w->a, encoded(w->a, d->text)));
	doc_remove(w->obj, "stringData");
}

/* Types that need keys: all of them, with something behind each, or any. */
static const struct {
	const char *type, *keys[3];
	bool any;
} needed[] = {
	{"kubernetes.io/dockercfg", {".dockercfg"}, false},
	{"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}, false},
	{"kubernetes.io/basic-auth", {"username", "password"}, true},
	{"kubernetes.io/ssh-auth", {"ssh-privatekey"}, false},
	{"kubernetes.io/tls", {"tls.crt", "tls.key"}, false},
};

static void validate_keys(struct write *w)
{
	struct span type = doc_get_str(w->obj, "type");
	const struct doc *data = doc_get(w->obj, "data");
	size_t row = 0, rows = sizeof needed / sizeof *needed;
	while (row < rows && !span_is(type, needed[row].type))
		row++;
	for (size_t i = 0; row < rows && needed[row].any && needed[row].keys[i]; i++)
		if (doc_get(data, needed[row].keys[i]))
			return;
	for (size_t i = 0; row < rows && needed[row].keys[i]; i++) {
		struct span key = span_of(needed[row].keys[i]);
		if (doc_get_str(data, needed[row].keys[i]).len == 0)
			field_required(&w->faults, FPATH_KEY(FPATH(NULL, "data"), key), "");
	}
}

static void validate_token(struct write *w)
{
	static const char name[] = "kubernetes.io/service-account.name";
	if (!span_is(doc_get_str(w->obj, "type"), "kubernetes.io/service-account-token"))
		return;
	const struct fpath *p = FPATH(FPATH(NULL, "metadata"), "annotations");
	if (doc_get_str(doc_get(meta_of(w->obj), "annotations"), name).len == 0)
		field_required(&w->faults, FPATH_KEY(p, span_of(name)), "");
}

static void validate(struct write *w)
{
	if (config_validate(w, "data", true) > CONFIG_BYTES_MAX)
		field_too_long(&w->faults, FPATH(NULL, "data"), CONFIG_BYTES_MAX);
	validate_keys(w);
	validate_token(w);
}

static void validate_update(struct write *w)
{
	static const char *const fields[] = {"data", NULL};
	check_immutable(&w->faults, FPATH(NULL, "type"), doc_get(w->obj, "type"),
			doc_get(w->old, "type"));
	config_validate_update(w, fields);
}

const struct strategy strategy_secret = {
	.unconditional_update = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
};
