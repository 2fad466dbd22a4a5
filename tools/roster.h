/* Who is there: the broker's sessions, the actors of every cell with their
 * figures, and what each loop is doing at this moment (from its ring, so that
 * a loop that hangs is seen too). One thread; asks and waits. */
#ifndef TOOLS_ROSTER_H
#define TOOLS_ROSTER_H

#include "actors/runtime/metrics.h"
#include "broker/base/mem.h"
#include "tools/client.h"

struct roster_actor {
	const char *cell, *name, *kind;
	const char *role; /* empty: it says none */
	bool up;
	uint64_t turns, queue, restarts, rejected;
	uint64_t wait_us, wait_p50_us, wait_p99_us; /* in the mailbox */
	uint64_t turn_us, turn_p50_us, turn_p99_us;
};

struct roster_cell {
	const char *name;
	bool answered; /* a foreign program need not, a hanging loop cannot */
	uint64_t names, silent_us, turns, pending, parked, outbox, dead;
};

/* A turn that has lasted for long; its cell cannot answer meanwhile. */
struct roster_busy {
	const char *cell, *actor, *about;
	uint64_t us;
};

struct roster {
	struct arena arena; /* owns all of it */
	struct roster_actor *actors; /* cell by cell, by name */
	struct roster_cell *cells;
	struct roster_busy *busy;
	size_t actor_count, cell_count, busy_count;
	/* What they said, as it was. */
	struct mp broker;
	struct metrics_page *pages;
	struct bytes **owners;
	size_t page_count, owner_count;
};

/* Sessions of commands like this one are left out. */
int roster_read(struct roster *out, struct client *cl, const char *data_dir, struct err *e);
void roster_fini(struct roster *r);

#endif
