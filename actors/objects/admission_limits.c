/* Limit ranges: they fill in what containers do not say, and refuse pods and
 * claims that ask for too much, too little, or for limits too far from their
 * requests. All that is wrong is told at once. */
#include "actors/objects/admission.h"

#include <stdlib.h>

#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/objects/usage.h"

/* ---- the namespace's limit ranges */

/* Calls each(w, range, arg) for every one, until it returns false (returned). */
static bool each_range(struct write *w, bool (*each)(struct write *w, struct mp range, void *arg),
		       void *arg)
{
	struct doc *names;
	if (!admission_names(w, "limitranges", &names))
		return false;
	DOC_EACH(n, doc_is(names, DOC_ARRAY) ? names : NULL)
	{
		struct store_row row;
		if (!admission_read(w, "limitranges", n->text, &row))
			return false;
		if (row.value && !each(w, mp_of_bytes(row.value), arg))
			return false;
	}
	return true;
}

/* ---- defaults */

/* Fills one list of a container; the names that were missing, as "cpu, memory". */
static void fill(struct write *w, struct doc *container, const char *list, struct mp from,
		 struct buf *names)
{
	struct amounts all = {.a = w->a};
	amounts_of(&all, from);
	amounts_sort(&all);
	struct doc *resources = doc_need_map(w->a, container, "resources");
	struct doc *to = resources && all.count ? doc_need_map(w->a, resources, list) : NULL;
	for (size_t i = 0; to && i < all.count; i++) {
		char text[QUANTITY_TEXT_MAX];
		struct span name = all.all[i].name;
		if (doc_get_span(to, name))
			continue;
		quantity_format(all.all[i].q, text);
		doc_set_span(w->a, to, name, doc_str(w->a, arena_dup(w->a, text)));
		buf_printf(names, "%s%.*s", names->len ? ", " : "", (int)name.len,
			   (const char *)name.data);
	}
}

static void note(struct buf *notes, const struct buf *names, const char *what, const char *kind,
		 const struct doc *container)
{
	struct span name = doc_get_str(container, "name");
	if (names->len)
		buf_printf(notes, "%s%.*s %s for %s %.*s", notes->len ? "; " : "", (int)names->len,
			   (const char *)names->data, what, kind, (int)name.len,
			   (const char *)name.data);
}

static void fill_containers(struct write *w, struct doc *spec, const char *list, const char *kind,
			    struct mp item, struct buf *notes)
{
	struct doc *containers = doc_get(spec, list);
	DOC_EACH(c, doc_is(containers, DOC_ARRAY) ? containers : NULL)
	{
		struct buf requests = {0}, limits = {0};
		struct mp m;
		if (mp_find(item, "defaultRequest", &m))
			fill(w, c, "requests", m, &requests);
		if (mp_find(item, "default", &m))
			fill(w, c, "limits", m, &limits);
		note(notes, &requests, "request", kind, c);
		note(notes, &limits, "limit", kind, c);
		buf_fini(&requests);
		buf_fini(&limits);
	}
}

static bool fill_pod(struct write *w, struct mp range, void *arg)
{
	struct doc *spec = arg;
	struct buf notes = {0};
	for (struct mp_walk k = mp_walk_list(range, "spec.limits"); mp_walk_next(&k);) {
		if (!span_is(mp_path_str(k.value, "type"), "Container"))
			continue;
		fill_containers(w, spec, "containers", "container", k.value, &notes);
		fill_containers(w, spec, "initContainers", "init container", k.value, &notes);
	}
	struct doc *all = notes.len ? doc_need_map(w->a, meta_of(w->obj), "annotations") : NULL;
	if (all)
		doc_set(w->a, all, "kubernetes.io/limit-ranger",
			doc_printf(w->a, "LimitRanger plugin set: %s", buf_text(&notes)));
	buf_fini(&notes);
	return true;
}

