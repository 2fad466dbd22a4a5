/* The judge: holds what a script demands against every revision of the
 * journal, when its record is on the disk and before anybody hears of it, and
 * against what is there when the runner asks. A violation names the revisions
 * and objects that prove it.
 *
 * Threads: one. Everything in it is the judge's. */
#ifndef CHAOS_JUDGE_H
#define CHAOS_JUDGE_H

#include "tools/chaos/expr.h"
#include "tools/chaos/client_history.h"
#include "tools/chaos/ledger.h"
#include "tools/chaos/script.h"
#include "tools/chaos/world.h"

enum { WITNESSES = 3 };

/* "r41 3.201s pods/default/web-x bound to n2 by scheduler" */
struct witness {
	uint64_t revision;
	char text[200];
};

struct violation {
	const char *name; /* NULL: none */
	uint64_t at_us, revision;
	char text[500];
	struct witness witness[WITNESSES]; /* in order; those with revision 0 are none */
};

/* How a judgement stands so far. */
struct judged {
	bool held, seen; /* at the last revision; ever */
	bool open;       /* leads-to: the first came, the second did not yet */
	uint64_t since_us, since_revision;
};

struct recording;

struct judge {
	struct ledger ledger;
	const struct script *script;
	const struct world_type *type;
	struct world *world; /* after it was opened */
	struct violation violation; /* the first; the rest follows from it */
	struct judged *judged;      /* as script.judgements */
	uint64_t records; /* judged so far */
	uint64_t zero_us; /* the end of the warm-up; UINT64_MAX: it is not over */
	uint64_t zero_revisions;
	bool timeline;    /* it runs: what is steady `during` counts */
	bool pause; /* the runner has something to do before the world goes on */
	/* What is to be named when the next thing is found broken. */
	const struct led_object *about[WITNESSES];
	size_t about_count;
	struct schema *schema;       /* made when a quota is judged first */
	struct recording *recording; /* of messages; may be NULL */
	struct client_history history; /* of the clients */
	uint64_t acked; /* the newest revision that a writer was told of */
	char acked_to[64];
	/* Told of each change before it is judged; may be NULL. */
	void (*changed)(void *arg, uint64_t now_us, const struct ledger *l,
			const struct led_change *c);
	/* Told of each message between cells when it is on its way; NULL: nobody
	 * waits for one. */
	void (*sent)(void *arg, const struct sent_message *m);
	void *changed_arg; /* of both */
};

void judge_init(struct judge *j, const struct script *s);
void judge_fini(struct judge *j);
/* A record is on the disk. */
void judge_record(struct judge *j, uint64_t now_us, uint64_t revision, struct span record);
/* The store told a writer that its transaction is committed. */
void judge_acknowledged(struct judge *j, uint64_t now_us, uint64_t revision, struct span to);
/* The disk lied: of what it had said to hold, it has nothing behind `kept`. */
void judge_lost(struct judge *j, uint64_t now_us, uint64_t kept);
/* The warm-up is over; everything was healed; time went by. */
void judge_begin(struct judge *j, uint64_t now_us);
void judge_settle(struct judge *j, uint64_t now_us);
void judge_look(struct judge *j, uint64_t now_us);
/* The clients are done: whether what they did and saw is one history. False:
 * `name` of the checker, and why. */
bool judge_history(struct judge *j, const char **name, struct err *why);
/* As things are; false: `why` says what is not so, and j->about what about. */
bool judge_holds(struct judge *j, const struct judgement *g, struct err *why);
/* For who finds something broken: what it is about. */
void judge_about(struct judge *j, const struct led_object *o);
/* The last revisions of what judge_about named. */
void judge_witness(struct judge *j, struct witness *out);
int64_t judge_figure(const struct judge *j, enum figure f);
/* The script asks for that invariant. */
bool judge_asks(const struct script *s, const char *name);

#endif
