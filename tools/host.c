/* Assembles a process from its config: shared things first, then a thread for
 * the broker and one per cell. The main thread waits for signals. */
#include "tools/host.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/access/signer_port.h"
#include "actors/api/api.h"
#include "actors/api/http_port.h"
#include "actors/api/messages.h"
#include "actors/controllers/bootstrap.h"
#include "actors/controllers/clusterrole_aggregation.h"
#include "actors/controllers/cronjob.h"
#include "actors/controllers/daemonset.h"
#include "actors/controllers/deployment.h"
#include "actors/controllers/disruption.h"
#include "actors/controllers/endpoints.h"
#include "actors/controllers/ephemeral_volume.h"
#include "actors/controllers/garbage.h"
#include "actors/controllers/host_path.h"
#include "actors/controllers/job.h"
#include "actors/controllers/kubernetes_service.h"
#include "actors/controllers/namespace_deletion.h"
#include "actors/controllers/namespaces.h"
#include "actors/controllers/node_lifecycle.h"
#include "actors/controllers/pod_gc.h"
#include "actors/controllers/persistentvolume.h"
#include "actors/controllers/quota.h"
#include "actors/controllers/replication.h"
#include "actors/controllers/statefulset.h"
#include "actors/controllers/taint_eviction.h"
#include "actors/controllers/tokens.h"
#include "actors/controllers/selector_overlap.h"
#include "actors/controllers/ttl_after_finished.h"
#include "actors/controllers/volume_protection.h"
#include "actors/gate/event_expiry.h"
#include "actors/gate/gate.h"
#include "actors/gate/messages.h"
#include "actors/runtime/heads.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor.h"
#include "actors/runtime/tap.h"
#include "actors/runtime/watchdog.h"
#include "actors/scheduler/scheduler.h"
#include "broker/base/log.h"
#include "broker/serve.h"
#include "broker/socket.h"
#include "nodes/messages.h"
#include "nodes/node_agent.h"
#include "nodes/probes/probe_port.h"
#include "nodes/proxy/service_proxy.h"
#include "nodes/proxy/userspace.h"
#include "nodes/runtime_oci.h"
#include "nodes/runtime_process.h"
#include "nodes/static/static_port.h"
#include "nodes/volume_port.h"
#include "tools/faulty.h"
#include "tools/places.h"
#include "tools/plugin.h"
#include "tools/ready.h"
#include "tools/rundir.h"

enum { KINDS_MAX = 64, CELLS_MAX = 256, STOP_MS = 3000, CLUSTER = 1, TOKENS_BYTES_MAX = 1024 * 1024 };

static const struct actor_spec *const kinds[] = {
	&store_actor,
	&gate_actor,
	&scheduler_actor,
	&api_actor,
	&node_agent_actor,
	&service_proxy_actor,
	&ready_actor,
	&namespaces_actor,
	&bootstrap_actor,
	&clusterrole_aggregation_actor,
	&tokens_actor,
	&namespace_deletion_actor,
	&kubernetes_service_actor,
	&replication_actor,
	&replicaset_actor,
	&deployment_actor,
	&daemonset_actor,
	&statefulset_actor,
	&disruption_actor,
	&job_actor,
	&ttl_after_finished_actor,
	&selector_overlap_actor,
	&cronjob_actor,
	&endpoints_actor,
	&garbage_actor,
	&quota_actor,
	&node_lifecycle_actor,
	&taint_eviction_actor,
	&pod_gc_actor,
	&persistentvolume_actor,
	&host_path_actor,
	&pvc_protection_actor,
	&pv_protection_actor,
	&ephemeral_volume_actor,
	&event_expiry_actor,
	&faulty_actor,
	NULL,
};

static const struct port_driver *const drivers[] = {
	&journal_port_driver, &http_port_driver, &notify_port_driver, &runtime_process_port_driver,
	&runtime_oci_port_driver,
	&proxy_userspace_port_driver, &signer_port_driver, &volume_port_driver,
	&probe_port_driver, &static_port_driver,
	NULL,
};

static const struct msg_table *const tables[] = {
	&broker_messages, &runtime_messages, &api_messages, &gate_messages, &node_messages,
	&faulty_messages, NULL,
};

