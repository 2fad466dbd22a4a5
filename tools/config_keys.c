#include "tools/config_keys.h"

#include <string.h>

#include "tools/config.h"

const struct config_key config_keys[] = {
	{"", "cluster", KEY_TEXT, 0, 0, NULL, "troupe", "the cluster's name"},
	{"", "broker", KEY_MAP, 0, 0, NULL, NULL, "how messages travel"},
	{"", "store", KEY_MAP, 0, 0, NULL, NULL, "where the state is kept"},
	{"", "services", KEY_MAP, 0, 0, NULL, NULL, "where services have their addresses"},
	{"", "nodes", KEY_MAP, 0, 0, NULL, NULL,
	 "the net between nodes, with runtime oci, where each is in a network namespace of its own"},
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
	{"store", "quota", KEY_BYTES, 1 << 20, 16ll << 40, NULL, "8GiB", "what the journal may hold"},
	{"services", "range", KEY_TEXT, 0, 0, NULL, NULL,
	 "IPv4 prefix; 127.96.0.0/16 where nodes' runtime is process and none's is oci, else 10.96.0.0/16"},
	{"nodes", "range", KEY_TEXT, 0, 0, NULL, "172.30.0.0/16",
	 "IPv4 prefix of their addresses; the machine has the last one"},
	{"nodes", "bridge", KEY_TEXT, 0, 0, NULL, "troupe-nodes",
	 "the machine's, between them: another one, another range, other subnets and another range of "
	 "services let several clusters share a machine"},
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
	 "event-expiry, bootstrap, clusterrole-aggregation, tokens"},
	{"cells[].actors[]", "name", KEY_TEXT, 0, 0, NULL, NULL,
	 "another one than its kind; of controllers: NAME/KIND each. A scheduler or controller "
	 "may be started several times, under names of their own: one is active, the others wait"},
	{"cells[].actors[]", "restart", KEY_TEXT, 0, 0, "permanent|transient|temporary",
	 "permanent", "begins again after every end, after failures, never"},
	{"actor api", "listen", KEY_ADDRESS, 0, 0, NULL, "127.0.0.1:6443", "IPV4:PORT of HTTPS"},
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
	{"actor node-agent", "node", KEY_NODE, 0, 0, NULL, "n1", "the node's name"},
	{"actor node-agent", "count", KEY_INT, 1, 100000, NULL, "1",
	 "so many nodes: n1, n2, ... behind the name's letters"},
	{"actor node-agent", "runtime", KEY_TEXT, 0, 0, "process|sim|oci", "process",
	 "what containers are"},
	{"actor node-agent", "program", KEY_TEXT, 0, 0, NULL, NULL,
	 "the OCI program of runtime oci; the first of crun and runc that works here"},
	{"actor node-agent", "handlers", KEY_MAP, 0, 0, NULL, NULL,
	 "OCI programs by the handler of a pod's RuntimeClass, {gvisor: runsc}; without one all are `program`"},
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
	{"actor node-agent", "eviction-pids", KEY_INT, 0, 100, NULL, "5",
	 "the same of the processes that its machine may have"},
	{"actor node-agent", "subnet", KEY_TEXT, 0, 0, NULL, NULL,
	 "of its pods, with runtime oci: an IPv4 prefix; 10.244.K.0/24 of node nK"},
	{"actor node-agent", "bridge", KEY_TEXT, 0, 0, NULL, "troupe0",
	 "of its pods, with runtime oci, where the node is the only one: another one, another subnet and "
	 "another range of services let several clusters share a machine"},
	{"actor node-agent", "address", KEY_TEXT, 0, 0, NULL, NULL,
	 "of the node, with runtime oci: by which its pods reach it; the first of its subnet, of "
	 "several nodes one in `nodes: {range: ...}`, with `cni` 127.0.0.1"},
	{"actor node-agent", "own-namespace", KEY_BOOL, 0, 0, NULL, "false",
	 "with runtime oci, in a network namespace of its own although it is the only one on the "
	 "machine; of several each is"},
	{"actor node-agent", "cni", KEY_TEXT, 0, 0, NULL, NULL,
	 "a CNI network (.conflist) for the pods of runtime oci, instead of the built-in one"},
	{"actor node-agent", "cni-bin", KEY_TEXT, 0, 0, NULL, "/opt/cni/bin:/usr/lib/cni",
	 "where its plugins are"},
	{"actor node-agent", "cpu", KEY_QUANTITY, 0, 0, NULL, NULL, "capacity, like 4 or 500m"},
	{"actor node-agent", "memory", KEY_QUANTITY, 0, 0, NULL, NULL, "capacity, like 8Gi"},
	{"actor node-agent", "heartbeat", KEY_TIME, 100 * MS, HOURS, NULL, "10s",
	 "how often the node's Lease is renewed"},
	{"actor node-agent", "static-pods", KEY_TEXT, 0, 0, NULL, NULL,
	 "a directory of manifests: pods of the node's own, that run whatever the API says"},
	{"actor node-agent", "labels", KEY_LABELS, 0, 0, NULL, NULL,
	 "what its node has when it registers, beside its own: {topology.kubernetes.io/zone: a, disk: ssd}"},
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
	{"actor service-proxy", "node-port-address", KEY_IPS, 1, 4, NULL, "127.0.0.1",
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
const size_t config_key_count = sizeof config_keys / sizeof *config_keys;
_Static_assert(sizeof config_keys / sizeof *config_keys <= CONFIG_KEYS_MAX, "lists of their names have room");

const char *const config_kinds[] = {
	"api",		      "scheduler",   "gate",	  "controllers",       "node-agent",
	"namespaces", "bootstrap", "clusterrole-aggregation", "tokens", "replication", "replicaset", "deployment", "daemonset",
	"statefulset", "job", "cronjob", "ttl-after-finished", "disruption", "endpoints", "garbage-collector",
	"namespace-deletion", "resource-quota", "node-lifecycle", "taint-eviction", "pod-gc", "kubernetes-service", "service-proxy", "plugin",
	"persistentvolume", "host-path", "pvc-protection", "pv-protection", "ephemeral-volume", "event-expiry", "selector-overlap",
	"faulty", /* for tests of supervision; not in the help (tools/faulty.h) */
};
const size_t config_kind_count = sizeof config_kinds / sizeof *config_kinds;

/* Those of `kind: controllers`, in the order of their start. */
const char *const config_controller_kinds[] = {
	"namespaces", "bootstrap", "clusterrole-aggregation", "tokens", "namespace-deletion", "replication",
	"kubernetes-service", "endpoints", "garbage-collector", "resource-quota", "replicaset",
	"deployment", "daemonset", "statefulset", "disruption", "job", "ttl-after-finished",
	"cronjob", "node-lifecycle", "taint-eviction", "pod-gc", "persistentvolume", "host-path",
	"pvc-protection", "pv-protection", "ephemeral-volume", "event-expiry", "selector-overlap",
};
const size_t config_controller_count = sizeof config_controller_kinds / sizeof *config_controller_kinds;

/* ---- for people */

static const char *const type_names[] = {"text", "number", "size",   "true|false", "list",
					 "map",	 "time",   "N/TIME", "TIME..TIME", "labels",
					 "quantity", "IPV4:PORT", "name", "addresses"};

void config_help(FILE *out)
{
	fprintf(out, "The keys of a cluster's config file:\n");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		if (i == 0 || strcmp(k->place, config_keys[i - 1].place) != 0)
			fprintf(out, "\n%s:\n", *k->place ? k->place : "top level");
		fprintf(out, "  %-19s %-16s %s%s%s%s\n", k->name,
			k->values ? k->values : type_names[k->type], k->help,
			k->fallback ? " (default " : "", k->fallback ? k->fallback : "",
			k->fallback ? ")" : "");
	}
}
