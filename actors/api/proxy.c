/* The proxy of pods, services and nodes: whom a request means, and whether
 * anybody may be asked there. The request itself goes on in the port
 * (http_port.h); here is the decision, and what became of it.
 *
 *   /api/v1/namespaces/NS/pods/[SCHEME:]NAME[:PORT]/proxy[/PATH]
 *   /api/v1/namespaces/NS/services/[SCHEME:]NAME[:PORT]/proxy[/PATH]
 *   /api/v1/nodes/[SCHEME:]NAME[:PORT]/proxy[/PATH]
 *
 * An address is connected to when it is a pod's own, or a node's; an endpoint
 * only when its pod says the same. Words and codes are Kubernetes'. */
#include <stdio.h>

#include "actors/api/api_private.h"
#include "actors/api/proxy_name.h"

enum { STREAMS_MAX = 4, PORT_HTTP = 80, PORT_HTTPS = 443, PORT_KUBELET = 10250 };

struct target {
	struct span ip;
	uint32_t port;
};

struct proxy_kind {
	const char *resource;
	const char *streams[STREAMS_MAX]; /* that the decision rests on */
	/* Sets the target, or says what is wrong. */
	struct doc *(*find)(struct ctx *c, struct call *k, struct target *t);
};

struct proxy_call {
	const struct proxy_kind *kind;
	struct proxy_name name;
	struct span prefix, rest; /* of the path */
	struct view *views[STREAMS_MAX];
	uint64_t needed[STREAMS_MAX]; /* the version that each view must have reached */
	bool forwarded;
};

static const char *text_of(struct call *k, struct span s)
{
	return arena_ndup(&k->arena, s.data, s.len);
}

/* ---- what the views know */

static struct mp object_of(struct call *k, const char *stream, struct span namespace,
			   struct span name)
{
	struct proxy_call *p = k->proxy;
	const struct schema_resource *r = schema_find_stream(k->api->schema, span_of(stream));
	struct buf key = {0};
	struct view_object *o = NULL;
	schema_key(&key, r, namespace, name);
	for (size_t i = 0; i < STREAMS_MAX && p->kind->streams[i]; i++)
		if (strcmp(p->kind->streams[i], stream) == 0)
			o = view_get(p->views[i], span_buf(&key));
	buf_fini(&key);
	return o ? mp_of(bytes_span(o->value)) : (struct mp){0};
}

/* The list at `path`: its cursor, and how many there are. */
static size_t list_of(struct mp object, const char *path, struct mp *at)
{
	size_t n = 0;
	return mp_path(object, path, at) && mp_array(at, &n) == 0 ? n : 0;
}

/* Whether all of it shows what was acknowledged before the request came; if
 * not, it is called again when more is known. */
static bool is_known(struct ctx *c, struct call *k)
{
	struct proxy_call *p = k->proxy;
	struct api *a = k->api;
	bool first = !p->views[0];
	for (size_t i = 0; i < STREAMS_MAX && p->kind->streams[i]; i++) {
		struct span name = span_of(p->kind->streams[i]);
		struct stream *s = api_stream(c, a, schema_find_stream(a->schema, name));
		if (first && a->heads)
			p->needed[i] = heads_get(a->heads, name);
		p->views[i] = s->view;
	}
	for (size_t i = 0; i < STREAMS_MAX && p->kind->streams[i]; i++) {
		struct view *v = p->views[i];
		if (view_synced(v) && view_version(v) >= p->needed[i])
			continue;
		k->wait_version = p->needed[i];
		await_view(c, k, omap_get(&a->streams, view_stream(v)), proxy_start);
		return false;
	}
	return true;
}

/* ---- addresses */

static struct doc *refuse_address(struct call *k)
{
	return status_bad_request(&k->arena, "address not allowed");
}

static bool is_allowed(struct ctx *c, struct span ip)
{
	const struct obj_cluster *ranges = ctx_shared(c, "cluster");
	return proxy_address_allowed(ranges ? ranges : &obj_cluster_default, ip);
}

