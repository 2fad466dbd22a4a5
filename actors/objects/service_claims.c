/* Addresses and node ports of services. Each is a plain key that exists while
 * somebody has it, and changes hands in the same transaction as its service:
 *
 *	put of a service      -> absent keys of what is new are put (compare 0)
 *	removal, type change  -> keys of what it had are deleted
 *
 * Free ones are drawn: from the upper part of the range, so that people who
 * name small addresses themselves meet few. What is drawn and turns out to be
 * taken conflicts at the store, and the next try draws another. */
#include "actors/objects/address.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/objects/service.h"

enum { DRAWS = 64, BAND_MIN = 16, BAND_MAX = 256, NODE_PORTS_MAX = 40 };

static const struct obj_cluster *cluster_of(const struct write *w)
{
	return w->req->cluster ? w->req->cluster : &obj_cluster_default;
}

static struct span key_of(struct write *w, const char *what, struct span which)
{
	return span_of(arena_printf(w->a, "%s/%s/%.*s", OBJ_ALLOCATIONS, what, (int)which.len,
				    (const char *)which.data));
}

static struct span port_text(struct write *w, int64_t port)
{
	return span_of(arena_printf(w->a, "%lld", (long long)port));
}

/* What the key holds: whose it is. */
static struct bytes *claim(struct write *w)
{
	struct buf b = {0};
	if (w->plan->claim)
		return w->plan->claim;
	mpw_map(&b, 3);
	mpw_kv_str(&b, "kind", "Service");
	mpw_kv_span(&b, "namespace", w->namespace);
	mpw_kv_span(&b, "name", w->name);
	return w->plan->claim = bytes_take(&b);
}

static bool is_ours(struct write *w, const struct store_row *row)
{
	struct mp m = mp_of_bytes(row->value);
	return span_eq(mp_path_str(m, "namespace"), w->namespace) &&
	       span_eq(mp_path_str(m, "name"), w->name);
}

static void put(struct write *w, struct span key)
{
	plan_also(w, (struct store_op){.verb = STORE_PUT, .key = key, .value = claim(w)});
}

enum taken { TAKEN_NOW, TAKEN_BY_OTHER, TAKEN_FAILED };

/* One that the client named: the answer rests on its row. */
static enum taken take(struct write *w, struct span key)
{
	struct store_row row;
	if (!plan_read(w, key, &row))
		return TAKEN_FAILED;
	if (row.value && !is_ours(w, &row))
		return TAKEN_BY_OTHER;
	if (!row.value)
		put(w, key);
	return TAKEN_NOW;
}

/* Whether this very plan takes it already. */
static bool is_drawn(const struct write *w, struct span key)
{
	for (size_t i = 1; i < w->plan->op_count; i++)
		if (span_eq(w->plan->ops[i].key, key))
			return true;
	return false;
}

/* The first free one of some draws; `text` gives the n'th. Empty: refused. */
static struct span draw(struct write *w, const char *what,
			struct span (*text)(struct write *w, uint64_t random))
{
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct span which = text(w, meta_random(w, 1000 + 100 * w->plan->op_count + i));
		struct span key = key_of(w, what, which);
		struct store_row row;
		if (!plan_peek(w, key, &row))
			return (struct span){0};
		if (row.value || is_drawn(w, key))
			continue;
		plan_compare(w, key, 0);
		put(w, key);
		return which;
	}
	plan_refuse(
		w, status_internal(
			   w->a, arena_printf(w->a, "failed to allocate a %s: range is full",
					      strcmp(what, "ip") == 0 ? "serviceIP" : "nodePort")));
	return (struct span){0};
}

/* ---- addresses */

static struct span some_address(struct write *w, uint64_t random)
{
	const struct obj_cluster *c = cluster_of(w);
	uint32_t size = UINT32_C(1) << (32 - c->service_bits), band = size / 16;
	if (band < BAND_MIN)
		band = BAND_MIN;
	if (band > BAND_MAX)
		band = BAND_MAX;
	if (band >= size - 1)
		band = 1;
	/* Neither the range's first address nor its last. */
	return span_of(address_text(w->a, c->service_base + band +
						  (uint32_t)(random % (size - 1 - band))));
}

static bool in_range(const struct write *w, struct span ip)
{
	const struct obj_cluster *c = cluster_of(w);
	uint32_t n;
	return address_v4(ip, &n) &&
	       n >> (32 - c->service_bits) == c->service_base >> (32 - c->service_bits);
}

