/* A pod's network by CNI plugins (version 1.0 of the specification, and what is
 * before it), as its pause runs them: each is a program that is told by its
 * environment and its standard input, and answers on its standard output.
 *
 * The map `cni` (in the sandbox's `network`, made by oci/oci_cni.h):
 *   container  its id
 *   args       CNI_ARGS
 *   path       CNI_PATH
 *   plugins    [[program, config]...]: in their order; a config is the text of a
 *              JSON object, to which the result of the one before it is added
 * The file `cni.result` in the pod's directory holds the last result, from the end of
 * ADD to the end of DEL.
 *
 * Linked into the pause; blocks until the plugins have ended, or CNI_MS_MAX. */
#ifndef NETWORK_POD_CNI_H
#define NETWORK_POD_CNI_H

#include "broker/base/mp.h"

#define POD_CNI_RESULT "cni.result"

enum { POD_CNI_PLUGINS_MAX = 16, POD_CNI_BYTES_MAX = 60 * 1024 /* of a config, of a result */ };

/* In the pod's namespaces; `node`: descriptor of the node's network namespace, in
 * which the plugins run. An error's text is "plugin type=... failed (add): ..." with the
 * plugin's own words; what others of them had made is undone. ERR_INVALID, ERR_IO,
 * ERR_TIMEOUT, ERR_LIMIT. */
int pod_cni_add(struct mp cni, int node, struct err *e);
/* All of them, last first, whatever each says. `gone`: the pod's namespace is no more,
 * and this process is of the node's. */
void pod_cni_del(struct mp cni, int node, bool gone);

#endif
