/* A pod of a node's own, from a file: what a kubelet calls static. Pure.
 *
 * It is completed as a kubelet does it (pkg/kubelet/config/common.go): its name
 * gets the node's behind it, its uid is a hash of what the file says, it is bound
 * to the node and bears whatever drives pods out. For the API there is its *mirror*:
 * the same without the uid, marked by an annotation; people see it there, and what
 * they do to it changes nothing. */
#ifndef STATIC_STATIC_POD_H
#define STATIC_STATIC_POD_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mp.h"

enum { STATIC_UID_BYTES = 33 };

#define STATIC_MIRROR "kubernetes.io/config.mirror" /* the annotation; its value is the uid */

struct static_pod {
	char *key; /* "pods/default/web-n1" */
	char uid[STATIC_UID_BYTES];
	struct bytes *object, *mirror;
};

/* YAML or JSON, one pod. `seen_us`: when, since 1970. ERR_INVALID: it is none; says
 * why. */
int static_pod_make(const char *node, const char *file, struct span text, int64_t seen_us,
		    struct static_pod **out, struct err *e);
void static_pod_free(struct static_pod *p); /* NULL is fine */

/* The uid of whose mirror that object is; empty: it is no mirror. */
struct span static_pod_mirrored(struct mp pod);
/* The object with the status that its mirror has: a new reference. */
struct bytes *static_pod_with_status(const struct static_pod *p, struct mp mirror);

#endif
