#include "tools/config.h"

#include <stdlib.h>
#include <string.h>

#include "actors/schema/yaml.h"
#include "broker/base/omap.h"
#include "broker/envelope.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_space.h"
#include "tools/config_check.h"

enum { CELL_NAME_MAX = 63, ACTOR_NAME_MAX = ENV_NAME_BYTES_MAX };

/* ---- from the tree to the struct */

static const char *text_or(struct config_reader *p, const struct doc *map, const char *key,
			   const char *otherwise)
{
	struct span s = doc_get_str(map, key);
	return s.len ? arena_ndup(&p->c->arena, s.data, s.len) : otherwise;
}

/* The row's fallback where the file says nothing. */
static struct span value_or_fallback(const struct doc *map, const char *place, const char *key)
{
	struct span s = doc_get_str(map, key);
	return s.len ? s : span_of(config_find_key(place, span_of(key))->fallback);
}

static int read_restart(struct config_reader *p, const struct doc *at, const char *place,
			struct restart_policy *out)
{
	struct doc *d = doc_get(at, "restart");
	int64_t count = 0, window = 0, from = 0, to = 0;
	int rc = d ? config_check_map(p, d, place, NULL) : 0;
	if (rc)
		return rc;
	config_read_rate(value_or_fallback(d, place, "intensity"), &count, &window);
	config_read_backoff(value_or_fallback(d, place, "backoff"), &from, &to);
	*out = (struct restart_policy){.intensity = (unsigned)count,
				       .window_us = (uint64_t)window,
				       .backoff_min_us = (uint64_t)from,
				       .backoff_max_us = (uint64_t)to};
	restart_strategy_of(doc_get_str(d, "strategy"), &out->strategy);
	return 0;
}

static int read_processes(struct config_reader *p, const struct doc *root)
{
	int64_t us = 0;
	config_read_whole_time(value_or_fallback(root, "", "turn-limit"), &us);
	p->c->turn_limit_ms = (uint32_t)(us / MS);
	return read_restart(p, root, "restart", &p->c->restart);
}

/* A size that check_map has let pass; absent: *out stays. */
static void read_bytes(const struct doc *map, const char *key, int64_t *out)
{
	const struct doc *v = doc_get(map, key);
	if (doc_is(v, DOC_INT))
		*out = v->integer;
	else if (v)
		config_read_bytes(v->text, out);
}

static int read_broker(struct config_reader *p, const struct doc *root)
{
	struct doc *broker = doc_get(root, "broker");
	p->c->ring_bytes = 1 << 20;
	int rc = broker ? config_check_map(p, broker, "broker", NULL) : 0;
	if (rc == 0)
		read_bytes(broker, "ring", &p->c->ring_bytes);
	return rc;
}

static int read_store(struct config_reader *p, const struct doc *root)
{
	struct doc *store = doc_get(root, "store");
	struct config *c = p->c;
	int rc = store ? config_check_map(p, store, "store", NULL) : 0;
	if (rc)
		return rc;
	c->store_driver = text_or(p, store, "driver", "lmdb");
	c->store_path = text_or(p, store, "path", "store");
	c->store_quota = 8ll << 30;
	read_bytes(store, "quota", &c->store_quota);
	return 0;
}

bool config_has_runtime(const struct config *c, const char *wanted)
{
	for (size_t i = 0; i < c->cell_count; i++)
		for (size_t k = 0; k < c->cells[i].actor_count; k++) {
			const struct config_actor *a = &c->cells[i].actors[k];
			struct span runtime = doc_get_str(a->options, "runtime");
			if (!runtime.len)
				runtime = span_of("process");
			if (strcmp(a->kind, "node-agent") == 0 && span_is(runtime, wanted))
				return true;
		}
	return false;
}

