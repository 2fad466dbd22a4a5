/* Scripts that nobody thought of: a seed becomes a cluster, a workload that
 * fits into it, and a timeline of random faults and users' acts. What holds
 * in every script must hold in these too. The idea is swarm testing (Groce et
 * al., ISSTA 2012): each script draws which kinds of fault it has at all. */
#ifndef CHAOS_GROW_H
#define CHAOS_GROW_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum { GROW_ACTS_MAX = 1000 };

/* Appends a whole script, which script_check takes, for `world sim`. */
int grow_script(struct buf *out, uint64_t seed, unsigned acts, struct err *e);

#endif
