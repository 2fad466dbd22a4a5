#include "tools/chaos/loads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/conditions.h"

enum { GRACE_S = 2 };

const struct load_row load_rows[LOAD_KINDS] = {
	[LOAD_POD] = {"pod", "pods", false, false, false, false, false},
	[LOAD_SERVICE] = {"service", "services", false, false, false, false, false},
	[LOAD_QUOTA] = {"quota", "resourcequotas", false, false, false, false, false},
	[LOAD_BUDGET] = {"budget", "poddisruptionbudgets.policy", false, false, false, false, true},
	[LOAD_REPLICASET] = {"replica set", "replicationcontrollers", true, true, true, false, false},
	[LOAD_DEPLOYMENT] = {"deployment", "deployments.apps", true, true, true, true, true},
	[LOAD_STATEFULSET] = {"stateful set", "statefulsets.apps", true, true, true, true, true},
	[LOAD_DAEMONSET] = {"daemon set", "daemonsets.apps", true, false, false, true, true},
	[LOAD_JOB] = {"job", "jobs.batch", true, true, false, false, true},
};

const struct workload *load_named(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->load_count; i++)
		if (load_rows[s->loads[i].kind].own_pods && strcmp(s->loads[i].name, name) == 0)
			return &s->loads[i];
	return NULL;
}

bool loads_need_workloads(const struct script *s)
{
	for (size_t i = 0; i < s->load_count; i++)
		if (load_rows[s->loads[i].kind].workload)
			return true;
	return false;
}

/* ---- bodies */

static struct doc *object(struct arena *a, const char *version, const char *kind,
			  const struct workload *w)
{
	struct doc *o = doc_new(a, DOC_MAP);
	doc_set_str(a, o, "apiVersion", version);
	doc_set_str(a, o, "kind", kind);
	struct doc *meta = doc_need_map(a, o, "metadata");
	doc_set_str(a, meta, "name", w->name);
	doc_set_str(a, meta, "namespace", "default");
	return o;
}

static void set_container(struct arena *a, struct doc *spec, const struct workload *w)
{
	struct doc *list = doc_set(a, spec, "containers", doc_new(a, DOC_ARRAY));
	struct doc *c = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, c, "name", "c");
	doc_set_str(a, c, "image", "none");
	doc_path_set(a, c, "resources.requests.cpu", doc_str(a, w->cpu));
	doc_set_int(a, spec, "terminationGracePeriodSeconds", GRACE_S);
	if (w->critical)
		doc_set_str(a, spec, "priorityClassName", "system-cluster-critical");
}

/* None of those of its name near another. */
static void set_apart(struct arena *a, struct doc *spec, const struct workload *w)
{
	if (!w->apart)
		return;
	struct doc *anti = doc_need_map(a, doc_need_map(a, spec, "affinity"), "podAntiAffinity");
	struct doc *list = doc_set(a, anti, "requiredDuringSchedulingIgnoredDuringExecution", doc_new(a, DOC_ARRAY));
	struct doc *term = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, term, "topologyKey", w->apart);
	doc_path_set(a, term, "labelSelector.matchLabels.app", doc_str(a, w->name));
}

static void set_does(struct arena *a, struct doc *meta, const struct workload *w)
{
	doc_set_str(a, doc_need_map(a, meta, "annotations"), "sim.troupe", w->does);
}

static struct doc *pod_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "v1", "Pod", w);
	set_does(a, doc_get(o, "metadata"), w);
	set_container(a, doc_need_map(a, o, "spec"), w);
	set_apart(a, doc_get(o, "spec"), w);
	return o;
}

static struct doc *service_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "v1", "Service", w);
	struct doc *spec = doc_need_map(a, o, "spec");
	doc_path_set(a, spec, "selector.app", doc_str(a, w->name));
	struct doc *list = doc_set(a, spec, "ports", doc_new(a, DOC_ARRAY));
	doc_set_int(a, doc_add(list, doc_new(a, DOC_MAP)), "port", 80);
	return o;
}

static struct doc *quota_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "v1", "ResourceQuota", w);
	struct doc *hard = doc_need_map(a, doc_need_map(a, o, "spec"), "hard");
	for (const char *const *h = w->hard; *h; h += 2)
		doc_set_str(a, hard, h[0], h[1]);
	return o;
}

static struct doc *budget_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "policy/v1", "PodDisruptionBudget", w), *spec = doc_need_map(a, o, "spec");
	bool percent = w->amount[strlen(w->amount) - 1] == '%';
	doc_set(a, spec, w->budget, percent ? doc_str(a, w->amount) : doc_int(a, strtoll(w->amount, NULL, 10)));
	doc_path_set(a, spec, "selector.matchLabels.app", doc_str(a, w->name));
	return o;
}

/* With spec.template; returns the spec. */
static struct doc *set_template(struct arena *a, struct doc *o, const struct workload *w)
{
	struct doc *spec = doc_need_map(a, o, "spec"), *template = doc_need_map(a, spec, "template");
	doc_path_set(a, template, "metadata.labels.app", doc_str(a, w->name));
	set_does(a, doc_get(template, "metadata"), w);
	set_container(a, doc_need_map(a, template, "spec"), w);
	set_apart(a, doc_get(template, "spec"), w);
	return spec;
}

