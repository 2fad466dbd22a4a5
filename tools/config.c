#include "tools/config.h"

#include <stdarg.h>

#include <stdlib.h>
#include <string.h>

#include "actors/schema/yaml.h"
#include "broker/base/omap.h"

/* ---- the tables */

enum key_type {
	KEY_TEXT,
	KEY_INT,
	KEY_BYTES,
	KEY_BOOL,
	KEY_LIST,
	KEY_MAP,
	KEY_TIME,    /* 250ms, 10s, 5m, 1h; min and max in microseconds */
	KEY_RATE,    /* 5/30s: so many in that time */
	KEY_BACKOFF, /* 100ms..30s: from, to */
};

#define MS INT64_C(1000)
#define SECONDS (1000 * MS)
#define HOURS (3600 * SECONDS)

struct key {
	const char *place; /* "", "store", "cells[]", "cells[].actors[]", or "actor KIND" */
	const char *name;
	enum key_type type;
	int64_t min, max; /* of numbers */
	const char *values; /* of text: "a|b", NULL any */
	const char *fallback;
	const char *help;
};

static const struct key keys[] = {
	{"", "cluster", KEY_TEXT, 0, 0, NULL, "troupe", "the cluster's name"},
	{"", "broker", KEY_MAP, 0, 0, NULL, NULL, "how messages travel"},
	{"", "store", KEY_MAP, 0, 0, NULL, NULL, "where the state is kept"},
	{"", "services", KEY_MAP, 0, 0, NULL, NULL, "where services have their addresses"},
	{"", "cells", KEY_LIST, 0, 0, NULL, NULL, "loops and the actors that live on them"},
	{"", "restart", KEY_MAP, 0, 0, NULL, NULL, "how often a process is started again"},
	{"", "turn-limit", KEY_TIME, 100 * MS, HOURS, NULL, "10s",
	 "an actor's turn that takes longer ends its process, which is started again"},
	{"restart", "intensity", KEY_RATE, 0, 24 * HOURS, NULL, "5/5m",
	 "restarts in that time, at most; one more ends `troupe up`. Kills (SIGKILL) do not count"},
	{"restart", "backoff", KEY_BACKOFF, 0, HOURS, NULL, "10ms..5s",
	 "wait before each, doubled from the first to the last"},
	{"broker", "ring", KEY_BYTES, 64 << 10, 1 << 30, NULL, "1MiB",
	 "what each loop keeps of its last messages; rounded down to a power of two"},
	{"store", "driver", KEY_TEXT, 0, 0, "lmdb|memory", "lmdb", "memory: nothing is kept"},
	{"store", "path", KEY_TEXT, 0, 0, NULL, "store", "a directory; relative to the data directory"},
	{"store", "quota", KEY_BYTES, 1 << 20, INT64_MAX, NULL, "8GiB", "what the journal may hold"},
	{"services", "range", KEY_TEXT, 0, 0, NULL, NULL,
	 "IPv4 prefix; 127.96.0.0/16 where nodes' runtime is process and none's is oci, else 10.96.0.0/16"},
	{"cells[]", "name", KEY_TEXT, 0, 0, NULL, NULL, "of the cell; unique"},
	{"cells[]", "process", KEY_TEXT, 0, 0, "shared|own", "shared", "own: one of its own"},
	{"cells[]", "actors", KEY_LIST, 0, 0, NULL, NULL, "who lives there"},
	{"cells[]", "restart", KEY_MAP, 0, 0, NULL, NULL, "what happens when one of them fails"},
	{"cells[].restart", "strategy", KEY_TEXT, 0, 0, "one-for-one|one-for-all|rest-for-one",
	 "one-for-one", "who begins again: it, all, or it and those behind it"},
	{"cells[].restart", "intensity", KEY_RATE, 0, 24 * HOURS, NULL, "5/30s",
	 "restarts of an actor in that time, at most; one more and the cell begins again, "
	 "and when that is too often its process"},
	{"cells[].restart", "backoff", KEY_BACKOFF, 0, HOURS, NULL, "100ms..30s",
	 "wait before each, doubled from the first to the last"},
	{"cells[].actors[]", "kind", KEY_TEXT, 0, 0, NULL, NULL,
	 "api, gate, scheduler, node-agent, service-proxy, plugin, controllers (all), or one by its name: "
	 "namespaces, namespace-deletion, kubernetes-service, replication, replicaset, deployment, "
	 "daemonset, statefulset, job, cronjob, ttl-after-finished, disruption, "
	 "endpoints, garbage-collector, resource-quota, node-lifecycle, taint-eviction, pod-gc, "
	 "persistentvolume, host-path, pvc-protection, pv-protection, ephemeral-volume, selector-overlap, "
	 "event-expiry, bootstrap, tokens"},
	{"cells[].actors[]", "name", KEY_TEXT, 0, 0, NULL, NULL,
	 "another one than its kind; of controllers: NAME/KIND each. A scheduler or controller "
	 "may be started several times, under names of their own: one is active, the others wait"},
	{"cells[].actors[]", "restart", KEY_TEXT, 0, 0, "permanent|transient|temporary",
	 "permanent", "begins again after every end, after failures, never"},
	{"actor api", "listen", KEY_TEXT, 0, 0, NULL, "127.0.0.1:6443", "IPV4:PORT of HTTPS"},
	{"actor api", "tokens", KEY_TEXT, 0, 0, NULL, NULL,
	 "file of bearer tokens, a line each: token,user,uid,\"group,group\""},
	{"actor api", "requests-in-flight", KEY_INT, 1, 100000, NULL, "600",
	 "requests that are answered at a time; one more is told to come later (429)"},
	{"actor api", "user-requests-in-flight", KEY_INT, 1, 100000, NULL, "300",
	 "and those of one user; administrators are not refused"},
	{"actor api", "idle-seconds", KEY_INT, 1, 86400, NULL, "90",
	 "a connection ends that so long neither asks nor reads its answer; watches that wait stay"},
	{"actor api", "connections", KEY_INT, 1, 1000000, NULL, "15000",
	 "at a time; who comes then waits until one of them ends"},
	{"actor api", "audit", KEY_TEXT, 0, 0, "off|metadata", "metadata",
	 "requests are said as notices (audit.k8s.io/v1) while somebody listens: `troupe tail --notices`"},
	{"actor api", "audit-kept", KEY_BOOL, 0, 0, NULL, "false",
	 "also while nobody does: the last ones can be read later, for some microseconds a request"},
	{"actor scheduler", "serves", KEY_TEXT, 0, 0, NULL, "default-scheduler",
	 "the spec.schedulerName of its pods"},
	{"actor node-agent", "node", KEY_TEXT, 0, 0, NULL, "n1", "the node's name"},
	{"actor node-agent", "count", KEY_INT, 1, 100000, NULL, "1",
	 "so many nodes: n1, n2, ... behind the name's letters"},
	{"actor node-agent", "runtime", KEY_TEXT, 0, 0, "process|sim|oci", "process",
	 "what containers are"},
	{"actor node-agent", "program", KEY_TEXT, 0, 0, NULL, NULL,
	 "the OCI program of runtime oci; the first of crun and runc that works here"},
	{"actor node-agent", "pull-patience", KEY_TIME, 1000 * MS, 24 * HOURS, NULL, "5m",
	 "a pull in which nothing comes from the registry for so long is given up"},
	{"actor node-agent", "image-gc-high", KEY_INT, 1, 100, NULL, "85",
	 "percent of the disk: when so much is used, images go that no pod uses (100: never)"},
	{"actor node-agent", "image-gc-low", KEY_INT, 0, 100, NULL, "80", "... until it is so much"},
	{"actor node-agent", "image-gc-period", KEY_TIME, 100 * MS, 24 * HOURS, NULL, "5m",
	 "how often that is looked at"},
	{"actor node-agent", "figures-period", KEY_TIME, 100 * MS, HOURS, NULL, "10s",
	 "how often it looks at what its containers use, with runtime oci"},
	{"actor node-agent", "eviction-memory", KEY_BYTES, 0, INT64_MAX, NULL, "100MiB",
	 "when less is available, pods are evicted (0: never)"},
	{"actor node-agent", "eviction-disk", KEY_INT, 0, 100, NULL, "10",
	 "the same of its disk, in percent: first unused images go, then pods"},
	{"actor node-agent", "eviction-inodes", KEY_INT, 0, 100, NULL, "5",
	 "the same of the inodes of its disk"},
	{"actor node-agent", "subnet", KEY_TEXT, 0, 0, NULL, NULL,
	 "of its pods, with runtime oci: an IPv4 prefix; 10.244.K.0/24 of node nK"},
	{"actor node-agent", "address", KEY_TEXT, 0, 0, NULL, NULL,
	 "of the node, with runtime oci: by which its pods reach it; the first of its subnet, of "
	 "several nodes one in 172.30.0.0/16, with `cni` 127.0.0.1"},
	{"actor node-agent", "own-namespace", KEY_BOOL, 0, 0, NULL, "false",
	 "with runtime oci, in a network namespace of its own although it is the only one on the "
	 "machine; of several each is"},
	{"actor node-agent", "cni", KEY_TEXT, 0, 0, NULL, NULL,
	 "a CNI network (.conflist) for the pods of runtime oci, instead of the built-in one"},
	{"actor node-agent", "cni-bin", KEY_TEXT, 0, 0, NULL, "/opt/cni/bin:/usr/lib/cni",
	 "where its plugins are"},
	{"actor node-agent", "cpu", KEY_TEXT, 0, 0, NULL, NULL, "capacity, like 4 or 500m"},
	{"actor node-agent", "memory", KEY_TEXT, 0, 0, NULL, NULL, "capacity, like 8Gi"},
	{"actor node-agent", "heartbeat", KEY_TIME, 100 * MS, HOURS, NULL, "10s",
	 "how often the node's Lease is renewed"},
	{"actor node-agent", "static-pods", KEY_TEXT, 0, 0, NULL, NULL,
	 "a directory of manifests: pods of the node's own, that run whatever the API says"},
	{"actor node-agent", "pods", KEY_INT, 1, 100000, NULL, NULL, "how many pods it takes"},
	{"actor plugin", "file", KEY_TEXT, 0, 0, NULL, NULL,
	 "a shared object with a controller, from where `troupe up` runs; its cell has `process: own`"},
	{"actor plugin", "config", KEY_MAP, 0, 0, NULL, NULL, "what it is told"},
	{"actor controllers", "without", KEY_LIST, 0, 0, NULL, NULL,
	 "controllers that are left out: [job, cronjob]"},
	{"actor controllers", "account-secrets", KEY_BOOL, 0, 0, NULL, "true",
	 "each service account is given a Secret with a token that has no end"},
	{"actor controllers", "node-grace", KEY_TIME, 100 * MS, 1000 * HOURS, NULL, "50s",
	 "a node that is silent for longer is Unknown"},
	{"actor controllers", "node-eviction-rate", KEY_RATE, 0, HOURS, NULL, "1/10s",
	 "so many lost nodes of a zone are emptied of pods in that time"},
	{"actor controllers", "terminated-pods", KEY_INT, 1, 100000000, NULL, "12500",
	 "pods that have ended are kept; of more the oldest go"},
	{"actor node-lifecycle", "node-grace", KEY_TIME, 100 * MS, 1000 * HOURS, NULL, "50s",
	 "a node that is silent for longer is Unknown"},
	{"actor node-lifecycle", "node-eviction-rate", KEY_RATE, 0, HOURS, NULL, "1/10s",
	 "so many lost nodes of a zone are emptied of pods in that time"},
	{"actor pod-gc", "terminated-pods", KEY_INT, 1, 100000000, NULL, "12500",
	 "pods that have ended are kept; of more the oldest go"},
	{"actor controllers", "events-kept", KEY_INT, 1, 100000000, NULL, "50000",
	 "Events at most; then the oldest go"},
	{"actor controllers", "event-seconds", KEY_INT, 1, 31536000, NULL, "3600",
	 "an Event goes that nobody has told for so long"},
	{"actor event-expiry", "events-kept", KEY_INT, 1, 100000000, NULL, "50000",
	 "Events at most; then the oldest go"},
	{"actor event-expiry", "event-seconds", KEY_INT, 1, 31536000, NULL, "3600",
	 "an Event goes that nobody has told for so long"},
	{"actor tokens", "account-secrets", KEY_BOOL, 0, 0, NULL, "true",
	 "each service account is given a Secret with a token that has no end"},
	{"actor service-proxy", "plane", KEY_TEXT, 0, 0, "userspace", "userspace",
	 "who moves the bytes; one proxy for all nodes of a network namespace"},
	{"actor service-proxy", "node-port-address", KEY_TEXT, 0, 0, NULL, "127.0.0.1",
	 "where node ports listen: addresses with commas between; with runtime oci the nodes' too"},
	{"actor service-proxy", "connections", KEY_INT, 1, 1000000, NULL, "4000",
	 "at most so many; each takes two descriptors"},
	{"actor service-proxy", "service-connections", KEY_INT, 1, 1000000, NULL, "2000",
	 "at most so many of one service"},
	{"actor service-proxy", "flows", KEY_INT, 1, 1000000, NULL, "1000",
	 "UDP clients at most; then the one silent longest goes"},
	{"actor service-proxy", "connect-timeout-ms", KEY_INT, 1, 600000, NULL, "2000",
	 "then the next endpoint is tried"},
};
#define KEYS (sizeof keys / sizeof *keys)

