/* YAML out, by libyaml's emitter: keys in order, as sigs.k8s.io/yaml writes
 * them; text that a reader would take for a number, a truth value or null is
 * quoted, text of several lines is a literal block. */
#include <string.h>
#include <yaml.h>

#include "actors/schema/json.h"
#include "actors/schema/yaml.h"
#include "actors/schema/yaml_scalar.h"
#include "broker/base/sort.h"

static int append(void *out, unsigned char *data, size_t n)
{
	buf_append(out, data, n);
	return 1;
}

static bool emit(yaml_emitter_t *e, int made, yaml_event_t *event)
{
	return made && yaml_emitter_emit(e, event);
}

static bool scalar(yaml_emitter_t *e, struct span text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	return emit(e,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)text.data,
						 (int)text.len, 1, 1, style),
		    &event);
}

/* Whether it would be read as it is meant when it stands there bare. */
static bool reads_as_text(struct span text)
{
	struct doc d = {0};
	return yaml_scalar(&d, text, true, NULL) == 0 && d.type == DOC_STR;
}

static bool text(yaml_emitter_t *e, struct span s)
{
	bool lines = memchr(s.data, '\n', s.len) != NULL;
	return scalar(e, s,
		      lines		 ? YAML_LITERAL_SCALAR_STYLE
		      : reads_as_text(s) ? YAML_PLAIN_SCALAR_STYLE
					 : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool bare(yaml_emitter_t *e, struct span s)
{
	return scalar(e, s, YAML_PLAIN_SCALAR_STYLE);
}

static bool number(yaml_emitter_t *e, const struct doc *d)
{
	struct buf b = {0};
	json_from_doc(&b, d);
	bool fine = bare(e, span_buf(&b));
	buf_fini(&b);
	return fine;
}

static bool value(yaml_emitter_t *e, struct arena *a, const struct doc *d);

static bool array(yaml_emitter_t *e, struct arena *a, const struct doc *d)
{
	yaml_event_t event;
	yaml_sequence_style_t style =
		d->count ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
	if (!emit(e, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style), &event))
		return false;
	DOC_EACH(child, d)
		if (!value(e, a, child))
			return false;
	return emit(e, yaml_sequence_end_event_initialize(&event), &event);
}

static int by_key(const void *x, const void *y, void *arg)
{
	(void)arg;
	return span_cmp((*(const struct doc *const *)x)->key, (*(const struct doc *const *)y)->key);
}

static bool map(yaml_emitter_t *e, struct arena *a, const struct doc *d)
{
	yaml_event_t event;
	const struct doc **children = arena_alloc(a, (d->count + 1) * sizeof *children);
	size_t n = 0;
	yaml_mapping_style_t style = d->count ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
	DOC_EACH(child, d)
		children[n++] = child;
	sort_stable(children, n, sizeof *children, by_key, NULL);
	if (!emit(e, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style), &event))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!text(e, children[i]->key) || !value(e, a, children[i]))
			return false;
	return emit(e, yaml_mapping_end_event_initialize(&event), &event);
}

static bool value(yaml_emitter_t *e, struct arena *a, const struct doc *d)
{
	switch (d->type) {
	case DOC_MAP:
		return map(e, a, d);
	case DOC_ARRAY:
		return array(e, a, d);
	case DOC_STR:
		return text(e, d->text);
	case DOC_BOOL:
		return bare(e, span_of(d->boolean ? "true" : "false"));
	case DOC_INT:
	case DOC_DOUBLE:
		return number(e, d);
	default:
		return bare(e, span_of("null"));
	}
}

static bool document(yaml_emitter_t *e, struct arena *a, const struct doc *d)
{
	yaml_event_t event;
	return emit(e, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event) &&
	       emit(e, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event) &&
	       value(e, a, d) &&
	       emit(e, yaml_document_end_event_initialize(&event, 1), &event) &&
	       emit(e, yaml_stream_end_event_initialize(&event), &event);
}

int yaml_from_doc(struct buf *out, const struct doc *d)
{
	yaml_emitter_t e;
	struct arena a = {0};
	if (!yaml_emitter_initialize(&e))
		return ERR_LIMIT;
	yaml_emitter_set_output(&e, append, out);
	yaml_emitter_set_unicode(&e, 1);
	yaml_emitter_set_width(&e, -1);
	bool fine = document(&e, &a, d);
	yaml_emitter_delete(&e);
	arena_fini(&a);
	return fine ? 0 : ERR_INVALID;
}
