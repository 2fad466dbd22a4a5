/* Names of resources, as quotas and limit ranges know them. Private to
 * actors/objects. */
#ifndef OBJECTS_QUOTA_H
#define OBJECTS_QUOTA_H

#include "actors/objects/strategy.h"

/* A fault unless it is a standard resource or fully qualified. */
void quota_check_name(struct faults *f, const struct fpath *p, struct span name);
/* Amounts are not negative, and whole where things are counted. */
void quota_check_amount(struct faults *f, const struct fpath *p, const struct doc *amount);

#endif
