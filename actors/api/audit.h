/* Audit: each request of the API and what became of it, as a notice (bus.audit)
 * whose detail is an audit.k8s.io/v1 Event of level Metadata. Said at the request's
 * end: once it is answered; of what lasts (a watch, a session) when that is over.
 *
 * It is said when somebody listened as the request came, which the port knows, or
 * always (`audit-kept`). */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include "broker/base/bytes.h"

struct api;
struct call;
struct ctx;

/* An event whose end is not known yet. Zeroed: there is none. */
struct audit_event {
	struct buf body;
	size_t map;
	size_t count;
};

/* All but the end, of a call that was answered; nothing when nobody listened. */
void audit_open(struct ctx *c, struct api *a, struct call *k, struct audit_event *e);
/* Now it is over. */
void audit_say(struct ctx *c, struct audit_event *e);
void audit_drop(struct audit_event *e);

#endif
