/* Somebody who asks the gate for writes at set times, all of which succeed. For one program of
 * tests: its actor's handlers are these. */
#ifndef TESTS_SIM_STEPS_H
#define TESTS_SIM_STEPS_H

#include <criterion/criterion.h>

#include "actors/runtime/actor.h"
#include "tests/lib/doc_text.h"

struct step {
	unsigned at_s;
	const char *body; /* of object.write, as JSON with ' for " */
};

static const struct step *steps_all;

static inline void steps_begin(struct ctx *c, const struct step *all, size_t count)
{
	steps_all = all;
	for (size_t i = 0; i < count; i++)
		ctx_timer(c, (uint64_t)all[i].at_s * 1000000, i);
}

static inline int steps_on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct buf b = {0};
	(void)state;
	doc_to_mp(&b, doc_quoted(ctx_arena(c), steps_all[tag].body));
	ctx_request(c, "gate", "object.write", &b, 5000, tag);
	return 0;
}

static inline int steps_on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct span why = mp_path_str(r->body, "message");
	(void)c, (void)state;
	cr_expect(!r->status && mp_path_int(r->body, "code", 0) < 300, "step %d: %s %.*s", (int)tag,
		  err_name(r->status), (int)why.len, (const char *)why.data);
	return 0;
}

#endif
