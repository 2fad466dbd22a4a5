/* What is odd in an object and taken all the same, for people to be told of: it
 * comes back in Warning headers, in Kubernetes' words. Whoever wants to know says
 * so (obj_request.advise): controllers do not.
 *
 * Private to actors/objects. */
#ifndef OBJECTS_WARNING_H
#define OBJECTS_WARNING_H

#include "actors/objects/strategy.h"

/* "spec.volumes[0].gitRepo: deprecated in v1.11" */
void warn_at(struct write *w, const struct fpath *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void warn(struct write *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* warning.c: the functions of strategies' rows. */
void warn_pod(struct write *w);
void warn_workload(struct write *w); /* a template, and a name that pods have in theirs */
void warn_template(struct write *w);
void warn_statefulset(struct write *w);
void warn_job(struct write *w);
void warn_cronjob(struct write *w);
void warn_service(struct write *w);
void warn_ingress(struct write *w);
void warn_volume(struct write *w);
void warn_claim(struct write *w);

/* warning_pod.c: a pod's metadata and spec, or a template's; `p` NULL: a pod. */
void warn_pod_parts(struct write *w, const struct fpath *p, const struct doc *pod);
/* A size in `list` that is no whole number of bytes. */
void warn_fraction(struct write *w, const struct fpath *p, const struct doc *list,
		   const char *resource);
/* What a node's label that is no longer used is called now, or that it is not; NULL: it is
 * a good one. */
const char *warn_node_label(struct span label);
/* Of a NodeSelectorTerm. */
void warn_node_term(struct write *w, const struct fpath *p, const struct doc *term);

#endif
