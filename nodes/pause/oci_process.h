/* What a command beside a container is to the OCI program: a process object, as its
 * `exec --process` takes it. User, capabilities, environment and directory are those of
 * the container; programs left to themselves do not all think so (crun before 1.9 takes
 * root and "/"). */
#ifndef NODES_PAUSE_OCI_PROCESS_H
#define NODES_PAUSE_OCI_PROCESS_H

#include <stdbool.h>

#include "broker/base/bytes.h"

/* In a bundle, beside config.json: its process without args and terminal, env last. */
#define OCI_PROCESS_FILE "process.json"

/* Appends the object. False: `known` is no such file. */
bool oci_process_put(struct span known, char *const *argv, bool tty, struct buf *out);
/* The same of <bundle>/process.json, as a file without a name. -1 with errno. */
int oci_process_open(const char *path, char *const *argv, bool tty);

#endif