/* A simulated pod's address is nobody's, or a stranger's. */
static bool is_simulated(struct call *k, struct mp pod)
{
	static const char sim[] = "sim:";
	struct mp node = object_of(k, "nodes", (struct span){0}, mp_path_str(pod, "spec.nodeName"));
	struct span runtime = mp_path_str(node, "status.nodeInfo.containerRuntimeVersion");
	return runtime.len >= sizeof sim - 1 && memcmp(runtime.data, sim, sizeof sim - 1) == 0;
}

static struct doc *refuse_simulated(struct call *k, struct mp pod)
{
	struct span name = mp_path_str(pod, "metadata.name");
	return status_unavailable(&k->arena,
				  arena_printf(&k->arena, "pod \"%s\" is simulated: nobody is at its address",
					       text_of(k, name)));
}

/* A port that is said by its number; 0: none is said. */
static bool port_number(const struct proxy_name *n, uint32_t *port)
{
	*port = 0;
	return !n->port.len || (proxy_port_number(n->port, port) && *port >= 1 && *port <= 65535);
}

static uint32_t port_or_default(const struct proxy_name *n, uint32_t port)
{
	return port ? port : n->tls ? PORT_HTTPS : PORT_HTTP;
}

static struct doc *refuse_name(struct call *k, const char *what)
{
	return status_bad_request(&k->arena, arena_printf(&k->arena, "invalid %s request \"%s\"",
							  what, text_of(k, k->name)));
}

/* ---- pods */

static uint32_t first_port(struct mp pod)
{
	struct mp container, port;
	for (size_t n = list_of(pod, "spec.containers", &container); n; n--, mp_skip(&container))
		if (list_of(container, "ports", &port))
			return (uint32_t)mp_path_int(port, "containerPort", 0);
	return 0;
}

static struct doc *find_pod(struct ctx *c, struct call *k, struct target *t)
{
	const struct proxy_name *n = &k->proxy->name;
	if (!port_number(n, &t->port))
		return refuse_name(k, "pod");
	struct mp pod = object_of(k, "pods", k->namespace, n->name);
	if (!pod.p)
		return status_not_found(&k->arena, k->resource, n->name);
	t->ip = mp_path_str(pod, "status.podIP");
	t->port = port_or_default(n, t->port ? t->port : first_port(pod));
	if (is_simulated(k, pod))
		return refuse_simulated(k, pod);
	return is_allowed(c, t->ip) ? NULL : refuse_address(k);
}

/* ---- services */

/* Its port's name; false: it has no such port. */
static bool service_port(struct mp service, struct span asked, struct span *name)
{
	struct mp port;
	uint32_t number;
	*name = asked;
	if (!proxy_port_number(asked, &number))
		return true;
	for (size_t n = list_of(service, "spec.ports", &port); n; n--, mp_skip(&port)) {
		if ((uint32_t)mp_path_int(port, "port", 0) != number)
			continue;
		*name = mp_path_str(port, "name");
		return true;
	}
	return false;
}

static bool has_address(struct mp pod, struct span ip)
{
	struct mp at;
	for (size_t n = list_of(pod, "status.podIPs", &at); n; n--, mp_skip(&at))
		if (span_eq(mp_path_str(at, "ip"), ip))
			return true;
	return false;
}

/* Whether the endpoint is what its pod says: who may write endpoints can write
 * any address there. */
static bool is_pods(struct ctx *c, struct call *k, struct mp address, struct mp *pod)
{
	struct span ip = mp_path_str(address, "ip");
	if (!span_is(mp_path_str(address, "targetRef.kind"), "Pod") ||
	    !span_eq(mp_path_str(address, "targetRef.namespace"), k->namespace))
		return false;
	*pod = object_of(k, "pods", k->namespace, mp_path_str(address, "targetRef.name"));
	return pod->p && has_address(*pod, ip) && is_allowed(c, ip);
}

