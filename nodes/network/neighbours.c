#include "nodes/network/neighbours.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/network/node_network.h"

enum { LOCK_MS = 10000, LOCK_STEP_MS = 5 };

struct look {
	const char *home; /* the real path of our data directory */
	const char *dir;  /* of who is looked at */
	const struct node_record *own;
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

/* Each of ours with each of theirs: who takes another's pods for his services gets what is
 * meant for them. */
static void look_at(void *arg, const struct node_record *r)
{
	struct look *l = arg;
	const struct {
		struct netlink_prefix range;
		const char *advice;
	} own[] = {
		{l->own->services, "another one, like `services: {range: 10.97.0.0/16}`"},
		{l->own->pods, l->own->nodes.bits
				       ? "another `subnet` of each node-agent, like 10.245.1.0/24"
				       : "another `subnet` of the node-agent, like 10.245.1.0/24, and "
					 "another `bridge`"},
		{l->own->nodes, "another one, like `nodes: {range: 172.29.0.0/16, bridge: troupe-nodes1}`"},
	};
	const struct {
		struct netlink_prefix range;
		const char *what;
	} theirs[] = {{r->services, "services"}, {r->pods, "pods"}, {r->nodes, "nodes"}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		for (size_t k = 0; k < sizeof theirs / sizeof *theirs && l->rc == 0; k++)
			if (overlap(own[i].range, theirs[k].range))
				refuse(l, theirs[k].what, theirs[k].range, own[i].advice);
}

static bool look_at_link(void *arg, const struct netlink_link *link)
{
	struct look *l = arg;
	const char *dir = node_network_owner(link->alias);
	struct stat st;
	if (strcmp(link->kind, "bridge") || !dir || strcmp(dir, l->home) == 0 || stat(dir, &st) != 0)
		return true;
	l->dir = dir;
	node_record_each(dir, look_at, l);
	return l->rc == 0;
}

int neighbours_check(const char *data_dir, const struct node_record *own, struct err *e)
{
	char *real = realpath(data_dir, NULL);
	struct look l = {.home = real ? real : data_dir, .own = own, .e = e};
	int fd, rc = netlink_open(&fd, e);
	if (rc == 0) {
		rc = netlink_links(fd, look_at_link, &l, e);
		close(fd);
	}
	free(real);
	return rc ? rc : l.rc;
}

/* The namespace itself is what is locked: clusters in different ones do not meet. */
void neighbours_lock(int *fd)
{
	*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	for (int waited = 0; *fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_STEP_MS) {
		poll(NULL, 0, LOCK_STEP_MS);
		if (waited < LOCK_MS)
			continue;
		close(*fd);
		*fd = -1;
	}
}
