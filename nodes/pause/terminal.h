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
/* Listens on that path, for one terminal. -1 with errno. */
int terminal_listen(const char *path);
/* The master that was sent to that listener, nonblocking; -1: none came. */
int terminal_receive(int listener);
/* The same in two steps, for who does not wait for the sender's end: its connection, and,
 * once that can be read, what came by it. The connection stays the caller's. */
int terminal_accept(int listener);
int terminal_take(int conn);
void terminal_resize(int master, uint16_t width, uint16_t height);

#endif