static const char *const kinds[] = {
	"api",		      "scheduler",   "gate",	  "controllers",       "node-agent",
	"namespaces", "bootstrap", "tokens", "replication", "replicaset", "deployment", "daemonset",
	"statefulset", "job", "cronjob", "ttl-after-finished", "disruption", "endpoints", "garbage-collector",
	"namespace-deletion", "resource-quota", "node-lifecycle", "taint-eviction", "pod-gc", "kubernetes-service", "service-proxy", "plugin",
	"persistentvolume", "host-path", "pvc-protection", "pv-protection", "ephemeral-volume", "event-expiry", "selector-overlap",
	"faulty", /* for tests of supervision; not in the help (tools/faulty.h) */
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* Those of `kind: controllers`, in the order of their start. */
static const char *const controllers[] = {
	"namespaces", "bootstrap", "tokens", "namespace-deletion", "replication",
	"kubernetes-service", "endpoints", "garbage-collector", "resource-quota", "replicaset",
	"deployment", "daemonset", "statefulset", "disruption", "job", "ttl-after-finished",
	"cronjob", "node-lifecycle", "taint-eviction", "pod-gc", "persistentvolume", "host-path",
	"pvc-protection", "pv-protection", "ephemeral-volume", "event-expiry", "selector-overlap",
};
#define CONTROLLERS (sizeof controllers / sizeof *controllers)

/* ---- refusals */

struct parse {
	struct config *c;
	const char *file;
	struct err *e;
};

static int refuse(struct parse *p, const struct doc *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct parse *p, const struct doc *at, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(p->e, ERR_INVALID, "%s:%u:%u: %s", p->file, at ? at->line : 1,
		       at ? at->column : 1, text);
}

static int unknown_key(struct parse *p, const struct doc *at, const char *place)
{
	const char *names[KEYS];
	size_t n = 0;
	const char *kind = NULL;
	if (strncmp(place, "actor ", 6) == 0)
		kind = place + 6;
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].place, place) == 0 ||
		    (kind && strcmp(keys[i].place, "cells[].actors[]") == 0))
			names[n++] = keys[i].name;
	const char *near = yaml_near(at->key, names, n);
	if (near)
		return refuse(p, at, "unknown key '%.*s', did you mean '%s'?", (int)at->key.len,
			      at->key.data, near);
	return refuse(p, at, "unknown key '%.*s'", (int)at->key.len, at->key.data);
}

