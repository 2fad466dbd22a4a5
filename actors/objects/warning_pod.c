/* What is odd in a pod's spec, or in that of a template. */
#include "actors/objects/warning.h"

#include <string.h>

#include "actors/schema/quantity.h"

const char *warn_node_label(struct span label)
{
	static const char *const rows[][2] = {
		{"beta.kubernetes.io/arch",
		 "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
		{"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
		{"failure-domain.beta.kubernetes.io/region",
		 "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
		{"failure-domain.beta.kubernetes.io/zone",
		 "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
		{"beta.kubernetes.io/instance-type",
		 "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
		{"app.kubernetes.io/created-by", "deprecated since v1.9"},
		{"scheduler.alpha.kubernetes.io/preferAvoidPods",
		 "deprecated since v1.22; use Taints and Tolerations instead"},
		{"node-role.kubernetes.io/master",
		 "use \"node-role.kubernetes.io/control-plane\" instead"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (span_is(label, rows[i][0]))
			return rows[i][1];
	return NULL;
}

static const struct doc *list_of(const struct doc *d, const char *key)
{
	const struct doc *list = doc_get(d, key);
	return doc_is(list, DOC_ARRAY) ? list : NULL;
}

static const struct doc *map_of(const struct doc *d, const char *key)
{
	const struct doc *map = doc_get(d, key);
	return doc_is(map, DOC_MAP) ? map : NULL;
}

void warn_fraction(struct write *w, const struct fpath *p, const struct doc *list,
		   const char *resource)
{
	struct span text = doc_get_str(list, resource);
	struct quantity q;
	if (!text.len || quantity_parse(text, &q) || quantity_is_integer(q))
		return;
	warn_at(w, FPATH_KEY(p, span_of(resource)),
		"fractional byte value \"%.*s\" is invalid, must be an integer", (int)text.len,
		(const char *)text.data);
}

/* ---- where it runs */

void warn_node_term(struct write *w, const struct fpath *p, const struct doc *term)
{
	int i = 0;
	DOC_EACH(it, list_of(term, "matchExpressions")) {
		struct span key = doc_get_str(it, "key");
		const char *why = warn_node_label(key);
		if (why)
			warn_at(w, FPATH(FPATH_AT(FPATH(p, "matchExpressions"), i), "key"), "%.*s is %s",
				(int)key.len, (const char *)key.data, why);
		i++;
	}
}

static void warn_node_affinity(struct write *w, const struct fpath *p, const struct doc *d)
{
	static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
	static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
	const struct fpath *terms = FPATH(FPATH(p, required), "nodeSelectorTerms");
	int i = 0;
	DOC_EACH(it, list_of(doc_get(d, required), "nodeSelectorTerms"))
		warn_node_term(w, FPATH_AT(terms, i++), it);
	i = 0;
	DOC_EACH(it, list_of(d, preferred))
		warn_node_term(w, FPATH(FPATH_AT(FPATH(p, preferred), i++), "preference"),
			       doc_get(it, "preference"));
}

static void warn_selector(struct write *w, const struct fpath *p, const struct doc *d)
{
	if (doc_absent(doc_get(d, "labelSelector")))
		warn_at(w, FPATH(p, "labelSelector"), "a null labelSelector results in matching no pod");
}

static void warn_pod_affinity(struct write *w, const struct fpath *p, const struct doc *d)
{
	static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
	static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
	int i = 0;
	DOC_EACH(it, list_of(d, required))
		warn_selector(w, FPATH_AT(FPATH(p, required), i++), it);
	i = 0;
	DOC_EACH(it, list_of(d, preferred))
		warn_selector(w, FPATH(FPATH_AT(FPATH(p, preferred), i++), "podAffinityTerm"),
			      doc_get(it, "podAffinityTerm"));
}

static void warn_placement(struct write *w, const struct fpath *p, const struct doc *spec)
{
	const struct doc *affinity = doc_get(spec, "affinity");
	const struct fpath *spread = FPATH(p, "topologySpreadConstraints");
	int i = 0;
	DOC_EACH(it, map_of(spec, "nodeSelector")) {
		const char *why = warn_node_label(it->key);
		if (why)
			warn_at(w, FPATH_KEY(FPATH(p, "nodeSelector"), it->key), "%s", why);
	}
	warn_node_affinity(w, FPATH(FPATH(p, "affinity"), "nodeAffinity"),
			   doc_get(affinity, "nodeAffinity"));
	DOC_EACH(it, list_of(spec, "topologySpreadConstraints")) {
		struct span key = doc_get_str(it, "topologyKey");
		const char *why = warn_node_label(key);
		if (why)
			warn_at(w, FPATH(FPATH_AT(spread, i), "topologyKey"), "%.*s is %s", (int)key.len,
				(const char *)key.data, why);
		warn_selector(w, FPATH_AT(spread, i++), it);
	}
	warn_pod_affinity(w, FPATH(FPATH(p, "affinity"), "podAffinity"),
			  doc_get(affinity, "podAffinity"));
	warn_pod_affinity(w, FPATH(FPATH(p, "affinity"), "podAntiAffinity"),
			  doc_get(affinity, "podAntiAffinity"));
}

/* ---- lists in which something is twice */

static bool is_before(const struct doc *list, const struct doc *it, const char *key)
{
	struct span text = doc_get_str(it, key);
	DOC_EACH(before, list) {
		if (before == it)
			return false;
		if (span_eq(doc_get_str(before, key), text))
			return true;
	}
	return false;
}

static void warn_twice(struct write *w, const struct fpath *p, const struct doc *list,
		       const char *key, const char *what)
{
	int i = 0;
	DOC_EACH(it, list) {
		struct span text = doc_get_str(it, key);
		if (is_before(list, it, key))
			warn_at(w, FPATH(FPATH_AT(p, i), key), "duplicate %s \"%.*s\"", what,
				(int)text.len, (const char *)text.data);
		i++;
	}
}

static void warn_pull_secrets(struct write *w, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	warn_twice(w, p, list, "name", "name");
	DOC_EACH(it, list) {
		if (!doc_get_str(it, "name").len)
			warn_at(w, FPATH(FPATH_AT(p, i), "name"), "invalid empty name \"\"");
		i++;
	}
}

/* A variable may be made of what it was before, and of nothing else a second time. */
static bool hides(struct arena *a, const struct doc *variable)
{
	struct span name = doc_get_str(variable, "name"), value = doc_get_str(variable, "value");
	const char *itself = arena_printf(a, "$(%.*s)", (int)name.len, (const char *)name.data);
	const char *text = arena_ndup(a, value.data, value.len);
	return !doc_absent(doc_get(variable, "valueFrom")) || span_is(value, itself) ||
	       !strstr(text, itself);
}

static void warn_env(struct write *w, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(it, list) {
		struct span name = doc_get_str(it, "name");
		if (is_before(list, it, "name") && hides(w->a, it))
			warn_at(w, FPATH_AT(p, i),
				"hides previous definition of \"%.*s\", which may be dropped when using "
				"apply",
				(int)name.len, (const char *)name.data);
		i++;
	}
}

/* ---- containers */

struct port_place {
	const struct doc *port;
	const char *path;
	struct port_place *next;
};

struct ports {
	struct write *w;
	struct port_place *first, **end;
};

static bool same_port(const struct doc *a, const struct doc *b)
{
	return doc_get_int(a, "containerPort", 0) == doc_get_int(b, "containerPort", 0) &&
	       span_eq(doc_get_str(a, "protocol"), doc_get_str(b, "protocol"));
}

/* Of two definitions of one port; NULL: they go together. */
static const char *clash(const struct doc *a, const struct doc *b)
{
	int64_t host_a = doc_get_int(a, "hostPort", 0), host_b = doc_get_int(b, "hostPort", 0);
	struct span ip_a = doc_get_str(a, "hostIP"), ip_b = doc_get_str(b, "hostIP");
	if (host_a == host_b && span_eq(ip_a, ip_b))
		return "duplicate";
	if (!host_a || !host_b)
		return "overlapping";
	return host_a == host_b && !ip_a.len != !ip_b.len ? "dangerously ambiguous" : NULL;
}

static void warn_ports(struct ports *x, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(it, list) {
		const struct fpath *at = FPATH_AT(p, i++);
		for (struct port_place *o = x->first; o; o = o->next) {
			const char *how = same_port(o->port, it) ? clash(it, o->port) : NULL;
			if (how)
				warn_at(x->w, at, "%s port definition with %s", how, o->path);
		}
		struct port_place *place = arena_alloc(x->w->a, sizeof *place);
		*place = (struct port_place){it, field_path(x->w->a, at), NULL};
		*x->end = place;
		x->end = &place->next;
	}
}

static void warn_sizes(struct write *w, const struct fpath *p, const struct doc *list)
{
	warn_fraction(w, p, list, "memory");
	warn_fraction(w, p, list, "ephemeral-storage");
}

static void warn_containers(struct write *w, const struct fpath *p, const struct doc *spec)
{
	static const char *const lists[] = {"initContainers", "containers"};
	struct ports ports = {.w = w};
	ports.end = &ports.first;
	for (size_t k = 0; k < 2; k++) {
		int i = 0;
		DOC_EACH(c, list_of(spec, lists[k])) {
			const struct fpath *at = FPATH_AT(FPATH(p, lists[k]), i++);
			const struct fpath *r = FPATH(at, "resources");
			const struct doc *resources = doc_get(c, "resources");
			warn_sizes(w, FPATH(r, "limits"), doc_get(resources, "limits"));
			warn_sizes(w, FPATH(r, "requests"), doc_get(resources, "requests"));
			warn_env(w, FPATH(at, "env"), list_of(c, "env"));
			warn_ports(&ports, FPATH(at, "ports"), list_of(c, "ports"));
		}
	}
}

/* ---- volumes, annotations */

static void warn_volumes(struct write *w, const struct fpath *p, const struct doc *list)
{
	static const char *const sources[][2] = {
		{"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
		{"gitRepo", "deprecated in v1.11"},
		{"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
		{"flocker", "deprecated in v1.22, non-functional in v1.25+"},
		{"storageos", "deprecated in v1.22, non-functional in v1.25+"},
		{"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
		{"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
		{"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
		{"rbd", "deprecated in v1.28, non-functional in v1.31+"},
	};
	int i = 0;
	DOC_EACH(v, list) {
		for (size_t k = 0; k < sizeof sources / sizeof *sources; k++)
			if (!doc_absent(doc_get(v, sources[k][0])))
				warn_at(w, FPATH(FPATH_AT(p, i), sources[k][0]), "%s", sources[k][1]);
		i++;
	}
}

static void warn_annotations(struct write *w, const struct fpath *p, const struct doc *pod)
{
	static const char *const rows[][2] = {
		{"scheduler.alpha.kubernetes.io/critical-pod",
		 "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
		{"security.alpha.kubernetes.io/sysctls",
		 "non-functional in v1.11+; use the \"sysctls\" field instead"},
		{"security.alpha.kubernetes.io/unsafe-sysctls",
		 "non-functional in v1.11+; use the \"sysctls\" field instead"},
		{"seccomp.security.alpha.kubernetes.io/pod",
		 "non-functional in v1.27+; use the \"seccompProfile\" field instead"},
	};
	const struct doc *annotations = doc_path(pod, "metadata.annotations");
	bool profile = !doc_absent(doc_path(pod, "spec.securityContext.seccompProfile"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool last = i + 1 == sizeof rows / sizeof *rows;
		if (doc_get(annotations, rows[i][0]) && !(last && profile))
			warn_at(w, FPATH_KEY(p, span_of(rows[i][0])), "%s", rows[i][1]);
	}
}

void warn_pod_parts(struct write *w, const struct fpath *p, const struct doc *pod)
{
	const struct doc *spec = doc_get(pod, "spec");
	const struct fpath *at = FPATH(p, "spec");
	warn_placement(w, at, spec);
	warn_annotations(w, FPATH(FPATH(p, "metadata"), "annotations"), pod);
	warn_volumes(w, FPATH(at, "volumes"), list_of(spec, "volumes"));
	warn_twice(w, FPATH(at, "hostAliases"), list_of(spec, "hostAliases"), "ip", "ip");
	warn_pull_secrets(w, FPATH(at, "imagePullSecrets"), list_of(spec, "imagePullSecrets"));
	warn_sizes(w, FPATH(at, "overhead"), doc_get(spec, "overhead"));
	warn_containers(w, at, spec);
}
