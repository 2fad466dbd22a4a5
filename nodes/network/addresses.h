/* Which pod has which address of a node's subnet. Kept in files, one per address
 * (<data>/ips/10.244.1.5, the pod's uid in it), so that a pod which is adopted
 * has the one it had.
 *
 * The first address is the gateway's; those after it are given in turn, so that
 * one that is free again is not at once another pod's. Threads: one owner; blocks
 * on small local files only. */
#ifndef NETWORK_ADDRESSES_H
#define NETWORK_ADDRESSES_H

#include "nodes/network/netlink.h"

enum { ADDRESSES_BITS_MIN = 16, ADDRESSES_BITS_MAX = 29 };

struct addresses;

/* Reads what is there. With `pods_dir` (may be NULL) those of pods that have no
 * directory there are free again. ERR_INVALID: subnet; ERR_IO. */
int addresses_open(struct addresses **out, const char *data_dir, const char *pods_dir,
		   struct netlink_prefix subnet, struct err *e);
void addresses_close(struct addresses *a); /* NULL is fine; the files stay */

/* The same for the same uid until it is freed. ERR_FULL, ERR_IO. */
int addresses_take(struct addresses *a, const char *uid, struct in_addr *out, struct err *e);
void addresses_free(struct addresses *a, const char *uid);

struct netlink_prefix addresses_gateway(const struct addresses *a);
/* Whether `is` holds of any pod that has one. */
bool addresses_any(const struct addresses *a, bool (*is)(void *arg, const char *uid), void *arg);

#endif
