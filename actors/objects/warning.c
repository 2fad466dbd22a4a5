#include "actors/objects/warning.h"

#include <stdarg.h>
#include <stdio.h>

#include "actors/objects/meta.h"

static void add(struct write *w, const char *at, const char *fmt, va_list args)
{
	char text[600];
	vsnprintf(text, sizeof text, fmt, args);
	notes_add(&w->plan->warnings, w->a, "%s%s%s", at, *at ? ": " : "", text);
}

void warn_at(struct write *w, const struct fpath *p, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add(w, field_path(w->a, p), fmt, args);
	va_end(args);
}

void warn(struct write *w, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add(w, "", fmt, args);
	va_end(args);
}

/* ---- pods and what makes them */

static void warn_name(struct write *w, const char *where)
{
	const char *why = name_dns1123_label(w->name);
	if (!w->old && why)
		warn_at(w, FPATH(FPATH(NULL, "metadata"), "name"),
			"this is used in %s, which can result in surprising behavior; a DNS label "
			"is recommended: [%s]",
			where, why);
}

/* Nobody changes pods by hand. */
void warn_pod(struct write *w)
{
	if (w->old)
		return;
	warn_name(w, "the Pod's hostname");
	warn_pod_parts(w, NULL, w->obj);
}

void warn_template(struct write *w)
{
	warn_pod_parts(w, FPATH(FPATH(NULL, "spec"), "template"),
		       doc_path(w->obj, "spec.template"));
}

void warn_workload(struct write *w)
{
	warn_name(w, "Pod names and hostnames");
	warn_template(w);
}

void warn_statefulset(struct write *w)
{
	warn_template(w);
	if (doc_path_int(w->obj, "spec.revisionHistoryLimit", 0) < 0)
		warn_at(w, FPATH(FPATH(NULL, "spec"), "revisionHistoryLimit"),
			"a negative value retains all historical revisions; a value >= 0 is "
			"recommended");
}

static void warn_job_spec(struct write *w, const struct fpath *p, const struct doc *spec)
{
	enum { COMPLETIONS_MANY = 100000, PARALLEL_MANY = 10000 };
	warn_name(w, "Pod names and hostnames");
	if (span_is(doc_get_str(spec, "completionMode"), "Indexed") &&
	    doc_get_int(spec, "completions", 0) > COMPLETIONS_MANY &&
	    doc_get_int(spec, "parallelism", 0) > PARALLEL_MANY)
		warn_at(w, p,
			"In Indexed Jobs with a number of completions higher than 10^5 and a "
			"parallelism higher than 10^4, Kubernetes might not be able to track "
			"completedIndexes when a big number of indexes fail");
	warn_pod_parts(w, FPATH(p, "template"), doc_get(spec, "template"));
}

void warn_job(struct write *w)
{
	warn_job_spec(w, FPATH(NULL, "spec"), doc_get(w->obj, "spec"));
}

void warn_cronjob(struct write *w)
{
	warn_job_spec(w, FPATH(FPATH(FPATH(NULL, "spec"), "jobTemplate"), "spec"),
		      doc_path(w->obj, "spec.jobTemplate.spec"));
}

/* ---- services */

void warn_service(struct write *w)
{
	const struct doc *spec = doc_get(w->obj, "spec");
	const struct doc *external = doc_get(spec, "externalIPs");
	struct span type = doc_get_str(spec, "type");
	bool addresses = doc_is(external, DOC_ARRAY) && external->count;
	bool by_name = span_is(type, "ExternalName");
	bool headless = span_is(type, "ClusterIP") && span_is(doc_get_str(spec, "clusterIP"), "None");
	if (doc_get(doc_get(meta_of(w->obj), "annotations"),
		    "service.kubernetes.io/topology-aware-hints"))
		warn(w, "annotation service.kubernetes.io/topology-aware-hints is deprecated, "
			"please use service.kubernetes.io/topology-mode instead");
	if (headless && doc_get_str(spec, "loadBalancerIP").len)
		warn(w, "spec.loadBalancerIP is ignored for headless services");
	if (headless && addresses)
		warn(w, "spec.externalIPs is ignored for headless services");
	if (headless && !span_is(doc_get_str(spec, "sessionAffinity"), "None"))
		warn(w, "spec.SessionAffinity is ignored for headless services");
	if (by_name && addresses)
		warn(w, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (!by_name && doc_get_str(spec, "externalName").len)
		warn(w, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
}

void warn_ingress(struct write *w)
{
	if (!w->old && doc_get(doc_get(meta_of(w->obj), "annotations"),
			       "kubernetes.io/ingress.class"))
		warn(w, "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
			"'spec.ingressClassName' instead");
}

/* ---- volumes */

static void warn_annotation(struct write *w, const char *key, const char *why)
{
	const struct fpath *p = FPATH(FPATH(NULL, "metadata"), "annotations");
	if (doc_get(doc_get(meta_of(w->obj), "annotations"), key))
		warn_at(w, FPATH_KEY(p, span_of(key)), "%s", why);
}

static const char class_key[] = "volume.beta.kubernetes.io/storage-class";

void warn_volume(struct write *w)
{
	static const char *const sources[][2] = {
		{"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
		{"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
		{"storageos", "deprecated in v1.22, non-functional in v1.25+"},
		{"flocker", "deprecated in v1.22, non-functional in v1.25+"},
		{"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
		{"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
		{"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
		{"rbd", "deprecated in v1.28, non-functional in v1.31+"},
	};
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *spec = doc_get(w->obj, "spec");
	const struct doc *terms = doc_path(spec, "nodeAffinity.required.nodeSelectorTerms");
	const struct fpath *at =
		FPATH(FPATH(FPATH(p, "nodeAffinity"), "required"), "nodeSelectorTerms");
	int i = 0;
	warn_annotation(w, class_key, "deprecated since v1.8; use \"storageClassName\" attribute instead");
	warn_annotation(w, "volume.beta.kubernetes.io/mount-options",
			"deprecated since v1.31; use \"mountOptions\" attribute instead");
	if (span_is(doc_get_str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		warn_at(w, FPATH(p, "persistentVolumeReclaimPolicy"),
			"The Recycle reclaim policy is deprecated. Instead, the recommended approach "
			"is to use dynamic provisioning.");
	DOC_EACH(term, doc_is(terms, DOC_ARRAY) ? terms : NULL)
		warn_node_term(w, FPATH_AT(at, i++), term);
	for (size_t k = 0; k < sizeof sources / sizeof *sources; k++)
		if (!doc_absent(doc_get(spec, sources[k][0])))
			warn_at(w, FPATH(p, sources[k][0]), "%s", sources[k][1]);
}

void warn_claim(struct write *w)
{
	const struct fpath *p = FPATH(FPATH(NULL, "spec"), "resources");
	const struct doc *resources = doc_path(w->obj, "spec.resources");
	warn_annotation(w, class_key, "deprecated since v1.8; use \"storageClassName\" attribute instead");
	warn_fraction(w, FPATH(p, "requests"), doc_get(resources, "requests"), "storage");
	warn_fraction(w, FPATH(p, "limits"), doc_get(resources, "limits"), "storage");
}
