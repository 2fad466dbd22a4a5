/* The actor of kind "kubernetes-service": the service `kubernetes` in
 * `default`, at the first address of the range, with the API's address behind
 * it. Config: address, HOST:PORT of the API (IPv4). Follows services,
 * endpoints, endpointslices and namespaces. */
#ifndef CONTROLLERS_KUBERNETES_SERVICE_H
#define CONTROLLERS_KUBERNETES_SERVICE_H

#include "actors/runtime/actor.h"

extern const struct actor_spec kubernetes_service_actor;

#endif