void admit_limit_defaults(struct write *w, struct doc *spec)
{
	(void)each_range(w, fill_pod, spec);
}

/* ---- constraints */

/* What something asks for, and what is wrong with that. */
struct asked {
	struct write *w;
	struct span type; /* "Container" */
	bool claim;
	struct amounts requests, limits;
	struct doc *faults; /* texts, each once */
};

static void fault(struct asked *x, const char *text)
{
	DOC_EACH(d, x->faults)
	if (doc_str_is(d, text))
		return;
	doc_add(x->faults, doc_str(x->w->a, text));
}

static const char *shown(struct asked *x, struct quantity q)
{
	char text[QUANTITY_TEXT_MAX];
	quantity_format(q, text);
	return arena_dup(x->w->a, text);
}

/* "minimum cpu usage per Container is 1" and what follows. */
static void usage_fault(struct asked *x, const char *most, const struct amount *bound,
			const char *which, const struct amount *is)
{
	const char *then = is ? arena_printf(x->w->a, ", but %s is %s", which, shown(x, is->q))
			      : arena_printf(x->w->a, ". No %s is specified", which);
	fault(x, arena_printf(x->w->a, "%s %.*s usage per %.*s is %s%s", most,
			      (int)bound->name.len, (const char *)bound->name.data,
			      (int)x->type.len, (const char *)x->type.data, shown(x, bound->q),
			      then));
}

static void check_min(struct asked *x, const struct amount *bound)
{
	const struct amount *request = amounts_find(&x->requests, bound->name),
			    *limit = amounts_find(&x->limits, bound->name);
	if (!request || quantity_cmp(request->q, bound->q) < 0)
		usage_fault(x, "minimum", bound, "request", request);
	else if (limit && quantity_cmp(limit->q, bound->q) < 0)
		usage_fault(x, "minimum", bound, "limit", limit);
}

static void check_max(struct asked *x, const struct amount *bound)
{
	const struct amount *request = amounts_find(&x->requests, bound->name),
			    *limit = amounts_find(&x->limits, bound->name);
	if (!x->claim && (!limit || quantity_cmp(limit->q, bound->q) > 0))
		usage_fault(x, "maximum", bound, "limit", limit);
	else if (x->claim && !request)
		usage_fault(x, "maximum", bound, "request", NULL);
	else if (request && quantity_cmp(request->q, bound->q) > 0)
		usage_fault(x, "maximum", bound, "request", request);
}

/* In millionths, rounded: no float is asked. */
static __int128 ratio_of(struct quantity limit, struct quantity request)
{
	__int128 unit = request.nano / 1000 ? request.nano / 1000 : 1;
	return (limit.nano / 1000 * 1000000 + unit / 2) / unit;
}

static void check_ratio(struct asked *x, const struct amount *bound)
{
	const struct amount *request = amounts_find(&x->requests, bound->name),
			    *limit = amounts_find(&x->limits, bound->name);
	const char *why = NULL;
	if (!request || request->q.nano == 0) {
		why = "no request is specified or request is 0";
	} else if (!limit || limit->q.nano == 0) {
		why = "no limit is specified or limit is 0";
	} else {
		__int128 ratio = ratio_of(limit->q, request->q);
		if (ratio > bound->q.nano / 1000)
			why = arena_printf(x->w->a, "provided ratio is %lld.%06lld",
					   (long long)(ratio / 1000000),
					   (long long)(ratio % 1000000));
	}
	if (why)
		fault(x, arena_printf(x->w->a, "%.*s max limit to request ratio per %.*s is %s, but %s",
				      (int)bound->name.len, (const char *)bound->name.data,
				      (int)x->type.len, (const char *)x->type.data,
				      shown(x, bound->q), why));
}

