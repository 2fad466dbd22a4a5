/* The defaults of a pod's spec. One table per type: the walk below visits the
 * places where such a type stands. Zero numbers and empty texts of fields that
 * Go knows no absence of are gone already (coercion drops them). */
#include "actors/objects/admission.h"
#include "actors/objects/plan.h"
#include "actors/objects/pod.h"

static const struct fill spec_fills[] = {
	DEFAULT_TEXT("restartPolicy", "Always"),
	DEFAULT_NUMBER("terminationGracePeriodSeconds", 30),
	DEFAULT_TEXT("dnsPolicy", "ClusterFirst"),
	DEFAULT_MAP("securityContext"),
	DEFAULT_TEXT("schedulerName", "default-scheduler"),
	{0},
};
static const struct fill container_fills[] = {
	DEFAULT_TEXT("terminationMessagePath", "/dev/termination-log"),
	DEFAULT_TEXT("terminationMessagePolicy", "File"),
	{0},
};
static const struct fill probe_fills[] = {
	DEFAULT_NUMBER("timeoutSeconds", 1),
	DEFAULT_NUMBER("periodSeconds", 10),
	DEFAULT_NUMBER("successThreshold", 1),
	DEFAULT_NUMBER("failureThreshold", 3),
	{0},
};
static const struct fill http_fills[] = {
	DEFAULT_TEXT("path", "/"),
	DEFAULT_TEXT("scheme", "HTTP"),
	{0},
};
static const struct fill grpc_fills[] = {DEFAULT_TEXT("service", ""), {0}};
static const struct fill port_fills[] = {DEFAULT_TEXT("protocol", "TCP"), {0}};
static const struct fill field_ref_fills[] = {DEFAULT_TEXT("apiVersion", "v1"), {0}};
static const struct fill mode_fills[] = {DEFAULT_NUMBER("defaultMode", 0644), {0}};
static const struct fill host_path_fills[] = {DEFAULT_TEXT("type", ""), {0}};
static const struct fill token_fills[] = {DEFAULT_NUMBER("expirationSeconds", 3600), {0}};
static const struct fill iscsi_fills[] = {DEFAULT_TEXT("iscsiInterface", "default"), {0}};

static void fill_handler(struct arena *a, struct doc *handler)
{
	rules_fill(a, doc_get(handler, "httpGet"), http_fills);
	rules_fill(a, doc_get(handler, "grpc"), grpc_fills);
}

static void fill_probes(struct arena *a, struct doc *c)
{
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	static const char *const hooks[] = {"postStart", "preStop"};
	for (size_t i = 0; i < 3; i++) {
		struct doc *p = doc_get(c, probes[i]);
		rules_fill(a, p, probe_fills);
		fill_handler(a, p);
	}
	struct doc *lifecycle = doc_get(c, "lifecycle");
	for (size_t i = 0; i < 2; i++)
		fill_handler(a, doc_get(lifecycle, hooks[i]));
}

/* Without a tag, or with ":latest", it is looked for each time. */
static const char *pull_policy(struct span image)
{
	const char *policy = "Always";
	for (size_t i = image.len; i-- > 0 && image.data[i] != '/';) {
		struct span rest = {image.data + i + 1, image.len - i - 1};
		if (image.data[i] == '@')
			return "IfNotPresent";
		if (image.data[i] == ':')
			policy = span_is(rest, "latest") ? "Always" : "IfNotPresent";
	}
	return policy;
}

/* Who limits but does not ask asks for the limit. */
static void fill_requests(struct arena *a, struct doc *c)
{
	struct doc *resources = doc_get(c, "resources"), *limits = doc_get(resources, "limits");
	if (!doc_is(limits, DOC_MAP))
		return;
	struct doc *requests = doc_need_map(a, resources, "requests");
	DOC_EACH(l, limits)
	if (!doc_get_span(requests, l->key))
		doc_set_span(a, requests, l->key, doc_copy(a, l));
}

static void fill_env(struct arena *a, const struct doc *c)
{
	const struct doc *env = doc_get(c, "env");
	if (doc_is(env, DOC_ARRAY))
		DOC_EACH(e, env)
	rules_fill(a, doc_get(doc_get(e, "valueFrom"), "fieldRef"), field_ref_fills);
}

static void fill_ports(struct arena *a, const struct doc *c, bool host_network)
{
	const struct doc *ports = doc_get(c, "ports");
	if (!doc_is(ports, DOC_ARRAY))
		return;
	DOC_EACH(p, ports)
	{
		rules_fill(a, p, port_fills);
		const struct doc *number = doc_get(p, "containerPort");
		if (host_network && number && !doc_get(p, "hostPort"))
			doc_set(a, p, "hostPort", doc_copy(a, number));
	}
}