/* The number behind a port's name in a subset; 0: it has none. */
static uint32_t subset_port(struct mp subset, struct span name)
{
	struct mp port;
	for (size_t n = list_of(subset, "ports", &port); n; n--, mp_skip(&port))
		if (span_eq(mp_path_str(port, "name"), name))
			return (uint32_t)mp_path_int(port, "port", 0);
	return 0;
}

/* One of its ready endpoints, each as likely as any other: of those that are
 * seen one after the other the nth is taken in place of all before with the
 * chance 1/n. */
static size_t choose(struct ctx *c, struct call *k, struct mp endpoints, struct span port,
		     struct target *t, struct mp *pod)
{
	struct mp subset, address, whose;
	size_t seen = 0;
	for (size_t n = list_of(endpoints, "subsets", &subset); n; n--, mp_skip(&subset)) {
		uint32_t number = subset_port(subset, port);
		size_t m = number ? list_of(subset, "addresses", &address) : 0;
		for (; m; m--, mp_skip(&address)) {
			if (!is_pods(c, k, address, &whose) || ctx_random(c) % ++seen)
				continue;
			*t = (struct target){mp_path_str(address, "ip"), number};
			*pod = whose;
		}
	}
	return seen;
}

static struct doc *find_service(struct ctx *c, struct call *k, struct target *t)
{
	const struct proxy_name *n = &k->proxy->name;
	struct arena *m = &k->arena;
	struct span port;
	struct mp service = object_of(k, "services", k->namespace, n->name), pod;
	if (!service.p)
		return status_not_found(m, k->resource, n->name);
	if (!service_port(service, n->port, &port))
		return status_unavailable(
			m, arena_printf(m, "no service port %s found for service \"%s\"",
					text_of(k, n->port), text_of(k, n->name)));
	struct mp endpoints = object_of(k, "endpoints", k->namespace, n->name), any;
	if (!list_of(endpoints, "subsets", &any))
		return status_unavailable(m,
					  arena_printf(m, "no endpoints available for service \"%s\"",
						       text_of(k, n->name)));
	if (!choose(c, k, endpoints, port, t, &pod))
		return status_unavailable(m,
					  arena_printf(m, "no endpoints available for service \"%s\"",
						       text_of(k, k->name)));
	return is_simulated(k, pod) ? refuse_simulated(k, pod) : NULL;
}

/* ---- nodes */

static struct span node_address(struct mp node)
{
	struct mp at;
	for (size_t n = list_of(node, "status.addresses", &at); n; n--, mp_skip(&at))
		if (span_is(mp_path_str(at, "type"), "InternalIP"))
			return mp_path_str(at, "address");
	return (struct span){0};
}

/* The one thing that a kubelet tells by HTTP and an agent too. */
static bool is_summary(const struct proxy_call *p)
{
	uint32_t port;
	return strcmp(p->kind->resource, "nodes") == 0 && port_number(&p->name, &port) &&
	       (!port || port == PORT_KUBELET) && usage_is_summary(p->rest);
}

static struct doc *find_node(struct ctx *c, struct call *k, struct target *t)
{
	const struct proxy_name *n = &k->proxy->name;
	struct arena *m = &k->arena;
	if (!port_number(n, &t->port))
		return refuse_name(k, "node");
	struct mp node = object_of(k, "nodes", (struct span){0}, n->name);
	if (!node.p)
		return status_not_found(m, k->resource, n->name);
	if (is_summary(k->proxy))
		return NULL;
	if (!t->port || t->port == PORT_KUBELET)
		return status_unavailable(
			m, arena_printf(m, "node \"%s\" serves no HTTP: its agent speaks messages",
					text_of(k, n->name)));
	t->ip = node_address(node);
	return is_allowed(c, t->ip) ? NULL : refuse_address(k);
}

/* ---- the request */

static const struct proxy_kind kinds[] = {
	{"pods", {"pods", "nodes"}, find_pod},
	{"services", {"services", "endpoints", "pods", "nodes"}, find_service},
	{"nodes", {"nodes"}, find_node},
};

static const struct proxy_kind *kind_of(const struct call *k)
{
	for (size_t i = 0; !*k->resource->group && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(k->resource->resource, kinds[i].resource) == 0)
			return &kinds[i];
	return NULL;
}

