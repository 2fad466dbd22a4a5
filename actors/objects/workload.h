/* What the kinds of apps have in common: a selector, and a template of pods
 * that it finds. Private to actors/objects. */
#ifndef OBJECTS_WORKLOAD_H
#define OBJECTS_WORKLOAD_H

#include "actors/objects/strategy.h"

/* spec.template's defaults. */
void workload_defaults(struct write *w);
/* spec.selector is there, well-formed and not empty; `what` is the kind's name
 * in messages, `broken` what is said of one that cannot be matched (NULL:
 * nothing). */
void workload_check_selector(struct write *w, const char *what, const char *broken);
/* The selector finds the labels of the template at `p`. */
void workload_check_labels(struct write *w, const struct fpath *p, const struct doc *selector,
			   const struct doc *template);
/* Both, and the template of pods that are kept running. `kind` is the kind in
 * messages about the template. */
void workload_validate(struct write *w, const char *what, const char *broken, const char *kind);
/* Counts of status that are not greater than status.`all`; NULL terminated. */
void workload_check_counts(struct write *w, const char *all, const char *const *counts);
/* status.collisionCount never goes down. */
void workload_check_collisions(struct write *w);

#endif
