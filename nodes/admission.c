#include "nodes/admission.h"

#include "actors/objects/placement.h"
#include "actors/objects/usage.h"

/* ---- what is asked of the node */

static struct amounts requests_of(struct arena *a, struct mp pod)
{
	struct amounts all = {.a = a};
	struct mp spec;
	amounts_add(&all, span_of("pods"), quantity_of(1, QUANTITY_DECIMAL));
	if (mp_find(pod, "spec", &spec))
		usage_of_pod(spec, "requests", &all);
	return all;
}

/* Processors in thousandths, as the words have them. */
static int64_t number_of(const struct amounts *all, const char *name)
{
	const struct amount *x = amounts_find(all, span_of(name));
	return !x ? 0 : strcmp(name, "cpu") == 0 ? quantity_milli(x->q) : quantity_value(x->q);
}

static bool lacks(struct arena *a, const struct admission *x, const char **reason, const char **message)
{
	static const char *const names[] = {"pods", "cpu", "memory", "ephemeral-storage"};
	struct amounts wants = requests_of(a, x->pod), used = {.a = a}, has = {.a = a};
	amounts_of(&has, x->allocatable);
	for (size_t i = 0; i < x->count; i++) {
		struct amounts one = requests_of(a, x->others[i]);
		for (size_t k = 0; k < one.count; k++)
			amounts_add(&used, one.all[k].name, one.all[k].q);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int64_t want = number_of(&wants, names[i]), taken = number_of(&used, names[i]);
		int64_t all = number_of(&has, names[i]);
		if (want == 0 || want <= all - taken)
			continue;
		*reason = arena_printf(a, "OutOf%s", names[i]);
		*message = arena_printf(a, "Node didn't have enough resource: %s, requested: %lld, used: "
					   "%lld, capacity: %lld", names[i], (long long)want,
					(long long)taken, (long long)all);
		return true;
	}
	return false;
}

/* ---- ports of the machine */

static bool is_any(struct span ip)
{
	return !ip.len || span_is(ip, "0.0.0.0") || span_is(ip, "::");
}

static bool clash(struct mp x, struct mp y)
{
	struct span a = mp_path_str(x, "protocol"), b = mp_path_str(y, "protocol");
	struct span from = mp_path_str(x, "hostIP"), to = mp_path_str(y, "hostIP");
	int64_t port = mp_path_int(x, "hostPort", 0);
	a = a.len ? a : span_of("TCP");
	b = b.len ? b : span_of("TCP");
	return port > 0 && port == mp_path_int(y, "hostPort", 0) && span_eq(a, b) &&
	       (is_any(from) || is_any(to) || span_eq(from, to));
}

/* Calls each(arg, port) for the ports of all that stay, until one says true. */
static bool any_port(struct mp pod, bool (*each)(const void *arg, struct mp port), const void *arg)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};
	for (size_t l = 0; l < 2; l++)
		for (struct mp_walk c = mp_walk_list(pod, lists[l]); mp_walk_next(&c);) {
			if (l > 0 && !span_is(mp_path_str(c.value, "restartPolicy"), "Always"))
				continue;
			for (struct mp_walk p = mp_walk_list(c.value, "ports"); mp_walk_next(&p);)
				if (each(arg, p.value))
					return true;
		}
	return false;
}

static bool is_port(const void *other, struct mp port)
{
	return clash(port, *(const struct mp *)other);
}

static bool is_others(const void *arg, struct mp port)
{
	const struct admission *x = arg;
	for (size_t i = 0; i < x->count; i++)
		if (any_port(x->others[i], is_port, &port))
			return true;
	return false;
}

/* ---- the node's system */

static bool is_confined(struct mp context)
{
	struct span type = mp_path_str(context, "securityContext.appArmorProfile.type");
	return type.len && !span_is(type, "Unconfined");
}

static bool wants_apparmor(struct mp pod)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};
	struct mp spec;
	if (mp_find(pod, "spec", &spec) && is_confined(spec))
		return true;
	for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
		for (struct mp_walk c = mp_walk_list(pod, lists[l]); mp_walk_next(&c);)
			if (is_confined(c.value))
				return true;
	return false;
}

bool admission_forbids(struct mp pod, bool containers, bool apparmor, const char **reason,
		       const char **message)
{
	struct span os = mp_path_str(pod, "spec.os.name");
	if (os.len && !span_is(os, "linux")) {
		*reason = "PodOSNotSupported";
		*message = "Failed to admit pod as the OS field doesn't match node OS";
		return true;
	}
	if (containers && !apparmor && wants_apparmor(pod)) {
		*reason = "AppArmor";
		*message = "Cannot enforce AppArmor: AppArmor is not enabled on the host";
		return true;
	}
	return false;
}

/* ---- all of it */

bool admission_needs_node(struct mp pod)
{
	struct mp v;
	return mp_path(pod, "spec.nodeSelector", &v) ||
	       mp_path(pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", &v);
}

static bool fails(struct arena *a, const char *name, const char *why, const char **reason,
		  const char **message)
{
	*reason = name;
	*message = arena_printf(a, "Predicate %s failed: %s", name, why);
	return true;
}

bool admission_refuses(struct arena *a, const struct admission *x, const char **reason,
		       const char **message)
{
	struct mp spec;
	if (lacks(a, x, reason, message))
		return true;
	if (x->node.p && mp_find(x->pod, "spec", &spec) && !placement_selects(spec, x->node))
		return fails(a, "NodeAffinity", "node(s) didn't match Pod's node affinity/selector", reason,
			     message);
	if (any_port(x->pod, is_others, x))
		return fails(a, "NodePorts", "node(s) didn't have free ports for the requested pod ports",
			     reason, message);
	return false;
}

static bool exceeds(struct arena *a, const struct admission *x, const char **message)
{
	static const char *const names[] = {"memory", "cpu"};
	struct amounts wants = requests_of(a, x->pod), has = {.a = a};
	amounts_of(&has, x->allocatable);
	for (size_t i = 0; i < 2; i++) {
		int64_t want = number_of(&wants, names[i]), all = number_of(&has, names[i]);
		if (want <= all)
			continue;
		*message = arena_printf(a, "Node didn't have enough capacity: %s, requested: %lld, "
					   "capacity: %lld", names[i], (long long)want, (long long)all);
		return true;
	}
	return false;
}

bool admission_defers(struct arena *a, const struct admission *x, const char **reason,
		      const char **message)
{
	const char *which;
	bool never = exceeds(a, x, message);
	*reason = never ? "Infeasible" : "Deferred";
	return never || lacks(a, x, &which, message);
}
