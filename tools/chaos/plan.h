/* From a script and a seed to what happens when: every time and every random
 * target drawn, each from its line's own stream. No world is needed for it;
 * a pod that a line deletes is drawn when it happens. */
#ifndef CHAOS_PLAN_H
#define CHAOS_PLAN_H

#include "tools/chaos/script.h"
#include "tools/chaos/chance.h"
#include "tools/chaos/world.h"

/* ---- of a line, over all seeds, counted from the end of the warm-up */
struct range line_begin(const struct line *l);
/* From its earliest begin to its latest end. */
struct range line_span(const struct line *l);
uint64_t line_times(const struct line *l); /* how often it happens */
int64_t target_amount(const struct target *t, size_t matching);

/* Zone by zone; each node is in one. */
struct spots nodes_of_zones(const struct script *s, const struct spots *zones, struct arena *a);

/* Its time is known only when something is seen. */
bool line_awaits(const struct line *l);

/* One time that a line happens. */
struct happening {
	const struct line *line;
	bool awaited; /* not placed yet: begin and end are not known */
	int64_t delay_us; /* behind the line that it follows */
	int64_t begin_us, end_us; /* end = begin: over at once */
	struct spots drawn;       /* of those that its target means */
	struct spots spots;       /* where it happens: those, or the nodes of drawn zones */
	int64_t by_us;            /* how far a clock is off */
	struct chance chance;     /* for what is drawn later */
};

enum step_type {
	STEP_BEGIN,
	STEP_END,
	STEP_DEADLINE, /* no longer waited for */
};

struct step {
	int64_t at_us;
	size_t order;
	struct happening *what;
	enum step_type type;
};

struct plan {
	struct arena arena;
	struct happening *happenings;
	struct step *steps; /* in order of time; at one time as the script has it */
	size_t happening_count, step_count;
	int64_t end_us; /* of the last one */
};

/* The script was checked. */
void plan_make(struct plan *p, const struct script *s, uint64_t seed);
/* What an awaited line waits for was seen: its steps, and those of the lines
 * that follow it, are put behind all that are due until then. */
void plan_place(struct plan *p, struct happening *h, int64_t at_us);
void plan_fini(struct plan *p);

#endif
