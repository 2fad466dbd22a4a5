/* The names that a pod has and knows, as texts: its hostname, /etc/hosts and
 * /etc/resolv.conf, word for word as a kubelet (1.34) and containerd write them.
 *
 * Pure: what is on the machine is given. `pod` is a cursor at the pod object
 * (checked msgpack). Results are in the arena. */
#ifndef NETWORK_POD_NAMES_H
#define NETWORK_POD_NAMES_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

#define POD_NAMES_DOMAIN "cluster.local"
#define POD_NAMES_DNS "10.96.0.10" /* where Kubernetes has its DNS service */

struct pod_names_facts {
	const char *cluster_domain;  /* NULL: the one above */
	const char *cluster_dns;     /* an address; NULL: there is none, and ClusterFirst
					is what the machine has */
	const char *const *pod_ips;  /* NULL terminated */
	struct span machine_hosts;   /* text of the machine's /etc/hosts */
	struct span machine_resolv;  /* and of its /etc/resolv.conf */
};

struct pod_hostname {
	const char *name;   /* "web-0" */
	const char *domain; /* "db.default.svc.cluster.local", or "" */
	const char *kernel; /* what `hostname` says: the name, or name.domain
			       (setHostnameAsFQDN). Not for host network pods, which have
			       the machine's */
};

/* ERR_INVALID: the whole name is longer than a kernel takes; the text is the kubelet's,
 * of the event FailedCreatePodSandBox. */
int pod_hostname(struct arena *a, struct mp pod, const struct pod_names_facts *f,
		 struct pod_hostname *out, struct err *e);

bool pod_host_network(struct mp pod);

/* The text of /etc/hosts. */
struct span pod_hosts(struct arena *a, struct mp pod, const struct pod_names_facts *f,
		      const struct pod_hostname *h);

enum { POD_RESOLV_WARNINGS_MAX = 2 };

struct pod_resolv {
	struct span text;
	/* Messages of warnings with reason DNSConfigForming: what did not fit. */
	const char *warnings[POD_RESOLV_WARNINGS_MAX];
	size_t warning_count;
};

/* /etc/resolv.conf by dnsPolicy and dnsConfig. */
struct pod_resolv pod_resolv_conf(struct arena *a, struct mp pod, const struct pod_names_facts *f);

#endif
