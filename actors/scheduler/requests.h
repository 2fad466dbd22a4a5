/* What a pod asks for, of any number of amounts: that of its containers together with its side
 * cars, or what an init container asks for beside the side cars before it, if that is more; or
 * what the pod asks for as a whole, which is as much or more; and the pod's overhead. Init
 * containers run one by one, side cars stay.
 *
 * Source of the rule: kubernetes, resource helpers (PodRequests). Pure. */
#ifndef SCHEDULER_REQUESTS_H
#define SCHEDULER_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "broker/base/mp.h"

/* Writes `count` amounts that a map of resources has, 0 for what is not in it. */
typedef void requests_read(const void *arg, struct mp resources, int64_t *out);

enum { REQUESTS_MAX = 64 }; /* amounts at a time; more are left out */

void requests_sum(struct mp pod, requests_read *read, const void *arg, size_t count, int64_t *sum);

#endif
