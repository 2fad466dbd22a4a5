/* Pseudoterminals of containers: made here for processes, made by the OCI program for
 * its containers, which hands them over. Nothing blocks. */
#ifndef NODES_PAUSE_TERMINAL_H
#define NODES_PAUSE_TERMINAL_H

#include <stdint.h>
#include <sys/types.h>

/* Of the bundle: where the OCI program sends the terminal that it made. */
#define TERMINAL_SOCKET "console.sock"

/* fd[0]: its master, nonblocking; fd[1]: the slave, which is `owner`'s (-1: ours).
 * Both close-on-exec. -1 with errno. */
int terminal_open(int fd[2], int64_t owner);
/* Listens on bundle/TERMINAL_SOCKET. -1 with errno. */
int terminal_listen(const char *bundle, size_t len);
/* The master that was sent to that listener, nonblocking; -1: none came. */
int terminal_receive(int listener);
void terminal_resize(int master, uint16_t width, uint16_t height);

#endif
