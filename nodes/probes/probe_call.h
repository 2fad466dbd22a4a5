/* What a probe or a hook does, as its spec says it: a command in the container,
 * a request to it, or (hooks only) a while of sleep. Pure.
 *
 * Kubernetes' name for it is a handler. Ports by name are those of the
 * container; without a host it is the pod's address. */
#ifndef PROBES_PROBE_CALL_H
#define PROBES_PROBE_CALL_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum handler_kind { HANDLER_NONE, HANDLER_EXEC, HANDLER_HTTP, HANDLER_TCP, HANDLER_GRPC, HANDLER_SLEEP };

/* `action`: its map, such as that behind "exec". */
enum handler_kind handler_kind(struct mp handler, struct mp *action);

struct probe_target {
	struct mp container; /* its spec, for ports by name */
	const char *pod_ip;
	bool hook;           /* any answer will do; and it says so of itself */
	int64_t timeout_ms;  /* 0: none */
};

/* The payload of PROBE_RUN (probe_port.h) for a request. ERR_INVALID: its port or
 * a header cannot be, in the kubelet's words. ERR_UNSUPPORTED: no such request. */
int probe_call_make(struct mp handler, const struct probe_target *t, struct buf *out, struct err *e);

/* A command's line as events have it: the words between blanks. In the arena. */
const char *probe_command_line(struct arena *a, struct mp exec);
/* The same as Go prints a list: [a b]. And any text as it quotes it. In the arena. */
const char *probe_command_list(struct arena *a, struct mp exec);
const char *probe_quoted(struct arena *a, const char *text);
/* What a command wrote, cut, with what is no UTF-8 replaced. In the arena. */
const char *probe_output_text(struct arena *a, struct span output, size_t max);

#endif
