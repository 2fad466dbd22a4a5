#include "nodes/node_labels.h"

#include <string.h>

static const char *const own[] = {"kubernetes.io/arch", "kubernetes.io/hostname", "kubernetes.io/os",
				  "beta.kubernetes.io/arch", "beta.kubernetes.io/os"};

/* As kubelets take them by --node-labels. */
static const char *const allowed[] = {
	"topology.kubernetes.io/zone", "topology.kubernetes.io/region",
	"failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
	"node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
	"node.kubernetes.io/windows-build", "kubernetes.io/arch", "kubernetes.io/os",
	"kubernetes.io/hostname", "beta.kubernetes.io/arch", "beta.kubernetes.io/os"};
static const char *const allowed_domains[] = {"kubelet.kubernetes.io", "node.kubernetes.io"};
static const char *const reserved_domains[] = {"kubernetes.io", "k8s.io"};

static bool is_one_of(struct span key, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(key, names[i]))
			return true;
	return false;
}

/* What stands before the slash is that domain, or one of its own. */
static bool is_under(struct span prefix, const char *domain)
{
	size_t n = strlen(domain);
	return prefix.len >= n && memcmp(prefix.data + prefix.len - n, domain, n) == 0 &&
	       (prefix.len == n || prefix.data[prefix.len - n - 1] == '.');
}

static bool is_under_one_of(struct span prefix, const char *const *domains, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_under(prefix, domains[i]))
			return true;
	return false;
}

bool node_label_is_own(struct span key)
{
	return is_one_of(key, own, sizeof own / sizeof *own);
}

bool node_label_is_allowed(struct span key)
{
	const uint8_t *slash = key.len ? memchr(key.data, '/', key.len) : NULL;
	struct span prefix = {key.data, slash ? (size_t)(slash - key.data) : 0};
	return !is_under_one_of(prefix, reserved_domains, 2) || is_under_one_of(prefix, allowed_domains, 2) ||
	       is_one_of(key, allowed, sizeof allowed / sizeof *allowed);
}
