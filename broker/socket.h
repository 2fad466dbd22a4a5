/* ZeroMQ behind one door: sockets that never block, and frames as counted
 * bytes: over inproc without a copy, from a wire with one, so that a frame keeps
 * nothing but itself. czmq makes and sets the sockets up; messages are raw.
 *
 * Threads: a socket belongs to the thread that uses it first; frames may be
 * released anywhere. Every option that libzmq 4.3 needs to be safe is set
 * before bind or connect: queue limits, message size, no linger, handshake
 * and heartbeat times, reconnect with a drawn jitter. */
#ifndef BROKER_SOCKET_H
#define BROKER_SOCKET_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct sock;

enum sock_kind { SOCK_ROUTER, SOCK_DEALER, SOCK_XPUB, SOCK_SUB };

/* Once per process, before the first socket and after the last. Takes czmq's
 * signal handlers away and raises the limit of open files (descriptors.h). */
void sock_system_start(void);
void sock_system_stop(void);

struct sock *sock_new(enum sock_kind kind, struct err *e);
int sock_bind(struct sock *s, const char *endpoint, struct err *e);
int sock_connect(struct sock *s, const char *endpoint, struct err *e);
void sock_close(struct sock *s); /* NULL is fine */

/* Becomes readable on an *edge*: something may have changed; then say sock_woken,
 * and receive until ERR_AGAIN. After that the socket is *quiet*: nothing is there,
 * and the descriptor will tell, so that asking again is a system call for
 * nothing. Sending ends the quiet, because it may use up the edge: sock_readable
 * then says what is so. */
int sock_fd(struct sock *s);
void sock_woken(struct sock *s);
bool sock_quiet(const struct sock *s);
bool sock_readable(struct sock *s);

/* ERR_AGAIN: nothing there. Consumers of a ROUTER get the peer's number. */
int sock_recv(struct sock *s, uint64_t *peer, struct bytes **frame);
/* `frame` is borrowed (a reference is kept while it is on its way). `peer`
 * matters to a ROUTER. ERR_OVERLOADED: queue full. ERR_UNREACHABLE: gone. */
int sock_send(struct sock *s, uint64_t peer, struct bytes *frame);
void sock_subscribe(struct sock *s, struct span prefix, bool on);

#endif