struct span config_oci_program(const struct config *c)
{
	for (size_t i = 0; i < c->cell_count; i++)
		for (size_t k = 0; k < c->cells[i].actor_count; k++) {
			struct span program = doc_get_str(c->cells[i].actors[k].options, "program");
			if (program.len)
				return program;
		}
	return (struct span){NULL, 0};
}

/* Pods of plain processes are on the machine's own loopback, so their
 * services are there too. */
static int read_services(struct config_reader *p, const struct doc *root)
{
	struct doc *services = doc_get(root, "services");
	struct err why = {0};
	int rc = services ? config_check_map(p, services, "services", NULL) : 0;
	if (rc)
		return rc;
	struct span range = doc_get_str(services, "range");
	if (!range.len)
		range = span_of(config_has_runtime(p->c, "process") && !config_has_runtime(p->c, "oci")
					? "127.96.0.0/16" : "10.96.0.0/16");
	if (obj_cluster_parse(&p->c->ranges, range, &why))
		return config_refuse(p, doc_get(services, "range"), "range: %s", why.text);
	return 0;
}

static int read_nodes(struct config_reader *p, const struct doc *root)
{
	struct doc *nodes = doc_get(root, "nodes");
	struct netlink_prefix range;
	int rc = nodes ? config_check_map(p, nodes, "nodes", NULL) : 0;
	if (rc)
		return rc;
	p->c->nodes_range = text_or(p, nodes, "range", NODE_SPACE_RANGE);
	p->c->nodes_bridge = text_or(p, nodes, "bridge", NODE_SPACE_BRIDGE);
	if (netlink_prefix_parse(p->c->nodes_range, &range, NULL) ||
	    range.ip.s_addr != netlink_prefix_network(range).ip.s_addr ||
	    range.bits < NODE_SPACE_BITS_MIN || range.bits > NODE_SPACE_BITS_MAX)
		return config_refuse(p, doc_get(nodes, "range"),
				     "range: %s is no range like 172.29.0.0/16, of %d to %d bits",
				     p->c->nodes_range, NODE_SPACE_BITS_MIN, NODE_SPACE_BITS_MAX);
	if (!node_network_bridge_named(p->c->nodes_bridge))
		return config_refuse(p, doc_get(nodes, "bridge"), "bridge: '%s' is no name of a bridge",
				     p->c->nodes_bridge);
	return 0;
}

/* Actors get times as microseconds, sizes as bytes, and of a rate the time between
 * two (0 of a rate of none). */
static void plain_numbers(struct config_reader *p, const char *place, struct doc *options)
{
	DOC_EACH(v, options) {
		const struct config_key *k = config_find_key(place, v->key);
		int64_t n = 0, count = 1;
		bool size = k && k->type == KEY_BYTES && doc_is(v, DOC_STR);
		if (!k || (k->type != KEY_TIME && k->type != KEY_RATE && !size))
			continue;
		if (size)
			config_read_bytes(v->text, &n);
		else if (k->type == KEY_TIME)
			config_read_whole_time(v->text, &n);
		else if (config_read_rate(v->text, &count, &n))
			n = count ? n / count : 0;
		struct doc *plain = doc_int(&p->c->arena, n);
		plain->key = v->key;
		doc_replace(options, v, plain);
		v = plain;
	}
}

/* What is left out of all controllers: a name that is none is a slip. */
static int check_without(struct config_reader *p, const struct doc *list)
{
	DOC_EACH(it, list) {
		if (!doc_is(it, DOC_STR))
			return config_refuse(p, it, "without is a list of controllers' names");
		size_t i = 0;
		while (i < config_controller_count && !span_is(it->text, config_controller_kinds[i]))
			i++;
		if (i < config_controller_count)
			continue;
		const char *near = yaml_near(it->text, config_controller_kinds, config_controller_count);
		return config_refuse(p, it, "there is no controller '%.*s'%s%s%s", (int)it->text.len,
			      (const char *)it->text.data, near ? ", did you mean '" : "",
			      near ? near : "", near ? "'?" : "");
	}
	return 0;
}