static const struct key *find_key(const char *place, struct span name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].place, place) == 0 && span_is(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static bool one_of(const char *values, struct span v)
{
	while (*values) {
		size_t n = strcspn(values, "|");
		if (v.len == n && memcmp(v.data, values, n) == 0)
			return true;
		values += n + (values[n] == '|');
	}
	return false;
}

/* "8GiB", "64MB", "4096" */
static bool parse_bytes(struct span text, int64_t *out)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"", 1},		{"KiB", 1 << 10},   {"MiB", 1 << 20},	 {"GiB", 1 << 30},
		     {"KB", 1000},	{"MB", 1000000},    {"GB", 1000000000}, {"TiB", 1ll << 40}};
	char t[32];
	char *rest;
	if (text.len == 0 || text.len >= sizeof t)
		return false;
	memcpy(t, text.data, text.len);
	t[text.len] = 0;
	int64_t n = strtoll(t, &rest, 10);
	for (size_t i = 0; rest != t && i < sizeof units / sizeof *units; i++) {
		if (strcmp(rest, units[i].suffix) == 0) {
			bool fits = n >= 0 && n < INT64_MAX / units[i].factor;
			*out = fits ? n * units[i].factor : 0;
			return fits;
		}
	}
	return false;
}

/* "250ms", "10s": microseconds. Moves *text behind it. */
static bool parse_time(const char **text, int64_t *us)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"us", 1}, {"ms", MS}, {"s", SECONDS}, {"m", 60 * SECONDS}, {"h", HOURS}};
	char *rest;
	if (**text < '0' || **text > '9')
		return false;
	int64_t n = strtoll(*text, &rest, 10);
	size_t letters = strspn(rest, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (letters != strlen(units[i].suffix) || strncmp(rest, units[i].suffix, letters))
			continue;
		*us = n < INT64_MAX / units[i].factor ? n * units[i].factor : INT64_MAX;
		*text = rest + letters;
		return true;
	}
	return false;
}

