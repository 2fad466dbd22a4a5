/* Conditions over objects and figures, as a script writes them:
 *
 *	count(pods, phase=Running, label.app=web) <= 40
 *	most(pods, node, ended=0) < 20          the largest group by that field
 *	sum(pods, restarts) == 0 and dead-letters < 3
 *	value(replicationcontrollers/default/web, spec.replicas) == 5
 *
 * All values are whole numbers; a comparison is 0 or 1. Judged on the ledger,
 * which is what the journal says, and on what a world counts. */
#ifndef CHAOS_EXPR_H
#define CHAOS_EXPR_H

#include "tools/chaos/ledger.h"
#include "tools/chaos/script.h"

enum expr_op {
	EXPR_NUMBER,
	EXPR_FIGURE,
	EXPR_COUNT,
	EXPR_SUM,
	EXPR_MIN,
	EXPR_MAX,
	EXPR_MOST,
	EXPR_VALUE,
	EXPR_ADD,
	EXPR_SUBTRACT,
	EXPR_TIMES,
	EXPR_OVER,
	EXPR_EQUAL, /* from here to EXPR_NOT: conditions */
	EXPR_UNEQUAL,
	EXPR_LESS,
	EXPR_AT_MOST,
	EXPR_MORE,
	EXPR_AT_LEAST,
	EXPR_AND,
	EXPR_OR,
	EXPR_NOT,
};

enum { EXPR_DEPTH_MAX = 32, EXPR_TERMS_MAX = 100, EXPR_FILTERS_MAX = 8 };

/* "phase=Running": a field of an object against a value. */
struct expr_filter {
	const char *field;
	enum expr_op how;
	struct span text;
	int64_t number;
	bool is_number;
};

struct expr {
	enum expr_op op;
	int64_t number; /* of a number; of a figure: enum figure */
	const struct expr *a, *b;
	const char *prefix; /* "pods/" */
	const char *key, *field;
	struct expr_filter filters[EXPR_FILTERS_MAX];
	size_t filter_count;
	struct span text;
};

/* What a world counts. */
enum figure {
	FIGURE_REVISIONS,
	FIGURE_RESTARTS,
	FIGURE_CELL_FAILURES,
	FIGURE_PROCESS_FAILURES,
	FIGURE_DEAD_LETTERS,
	FIGURES,
};
extern const char *const figure_names[FIGURES];
extern const char *const expr_fields[]; /* short names of fields */
extern const size_t expr_field_count;

struct judge;

int64_t expr_value(const struct expr *x, const struct judge *j);
/* What its parts are: "count(pods, phase=Running) is 41, ..." */
void expr_explain(const struct expr *x, const struct judge *j, struct buf *out);
/* Whether a change of that stream may change it. */
bool expr_depends_on(const struct expr *x, struct span stream);
void expr_words(FILE *out);

#endif
