/* ControllerRevisions: a state of a controller's template; never changed. */
#include "actors/objects/strategy.h"

static const struct rule rules[] = {
	RULE("data", NEEDED, .detail = "data is mandatory"),
	RULE("revision", NOT_NEGATIVE),
	{0},
};

static const char *const fixed[] = {"data", NULL};

const struct strategy strategy_controllerrevision = {
	.unconditional_update = true,
	.rules = rules,
	.fixed = fixed,
};
