/* One script, one seed, one run: warm-up until all is steady, the timeline,
 * then everything healed and the clocks of `eventually`. */
#ifndef CHAOS_RUN_H
#define CHAOS_RUN_H

#include "tools/chaos/invariants.h"
#include "tools/chaos/plan.h"

/* Also exit codes. When several are true the first of them in this order:
 * violated, not healed, not steady, inconclusive. */
enum verdict {
	VERDICT_HELD = 0,
	VERDICT_VIOLATED = 1,
	VERDICT_NOT_STEADY = 2,
	VERDICT_NOT_HEALED = 3,
	VERDICT_INCONCLUSIVE = 4,
};
const char *verdict_name(enum verdict v);
/* Of two runs, the one that matters more. */
enum verdict verdict_worse(enum verdict a, enum verdict b);

struct recording;

/* What is told while it happens. All may be NULL. Times are virtual and
 * counted from the end of the warm-up. */
struct run_watch {
	void *arg;
	void (*steady)(void *arg, int64_t took_us, uint64_t revision);
	/* The begin or the end of a fault, or a user's act. `text`: what came of it. */
	void (*step)(void *arg, int64_t at_us, const struct happening *h, bool end,
		     const char *text, uint64_t revision);
	void (*settle)(void *arg, int64_t at_us, uint64_t revision);
	/* An `eventually` holds, for good as far as this run goes. */
	void (*recovered)(void *arg, const struct judgement *j, int64_t after_us);
	/* A change at its revision, as the journal has it. */
	void (*changed)(void *arg, int64_t at_us, const struct ledger *l,
			const struct led_change *c);
	struct recording *recording; /* all of it, messages too */
};

/* What was to hold eventually and did not, or too late. */
struct symptom {
	char name[64], why[160];
	bool late;
};
enum { SYMPTOMS = 4 };

struct run_result {
	enum verdict verdict;
	char why[600]; /* of other verdicts than held */
	char broken[64]; /* the invariant; empty: none */
	struct witness witness[WITNESSES]; /* of a violation; those with revision 0 are none */
	uint64_t broken_revision;
	int64_t broken_us; /* virtual, from the end of the warm-up */
	bool late;         /* what was to hold eventually did, but after its time */
	struct symptom symptoms[SYMPTOMS]; /* the first is `broken`, if that was to hold eventually; those without a name are none */
	uint64_t seed, digest, events, revisions;
	int64_t virtual_us;  /* all of it */
	int64_t recovered_us; /* the slowest `eventually`, after settle */
	size_t faults;        /* that were done */
};

/* The script was checked. `watch` may be NULL. */
void run_script(const struct script *s, uint64_t seed, const struct run_watch *watch,
		struct run_result *out);

#endif
