#include "nodes/oci/oci_network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/omap.h"
#include "nodes/launcher/launcher.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_space.h"
#include "nodes/network/pod_cni.h"
#include "nodes/network/pod_names.h"
#include "nodes/network/port_map.h"
#include "nodes/oci/oci_cni.h"
#include "nodes/port_body.h"

enum { PEERS_MAX = 4096, FILE_BYTES_MAX = 64 * 1024, DNS_HOST = 10 };

struct oci_network {
	struct node_network *node;
	struct oci_cni *cni; /* NULL: the built-in one */
	char *pods_dir, *pause;
	char *data_dir, *name; /* of the node, where it has a namespace of its own; else NULL */
	struct omap undoing; /* uid -> struct undo */
	struct port_map *ports;
	char address[OCI_NETWORK_IP_MAX]; /* the node's, and so of pods on its network */
	char dns[INET_ADDRSTRLEN];        /* the tenth of the services' addresses */
};

struct undo {
	pid_t pid;
};

/* ---- the node */

static size_t read_peers(struct arena *a, struct mp cfg, struct node_peer **out)
{
	struct mp list;
	struct span subnet, address;
	size_t n = 0, two, count = 0;
	if (!mp_find(cfg, "peers", &list) || mp_array(&list, &n) || n > PEERS_MAX)
		return 0;
	*out = arena_alloc(a, n * sizeof **out);
	while (count < n && mp_array(&list, &two) == 0 && two == 2 && mp_str(&list, &subnet) == 0 &&
	       mp_str(&list, &address) == 0)
		(*out)[count++] = (struct node_peer){arena_ndup(a, subnet.data, subnet.len),
						     arena_ndup(a, address.data, address.len)};
	return count;
}

static int read_services(struct oci_network *n, const char *text, struct netlink_prefix *out,
			 struct err *e)
{
	int rc = netlink_prefix_parse(text, out, e);
	if (rc)
		return rc;
	struct in_addr dns = {htonl(ntohl(netlink_prefix_network(*out).ip.s_addr) + DNS_HOST)};
	inet_ntop(AF_INET, &dns, n->dns, sizeof n->dns);
	return 0;
}

/* In a namespace of the node's own where others are on the machine. */
static int open_node(struct oci_network *n, struct arena *a, const char *data_dir,
		     const char *node, const char *pods_dir, struct mp cfg, struct err *e)
{
	struct node_peer *peers = NULL;
	struct netlink_prefix services;
	char own[24], path[NODE_SPACE_PATH_MAX];
	const char *subnet = body_text(a, cfg, "subnet"), *range = body_text(a, cfg, "services");
	const char *address = body_text(a, cfg, "address"), *between = body_text(a, cfg, "nodes-range");
	const char *nodes_bridge = body_text(a, cfg, "nodes-bridge");
	node_network_subnet(node, own);
	struct node_space_config space = {
		.data_dir = data_dir,
		.node = node,
		.address = address,
		.pods_dir = pods_dir,
		.services = *range ? range : NODE_NETWORK_SERVICES,
		.range = *between ? between : NULL,
		.bridge = *nodes_bridge ? nodes_bridge : NULL,
		.peer_count = read_peers(a, cfg, &peers),
	};
	space.peers = peers;
	struct node_network_config c = {
		.data_dir = data_dir,
		.node = node,
		.pods_dir = pods_dir,
		.subnet = n->cni ? NULL : *subnet ? subnet : own,
		.services = space.services,
	};
	const char *bridge = body_text(a, cfg, "bridge");
	if (*bridge && !space.peer_count)
		c.bridge = bridge;
	snprintf(n->address, sizeof n->address, "%s", *address ? address : "127.0.0.1");
	int rc = read_services(n, space.services, &services, e);
	if (rc == 0 && space.peer_count) {
		rc = node_space_open(&space, path, e);
		c.namespace = path;
		n->data_dir = mem_dup(data_dir);
		n->name = mem_dup(node);
	}
	rc = rc ? rc : node_network_open(&n->node, &c, e);
	if (rc == 0)
		n->ports = port_map_new(c.namespace, services);
	return rc;
}

