/* A pod's spec as a whole. What is inside a container, a volume or a rule of
 * placement has a file of its own. */
#include "actors/objects/pod.h"

static const char *const restart_policies[] = {"Always", "OnFailure", "Never", NULL};
static const char *const dns_policies[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default",
					   "None", NULL};
static const char *const preemption_policies[] = {"PreemptLowerPriority", "Never", NULL};

/* Names that may be absent. */
static const struct {
	const char *field;
	name_check *check;
} names[] = {
	{"serviceAccountName", name_dns1123_subdomain},
	{"nodeName", name_dns1123_subdomain},
	{"hostname", name_dns1123_label},
	{"subdomain", name_dns1123_label},
	{"priorityClassName", name_dns1123_subdomain},
	{"runtimeClassName", name_dns1123_subdomain},
};

static void validate_names(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct span v = doc_get_str(spec, names[i].field);
		const char *why = v.len ? names[i].check(v) : NULL;
		if (why)
			field_invalid(f, FPATH(p, names[i].field), v, why);
	}
}

struct host_port {
	struct host_port *next;
	const struct doc *port;
};

static bool same_host_port(const struct doc *a, const struct doc *b)
{
	return doc_get_int(a, "hostPort", 0) == doc_get_int(b, "hostPort", 0) &&
	       span_eq(doc_get_str(a, "protocol"), doc_get_str(b, "protocol")) &&
	       span_eq(doc_get_str(a, "hostIP"), doc_get_str(b, "hostIP"));
}

/* Each port of the host once in a pod; with the host's network it is the
 * container's own. */
static void validate_host_ports(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *list = doc_get(spec, "containers");
	bool host_network = doc_get_bool(spec, "hostNetwork", false);
	struct host_port *seen = NULL;
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(c, list) {
		const struct doc *ports = doc_get(c, "ports");
		const struct fpath *at = FPATH(FPATH_AT(FPATH(p, "containers"), i++), "ports");
		int k = 0;
		for (const struct doc *d = doc_is(ports, DOC_ARRAY) ? ports->first : NULL; d;
		     d = d->next) {
			int64_t port = doc_get_int(d, "hostPort", 0);
			struct span proto = doc_get_str(d, "protocol"),
				    ip = doc_get_str(d, "hostIP");
			const struct fpath *here = FPATH(FPATH_AT(at, k++), "hostPort");
			if (port == 0)
				continue;
			if (host_network && port != doc_get_int(d, "containerPort", 0))
				field_invalid_int(
					f, FPATH(FPATH_AT(at, k - 1), "containerPort"),
					doc_get_int(d, "containerPort", 0),
					"must match `hostPort` when `hostNetwork` is true");
			for (const struct host_port *s = seen; s; s = s->next)
				if (same_host_port(s->port, d)) {
					const char *text = arena_printf(
						f->arena, "%.*s/%.*s/%lld", (int)proto.len,
						proto.data, (int)ip.len,
						(const char *)(ip.len ? ip.data
								      : (const uint8_t *)""),
						(long long)port);
					field_duplicate(f, here, span_of(text));
					break;
				}
			struct host_port *one = arena_alloc(f->arena, sizeof *one);
			*one = (struct host_port){seen, d};
			seen = one;
		}
	}
}

static void validate_numbers(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	check_range(f, FPATH(p, "activeDeadlineSeconds"), doc_get(spec, "activeDeadlineSeconds"), 1,
		    INT32_MAX);
	check_not_negative(f, FPATH(p, "terminationGracePeriodSeconds"),
			   doc_get(spec, "terminationGracePeriodSeconds"));
}

static void validate_security(struct faults *f, const struct fpath *p, const struct doc *c)
{
	static const char *const ids[] = {"runAsUser", "runAsGroup", "fsGroup"};
	const struct doc *groups = doc_get(c, "supplementalGroups");
	int i = 0;
	for (size_t k = 0; k < 3; k++)
		check_range(f, FPATH(p, ids[k]), doc_get(c, ids[k]), 0, INT32_MAX);
	DOC_EACH(d, doc_is(groups, DOC_ARRAY) ? groups : NULL)
	{
		const struct fpath *here = FPATH_AT(FPATH(p, "supplementalGroups"), i++);
		check_range(f, here, d, 0, INT32_MAX);
	}
}

