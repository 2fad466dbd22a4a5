/* Links, addresses and routes of a network namespace, by rtnetlink: small
 * requests of our own, one at a time, each answered before the call returns.
 *
 * A socket belongs to the namespace that it was opened in, whatever namespace
 * its owner is in later: so a pause makes its end of a pair in the node's
 * namespace through a socket from before.
 *
 * Names are of links (1 to 15 bytes). IPv4 addresses are in network order.
 * Errors: ERR_EXISTS, ERR_NOT_FOUND (no such link, address or route),
 * ERR_FORBIDDEN, ERR_TIMEOUT (the kernel did not answer in a second), ERR_BUSY,
 * ERR_IO for all else; the text names what was asked, and the kernel's own
 * words where it has some.
 *
 * Threads: a socket has one user. Nothing waits but for the kernel's answer,
 * which takes some ten microseconds. Linked into the pause: no stdio. */
#ifndef NETWORK_NETLINK_H
#define NETWORK_NETLINK_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/err.h"

enum {
	NETLINK_NAME_MAX = 15,
	NETLINK_ALIAS_MAX = 255,
	NETLINK_LO = 1, /* index of `lo`, in every namespace */
};

/* Opens one in the caller's namespace; close() closes it. */
int netlink_open(int *out, struct err *e);

/* ---- links */

struct netlink_link {
	int index, master; /* 0: none */
	bool up;
	uint32_t mtu;
	char name[NETLINK_NAME_MAX + 1];
	char kind[16];     /* "bridge", "veth"; empty: a device */
	char alias[NETLINK_ALIAS_MAX + 1];
};

int netlink_find(int fd, const char *name, struct netlink_link *out, struct err *e);
/* Each link in turn, until `each` is false. It must not use the socket. */
int netlink_links(int fd, bool (*each)(void *arg, const struct netlink_link *l), void *arg,
		  struct err *e);

/* `mac`: 6 bytes, its own; NULL: it takes its ports', and changes with them. */
int netlink_add_bridge(int fd, const char *name, uint32_t mtu, const uint8_t *mac, struct err *e);

/* A pair: `name` here, under `master` and up when there is one; `peer` in the
 * namespace of the descriptor (-1: here too), down. */
struct netlink_pair {
	const char *name, *peer;
	int peer_namespace;
	int master;    /* index; 0: none, and then it is down */
	uint32_t mtu;  /* 0: the kernel's */
	const uint8_t *peer_mac; /* 6 bytes; NULL: the kernel draws one */
};
int netlink_add_pair(int fd, const struct netlink_pair *p, struct err *e);

int netlink_delete(int fd, const char *name, struct err *e);
int netlink_set_up(int fd, const char *name, bool up, struct err *e);
int netlink_set_alias(int fd, const char *name, const char *alias, struct err *e);

/* ---- addresses and routes */

struct netlink_prefix {
	struct in_addr ip;
	unsigned bits;
};

/* "10.244.1.5/24"; ERR_INVALID. The address keeps its host part. */
int netlink_prefix_parse(const char *text, struct netlink_prefix *out, struct err *e);
/* The same with the host part zero. */
struct netlink_prefix netlink_prefix_network(struct netlink_prefix p);
enum { NETLINK_PREFIX_MAX = 20 };
void netlink_prefix_format(struct netlink_prefix p, char out[NETLINK_PREFIX_MAX]); /* "10.244.1.5/24" */

/* The hardware address that goes with an address: 0a:58 and its four bytes. So
 * nobody's cache of neighbours is wrong when an address is another pod's. */
void netlink_mac_of(struct in_addr ip, uint8_t out[6]);

/* That it is there already is no error. */
int netlink_add_address(int fd, const char *name, struct netlink_prefix p, struct err *e);

enum netlink_route_kind {
	NETLINK_UNICAST,
	NETLINK_BLACKHOLE, /* packets for it vanish */
	NETLINK_LOCAL,     /* every address of it is this namespace's own */
};

struct netlink_route {
	enum netlink_route_kind kind;
	struct netlink_prefix to; /* bits 0: the default route */
	struct in_addr gateway;   /* 0: none */
	int link;                 /* index; 0: by the gateway */
};

/* ERR_EXISTS: there is one to the same place, of whatever kind. */
int netlink_add_route(int fd, const struct netlink_route *r, struct err *e);
/* Instead of the one that is there, if there is one. */
int netlink_put_route(int fd, const struct netlink_route *r, struct err *e);
int netlink_delete_route(int fd, const struct netlink_route *r, struct err *e);
/* The one of this kind to exactly this place. ERR_NOT_FOUND. */
int netlink_find_route(int fd, enum netlink_route_kind kind, struct netlink_prefix to,
		       struct netlink_route *out, struct err *e);

#endif
