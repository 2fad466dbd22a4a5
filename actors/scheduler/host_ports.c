#include "actors/scheduler/host_ports.h"

#include <stdlib.h>

#include "broker/base/mem.h"

static bool same(const struct host_port *a, const struct host_port *b)
{
	return a->port == b->port && strcmp(a->protocol, b->protocol) == 0 &&
	       strcmp(a->ip, b->ip) == 0;
}

static bool is_every(const char *ip)
{
	return strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
}

static bool in_the_way(const struct host_port *a, const struct host_port *b)
{
	return a->port == b->port && strcmp(a->protocol, b->protocol) == 0 &&
	       (is_every(a->ip) || is_every(b->ip) || strcmp(a->ip, b->ip) == 0);
}

static void add_one(struct host_ports *h, const struct host_port *p)
{
	for (size_t i = 0; i < h->count; i++)
		if (same(&h->all[i], p)) {
			h->all[i].takers += p->takers;
			return;
		}
	if (h->count == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 4;
		h->all = mem_realloc(h->all, h->cap * sizeof *h->all);
	}
	h->all[h->count++] = *p;
}

/* ---- of a pod */

static void read_port(struct host_ports *h, struct mp port)
{
	struct host_port p = {.takers = 1};
	int64_t number = mp_path_int(port, "hostPort", 0);
	struct span ip = mp_path_str(port, "hostIP"), protocol = mp_path_str(port, "protocol");
	if (number < 1 || number > 65535 || h->count == HOST_PORTS_MAX)
		return;
	p.port = (uint16_t)number;
	span_text(p.ip, sizeof p.ip, ip.len ? ip : span_of("0.0.0.0"));
	span_text(p.protocol, sizeof p.protocol, protocol.len ? protocol : span_of("TCP"));
	for (size_t i = 0; i < h->count; i++)
		if (same(&h->all[i], &p))
			return; /* twice in one pod is once on its node */
	add_one(h, &p);
}

static void read_containers(struct host_ports *h, struct mp pod, const char *path, bool staying)
{
	struct mp list, ports;
	size_t n, count;
	if (!mp_path(pod, path, &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--, mp_skip(&list)) {
		if (staying && !span_is(mp_path_str(list, "restartPolicy"), "Always"))
			continue;
		if (!mp_find(list, "ports", &ports) || mp_array(&ports, &count))
			continue;
		for (; count > 0; count--, mp_skip(&ports))
			read_port(h, ports);
	}
}

void host_ports_read(struct host_ports *h, struct mp pod)
{
	read_containers(h, pod, "spec.containers", false);
	read_containers(h, pod, "spec.initContainers", true);
}

/* ---- of a node */

bool host_ports_conflict(const struct host_ports *node, const struct host_ports *pod)
{
	for (size_t i = 0; i < pod->count; i++)
		for (size_t k = 0; k < node->count; k++)
			if (in_the_way(&pod->all[i], &node->all[k]))
				return true;
	return false;
}

void host_ports_add(struct host_ports *node, const struct host_ports *pod)
{
	for (size_t i = 0; i < pod->count; i++)
		add_one(node, &pod->all[i]);
}

void host_ports_remove(struct host_ports *node, const struct host_ports *pod)
{
	for (size_t i = 0; i < pod->count; i++)
		for (size_t k = 0; k < node->count; k++) {
			if (!same(&node->all[k], &pod->all[i]))
				continue;
			if (--node->all[k].takers == 0)
				node->all[k] = node->all[--node->count];
			break;
		}
}

void host_ports_fini(struct host_ports *h)
{
	free(h->all);
	*h = (struct host_ports){0};
}
