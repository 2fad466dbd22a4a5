/* Events: about one object, in that object's namespace. Those of events.k8s.io
 * say more, and say it once: of an event only its series goes on. */
#include "actors/objects/meta.h"

enum { INSTANCE_MAX = 128, ACTION_MAX = 128, REASON_MAX = 128, NOTE_MAX = 1024 };

static bool is_new_api(const struct write *w)
{
	return *w->r->group;
}

/* Events about what is in no namespace are kept in "default". */
static void check_namespace(struct write *w)
{
	struct span about = doc_path_str(w->obj, "involvedObject.namespace");
	struct span ns = doc_get_str(meta_of(w->obj), "namespace");
	bool timed = doc_is(doc_get(w->obj, "eventTime"), DOC_STR);
	const struct fpath *p = FPATH(FPATH(NULL, "involvedObject"), "namespace");
	bool fine = about.len ? timed || span_eq(about, ns)
			      : ns.len == 0 || span_is(ns, "default") || span_is(ns, "kube-system");
	if (!fine)
		field_invalid(&w->faults, p, about, "does not match event.namespace");
}

static void check_length(struct faults *f, const char *field, struct span s, size_t most)
{
	if (s.len > most)
		field_invalid(f, FPATH(NULL, field), (struct span){0},
			      arena_printf(f->arena, "can have at most %zu characters", most));
}

/* What has an eventTime is of the new kind, by whichever version it came. */
static void check_timed(struct write *w)
{
	struct faults *f = &w->faults;
	struct span who = doc_get_str(w->obj, "reportingComponent");
	struct span instance = doc_get_str(w->obj, "reportingInstance");
	struct span action = doc_get_str(w->obj, "action"), reason = doc_get_str(w->obj, "reason");
	const struct fpath *controller = FPATH(NULL, "reportingController");
	if (!who.len)
		field_required(f, controller, "");
	if (name_qualified(who))
		field_invalid(f, controller, who, name_qualified(who));
	if (!instance.len)
		field_required(f, FPATH(NULL, "reportingInstance"), "");
	check_length(f, "reportingInstance", instance, INSTANCE_MAX);
	if (!action.len)
		field_required(f, FPATH(NULL, "action"), "");
	check_length(f, "action", action, ACTION_MAX);
	if (!reason.len)
		field_required(f, FPATH(NULL, "reason"), "");
	check_length(f, "reason", reason, REASON_MAX);
	check_length(f, "message", doc_get_str(w->obj, "message"), NOTE_MAX);
}

static void check_series(struct write *w)
{
	const struct doc *series = doc_get(w->obj, "series");
	if (!series)
		return;
	if (doc_get_int(series, "count", 0) < 2)
		field_invalid(&w->faults, FPATH(NULL, "series.count"), (struct span){0},
			      "should be at least 2");
	if (!doc_is(doc_get(series, "lastObservedTime"), DOC_STR))
		field_required(&w->faults, FPATH(NULL, "series.lastObservedTime"), "");
}

/* Fields of the old kind that a new event leaves empty. */
static void check_unset(struct write *w)
{
	static const char *const fields[] = {"firstTimestamp", "lastTimestamp", "count"};
	const struct doc *source = doc_get(w->obj, "source");
	for (size_t i = 0; i < 3; i++)
		if (!doc_absent(doc_get(w->obj, fields[i])))
			field_invalid(&w->faults, FPATH(NULL, fields[i]), (struct span){0},
				      "needs to be unset");
	if (doc_get_str(source, "component").len || doc_get_str(source, "host").len)
		field_invalid(&w->faults, FPATH(NULL, "source"), (struct span){0},
			      "needs to be unset");
}

static void check_new(struct write *w)
{
	struct span type = doc_get_str(w->obj, "type");
	check_series(w);
	if (!doc_is(doc_get(w->obj, "eventTime"), DOC_STR))
		field_required(&w->faults, FPATH(NULL, "eventTime"), "");
	if (!span_is(type, "Normal") && !span_is(type, "Warning"))
		field_invalid(&w->faults, FPATH(NULL, "type"), (struct span){0},
			      arena_printf(w->a, "has invalid value: %.*s", (int)type.len,
					   (const char *)type.data));
	check_unset(w);
}

static void validate(struct write *w)
{
	check_namespace(w);
	if (doc_is(doc_get(w->obj, "eventTime"), DOC_STR))
		check_timed(w);
	if (is_new_api(w) && !w->old)
		check_new(w);
}

static void validate_update(struct write *w)
{
	/* As they are stored, and as messages name them. Not the message: the
	 * conformance suite of 1.20 patches it, whose server compared an event
	 * with itself. */
	static const char *const fixed[][2] = {
		{"involvedObject", "involvedObject"},
		{"reason", "reason"},
		{"source", "source"},
		{"firstTimestamp", "firstTimestamp"},
		{"lastTimestamp", "lastTimestamp"},
		{"count", "count"},
		{"type", "type"},
		{"eventTime", "eventTime"},
		{"action", "action"},
		{"related", "related"},
		{"reportingComponent", "reportingController"},
		{"reportingInstance", "reportingInstance"},
	};
	if (!is_new_api(w))
		return;
	if (!doc_equal(doc_get(w->obj, "series"), doc_get(w->old, "series")))
		check_series(w);
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		check_immutable(&w->faults, FPATH(NULL, fixed[i][1]), doc_get(w->obj, fixed[i][0]),
				doc_get(w->old, fixed[i][0]));
}

const struct strategy strategy_event = {
	.unconditional_update = true,
	.create_on_update = true,
	.owns_nothing = true,
	.validate = validate,
	.validate_update = validate_update,
};