static const struct fill pod_fills[] = {DEFAULT_YES("enableServiceLinks"), {0}};

static void fill_container(struct arena *a, struct doc *c, bool host_network)
{
	rules_fill(a, c, container_fills);
	if (doc_absent(doc_get(c, "imagePullPolicy")))
		doc_set_str(a, c, "imagePullPolicy", pull_policy(doc_get_str(c, "image")));
	fill_ports(a, c, host_network);
	fill_env(a, c);
	fill_probes(a, c);
}

static void fill_items(struct arena *a, const struct doc *source)
{
	const struct doc *items = doc_get(source, "items");
	if (doc_is(items, DOC_ARRAY))
		DOC_EACH(i, items)
	rules_fill(a, doc_get(i, "fieldRef"), field_ref_fills);
}

static void fill_volume(struct arena *a, struct doc *v)
{
	static const char *const modes[] = {"secret", "configMap", "downwardAPI", "projected"};
	if (v->count <= 1) /* a name only: the node's disk */
		doc_set(a, v, "emptyDir", doc_new(a, DOC_MAP));
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		rules_fill(a, doc_get(v, modes[i]), mode_fills);
	rules_fill(a, doc_get(v, "hostPath"), host_path_fills);
	rules_fill(a, doc_get(v, "iscsi"), iscsi_fills);
	fill_items(a, doc_get(v, "downwardAPI"));
	const struct doc *sources = doc_get(doc_get(v, "projected"), "sources");
	if (!doc_is(sources, DOC_ARRAY))
		return;
	DOC_EACH(s, sources)
	{
		rules_fill(a, doc_get(s, "serviceAccountToken"), token_fills);
		fill_items(a, doc_get(s, "downwardAPI"));
	}
}

/* serviceAccount is the former name of serviceAccountName: both say the same. */
static void fill_account(struct arena *a, struct doc *spec)
{
	struct span name = doc_get_str(spec, "serviceAccountName");
	if (name.len == 0)
		name = doc_get_str(spec, "serviceAccount");
	if (name.len == 0)
		return;
	doc_set(a, spec, "serviceAccountName", doc_span(a, name));
	doc_set(a, spec, "serviceAccount", doc_span(a, name));
}

static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
enum { LISTS = sizeof lists / sizeof *lists };

void pod_spec_defaults(struct arena *a, struct doc *spec)
{
	bool host_network = doc_get_bool(spec, "hostNetwork", false);
	rules_fill(a, spec, spec_fills);
	if (doc_get_int(spec, "terminationGracePeriodSeconds", 0) < 0)
		doc_set_int(a, spec, "terminationGracePeriodSeconds", 1);
	fill_account(a, spec);
	for (size_t i = 0; i < LISTS; i++) {
		const struct doc *list = doc_get(spec, lists[i]);
		if (doc_is(list, DOC_ARRAY))
			DOC_EACH(c, list)
		fill_container(a, c, host_network);
	}
	const struct doc *volumes = doc_get(spec, "volumes");
	if (doc_is(volumes, DOC_ARRAY))
		DOC_EACH(v, volumes)
	fill_volume(a, v);
}

void pod_defaults(struct arena *a, struct doc *spec)
{
	rules_fill(a, spec, pod_fills);
	pod_spec_defaults(a, spec);
	for (size_t i = 0; i < LISTS; i++) {
		const struct doc *list = doc_get(spec, lists[i]);
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		fill_requests(a, c);
	}
	pod_level_defaults(a, spec);
}

/* ---- admission */

static bool tolerates(const struct doc *list, const char *key)
{
	DOC_EACH(t, list)
	{
		struct span k = doc_get_str(t, "key"), effect = doc_get_str(t, "effect");
		if ((k.len == 0 || span_is(k, key)) &&
		    (effect.len == 0 || span_is(effect, "NoExecute")))
			return true;
	}
	return false;
}

/* A pod stays on a node that is cut off for five minutes, unless it says
 * otherwise. */