int oci_network_open(struct oci_network **out, const char *data_dir, const char *node,
		     const char *pods_dir, struct mp cfg, struct err *e)
{
	struct oci_network *n = mem_alloc(sizeof *n);
	struct arena a = {0};
	const char *cni = body_text(&a, cfg, "cni"), *bin = body_text(&a, cfg, "cni-bin");
	n->pods_dir = mem_dup(pods_dir);
	char pause[PATH_MAX];
	snprintf(pause, sizeof pause, "%s/" LAUNCHER_PAUSE, data_dir);
	n->pause = mem_dup(pause);
	int rc = *cni ? oci_cni_open(&n->cni, cni, *bin ? bin : NULL, e) : 0;
	rc = rc ? rc : open_node(n, &a, data_dir, node, pods_dir, cfg, e);
	arena_fini(&a);
	if (rc)
		oci_network_close(n);
	else
		*out = n;
	return rc;
}

void oci_network_close(struct oci_network *n)
{
	if (!n)
		return;
	port_map_free(n->ports);
	node_network_close(n->node);
	oci_cni_close(n->cni);
	omap_fini(&n->undoing, free);
	free(n->pods_dir);
	free(n->pause);
	free(n->data_dir);
	free(n->name);
	free(n);
}

/* ---- a pod's files */

static struct span read_file(struct arena *a, const char *path)
{
	char *text = arena_alloc(a, FILE_BYTES_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, FILE_BYTES_MAX) : -1;
	if (fd >= 0)
		close(fd);
	return (struct span){(uint8_t *)text, n > 0 ? (size_t)n : 0};
}

/* In place: containers have it by a mount of the file itself. */
static int write_file(const char *dir, const char *name, struct span text, struct err *e)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/etc/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good = fd >= 0 && fchmod(fd, 0644) == 0 &&
		    write(fd, text.data, text.len) == (ssize_t)text.len;
	int why = errno;
	if (fd >= 0)
		close(fd);
	return good ? 0 : err_set(e, ERR_IO, "%s: %s", path, strerror(why));
}

static struct pod_names_facts facts_of(const struct oci_network *n, struct arena *a,
				       const char *const *ips)
{
	return (struct pod_names_facts){
		.cluster_dns = n->dns,
		.pod_ips = ips,
		.machine_hosts = read_file(a, "/etc/hosts"),
		.machine_resolv = read_file(a, "/etc/resolv.conf"),
	};
}

static int write_files(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
		       struct oci_network_made *out, struct err *e)
{
	char path[PATH_MAX], machine[HOST_NAME_MAX + 1] = "";
	struct pod_hostname h;
	struct pod_names_facts f = facts_of(n, a, NULL);
	int rc = pod_hostname(a, p->pod, &f, &h, e);
	if (rc)
		return rc;
	gethostname(machine, sizeof machine - 1);
	out->hostname = pod_host_network(p->pod) ? arena_dup(a, machine) : h.kernel;
	struct pod_resolv resolv = pod_resolv_conf(a, p->pod, &f);
	memcpy(out->warnings, resolv.warnings, sizeof out->warnings);
	out->warning_count = resolv.warning_count;
	snprintf(path, sizeof path, "%s/etc", p->dir);
	mkdir(path, 0755);
	chmod(path, 0755);
	rc = write_file(p->dir, "hostname", span_of(arena_printf(a, "%s\n", out->hostname)), e);
	return rc ? rc : write_file(p->dir, "resolv.conf", resolv.text, e);
}

int oci_network_hosts(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
		      struct err *e)
{
	char ip[OCI_NETWORK_IP_MAX];
	const char *const ips[] = {ip, NULL};
	struct pod_hostname h;
	struct pod_names_facts f = facts_of(n, a, ips);
	oci_network_address(n, p->uid, pod_host_network(p->pod), ip);
	int rc = pod_hostname(a, p->pod, &f, &h, e);
	return rc ? rc : write_file(p->dir, "hosts", pod_hosts(a, p->pod, &f, &h), e);
}

/* ---- pods */

static int put_cni(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
		   struct buf *b, struct err *e)
{
	const char *namespace = node_network_namespace(n->node);
	size_t at = mpw_map_open(b);
	if (namespace)
		mpw_kv_str(b, "namespace", namespace);
	int rc = oci_cni_put(n->cni, a, p->pod, p->uid, b, e);
	mpw_map_close(b, at, (namespace ? 1 : 0) + (rc ? 0 : 1));
	return rc;
}