static const struct catalogue catalogue = {tables};

bool host_has_kind(const char *kind)
{
	for (size_t i = 0; kinds[i]; i++)
		if (strcmp(kinds[i]->kind, kind) == 0)
			return true;
	return false;
}

const struct catalogue *host_catalogue(void)
{
	return &catalogue;
}

/* A cell, and what of it outlives its lives. */
struct host_cell {
	struct host *host;
	const struct config_cell *cfg;
	struct turn_record *record;
	struct dead_letters letters;
	bool with_store;
};

struct host {
	struct config config;
	/* Troupe's own, and those of this process' shared objects. */
	const struct actor_spec *kinds[KINDS_MAX];
	const char *data_dir;
	char run_dir[400];
	struct rundir sockets; /* the same, short enough for a socket's path */
	struct heads *heads;
	struct broker *broker;
	pthread_t broker_thread;
	struct host_cell cells[CELLS_MAX];
	struct watchdog *watchdog;
	struct loop *loops[CELLS_MAX];
	struct tap *taps[CELLS_MAX]; /* NULL: that cell does without */
	pthread_t threads[CELLS_MAX];
	bool has_agents[CELLS_MAX], stopped[CELLS_MAX];
	size_t loop_count;
	bool main_process, keep_pods;
	struct places places; /* of nodes with real pods */
	struct arena arena;
};

static void *shared(void *arg, const char *name)
{
	struct host *h = arg;
	if (strcmp(name, "heads") == 0)
		return h->heads;
	if (strcmp(name, "cluster") == 0)
		return &h->config.ranges;
	if (strcmp(name, "data_dir") == 0)
		return (void *)(uintptr_t)h->data_dir;
	return NULL;
}

/* ---- actors of a cell, with what their config leaves to us */

static void put_options(struct buf *b, const struct config_actor *a, size_t *count)
{
	DOC_EACH(it, a->options) {
		if (span_is(it->key, "kind") || span_is(it->key, "name") ||
		    span_is(it->key, "count") || span_is(it->key, "node") ||
		    span_is(it->key, "without") || span_is(it->key, "subnet") ||
		    span_is(it->key, "address"))
			continue;
		mpw_span(b, it->key);
		doc_to_mp(b, it);
		(*count)++;
	}
}

static void put_path(struct buf *b, const struct host *h, const char *key, const char *file)
{
	char path[700];
	snprintf(path, sizeof path, "%s/pki/%s", h->data_dir, file);
	mpw_kv_str(b, key, path);
}

/* What a file of keys holds, as text. */
static void put_file(struct buf *b, const struct host *h, const char *key, const char *file)
{
	char path[700], text[8192] = "";
	snprintf(path, sizeof path, "%s/pki/%s", h->data_dir, file);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = 0;
	mpw_kv_str(b, key, text);
}

static int add(struct host *h, struct cell *c, const char *kind, const char *name, struct buf *cfg)
{
	struct err e = {0};
	(void)h;
	int rc = cell_add_actor(c, kind, name, mp_of(span_buf(cfg)), &e);
	if (rc)
		log_error("troupe", "%s", e.text);
	buf_fini(cfg);
	return rc;
}

/* The file of people's tokens, as text. */
static int put_tokens(struct buf *b, const struct config_actor *a, size_t *count)
{
	char path[700];
	struct span file = doc_get_str(a->options, "tokens");
	struct buf text = {0};
	if (!file.len)
		return 0;
	snprintf(path, sizeof path, "%.*s", (int)file.len, (const char *)file.data);
	FILE *f = fopen(path, "re");
	if (!f) {
		log_error("troupe", "tokens: %s: %m", path);
		return ERR_IO;
	}
	buf_reserve(&text, TOKENS_BYTES_MAX);
	text.len = fread(text.data, 1, TOKENS_BYTES_MAX, f);
	fclose(f);
	mpw_kv_span(b, "static_tokens", span_buf(&text));
	buf_fini(&text);
	(*count)++;
	return 0;
}

