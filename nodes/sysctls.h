/* Which kernel parameters a pod may set: those that are its namespaces' own, and hurt
 * nobody else. Pure.
 * Source of the rules: kubernetes pkg/kubelet/sysctl (safe_sysctls.go, allowlist.go). */
#ifndef NODES_SYSCTLS_H
#define NODES_SYSCTLS_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

/* Why the pod (its object) may not have what it asks for, in a kubelet's words and in
 * the arena; NULL: it may. */
const char *sysctls_forbidden(struct arena *a, struct mp pod);

#endif
