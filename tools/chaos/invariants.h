/* The invariants that Troupe knows by name, and the judge that holds them
 * against every revision of the journal.
 *
 * Those for `always` are judged when a record is on the disk, before anybody
 * hears of it. Those for `steady` and `eventually` are asked for by the
 * runner. A violation names the revisions and objects that prove it. */
#ifndef CHAOS_INVARIANTS_H
#define CHAOS_INVARIANTS_H

#include <stdio.h>

#include "tools/chaos/ledger.h"
#include "tools/chaos/script.h"
#include "tools/chaos/world.h"

struct judge;

struct invariant {
	const char *name;
	/* At a revision; false: broken, and `why` says so. NULL: not for always. */
	bool (*at_revision)(struct judge *j, struct err *why);
	/* As things are; NULL: not for steady and eventually. */
	bool (*as_is)(struct judge *j, struct err *why);
	const char *help;
};

extern const struct invariant invariants[];
extern const size_t invariant_count;
const struct invariant *invariant_named(const char *name);
void invariants_print(FILE *out);

struct violation {
	const char *name; /* NULL: none */
	uint64_t at_us, revision;
	char text[500];
};

struct judge {
	struct ledger ledger;
	const struct script *script;
	const struct world_type *type;
	struct world *world; /* after it was opened */
	struct violation violation; /* the first; the rest follows from it */
	uint64_t judged; /* revisions */
	bool pause; /* the runner has something to do before the world goes on */
	/* Told of each change before it is judged; may be NULL. */
	void (*changed)(void *arg, uint64_t now_us, const struct ledger *l,
			const struct led_change *c);
	void *changed_arg;
};

void judge_init(struct judge *j, const struct script *s);
void judge_fini(struct judge *j);
/* A record is on the disk. */
void judge_record(struct judge *j, uint64_t now_us, uint64_t revision, struct span record);

#endif
