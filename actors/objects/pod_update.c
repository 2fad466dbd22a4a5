/* What of a pod's spec may change: images, a deadline that comes nearer, more
 * tolerations, fewer scheduling gates, and a grace period that was negative.
 * Everything else is compared as it is, after those have been put back. */
#include "actors/objects/pod.h"

#include "actors/schema/json.h"

static const char refused[] =
	"pod updates may not change fields other than `spec.containers[*].image`,"
	"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
	"additions "
	"to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if "
	"it "
	"was previously negative)";

static size_t count_of(const struct doc *list)
{
	return doc_is(list, DOC_ARRAY) ? list->count : 0;
}

/* False when containers came or went. */
static bool restore_images(struct arena *a, struct doc *spec, const struct doc *old,
			   const char *list)
{
	struct doc *now = doc_get(spec, list), *was = doc_get(old, list);
	if (count_of(now) != count_of(was))
		return false;
	struct doc *c = count_of(now) ? now->first : NULL, *o = count_of(was) ? was->first : NULL;
	for (; c && o; c = c->next, o = o->next) {
		struct span image = doc_get_str(o, "image");
		doc_set(a, c, "image", doc_span(a, image));
	}
	return true;
}

static void restore(struct arena *a, struct doc *spec, const struct doc *old, const char *field)
{
	struct doc *was = doc_get(old, field);
	if (was)
		doc_set(a, spec, field, doc_copy(a, was));
	else
		doc_remove(spec, field);
}

static void check_deadline(struct write *w, const struct fpath *p, const struct doc *now,
			   const struct doc *was)
{
	if (!doc_is(was, DOC_INT))
		return;
	if (!doc_is(now, DOC_INT))
		field_invalid_doc(&w->faults, p, now,
				  "must not update from a positive integer to nil value");
	else if (now->integer > was->integer)
		field_invalid_int(&w->faults, p, now->integer,
				  "must be less than or equal to previous value");
}

/* The same toleration, but for its seconds. */
static bool same_toleration(const struct doc *a, const struct doc *b)
{
	static const char *const fields[] = {"key", "operator", "value", "effect"};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!span_eq(doc_get_str(a, fields[i]), doc_get_str(b, fields[i])))
			return false;
	return true;
}

static void check_tolerations(struct write *w, const struct fpath *p, const struct doc *now,
			      const struct doc *was)
{
	if (!doc_is(was, DOC_ARRAY))
		return;
	DOC_EACH(o, was) {
		bool there = false;
		if (doc_is(now, DOC_ARRAY))
			DOC_EACH(n, now)
				there |= same_toleration(n, o);
		if (!there) {
			field_forbidden(&w->faults, p,
					"existing toleration can not be modified except its "
					"tolerationSeconds");
			return;
		}
	}
}

static void check_gates(struct write *w, const struct fpath *p, const struct doc *now,
			const struct doc *was)
{
	if (!doc_is(now, DOC_ARRAY))
		return;
	DOC_EACH(n, now) {
		bool known = false;
		struct span name = doc_get_str(n, "name");
		if (doc_is(was, DOC_ARRAY))
			DOC_EACH(o, was)
				known |= span_eq(doc_get_str(o, "name"), name);
		if (!known)
			field_forbidden(
				&w->faults, p,
				arena_printf(w->a,
					     "only deletion is allowed, but found new scheduling "
					     "gate '%.*s'",
					     (int)name.len, name.data));
	}
}

/* The fields that differ, one a line, as they were and as they should be. */
static void tell_differences(struct buf *b, const struct doc *now, const struct doc *was)
{
	const struct doc *const sides[] = {was, now};
	for (size_t i = 0; i < 2; i++)
		DOC_EACH(d, sides[i]) {
			const struct doc *other = doc_get_span(sides[!i], d->key);
			if (doc_equal(d, other))
				continue;
			buf_printf(b, "\n%c %.*s: ", i ? '+' : '-', (int)d->key.len, d->key.data);
			json_from_doc(b, d);
		}
}

void pod_update_validate(struct write *w)
{
	const struct doc *now = doc_get(w->obj, "spec"), *was = doc_get(w->old, "spec");
	const struct fpath *p = FPATH(NULL, "spec");
	static const char *const may_change[] = {"activeDeadlineSeconds", "tolerations",
						 "schedulingGates"};
	struct doc *spec = doc_copy(w->a, now);
	if (!restore_images(w->a, spec, was, "containers")) {
		field_forbidden(&w->faults, FPATH(p, "containers"),
				"pod updates may not add or remove containers");
		return;
	}
	if (!restore_images(w->a, spec, was, "initContainers")) {
		field_forbidden(&w->faults, FPATH(p, "initContainers"),
				"pod updates may not add or remove containers");
		return;
	}
	check_deadline(w, FPATH(p, may_change[0]), doc_get(now, may_change[0]),
		       doc_get(was, may_change[0]));
	check_tolerations(w, FPATH(p, may_change[1]), doc_get(now, may_change[1]),
			  doc_get(was, may_change[1]));
	check_gates(w, FPATH(p, may_change[2]), doc_get(now, may_change[2]),
		    doc_get(was, may_change[2]));
	for (size_t i = 0; i < 3; i++)
		restore(w->a, spec, was, may_change[i]);
	if (doc_equal(spec, was))
		return;
	struct buf b = {0};
	buf_puts(&b, refused);
	tell_differences(&b, spec, was);
	field_forbidden(&w->faults, p, arena_dup(w->a, buf_text(&b)));
	buf_fini(&b);
}
