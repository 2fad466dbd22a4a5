/* metadata.managedFields: who has set which fields, in entries of (manager,
 * Apply or Update, subresource). A write that is no apply gives its writer what
 * it changed and takes that from the others; what is gone is nobody's. Private
 * to actors/objects. */
#ifndef OBJECTS_MANAGED_H
#define OBJECTS_MANAGED_H

#include "actors/objects/strategy.h"

/* Before w->obj is put. */
void managed_write(struct write *w);

/* ---- applies (plan_apply.c) */

/* The entries of what is stored, and the set of one. An object that was written
 * before there were any has one of "before-first-apply" for all its fields. */
struct doc *managed_entries(struct write *w);
struct doc *managed_set(struct arena *a, struct doc *entry);
/* The entry of this write's manager and operation; NULL: none. */
struct doc *managed_own(struct write *w, const struct doc *entries, const char *operation);
/* All sets but that of `own`. */
struct doc *managed_others(struct write *w, const struct doc *entries, const struct doc *own);
/* What a manager may own in this write: no identity, status by itself. */
struct doc *managed_strip(struct write *w, struct doc *set);
/* What an apply has found out, for managed_write. */
struct managed_apply {
	struct doc *entries, *own; /* own: of this manager's applies, or NULL */
	struct doc *set;	   /* what it is now */
	struct doc *lost;	   /* by the others */
};
const char *managed_manager(struct write *w);
const struct schema_type *managed_type(const struct write *w);

#endif
