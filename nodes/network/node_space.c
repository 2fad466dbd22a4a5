#include "nodes/network/node_space.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mp.h"
#include "nodes/launcher/launcher.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_record.h"
#include "nodes/pause/sandbox.h"
#include "nodes/pause_link.h"

#define NODE_LINK "eth0"
#define MACHINE "~machine" /* no node's name */

enum { END_MS = 5000 };

static void dir_of(const char *data_dir, const char *node, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/spaces%s%s", data_dir, *node ? "/" : "", node);
}

/* ---- who holds it */

/* `arg`: the signal, an int. */
static int end_pause(void *arg, const struct pause_found *f)
{
	int fd = f->alive ? pidfd_open(f->pid, 0) : -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return 0;
	/* Asked again: the number may be another's by the time of the open. */
	if (pause_alive(f->dir, NULL)) {
		pidfd_send_signal(fd, SIGCONT, NULL, 0);
		pidfd_send_signal(fd, *(const int *)arg, NULL, 0);
		if (poll(&p, 1, END_MS) == 0)
			log_warn("node", "the pause of %s does not end", f->uid);
	}
	close(fd);
	return 0;
}

/* `namespace`: the one that it shall be in; NULL: one of its own. */
static int write_sandbox(const char *dir, const char *namespace, struct err *e)
{
	char path[PATH_MAX + 16];
	struct buf b = {0};
	snprintf(path, sizeof path, "%s/" SANDBOX_FILE, dir);
	mpw_map(&b, 2);
	mpw_str(&b, "runtime");
	mpw_array(&b, 1);
	mpw_bin(&b, span_of("/none"));
	mpw_str(&b, "network");
	mpw_map(&b, namespace ? 2 : 0);
	if (namespace) {
		mpw_kv_bool(&b, "host", true);
		mpw_kv_str(&b, "namespace", namespace);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, b.data, b.len) == (ssize_t)b.len;
	if (fd >= 0)
		close(fd);
	buf_fini(&b);
	return good ? 0 : err_set(e, ERR_IO, "%s: %m", path);
}

static int await_answer(int fd, struct launcher_answer *a, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int rc;
	while ((rc = launcher_answer(fd, a)) == ERR_AGAIN)
		if (poll(&p, 1, LAUNCHER_START_MS_MAX) == 0)
			return err_set(e, ERR_TIMEOUT, "the launcher does not answer");
	if (rc)
		return err_set(e, rc, "the launcher is gone");
	return a->code ? err_set(e, a->code, "%s", a->text) : 0;
}

static int start_holder(const char *data_dir, const char *node, const char *namespace, struct err *e)
{
	char all[PATH_MAX], dir[PATH_MAX];
	struct launcher_answer a;
	int fd = -1;
	dir_of(data_dir, "", all);
	dir_of(data_dir, node, dir);
	mkdir(all, 0700);
	mkdir(dir, 0700);
	int rc = write_sandbox(dir, namespace, e);
	rc = rc ? rc : launcher_connect(data_dir, &fd, e);
	if (rc)
		return rc;
	rc = launcher_ask(fd, span_of(node), dir);
	rc = rc ? err_set(e, rc, "the launcher: %s", err_text(rc)) : await_answer(fd, &a, e);
	close(fd);
	return rc ? err_wrap(e, rc, "the namespace of node %s", node) : 0;
}

int node_space_find(const char *data_dir, const char *node, char path[NODE_SPACE_PATH_MAX],
		    struct err *e)
{
	char dir[PATH_MAX];
	pid_t pid;
	dir_of(data_dir, node, dir);
	if (!pause_alive(dir, &pid))
		return err_set(e, ERR_NOT_FOUND, "node %s has no network namespace yet", node);
	snprintf(path, NODE_SPACE_PATH_MAX, "/proc/%d/ns/net", (int)pid);
	return 0;
}

