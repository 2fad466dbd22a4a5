/* What the containers of an OCI pod share: namespaces that this pause enters at
 * its start, so that all it starts has them, and that end with it.
 *
 * The file `sandbox` in the pod's directory, one msgpack map:
 *   runtime   [bin]: the OCI program and its global arguments, an absolute path first
 *   network   a map (nodes/network/pod_network.h); nil: the network is the pause's own
 *   ipc, uts  bool: one of its own
 *   hostname  of its own uts namespace
 *   sysctls   [[name, value]], of its own namespaces; dots between the parts
 *   shm       bytes: <dir>/shm is a tmpfs of that size; absent: none
 *   memory    [[path, options]]: a tmpfs each, below the pod's directory; options of
 *             mount(2), as text
 * The mount namespace is always one of its own; what the machine mounts later is
 * seen in it, what is mounted in it nowhere else. On a machine with both kinds of
 * cgroups the second is taken out of it, because crun (1.8) refuses such a machine. */
#ifndef NODES_PAUSE_SANDBOX_H
#define NODES_PAUSE_SANDBOX_H

#include <stdbool.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#define SANDBOX_FILE "sandbox"

struct sandbox {
	bool oci;       /* there is one */
	char **runtime; /* NULL terminated */
	char *dir;      /* the pod's, absolute */
};

/* Reads the file and enters what it names. ERR_IO, ERR_INVALID: the text says
 * what; the process is then good for nothing but to end. */
int sandbox_enter(struct sandbox *s, struct err *e);
/* At the end of the pause: removes the pod's control groups ("/troupe/UID"), which
 * are empty then. */
void sandbox_leave(const struct sandbox *s, const char *uid);

#endif