static void validate_single_gates(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL) {
		bool twice = false;
		for (const struct doc *o = list->first; o != d; o = o->next)
			twice |= span_eq(doc_get_str(o, "name"), doc_get_str(d, "name"));
		if (twice)
			field_duplicate(f, FPATH_AT(p, i), doc_get_str(d, "name"));
		i++;
	}
}

static void validate_gates(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const struct {
		const char *list, *field;
	} gates[] = {{"readinessGates", "conditionType"}, {"schedulingGates", "name"}};
	for (size_t i = 0; i < 2; i++) {
		const struct doc *list = doc_get(spec, gates[i].list);
		int k = 0;
		if (doc_is(list, DOC_ARRAY))
			DOC_EACH(d, list)
				check_name(f,
					   FPATH(FPATH_AT(FPATH(p, gates[i].list), k++),
						 gates[i].field),
					   doc_get_str(d, gates[i].field), name_qualified);
	}
	validate_single_gates(f, FPATH(p, "schedulingGates"), doc_get(spec, "schedulingGates"));
	if (doc_get_str(spec, "nodeName").len && doc_get(spec, "schedulingGates") &&
	    doc_get(spec, "schedulingGates")->count)
		field_forbidden(f, FPATH(p, "nodeName"),
				"cannot be set until all schedulingGates have been cleared");
}

/* One name for all containers of a pod, whatever list they are in. */
static void validate_unique(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *init = doc_get(spec, "initContainers"),
			 *main = doc_get(spec, "containers");
	int i = 0;
	if (!doc_is(init, DOC_ARRAY) || !doc_is(main, DOC_ARRAY))
		return;
	DOC_EACH(c, init) {
		const struct fpath *here = FPATH(FPATH_AT(FPATH(p, "initContainers"), i++), "name");
		struct span name = doc_get_str(c, "name");
		DOC_EACH(m, main)
			if (name.len && span_eq(doc_get_str(m, "name"), name))
				field_duplicate(f, here, name);
	}
}

void pod_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *containers = doc_get(spec, "containers"),
			 *volumes = doc_get(spec, "volumes");
	const struct doc *ephemeral = doc_get(spec, "ephemeralContainers");
	pod_volumes_validate(f, FPATH(p, "volumes"), volumes);
	if (!doc_is(containers, DOC_ARRAY) || containers->count == 0)
		field_required(f, FPATH(p, "containers"), "");
	pod_containers_validate(f, FPATH(p, "containers"), containers, CONTAINERS, volumes);
	pod_containers_validate(f, FPATH(p, "initContainers"), doc_get(spec, "initContainers"),
				INIT_CONTAINERS, volumes);
	bool never = span_is(doc_get_str(spec, "restartPolicy"), "Never");
	pod_resize_policies_validate(f, FPATH(p, "containers"), containers, never);
	pod_resize_policies_validate(f, FPATH(p, "initContainers"), doc_get(spec, "initContainers"), never);
	pod_level_validate(f, FPATH(p, "resources"), spec);
	validate_unique(f, p, spec);
	if (doc_is(ephemeral, DOC_ARRAY) && ephemeral->count)
		field_forbidden(f, FPATH(p, "ephemeralContainers"), "cannot be set on create");
	check_enum(f, FPATH(p, "restartPolicy"), doc_get(spec, "restartPolicy"), restart_policies);
	check_enum(f, FPATH(p, "dnsPolicy"), doc_get(spec, "dnsPolicy"), dns_policies);
	check_enum(f, FPATH(p, "preemptionPolicy"), doc_get(spec, "preemptionPolicy"),
		   preemption_policies);
	validate_names(f, p, spec);
	validate_numbers(f, p, spec);
	validate_security(f, FPATH(p, "securityContext"), doc_get(spec, "securityContext"));
	pod_security_validate(f, p, spec);
	pod_proc_mounts_validate(f, p, spec);
	pod_dns_validate(f, p, spec);
	validate_gates(f, p, spec);
	validate_host_ports(f, p, spec);
	pod_placement_validate(f, p, spec);
}
