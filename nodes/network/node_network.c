#include "nodes/network/node_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/network/addresses.h"
#include "nodes/network/neighbours.h"
#include "nodes/network/node_record.h"

#define FORWARD "/proc/sys/net/ipv4/ip_forward"
#define BRIDGE_FIREWALL "/proc/sys/net/bridge/bridge-nf-call-iptables"
#define ALIAS "troupe "

struct node_network {
	int socket;
	struct addresses *addresses;
	char *node, *namespace;
	char bridge[NETLINK_NAME_MAX + 1], gateway[INET_ADDRSTRLEN], range[INET_ADDRSTRLEN + 4];
	struct netlink_prefix subnet, pods, services;
	uint32_t mtu;
};

/* ---- in another namespace, for a moment */

int node_visit_begin(struct node_visit *v, const char *namespace, struct err *e)
{
	int there, rc = 0;
	v->home = -1;
	if (!namespace)
		return 0;
	there = open(namespace, O_RDONLY | O_CLOEXEC);
	v->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (there < 0 || v->home < 0 || setns(there, CLONE_NEWNET) != 0)
		rc = err_set(e, ERR_IO, "cannot enter the node's network namespace, %s: %m", namespace);
	if (there >= 0)
		close(there);
	if (rc && v->home >= 0)
		close(v->home);
	return rc;
}

/* A thread that cannot come home would do everything else in the wrong place. */
void node_visit_end(struct node_visit *v)
{
	if (v->home < 0)
		return;
	if (setns(v->home, CLONE_NEWNET) != 0)
		abort();
	close(v->home);
}

static int set_forward(const char *node, struct err *e)
{
	char old = 0;
	int fd = open(FORWARD, O_RDWR | O_CLOEXEC), rc = 0;
	if (fd >= 0 && read(fd, &old, 1) == 1 && old == '1') {
		close(fd);
		return 0;
	}
	if (fd < 0 || pwrite(fd, "1", 1, 0) != 1)
		rc = err_set(e, ERR_IO, "cannot set net.ipv4.ip_forward: %m");
	else
		log_info("node", "%s: net.ipv4.ip_forward was off and is on now", node);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Said once: who wonders why pods do not reach each other will look here. */
static void look_at_firewall(const char *node)
{
	char on = 0;
	int fd = open(BRIDGE_FIREWALL, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &on, 1) == 1 && on == '1')
		log_debug("node", "%s: net.bridge.bridge-nf-call-iptables is on: rules that drop what is "
				 "forwarded, as Docker's do, are for pods too", node);
	if (fd >= 0)
		close(fd);
}

/* What must be done there: from then on the socket is enough. */
static int enter_once(struct node_network *n, const char *namespace, struct err *e)
{
	struct node_visit v;
	int rc = node_visit_begin(&v, namespace, e);
	if (rc)
		return rc;
	rc = netlink_open(&n->socket, e);
	if (rc == 0)
		rc = set_forward(n->node, e);
	if (rc == 0 && !namespace)
		look_at_firewall(n->node);
	node_visit_end(&v);
	return rc;
}

/* ---- routes */

/* Ours from before or new; never instead of what others have made. */
static int keep_route(int socket, const struct netlink_route *r, const char *what,
		      const char *range, struct err *e)
{
	struct netlink_route found;
	int rc = netlink_add_route(socket, r, e);
	if (rc != ERR_EXISTS)
		return rc;
	if (netlink_find_route(socket, r->kind, r->to, &found, e) == 0)
		return 0;
	return err_set(e, ERR_BUSY, "%s, %s, is routed elsewhere on this machine", what, range);
}

int node_network_routes(int socket, const struct node_ranges *ranges, struct err *e)
{
	struct netlink_prefix pods = {{0}, 0}, services;
	int rc = ranges->pods ? netlink_prefix_parse(ranges->pods, &pods, e) : 0;
	rc = rc ? rc : netlink_prefix_parse(ranges->services, &services, e);
	if (rc)
		return rc;
	struct netlink_route black_pods = {.kind = NETLINK_BLACKHOLE, .to = pods};
	struct netlink_route black_services = {.kind = NETLINK_BLACKHOLE, .to = services};
	struct netlink_route local = {NETLINK_LOCAL, services, {0}, NETLINK_LO};
	if (ranges->pods)
		rc = keep_route(socket, &black_pods, "the pods' range", ranges->pods, e);
	if (rc == 0)
		rc = keep_route(socket, &black_services, "the services' range", ranges->services, e);
	if (rc == 0)
		rc = netlink_set_up(socket, "lo", true, e);
	return rc ? rc : keep_route(socket, &local, "the services' range", ranges->services, e);
}

