/* What else a namespace says about what comes into it. A plan reads single
 * keys, so that each of them is a compare; who has limits and quotas is told
 * by one plain key for each namespace, which changes in the same transaction
 * as they do:
 *
 *	admission/namespace/NAME  {limitranges: [...], resourcequotas: [...],
 *	                          poddisruptionbudgets: [...]}
 *	admission/defaults        {storageclasses: [...], priorityclasses: [...]}
 *
 * A namespace without them has no such key, and a create costs one compare
 * that it is absent. Private to actors/objects. */
#ifndef OBJECTS_ADMISSION_H
#define OBJECTS_ADMISSION_H

#include "actors/objects/strategy.h"

enum { ADMISSION_NAMES_MAX = 16 }; /* of one list: all are in one transaction */

/* The names in a list ("limitranges"), which the plan rests on from now on:
 * an array of texts, NULL when there are none. False: the plan is finished. */
bool admission_names(struct write *w, const char *list, struct doc **names);
/* For `claims`: the object is named by the list of its kind, or no longer.
 * False: refused. */
bool admission_list(struct write *w, bool listed);
/* A named object of this resource in the write's namespace (or in none), read
 * as a tree that the plan rests on; NULL when it is gone. False: finished. */
bool admission_read(struct write *w, const char *stream, struct span name, struct store_row *row);

/* admission_account.c: the account that a pod runs as, and its token. */
void admit_account(struct write *w, struct doc *spec);
/* admission_runtime.c: what the pod's RuntimeClass writes into it. */
void admit_runtime_class(struct write *w, struct doc *spec);
/* admission_limits.c: what limit ranges fill in, and what they refuse. */
void admit_limit_defaults(struct write *w, struct doc *spec);
bool admit_limits(struct write *w);
/* admission_quota.c: the last one. Charges what `value`, the new object, uses
 * beyond the old one. False: refused. */
bool admit_quota(struct write *w, struct bytes *value);

#endif