/* `off` in quotes is a text, and without them YAML's word for false. */
static bool is_audited(const struct config_actor *a)
{
	return !span_is(doc_get_str(a->options, "audit"), "off") &&
	       doc_get_bool(a->options, "audit", true);
}

static int add_api(struct host *h, struct cell *c, const struct config_actor *a)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b), n = 7;
	put_options(&b, a, &n);
	mpw_kv_bool(&b, "audited", is_audited(a));
	mpw_kv_str(&b, "address", config_api_address(&h->config, &h->arena));
	put_path(&b, h, "cert", "api.crt");
	put_path(&b, h, "key", "api.key");
	put_path(&b, h, "ca", "ca.crt");
	put_path(&b, h, "accounts", "sa.key");
	put_file(&b, h, "token", "token");
	int rc = put_tokens(&b, a, &n);
	mpw_map_close(&b, at, n);
	if (rc)
		buf_fini(&b);
	else
		rc = add(h, c, "api", a->name, &b);
	if (rc)
		return rc;
	const char **names;
	size_t nodes = config_nodes(&h->config, &h->arena, &names);
	struct buf r = {0};
	mpw_map(&r, 1);
	mpw_str(&r, "nodes");
	mpw_array(&r, nodes);
	for (size_t i = 0; i < nodes; i++)
		mpw_str(&r, names[i]);
	return add(h, c, "ready", "ready", &r);
}

/* Where a node is in the network, and the others beside it. */
static size_t put_place(struct buf *b, const struct host *h, const char *node)
{
	const struct places *all = &h->places;
	const struct place *p = places_of(all, node);
	char services[CONFIG_RANGE_MAX], first[CONFIG_RANGE_MAX];
	if (!p)
		return 0;
	config_services(&h->config, services, first);
	mpw_kv_str(b, "services", services);
	mpw_kv_str(b, "subnet", p->subnet);
	mpw_kv_str(b, "address", p->address);
	if (!all->own)
		return 3;
	mpw_str(b, "peers");
	mpw_array(b, all->count);
	for (size_t i = 0; i < all->count; i++) {
		mpw_array(b, 2);
		mpw_str(b, all->all[i].subnet);
		mpw_str(b, all->all[i].address);
	}
	mpw_kv_str(b, "nodes-range", h->config.nodes_range);
	mpw_kv_str(b, "nodes-bridge", h->config.nodes_bridge);
	return 6;
}

static int add_agents(struct host *h, struct cell *c, const struct config_actor *a)
{
	for (int64_t i = 0; i < a->count; i++) {
		const char *node = config_node_name(a, i, &h->arena);
		char name[300];
		snprintf(name, sizeof name, "node-agent/%s", node);
		struct buf b = {0};
		size_t at = mpw_map_open(&b), n = 3;
		put_options(&b, a, &n);
		mpw_kv_bool(&b, "keep_pods", h->keep_pods);
		mpw_kv_str(&b, "node", node);
		mpw_kv_str(&b, "data_dir", h->data_dir);
		n += put_place(&b, h, node);
		mpw_map_close(&b, at, n);
		int rc = add(h, c, "node-agent", name, &b);
		if (rc)
			return rc;
	}
	return 0;
}

/* Where pods reach an API that listens on the loopback; false: it does not, or there
 * are no such pods. */
static bool api_for_pods(struct host *h, const char **address, int *port)
{
	const char *api = config_api_address(&h->config, &h->arena);
	const char *machine = places_machine(&h->places);
	bool loopback = api && (strncmp(api, "127.", 4) == 0 || strncmp(api, "0.0.0.0:", 8) == 0);
	if (!loopback || !machine)
		return false;
	*address = machine;
	*port = atoi(strrchr(api, ':') + 1);
	return *api != '0';
}

static size_t put_api(struct buf *b, struct host *h)
{
	const char *address;
	int port;
	if (!api_for_pods(h, &address, &port))
		return 0;
	const char *api = config_api_address(&h->config, &h->arena);
	mpw_str(b, "api");
	mpw_map(b, 3);
	mpw_kv_str(b, "address", address);
	mpw_kv_span(b, "target", (struct span){(const uint8_t *)api, strcspn(api, ":")});
	mpw_kv_i64(b, "port", port);
	return 1;
}