/* ---- the bridge */

/* "troupe n1 /var/lib/troupe": what is too long for an alias is cut. */
void node_network_alias(const char *data_dir, const char *node, char out[NETLINK_ALIAS_MAX + 1])
{
	char *real = realpath(data_dir, NULL);
	snprintf(out, NETLINK_ALIAS_MAX + 1, ALIAS "%s %s", node, real ? real : data_dir);
	free(real);
}

const char *node_network_owner(const char *alias)
{
	const char *dir = strncmp(alias, ALIAS, strlen(ALIAS)) == 0 ? strchr(alias + strlen(ALIAS), ' ') : NULL;
	return dir && strlen(alias) < NETLINK_ALIAS_MAX ? dir + 1 : NULL;
}

/* Whoever made it and does not exist any more will not come back for it. */
static int check_owner(const struct netlink_link *l, const char *alias, struct err *e)
{
	struct stat st;
	const char *dir = node_network_owner(l->alias);
	if (strcmp(l->alias, alias) == 0 || (dir && stat(dir, &st) != 0))
		return 0;
	if (!dir && strncmp(l->alias, ALIAS, strlen(ALIAS)) == 0)
		dir = strchr(l->alias + strlen(ALIAS), ' ') + 1; /* as far as it is there */
	return dir ? err_set(e, ERR_BUSY, "the bridge %s is of the cluster in %s; it goes when that ends, "
					  "or by `ip link delete %s`", l->name, dir, l->name) :
		     err_set(e, ERR_BUSY, "the link %s was not made by a cluster of Troupe", l->name);
}

/* The nodes' addresses could be another link's, as of a network of Docker. */
static int check_between(int socket, struct netlink_prefix nodes, int bridge, struct err *e)
{
	char range[NETLINK_PREFIX_MAX];
	struct netlink_route r;
	struct err why = {0};
	int rc = netlink_find_route(socket, NETLINK_UNICAST, nodes, &r, &why);
	if (rc == ERR_NOT_FOUND || (rc == 0 && r.link == bridge))
		return 0;
	if (rc)
		return err_set(e, rc, "%s", why.text);
	netlink_prefix_format(nodes, range);
	return err_set(e, ERR_BUSY, "the nodes' range %s is routed elsewhere on this machine; set "
					      "another one, like `nodes: {range: 172.29.0.0/16}`", range);
}

int node_network_check(const struct node_network_config *cfg, struct err *e)
{
	char alias[NETLINK_ALIAS_MAX + 1];
	struct node_record own = {0};
	struct err why = {0};
	struct netlink_link l = {0};
	int fd, rc = cfg->subnet ? node_network_pods(cfg->subnet, &own.pods, e) : 0;
	rc = rc ? rc : netlink_prefix_parse(cfg->services ? cfg->services : NODE_NETWORK_SERVICES,
					    &own.services, e);
	if (rc == 0 && cfg->nodes)
		rc = netlink_prefix_parse(cfg->nodes, &own.nodes, e);
	rc = rc ? rc : neighbours_check(cfg->data_dir, &own, e);
	if (rc || (!cfg->subnet && !cfg->nodes))
		return rc;
	rc = netlink_open(&fd, e);
	if (rc)
		return rc;
	node_network_alias(cfg->data_dir, cfg->node, alias);
	if (netlink_find(fd, cfg->bridge ? cfg->bridge : NODE_NETWORK_BRIDGE, &l, NULL) == 0)
		rc = check_owner(&l, alias, &why);
	if (rc)
		err_set(e, rc, "%s, or set another one: %s", why.text,
			cfg->nodes ? "`nodes: {bridge: troupe-nodes1}`" : "`bridge` of the node-agent");
	else if (cfg->nodes)
		rc = check_between(fd, own.nodes, l.index, e);
	close(fd);
	return rc;
}

