/* What a script has running in its cluster: a table of the kinds, the objects
 * that a user posts for them, and when each is as it was asked for. */
#ifndef CHAOS_LOADS_H
#define CHAOS_LOADS_H

#include "actors/schema/schema.h"
#include "tools/chaos/ledger.h"
#include "tools/chaos/script.h"

/* Order of enum load_kind (script.h). */
struct load_row {
	const char *word;   /* of messages */
	const char *stream; /* of the object */
	bool own_pods; /* it makes them */
	bool counts, scales, rolls; /* has a number; a user may change it; it has a template */
	bool workload; /* needs the controllers of workloads */
};
extern const struct load_row load_rows[LOAD_KINDS];

/* The script's load of that name, of a kind with pods of its own; NULL: none. */
const struct workload *load_named(const struct script *s, const char *name);
/* Whether any needs the controllers of workloads. */
bool loads_need_workloads(const struct script *s);

/* ---- bodies, as a client would post them */
struct doc *load_body(struct arena *a, const struct workload *w);
/* A merge patch: another template than before. */
struct doc *load_roll_body(struct arena *a, size_t number);

/* Whether the pod belongs to the load (not: a bare pod). */
bool load_has_pod(const struct workload *w, const struct led_object *pod);
/* Whether it is as it was asked for and says so; replica sets are judged as
 * controllers are (invariants.c). */
bool load_is_ready(const struct ledger *l, const struct workload *w, struct err *why);

#endif