bool config_is_without(const struct config_actor *a, const char *controller)
{
	DOC_EACH(it, doc_get(a->options, "without"))
		if (span_is(it->text, controller))
			return true;
	return false;
}

size_t config_controllers(const char *const **names)
{
	*names = config_controller_kinds;
	return config_controller_count;
}

const char *config_controller_name(const struct config_actor *a, const char *controller,
				   struct arena *arena)
{
	return strcmp(a->name, a->kind) ? arena_printf(arena, "%s/%s", a->name, controller)
					: controller;
}

/* "/lib/team.so": team */
static const char *base_name(struct config_reader *p, struct span file)
{
	size_t from = file.len, to;
	while (from > 0 && file.data[from - 1] != '/')
		from--;
	for (to = from; to < file.len && file.data[to] != '.';)
		to++;
	return arena_ndup(&p->c->arena, file.data + from, to - from);
}

static int read_actor(struct config_reader *p, struct doc *d, struct config_actor *a)
{
	char place[64];
	if (!doc_is(d, DOC_MAP))
		return config_refuse(p, d, "an actor is a map with a kind");
	struct span kind = doc_get_str(d, "kind");
	size_t known = 0;
	while (known < config_kind_count && !span_is(kind, config_kinds[known]))
		known++;
	if (known == config_kind_count) {
		const char *near = kind.len ? yaml_near(kind, config_kinds, config_kind_count) : NULL;
		const struct doc *at = doc_get(d, "kind") ? doc_get(d, "kind") : d;
		if (!kind.len)
			return config_refuse(p, at, "an actor needs a kind");
		return near ? config_refuse(p, at, "unknown actor kind '%.*s', did you mean '%s'?",
				     (int)kind.len, kind.data, near)
			    : config_refuse(p, at, "unknown actor kind '%.*s'", (int)kind.len, kind.data);
	}
	snprintf(place, sizeof place, "actor %s", config_kinds[known]);
	int rc = config_check_map(p, d, "cells[].actors[]", place);
	if (rc)
		return rc;
	a->kind = config_kinds[known];
	a->name = text_or(p, d, "name", a->kind);
	a->count = doc_get_int(d, "count", 1);
	a->line = d;
	if (strcmp(a->kind, "plugin") == 0) {
		if (!doc_get_str(d, "file").len)
			return config_refuse(p, d, "a plugin needs a file");
		a->name = text_or(p, d, "name", base_name(p, doc_get_str(d, "file")));
	}
	rc = check_without(p, doc_get(d, "without"));
	if (rc)
		return rc;
	a->options = doc_copy(&p->c->arena, d);
	plain_numbers(p, place, a->options);
	return 0;
}