int node_space_hold(const char *data_dir, const char *node, int fd, char path[NODE_SPACE_PATH_MAX],
		    struct err *e)
{
	char here[NODE_SPACE_PATH_MAX];
	snprintf(here, sizeof here, "/proc/%d/fd/%d", (int)getpid(), fd);
	int rc = start_holder(data_dir, node, here, e);
	return rc ? rc : node_space_find(data_dir, node, path, e);
}

/* ---- the net between them */

static int add_peers(int socket, const struct node_space_config *cfg, int link, bool own,
		     struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < cfg->peer_count && rc == 0; i++) {
		struct netlink_route r = {.link = link};
		if (!*cfg->peers[i].subnet)
			continue;
		if (!own && strcmp(cfg->peers[i].address, cfg->address) == 0)
			continue;
		rc = netlink_prefix_parse(cfg->peers[i].subnet, &r.to, e);
		if (rc == 0 && inet_pton(AF_INET, cfg->peers[i].address, &r.gateway) != 1)
			rc = err_set(e, ERR_INVALID, "'%s' is no address of a node",
				     cfg->peers[i].address);
		if (rc == 0)
			rc = netlink_put_route(socket, &r, e);
	}
	return rc;
}

struct in_addr node_space_machine(struct netlink_prefix range)
{
	uint32_t first = ntohl(netlink_prefix_network(range).ip.s_addr);
	return (struct in_addr){htonl((first | UINT32_MAX >> range.bits) - 1)};
}

static const char *range_of(const struct node_space_config *cfg)
{
	return cfg->range ? cfg->range : NODE_SPACE_RANGE;
}

static const char *bridge_of(const struct node_space_config *cfg)
{
	return cfg->bridge ? cfg->bridge : NODE_SPACE_BRIDGE;
}

static int open_machine(int machine, const struct node_space_config *cfg,
			struct netlink_link *bridge, struct err *e)
{
	char alias[NETLINK_ALIAS_MAX + 1], pods[NETLINK_PREFIX_MAX];
	struct node_ranges ranges = {pods, cfg->services ? cfg->services : NODE_NETWORK_SERVICES};
	const char *first = cfg->peer_count && *cfg->peers[0].subnet ? cfg->peers[0].subnet : NULL;
	struct node_record record = {.node = MACHINE, .bridge = bridge_of(cfg), .alias = alias};
	struct netlink_prefix address;
	uint8_t mac[6];
	node_network_alias(cfg->data_dir, MACHINE, alias);
	int rc = netlink_prefix_parse(range_of(cfg), &record.nodes, e);
	address = (struct netlink_prefix){node_space_machine(record.nodes), record.nodes.bits};
	netlink_mac_of(address.ip, mac);
	rc = rc ? rc : node_network_pods(first, &record.pods, e);
	if (rc == 0)
		netlink_prefix_format(record.pods, pods);
	rc = rc ? rc : netlink_prefix_parse(ranges.services, &record.services, e);
	rc = rc ? rc : node_record_write(cfg->data_dir, &record, e);
	rc = rc ? rc : node_network_routes(machine, &ranges, e);
	rc = rc ? rc : node_network_bridge(machine, record.bridge, alias, 0, mac, bridge, e);
	rc = rc ? rc : netlink_add_address(machine, record.bridge, address, e);
	rc = rc ? rc : netlink_set_up(machine, record.bridge, true, e);
	return rc ? rc : add_peers(machine, cfg, bridge->index, true, e);
}

/* "tn" and eight digits of the node's name and its bridge's: another cluster may have a node of
 * the same name. */
static void port_name(const struct node_space_config *cfg, char out[NETLINK_NAME_MAX + 1])
{
	char name[PATH_MAX];
	snprintf(name, sizeof name, "%s %s", bridge_of(cfg), cfg->node);
	pod_network_ifname(name, out);
	memmove(out + 2, out + 4, strlen(out + 4) + 1);
	memcpy(out, "tn", 2);
}

