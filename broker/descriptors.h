/* Descriptors, before they run out. libzmq ends the process when a connection
 * comes and none is left (its listeners assert that accept does not say
 * EMFILE), and other libraries spin. So this process has its own accept4, which
 * stands before libc's for every library in it: a connection that would take
 * one of the last descriptors is closed at once, and whoever made it tries
 * again later, as after any lost connection. Those that are there go on, and
 * the reserve is for the files that they need. */
#ifndef BROKER_DESCRIPTORS_H
#define BROKER_DESCRIPTORS_H

#include <stddef.h>

enum { DESCRIPTORS_RESERVE_MIN = 24, DESCRIPTORS_RESERVE_PART = 16 };

/* Takes as many as the system gives (the soft limit becomes the hard one), and
 * says how many connections may have. Called by sock_system_start. */
size_t descriptors_raise(void);

#endif
