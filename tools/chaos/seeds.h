/* Many seeds, on several processes: a run that dies takes no other with it,
 * and is a finding by itself. Results come in order of their seeds. */
#ifndef CHAOS_SEEDS_H
#define CHAOS_SEEDS_H

#include "tools/chaos/run.h"

struct seeds {
	uint64_t first, last;
	unsigned jobs; /* from 1 */
	bool twice;    /* each seed again: its digest must be the same */
};

/* ERR_IO: no process could be started. */
int seeds_run(const struct script *s, const struct seeds *seeds,
	      void (*each)(void *arg, const struct run_result *r), void *arg, struct err *e);
/* One seed here; twice when asked. */
void seeds_run_one(const struct script *s, uint64_t seed, bool twice, const struct run_watch *watch,
		   struct run_result *out);

#endif
