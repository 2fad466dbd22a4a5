/* The service proxy: an actor per network namespace ("service-proxy").
 *
 * Decides what is listened on and where connections go: follows the streams
 * `services` and `endpointslices.discovery.k8s.io`, plans per service
 * (proxy_plan.h), and tells its port (proxy_port.h) what differs. Sends
 * event.record to the gate (reasons FailedToBind, EndpointsLeftOut, about the
 * Service). Takes no messages; `inspect` shows what the plane counts.
 *
 * A listener that cannot be opened is tried again with backoff, at once when
 * another one leaves its address; the others do not notice.
 *
 * It stores nothing: after a crash its port was closed hard, connections and
 * all, and everything is made anew from the views.
 * Config: plane (userspace), node-port-address, connections,
 * service-connections, flows, connect-timeout-ms; node, data_dir (userspace.h);
 * api {address, target, port}: a listener that is no service's, before an API on
 * the loopback, where pods have a network of their own. */
#ifndef PROXY_SERVICE_PROXY_H
#define PROXY_SERVICE_PROXY_H

#include "actors/runtime/actor.h"

extern const struct actor_spec service_proxy_actor;

#endif
