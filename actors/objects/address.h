/* IP addresses in objects: what is well-formed, and what may be an endpoint.
 * Private to actors/objects; messages are Kubernetes'. */
#ifndef OBJECTS_ADDRESS_H
#define OBJECTS_ADDRESS_H

#include "actors/objects/strategy.h"

/* In host byte order; false: no IPv4 address in its one canonical form. */
bool address_v4(struct span text, uint32_t *out);
bool address_v6(struct span text);
/* A range of addresses of one family: "10.0.0.0/8", "2001:db8::/64". */
struct address_range {
	uint8_t bytes[16];
	bool v6;
	unsigned bits;
};
bool address_range(struct span cidr, struct address_range *out); /* false: it is none */
/* Whether the first address of `part` lies in `all`. */
bool address_range_holds(const struct address_range *all, const struct address_range *part);

/* The text of an IPv4 address, in the arena. */
const char *address_text(struct arena *a, uint32_t address);

/* A fault unless it is an IP address. */
void check_address(struct faults *f, const struct fpath *p, struct span text);
/* And one that packets to an endpoint can have: not unspecified, link-local,
 * or loopback (unless the cluster's own services are there). */
void check_endpoint_address(struct write *w, const struct fpath *p, struct span text);

/* ---- ports, as services, endpoints and slices have them */

/* From 1 to 65535; a known protocol. Absent is a fault too. */
void check_port_number(struct faults *f, const struct fpath *p, const struct doc *number);
void check_protocol(struct faults *f, const struct fpath *p, const struct doc *protocol);

#endif
