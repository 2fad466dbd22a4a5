/* Conditions in an object's status ("Ready", "Complete"): found by type. Pure. */
#ifndef SCHEMA_CONDITIONS_H
#define SCHEMA_CONDITIONS_H

#include "broker/base/mp.h"

/* The condition of that type, as a cursor at it. False: there is none. */
bool condition_find(struct mp object, struct span type, struct mp *out);
/* Whether there is one, and its status is that ("True"). */
bool condition_is(struct mp object, const char *type, const char *status);

#endif
