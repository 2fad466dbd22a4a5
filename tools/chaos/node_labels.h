/* What the nodes of a script are labelled with, and which of them a target
 * means. `zone` is short for topology.kubernetes.io/zone, in scripts only.
 * No state; any thread. */
#ifndef CHAOS_NODE_LABELS_H
#define CHAOS_NODE_LABELS_H

#include "tools/chaos/script.h"

/* The value that the script gives it, by the last line that does; NULL: none. */
const char *node_label(const struct script *s, const char *node, const char *key);
/* Whether it has all the labels that the target asks for; names are not looked at. */
bool node_is_labelled(const struct script *s, const char *node, const struct target *t);
/* All of a node's, as a map; how many there are. `script`: a struct script. */
size_t node_labels_put(const void *script, const char *node, struct buf *out);

#endif
