/* Connecting to a socket in a pod's directory (pause/proto.h names them). */
#ifndef NODES_PAUSE_SOCKET_H
#define NODES_PAUSE_SOCKET_H

#include "broker/base/err.h"

/* A descriptor, nonblocking. ERR_UNREACHABLE: nobody listens there. ERR_AGAIN:
 * busy, try later. */
int pause_socket_connect(const char *pod_dir, const char *name, struct err *e);

#endif