static bool refuse_address(struct write *w, struct span ip, const char *why)
{
	const char *text = arena_printf(w->a, "failed to allocate IP %.*s: %s", (int)ip.len,
					(const char *)ip.data, why);
	field_invalid_doc(&w->faults, FPATH(FPATH(NULL, "spec"), "clusterIPs"),
			  doc_path(w->obj, "spec.clusterIPs"), text);
	return !plan_refuse_faults(w);
}

static bool take_address(struct write *w, struct span ip)
{
	const struct obj_cluster *c = cluster_of(w);
	if (!in_range(w, ip))
		return refuse_address(
			w, ip,
			arena_printf(w->a,
				     "the provided IP (%.*s) is not in the valid range. The range "
				     "of valid IPs is %s/%u",
				     (int)ip.len, (const char *)ip.data,
				     address_text(w->a, c->service_base), c->service_bits));
	enum taken t = take(w, key_of(w, "ip", ip));
	return t == TAKEN_BY_OTHER ? refuse_address(w, ip, "provided IP is already allocated")
				   : t == TAKEN_NOW;
}

static bool claim_address(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec");
	struct span ip = doc_get_str(spec, "clusterIP");
	struct span had = service_has_address(w->old) ? doc_path_str(w->old, "spec.clusterIP")
						      : (struct span){0};
	if (!service_has_address(w->obj) || (ip.len && span_eq(ip, had)))
		return true;
	if (ip.len)
		return take_address(w, ip);
	ip = draw(w, "ip", some_address);
	if (!ip.len)
		return false;
	doc_set(w->a, spec, "clusterIP", doc_span(w->a, ip));
	doc_add(doc_set(w->a, spec, "clusterIPs", doc_new(w->a, DOC_ARRAY)), doc_span(w->a, ip));
	return true;
}

static void release_address(struct write *w, bool removing)
{
	if (!service_has_address(w->old))
		return;
	struct span had = doc_path_str(w->old, "spec.clusterIP");
	if (had.len && (removing || !service_has_address(w->obj)))
		plan_also(w, (struct store_op){.verb = STORE_DELETE, .key = key_of(w, "ip", had)});
}

/* ---- node ports: a number is one claim, whatever protocols use it */

static bool has_node_port(const struct doc *service, int64_t port)
{
	const struct doc *ports = doc_path(service, "spec.ports");
	if (!port || !service_has_node_ports(service) || !doc_is(ports, DOC_ARRAY))
		return false;
	DOC_EACH(p, ports)
	if (doc_get_int(p, "nodePort", 0) == port)
		return true;
	return false;
}

/* The one of health checks is of the same numbers. */
static int64_t check_port_of(const struct doc *service)
{
	return service_is_checked(service) ? doc_path_int(service, "spec.healthCheckNodePort", 0) : 0;
}

static bool has_port(const struct doc *service, int64_t port)
{
	return has_node_port(service, port) || check_port_of(service) == port;
}

static struct span some_port(struct write *w, uint64_t random)
{
	const struct obj_cluster *c = cluster_of(w);
	int count = c->node_port_high - c->node_port_low + 1;
	return port_text(w, c->node_port_low + (int64_t)(random % (uint64_t)count));
}

static bool refuse_port(struct write *w, int i, int64_t port, const char *why)
{
	const struct fpath *p = FPATH_AT(FPATH(FPATH(NULL, "spec"), "ports"), i);
	field_invalid_int(&w->faults, FPATH(p, "nodePort"), port, why);
	return !plan_refuse_faults(w);
}

static bool port_in_range(const struct write *w, int64_t port)
{
	const struct obj_cluster *c = cluster_of(w);
	return port >= c->node_port_low && port <= c->node_port_high;
}

static const char *range_text(struct write *w)
{
	const struct obj_cluster *c = cluster_of(w);
	return arena_printf(w->a, "provided port is not in the valid range. The range of valid ports is "
				  "%d-%d", c->node_port_low, c->node_port_high);
}

static bool take_port(struct write *w, int i, int64_t port)
{
	if (!port_in_range(w, port))
		return refuse_port(w, i, port, range_text(w));
	enum taken t = port == check_port_of(w->old)
			       ? TAKEN_BY_OTHER
			       : take(w, key_of(w, "port", port_text(w, port)));
	return t == TAKEN_BY_OTHER ? refuse_port(w, i, port, "provided port is already allocated")
				   : t == TAKEN_NOW;
}

/* Of a new service: the node port of another port of the list with the same number, as that
 * of DNS over UDP and TCP; 0: there is none. */
