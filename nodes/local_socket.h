/* Connecting to a socket of packets in a directory: a pod's, whose pause
 * listens (pause/proto.h names its sockets), or the launcher's. */
#ifndef NODES_LOCAL_SOCKET_H
#define NODES_LOCAL_SOCKET_H

#include "broker/base/err.h"

/* A descriptor, nonblocking. ERR_UNREACHABLE: nobody listens there. ERR_AGAIN:
 * busy, try later. */
int local_socket_connect(const char *dir, const char *name, struct err *e);

#endif
