/* The actors of a cell, with what their config leaves to the process: files of keys,
 * places in the network, where the API is. */
#include "tools/host_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"

enum { TOKENS_BYTES_MAX = 1024 * 1024 };

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
bool host_is_audited(const struct config_actor *a)
{
	return !span_is(doc_get_str(a->options, "audit"), "off") &&
	       doc_get_bool(a->options, "audit", true);
}

static int add_api(struct host *h, struct cell *c, const struct config_actor *a)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b), n = 7;
	put_options(&b, a, &n);
	mpw_kv_bool(&b, "audited", host_is_audited(a));
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
		size_t at = mpw_map_open(&b), n = 4;
		put_options(&b, a, &n);
		mpw_kv_i64(&b, "siblings", a->count);
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

int host_add_store(struct host *h, struct cell *c)
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

int host_add_actor(struct host *h, struct cell *c, const struct config_actor *a)
{
	for (size_t i = 0; i < sizeof adders / sizeof *adders; i++)
		if (strcmp(adders[i].kind, a->kind) == 0)
			return adders[i].add(h, c, a);
	for (size_t i = 0; i < CONTROLLERS_MORE; i++)
		if (strcmp(controllers_more[i].kind, a->kind) == 0)
			return add_controller(h, c, a->kind, a->name, a);
	return add_plain(h, c, a);
}