static bool whole_text(struct span text, char out[64])
{
	snprintf(out, 64, "%.*s", (int)text.len, (const char *)text.data);
	return text.len < 64;
}

static bool parse_whole_time(struct span text, int64_t *us)
{
	char t[64];
	const char *at = t;
	return whole_text(text, t) && parse_time(&at, us) && !*at;
}

/* "5/30s" */
static bool parse_rate(struct span text, int64_t *count, int64_t *us)
{
	char t[64], *at;
	if (!whole_text(text, t) || t[0] < '0' || t[0] > '9')
		return false;
	*count = strtoll(t, &at, 10);
	if (*at != '/')
		return false;
	const char *rest = at + 1;
	return parse_time(&rest, us) && !*rest;
}

/* "100ms..30s" */
static bool parse_backoff(struct span text, int64_t *from, int64_t *to)
{
	char t[64];
	const char *at = t;
	if (!whole_text(text, t) || !parse_time(&at, from) || strncmp(at, "..", 2) != 0)
		return false;
	at += 2;
	return parse_time(&at, to) && !*at;
}

static int check_time(struct parse *p, const struct key *k, const struct doc *v)
{
	int64_t us;
	if (!doc_is(v, DOC_STR) || !parse_whole_time(v->text, &us))
		return refuse(p, v, "%s is a time like 250ms, 10s or 5m", k->name);
	if (us < k->min || us > k->max)
		return refuse(p, v, "%s is from %lldms to %llds", k->name,
			      (long long)(k->min / MS), (long long)(k->max / SECONDS));
	return 0;
}

