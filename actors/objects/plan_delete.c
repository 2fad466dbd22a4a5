/* Deletes: at once, after a grace period, or when the last finalizer is gone.
 *
 *	first delete, nothing waits             -> removed
 *	first delete, grace or finalizers       -> deletionTimestamp is set
 *	again, with a shorter grace             -> the timestamp comes nearer
 *	grace 0 and no finalizers               -> removed
 *	update that takes the last finalizer    -> removed (plan_update.c) */
#include <strings.h>

#include "actors/objects/budget.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/schema/rfc3339.h"

/* ---- options */

/* As Go's API machinery reads it: there, and not said to be false. */
static bool is_yes(struct span v)
{
	return !span_is(v, "0") && !(v.len == 5 && strncasecmp((const char *)v.data, "false", 5) == 0);
}

/* The words of Go, in which Kubernetes refuses a number in a query. */
static struct doc *bad_number(struct arena *a, struct span value, const char *why)
{
	return status_bad_request(a, arena_printf(a, "strconv.ParseInt: parsing \"%.*s\": %s",
						  (int)value.len, value.data, why));
}

static bool parse_propagation(struct span v, enum obj_propagation *out)
{
	static const struct {
		const char *text;
		enum obj_propagation value;
	} all[] = {{"Orphan", OBJ_ORPHAN}, {"Background", OBJ_BACKGROUND},
		   {"Foreground", OBJ_FOREGROUND}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (span_is(v, all[i].text)) {
			*out = all[i].value;
			return true;
		}
	return false;
}

static void unknown_propagation(struct faults *f, struct span value)
{
	field_not_supported(f, FPATH(NULL, "propagationPolicy"), value,
			    ONE_OF("Foreground", "Background", "Orphan", "nil"));
}

struct doc *obj_delete_option(struct obj_delete_options *o, struct arena *a, struct span key,
			      struct span value)
{
	if (span_is(key, "gracePeriodSeconds")) {
		int64_t v = 0;
		size_t sign = value.len && value.data[0] == '-';
		if (value.len == sign)
			return bad_number(a, value, "invalid syntax");
		for (size_t i = sign; i < value.len; i++) {
			if (value.data[i] < '0' || value.data[i] > '9')
				return bad_number(a, value, "invalid syntax");
			if (v > META_GRACE_MAX_S)
				return bad_number(a, value, "value out of range");
			v = 10 * v + value.data[i] - '0';
		}
		o->grace_s = value.len && value.data[0] == '-' ? 1 : v;
	} else if (span_is(key, "propagationPolicy")) {
		struct faults faults = {.arena = a};
		if (!parse_propagation(value, &o->propagation)) {
			unknown_propagation(&faults, value);
			return status_invalid_options(a, "DeleteOptions", &faults.errors);
		}
	} else if (span_is(key, "orphanDependents")) {
		o->propagation = is_yes(value) ? OBJ_ORPHAN : OBJ_BACKGROUND;
	} else if (span_is(key, "uid")) {
		o->uid = value;
	}
	return NULL;
}

static void check_dry_run(struct write *w, const struct doc *list)
{
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(one, list)
		if (!span_is(one->text, "All"))
			field_not_supported(&w->faults, FPATH(NULL, "dryRun"), one->text,
					    ONE_OF("All"));
}

/* An object in the place of the options is a mistake, and what it would delete is not
 * guessed. */
static bool are_options(struct write *w, const struct doc *d)
{
	struct span kind = doc_get_str(d, "kind"), version = doc_get_str(d, "apiVersion");
	if (!kind.len || span_is(kind, "DeleteOptions"))
		return true;
	plan_bad_request(w, "no kind \"%.*s\" is registered for version \"%.*s\" in the place of DeleteOptions",
			 (int)kind.len, (const char *)kind.data, (int)version.len,
			 version.len ? (const char *)version.data : "");
	return false;
}

/* The body's options win over those of the query. */
static bool read_options(struct write *w, const struct doc *body)
{
	struct err e = {0};
	if (!body || body->type == DOC_NULL)
		return true;
	struct doc *d = doc_copy(w->a, body);
	if (schema_coerce(schema_type("meta/v1.DeleteOptions"), d, w->a, NULL, &e)) {
		plan_bad_request(w, "%s", e.text);
		return false;
	}
	if (!are_options(w, d))
		return false;
	const struct doc *grace = doc_get(d, "gracePeriodSeconds");
	const struct doc *policy = doc_get(d, "propagationPolicy");
	const struct doc *orphan = doc_get(d, "orphanDependents");
	if (doc_is(grace, DOC_INT))
		w->del.grace_s = grace->integer < 0 ? 1 : grace->integer;
	if (doc_is(orphan, DOC_BOOL))
		w->del.propagation = orphan->boolean ? OBJ_ORPHAN : OBJ_BACKGROUND;
	if (policy && orphan)
		field_invalid(&w->faults, FPATH(NULL, "propagationPolicy"), policy->text,
			      "orphanDependents and deletionPropagation cannot be both set");
	else if (policy && !parse_propagation(policy->text, &w->del.propagation))
		unknown_propagation(&w->faults, policy->text);
	check_dry_run(w, doc_get(d, "dryRun"));
	if (w->faults.errors.count) {
		plan_refuse(w, status_invalid_options(w->a, "DeleteOptions", &w->faults.errors));
		return false;
	}
	if (doc_path_str(d, "preconditions.uid").len)
		w->del.uid = doc_path_str(d, "preconditions.uid");
	if (doc_path_str(d, "preconditions.resourceVersion").len)
		w->del.version = doc_path_str(d, "preconditions.resourceVersion");
	const struct doc *dry = doc_get(d, "dryRun");
	w->dry_run |= doc_is(dry, DOC_ARRAY) && dry->count > 0;
	return true;
}

static bool check_preconditions(struct write *w)
{
	struct span uid = doc_get_str(meta_of(w->old), "uid"), want = w->del.uid;
	const char *version = arena_printf(w->a, "%llu", (unsigned long long)w->row.mod_version);
	const char *why = NULL;
	if (want.len && !span_eq(want, uid))
		why = arena_printf(
			w->a,
			"the UID in the precondition (%.*s) does not match the UID in record "
			"(%.*s). The object might have been deleted and then recreated",
			(int)want.len, want.data, (int)uid.len, uid.data);
	else if (w->del.version.len && !span_is(w->del.version, version))
		why = arena_printf(
			w->a,
			"the ResourceVersion in the precondition (%.*s) does not match the "
			"ResourceVersion in record (%s). The object might have been modified",
			(int)w->del.version.len, w->del.version.data, version);
	if (!why)
		return true;
	/* Kubernetes names the kind where it names the resource elsewhere. */
	struct schema_resource by_kind = *w->r;
	by_kind.resource = w->r->kind;
	plan_refuse(w, status_conflict(w->a, &by_kind, w->name, why));
	return false;
}

/* ---- finalizers of the garbage collector */

static const char orphan[] = "orphan", foreground[] = "foregroundDeletion";

/* Which of the two the deletion asks for, NULL neither. */
static const char *wanted_finalizer(const struct write *w)
{
	const struct doc *list = doc_get(meta_of(w->obj), "finalizers");
	if (w->s->owns_nothing)
		return NULL;
	switch (w->del.propagation) {
	case OBJ_ORPHAN:
		return orphan;
	case OBJ_FOREGROUND:
		return foreground;
	case OBJ_BACKGROUND:
		return NULL;
	case OBJ_PROPAGATE_DEFAULT:
		break;
	}
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(d, list)
			if (doc_str_is(d, orphan) || doc_str_is(d, foreground))
				return doc_str_is(d, orphan) ? orphan : foreground;
	return w->s->orphans ? orphan : NULL;
}

static void set_finalizers(struct write *w)
{
	struct doc *m = meta_of(w->obj), *list = doc_get(m, "finalizers");
	const char *want = wanted_finalizer(w);
	if (!doc_is(list, DOC_ARRAY)) {
		if (!want)
			return;
		list = doc_set(w->a, m, "finalizers", doc_new(w->a, DOC_ARRAY));
	}
	bool there = false;
	for (struct doc *d = list->first, *next; d; d = next) {
		next = d->next;
		bool mine = want && doc_str_is(d, want);
		there |= mine;
		if (!mine && (doc_str_is(d, orphan) || doc_str_is(d, foreground)))
			doc_detach(list, d);
	}
	if (want && !there)
		doc_add(list, doc_str(w->a, want));
}

/* ---- the deletion */

static void remove_now(struct write *w)
{
	if (w->s->returns_deleted) {
		struct bytes *last = plan_encode(w);
		if (last)
			plan_remove(w, last, NULL);
		return;
	}
	plan_remove(w, NULL,
		    status_success(w->a, w->r, w->name, doc_get_str(meta_of(w->obj), "uid")));
}

static bool is_held(const struct write *w)
{
	return meta_has_finalizers(w->obj) || (w->s->kept && w->s->kept(w, w->obj));
}

/* A grace period is under way: a shorter one counts from the first delete. */
static void hasten(struct write *w, int64_t left_s)
{
	struct doc *m = meta_of(w->obj);
	int64_t at_us, grace_s = w->del.grace_s;
	if (grace_s < 0 || grace_s >= left_s) {
		plan_put(w, 200, NULL); /* nothing changes */
		return;
	}
	char text[RFC3339_MAX];
	if (rfc3339_parse(doc_get_str(m, "deletionTimestamp"), &at_us))
		at_us = w->req->origin.wall_us;
	size_t n = rfc3339_format(at_us - (left_s - grace_s) * 1000000, text);
	doc_set(w->a, m, "deletionTimestamp",
		doc_span(w->a, (struct span){(uint8_t *)arena_ndup(w->a, text, n), n}));
	doc_set_int(w->a, m, "deletionGracePeriodSeconds", grace_s);
	if (grace_s == 0 && !is_held(w))
		remove_now(w);
	else
		plan_put(w, 200, NULL);
}

static void delete_first(struct write *w)
{
	int64_t grace_s = w->s->grace_s ? w->s->grace_s(w) : 0;
	if (grace_s > META_GRACE_MAX_S)
		grace_s = META_GRACE_MAX_S;
	set_finalizers(w);
	if (w->s->mark_deleted)
		w->s->mark_deleted(w);
	else if (is_held(w) || w->s->grace_s)
		meta_mark_deleted(w, grace_s);
	if (grace_s == 0 && !is_held(w))
		remove_now(w);
	else
		plan_put(w, 200, NULL);
}

static void delete_object(struct write *w)
{
	w->obj = doc_copy(w->a, w->old);
	struct doc *refused = w->s->may_delete ? w->s->may_delete(w) : NULL;
	int64_t left_s = doc_get_int(meta_of(w->obj), "deletionGracePeriodSeconds", 0);
	if (refused)
		plan_refuse(w, refused);
	else if (!meta_deleting(w->obj))
		delete_first(w);
	else if (left_s > 0)
		hasten(w, left_s);
	else if (is_held(w))
		plan_put(w, 200, NULL); /* nothing changes */
	else
		remove_now(w);
}

void plan_delete(struct write *w)
{
	if (!read_options(w, w->req->body) || !plan_read_object(w))
		return;
	if (!w->old)
		plan_refuse(w, status_not_found(w->a, w->r, w->name));
	else if (check_preconditions(w))
		delete_object(w);
}

/* POST of an Eviction: a deletion with another answer. */
struct doc *plan_evict(struct write *w, const struct doc *body)
{
	struct obj_answer *a = &w->plan->answer;
	if (!read_options(w, doc_get(body, "deleteOptions")) || !check_preconditions(w) ||
	    !budget_charge(w)) {
		w->obj = NULL;
		return NULL;
	}
	delete_object(w);
	w->obj = NULL;
	if (a->code == 200) {
		bytes_unref(a->object);
		a->object = NULL;
		a->status = status_created(w->a);
		a->code = 201;
	}
	return NULL;
}