/* One for each network namespace: the machine's, and those that nodes have. Node
 * ports are on the nodes' addresses, where the config says nothing else. */
static int add_proxy(struct host *h, struct cell *c, const struct config_actor *a,
		     const struct place *p, bool own)
{
	struct buf b = {0};
	char name[300];
	size_t at = mpw_map_open(&b), n = 1;
	put_options(&b, a, &n);
	mpw_kv_str(&b, "data_dir", h->data_dir);
	if (own)
		n++, mpw_kv_str(&b, "node", p->node);
	else
		n += put_api(&b, h);
	if (p && !doc_get(a->options, "node-port-address"))
		n++, mpw_kv_str(&b, "node-port-address",
				arena_printf(&h->arena, "127.0.0.1,%s", p->address));
	mpw_map_close(&b, at, n);
	snprintf(name, sizeof name, own ? "%s/%s" : "%s", a->name, own ? p->node : "");
	return add(h, c, "service-proxy", name, &b);
}

static int add_proxies(struct host *h, struct cell *c, const struct config_actor *a)
{
	const struct places *all = &h->places;
	bool lone = all->count == 1 && !all->own;
	int rc = add_proxy(h, c, a, lone ? &all->all[0] : NULL, false);
	for (size_t i = 0; i < all->count && !lone && rc == 0; i++)
		rc = add_proxy(h, c, a, &all->all[i], true);
	return rc;
}

static int add_plain(struct host *h, struct cell *c, const struct config_actor *a)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b), n = 0;
	put_options(&b, a, &n);
	mpw_map_close(&b, at, n);
	return add(h, c, a->kind, a->name, &b);
}

/* ---- controllers: what their config leaves to us */

static void more_address(struct buf *b, struct host *h, size_t *n)
{
	const char *address = config_api_address(&h->config, &h->arena), *machine = NULL;
	int port;
	if (!address)
		return;
	(void)api_for_pods(h, &machine, &port);
	if (machine)
		address = arena_printf(&h->arena, "%s:%d", machine, port);
	mpw_kv_str(b, "address", address);
	(*n)++;
}

static void more_keys(struct buf *b, struct host *h, size_t *n)
{
	put_path(b, h, "accounts", "sa.key");
	put_file(b, h, "ca", "ca.crt");
	*n += 2;
}

/* Pods name its directories by their path: it must be the same from everywhere. */
static void more_volumes(struct buf *b, struct host *h, size_t *n)
{
	char path[PATH_MAX + 16], *real = realpath(h->data_dir, NULL);
	snprintf(path, sizeof path, "%s/volumes", real ? real : h->data_dir);
	free(real);
	mpw_kv_str(b, "volumes", path);
	(*n)++;
}

static const struct {
	const char *kind;
	void (*more)(struct buf *b, struct host *h, size_t *n);
} controllers_more[] = {
	{"tokens", more_keys},
	{"gate", more_keys},
	{"kubernetes-service", more_address},
	{"host-path", more_volumes},
};
enum { CONTROLLERS_MORE = sizeof controllers_more / sizeof *controllers_more };

static int add_controller(struct host *h, struct cell *c, const char *kind, const char *name,
			  const struct config_actor *a)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b), n = 0;
	put_options(&b, a, &n);
	for (size_t i = 0; i < CONTROLLERS_MORE; i++)
		if (strcmp(controllers_more[i].kind, kind) == 0)
			controllers_more[i].more(&b, h, &n);
	mpw_map_close(&b, at, n);
	return add(h, c, kind, name, &b);
}

static int add_controllers(struct host *h, struct cell *c, const struct config_actor *a)
{
	const char *const *kind;
	size_t count = config_controllers(&kind);
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++)
		if (!config_is_without(a, kind[i]))
			rc = add_controller(h, c, kind[i],
					    config_controller_name(a, kind[i], &h->arena), a);
	return rc;
}

