/* Who a container is that is a process of this machine: whom its security context names,
 * if the agent is root; otherwise all are who the agent is. */
#ifndef NODES_PROCESS_USER_H
#define NODES_PROCESS_USER_H

#include "broker/base/err.h"
#include "broker/base/mp.h"

struct process_user {
	int64_t uid, gid; /* -1: as the agent */
	struct span groups; /* msgpack, borrowed: those it has beside; empty: none are named */
};

/* `body`: of a call RUNTIME_START. `agent`: whose process this is. Reads /etc/passwd for
 * the group of a user that is named without one (0: it knows none).
 * ERR_INVALID: runAsNonRoot is asked for and does not hold; the text is a kubelet's. */
int process_user_find(struct mp body, int64_t agent, struct process_user *out, struct err *e);

#endif