static void check_bounds(struct asked *x, struct mp item)
{
	static const struct {
		const char *list;
		void (*check)(struct asked *x, const struct amount *bound);
	} bounds[] = {{"min", check_min}, {"max", check_max}, {"maxLimitRequestRatio", check_ratio}};
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		struct amounts all = {.a = x->w->a};
		struct mp m;
		if (x->claim && bounds[i].check == check_ratio)
			continue;
		if (mp_find(item, bounds[i].list, &m))
			amounts_of(&all, m);
		amounts_sort(&all);
		for (size_t k = 0; k < all.count; k++)
			bounds[i].check(x, &all.all[k]);
	}
}

static void read_asked(struct asked *x, struct mp resources)
{
	struct mp m;
	x->requests.count = x->limits.count = 0;
	if (mp_find(resources, "requests", &m))
		amounts_of(&x->requests, m);
	if (mp_find(resources, "limits", &m))
		amounts_of(&x->limits, m);
}

static void check_containers(struct asked *x, struct mp spec, const char *list, struct mp item)
{
	for (struct mp_walk c = mp_walk_list(spec, list); mp_walk_next(&c);) {
		struct mp resources = {0};
		x->requests.count = x->limits.count = 0;
		if (mp_find(c.value, "resources", &resources))
			read_asked(x, resources);
		check_bounds(x, item);
	}
}

struct checking {
	struct asked asked;
	struct mp spec;
	bool pod;
};

static bool check_against(struct write *w, struct mp range, void *arg)
{
	struct checking *k = arg;
	struct asked *x = &k->asked;
	struct mp resources;
	(void)w;
	for (struct mp_walk i = mp_walk_list(range, "spec.limits"); mp_walk_next(&i);) {
		x->type = mp_path_str(i.value, "type");
		x->claim = span_is(x->type, "PersistentVolumeClaim");
		if (k->pod && span_is(x->type, "Container")) {
			check_containers(x, k->spec, "containers", i.value);
			check_containers(x, k->spec, "initContainers", i.value);
		} else if (k->pod && span_is(x->type, "Pod")) {
			x->requests.count = x->limits.count = 0;
			usage_of_pod(k->spec, "requests", &x->requests);
			usage_of_pod(k->spec, "limits", &x->limits);
			check_bounds(x, i.value);
		} else if (!k->pod && x->claim && mp_find(k->spec, "resources", &resources)) {
			read_asked(x, resources);
			x->limits.count = 0;
			check_bounds(x, i.value);
		}
	}
	return true;
}

/* One fault as it is, several in brackets. */
static const char *faults_text(struct write *w, const struct doc *faults)
{
	struct buf b = {0};
	DOC_EACH(d, faults)
	buf_printf(&b, "%s%.*s", d == faults->first ? "" : ", ", (int)d->text.len,
		   (const char *)d->text.data);
	const char *text = faults->count == 1 ? arena_dup(w->a, buf_text(&b))
					      : arena_printf(w->a, "[%s]", buf_text(&b));
	buf_fini(&b);
	return text;
}

bool admit_limits(struct write *w)
{
	bool pod = w->s == &strategy_pod, claim = w->s == &strategy_persistentvolumeclaim;
	struct checking k = {.asked = {.w = w,
				       .requests.a = w->a,
				       .limits.a = w->a,
				       .faults = doc_new(w->a, DOC_ARRAY)},
			     .pod = pod};
	struct doc *names;
	if (!(pod && !w->old) && !claim)
		return true;
	if (!admission_names(w, "limitranges", &names))
		return false;
	if (!doc_is(names, DOC_ARRAY) || !names->count)
		return true;
	struct buf spec = {0};
	doc_to_mp(&spec, doc_get(w->obj, "spec"));
	k.spec = mp_of(span_buf(&spec));
	bool read = each_range(w, check_against, &k);
	buf_fini(&spec);
	if (!read || !k.asked.faults->count)
		return read;
	plan_refuse(w, status_forbidden(w->a, w->r, w->name, faults_text(w, k.asked.faults)));
	return false;
}
