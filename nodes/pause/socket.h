/* The pause's unix sockets: SOCK_SEQPACKET, for its own user and for root. */
#ifndef NODES_PAUSE_SOCKET_H
#define NODES_PAUSE_SOCKET_H

/* In the current directory, where the pod's lock must be held: what is left
 * of a pause that is gone is removed. -1 with errno. */
int socket_listen(const char *name, int backlog);
/* -1: nobody, or somebody else's. */
int socket_accept(int listener);

#endif