int node_network_bridge(int socket, const char *name, const char *alias, uint32_t mtu,
			const uint8_t mac[6], struct netlink_link *out, struct err *e)
{
	int rc = netlink_find(socket, name, out, e);
	if (rc == 0)
		rc = check_owner(out, alias, e);
	else if (rc == ERR_NOT_FOUND)
		rc = netlink_add_bridge(socket, name, mtu, mac, e);
	if (rc == 0)
		rc = netlink_set_alias(socket, name, alias, e);
	return rc ? rc : netlink_find(socket, name, out, e);
}

/* Another link that has the same subnet would get what is meant for our pods. */
static int check_subnet(struct node_network *n, const struct netlink_link *bridge, struct err *e)
{
	struct netlink_route r;
	int rc = netlink_find_route(n->socket, NETLINK_UNICAST, n->subnet, &r, e);
	if (rc == ERR_NOT_FOUND || (rc == 0 && r.link == bridge->index))
		return 0;
	return rc ? rc : err_set(e, ERR_BUSY, "the node's subnet, %s, is routed elsewhere on this "
					      "machine", n->range);
}

static int set_up_bridge(struct node_network *n, const char *alias, struct err *e)
{
	struct netlink_link l;
	uint8_t mac[6];
	netlink_mac_of(addresses_gateway(n->addresses).ip, mac);
	int rc = node_network_bridge(n->socket, n->bridge, alias, n->mtu, mac, &l, e);
	if (rc == 0)
		rc = check_subnet(n, &l, e);
	if (rc == 0)
		rc = netlink_add_address(n->socket, n->bridge, addresses_gateway(n->addresses), e);
	return rc ? rc : netlink_set_up(n->socket, n->bridge, true, e);
}

/* ---- links of pods that are gone: none should be, unless something held their
 * namespace */

enum { STALE_MAX = 64 }; /* a round; what is more goes with the next open */

struct sweep {
	struct node_network *n;
	int bridge;
	size_t count;
	char names[STALE_MAX][NETLINK_NAME_MAX + 1];
};

static bool has_ifname(void *arg, const char *uid)
{
	char name[NETLINK_NAME_MAX + 1];
	pod_network_ifname(uid, name);
	return strcmp(name, arg) == 0;
}

static bool note_stale(void *arg, const struct netlink_link *l)
{
	struct sweep *s = arg;
	if (l->master != s->bridge || strcmp(l->kind, "veth") != 0 ||
	    addresses_any(s->n->addresses, has_ifname, (void *)(uintptr_t)l->name))
		return true;
	memcpy(s->names[s->count++], l->name, sizeof l->name);
	return s->count < STALE_MAX;
}

static void sweep_links(struct node_network *n)
{
	struct sweep s = {.n = n};
	struct netlink_link bridge;
	struct err e = {0};
	if (netlink_find(n->socket, n->bridge, &bridge, &e))
		return;
	s.bridge = bridge.index;
	netlink_links(n->socket, note_stale, &s, &e);
	for (size_t i = 0; i < s.count; i++)
		if (netlink_delete(n->socket, s.names[i], &e) == 0)
			log_info("node", "%s: removed %s of a pod that is gone", n->node, s.names[i]);
}

/* ---- open and close */

void node_network_subnet(const char *node, char out[24])
{
	const char *digits = node + strcspn(node, "0123456789");
	unsigned long number = 0;
	char *rest = NULL;
	if (*digits)
		number = strtoul(digits, &rest, 10);
	if (!*digits || *rest || number < 1 || number > 254) {
		uint32_t h = 2166136261u;
		for (const char *c = node; *c; c++)
			h = (h ^ (uint8_t)*c) * 16777619u;
		number = 1 + h % 254;
	}
	snprintf(out, 24, "10.244.%lu.0/24", number);
}