static int read_cell(struct config_reader *p, struct doc *d, struct config_cell *cell)
{
	int rc = config_check_map(p, d, "cells[]", NULL);
	if (rc)
		return rc;
	cell->name = text_or(p, d, "name", NULL);
	if (!cell->name)
		return config_refuse(p, d, "a cell needs a name");
	if (strspn(cell->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(cell->name))
		return config_refuse(p, doc_get(d, "name"), "a cell's name has small letters, digits and -");
	if (strlen(cell->name) > CELL_NAME_MAX)
		return config_refuse(p, doc_get(d, "name"), "a cell's name has at most %d bytes", CELL_NAME_MAX);
	cell->own_process = span_is(doc_get_str(d, "process"), "own");
	rc = read_restart(p, d, "cells[].restart", &cell->restart);
	if (rc)
		return rc;
	struct doc *actors = doc_get(d, "actors");
	size_t n = actors ? actors->count : 0;
	cell->actors = arena_alloc(&p->c->arena, (n + 1) * sizeof *cell->actors);
	DOC_EACH(it, actors) {
		struct config_actor *a = &cell->actors[cell->actor_count++];
		rc = read_actor(p, it, a);
		if (rc)
			return rc;
		if (strcmp(a->kind, "plugin"))
			continue;
		if (!cell->own_process)
			return config_refuse(p, it, "a plugin has a process of its own: its cell needs "
					     "`process: own`");
		cell->foreign = true;
	}
	return 0;
}

/* ---- names are unique in a cluster: a second one would take the first one's */

struct names {
	struct config_reader *p;
	const struct config_actor *actor; /* whose names are taken */
	struct omap taken;
};

static int take_name(struct names *n, const char *name)
{
	if (strlen(name) > ACTOR_NAME_MAX)
		return config_refuse(n->p, n->actor->line, "an actor's name has at most %d bytes", ACTOR_NAME_MAX);
	if (!omap_put(&n->taken, span_of(name), n->p))
		return 0;
	return config_refuse(n->p, n->actor->line,
		      "there are two actors '%s': give one of them another name", name);
}

static int take_nodes(struct names *n, const struct config_actor *a)
{
	struct arena *arena = &n->p->c->arena;
	for (int64_t i = 0; i < a->count; i++) {
		const char *node = config_node_name(a, i, arena);
		if (omap_put(&n->taken, span_of(arena_printf(arena, "node-agent/%s", node)), n->p))
			return config_refuse(n->p, a->line,
					     "there are two nodes '%s': give one of them another name (node: ...)", node);
	}
	return 0;
}

static int take_names(struct names *n, const struct config_actor *a)
{
	int rc = 0;
	n->actor = a;
	if (strcmp(a->kind, "node-agent") == 0)
		return take_nodes(n, a);
	if (strcmp(a->kind, "api") == 0) {
		struct span at = value_or_fallback(a->options, "actor api", "listen");
		if (omap_put(&n->taken, span_of(arena_printf(&n->p->c->arena, "at %.*s", (int)at.len,
							     (const char *)at.data)), n->p))
			return config_refuse(n->p, a->line, "another API listens on %.*s already", (int)at.len,
					     (const char *)at.data);
	}
	if (strcmp(a->kind, "controllers"))
		return take_name(n, a->name);
	for (size_t i = 0; i < config_controller_count && rc == 0; i++)
		if (!config_is_without(a, config_controller_kinds[i]))
			rc = take_name(n, config_controller_name(a, config_controller_kinds[i],
								 &n->p->c->arena));
	return rc;
}

static int check_names(struct config_reader *p)
{
	struct names n = {.p = p};
	int rc = 0;
	for (size_t i = 0; i < p->c->cell_count && rc == 0; i++)
		for (size_t k = 0; k < p->c->cells[i].actor_count && rc == 0; k++)
			rc = take_names(&n, &p->c->cells[i].actors[k]);
	omap_fini(&n.taken, NULL);
	return rc;
}

static int read_cells(struct config_reader *p, const struct doc *root)
{
	struct doc *cells = doc_get(root, "cells");
	if (!cells || !cells->count)
		return config_refuse(p, root, "cells is missing: there must be one at least");
	p->c->cells = arena_alloc(&p->c->arena, cells->count * sizeof *p->c->cells);
	DOC_EACH(it, cells) {
		struct config_cell *cell = &p->c->cells[p->c->cell_count];
		int rc = read_cell(p, it, cell);
		if (rc)
			return rc;
		for (size_t i = 0; i < p->c->cell_count; i++)
			if (strcmp(p->c->cells[i].name, cell->name) == 0)
				return config_refuse(p, doc_get(it, "name"), "there are two cells %s",
					      cell->name);
		p->c->cell_count++;
	}
	for (size_t i = 0; i < p->c->cell_count; i++)
		if (!p->c->cells[i].own_process)
			return 0;
	return config_refuse(p, cells, "one cell must be shared: the store lives in the first of them");
}

int config_parse(struct config *c, const char *file, struct span text, struct err *e)
{
	struct config_reader p = {c, file, e};
	struct doc *root = NULL;
	struct notes dups = {0};
	struct err why = {0};
	memset(c, 0, sizeof *c);
	char *copy = arena_ndup(&c->arena, text.data, text.len);
	if (yaml_parse(&c->arena, (struct span){(uint8_t *)copy, text.len}, &root, &dups, &why))
		return err_set(e, ERR_INVALID, "%s: %s", file, why.text);
	if (dups.count)
		return err_set(e, ERR_INVALID, "%s: %s", file, notes_text(&dups, &c->arena));
	if (!doc_is(root, DOC_MAP))
		return err_set(e, ERR_INVALID, "%s:1:1: a map is expected", file);
	int rc = config_check_map(&p, root, "", NULL);
	if (rc)
		return rc;
	c->cluster = text_or(&p, root, "cluster", "troupe");
	rc = read_broker(&p, root);
	if (rc == 0)
		rc = read_store(&p, root);
	if (rc == 0)
		rc = read_processes(&p, root);
	if (rc == 0)
		rc = read_cells(&p, root);
	if (rc == 0)
		rc = check_names(&p);
	if (rc == 0)
		rc = read_services(&p, root);
	return rc ? rc : read_nodes(&p, root);
}

int config_load(struct config *c, const char *file, struct err *e)
{
	FILE *f = fopen(file, "re");
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: %m", file);
	struct buf b = {0};
	size_t n;
	do {
		buf_reserve(&b, 65536);
		n = fread(b.data + b.len, 1, 65536, f);
		b.len += n;
	} while (n && b.len < 16u << 20);
	fclose(f);
	int rc = config_parse(c, file, span_buf(&b), e);
	buf_fini(&b);
	return rc;
}

void config_fini(struct config *c)
{
	arena_fini(&c->arena);
}

/* ---- the default */

void config_services(const struct config *c, char range[CONFIG_RANGE_MAX], char first[CONFIG_RANGE_MAX])
{
	uint32_t base = c->ranges.service_base;
	snprintf(range, CONFIG_RANGE_MAX, "%u.%u.%u.%u/%u", base >> 24, base >> 16 & 255, base >> 8 & 255,
		 base & 255, c->ranges.service_bits);
	base++;
	snprintf(first, CONFIG_RANGE_MAX, "%u.%u.%u.%u", base >> 24, base >> 16 & 255, base >> 8 & 255,
		 base & 255);
}

struct config_slot config_slot(unsigned slot)
{
	struct config_slot s;
	slot %= CONFIG_SLOTS;
	snprintf(s.bridge, sizeof s.bridge, "troupe%u", slot);
	snprintf(s.subnet, sizeof s.subnet, "10.%u.1.0/24", 244 + slot);
	snprintf(s.services, sizeof s.services, "10.%u.0.0/16", 96 + slot);
	snprintf(s.pods, sizeof s.pods, "10.%u.0.0/16", 244 + slot);
	/* Downwards: Docker takes what it needs from 172.17 upwards. */
	snprintf(s.nodes_range, sizeof s.nodes_range, "172.%u.0.0/16", 30 - slot);
	snprintf(s.nodes_bridge, sizeof s.nodes_bridge, slot ? NODE_SPACE_BRIDGE "%u" : NODE_SPACE_BRIDGE, slot);
	return s;
}

unsigned config_slot_of(const struct config *c)
{
	uint32_t first = UINT32_C(10) << 24 | 96 << 16, base = c->ranges.service_base;
	bool fits = base >= first && (base & 0xffff) == 0 && (base - first) >> 16 < CONFIG_SLOTS;
	return fits ? (base - first) >> 16 : CONFIG_SLOTS;
}

void config_default(struct buf *out, const struct config_wish *w)
{
	buf_printf(out,
		   "# What `troupe up` runs. Keep a copy, change it, and start it with -f.\n"
		   "cluster: troupe\n"
		   "broker: {ring: 1MiB}\n"
		   "store: {driver: lmdb, path: store, quota: 8GiB}\n"
		   "restart: {intensity: 5/5m, backoff: 10ms..5s}\n"
		   "turn-limit: 10s\n");
	struct config_slot slot = config_slot(w->slot);
	if (w->slot)
		buf_printf(out, "services: {range: %s}\n", slot.services);
	if (w->slot && w->nodes > 1)
		buf_printf(out, "nodes: {range: %s, bridge: %s}\n", slot.nodes_range, slot.nodes_bridge);
	buf_printf(out,
		   "cells:\n"
		   "  - name: core\n"
		   "    restart: {strategy: one-for-one, intensity: 5/30s, backoff: 100ms..30s}\n"
		   "    actors: [{kind: gate}, {kind: controllers}, {kind: scheduler}]\n"
		   "  - name: api\n"
		   "    process: %s\n"
		   "    actors: [{kind: api, listen: \"%s\"}]\n",
		   w->own_api ? "own" : "shared", w->api);
	if (w->nodes > 0)
		buf_printf(out, "  - name: nodes\n%s    actors:\n",
			   strcmp(w->runtime, "oci") ? "" : "    process: own\n");
	for (int i = 1; i <= w->nodes; i++) {
		buf_printf(out, "      - {kind: node-agent, node: n%d, runtime: %s", i, w->runtime);
		if (w->program)
			buf_printf(out, ", program: \"%s\"", w->program);
		if (w->slot && w->nodes == 1)
			buf_printf(out, ", bridge: %s, subnet: %s", slot.bridge, slot.subnet);
		else if (w->slot)
			buf_printf(out, ", subnet: 10.%u.%d.0/24", 244 + w->slot, i);
		buf_puts(out, "}\n");
	}
	if (w->nodes > 0 && strcmp(w->runtime, "sim"))
		buf_puts(out, "      - {kind: service-proxy, plane: userspace}\n");
}

/* ---- questions */

/* The next actor of that kind behind `*cell`, `*at`; NULL at the end. */
static const struct config_actor *next_of(const struct config *c, const char *kind, size_t *cell,
					  size_t *at)
{
	for (; *cell < c->cell_count; (*cell)++, *at = 0) {
		const struct config_cell *k = &c->cells[*cell];
		while (*at < k->actor_count) {
			const struct config_actor *a = &k->actors[(*at)++];
			if (strcmp(a->kind, kind) == 0)
				return a;
		}
	}
	return NULL;
}

const char *config_api_address(const struct config *c, struct arena *a)
{
	size_t cell = 0, at = 0;
	const struct config_actor *api = next_of(c, "api", &cell, &at);
	if (!api)
		return NULL;
	struct span s = doc_get_str(api->options, "listen");
	return s.len ? arena_ndup(a, s.data, s.len) : "127.0.0.1:6443";
}

const char *config_node_name(const struct config_actor *agent, int64_t index, struct arena *a)
{
	struct span node = doc_get_str(agent->options, "node");
	if (!node.len)
		node = span_of("n1");
	if (agent->count == 1)
		return arena_ndup(a, node.data, node.len);
	size_t letters = 0;
	while (letters < node.len && !(node.data[letters] >= '0' && node.data[letters] <= '9'))
		letters++;
	return arena_printf(a, "%.*s%lld", (int)letters, (const char *)node.data,
			    (long long)(index + 1));
}

size_t config_nodes(const struct config *c, struct arena *a, const char ***names)
{
	size_t n = 0, total = 0, cell = 0, at = 0;
	const struct config_actor *agent;
	while ((agent = next_of(c, "node-agent", &cell, &at)))
		total += (size_t)agent->count;
	*names = arena_alloc(a, (total + 1) * sizeof **names);
	cell = at = 0;
	while ((agent = next_of(c, "node-agent", &cell, &at)))
		for (int64_t i = 0; i < agent->count; i++)
			(*names)[n++] = config_node_name(agent, i, a);
	return n;
}
