/* What ConfigMaps and Secrets have in common: keys, a size, immutability.
 * Private to actors/objects. */
#ifndef OBJECTS_CONFIG_DATA_H
#define OBJECTS_CONFIG_DATA_H

#include "actors/objects/strategy.h"

enum { CONFIG_BYTES_MAX = 1024 * 1024 };

/* Checks the keys of one map; returns the bytes of its values. `base64`: the
 * values are encoded. */
size_t config_validate(struct write *w, const char *field, bool base64);
/* An immutable object keeps the named maps, and stays immutable. */
void config_validate_update(struct write *w, const char *const *fields);

#endif
