/* Descriptors, before they run out. libzmq ends the process when a connection
 * comes and none is left: its listeners assert that accept does not say EMFILE.
 * So the process has an accept4 of its own, which stands before libc's: a
 * connection for libzmq that would take one of the last descriptors is closed at
 * once, and whoever made it tries again later, as after any lost connection.
 * Those that are there go on, and the reserve is for the files that they need.
 * Others who accept (the API, the service proxy) know what to do when there is
 * none; for them it is libc's. */
#ifndef BROKER_DESCRIPTORS_H
#define BROKER_DESCRIPTORS_H

#include <stddef.h>

enum { DESCRIPTORS_RESERVE_MIN = 24, DESCRIPTORS_RESERVE_PART = 16 };

/* Takes as many as the system gives: the soft limit becomes the hard one. Called
 * by sock_system_start. */
void descriptors_raise(void);

#endif