static int check_rate(struct parse *p, const struct key *k, const struct doc *v)
{
	int64_t count, us;
	if (!doc_is(v, DOC_STR) || !parse_rate(v->text, &count, &us))
		return refuse(p, v, "%s is so many in a time, like 5/30s", k->name);
	if (count > RESTART_INTENSITY_MAX || us < MS || us > k->max)
		return refuse(p, v, "%s is at most %d, in 1ms to %lldh", k->name,
			      RESTART_INTENSITY_MAX, (long long)(k->max / HOURS));
	return 0;
}

static int check_backoff(struct parse *p, const struct key *k, const struct doc *v)
{
	int64_t from, to;
	if (!doc_is(v, DOC_STR) || !parse_backoff(v->text, &from, &to))
		return refuse(p, v, "%s is two times, like 100ms..30s", k->name);
	if (from < MS || to < from || to > k->max)
		return refuse(p, v, "%s goes up, from 1ms at least to %llds at most", k->name,
			      (long long)(k->max / SECONDS));
	return 0;
}

static int check_number(struct parse *p, const struct key *k, const struct doc *v)
{
	int64_t n = 0;
	if (k->type == KEY_BYTES && doc_is(v, DOC_STR)) {
		if (!parse_bytes(v->text, &n))
			return refuse(p, v, "%s is a size like 8GiB", k->name);
	} else if (doc_is(v, DOC_INT)) {
		n = v->integer;
	} else {
		return refuse(p, v, "%s is a number", k->name);
	}
	if (n < k->min || n > k->max)
		return refuse(p, v, "%s is from %lld to %lld", k->name, (long long)k->min,
			      (long long)k->max);
	return 0;
}

