/* The port driver "proxy-userspace": a plane (plane.h) on a thread of its own.
 *
 * Calls and events: proxy_port.h. Config of the port: connections,
 * service-connections, flows, connect-timeout-ms (0 or absent: the defaults);
 * node, data_dir: it listens in that node's own network namespace, as soon as
 * there is one (network/node_space.h).
 * Closing the port ends everything at once, connections too.
 *
 * Threads: the driver's functions on the cell's loop; the plane's thread is
 * reached by a queue each way. Closing waits for the thread's present round. */
#ifndef PROXY_USERSPACE_H
#define PROXY_USERSPACE_H

#include "actors/runtime/port.h"

extern const struct port_driver proxy_userspace_port_driver;

#endif
