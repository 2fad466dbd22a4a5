/* Keeps the rules of cluster roles that have an aggregationRule: those of all
 * cluster roles that it selects, in the order of their names, each once. */
#ifndef CONTROLLERS_CLUSTERROLE_AGGREGATION_H
#define CONTROLLERS_CLUSTERROLE_AGGREGATION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec clusterrole_aggregation_actor;

#endif
