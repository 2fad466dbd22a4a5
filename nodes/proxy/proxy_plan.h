/* From API objects to what a proxy must do: for one Service and its
 * EndpointSlices, the listeners (address, port, protocol) that there should
 * be, each with the endpoints that take its connections. Pure.
 *
 *  - Addresses: every clusterIP, every externalIP; the node port (types
 *    NodePort and LoadBalancer) on the addresses that the config gives. Headless
 *    services and ExternalName have none.
 *  - Endpoints: of the slices whose port has the service port's name and
 *    protocol and whose addresses are of the listener's family. Those that are
 *    ready; when none is, those that are serving while they terminate. A
 *    listener that is its own endpoint is not: that would be a loop.
 *  - Order: by address, then port, whatever the order in the slices: the turn
 *    of a round robin survives slices that are written anew.
 *
 * Source of the rules: kubernetes pkg/proxy (endpointslicecache.go, topology.go).
 * Not looked at: traffic policies and topology hints (all nodes behind one
 * proxy are one machine). */
#ifndef PROXY_PROXY_PLAN_H
#define PROXY_PROXY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum {
	PROXY_ENDPOINTS_MAX = 5000, /* of a listener; the rest is left out, in order */
	PROXY_NODE_ADDRESSES_MAX = 4,
	PROXY_ADDRESS_TEXT_MAX = 64, /* "[IPv6]:port" */
};

enum proxy_protocol { PROXY_TCP, PROXY_UDP, PROXY_SCTP };

/* An address and port; four bytes of IPv4, or sixteen of IPv6, then zeros. */
struct proxy_address {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t ip[16];
	uint16_t port;
};

struct proxy_listener {
	struct proxy_address at;
	enum proxy_protocol protocol;
	bool external;       /* an externalIP: that it is not ours is no fault */
	uint32_t affinity_s; /* a client stays with its endpoint so long; 0: no affinity */
	struct proxy_address *endpoints;
	size_t endpoint_count;
	size_t left_out; /* beyond PROXY_ENDPOINTS_MAX */
};

struct proxy_plan {
	struct proxy_listener *listeners; /* no two of equal address and protocol */
	size_t count;
};

/* False: not an address. `port` goes along. */
bool proxy_address_parse(struct span text, uint16_t port, struct proxy_address *out);
/* "127.96.0.10", "fd00::1" */
void proxy_address_ip(const struct proxy_address *a, char out[PROXY_ADDRESS_TEXT_MAX]);
/* "127.96.0.10:80", "[fd00::1]:80" */
void proxy_address_text(const struct proxy_address *a, char out[PROXY_ADDRESS_TEXT_MAX]);
int proxy_address_cmp(const struct proxy_address *a, const struct proxy_address *b);
const char *proxy_protocol_name(enum proxy_protocol p);

/* `service` and `slices` are cursors at their maps (checked msgpack);
 * `node_ports_at` ends with one of family 0, without a port: at most
 * PROXY_NODE_ADDRESSES_MAX. Results are in the arena. */
void proxy_plan_service(struct arena *a, const struct proxy_address *node_ports_at,
			struct mp service, const struct mp *slices, size_t slice_count,
			struct proxy_plan *out);

#endif
