#include "actors/objects/admission.h"

#include "actors/objects/budget.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

/* ---- the lists */

static struct span defaults_key(struct write *w)
{
	return span_of(arena_printf(w->a, "%s/defaults", OBJ_ADMISSION));
}

static struct span key_of(struct write *w)
{
	if (!w->r->namespaced && !w->namespace.len)
		return defaults_key(w);
	return span_of(arena_printf(w->a, "%s/namespace/%.*s", OBJ_ADMISSION,
				    (int)w->namespace.len, (const char *)w->namespace.data));
}

static bool read_lists(struct write *w, struct span key, struct doc **lists)
{
	struct store_row row;
	*lists = NULL;
	if (!plan_read(w, key, &row))
		return false;
	if (row.value && !doc_from_mp(w->a, mp_of_bytes(row.value), lists, NULL))
		*lists = doc_copy(w->a, *lists);
	return true;
}

bool admission_names(struct write *w, const char *list, struct doc **names)
{
	bool defaults = strstr(list, "classes") != NULL;
	struct doc **cached = defaults ? &w->default_lists : &w->namespace_lists;
	*names = NULL;
	if (!*cached) {
		if (!read_lists(w, defaults ? defaults_key(w) : key_of(w), cached))
			return false;
		if (!*cached)
			*cached = doc_new(w->a, DOC_MAP);
	}
	*names = doc_get(*cached, list);
	return true;
}

static struct doc *find(const struct doc *list, struct span name)
{
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	if (span_eq(d->text, name))
		return d;
	return NULL;
}

/* Limits and quotas are all in one transaction; budgets are only looked at. */
static size_t most(const struct write *w)
{
	return strcmp(w->r->resource, "poddisruptionbudgets") == 0 ? BUDGETS_MAX
								    : ADMISSION_NAMES_MAX;
}

static bool refuse_more(struct write *w)
{
	plan_refuse(w, status_forbidden(w->a, w->r, w->name,
					arena_printf(w->a, "there are %zu %s already", most(w),
						     w->r->resource)));
	return false;
}

bool admission_list(struct write *w, bool listed)
{
	struct span key = key_of(w);
	struct buf b = {0};
	struct doc *lists;
	if (!read_lists(w, key, &lists))
		return false;
	if (!lists)
		lists = doc_new(w->a, DOC_MAP);
	struct doc *list = doc_default(w->a, lists, w->r->resource, doc_new(w->a, DOC_ARRAY));
	struct doc *there = find(list, w->name);
	if (listed == (there != NULL))
		return true;
	if (listed && list->count >= most(w))
		return refuse_more(w);
	if (listed)
		doc_add(list, doc_span(w->a, w->name));
	else
		doc_detach(list, there);
	if (list->count == 0)
		doc_remove(lists, w->r->resource);
	if (lists->count == 0) {
		plan_also(w, (struct store_op){.verb = STORE_DELETE, .key = key});
		return true;
	}
	doc_to_mp(&b, lists);
	plan_also(w, (struct store_op){.verb = STORE_PUT,
				       .key = key,
				       .value = plan_own(w, bytes_take(&b))});
	return true;
}

bool admission_read(struct write *w, const char *stream, struct span name, struct store_row *row)
{
	const struct schema_resource *r = schema_find_stream(w->req->schema, span_of(stream));
	struct buf key = {0};
	schema_key(&key, r, r->namespaced ? w->namespace : (struct span){0}, name);
	struct span copy = {(uint8_t *)arena_ndup(w->a, key.data, key.len), key.len};
	buf_fini(&key);
	return plan_read(w, copy, row);
}