static int add_store(struct host *h, struct cell *c)
{
	char path[700];
	struct buf b = {0};
	const char *at = h->config.store_path;
	snprintf(path, sizeof path, "%s%s%s", *at == '/' ? "" : h->data_dir, *at == '/' ? "" : "/",
		 at);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "driver", h->config.store_driver);
	mpw_kv_str(&b, "path", path);
	mpw_kv_i64(&b, "quota", h->config.store_quota);
	return add(h, c, "store", "store", &b);
}

/* A cell that can have no ring runs all the same. */
static bool has_audited(const struct config_cell *cell)
{
	for (size_t i = 0; i < cell->actor_count; i++)
		if (strcmp(cell->actors[i].kind, "api") == 0 && is_audited(&cell->actors[i]))
			return true;
	return false;
}

static struct tap *open_tap(const struct host *h, const struct config_cell *cell)
{
	char dir[500];
	struct tap *t = NULL;
	struct err e = {0};
	struct tap_config cfg = {dir, cell->name, &catalogue, (size_t)h->config.ring_bytes,
				 has_audited(cell)};
	snprintf(dir, sizeof dir, "%s/rings", h->run_dir);
	if (tap_open(&t, &cfg, &e))
		log_warn("troupe", "cell %s is not tapped: %s", cell->name, e.text);
	return t;
}

/* ---- shared objects: loaded once, before there are threads; one file may have
 * several actors here */

static int load_plugin(struct host *h, struct config_actor *a)
{
	struct err e = {0};
	size_t n = 0;
	const struct troupe_plugin *p;
	char file[4096];
	struct span s = doc_get_str(a->options, "file");
	snprintf(file, sizeof file, "%.*s", (int)s.len, (const char *)s.data);
	if (plugin_load(file, &p, &e)) {
		log_error("troupe", "%s", e.text);
		return ERR_INVALID;
	}
	while (h->kinds[n] && strcmp(h->kinds[n]->kind, p->actor->kind))
		n++;
	if (h->kinds[n] ? h->kinds[n] != p->actor : n + 1 == KINDS_MAX) {
		log_error("troupe", "%s: there is another shared object of kind '%s', or too many",
			  file, p->actor->kind);
		return ERR_EXISTS;
	}
	h->kinds[n] = p->actor;
	a->plugin = p->actor->kind;
	return 0;
}

static int load_plugins(struct host *h, const char *process)
{
	int rc = 0;
	memcpy(h->kinds, kinds, sizeof kinds);
	for (size_t i = 0; i < h->config.cell_count; i++) {
		const struct config_cell *cell = &h->config.cells[i];
		if (h->main_process || !cell->own_process || strcmp(cell->name, process))
			continue;
		for (size_t k = 0; k < cell->actor_count && rc == 0; k++)
			if (strcmp(cell->actors[k].kind, "plugin") == 0)
				rc = load_plugin(h, &cell->actors[k]);
	}
	return rc;
}

static int add_plugin(struct host *h, struct cell *c, const struct config_actor *a)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b), n = 0;
	put_options(&b, a, &n);
	mpw_map_close(&b, at, n);
	return add(h, c, a->plugin, a->name, &b);
}

/* Kinds whose config leaves something to us; all others are plain. */
static const struct {
	const char *kind;
	int (*add)(struct host *h, struct cell *c, const struct config_actor *a);
} adders[] = {
	{"api", add_api},
	{"node-agent", add_agents},
	{"controllers", add_controllers},
	{"service-proxy", add_proxies},
	{"plugin", add_plugin},
};

static int add_actor(struct host *h, struct cell *c, const struct config_actor *a)
{
	for (size_t i = 0; i < sizeof adders / sizeof *adders; i++)
		if (strcmp(adders[i].kind, a->kind) == 0)
			return adders[i].add(h, c, a);
	for (size_t i = 0; i < CONTROLLERS_MORE; i++)
		if (strcmp(controllers_more[i].kind, a->kind) == 0)
			return add_controller(h, c, a->kind, a->name, a);
	return add_plain(h, c, a);
}

static int fill_cell(const struct host_cell *k, struct cell *c)
{
	int rc = k->with_store ? add_store(k->host, c) : 0;
	for (size_t i = 0; i < k->cfg->actor_count && rc == 0; i++)
		rc = add_actor(k->host, c, &k->cfg->actors[i]);
	return rc;
}

