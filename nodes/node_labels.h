/* Labels that a node is given when it registers, beside those that its agent
 * says of itself. No state; any thread. */
#ifndef NODES_NODE_LABELS_H
#define NODES_NODE_LABELS_H

#include <stdbool.h>

#include "broker/base/bytes.h"

/* Those of the agent: its hostname, system and processor. */
bool node_label_is_own(struct span key);
/* Of Kubernetes' names those that say where and on what a node is; others are
 * what the cluster says of nodes, and no agent may give itself one. Names of
 * other people are free. */
bool node_label_is_allowed(struct span key);

#endif
