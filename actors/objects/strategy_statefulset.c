/* StatefulSets: pods that are told apart, each with volumes of its own. */
#include "actors/objects/workload.h"

#include "actors/objects/meta.h"
#include "actors/objects/pod.h"
#include "actors/objects/warning.h"

static const struct fill fills[] =
	{
		DEFAULT_TEXT("spec.podManagementPolicy", "OrderedReady"),
		DEFAULT_NUMBER("spec.replicas", 1),
		DEFAULT_NUMBER("spec.revisionHistoryLimit", 10),
		DEFAULT_TEXT("spec.persistentVolumeClaimRetentionPolicy+.whenDeleted", "Retain"),
		DEFAULT_TEXT("spec.persistentVolumeClaimRetentionPolicy+.whenScaled", "Retain"),
		DEFAULT_TEXT("spec.volumeClaimTemplates[].spec+.volumeMode", "Filesystem"),
		DEFAULT_TEXT("spec.volumeClaimTemplates[].status+.phase", "Pending"),
		DEFAULT_TEXT("spec.volumeClaimTemplates[].apiVersion", "v1"),
		DEFAULT_TEXT("spec.volumeClaimTemplates[].kind", "PersistentVolumeClaim"),
		{0},
},
			 first_rolling[] =
				 {
					 DEFAULT_TEXT("spec.updateStrategy+.type", "RollingUpdate"),
					 DEFAULT_MAP("spec.updateStrategy.rollingUpdate"),
					 {0},
},
			 rolling[] = {
				 DEFAULT_NUMBER("spec.updateStrategy.rollingUpdate.partition", 0),
				 {0},
};

static void defaults(struct write *w)
{
	workload_defaults(w);
	if (doc_path_str(w->obj, "spec.updateStrategy.type").len == 0)
		rules_fill(w->a, w->obj, first_rolling);
	if (span_is(doc_path_str(w->obj, "spec.updateStrategy.type"), "RollingUpdate"))
		rules_fill(w->a, w->obj, rolling);
}

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_int(w->a, status, "replicas", 0);
	doc_set_int(w->a, status, "availableReplicas", 0);
}

static void check_management(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (doc_is(d, DOC_STR) && !in_list(ONE_OF("OrderedReady", "Parallel"), d->text))
		field_invalid(f, p, d->text, "must be 'OrderedReady' or 'Parallel'");
}

static void check_strategy(struct faults *f, const struct fpath *p, const struct doc *strategy)
{
	const struct doc *update = doc_get(strategy, "rollingUpdate");
	struct span type = doc_get_str(strategy, "type");
	const struct fpath *at = FPATH(p, "rollingUpdate");
	if (span_is(type, "OnDelete")) {
		if (update)
			field_invalid_doc(f, at, update,
					  "only allowed for updateStrategy 'RollingUpdate'");
	} else if (span_is(type, "RollingUpdate")) {
		check_not_negative(f, FPATH(at, "partition"), doc_get(update, "partition"));
	} else {
		field_invalid_doc(f, p, strategy, "must be 'RollingUpdate' or 'OnDelete'");
	}
}

static const char *const retention[] = {"Retain", "Delete", NULL};

static const struct rule rules[] =
	{
		RULE("spec.podManagementPolicy", CALL, .call = check_management),
		RULE("spec.updateStrategy", CALL, .call = check_strategy),
		RULE("spec.selector", NEEDED_MAP),
		RULE("spec.replicas", NOT_NEGATIVE),
		RULE("spec.minReadySeconds", NOT_NEGATIVE),
		RULE("spec.ordinals.start", NOT_NEGATIVE),
		RULE("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", ONE_OF,
		     .list = retention),
		RULE("spec.persistentVolumeClaimRetentionPolicy.whenScaled", ONE_OF,
		     .list = retention),
		{0},
},
			 status_rules[] = {
				 RULE("status.replicas", NOT_NEGATIVE),
				 RULE("status.readyReplicas", NOT_NEGATIVE),
				 RULE("status.currentReplicas", NOT_NEGATIVE),
				 RULE("status.updatedReplicas", NOT_NEGATIVE),
				 RULE("status.availableReplicas", NOT_NEGATIVE),
				 RULE("status.observedGeneration", NOT_NEGATIVE),
				 RULE("status.collisionCount", NOT_NEGATIVE),
				 {0},
};

/* Of the template only what no volume claim has to do with: mounts may name
 * volumes that are made for each pod. */
static void validate(struct write *w)
{
	const struct fpath *t = FPATH(FPATH(NULL, "spec"), "template");
	const struct fpath *spec = FPATH(t, "spec");
	const struct doc *template = doc_path(w->obj, "spec.template");
	const struct doc *m = meta_of(template);
	workload_check_selector(w, "statefulset", "");
	workload_check_labels(w, t, doc_path(w->obj, "spec.selector"), template);
	meta_validate_labels(&w->faults, FPATH(t, "labels"), doc_get(m, "labels"));
	meta_validate_annotations(&w->faults, FPATH(t, "annotations"), doc_get(m, "annotations"));
	struct span policy = doc_path_str(template, "spec.restartPolicy");
	if (!span_is(policy, "Always"))
		field_not_supported(&w->faults, FPATH(spec, "restartPolicy"), policy,
				    ONE_OF("Always"));
	if (doc_path(template, "spec.activeDeadlineSeconds"))
		field_forbidden(&w->faults, FPATH(spec, "activeDeadlineSeconds"),
				"activeDeadlineSeconds in StatefulSet is not Supported");
}

static void validate_update(struct write *w)
{
	static const char *const free_fields[] = {"replicas",
						  "ordinals",
						  "template",
						  "updateStrategy",
						  "minReadySeconds",
						  "revisionHistoryLimit",
						  "persistentVolumeClaimRetentionPolicy"};
	struct doc *now = copy_of(w, doc_get(w->obj, "spec")), *was = doc_get(w->old, "spec");
	for (size_t i = 0; i < sizeof free_fields / sizeof *free_fields; i++)
		put_or_remove(w, now, free_fields[i], copy_of(w, doc_get(was, free_fields[i])));
	if (!doc_equal(now, was))
		field_forbidden(&w->faults, FPATH(NULL, "spec"),
				"updates to statefulset spec for fields other than 'replicas', "
				"'ordinals', 'template', 'updateStrategy', "
				"'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
				"and 'minReadySeconds' are forbidden");
}

static void validate_status(struct write *w)
{
	workload_check_counts(
		w, "replicas",
		ONE_OF("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"));
	workload_check_counts(w, "readyReplicas", ONE_OF("availableReplicas"));
	workload_check_collisions(w);
}

const struct strategy strategy_statefulset = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.fills = fills,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.rules = rules,
	.status_rules = status_rules,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.subresources = subresources_scale,
	.warn = warn_statefulset,
};