/* On the cell's own thread, when it begins again. What was added once can be
 * added again. */
static void refill_cell(void *arg, struct cell *c)
{
	(void)fill_cell(arg, c);
}

/* A cell that can have no record in shared memory runs all the same, with one
 * that ends with its process. */
static struct turn_record *open_record(const struct host *h, const char *cell)
{
	char path[600];
	struct turn_record *r = NULL;
	struct err e = {0};
	snprintf(path, sizeof path, "%s/%s.turn", h->run_dir, cell);
	if (turn_record_open(&r, path, &e) == 0)
		return r;
	log_warn("troupe", "%s: what crashes the process is not remembered", e.text);
	return turn_record_new();
}

static bool has_agents(const struct config_cell *cfg)
{
	for (size_t i = 0; i < cfg->actor_count; i++)
		if (strcmp(cfg->actors[i].kind, "node-agent") == 0)
			return true;
	return false;
}

static int open_cell(struct host *h, const struct config_cell *cfg, bool with_store)
{
	struct err e = {0};
	char broker[64] = "inproc://broker", bus[64] = "inproc://bus";
	if (!h->main_process) {
		snprintf(broker, sizeof broker, "ipc://%s/broker.ipc", h->sockets.path);
		snprintf(bus, sizeof bus, "ipc://%s/bus.ipc", h->sockets.path);
	}
	struct host_cell *k = &h->cells[h->loop_count];
	*k = (struct host_cell){.host = h, .cfg = cfg, .with_store = with_store};
	k->record = open_record(h, cfg->name);
	struct loop_config l = {
		.cell = {.name = cfg->name,
			 .cluster = CLUSTER,
			 .catalogue = &catalogue,
			 .kinds = h->kinds,
			 .drivers = drivers,
			 .restart = cfg->restart,
			 .record = k->record,
			 .letters = &k->letters},
		.fill = refill_cell,
		.fill_arg = k,
		.alone = !h->main_process,
		.restart = cfg->restart,
		.broker = broker,
		.bus = bus,
		.trusted = h->main_process,
		.shared = shared,
		.shared_arg = h,
	};
	l.tap_arg = h->taps[h->loop_count] = open_tap(h, cfg);
	l.tap = l.tap_arg ? tap_write : NULL;
	l.heard = l.tap_arg ? tap_heard : NULL;
	int rc = loop_open(&h->loops[h->loop_count], &l, &e);
	if (rc) {
		log_error("troupe", "cell %s: %s", cfg->name, e.text);
		turn_record_close(k->record);
		return rc;
	}
	h->has_agents[h->loop_count] = has_agents(cfg);
	return fill_cell(k, loop_cell(h->loops[h->loop_count++]));
}

/* ---- threads */

static void *broker_main(void *arg)
{
	prctl(PR_SET_NAME, "broker");
	broker_run(arg);
	return NULL;
}

static void *loop_main(void *arg)
{
	prctl(PR_SET_NAME, cell_name(loop_cell(arg)));
	loop_run(arg);
	return NULL;
}

static void start_watchdog(struct host *h)
{
	const struct turn_record *records[CELLS_MAX];
	const char *cells[CELLS_MAX];
	for (size_t i = 0; i < h->loop_count; i++) {
		records[i] = h->cells[i].record;
		cells[i] = h->cells[i].cfg->name;
	}
	struct watchdog_config cfg = {.records = records,
				      .cells = cells,
				      .count = h->loop_count,
				      .limit_ms = h->config.turn_limit_ms};
	h->watchdog = watchdog_start(&cfg);
}

static int open_cells(struct host *h, const char *process)
{
	bool store_placed = false;
	for (size_t i = 0; i < h->config.cell_count; i++) {
		const struct config_cell *cell = &h->config.cells[i];
		bool mine = h->main_process ? !cell->own_process
					    : cell->own_process && strcmp(cell->name, process) == 0;
		bool store = h->main_process && mine && !store_placed;
		store_placed |= store;
		if (h->loop_count == CELLS_MAX)
			return ERR_LIMIT;
		if (mine && open_cell(h, cell, store))
			return ERR_IO;
	}
	return h->loop_count ? 0 : ERR_NOT_FOUND;
}

