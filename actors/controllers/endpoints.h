/* The actor of kind "endpoints": every service with a selector has an
 * Endpoints object and EndpointSlices that name its pods; Endpoints that
 * people write for services without one are mirrored to slices. Follows
 * services, pods, endpoints and endpointslices. */
#ifndef CONTROLLERS_ENDPOINTS_H
#define CONTROLLERS_ENDPOINTS_H

#include "actors/runtime/actor.h"

extern const struct actor_spec endpoints_actor;

#endif
