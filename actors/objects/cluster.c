/* What a cluster hands out: its range of service addresses. */
#include <arpa/inet.h>

#include "actors/objects/objects.h"

enum { BITS_MIN = 8, BITS_MAX = 30 };

const struct obj_cluster obj_cluster_default = {
	.service_base = 10u << 24 | 96u << 16,
	.service_bits = 16,
	.node_port_low = 30000,
	.node_port_high = 32767,
};

const char OBJ_ALLOCATIONS[] = "allocations";
const char OBJ_ADMISSION[] = "admission";

static unsigned bits_of(struct span s)
{
	unsigned bits = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || bits > BITS_MAX)
			return 0;
		bits = 10 * bits + s.data[i] - '0';
	}
	return bits;
}

int obj_cluster_parse(struct obj_cluster *c, struct span cidr, struct err *e)
{
	char text[INET_ADDRSTRLEN] = "";
	struct in_addr base = {0};
	const uint8_t *slash = cidr.len ? memchr(cidr.data, '/', cidr.len) : NULL;
	size_t n = slash ? (size_t)(slash - cidr.data) : 0;
	unsigned bits = slash ? bits_of((struct span){slash + 1, cidr.len - n - 1}) : 0;
	*c = obj_cluster_default;
	if (n < sizeof text)
		memcpy(text, cidr.data, n);
	if (!n || n >= sizeof text || inet_pton(AF_INET, text, &base) != 1 || bits < BITS_MIN ||
	    bits > BITS_MAX || ntohl(base.s_addr) << bits)
		return err_set(e, ERR_INVALID, "%.*s is no range like 10.96.0.0/16", (int)cidr.len,
			       (const char *)cidr.data);
	c->service_base = ntohl(base.s_addr);
	c->service_bits = bits;
	return 0;
}
