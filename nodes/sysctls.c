#include "nodes/sysctls.h"

#include <string.h>

static const char *const safe[] = {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
};

static bool is_safe(const char *name)
{
	for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
		if (strcmp(safe[i], name) == 0)
			return true;
	return false;
}

const char *sysctls_forbidden(struct arena *a, struct mp pod)
{
	struct mp spec, context, list;
	size_t n;
	if (!mp_find(pod, "spec", &spec) || !mp_find(spec, "securityContext", &context) ||
	    !mp_find(context, "sysctls", &list) || mp_array(&list, &n))
		return NULL;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span s = mp_path_str(list, "name");
		char *name = arena_ndup(a, s.data, s.len);
		for (char *c = name; *c; c++)
			*c = *c == '/' ? '.' : *c; /* both separate the parts */
		if (!is_safe(name))
			return arena_printf(a, "forbidden sysctl: \"%s\" not allowlisted", name);
		bool of_network = strncmp(name, "net.", 4) == 0;
		if (of_network && mp_path_bool(spec, "hostNetwork", false))
			return arena_printf(a, "forbidden sysctl: \"%s\" not allowed with host net enabled",
					    name);
		if (!of_network && mp_path_bool(spec, "hostIPC", false))
			return arena_printf(a, "forbidden sysctl: \"%s\" not allowed with host ipc enabled",
					    name);
	}
	return NULL;
}