static int put_own(struct oci_network *n, const struct oci_network_pod *p, struct buf *b,
		   struct err *e)
{
	struct node_network_pod x;
	int rc = node_network_take(n->node, p->uid, &x, e);
	rc = rc ? rc : port_map_add(n->ports, p->uid, p->pod, x.ip, e);
	if (rc)
		mpw_nil(b);
	else
		pod_network_write(b, &x.network);
	return rc;
}

/* Pods are started in the node's namespace by the path of its holder, which may have been killed. */
static int keep_space(struct oci_network *n, struct err *e)
{
	char path[NODE_SPACE_PATH_MAX];
	int fd;
	if (!n->name || node_space_find(n->data_dir, n->name, path, NULL) == 0)
		return 0;
	int rc = node_network_hold(n->node, &fd, e);
	if (rc)
		return rc;
	rc = node_space_hold(n->data_dir, n->name, fd, path, e);
	close(fd);
	if (rc)
		return rc;
	log_warn("node", "%s: who held its network namespace was killed; another one does now", n->name);
	node_network_move(n->node, path);
	port_map_move(n->ports, path);
	return 0;
}

int oci_network_prepare(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
			struct buf *b, struct oci_network_made *out, struct err *e)
{
	*out = (struct oci_network_made){.hostname = ""};
	int rc = keep_space(n, e);
	rc = rc ? rc : write_files(n, a, p, out, e);
	if (rc) {
		mpw_nil(b);
		return rc;
	}
	if (!pod_host_network(p->pod))
		return n->cni ? put_cni(n, a, p, b, e) : put_own(n, p, b, e);
	node_network_put_host(n->node, b);
	return 0;
}

void oci_network_adopt(struct oci_network *n, const struct oci_network_pod *p)
{
	struct node_network_pod x;
	struct err e = {0};
	if (pod_host_network(p->pod) || n->cni)
		return;
	int rc = node_network_take(n->node, p->uid, &x, &e);
	rc = rc ? rc : port_map_add(n->ports, p->uid, p->pod, x.ip, &e);
	if (rc)
		log_warn("node", "pod %s: %s", p->uid, e.text);
}

/* A pause that could not run the plugins at its end has left their result: its
 * program is run for that, and its end awaited by asking. */
static bool start_undo(struct oci_network *n, const char *uid, const char *dir)
{
	char *argv[] = {n->pause, (char *)(uintptr_t)uid, (char *)(uintptr_t)"--undo", NULL};
	posix_spawn_file_actions_t acts;
	pid_t pid;
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_addchdir_np(&acts, dir);
	int rc = posix_spawn(&pid, n->pause, &acts, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&acts);
	if (rc) {
		log_warn("node", "pod %s: what its network has is not given back: %s", uid, strerror(rc));
		return false;
	}
	struct undo *u = mem_alloc(sizeof *u);
	u->pid = pid;
	omap_put(&n->undoing, span_of(uid), u);
	return true;
}

bool oci_network_down(struct oci_network *n, const char *uid)
{
	char dir[PATH_MAX], result[PATH_MAX + 16];
	struct undo *u = omap_get(&n->undoing, span_of(uid));
	port_map_remove(n->ports, uid);
	if (u) {
		if (waitpid(u->pid, NULL, WNOHANG) == 0)
			return false;
		free(omap_remove(&n->undoing, span_of(uid)));
	}
	snprintf(dir, sizeof dir, "%s/%s", n->pods_dir, uid);
	snprintf(result, sizeof result, "%s/" POD_CNI_RESULT, dir);
	if (u || !n->cni || access(result, F_OK) != 0)
		return true;
	return !start_undo(n, uid, dir);
}

void oci_network_forget(struct oci_network *n, const char *uid)
{
	port_map_remove(n->ports, uid);
	node_network_give_back(n->node, uid);
}

void oci_network_address(struct oci_network *n, const char *uid, bool on_host,
			 char out[OCI_NETWORK_IP_MAX])
{
	struct node_network_pod x;
	char dir[PATH_MAX];
	snprintf(out, OCI_NETWORK_IP_MAX, "%s", n->address);
	if (on_host)
		return;
	snprintf(dir, sizeof dir, "%s/%s", n->pods_dir, uid);
	if (n->cni)
		oci_cni_address(dir, out, OCI_NETWORK_IP_MAX);
	else if (node_network_take(n->node, uid, &x, NULL) == 0)
		snprintf(out, OCI_NETWORK_IP_MAX, "%s", x.ip);
}
