/* Rows of services, endpoints and endpoint slices, and of what counts pods. */
#include "actors/objects/table_private.h"

enum { ENDPOINTS_SHOWN = 3 };

static void cell_list(struct cells *c, struct buf *b)
{
	if (!b->len)
		buf_puts(b, "<none>");
	cell_buf(c, b);
}

/* ---- replication controllers */

void print_replicationcontroller(struct cells *c)
{
	cell_text(c, cell_at(c, "metadata.name"));
	cell_int(c, mp_path_int(c->object, "spec.replicas", 0));
	cell_int(c, mp_path_int(c->object, "status.replicas", 0));
	cell_int(c, mp_path_int(c->object, "status.readyReplicas", 0));
	cell_age(c, cell_at(c, "metadata.creationTimestamp"));
	cells_containers(c, "spec.template.spec.containers");
	if (strcmp(c->resource->resource, "replicasets") == 0)
		cell_selector(c, "spec.selector");
	else
		cell_labels(c, "spec.selector");
}

/* ---- services */

static void put_service_port(void *to, struct mp port)
{
	struct buf *b = to;
	struct span protocol = mp_path_str(port, "protocol");
	int64_t node = mp_path_int(port, "nodePort", 0);
	buf_printf(b, "%s%lld", b->len ? "," : "", (long long)mp_path_int(port, "port", 0));
	if (node)
		buf_printf(b, ":%lld", (long long)node);
	buf_printf(b, "/%.*s", (int)protocol.len, (const char *)protocol.data);
}

static void put_text(void *to, struct mp item)
{
	struct span s;
	if (!mp_str(&item, &s))
		put_item(to, s);
}

static void put_ingress(void *to, struct mp item)
{
	struct span ip = mp_path_str(item, "ip");
	put_item(to, ip.len ? ip : mp_path_str(item, "hostname"));
}

static void external_cell(struct cells *c)
{
	struct span type = cell_at(c, "spec.type");
	struct buf b = {0};
	if (span_is(type, "ExternalName")) {
		cell_text(c, cell_at(c, "spec.externalName"));
		return;
	}
	if (span_is(type, "LoadBalancer"))
		each_at(c->object, "status.loadBalancer.ingress", put_ingress, &b);
	each_at(c->object, "spec.externalIPs", put_text, &b);
	if (!b.len && span_is(type, "LoadBalancer"))
		buf_puts(&b, "<pending>");
	cell_list(c, &b);
}

void print_service(struct cells *c)
{
	struct buf ports = {0};
	each_at(c->object, "spec.ports", put_service_port, &ports);
	cell_text(c, cell_at(c, "metadata.name"));
	cell_text(c, cell_at(c, "spec.type"));
	cell_or(c, cell_at(c, "spec.clusterIP"), "<none>");
	external_cell(c);
	cell_list(c, &ports);
	cell_age(c, cell_at(c, "metadata.creationTimestamp"));
	cell_labels(c, "spec.selector");
}

/* ---- endpoints: the first few, and how many more */

struct shown {
	struct buf text;
	size_t count;
	struct mp ports;
	bool has_ports;
	struct span ip;
};

static void show(struct shown *s, struct span ip, int64_t port)
{
	if (s->count++ >= ENDPOINTS_SHOWN)
		return;
	put_item(&s->text, ip);
	if (port)
		buf_printf(&s->text, ":%lld", (long long)port);
}

static void show_port(void *to, struct mp port)
{
	struct shown *s = to;
	show(s, s->ip, mp_path_int(port, "port", 0));
}

static void show_address(void *to, struct mp address)
{
	struct shown *s = to;
	s->ip = mp_path_str(address, "ip");
	if (s->has_ports)
		each_at(s->ports, "ports", show_port, s);
	else
		show(s, s->ip, 0);
}

static void show_subset(void *to, struct mp subset)
{
	struct shown *s = to;
	struct mp ports;
	s->ports = subset;
	s->has_ports = mp_path(subset, "ports", &ports);
	each_at(subset, "addresses", show_address, s);
}

static void shown_cell(struct cells *c, struct shown *s)
{
	if (s->count > ENDPOINTS_SHOWN)
		buf_printf(&s->text, " + %zu more...", s->count - ENDPOINTS_SHOWN);
	cell_list(c, &s->text);
}

void print_endpoints(struct cells *c)
{
	struct shown s = {0};
	each_at(c->object, "subsets", show_subset, &s);
	cell_text(c, cell_at(c, "metadata.name"));
	shown_cell(c, &s);
	cell_age(c, cell_at(c, "metadata.creationTimestamp"));
}

/* ---- endpoint slices */

static void show_text(void *to, struct mp item)
{
	struct span s;
	if (!mp_str(&item, &s))
		show(to, s, 0);
}

static void show_endpoint(void *to, struct mp endpoint)
{
	each_at(endpoint, "addresses", show_text, to);
}

static void put_slice_port(void *to, struct mp port)
{
	struct buf *b = to;
	buf_printf(b, "%s%lld", b->len ? "," : "", (long long)mp_path_int(port, "port", 0));
}

void print_endpointslice(struct cells *c)
{
	struct buf ports = {0};
	struct shown s = {0};
	each_at(c->object, "ports", put_slice_port, &ports);
	each_at(c->object, "endpoints", show_endpoint, &s);
	if (!ports.len)
		buf_puts(&ports, "<unset>");
	if (!s.count)
		buf_puts(&s.text, "<unset>");
	cell_text(c, cell_at(c, "metadata.name"));
	cell_text(c, cell_at(c, "addressType"));
	cell_buf(c, &ports);
	shown_cell(c, &s);
	cell_age(c, cell_at(c, "metadata.creationTimestamp"));
}