static int start(struct host *h, const char *process)
{
	char path[500];
	struct err e = {0};
	snprintf(path, sizeof path, "%s/cluster.yaml", h->run_dir);
	if (config_load(&h->config, path, &e)) {
		log_error("troupe", "%s", e.text);
		return HOST_EXIT_FATAL;
	}
	if (load_plugins(h, process) || places_read(&h->config, &h->arena, &h->places, &e))
		return HOST_EXIT_FATAL;
	snprintf(path, sizeof path, "%s/heads", h->run_dir);
	if (heads_open(&h->heads, path, &e)) {
		log_error("troupe", "%s", e.text);
		return 1;
	}
	if (rundir_open(&h->sockets, h->data_dir, &e)) {
		log_error("troupe", "%s", e.text);
		return 1;
	}
	char ring[500];
	snprintf(ring, sizeof ring, "%s/rings", h->run_dir);
	mkdir(ring, 0700); /* what there is to say, its first user says */
	snprintf(ring, sizeof ring, "%s/rings/broker.ring", h->run_dir);
	struct broker_config b = {.cluster = CLUSTER, .dir = h->sockets.path, .ring = ring};
	if (h->main_process && broker_open(&h->broker, &b, &e)) {
		log_error("troupe", "broker: %s", e.text);
		return 1;
	}
	return open_cells(h, process) ? 1 : 0;
}

/* Loops stop in reverse order: what was started last depends on the others. */
static void stop_loops(struct host *h, bool agents_only)
{
	for (size_t i = h->loop_count; i-- > 0;) {
		if (h->stopped[i] || (agents_only && !h->has_agents[i]))
			continue;
		loop_stop(h->loops[i], STOP_MS);
		pthread_join(h->threads[i], NULL);
		h->stopped[i] = true;
	}
}

static void stop(struct host *h)
{
	stop_loops(h, false);
	watchdog_stop(h->watchdog);
	for (size_t i = h->loop_count; i-- > 0;) {
		loop_free(h->loops[i]);
		turn_record_close(h->cells[i].record);
		dead_letters_fini(&h->cells[i].letters);
		tap_close(h->taps[i]);
	}
	if (h->broker) {
		broker_stop(h->broker);
		pthread_join(h->broker_thread, NULL);
		broker_free(h->broker);
	}
}

static void tell_pods(struct host *h)
{
	const char *fd = getenv("TROUPE_NOTIFY_FD");
	stop_loops(h, true);
	(void)!write(fd ? atoi(fd) : -1, HOST_SAYS_TOLD, sizeof HOST_SAYS_TOLD - 1);
}

static void wait_for_term(struct host *h)
{
	sigset_t set;
	int sig = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &sig) || sig != SIGTERM)
		if (sig == SIGUSR1)
			tell_pods(h);
}

static void block_signals(void)
{
	sigset_t set;
	signal(SIGINT, SIG_IGN); /* the terminal's is the parent's to handle */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int host_run(const char *data_dir, const char *process, bool keep_pods)
{
	struct host *h = mem_alloc(sizeof *h);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		return 1; /* the parent died before we asked to die with it */
	block_signals();
	h->data_dir = data_dir;
	h->keep_pods = keep_pods;
	h->main_process = strcmp(process, "main") == 0;
	snprintf(h->run_dir, sizeof h->run_dir, "%s/run", data_dir);
	sock_system_start();
	int rc = start(h, process);
	if (rc)
		return rc;
	if (h->broker)
		pthread_create(&h->broker_thread, NULL, broker_main, h->broker);
	for (size_t i = 0; i < h->loop_count; i++)
		pthread_create(&h->threads[i], NULL, loop_main, h->loops[i]);
	start_watchdog(h);
	wait_for_term(h);
	stop(h);
	sock_system_stop();
	rundir_close(&h->sockets);
	heads_close(h->heads);
	config_fini(&h->config);
	arena_fini(&h->arena);
	free(h);
	return 0;
}
