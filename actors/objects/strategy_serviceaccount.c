/* ServiceAccounts carry no rules of their own. */
#include "actors/objects/strategy.h"

const struct strategy strategy_serviceaccount = {.unconditional_update = true,
						 .returns_deleted = true};
