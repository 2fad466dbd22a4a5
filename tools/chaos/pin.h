/* Scripts as lists of statements, and lines as a seed draws them: for tools
 * that make scripts out of scripts. */
#ifndef CHAOS_PIN_H
#define CHAOS_PIN_H

#include "tools/chaos/plan.h"

enum statement_type { STATEMENT_HEAD, STATEMENT_SETTING, STATEMENT_ACT, STATEMENT_JUDGE };

struct statement {
	enum statement_type type;
	const char *text; /* one line, without its end */
	double needed;    /* how likely it is that nothing fails without it: whoever takes some out says */
};

struct statements {
	struct statement *at;
	size_t count;
};

/* The statements of a script's text, in its order, without its seed: the acts
 * among them are the script's lines, one by one. */
void statements_read(struct statements *out, const struct script *s, struct arena *a);
/* With that seed, as a script. */
void statements_write(const struct statements *l, uint64_t seed, struct buf *out);
size_t statements_acts(const struct statements *l);

/* What a line does, without its time: "kill cell core for 1s". */
const char *line_act(const struct line *l, struct arena *a);
/* What it does depends on chance, beyond its times and targets. */
bool line_draws(const struct line *l);
/* The line once, at the time and with the target that were drawn, and with the
 * chance that it had: the same history under the same seed. Not of one that
 * waits for something, nor of the end of another. */
const char *line_pinned(const struct happening *h, struct arena *a);
/* What happens again and again, between these times only: it draws what it
 * drew there. */
const char *line_within(const struct line *l, int64_t from_us, int64_t to_us, struct arena *a);

#endif
