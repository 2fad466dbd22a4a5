/* A field of a container's security context or, where that says nothing, of its pod's.
 * Pure. */
#ifndef NODES_SECURITY_H
#define NODES_SECURITY_H

#include <stdio.h>

#include "broker/base/mp.h"

/* Cursors at the maps of both. False: neither says it. */
static inline bool security_of(struct mp pod, struct mp container, const char *field, struct mp *out)
{
	char path[100];
	snprintf(path, sizeof path, "spec.securityContext.%s", field);
	return mp_path(container, path + sizeof "spec." - 1, out) || mp_path(pod, path, out);
}

/* -1: nobody says it. */
static inline int64_t security_id(struct mp pod, struct mp container, const char *field)
{
	struct mp m;
	int64_t id;
	return security_of(pod, container, field, &m) && mp_i64(&m, &id) == 0 ? id : -1;
}

#endif
