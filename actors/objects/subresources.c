/* Subresources that many kinds have alike: a status of its own, a Scale. */
#include "actors/objects/meta.h"
#include "actors/objects/scale.h"
#include "actors/schema/selectors.h"

/* All that is not status comes from what is stored. */
static void prepare_status(struct write *w)
{
	static const char *const own[] = {"apiVersion", "kind", "metadata", "status", NULL};
	for (struct doc *d = w->obj->first, *next; d; d = next) {
		next = d->next;
		if (!in_list(own, d->key))
			doc_detach(w->obj, d);
	}
	DOC_EACH(d, w->old)
	if (!in_list(own, d->key))
		doc_set_span(w->a, w->obj, d->key, doc_copy(w->a, d));
}

static void validate_status(struct write *w)
{
	if (w->s->status_rules)
		rules_check(&w->faults, NULL, w->obj, w->s->status_rules);
	if (w->s->validate_status)
		w->s->validate_status(w);
}

static struct doc *show_scale(struct arena *a, const struct doc *obj)
{
	const struct label_selector *selector;
	struct buf b = {0};
	if (!label_selector_from_doc(a, doc_path(obj, "spec.selector"), &selector, NULL))
		label_selector_text(selector, &b);
	struct doc *scale =
		scale_of(a, obj, (struct span){(uint8_t *)arena_ndup(a, b.data, b.len), b.len});
	buf_fini(&b);
	return scale;
}

const struct subresource subresources_status[] = {
	{.name = "status", .prepare = prepare_status, .validate = validate_status},
	{0},
};

const struct subresource subresources_scale[] = {
	{.name = "status", .prepare = prepare_status, .validate = validate_status},
	{.name = "scale", .type = "autoscaling/v1.Scale", .show = show_scale, .take = scale_take},
	{0},
};