static void add_tolerations(struct arena *a, struct doc *spec)
{
	static const char *const keys[] = {"node.kubernetes.io/not-ready",
					   "node.kubernetes.io/unreachable"};
	struct doc *list = doc_get(spec, "tolerations");
	if (doc_absent(list))
		list = doc_set(a, spec, "tolerations", doc_new(a, DOC_ARRAY));
	if (list->type != DOC_ARRAY)
		return;
	bool there[] = {tolerates(list, keys[0]), tolerates(list, keys[1])};
	for (size_t i = 0; i < 2; i++) {
		if (there[i])
			continue;
		struct doc *t = doc_add(list, doc_new(a, DOC_MAP));
		doc_set_str(a, t, "key", keys[i]);
		doc_set_str(a, t, "operator", "Exists");
		doc_set_str(a, t, "effect", "NoExecute");
		doc_set_int(a, t, "tolerationSeconds", 300);
	}
}

/* The value of a class of the cluster. */
static bool class_value(struct write *w, const struct store_row *row, int64_t *value,
			struct span *preemption)
{
	if (!row->value)
		return false;
	struct mp m = mp_of_bytes(row->value);
	struct span policy = mp_path_str(m, "preemptionPolicy");
	*value = mp_path_int(m, "value", 0);
	if (policy.len)
		*preemption = (struct span){(uint8_t *)arena_ndup(w->a, policy.data, policy.len),
					    policy.len};
	return true;
}

/* What the class says, as Kubernetes' admission does; false: refused. */
static bool find_class(struct write *w, struct span class, int64_t *value, struct span *preemption)
{
	static const struct {
		const char *class;
		int64_t priority;
	} built_in[] = {{"", 0},
			{"system-cluster-critical", 2000000000},
			{"system-node-critical", 2000001000}};
	struct store_row row;
	for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
		if (span_is(class, built_in[i].class)) {
			*value = built_in[i].priority;
			return true;
		}
	struct span key = span_of(arena_printf(w->a, "priorityclasses.scheduling.k8s.io/%.*s",
					       (int)class.len, (const char *)class.data));
	if (!plan_read(w, key, &row))
		return false;
	if (class_value(w, &row, value, preemption))
		return true;
	plan_refuse(w,
		    status_forbidden(w->a, w->r, w->name,
				     arena_printf(w->a, "no PriorityClass with name %.*s was found",
						  (int)class.len, (const char *)class.data)));
	return false;
}

/* The class of pods that name none; false: refused. */
static bool default_class(struct write *w, struct doc *spec)
{
	struct doc *names;
	if (doc_get_str(spec, "priorityClassName").len)
		return true;
	if (!admission_names(w, "priorityclasses", &names))
		return false;
	if (doc_is(names, DOC_ARRAY) && names->count)
		doc_set(w->a, spec, "priorityClassName", doc_span(w->a, names->first->text));
	return true;
}

static void set_priority(struct write *w, struct doc *spec)
{
	if (!default_class(w, spec))
		return;
	struct span class = doc_get_str(spec, "priorityClassName");
	struct span preemption = span_of("PreemptLowerPriority");
	const struct doc *given = doc_get(spec, "priority");
	int64_t value;
	if (!find_class(w, class, &value, &preemption))
		return;
	if (doc_is(given, DOC_INT) && given->integer != value)
		field_forbidden(&w->faults, FPATH(FPATH(NULL, "spec"), "priority"),
				arena_printf(w->a,
					     "the integer value of priority (%lld) must not be "
					     "provided in pod spec; priority admission controller "
					     "computed %lld from the given PriorityClass name",
					     (long long)given->integer, (long long)value));
	doc_set_int(w->a, spec, "priority", value);
	doc_default(w->a, spec, "preemptionPolicy", doc_span(w->a, preemption));
}

void pod_admit_update(struct write *w, struct doc *spec)
{
	static const char *const kept[] = {"priority", "preemptionPolicy"};
	const struct doc *was = doc_get(w->old, "spec");
	for (size_t i = 0; i < 2; i++)
		if (doc_absent(doc_get(spec, kept[i])) && doc_get(was, kept[i]))
			doc_set(w->a, spec, kept[i], copy_of(w, doc_get(was, kept[i])));
	add_tolerations(w->a, spec);
}

static bool is_refused(const struct write *w)
{
	return w->plan->finished || w->plan->settled;
}

void pod_admit(struct write *w, struct doc *spec)
{
	doc_default(w->a, spec, "serviceAccountName", doc_str(w->a, "default"));
	fill_account(w->a, spec);
	admit_limit_defaults(w, spec);
	if (!is_refused(w))
		admit_account(w, spec);
	if (!is_refused(w))
		set_priority(w, spec);
	add_tolerations(w->a, spec);
	if (!is_refused(w))
		admit_runtime_class(w, spec);
}
