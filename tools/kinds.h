/* Kinds as people call them: what kubectl takes for a resource is taken for a
 * stream too. Of the kinds that are built in; one of a custom resource has its
 * group in its name ("widgets.example.com") and is taken as it stands.
 * Results are in the arena. Any thread. */
#ifndef TOOLS_KINDS_H
#define TOOLS_KINDS_H

#include "broker/base/err.h"
#include "broker/base/mem.h"

/* "pods" of pods, pod, po and Pod; "deployments.apps" of deploy. ERR_INVALID: no kind
 * is called so; what may have been meant. */
int kinds_stream(const char *word, struct arena *a, const char **stream, struct err *e);
/* A key of the store: "pods/default/web" of pod/default/web. ERR_INVALID: none is
 * called so, or its namespace is missing. */
int kinds_key(const char *word, struct arena *a, const char **key, struct err *e);

#endif
