/* Planning: from a request to one transaction.
 *
 *	decode body -> read rows (each a compare) -> prepare -> validate
 *	            -> put, delete, or an answer that the compares must confirm
 *
 * Every row that was looked at becomes a compare on its mod_version, so the
 * store refuses a plan that rests on anything old. Answers that write nothing
 * but depend on rows are confirmed the same way. What depends on the body
 * alone (a malformed field) is answered at once.
 *
 * The new object goes through schema_coerce twice: as it came (types, unknown
 * fields), and before it is encoded (order of fields after defaults), so that
 * equal objects are equal bytes and a write that changes nothing is seen. */
#include "actors/objects/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/objects/admission.h"
#include "actors/objects/managed.h"
#include "actors/objects/meta.h"
#include "actors/schema/rfc3339.h"

/* ---- shared by strategies */

struct doc *copy_of(struct write *w, const struct doc *d)
{
	return d ? doc_copy(w->a, d) : NULL;
}

void put_or_remove(struct write *w, struct doc *map, const char *key, struct doc *value)
{
	if (value)
		doc_set(w->a, map, key, value);
	else
		doc_remove(map, key);
}

void keep_old(struct write *w, const char *field)
{
	put_or_remove(w, w->obj, field, copy_of(w, doc_get(w->old, field)));
}

/* ---- rows */

static struct span key_of(struct write *w, const struct schema_resource *r, struct span namespace,
			  struct span name)
{
	struct buf b = {0};
	schema_key(&b, r, namespace, name);
	struct span key = {(uint8_t *)arena_ndup(w->a, b.data, b.len), b.len};
	buf_fini(&b);
	return key;
}

struct span plan_key(struct write *w)
{
	return key_of(w, w->r, w->namespace, w->name);
}

struct span plan_namespace_key(struct write *w)
{
	char *key = arena_printf(w->a, "namespaces/%.*s", (int)w->namespace.len,
				 (const char *)w->namespace.data);
	return span_of(key);
}

bool plan_peek(struct write *w, struct span key, struct store_row *out)
{
	struct obj_plan *p = w->plan;
	*out = (struct store_row){.key = key};
	int rc = w->reader->get(w->reader->arg, key, out);
	if (rc) {
		p->finished = true;
		p->answer.status = status_of_err(w->a, w->r, w->name, rc, NULL);
		p->answer.code = status_code(p->answer.status);
	}
	return rc == 0;
}

/* Room for one more element in an array of the write's arena. */
static void *room(struct write *w, void *list, size_t *cap, size_t count, size_t size)
{
	assert(count < STORE_OPS_MAX);
	if (count < *cap)
		return list;
	size_t more = *cap ? 2 * *cap : 4;
	void *bigger = arena_alloc(w->a, more * size);
	if (count)
		memcpy(bigger, list, count * size);
	*cap = more;
	return bigger;
}

void plan_compare(struct write *w, struct span key, uint64_t version)
{
	struct obj_plan *p = w->plan;
	size_t *n = &p->txn.compare_count;
	p->compares = room(w, p->compares, &p->compare_cap, *n, sizeof *p->compares);
	p->compares[(*n)++] =
		(struct store_compare){.key = key, .field = STORE_MOD, .number = version};
}

void plan_also(struct write *w, struct store_op op)
{
	struct obj_plan *p = w->plan;
	p->ops = room(w, p->ops, &p->op_cap, p->op_count, sizeof *p->ops);
	p->ops[p->op_count++] = op;
}

struct bytes *plan_own(struct write *w, struct bytes *value)
{
	struct obj_bytes *b = arena_alloc(w->a, sizeof *b);
	*b = (struct obj_bytes){w->plan->others, value};
	w->plan->others = b;
	return value;
}

bool plan_read(struct write *w, struct span key, struct store_row *out)
{
	if (!plan_peek(w, key, out))
		return false;
	plan_compare(w, key, out->value ? out->mod_version : 0);
	return true;
}

bool plan_read_object(struct write *w)
{
	struct err e = {0};
	w->old = NULL;
	if (!plan_read(w, plan_key(w), &w->row))
		return false;
	if (!w->row.value)
		return true;
	if (doc_from_mp(w->a, mp_of_bytes(w->row.value), &w->old, &e) ||
	    !doc_is(w->old, DOC_MAP)) {
		plan_refuse(w, status_internal(w->a, "the stored object cannot be read"));
		return false;
	}
	return true;
}

/* ---- endings */

/* The plan is complete if what was read still holds. */
static void settle(struct write *w)
{
	struct obj_plan *p = w->plan;
	if (p->txn.compare_count == 0) {
		p->finished = true;
		return;
	}
	p->settled = true;
	p->ops[0] = (struct store_op){.verb = STORE_GET, .key = p->compares[0].key};
	p->txn.then_count = 1;
}