static int check_value(struct parse *p, const struct key *k, const struct doc *v)
{
	switch (k->type) {
	case KEY_TEXT:
		if (doc_is(v, DOC_BOOL) && !v->boolean && k->values &&
		    one_of(k->values, span_of("off")))
			return 0; /* `off` is YAML's word for false */
		if (!doc_is(v, DOC_STR) && !(doc_is(v, DOC_INT) && !k->values))
			return refuse(p, v, "%s is a text", k->name);
		if (k->values && !one_of(k->values, v->text))
			return refuse(p, v, "%s is one of %s", k->name, k->values);
		return 0;
	case KEY_INT:
	case KEY_BYTES:
		return check_number(p, k, v);
	case KEY_BOOL:
		return doc_is(v, DOC_BOOL) ? 0 : refuse(p, v, "%s is true or false", k->name);
	case KEY_LIST:
		return doc_is(v, DOC_ARRAY) ? 0 : refuse(p, v, "%s is a list", k->name);
	case KEY_MAP:
		return doc_is(v, DOC_MAP) ? 0 : refuse(p, v, "%s is a map", k->name);
	case KEY_TIME:
		return check_time(p, k, v);
	case KEY_RATE:
		return check_rate(p, k, v);
	case KEY_BACKOFF:
		return check_backoff(p, k, v);
	}
	return 0;
}

