/* Two sockets: the node's makes the pair, its far end born in the pod's
 * namespace; the pod's gives that end its address and routes. */
#include "nodes/network/pod_network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "nodes/network/pod_cni.h"

#define POD_LINK "eth0"
#define OWN_NAMESPACE "/proc/thread-self/ns/net"

/* ---- the map */

void pod_network_ifname(const char *uid, char out[NETLINK_NAME_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t h = 2166136261u;
	for (; *uid; uid++)
		h = (h ^ (uint8_t)*uid) * 16777619u;
	memcpy(out, "veth", 4);
	for (int i = 0; i < 8; i++)
		out[4 + i] = digits[h >> (28 - 4 * i) & 15];
	out[12] = 0;
}

void pod_network_write(struct buf *b, const struct pod_network *n)
{
	mpw_map(b, n->namespace ? 6 : 5);
	if (n->namespace)
		mpw_kv_str(b, "namespace", n->namespace);
	mpw_kv_str(b, "bridge", n->bridge);
	mpw_kv_str(b, "host_ifname", n->host_ifname);
	mpw_kv_str(b, "address", n->address);
	mpw_kv_str(b, "gateway", n->gateway);
	mpw_kv_u64(b, "mtu", n->mtu);
}

struct wanted {
	char bridge[NETLINK_NAME_MAX + 1], host[NETLINK_NAME_MAX + 1];
	struct netlink_prefix address;
	struct in_addr gateway;
	uint32_t mtu;
};

static int read_name(struct mp m, const char *key, char out[NETLINK_NAME_MAX + 1], struct err *e)
{
	struct span s = mp_path_str(m, key);
	if (!s.len || s.len > NETLINK_NAME_MAX || memchr(s.data, 0, s.len))
		return err_set(e, ERR_INVALID, "network: %s is no name of a link", key);
	span_text(out, NETLINK_NAME_MAX + 1, s);
	return 0;
}

static int read_wanted(struct mp m, struct wanted *w, struct err *e)
{
	char address[32], gateway[INET_ADDRSTRLEN];
	memset(w, 0, sizeof *w);
	span_text(address, sizeof address, mp_path_str(m, "address"));
	span_text(gateway, sizeof gateway, mp_path_str(m, "gateway"));
	w->mtu = (uint32_t)mp_path_int(m, "mtu", 0);
	int rc = read_name(m, "bridge", w->bridge, e);
	if (rc == 0)
		rc = read_name(m, "host_ifname", w->host, e);
	if (rc == 0)
		rc = netlink_prefix_parse(address, &w->address, e);
	if (rc == 0 && inet_pton(AF_INET, gateway, &w->gateway) != 1)
		rc = err_set(e, ERR_INVALID, "network: '%s' is no address of a gateway", gateway);
	return rc;
}

/* ---- making it */

static int add_pair(const struct wanted *w, int node, int pod_namespace, struct err *e)
{
	struct netlink_link bridge;
	uint8_t mac[6];
	int rc = netlink_find(node, w->bridge, &bridge, e);
	if (rc)
		return rc;
	netlink_mac_of(w->address.ip, mac);
	struct netlink_pair p = {
		.name = w->host,
		.peer = POD_LINK,
		.peer_namespace = pod_namespace,
		.master = bridge.index,
		.mtu = w->mtu,
		.peer_mac = mac,
	};
	rc = netlink_add_pair(node, &p, e);
	if (rc != ERR_EXISTS)
		return rc;
	rc = netlink_delete(node, w->host, e);
	return rc && rc != ERR_NOT_FOUND ? rc : netlink_add_pair(node, &p, e);
}

static int set_up_link(const struct wanted *w, int pod, struct err *e)
{
	struct netlink_route out = {.gateway = w->gateway};
	int rc = netlink_set_up(pod, "lo", true, e);
	if (rc == 0)
		rc = netlink_add_address(pod, POD_LINK, w->address, e);
	if (rc == 0)
		rc = netlink_set_up(pod, POD_LINK, true, e);
	if (rc == 0)
		rc = netlink_add_route(pod, &out, e);
	return rc;
}

static int only_lo(struct err *e)
{
	int pod, rc = netlink_open(&pod, e);
	if (rc)
		return rc;
	rc = netlink_set_up(pod, "lo", true, e);
	close(pod);
	return rc;
}

bool pod_network_is_own(struct mp network)
{
	return mp_peek(&network) == MP_MAP && !mp_path_bool(network, "host", false);
}

int pod_network_enter_node(struct mp network, struct pod_network_node *node, struct err *e)
{
	struct mp cni;
	*node = (struct pod_network_node){-1, -1};
	struct span path = mp_path_str(network, "namespace");
	char text[256];
	if (path.len) {
		span_text(text, sizeof text, path);
		int fd = open(text, O_RDONLY | O_CLOEXEC);
		int rc = fd < 0 || setns(fd, CLONE_NEWNET) != 0 ?
				 err_set(e, ERR_IO, "cannot enter the node's network namespace: %s",
					 strerrordesc_np(errno)) : 0;
		if (fd >= 0)
			close(fd);
		if (rc)
			return rc;
	}
	if (mp_find(network, "cni", &cni)) {
		node->namespace = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
		if (node->namespace < 0)
			return err_set(e, ERR_IO, "cannot open " OWN_NAMESPACE);
	}
	return netlink_open(&node->socket, e);
}

void pod_network_leave_node(struct pod_network_node *node)
{
	if (node->socket >= 0)
		close(node->socket);
	if (node->namespace >= 0)
		close(node->namespace);
	*node = (struct pod_network_node){-1, -1};
}

void pod_network_down(struct mp network, const struct pod_network_node *node)
{
	struct mp cni;
	if (mp_find(network, "cni", &cni))
		pod_cni_del(cni, node->namespace, false);
}

void pod_network_undo(struct mp network)
{
	struct pod_network_node node = {-1, -1};
	struct mp cni;
	if (mp_find(network, "cni", &cni) && pod_network_enter_node(network, &node, NULL) == 0)
		pod_cni_del(cni, node.namespace, true);
	pod_network_leave_node(&node);
}

static int up_by_cni(struct mp cni, const struct pod_network_node *node, struct err *e)
{
	int rc = only_lo(e);
	return rc ? rc : pod_cni_add(cni, node->namespace, e);
}

int pod_network_up(struct mp network, const struct pod_network_node *node, struct err *e)
{
	struct wanted w;
	struct mp bridge, cni;
	int pod, own;
	if (mp_find(network, "cni", &cni))
		return up_by_cni(cni, node, e);
	if (!mp_find(network, "bridge", &bridge))
		return only_lo(e);
	int rc = read_wanted(network, &w, e);
	if (rc == 0)
		rc = netlink_open(&pod, e);
	if (rc)
		return rc;
	own = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
	rc = own < 0 ? err_set(e, ERR_IO, "cannot open " OWN_NAMESPACE) :
		       add_pair(&w, node->socket, own, e);
	if (rc == 0)
		rc = set_up_link(&w, pod, e);
	if (own >= 0)
		close(own);
	close(pod);
	return rc;
}