int node_network_pods(const char *subnet, struct netlink_prefix *out, struct err *e)
{
	struct netlink_prefix usual, own;
	int rc = netlink_prefix_parse(NODE_NETWORK_PODS, &usual, e);
	rc = rc ? rc : netlink_prefix_parse(subnet ? subnet : NODE_NETWORK_PODS, &own, e);
	if (rc)
		return rc;
	own.bits = own.bits < usual.bits ? own.bits : usual.bits;
	*out = netlink_prefix_network(own);
	return 0;
}

bool node_network_bridge_named(const char *name)
{
	return *name && strlen(name) <= NETLINK_NAME_MAX && !strpbrk(name, "/ :");
}

static int read_config(struct node_network *n, const struct node_network_config *cfg,
		       struct err *e)
{
	const char *bridge = cfg->bridge ? cfg->bridge : NODE_NETWORK_BRIDGE;
	if (!node_network_bridge_named(bridge))
		return err_set(e, ERR_INVALID, "'%s' is no name of a bridge", bridge);
	snprintf(n->bridge, sizeof n->bridge, "%s", bridge);
	int rc = netlink_prefix_parse(cfg->services ? cfg->services : NODE_NETWORK_SERVICES,
				      &n->services, e);
	if (rc || !cfg->subnet)
		return rc;
	rc = netlink_prefix_parse(cfg->subnet, &n->subnet, e);
	return rc ? rc : node_network_pods(cfg->subnet, &n->pods, e);
}

/* What pods of the built-in network need. */
static int open_pods(struct node_network *n, const struct node_network_config *cfg,
		     const char *alias, struct err *e)
{
	int rc = addresses_open(&n->addresses, cfg->data_dir, cfg->pods_dir, n->subnet, e);
	if (rc)
		return rc;
	struct netlink_prefix gateway = addresses_gateway(n->addresses);
	inet_ntop(AF_INET, &gateway.ip, n->gateway, sizeof n->gateway);
	netlink_prefix_format(netlink_prefix_network(gateway), n->range);
	rc = set_up_bridge(n, alias, e);
	if (rc == 0)
		sweep_links(n);
	return rc;
}

static int open_network(struct node_network *n, const struct node_network_config *cfg,
			struct err *e)
{
	char alias[NETLINK_ALIAS_MAX + 1], pods[NETLINK_PREFIX_MAX];
	struct node_ranges ranges = {NULL, cfg->services ? cfg->services : NODE_NETWORK_SERVICES};
	int rc = read_config(n, cfg, e);
	if (rc)
		return rc;
	if (cfg->subnet) {
		netlink_prefix_format(n->pods, pods);
		ranges.pods = pods;
	}
	node_network_alias(cfg->data_dir, cfg->node, alias);
	rc = node_record_write(cfg->data_dir, &(struct node_record){
		.node = cfg->node, .bridge = n->bridge, .alias = alias, .pods = n->pods,
		.services = n->services}, e);
	if (rc == 0)
		rc = enter_once(n, cfg->namespace, e);
	if (rc == 0)
		rc = node_network_routes(n->socket, &ranges, e);
	return rc || !cfg->subnet ? rc : open_pods(n, cfg, alias, e);
}

int node_network_open(struct node_network **out, const struct node_network_config *cfg,
		      struct err *e)
{
	struct node_network *n = mem_alloc(sizeof *n);
	n->socket = -1;
	n->node = mem_dup(cfg->node);
	n->namespace = cfg->namespace ? mem_dup(cfg->namespace) : NULL;
	n->mtu = cfg->mtu;
	int rc = open_network(n, cfg, e);
	if (rc)
		node_network_close(n);
	else
		*out = n;
	return rc;
}

void node_network_close(struct node_network *n)
{
	if (!n)
		return;
	if (n->socket >= 0)
		close(n->socket);
	addresses_close(n->addresses);
	free(n->node);
	free(n->namespace);
	free(n);
}

/* ---- pods */

