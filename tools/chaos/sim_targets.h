/* The cluster that a script describes, for the simulator, and what the script's
 * targets mean in it. No state; any thread. */
#ifndef CHAOS_SIM_TARGETS_H
#define CHAOS_SIM_TARGETS_H

#include "tools/chaos/cluster.h"
#include "tools/chaos/world.h"

/* The cell of the user and of the clients, which no target means. */
extern const char sim_targets_user[];

void sim_targets_cluster(struct cluster *c, const struct script *s);
/* As world_type.match. */
void sim_targets_match(const struct script *s, const struct target *t, struct arena *a,
		       struct spots *out);

#endif