bool is_proxy(const struct call *k)
{
	return k->resource && strcmp(k->sub, "proxy") == 0 && kind_of(k);
}

static bool is_method(struct span method)
{
	static const char *const methods[] = {"GET",   "HEAD",	 "POST",   "PUT",
					      "PATCH", "DELETE", "OPTIONS"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (span_is(method, methods[i]))
			return true;
	return false;
}

static struct doc *prepare(struct call *k)
{
	struct proxy_call *p = arena_alloc(&k->arena, sizeof *p);
	p->kind = kind_of(k);
	k->proxy = p;
	if (!proxy_path_split(k->path, &p->prefix, &p->rest) ||
	    (k->resource->namespaced && !k->namespace.len))
		return status_no_resource(&k->arena);
	if (!is_method(k->method))
		return status_method_not_allowed(&k->arena, NULL, NULL);
	if (!proxy_name_split(k->name, &p->name))
		return refuse_name(k, k->resource->singular);
	if (k->api->forwards >= API_FORWARDS_MAX)
		return status_too_many_requests(&k->arena, 1);
	return NULL;
}

/* A page at the path's end would take its links for the parent's. */
static void redirect(struct ctx *c, struct api *a, struct call *k)
{
	struct buf line = {0}, none = {0};
	const uint8_t *query = k->uri.len ? memchr(k->uri.data, '?', k->uri.len) : NULL;
	buf_puts(&line, "Location: ");
	proxy_path_escape(&line, k->path);
	buf_putc(&line, '/');
	if (query)
		proxy_query_write(&line, (struct span){query, (size_t)(k->uri.data + k->uri.len -
								       query)});
	ctx_port_call(c, a->port, HTTP_HEADER, k->id, 0, bytes_take(&line));
	answer_text(c, a, k, 301, HTTP_TEXT, &none);
}

static void forward(struct ctx *c, struct api *a, struct call *k, const struct target *t)
{
	struct proxy_call *p = k->proxy;
	struct buf b = {0}, path = {0}, prefix = {0};
	proxy_path_write(&path, p->rest);
	proxy_path_escape(&prefix, p->prefix);
	mpw_map(&b, 6);
	mpw_kv_span(&b, "method", k->method);
	mpw_kv_span(&b, "address", t->ip);
	mpw_kv_u64(&b, "port", t->port);
	mpw_kv_bool(&b, "tls", p->name.tls);
	mpw_kv_span(&b, "path", path.len ? span_buf(&path) : span_of("/"));
	mpw_kv_span(&b, "prefix", span_buf(&prefix));
	buf_fini(&path);
	buf_fini(&prefix);
	p->forwarded = true;
	a->forwards++;
	ctx_port_call(c, a->port, HTTP_FORWARD, k->id, 0, bytes_take(&b));
}

void proxy_start(struct ctx *c, struct api *a, struct call *k)
{
	struct target t = {0};
	bool get = span_is(k->method, "GET") || span_is(k->method, "HEAD");
	struct doc *refused = k->proxy ? NULL : prepare(k);
	if (!refused && !is_known(c, k))
		return;
	if (!refused)
		refused = k->proxy->kind->find(c, k, &t);
	if (refused)
		answer_status(c, a, k, refused);
	else if (get && is_summary(k->proxy))
		usage_summary_start(c, a, k, k->proxy->name.name);
	else if (get && !k->proxy->rest.len)
		redirect(c, a, k);
	else
		forward(c, a, k, &t);
}

void proxy_forwarded(struct ctx *c, struct api *a, struct call *k, int code, struct span failure)
{
	struct arena *m = &k->arena;
	if (code)
		call_answered(c, a, k, code);
	else
		answer_status(c, a, k,
			      status_unavailable(m, arena_printf(m, "error trying to reach service: %s",
								 text_of(k, failure))));
}

bool proxy_is_forwarded(const struct call *k)
{
	return k->proxy && k->proxy->forwarded;
}
