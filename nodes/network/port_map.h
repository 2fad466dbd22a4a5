/* Ports of a node that lead to pods on it (hostPort, hostIP; TCP and UDP): sockets
 * of this process in the node's namespace, and a thread that moves the bytes, as
 * the service proxy does (nodes/proxy).
 *
 * A port of every address (no hostIP) is one of each address that the node has,
 * but those of services: a socket on 0.0.0.0 would take the port from all of them.
 *
 * Threads: one owner; nothing blocks. The sockets end with it: whoever adopts
 * the pods opens them again. */
#ifndef NETWORK_PORT_MAP_H
#define NETWORK_PORT_MAP_H

#include "broker/base/mp.h"
#include "nodes/network/netlink.h"

enum { PORT_MAP_SOCKETS_MAX = 4096 }; /* of a node */

struct port_map;

/* `namespace`: path of the node's; NULL: this process'. */
struct port_map *port_map_new(const char *namespace, struct netlink_prefix services);
/* The path leads there no more, this one does. */
void port_map_move(struct port_map *m, const char *namespace);
void port_map_free(struct port_map *m); /* NULL is fine */

/* All host ports of a pod (the object), to its address; again is nothing new.
 * ERR_BUSY: one is in use; ERR_NOT_FOUND: a hostIP that is not the node's; ERR_LIMIT;
 * ERR_UNSUPPORTED: SCTP; ERR_IO. The text names it; then none of them is open. */
int port_map_add(struct port_map *m, const char *uid, struct mp pod, const char *ip,
		 struct err *e);
void port_map_remove(struct port_map *m, const char *uid);

#endif
