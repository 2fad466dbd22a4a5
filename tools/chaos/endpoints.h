/* Services against pods: what has an address lives, what lives has one. */
#ifndef CHAOS_ENDPOINTS_H
#define CHAOS_ENDPOINTS_H

#include "tools/chaos/judge.h"

/* The invariant endpoints-alive. */
bool endpoints_alive(struct judge *j, struct err *why);

#endif
