/* Nodes: who registers one gives its status too; afterwards spec and status
 * are written apart. */
#include "actors/objects/address.h"

#include "actors/schema/quantity.h"

static void prepare_update(struct write *w)
{
	keep_old(w, "status");
}

/* Resources that the cluster has been told of, not found by the node. */
static bool is_extended(struct span name)
{
	const uint8_t *slash = name.len ? memchr(name.data, '/', name.len) : NULL;
	struct span domain = {name.data, slash ? (size_t)(slash - name.data) : 0}, home = span_of("kubernetes.io");
	bool ours = domain.len >= home.len &&
		    memcmp(domain.data + domain.len - home.len, home.data, home.len) == 0;
	return slash && !ours;
}

/* Who tells what a node has of them means that it can be given, and does not say that
 * too. A kubelet would say it a few seconds later. */
static void give_extended(struct write *w)
{
	struct doc *status = doc_get(w->obj, "status"), *gives = doc_get(status, "allocatable"), *next;
	const struct doc *has = doc_get(status, "capacity"), *old = doc_get(w->old, "status");
	if (!doc_is(has, DOC_MAP) || !doc_is(gives, DOC_MAP))
		return;
	DOC_EACH(d, has) {
		const struct doc *given = doc_get_span(gives, d->key);
		bool unsaid = doc_equal(given, doc_get_span(doc_get(old, "allocatable"), d->key));
		bool changed = !given || !doc_equal(d, doc_get_span(doc_get(old, "capacity"), d->key));
		if (is_extended(d->key) && unsaid && changed)
			doc_set_span(w->a, gives, d->key, copy_of(w, d));
	}
	for (struct doc *d = gives->first; d; d = next) {
		next = d->next;
		if (is_extended(d->key) && !doc_get_span(has, d->key))
			doc_detach(gives, d);
	}
}

static void prepare_status(struct write *w)
{
	keep_old(w, "spec");
	give_extended(w);
}

/* The first of a node's ranges of pods has a field of its own. */
static void fill_ranges(struct write *w, struct doc *spec)
{
	const struct doc *one = doc_get(spec, "podCIDR"), *all = doc_get(spec, "podCIDRs");
	if (one && !all)
		doc_add(doc_set(w->a, spec, "podCIDRs", doc_new(w->a, DOC_ARRAY)), copy_of(w, one));
	else if (!one && all && all->count)
		doc_set(w->a, spec, "podCIDR", copy_of(w, all->first));
}

/* What a node has is what it can give, unless it says otherwise. */
static void defaults(struct write *w)
{
	struct doc *status = doc_get(w->obj, "status");
	const struct doc *capacity = doc_get(status, "capacity");
	if (capacity && doc_absent(doc_get(status, "allocatable")))
		doc_set(w->a, status, "allocatable", copy_of(w, capacity));
	fill_ranges(w, doc_get(w->obj, "spec"));
}

static void validate_amounts(struct write *w, const char *list)
{
	const struct doc *all = doc_get(doc_get(w->obj, "status"), list);
	const struct fpath *p = FPATH(FPATH(NULL, "status"), list);
	struct quantity q;
	if (!doc_is(all, DOC_MAP))
		return;
	DOC_EACH(d, all)
		if (doc_is(d, DOC_STR) && quantity_parse(d->text, &q) == 0 && q.nano < 0)
			field_invalid(&w->faults, FPATH_KEY(p, d->key), d->text,
				      "must be greater than or equal to 0");
}

static void validate_taints(struct write *w)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	const struct doc *taints = doc_path(w->obj, "spec.taints");
	int i = 0;
	if (!doc_is(taints, DOC_ARRAY))
		return;
	DOC_EACH(t, taints) {
		const struct fpath *p = FPATH_AT(FPATH(FPATH(NULL, "metadata"), "taints"), i);
		struct span value = doc_get_str(t, "value");
		check_name(&w->faults, FPATH(p, "key"), doc_get_str(t, "key"), name_qualified);
		if (value.len && name_label_value(value))
			field_invalid(&w->faults, FPATH(p, "value"), value,
				      name_label_value(value));
		if (doc_get_str(t, "effect").len == 0)
			field_required(&w->faults, FPATH(p, "effect"), "");
		else
			check_enum(&w->faults, FPATH(p, "effect"), doc_get(t, "effect"), effects);
		for (const struct doc *o = taints->first; o != t; o = o->next)
			if (doc_equal(doc_get(o, "key"), doc_get(t, "key")) &&
			    doc_equal(doc_get(o, "effect"), doc_get(t, "effect")))
				field_duplicate_doc(&w->faults, p, t,
						    "taints must be unique by key and effect pair");
		i++;
	}
}

static void validate_ranges(struct write *w)
{
	const struct doc *list = doc_path(w->obj, "spec.podCIDRs");
	struct address_range range;
	int i = 0;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *p = FPATH_AT(FPATH(FPATH(NULL, "spec"), "podCIDRs"), i++);
		if (!address_range(d->text, &range))
			field_invalid(&w->faults, p, d->text, "must be valid CIDR");
	}
}

static void validate(struct write *w)
{
	validate_taints(w);
	validate_ranges(w);
	validate_amounts(w, "capacity");
	validate_amounts(w, "allocatable");
}

/* A node's provider id and pod range are given once. */
static void validate_update(struct write *w)
{
	static const char *const once[] = {"podCIDR", "providerID"};
	const struct fpath *p = FPATH(NULL, "spec");
	for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
		struct span was = doc_get_str(doc_get(w->old, "spec"), once[i]);
		struct span now = doc_get_str(doc_get(w->obj, "spec"), once[i]);
		if (was.len && !span_eq(was, now))
			field_forbidden(&w->faults, FPATH(p, once[i]),
					"node updates may not change it once it is set");
	}
}

static const struct subresource subresources[] = {
	{.name = "status", .prepare = prepare_status, .validate = validate},
	{0},
};

const struct strategy strategy_node = {
	.unconditional_update = true,
	.defaults = defaults,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
	.subresources = subresources,
};
