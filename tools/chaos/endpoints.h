/* Services against pods: what has an address lives, what lives has one. */
#ifndef CHAOS_ENDPOINTS_H
#define CHAOS_ENDPOINTS_H

#include "tools/chaos/judge.h"

/* Whether a pod has all labels of a selector, which is a map of some. */
bool pod_is_selected(struct mp pod, struct mp selector);
/* The invariant endpoints-alive. */
bool endpoints_alive(struct judge *j, struct err *why);

#endif