static struct doc *controller_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "v1", "ReplicationController", w);
	struct doc *spec = doc_need_map(a, o, "spec");
	doc_set_int(a, spec, "replicas", w->replicas);
	doc_path_set(a, spec, "selector.app", doc_str(a, w->name));
	set_template(a, o, w);
	return o;
}

static struct doc *set_body(struct arena *a, const struct workload *w, const char *kind)
{
	struct doc *o = object(a, "apps/v1", kind, w), *spec = set_template(a, o, w);
	doc_path_set(a, spec, "selector.matchLabels.app", doc_str(a, w->name));
	if (load_rows[w->kind].counts)
		doc_set_int(a, spec, "replicas", w->replicas);
	return o;
}

static struct doc *job_body(struct arena *a, const struct workload *w)
{
	struct doc *o = object(a, "batch/v1", "Job", w), *spec = set_template(a, o, w);
	doc_set_int(a, spec, "completions", w->replicas);
	doc_set_int(a, spec, "parallelism", (w->replicas + 1) / 2);
	doc_set_int(a, spec, "backoffLimit", 1000);
	doc_path_set(a, spec, "template.spec.restartPolicy", doc_str(a, "Never"));
	return o;
}

struct doc *load_body(struct arena *a, const struct workload *w)
{
	switch (w->kind) {
	case LOAD_SERVICE:
		return service_body(a, w);
	case LOAD_QUOTA:
		return quota_body(a, w);
	case LOAD_BUDGET:
		return budget_body(a, w);
	case LOAD_REPLICASET:
		return controller_body(a, w);
	case LOAD_DEPLOYMENT:
		return set_body(a, w, "Deployment");
	case LOAD_STATEFULSET:
		return set_body(a, w, "StatefulSet");
	case LOAD_DAEMONSET:
		return set_body(a, w, "DaemonSet");
	case LOAD_JOB:
		return job_body(a, w);
	default:
		return pod_body(a, w);
	}
}

struct doc *load_roll_body(struct arena *a, size_t number)
{
	struct doc *o = doc_new(a, DOC_MAP);
	struct doc *meta = doc_need_map(a, doc_need_map(a, doc_need_map(a, o, "spec"), "template"),
					"metadata");
	doc_set_str(a, doc_need_map(a, meta, "annotations"), "chaos.troupe/rolled",
		    arena_printf(a, "%zu", number));
	return o;
}

/* ---- what is so */

bool load_has_pod(const struct workload *w, const struct led_object *pod)
{
	static const char prefix[] = "replicationcontrollers/default/";
	const size_t n = sizeof prefix - 1;
	if (w->kind == LOAD_REPLICASET) {
		const char *owner = pod->pod.owner ? pod->pod.owner->name : "";
		return strncmp(owner, prefix, n) == 0 && strcmp(owner + n, w->name) == 0;
	}
	return span_is(mp_path_str(mp_of_bytes(pod->value), "metadata.labels.app"), w->name);
}

/* Two fields of the object, each a number: are they equal? */
static const struct equality {
	enum load_kind kind;
	const char *a, *b;
} equalities[] = {
	{LOAD_DEPLOYMENT, "status.replicas", "spec.replicas"},
	{LOAD_DEPLOYMENT, "status.updatedReplicas", "spec.replicas"},
	{LOAD_DEPLOYMENT, "status.availableReplicas", "spec.replicas"},
	{LOAD_STATEFULSET, "status.replicas", "spec.replicas"},
	{LOAD_STATEFULSET, "status.updatedReplicas", "spec.replicas"},
	{LOAD_STATEFULSET, "status.readyReplicas", "spec.replicas"},
	{LOAD_DAEMONSET, "status.updatedNumberScheduled", "status.desiredNumberScheduled"},
	{LOAD_DAEMONSET, "status.numberAvailable", "status.desiredNumberScheduled"},
	{LOAD_JOB, "status.succeeded", "spec.completions"},
};

bool load_is_ready(const struct ledger *l, const struct workload *w, struct err *why)
{
	char key[320];
	const struct load_row *row = &load_rows[w->kind];
	snprintf(key, sizeof key, "%s/default/%s", row->stream, w->name);
	const struct led_object *o = ledger_get(l, key);
	if (!o) {
		err_set(why, ERR_AGAIN, "%s is not there yet", key);
		return false;
	}
	struct mp m = mp_of_bytes(o->value);
	if (row->rolls && mp_path_int(m, "status.observedGeneration", -1) !=
				  mp_path_int(m, "metadata.generation", -1)) {
		err_set(why, ERR_AGAIN, "%s: its status is of an older generation", key);
		return false;
	}
	for (size_t i = 0; i < sizeof equalities / sizeof *equalities; i++) {
		const struct equality *e = &equalities[i];
		int64_t a = mp_path_int(m, e->a, 0), b = mp_path_int(m, e->b, 0);
		if (e->kind != w->kind || a == b)
			continue;
		err_set(why, ERR_AGAIN, "%s: its %s is %lld and its %s is %lld", key, e->a,
			(long long)a, e->b, (long long)b);
		return false;
	}
	if (w->kind != LOAD_JOB || condition_is(m, "Complete", "True"))
		return true;
	err_set(why, ERR_AGAIN, "%s is not complete", key);
	return false;
}
