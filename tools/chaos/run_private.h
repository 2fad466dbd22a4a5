/* What the files of one run share. */
#ifndef CHAOS_RUN_PRIVATE_H
#define CHAOS_RUN_PRIVATE_H

#include "tools/chaos/run.h"

/* What is known of a happening while it lasts. */
struct progress {
	uint64_t *touched_before; /* per spot */
	int64_t seen; /* how often what it waits for was */
	bool touched, done;
	bool is_so; /* the condition that it waits for, at the last revision */
	struct wish *wish;
};

struct run {
	const struct script *s;
	const struct run_watch *watch;
	struct run_result *out;
	const struct world_type *type;
	struct world *world;
	struct judge judge;
	struct plan plan;
	struct progress *progress; /* as plan.happenings */
	int64_t *held_since;       /* per judgement, -1: it does not hold */
	struct wish *first_wishes; /* the workload */
	struct omap deleted;	   /* uids of pods whose deletion was asked for -> wish */
	uint64_t zero_us;          /* the end of the warm-up */
	bool watching;             /* the timeline runs: events count */
	bool awaits_changes;       /* some line does */
	struct arena arena;
};

/* run.c */
int64_t run_now(struct run *r); /* counted from the end of the warm-up */
bool run_violated(struct run *r);
void run_mark(struct run *r, const char *text);
void run_tell(struct run *r, const struct happening *h, bool end, const char *text);
/* run_acts.c: the begin or the end of a fault, or a user's act */
void run_take_step(struct run *r, const struct step *step);
/* run_waits.c: what lines wait for; the first two pause the world */
void run_watch_for(struct run *r, const struct led_change *c);
void run_on_sent(void *run, const struct sent_message *m);
bool run_awaits_messages(const struct script *s);
bool run_awaits_changes(const struct script *s);
void run_place_seen(struct run *r);
/* run_verdict.c */
void run_conclude(struct run *r, enum verdict v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void run_judge_always(struct run *r);
void run_judge_all(struct run *r);

#endif