void plan_refuse(struct write *w, struct doc *status)
{
	w->plan->answer.status = status;
	w->plan->answer.code = status_code(status);
	settle(w);
}

void plan_bad_request(struct write *w, const char *fmt, ...)
{
	char text[8192]; /* a strict refusal names many fields */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	plan_refuse(w, status_bad_request(w->a, text));
}

void plan_answer_object(struct write *w, int code, struct bytes *object, uint64_t version)
{
	w->plan->answer.code = code;
	w->plan->answer.object = object;
	w->plan->answer.version = version;
	settle(w);
}

void plan_validate(struct write *w)
{
	if (w->s->rules)
		rules_check(&w->faults, NULL, w->obj, w->s->rules);
	if (w->s->validate)
		w->s->validate(w);
}

bool plan_refuse_faults(struct write *w)
{
	if (w->faults.errors.count == 0)
		return false;
	plan_refuse(w, status_invalid(w->a, w->r, w->name, &w->faults.errors));
	return true;
}

/* What is as it was stored is written as it was: its bytes are canonical. Of an
 * update that is most of the object. Fields before go to `kept`. */
static size_t keep_equal(struct write *w, struct doc *kept[], size_t max)
{
	struct mp row = mp_of_bytes(w->row.value);
	size_t pairs, n = 0;
	if (!w->old || mp_map(&row, &pairs))
		return 0;
	for (const struct doc *was = w->old->first; was && n < max; was = was->next) {
		struct doc *is = doc_get_span(w->obj, was->key), *raw;
		struct span key, bytes;
		if (mp_str(&row, &key) || mp_raw(&row, &bytes) || !span_eq(key, was->key))
			break;
		if (!is || is->type != DOC_MAP || !doc_equal(was, is))
			continue;
		raw = doc_new(w->a, DOC_RAW);
		raw->text = bytes;
		doc_replace(w->obj, is, raw);
		kept[n++] = is;
	}
	return n;
}

struct bytes *plan_encode(struct write *w)
{
	enum { KEPT_MAX = 8 };
	struct buf b = {0};
	const struct schema_type *type = w->r->stored ? w->r->stored->type : w->r->type;
	struct doc *kept[KEPT_MAX];
	size_t n = keep_equal(w, kept, KEPT_MAX);
	if (type)
		(void)schema_coerce(type, w->obj, w->a, NULL, NULL); /* types are known good */
	buf_reserve(&b, 4096);
	doc_to_mp(&b, w->obj);
	while (n-- > 0)
		doc_set_span(w->a, w->obj, kept[n]->key, kept[n]);
	if (b.len <= STORE_VALUE_BYTES_MAX)
		return bytes_take(&b);
	plan_refuse(w, status_too_large(w->a,
					arena_printf(w->a, "limit is %d", STORE_VALUE_BYTES_MAX)));
	buf_fini(&b);
	return NULL;
}

void plan_put(struct write *w, int code, struct doc *status)
{
	struct obj_plan *p = w->plan;
	if (w->old)
		managed_write(w); /* what is allocated below is nobody's */
	if (w->s->claims && !w->s->claims(w, false))
		return;
	struct bytes *value = plan_encode(w);
	if (!value)
		return;
	p->answer.status = status;
	if (w->old && !status && span_eq(bytes_span(value), bytes_span(w->row.value))) {
		plan_answer_object(w, code, value, w->row.mod_version);
		return;
	}
	bool soft = w->s->soft_in && span_is(w->namespace, w->s->soft_in);
	if (!soft && !admit_quota(w, value)) {
		bytes_unref(value);
		return;
	}
	if (w->dry_run) {
		p->answer.code = code;
		p->answer.object = status ? NULL : bytes_ref(value);
		p->answer.version = w->row.value ? w->row.mod_version : 0;
		bytes_unref(value);
		settle(w);
		return;
	}
	p->value = value;
	p->answer.code = code;
	p->answer.object = status ? NULL : bytes_ref(value);
	p->ops[0] = (struct store_op){.verb = STORE_PUT,
				      .key = p->compares[0].key,
				      .value = value,
				      .soft = soft,
				      .secret = w->r->secret};
	/* The tree may borrow from the row, which is the reader's again soon. */
	struct span part = w->r->part ? doc_path_str(w->obj, w->r->part) : (struct span){0};
	if (part.len)
		p->ops[0].part = (struct span){
			(uint8_t *)arena_ndup(w->a, part.data, part.len), part.len};
	p->txn.then_count = p->op_count;
}

