/* What the containers of an OCI pod share: namespaces that this pause enters at
 * its start, so that all it starts has them, and that end with it.
 *
 * The file `sandbox` in the pod's directory, one msgpack map:
 *   runtime   [bin]: the OCI program and its global arguments, an absolute path first
 *   network   a map (nodes/network/pod_network.h); nil: the network is the pause's own
 *   ipc, uts  bool: one of its own
 *   pids      bool: a process namespace for all its containers, bound to <dir>/pidns;
 *             a child of the pause is its first process and reaps what others leave
 *   hostname  of its own uts namespace
 *   sysctls   [[name, value]], of its own namespaces; dots between the parts
 *   shm       bytes: <dir>/shm is a tmpfs of that size; absent: none
 *   shared    [[name, source]]: share.h
 *   memory    [[path, options]]: a tmpfs each, below the pod's directory; options of
 *             mount(2), as text
 * The mount namespace is always one of its own; what the machine mounts later is
 * seen in it, what is mounted in it nowhere else. On a machine with both kinds of
 * cgroups the second is taken out of it, because crun (1.8) refuses such a machine. */
#ifndef NODES_PAUSE_SANDBOX_H
#define NODES_PAUSE_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "nodes/network/pod_network.h"

#define SANDBOX_FILE "sandbox"
#define SANDBOX_PIDS "pidns"

struct sandbox {
	bool oci;       /* there is one */
	char **runtime; /* NULL terminated */
	char *dir;      /* the pod's, absolute */
	pid_t holder;   /* of the process namespace; 0: there is none */
	struct pod_network_node node; /* of use until the end where plugins made the network */
};

/* Reads the file and enters what it names. ERR_IO, ERR_INVALID: the text says
 * what; the process is then good for nothing but to end. */
int sandbox_enter(struct sandbox *s, struct err *e);
void sandbox_free(struct sandbox *s); /* what it holds of memory */
/* Nothing runs in it any more: its process namespace may go. */
void sandbox_let_go(struct sandbox *s);
/* At the end of the pause, with nothing running: removes what does not go with the
 * namespaces, and the pod's control groups ("/troupe/UID"), which are empty then. May
 * block for as long as CNI plugins take. */
void sandbox_leave(struct sandbox *s, const char *uid);
/* In the directory of a pod whose pause was killed: `troupe-pause UID --undo`. What
 * plugins gave it is theirs again. */
void sandbox_undo(void);

#endif