int node_network_take(struct node_network *n, const char *uid, struct node_network_pod *out,
		      struct err *e)
{
	struct in_addr ip;
	if (!n->addresses)
		return err_set(e, ERR_UNSUPPORTED, "this node gives no addresses");
	int rc = addresses_take(n->addresses, uid, &ip, e);
	if (rc)
		return rc;
	inet_ntop(AF_INET, &ip, out->ip, sizeof out->ip);
	snprintf(out->address, sizeof out->address, "%s/%u", out->ip, n->subnet.bits);
	snprintf(out->gateway, sizeof out->gateway, "%s", n->gateway);
	pod_network_ifname(uid, out->host_ifname);
	out->network = (struct pod_network){n->bridge, out->host_ifname, out->address,
					    out->gateway, n->namespace, n->mtu};
	return 0;
}

const char *node_network_namespace(const struct node_network *n)
{
	return n->namespace;
}

/* A socket is in the namespace where it was made, for good. */
int node_network_hold(const struct node_network *n, int *fd, struct err *e)
{
	*fd = ioctl(n->socket, SIOCGSKNS);
	return *fd >= 0 ? 0 : err_set(e, ERR_IO, "the network namespace of node %s: %m", n->node);
}

void node_network_move(struct node_network *n, const char *namespace)
{
	free(n->namespace);
	n->namespace = mem_dup(namespace);
}

void node_network_put_host(const struct node_network *n, struct buf *b)
{
	mpw_map(b, n->namespace ? 2 : 1);
	mpw_kv_bool(b, "host", true);
	if (n->namespace)
		mpw_kv_str(b, "namespace", n->namespace);
}

void node_network_give_back(struct node_network *n, const char *uid)
{
	if (n->addresses)
		addresses_free(n->addresses, uid);
}

const char *node_network_gateway(const struct node_network *n)
{
	return n->gateway;
}

const char *node_network_range(const struct node_network *n)
{
	return n->range;
}

/* ---- the end of a cluster */

struct removal {
	int socket;
	const char *data_dir;
};

struct ports {
	int bridge;
	size_t count;
	char names[STALE_MAX][NETLINK_NAME_MAX + 1];
};

static bool note_port(void *arg, const struct netlink_link *l)
{
	struct ports *p = arg;
	if (l->master == p->bridge && strcmp(l->kind, "veth") == 0)
		memcpy(p->names[p->count++], l->name, sizeof l->name);
	return p->count < STALE_MAX;
}

/* Its ports go with their other ends' namespaces, but the kernel takes its time. */
static void remove_bridge(struct removal *x, const struct node_record *r)
{
	struct netlink_link l;
	struct err e = {0};
	struct ports p;
	if (netlink_find(x->socket, r->bridge, &l, &e) || strcmp(l.alias, r->alias) != 0)
		return;
	do {
		p.bridge = l.index;
		p.count = 0;
		netlink_links(x->socket, note_port, &p, &e);
		for (size_t i = 0; i < p.count; i++)
			netlink_delete(x->socket, p.names[i], NULL);
	} while (p.count == STALE_MAX);
	if (netlink_delete(x->socket, r->bridge, &e))
		log_warn("node", "%s: %s", r->node, e.text);
}

static void remove_one(void *arg, const struct node_record *r)
{
	struct removal *x = arg;
	struct netlink_route all[] = {
		{NETLINK_LOCAL, r->services, {0}, NETLINK_LO},
		{.kind = NETLINK_BLACKHOLE, .to = r->services},
		{.kind = NETLINK_BLACKHOLE, .to = r->pods}, /* 0 bits: there is none */
	};
	struct err e = {0};
	remove_bridge(x, r);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int rc = all[i].to.bits ? netlink_delete_route(x->socket, &all[i], &e) : 0;
		if (rc && rc != ERR_NOT_FOUND)
			log_warn("node", "%s: %s", r->node, e.text);
	}
	node_record_remove(x->data_dir, r->node);
}

static void note_made(void *arg, const struct node_record *r)
{
	(void)r;
	*(bool *)arg = true;
}

bool node_network_made(const char *data_dir)
{
	bool made = false;
	node_record_each(data_dir, note_made, &made);
	return made;
}

void node_network_remove(const char *data_dir)
{
	struct removal x = {-1, data_dir};
	struct err e = {0};
	if (netlink_open(&x.socket, &e)) {
		log_warn("node", "%s", e.text);
		return;
	}
	node_record_each(data_dir, remove_one, &x);
	close(x.socket);
}