/* Every key of `map` is in the table of this place, or of `also`. */
static int check_map(struct parse *p, const struct doc *map, const char *place, const char *also)
{
	if (!doc_is(map, DOC_MAP))
		return refuse(p, map, "a map is expected here");
	DOC_EACH(v, map) {
		const struct key *k = find_key(place, v->key);
		if (!k && also)
			k = find_key(also, v->key);
		int rc = k ? check_value(p, k, v) : unknown_key(p, v, also ? also : place);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- from the tree to the struct */

static const char *text_or(struct parse *p, const struct doc *map, const char *key,
			   const char *otherwise)
{
	struct span s = doc_get_str(map, key);
	return s.len ? arena_ndup(&p->c->arena, s.data, s.len) : otherwise;
}

/* The row's fallback where the file says nothing. */
static struct span value_or_fallback(const struct doc *map, const char *place, const char *key)
{
	struct span s = doc_get_str(map, key);
	return s.len ? s : span_of(find_key(place, span_of(key))->fallback);
}

static int read_restart(struct parse *p, const struct doc *at, const char *place,
			struct restart_policy *out)
{
	const struct doc *d = doc_get(at, "restart");
	int64_t count = 0, window = 0, from = 0, to = 0;
	int rc = d ? check_map(p, d, place, NULL) : 0;
	if (rc)
		return rc;
	parse_rate(value_or_fallback(d, place, "intensity"), &count, &window);
	parse_backoff(value_or_fallback(d, place, "backoff"), &from, &to);
	*out = (struct restart_policy){.intensity = (unsigned)count,
				       .window_us = (uint64_t)window,
				       .backoff_min_us = (uint64_t)from,
				       .backoff_max_us = (uint64_t)to};
	restart_strategy_of(doc_get_str(d, "strategy"), &out->strategy);
	return 0;
}

static int read_processes(struct parse *p, const struct doc *root)
{
	int64_t us = 0;
	parse_whole_time(value_or_fallback(root, "", "turn-limit"), &us);
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
		parse_bytes(v->text, out);
}

static int read_broker(struct parse *p, const struct doc *root)
{
	const struct doc *broker = doc_get(root, "broker");
	p->c->ring_bytes = 1 << 20;
	int rc = broker ? check_map(p, broker, "broker", NULL) : 0;
	if (rc == 0)
		read_bytes(broker, "ring", &p->c->ring_bytes);
	return rc;
}

static int read_store(struct parse *p, const struct doc *root)
{
	const struct doc *store = doc_get(root, "store");
	struct config *c = p->c;
	int rc = store ? check_map(p, store, "store", NULL) : 0;
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
static int read_services(struct parse *p, const struct doc *root)
{
	const struct doc *services = doc_get(root, "services");
	struct err why = {0};
	int rc = services ? check_map(p, services, "services", NULL) : 0;
	if (rc)
		return rc;
	struct span range = doc_get_str(services, "range");
	if (!range.len)
		range = span_of(config_has_runtime(p->c, "process") && !config_has_runtime(p->c, "oci")
					? "127.96.0.0/16" : "10.96.0.0/16");
	if (obj_cluster_parse(&p->c->ranges, range, &why))
		return refuse(p, doc_get(services, "range"), "range: %s", why.text);
	return 0;
}

/* Actors get times as microseconds, sizes as bytes, and of a rate the time between
 * two (0 of a rate of none). */
static void plain_numbers(struct parse *p, const char *place, struct doc *options)
{
	DOC_EACH(v, options) {
		const struct key *k = find_key(place, v->key);
		int64_t n = 0, count = 1;
		bool size = k && k->type == KEY_BYTES && doc_is(v, DOC_STR);
		if (!k || (k->type != KEY_TIME && k->type != KEY_RATE && !size))
			continue;
		if (size)
			parse_bytes(v->text, &n);
		else if (k->type == KEY_TIME)
			parse_whole_time(v->text, &n);
		else if (parse_rate(v->text, &count, &n))
			n = count ? n / count : 0;
		struct doc *plain = doc_int(&p->c->arena, n);
		plain->key = v->key;
		doc_replace(options, v, plain);
		v = plain;
	}
}

/* What is left out of all controllers: a name that is none is a slip. */
static int check_without(struct parse *p, const struct doc *list)
{
	DOC_EACH(it, list) {
		if (!doc_is(it, DOC_STR))
			return refuse(p, it, "without is a list of controllers' names");
		size_t i = 0;
		while (i < CONTROLLERS && !span_is(it->text, controllers[i]))
			i++;
		if (i < CONTROLLERS)
			continue;
		const char *near = yaml_near(it->text, controllers, CONTROLLERS);
		return refuse(p, it, "there is no controller '%.*s'%s%s%s", (int)it->text.len,
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
	*names = controllers;
	return CONTROLLERS;
}

const char *config_controller_name(const struct config_actor *a, const char *controller,
				   struct arena *arena)
{
	return strcmp(a->name, a->kind) ? arena_printf(arena, "%s/%s", a->name, controller)
					: controller;
}

/* "/lib/team.so": team */
static const char *base_name(struct parse *p, struct span file)
{
	size_t from = file.len, to;
	while (from > 0 && file.data[from - 1] != '/')
		from--;
	for (to = from; to < file.len && file.data[to] != '.';)
		to++;
	return arena_ndup(&p->c->arena, file.data + from, to - from);
}

static int read_actor(struct parse *p, const struct doc *d, struct config_actor *a)
{
	char place[64];
	if (!doc_is(d, DOC_MAP))
		return refuse(p, d, "an actor is a map with a kind");
	struct span kind = doc_get_str(d, "kind");
	size_t known = 0;
	while (known < KINDS && !span_is(kind, kinds[known]))
		known++;
	if (known == KINDS) {
		const char *near = kind.len ? yaml_near(kind, kinds, KINDS) : NULL;
		const struct doc *at = doc_get(d, "kind") ? doc_get(d, "kind") : d;
		if (!kind.len)
			return refuse(p, at, "an actor needs a kind");
		return near ? refuse(p, at, "unknown actor kind '%.*s', did you mean '%s'?",
				     (int)kind.len, kind.data, near)
			    : refuse(p, at, "unknown actor kind '%.*s'", (int)kind.len, kind.data);
	}
	snprintf(place, sizeof place, "actor %s", kinds[known]);
	int rc = check_map(p, d, "cells[].actors[]", place);
	if (rc)
		return rc;
	a->kind = kinds[known];
	a->name = text_or(p, d, "name", a->kind);
	a->count = doc_get_int(d, "count", 1);
	a->line = d;
	if (strcmp(a->kind, "plugin") == 0) {
		if (!doc_get_str(d, "file").len)
			return refuse(p, d, "a plugin needs a file");
		a->name = text_or(p, d, "name", base_name(p, doc_get_str(d, "file")));
	}
	rc = check_without(p, doc_get(d, "without"));
	if (rc)
		return rc;
	a->options = doc_copy(&p->c->arena, d);
	plain_numbers(p, place, a->options);
	return 0;
}

static int read_cell(struct parse *p, const struct doc *d, struct config_cell *cell)
{
	int rc = check_map(p, d, "cells[]", NULL);
	if (rc)
		return rc;
	cell->name = text_or(p, d, "name", NULL);
	if (!cell->name)
		return refuse(p, d, "a cell needs a name");
	if (strspn(cell->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(cell->name))
		return refuse(p, doc_get(d, "name"), "a cell's name has small letters, digits and -");
	cell->own_process = span_is(doc_get_str(d, "process"), "own");
	rc = read_restart(p, d, "cells[].restart", &cell->restart);
	if (rc)
		return rc;
	const struct doc *actors = doc_get(d, "actors");
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
			return refuse(p, it, "a plugin has a process of its own: its cell needs "
					     "`process: own`");
		cell->foreign = true;
	}
	return 0;
}

/* ---- names are unique in a cluster: a second one would take the first one's */

struct names {
	struct parse *p;
	const struct config_actor *actor; /* whose names are taken */
	struct omap taken;
};

static int take_name(struct names *n, const char *name)
{
	if (!omap_put(&n->taken, span_of(name), n->p))
		return 0;
	return refuse(n->p, n->actor->line,
		      "there are two actors '%s': give one of them another name", name);
}

static int take_names(struct names *n, const struct config_actor *a)
{
	int rc = 0;
	n->actor = a;
	if (strcmp(a->kind, "node-agent") == 0)
		return 0;
	if (strcmp(a->kind, "controllers"))
		return take_name(n, a->name);
	for (size_t i = 0; i < CONTROLLERS && rc == 0; i++)
		if (!config_is_without(a, controllers[i]))
			rc = take_name(n, config_controller_name(a, controllers[i],
								 &n->p->c->arena));
	return rc;
}

static int check_names(struct parse *p)
{
	struct names n = {.p = p};
	int rc = 0;
	for (size_t i = 0; i < p->c->cell_count && rc == 0; i++)
		for (size_t k = 0; k < p->c->cells[i].actor_count && rc == 0; k++)
			rc = take_names(&n, &p->c->cells[i].actors[k]);
	omap_fini(&n.taken, NULL);
	return rc;
}

static int read_cells(struct parse *p, const struct doc *root)
{
	const struct doc *cells = doc_get(root, "cells");
	if (!cells || !cells->count)
		return refuse(p, root, "cells is missing: there must be one at least");
	p->c->cells = arena_alloc(&p->c->arena, cells->count * sizeof *p->c->cells);
	DOC_EACH(it, cells) {
		struct config_cell *cell = &p->c->cells[p->c->cell_count];
		int rc = read_cell(p, it, cell);
		if (rc)
			return rc;
		for (size_t i = 0; i < p->c->cell_count; i++)
			if (strcmp(p->c->cells[i].name, cell->name) == 0)
				return refuse(p, doc_get(it, "name"), "there are two cells %s",
					      cell->name);
		p->c->cell_count++;
	}
	for (size_t i = 0; i < p->c->cell_count; i++)
		if (!p->c->cells[i].own_process)
			return 0;
	return refuse(p, cells, "one cell must be shared: the store lives in the first of them");
}

int config_parse(struct config *c, const char *file, struct span text, struct err *e)
{
	struct parse p = {c, file, e};
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
	int rc = check_map(&p, root, "", NULL);
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
	return rc ? rc : read_services(&p, root);
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

void config_default(struct buf *out, const struct config_wish *w)
{
	buf_printf(out,
		   "# What `troupe up` runs. Keep a copy, change it, and start it with -f.\n"
		   "cluster: troupe\n"
		   "broker: {ring: 1MiB}\n"
		   "store: {driver: lmdb, path: store, quota: 8GiB}\n"
		   "restart: {intensity: 5/5m, backoff: 10ms..5s}\n"
		   "turn-limit: 10s\n"
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
		buf_puts(out, "}\n");
	}
	if (w->nodes > 0 && strcmp(w->runtime, "sim"))
		buf_puts(out, "      - {kind: service-proxy, plane: userspace}\n");
}

static const char *const type_names[] = {"text", "number", "size",   "true|false", "list",
					 "map",	 "time",   "N/TIME", "TIME..TIME"};

void config_help(FILE *out)
{
	fprintf(out, "The keys of a cluster's config file:\n");
	for (size_t i = 0; i < KEYS; i++) {
		const struct key *k = &keys[i];
		if (i == 0 || strcmp(k->place, keys[i - 1].place) != 0)
			fprintf(out, "\n%s:\n", *k->place ? k->place : "top level");
		fprintf(out, "  %-19s %-16s %s%s%s%s\n", k->name,
			k->values ? k->values : type_names[k->type], k->help,
			k->fallback ? " (default " : "", k->fallback ? k->fallback : "",
			k->fallback ? ")" : "");
	}
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