void plan_remove(struct write *w, struct bytes *object, struct doc *status)
{
	struct obj_plan *p = w->plan;
	p->answer = (struct obj_answer){.code = status ? status_code(status) : 200,
					.status = status,
					.object = object,
					.deleted = !w->dry_run,
					.version = w->row.mod_version};
	if (w->dry_run || (w->s->claims && !w->s->claims(w, true))) {
		settle(w);
		return;
	}
	p->ops[0] = (struct store_op){.verb = STORE_DELETE,
				      .key = p->compares[0].key,
				      .secret = w->r->secret};
	p->txn.then_count = p->op_count;
}

/* ---- the entry */

const struct subresource *plan_find_subresource(const struct write *w)
{
	const struct subresource *s = w->s->subresources;
	while (s && s->name && strcmp(s->name, w->req->subresource) != 0)
		s++;
	return s && s->name ? s : NULL;
}

static bool is_main(const struct obj_request *req)
{
	return !req->subresource || !*req->subresource;
}

static void start(struct write *w)
{
	static const struct {
		void (*run)(struct write *);
		const char *word;
	} verbs[] = {
		[OBJ_CREATE] = {plan_create, "create"},
		[OBJ_UPDATE] = {plan_update, "update"},
		[OBJ_PATCH_MERGE] = {plan_patch, "patch"},
		[OBJ_PATCH_JSON] = {plan_patch, "patch"},
		[OBJ_PATCH_STRATEGIC] = {plan_patch, "patch"},
		[OBJ_APPLY] = {plan_apply, "patch"},
		[OBJ_DELETE] = {plan_delete, "delete"},
	};
	const struct obj_request *req = w->req;
	const struct subresource *sub = is_main(req) ? NULL : plan_find_subresource(w);
	bool creates = sub && sub->create;
	bool fits = is_main(req) ||
		    (sub && req->verb != OBJ_DELETE && (req->verb == OBJ_CREATE) == creates);
	if (!fits)
		plan_refuse(w, status_method_not_allowed(w->a, w->r, verbs[req->verb].word));
	else if (creates)
		plan_subresource(w);
	else if (sub && sub->show)
		plan_shown(w, sub);
	else
		verbs[req->verb].run(w);
}

/* What the writer decided by is still so, as far as the reader knows. */
static bool check_basis(struct write *w)
{
	for (size_t i = 0; i < w->req->basis_count && !w->req->basis_unread; i++) {
		const struct store_compare *b = &w->req->basis[i];
		struct store_row row;
		if (!plan_peek(w, b->key, &row))
			return false;
		if ((row.value ? row.mod_version : 0) == b->number)
			continue;
		plan_refuse(w, status_conflict(w->a, w->r, w->name,
					       arena_printf(w->a, "%.*s has changed",
							    (int)b->key.len, b->key.data)));
		return false;
	}
	return true;
}

void objects_plan(const struct obj_request *req, const struct obj_reader *reader,
		  struct obj_plan *plan)
{
	char now[RFC3339_MAX];
	memset(plan, 0, sizeof *plan);
	plan->request = req;
	plan->name = req->name;
	plan->txn.origin = req->origin;
	rfc3339_format(req->origin.wall_us, now);
	struct write w = {
		.req = req,
		.reader = reader,
		.plan = plan,
		.a = req->arena,
		.r = req->resource,
		.s = req->resource->strategy ? req->resource->strategy : &strategy_plain,
		.namespace = req->resource->namespaced ? req->namespace : (struct span){0},
		.name = req->name,
		.del = req->del,
		.dry_run = req->dry_run,
		.now = arena_dup(req->arena, now),
		.faults = {.arena = req->arena},
	};
	plan_also(&w, (struct store_op){.verb = STORE_GET}); /* the object's own */
	if (check_basis(&w)) {
		start(&w);
		for (size_t i = 0; i < req->basis_count; i++)
			plan_compare(&w, req->basis[i].key, req->basis[i].number);
	}
	plan->txn.compares = plan->compares;
	plan->txn.then_ops = plan->ops;
	plan->name = w.name;
}

int objects_answer(struct obj_plan *plan, const struct store_outcome *o)
{
	const struct obj_request *req = plan->request;
	struct obj_answer *a = &plan->answer;
	if (o->status == ERR_CONFLICT || (o->status == 0 && !o->compared))
		return ERR_CONFLICT;
	if (o->status) {
		a->status =
			status_of_err(req->arena, req->resource, plan->name, o->status, o->text);
		a->code = status_code(a->status);
		return 0;
	}
	if (!plan->settled && o->row_count > 0)
		a->version = o->rows[0].mod_version;
	return 0;
}

void obj_plan_fini(struct obj_plan *plan)
{
	bytes_unref(plan->value);
	bytes_unref(plan->claim);
	for (struct obj_bytes *b = plan->others; b; b = b->next)
		bytes_unref(b->bytes);
	plan->others = NULL;
	bytes_unref(plan->answer.object);
	plan->value = plan->claim = plan->answer.object = NULL;
}