static int add_port(int machine, int node, const struct node_space_config *cfg,
		    const char *path, int bridge, struct err *e)
{
	char name[NETLINK_NAME_MAX + 1];
	struct netlink_link l;
	struct in_addr address;
	uint8_t mac[6];
	int rc = netlink_find(node, NODE_LINK, &l, e);
	if (rc != ERR_NOT_FOUND)
		return rc;
	if (inet_pton(AF_INET, cfg->address, &address) != 1)
		return err_set(e, ERR_INVALID, "'%s' is no address of a node", cfg->address);
	netlink_mac_of(address, mac); /* the same when it is made again: others remember it */
	port_name(cfg, name);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0)
		return err_set(e, ERR_IO, "%s: %m", path);
	struct netlink_pair p = {.name = name, .peer = NODE_LINK, .peer_namespace = there,
				 .master = bridge, .peer_mac = mac};
	rc = netlink_add_pair(machine, &p, e);
	if (rc == ERR_EXISTS) { /* of a holder that died; its namespace may still be going */
		netlink_delete(machine, name, NULL);
		rc = netlink_add_pair(machine, &p, e);
	}
	close(there);
	return rc;
}

static int open_node(int node, const struct node_space_config *cfg, struct err *e)
{
	struct netlink_prefix address;
	struct netlink_link l;
	int rc = netlink_prefix_parse(range_of(cfg), &address, e);
	if (rc == 0 && inet_pton(AF_INET, cfg->address, &address.ip) != 1)
		rc = err_set(e, ERR_INVALID, "'%s' is no address of a node", cfg->address);
	rc = rc ? rc : netlink_add_address(node, NODE_LINK, address, e);
	rc = rc ? rc : netlink_set_up(node, NODE_LINK, true, e);
	rc = rc ? rc : netlink_find(node, NODE_LINK, &l, e);
	return rc ? rc : add_peers(node, cfg, l.index, false, e);
}

static int connect_space(const struct node_space_config *cfg, const char *path, struct err *e)
{
	struct node_visit v;
	struct netlink_link bridge;
	int machine = -1, node = -1;
	int rc = netlink_open(&machine, e);
	rc = rc ? rc : open_machine(machine, cfg, &bridge, e);
	rc = rc ? rc : node_visit_begin(&v, path, e);
	if (rc == 0) {
		rc = netlink_open(&node, e);
		node_visit_end(&v);
	}
	rc = rc ? rc : add_port(machine, node, cfg, path, bridge.index, e);
	rc = rc ? rc : open_node(node, cfg, e);
	if (machine >= 0)
		close(machine);
	if (node >= 0)
		close(node);
	return rc;
}

int node_space_open(const struct node_space_config *cfg, char path[NODE_SPACE_PATH_MAX],
		    struct err *e)
{
	int rc = node_space_find(cfg->data_dir, cfg->node, path, e);
	if (rc) {
		rc = start_holder(cfg->data_dir, cfg->node, NULL, e);
		rc = rc ? rc : node_space_find(cfg->data_dir, cfg->node, path, e);
		if (rc == 0 && cfg->pods_dir)
			pause_find(cfg->pods_dir, end_pause, &(int){SIGQUIT}, NULL);
	}
	return rc ? rc : connect_space(cfg, path, e);
}

int node_space_check(const struct node_space_config *cfg, const char *subnet, struct err *e)
{
	struct node_network_config c = {.data_dir = cfg->data_dir, .node = MACHINE, .subnet = subnet,
					.services = cfg->services, .bridge = bridge_of(cfg),
					.nodes = range_of(cfg)};
	return node_network_check(&c, e);
}

int node_space_claim(const struct node_space_config *cfg, struct err *e)
{
	struct netlink_link bridge;
	int machine, rc = netlink_open(&machine, e);
	if (rc)
		return rc;
	rc = open_machine(machine, cfg, &bridge, e);
	close(machine);
	return rc;
}

/* ---- the end */

void node_space_remove(const char *data_dir)
{
	char dir[PATH_MAX];
	dir_of(data_dir, "", dir);
	pause_find(dir, end_pause, &(int){SIGTERM}, NULL);
}
