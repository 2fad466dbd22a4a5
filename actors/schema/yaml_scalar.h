/* What a YAML scalar means. Used by yaml.c and its tests. No state. */
#ifndef SCHEMA_YAML_SCALAR_H
#define SCHEMA_YAML_SCALAR_H

#include <stdbool.h>

#include "broker/base/doc.h"

/* Sets type and value of `d` from a scalar's text (borrowed). `plain`: it had
 * no quotes; `tag` may be NULL. ERR_INVALID: infinite, not a number, or not
 * what its tag says. */
int yaml_scalar(struct doc *d, struct span text, bool plain, const char *tag);
/* The text of a map key; numbers and booleans as JSON writes them.
 * ERR_INVALID: null or a container. */
int yaml_key(const struct doc *key, struct arena *a, struct span *out);

#endif