static int64_t shared_port(const struct write *w, const struct doc *ports, const struct doc *port)
{
	int64_t number = doc_get_int(port, "port", 0), other;
	if (w->old)
		return 0;
	DOC_EACH(p, ports)
	if (doc_get_int(p, "port", 0) == number && (other = doc_get_int(p, "nodePort", 0)))
		return other;
	return 0;
}

/* Whether an earlier port of the list has that number already. */
static bool claimed_before(const struct doc *ports, const struct doc *port, int64_t number)
{
	for (const struct doc *p = ports->first; p != port; p = p->next)
		if (doc_get_int(p, "nodePort", 0) == number)
			return true;
	return false;
}

static int64_t draw_port(struct write *w)
{
	struct span text = draw(w, "port", some_port);
	int64_t port = 0;
	for (size_t k = 0; k < text.len; k++)
		port = 10 * port + text.data[k] - '0';
	return port;
}

static bool claim_port(struct write *w, const struct doc *ports, struct doc *p, int i)
{
	int64_t port = doc_get_int(p, "nodePort", 0);
	if (!port && !service_gets_node_ports(w->obj))
		return true;
	if (!port && (port = shared_port(w, ports, p)))
		doc_set_int(w->a, p, "nodePort", port);
	if (port && (has_node_port(w->old, port) || claimed_before(ports, p, port)))
		return true;
	if (port)
		return take_port(w, i, port);
	port = draw_port(w);
	doc_set_int(w->a, p, "nodePort", port);
	return port > 0;
}

static bool claim_ports(struct write *w)
{
	const struct doc *ports = doc_path(w->obj, "spec.ports");
	int i = 0;
	if (!service_has_node_ports(w->obj) || !doc_is(ports, DOC_ARRAY))
		return true;
	if (ports->count > NODE_PORTS_MAX) { /* they are all of one transaction */
		field_too_many(&w->faults, FPATH(FPATH(NULL, "spec"), "ports"), ports->count,
			       NODE_PORTS_MAX);
		return !plan_refuse_faults(w);
	}
	DOC_EACH(p, ports)
	if (!claim_port(w, ports, p, i++))
		return false;
	return true;
}

static void release_ports(struct write *w, bool removing)
{
	const struct doc *ports = doc_path(w->old, "spec.ports");
	if (!w->old || !service_has_node_ports(w->old) || !doc_is(ports, DOC_ARRAY))
		return;
	DOC_EACH(p, ports)
	{
		int64_t port = doc_get_int(p, "nodePort", 0);
		if (port && (removing || !has_port(w->obj, port)) &&
		    !claimed_before(ports, p, port))
			plan_also(w,
				  (struct store_op){.verb = STORE_DELETE,
						    .key = key_of(w, "port", port_text(w, port))});
	}
}

/* ---- the port of health checks */

static bool refuse_check_port(struct write *w, int64_t port, const char *why)
{
	plan_refuse(w, status_internal(w->a, arena_printf(w->a, "failed to allocate requested HealthCheck "
								"NodePort %lld: %s", (long long)port, why)));
	return false;
}

static bool take_check_port(struct write *w, int64_t port)
{
	struct span key = key_of(w, "port", port_text(w, port));
	if (!port_in_range(w, port))
		return refuse_check_port(w, port, range_text(w));
	enum taken t = is_drawn(w, key) || has_node_port(w->obj, port) ? TAKEN_BY_OTHER : take(w, key);
	return t == TAKEN_BY_OTHER ? refuse_check_port(w, port, "provided port is already allocated")
				   : t == TAKEN_NOW;
}

static bool claim_check_port(struct write *w)
{
	int64_t port = check_port_of(w->obj);
	if (!service_is_checked(w->obj) || (port && port == check_port_of(w->old)))
		return true;
	if (port)
		return take_check_port(w, port);
	port = draw_port(w);
	doc_set_int(w->a, doc_get(w->obj, "spec"), "healthCheckNodePort", port);
	return port > 0;
}

static void release_check_port(struct write *w, bool removing)
{
	int64_t port = check_port_of(w->old);
	if (port && (removing || !has_port(w->obj, port)))
		plan_also(w, (struct store_op){.verb = STORE_DELETE, .key = key_of(w, "port", port_text(w, port))});
}

bool service_claims(struct write *w, bool removing)
{
	if (!removing && (!claim_address(w) || !claim_ports(w) || !claim_check_port(w)))
		return false;
	release_address(w, removing);
	release_ports(w, removing);
	release_check_port(w, removing);
	return true;
}
