/* Scripts as lists of statements, and a seed's plan written as one: for
 * tools that make scripts out of scripts. */
#ifndef CHAOS_PIN_H
#define CHAOS_PIN_H

#include "tools/chaos/plan.h"

enum statement_type { STATEMENT_HEAD, STATEMENT_SETTING, STATEMENT_ACT, STATEMENT_JUDGE };

struct statement {
	enum statement_type type;
	const char *text; /* one line, without its end */
};

struct statements {
	struct statement *at;
	size_t count;
};

/* The statements of a script's text, in its order, without its seed. */
void statements_read(struct statements *out, const struct script *s, struct arena *a);
/* The same, but with what the plan does as its timeline: one spot, one time
 * and one length each. What begins after `until_us` is left out. */
void statements_pin(struct statements *out, const struct script *s, const struct plan *p,
		    int64_t until_us, struct arena *a);
size_t statements_acts(const struct statements *l);

#endif
