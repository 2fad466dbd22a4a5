/* The canonical text of scalars: the leaf half of schema_coerce. No state. */
#ifndef SCHEMA_COERCE_SCALAR_H
#define SCHEMA_COERCE_SCALAR_H

#include "actors/schema/schema.h"

/* `d` has the JSON type that `kind` takes (a quantity may be anything).
 * ERR_INVALID in the words of the Go type's own decoder. */
int coerce_scalar(enum schema_kind kind, struct doc *d, struct arena *a, struct err *e);
/* A quantity of a resource list (canonical already): rounded up to m. */
void coerce_resource_quantity(struct arena *a, struct doc *d);

#endif
