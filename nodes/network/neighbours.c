#include "nodes/network/neighbours.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/network/node_network.h"
#include "nodes/network/node_record.h"

struct look {
	const char *own; /* the real path of our data directory */
	const char *dir; /* of who is looked at */
	struct netlink_prefix pods, services;
	int rc;
	struct err *e;
};

static bool overlap(struct netlink_prefix x, struct netlink_prefix y)
{
	if (!x.bits || !y.bits)
		return false;
	x.bits = y.bits = x.bits < y.bits ? x.bits : y.bits;
	return netlink_prefix_network(x).ip.s_addr == netlink_prefix_network(y).ip.s_addr;
}

static void refuse(struct look *l, const char *what, struct netlink_prefix theirs, const char *advice)
{
	char ip[INET_ADDRSTRLEN];
	struct in_addr first = netlink_prefix_network(theirs).ip;
	inet_ntop(AF_INET, &first, ip, sizeof ip);
	l->rc = err_set(l->e, ERR_BUSY, "the %s' range %s/%u is of the cluster in %s; set %s", what, ip,
			theirs.bits, l->dir, advice);
}

static void look_at(void *arg, const struct node_record *r)
{
	struct look *l = arg;
	if (l->rc)
		return;
	if (overlap(l->services, r->services))
		refuse(l, "services", r->services, "another one, like `services: {range: 10.97.0.0/16}`");
	else if (overlap(l->pods, r->pods))
		refuse(l, "pods", r->pods, "another `subnet` of the node-agent, like 10.245.1.0/24, and "
					   "another `bridge`");
}

static bool look_at_link(void *arg, const struct netlink_link *link)
{
	struct look *l = arg;
	const char *dir = node_network_owner(link->alias);
	struct stat st;
	if (strcmp(link->kind, "bridge") || !dir || strcmp(dir, l->own) == 0 || stat(dir, &st) != 0)
		return true;
	l->dir = dir;
	node_record_each(dir, look_at, l);
	return l->rc == 0;
}

int neighbours_check(const char *data_dir, struct netlink_prefix pods, struct netlink_prefix services,
		     struct err *e)
{
	char *real = realpath(data_dir, NULL);
	struct look l = {.own = real ? real : data_dir, .pods = pods, .services = services, .e = e};
	int fd, rc = netlink_open(&fd, e);
	if (rc == 0) {
		rc = netlink_links(fd, look_at_link, &l, e);
		close(fd);
	}
	free(real);
	return rc ? rc : l.rc;
}
