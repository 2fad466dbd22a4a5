/* The tables behind the language: what words there are, what may follow
 * them, and what they are for. Constant; any thread. */
#ifndef CHAOS_WORDS_H
#define CHAOS_WORDS_H

#include "tools/chaos/script.h"

/* What may stand behind a verb's object, as bits. */
enum clause {
	CLAUSE_FOR = 1,
	CLAUSE_ID = 2,
	CLAUSE_BY = 4,
	CLAUSE_PERCENT = 8,
	CLAUSE_FROM = 16,
	CLAUSE_TO = 32,
	CLAUSE_WITH = 64,
	CLAUSE_RATE = 128,
	CLAUSE_DRAWS = 256, /* of every verb */
	CLAUSE_AS = 512,
	CLAUSE_OF = 1024,
	CLAUSE_CODE = 2048,
};

/* What a verb's object is. */
enum object {
	OBJECT_TARGET,        /* kill kind scheduler mode one */
	OBJECT_TARGET_OR_ID,  /* restart broker; restart k1 */
	OBJECT_ID,            /* heal cut */
	OBJECT_TARGET_FROM,   /* partition node n1 from broker direction to */
	OBJECT_SCALE,         /* scale web 5 */
	OBJECT_ROLL,          /* roll web */
	OBJECT_DELETE,        /* delete pod of web; delete pod p1; delete pod with app=web */
	OBJECT_KEY,           /* touch pods/default/web-* */
	OBJECT_STORE,         /* compact store */
};

struct verb_row {
	const char *name;
	enum verb verb;
	enum object object;
	unsigned targets; /* bits of enum target_type */
	unsigned clauses, needs; /* may stand; must stand */
	bool fault, lasts;
	const char *form, *help;
};
extern const struct verb_row verb_rows[];
extern const size_t verb_row_count;

struct target_row {
	enum target_type type;
	const char *name, *help;
	bool named; /* a pattern follows */
	bool some;  /* and a mode may: of messages all that match are meant */
	bool labelled; /* and what label its node has, also instead of the pattern */
};
extern const struct target_row target_rows[];
extern const size_t target_row_count;

struct name_row {
	const char *name;
	int value;
};
extern const struct name_row mode_rows[], way_rows[], layout_rows[], event_rows[], refusal_rows[],
	errno_rows[], checker_rows[];
extern const size_t mode_row_count, way_row_count, layout_row_count, event_row_count, refusal_row_count,
	errno_row_count, checker_row_count;
const char *row_name(const struct name_row *rows, size_t count, int value); /* "": none */

struct unit_row {
	const char *name;
	int64_t us;
};
extern const struct unit_row unit_rows[];
extern const size_t unit_row_count;

const struct verb_row *verb_row(enum verb v); /* the first of that verb */

#endif
