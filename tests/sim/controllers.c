/* The controllers under every kind of fault: a user makes, scales and deletes
 * replication controllers, deployments, stateful and daemon sets (in all three
 * ways), gives those other templates, makes and deletes services and whole
 * namespaces, and a judge reads the journal record by record.
 *
 * At every revision: the garbage collector touches nothing that has an owner
 * which stays; a finalizer goes only when nothing is left to wait for; a
 * namespace goes only when it is empty, and nothing new comes into one on its
 * way out; never a pod too many; one replica set for a template, and never more
 * asked of a deployment's sets than it and its surge; no second daemon beside
 * one; no pod of a number that its stateful set does not want. In the end: nothing is half deleted, nobody
 * names an owner that is gone, as many pods as asked for, endpoints and slices
 * name the ready ones, addresses belong to the services that there are. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/daemon_pod.h"
#include "actors/controllers/daemonset.h"
#include "actors/controllers/deployment.h"
#include "actors/controllers/deployment_plan.h"
#include "actors/controllers/endpoints.h"
#include "actors/controllers/garbage.h"
#include "actors/controllers/owners.h"
#include "actors/controllers/replication.h"
#include "actors/controllers/revision.h"
#include "actors/controllers/statefulset.h"
#include "actors/controllers/statefulset_plan.h"
#include "actors/scheduler/scheduler.h"
#include "actors/schema/selectors.h"
#include "broker/base/log.h"
#include "broker/messages.h"
#include "tests/lib/seeds.h"
#include "tests/lib/storm.h"

enum { SEEDS = 60, NODES = 2, FAULTS = 12, SHOPS = 2, APPS = 3, EVENTS_MAX = 300000 };

/* ---- the user: draws something to do, and does not care how it ends */

struct user {
	struct storm_user storm;	/* first */
	const char *made_ns, *made_app; /* of the controller that was made last, or NULL */
};

static const char *const user_streams[] = {
	"replicationcontrollers", "services", "namespaces", "pods", "deployments.apps",
	"replicasets.apps", "statefulsets.apps", "daemonsets.apps", "controllerrevisions.apps",
	"persistentvolumeclaims", NULL};

static struct doc *metadata(struct arena *a, struct doc *d, const char *name)
{
	struct doc *m = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	doc_set_str(a, m, "name", name);
	return m;
}

static struct doc *controller(struct arena *a, const char *name, int64_t replicas)
{
	struct doc *d = doc_new(a, DOC_MAP), *spec = doc_new(a, DOC_MAP), *t = doc_new(a, DOC_MAP);
	metadata(a, d, name);
	doc_set(a, d, "spec", spec);
	doc_set_int(a, spec, "replicas", replicas);
	doc_set(a, spec, "template", t);
	doc_path_set(a, t, "metadata.labels.app", doc_str(a, name));
	struct doc *list = doc_new(a, DOC_ARRAY), *c = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, c, "name", "c");
	doc_set_str(a, c, "image", "none");
	doc_path_set(a, t, "spec.terminationGracePeriodSeconds", doc_int(a, 1));
	doc_path_set(a, t, "spec.containers", list);
	return d;
}

static struct doc *deployment(struct arena *a, const char *name, int64_t replicas, bool recreate)
{
	struct doc *d = controller(a, name, replicas);
	/* Pods of its own: services do not select them. */
	doc_path_set(a, d, "spec.template.metadata.labels.app",
		     doc_printf(a, "rolled-%s", name));
	doc_path_set(a, d, "spec.selector.matchLabels.app", doc_printf(a, "rolled-%s", name));
	if (recreate)
		doc_path_set(a, d, "spec.strategy.type", doc_str(a, "Recreate"));
	return d;
}

/* A stateful set, or a daemon set; pods of their own, too. */
static struct doc *numbered(struct ctx *c, struct arena *a, const char *name, int64_t replicas)
{
	struct doc *d = controller(a, name, replicas);
	doc_path_set(a, d, "spec.template.metadata.labels.app", doc_printf(a, "one-%s", name));
	doc_path_set(a, d, "spec.selector.matchLabels.app", doc_printf(a, "one-%s", name));
	if (ctx_random(c) % 2)
		doc_path_set(a, d, "spec.podManagementPolicy", doc_str(a, "Parallel"));
	return d;
}

static struct doc *daemons(struct ctx *c, struct arena *a, const char *name)
{
	struct doc *d = controller(a, name, 1);
	doc_path_remove(d, "spec.replicas");
	doc_path_set(a, d, "spec.template.metadata.labels.app", doc_printf(a, "all-%s", name));
	doc_path_set(a, d, "spec.selector.matchLabels.app", doc_printf(a, "all-%s", name));
	if (ctx_random(c) % 2) {
		doc_path_set(a, d, "spec.updateStrategy.type", doc_str(a, "RollingUpdate"));
		doc_path_set(a, d, "spec.updateStrategy.rollingUpdate.maxSurge", doc_int(a, 1));
		doc_path_set(a, d, "spec.updateStrategy.rollingUpdate.maxUnavailable",
			     doc_int(a, 0));
	}
	return d;
}

static struct doc *service(struct arena *a, const char *name)
{
	struct doc *d = doc_new(a, DOC_MAP), *port = doc_new(a, DOC_MAP);
	struct doc *ports = doc_new(a, DOC_ARRAY);
	metadata(a, d, name);
	doc_path_set(a, d, "spec.selector.app", doc_str(a, name));
	doc_set_int(a, port, "port", 80);
	doc_add(ports, port);
	doc_path_set(a, d, "spec.ports", ports);
	return d;
}

/* One deed, drawn; `ns` and `app` say where and which. */
static void deed(struct ctx *c, struct user *u, int slot, const char *ns, const char *app)
{
	static const enum obj_propagation ways[] = {OBJ_BACKGROUND, OBJ_FOREGROUND, OBJ_ORPHAN,
						    OBJ_PROPAGATE_DEFAULT};
	static const struct {
		const char *resource;
		enum obj_verb verb;
	} deeds[] = {
		{"namespaces", OBJ_CREATE},		{"namespaces", OBJ_CREATE},
		{"namespaces", OBJ_DELETE},		{"replicationcontrollers", OBJ_CREATE},
		{"replicationcontrollers", OBJ_CREATE}, {"replicationcontrollers", OBJ_CREATE},
		{"replicationcontrollers", OBJ_DELETE}, {"replicationcontrollers", OBJ_PATCH_MERGE},
		{"services", OBJ_CREATE},		{"services", OBJ_CREATE},
		{"services", OBJ_DELETE},		{"deployments.apps", OBJ_CREATE},
		{"deployments.apps", OBJ_CREATE},	{"deployments.apps", OBJ_DELETE},
		{"deployments.apps", OBJ_PATCH_MERGE},	{"deployments.apps", OBJ_PATCH_STRATEGIC},
		{"deployments.apps", OBJ_PATCH_STRATEGIC},
		{"statefulsets.apps", OBJ_CREATE},	{"statefulsets.apps", OBJ_CREATE},
		{"statefulsets.apps", OBJ_DELETE},	{"statefulsets.apps", OBJ_PATCH_MERGE},
		{"statefulsets.apps", OBJ_PATCH_STRATEGIC},
		{"daemonsets.apps", OBJ_CREATE},	{"daemonsets.apps", OBJ_DELETE},
		{"daemonsets.apps", OBJ_PATCH_STRATEGIC},
	};
	enum { DELETE_CONTROLLER = 6 };
	size_t i = ctx_random(c) % (sizeof deeds / sizeof *deeds);
	/* What was just made is often taken away at once, before all have heard
	 * of its pods. */
	if (u->made_app && ctx_random(c) % 2) {
		i = DELETE_CONTROLLER;
		ns = u->made_ns;
		app = u->made_app;
	}
	u->made_app = NULL;
	bool namespaces = strcmp(deeds[i].resource, "namespaces") == 0;
	struct writing *w =
		storm_user_write(c, &u->storm, slot, deeds[i].resource, deeds[i].verb);
	struct obj_request *q = &w->request;
	struct arena *a = &w->arena;
	if (!namespaces)
		q->namespace = span_of(ns);
	if (deeds[i].verb != OBJ_CREATE)
		q->name = span_of(namespaces ? ns : app);
	q->del.propagation = ways[ctx_random(c) % 4];
	if (deeds[i].verb == OBJ_PATCH_MERGE) {
		struct doc *d = doc_new(a, DOC_MAP);
		doc_path_set(a, d, "spec.replicas", doc_int(a, (int64_t)(ctx_random(c) % 5)));
		q->body = d;
	} else if (deeds[i].verb == OBJ_PATCH_STRATEGIC) { /* another template, or an older one */
		struct doc *d = doc_new(a, DOC_MAP);
		doc_path_set(a, d, "spec.template.metadata.labels.version",
			     doc_printf(a, "v%d", (int)(ctx_random(c) % 3)));
		q->body = d;
	} else if (deeds[i].verb == OBJ_CREATE && namespaces) {
		struct doc *d = doc_new(a, DOC_MAP);
		metadata(a, d, ns);
		q->body = d;
	} else if (deeds[i].verb == OBJ_CREATE && strcmp(deeds[i].resource, "statefulsets.apps") == 0) {
		q->body = numbered(c, a, app, (int64_t)(ctx_random(c) % 4));
	} else if (deeds[i].verb == OBJ_CREATE && strcmp(deeds[i].resource, "daemonsets.apps") == 0) {
		q->body = daemons(c, a, app);
	} else if (deeds[i].verb == OBJ_CREATE && *deeds[i].resource == 'd') {
		q->body = deployment(a, app, (int64_t)(ctx_random(c) % 5), ctx_random(c) % 3 == 0);
	} else if (deeds[i].verb == OBJ_CREATE) {
		q->body = *deeds[i].resource == 's'
				  ? service(a, app)
				  : controller(a, app, (int64_t)(ctx_random(c) % 5));
		if (*deeds[i].resource == 'r') {
			u->made_ns = ns;
			u->made_app = app;
		}
	}
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	static const char *const spaces[] = {"default", "shop0", "shop1"};
	static const char *const apps[] = {"a", "b", "c"};
	struct user *u = st;
	(void)tag;
	if (*u->storm.quiet)
		return 0;
	ctx_timer(c, 1000 + ctx_random(c) % (ctx_random(c) % 3 ? 20000 : 150000), 0);
	int slot = storm_user_slot(&u->storm);
	if (slot < 0)
		return 0;
	deed(c, u, slot, spaces[ctx_random(c) % (1 + SHOPS)], apps[ctx_random(c) % APPS]);
	const struct obj_request *q = &u->storm.writing[slot]->request;
	/* Nobody deletes the namespace that is always there. */
	if (q->verb == OBJ_DELETE && span_is(q->name, "default"))
		storm_user_end(&u->storm, slot);
	else
		storm_user_ask(c, &u->storm, slot);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return storm_user_init(c, st, user_streams);
}

static const struct actor_spec user_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct user),
	.init = user_init,
	.on_timer = user_timer,
};

static const struct cluster_actor extra[] = {
	{"user", "user", &user_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

/* The same again: a second one of each singleton, in two cells more. */
static const struct cluster_actor twins[] = {
	{"user", "user", &user_spec, NULL, 0},
	{"spare", "spare/replication", &replication_actor, NULL, 0},
	{"spare", "spare/replicaset", &replicaset_actor, NULL, 0},
	{"spare", "spare/deployment", &deployment_actor, NULL, 0},
	{"spare", "spare/daemonset", &daemonset_actor, NULL, 0},
	{"spare", "spare/statefulset", &statefulset_actor, NULL, 0},
	{"spare", "spare/endpoints", &endpoints_actor, NULL, 0},
	{"spare", "spare/garbage-collector", &garbage_actor, NULL, 0},
	{"third", "spare/scheduler", &scheduler_actor, NULL, 0},
	{"third", "third/replication", &replication_actor, NULL, 0},
	{"third", "third/deployment", &deployment_actor, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

static const struct cluster_actor nobody[] = {{NULL, NULL, NULL, NULL, 0}};

/* ---- the judge, at every revision */

static bool has_finalizer(const struct led_object *o, const char *name)
{
	struct mp list;
	struct span s;
	size_t n = 0;
	if (!o || !mp_path(value_of(o), "metadata.finalizers", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0 && !mp_str(&list, &s); n--)
		if (span_is(s, name))
			return true;
	return false;
}

/* The owner as it is now: with that uid, or NULL. */
static const struct led_object *owner_of(const struct storm *r, const struct led_object *o,
					 const struct owner_ref *ref)
{
	static const struct {
		const char *kind, *stream;
	} kinds[] = {{"ReplicationController", "replicationcontrollers"},
		     {"Deployment", "deployments.apps"},
		     {"ReplicaSet", "replicasets.apps"},
		     {"StatefulSet", "statefulsets.apps"},
		     {"DaemonSet", "daemonsets.apps"},
		     {"Service", "services"},
		     {"Endpoints", "endpoints"}};
	char key[400];
	struct span ns = mp_path_str(value_of(o), "metadata.namespace");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (!span_is(ref->kind, kinds[i].kind))
			continue;
		snprintf(key, sizeof key, "%s/%.*s/%.*s", kinds[i].stream, (int)ns.len,
			 (const char *)ns.data, (int)ref->name.len, (const char *)ref->name.data);
		const struct led_object *owner = ledger_get(&r->ledger, key);
		return owner && span_eq(owner->uid, ref->uid) ? owner : NULL;
	}
	return NULL;
}

struct owners {
	const struct storm *r;
	const struct led_object *object;
	bool solid, absent;
	struct span uid; /* does it block this one? */
	bool blocks;
};

static void look_at_owner(void *arg, const struct owner_ref *ref)
{
	struct owners *o = arg;
	const struct led_object *owner = owner_of(o->r, o->object, ref);
	bool waits = is_deleting(owner) && has_finalizer(owner, "foregroundDeletion");
	o->solid |= owner && !waits;
	o->absent |= !owner;
	o->blocks |= ref->blocks && o->uid.len && span_eq(ref->uid, o->uid);
}

static struct owners owners(const struct storm *r, const struct led_object *object, struct span uid)
{
	struct owners o = {.r = r, .object = object, .uid = uid};
	owners_each(value_of(object), look_at_owner, &o);
	return o;
}

/* Who names `uid` as an owner: any at all, or only one that blocks it. */
static const struct led_object *dependant(const struct storm *r, struct span uid, bool blocking)
{
	const struct ledger *l = &r->ledger;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *d = n->value;
		if (!d->value || span_eq(d->uid, uid))
			continue;
		struct owners o = owners(r, d, uid);
		bool names = false;
		struct mp list;
		size_t count = 0;
		if (mp_path(value_of(d), "metadata.ownerReferences", &list) &&
		    mp_array(&list, &count) == 0)
			for (; count > 0; count--, mp_skip(&list))
				names |= span_eq(mp_path_str(list, "uid"), uid);
		if (names && (!blocking || o.blocks))
			return d;
	}
	return NULL;
}

static void judge_collector(struct storm *r, const struct led_change *x)
{
	bool deleted = !x->now || (is_deleting(x->now) && !is_deleting(x->was));
	bool was_ours = is_deleting(x->was); /* an owner whose deletion ends */
	if (!deleted || was_ours || !x->was)
		return;
	struct owners o = owners(r, x->was, (struct span){0});
	if (o.solid)
		storm_wrong(r, "the garbage collector took what has an owner", x->was->key);
}

static void judge_removal(struct storm *r, const struct led_change *x)
{
	if (has_finalizer(x->was, "orphan") && dependant(r, x->was->uid, false))
		storm_wrong(r, "an orphaning owner went before its dependants were free",
			    x->was->key);
	if (has_finalizer(x->was, "foregroundDeletion") && dependant(r, x->was->uid, true))
		storm_wrong(r, "a waiting owner went before its dependants", x->was->key);
}

static void judge_namespace(struct storm *r, const struct led_change *x)
{
	const struct ledger *l = &r->ledger;
	struct span name = mp_path_str(value_of(x->was), "metadata.name");
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		if (o->value && span_eq(mp_path_str(value_of(o), "metadata.namespace"), name) &&
		    !span_is(o->stream, "allocations"))
			storm_wrong(r, "a namespace went that was not empty", o->key);
	}
}

static void judge_create(struct storm *r, const struct led_change *x)
{
	char key[300];
	struct span ns = mp_path_str(value_of(x->now), "metadata.namespace");
	if (!ns.len || span_is(x->now->stream, "allocations"))
		return;
	snprintf(key, sizeof key, "namespaces/%.*s", (int)ns.len, (const char *)ns.data);
	const struct led_object *o = ledger_get(&r->ledger, key);
	if (!o || is_deleting(o))
		storm_wrong(r, "something new came into a namespace on its way out", x->now->key);
}

struct sets {
	int64_t asked;
	size_t of_template; /* sets that have it, and are not on their way out */
};

static struct sets sets_of(const struct storm *r, struct span uid, uint64_t digest)
{
	static const char prefix[] = "replicasets.apps/";
	struct sets out = {0};
	for (struct onode *n = ledger_first(&r->ledger, prefix); n; n = ledger_next(n, prefix)) {
		const struct led_object *o = n->value;
		struct owner_ref ref;
		struct mp template = {0};
		if (!o->value || !owners_controller(value_of(o), &ref) || !span_eq(ref.uid, uid))
			continue;
		mp_path(value_of(o), "spec.template", &template);
		out.asked += mp_path_int(value_of(o), "spec.replicas", 0);
		out.of_template += !is_deleting(o) && revision_digest(template) == digest;
	}
	return out;
}

/* A set that is made or grows by its deployment's controller. */
static void judge_set(struct storm *r, const struct led_change *x)
{
	struct owner_ref ref;
	char key[400];
	int64_t surge, unavailable;
	struct mp set = value_of(x->now), template = {0};
	struct span ns = mp_path_str(set, "metadata.namespace");
	int64_t was = x->was ? mp_path_int(value_of(x->was), "spec.replicas", 0) : 0;
	if (mp_path_int(set, "spec.replicas", 0) <= was || !owners_controller(set, &ref))
		return;
	snprintf(key, sizeof key, "deployments.apps/%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)ref.name.len, (const char *)ref.name.data);
	const struct led_object *d = ledger_get(&r->ledger, key);
	if (!d || !span_eq(d->uid, ref.uid)) {
		storm_wrong(r, "a set grows for a deployment that is gone", x->now->key);
		return;
	}
	rollout_bounds(value_of(d), &surge, &unavailable);
	mp_path(set, "spec.template", &template);
	struct sets s = sets_of(r, ref.uid, revision_digest(template));
	if (s.asked > mp_path_int(value_of(d), "spec.replicas", 0) + surge)
		storm_wrong(r, "more is asked of sets than their deployment and its surge", x->now->key);
	if (!x->was && s.of_template != 1)
		storm_wrong(r, "two sets of one template", x->now->key);
}

/* The owner of a pod that is made, as it is at this revision. */
static const struct led_object *maker(const struct storm *r, const struct led_object *pod,
				      struct owner_ref *ref)
{
	return owners_controller(value_of(pod), ref) ? owner_of(r, pod, ref) : NULL;
}

static void judge_numbered(struct storm *r, const struct led_object *pod)
{
	struct owner_ref ref;
	const struct led_object *set = maker(r, pod, &ref);
	int64_t n = statefulset_ordinal(ref.name, mp_path_str(value_of(pod), "metadata.name"));
	if (!set)
		storm_wrong(r, "a pod is made for a set that is gone", pod->key);
	else if (n < 0 || n >= mp_path_int(value_of(set), "spec.replicas", 0))
		storm_wrong(r, "a pod of a number that nobody wants", pod->key);
}

static struct span daemon_place(const struct led_object *pod)
{
	struct replica p = {.node = mp_path_str(value_of(pod), "spec.nodeName")};
	return daemon_pod_node(&p, value_of(pod));
}

/* Beside one that lives there is a second one only for a surge. */
static void judge_daemon(struct storm *r, const struct led_object *pod)
{
	struct owner_ref ref, other;
	const struct led_object *set = maker(r, pod, &ref);
	size_t live = 0;
	if (!set) {
		storm_wrong(r, "a daemon is made for a set that is gone", pod->key);
		return;
	}
	for (struct onode *n = ledger_first(&r->ledger, "pods/"); n; n = ledger_next(n, "pods/")) {
		const struct led_object *o = n->value;
		live += o->value && led_pod_lives(o) && owners_controller(value_of(o), &other) &&
			span_eq(other.uid, ref.uid) && span_eq(daemon_place(o), daemon_place(pod));
	}
	if (live > 1u + (mp_path_int(value_of(set), "spec.updateStrategy.rollingUpdate.maxSurge", 0) > 0))
		storm_wrong(r, "a daemon too many on its node", pod->key);
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct storm *r = arg;
	const struct ledger *l = &r->ledger;
	judge_record(&r->judge, 0, revision, record);
	cr_assert_eq(ledger_fold(&r->ledger, revision, record), 0);
	for (size_t i = 0; i < l->change_count; i++) {
		const struct led_change *x = &l->changes[i];
		if (span_is(l->record.origin.principal, "garbage-collector-controller"))
			judge_collector(r, x);
		if (x->now && span_is(x->now->stream, "replicasets.apps") &&
		    span_is(l->record.origin.principal, "deployment-controller"))
			judge_set(r, x);
		if (x->now && !x->was && x->now->is_pod) {
			if (span_is(l->record.origin.principal, "statefulset-controller"))
				judge_numbered(r, x->now);
			if (span_is(l->record.origin.principal, "daemon-set-controller"))
				judge_daemon(r, x->now);
		}
		if (x->was && !x->now)
			judge_removal(r, x);
		if (x->was && !x->now && span_is(x->was->stream, "namespaces"))
			judge_namespace(r, x);
		if (x->now && !x->was)
			judge_create(r, x);
	}
	ledger_close(&r->ledger);
}

/* ---- what must be so in the end */

static size_t addresses_in(const struct led_object *endpoints)
{
	struct mp subsets, list;
	size_t n = 0, m = 0, all = 0;
	if (!endpoints || !mp_path(value_of(endpoints), "subsets", &subsets) ||
	    mp_array(&subsets, &n))
		return 0;
	for (; n > 0; n--, mp_skip(&subsets))
		if (mp_find(subsets, "addresses", &list) && mp_array(&list, &m) == 0)
			all += m;
	return all;
}

static size_t ready_in_slices(const struct storm *r, struct span ns, struct span service)
{
	const struct ledger *l = &r->ledger;
	static const char prefix[] = "endpointslices.discovery.k8s.io/";
	size_t all = 0;
	for (struct onode *n = ledger_first(l, prefix); n; n = ledger_next(n, prefix)) {
		struct mp slice = value_of(n->value), m, list;
		struct span label = {0};
		size_t count = 0;
		if (!mp_path(slice, "metadata.labels", &m) ||
		    !mp_find(m, "kubernetes.io/service-name", &m) || mp_str(&m, &label) ||
		    !span_eq(label, service) ||
		    !span_eq(mp_path_str(slice, "metadata.namespace"), ns) ||
		    !mp_path(slice, "endpoints", &list) || mp_array(&list, &count))
			continue;
		for (; count > 0; count--, mp_skip(&list))
			all += mp_path_bool(list, "conditions.ready", false);
	}
	return all;
}

static const char *wrong_service(const struct storm *r, const struct led_object *s)
{
	const struct ledger *l = &r->ledger;
	char key[400];
	struct mp service = value_of(s), selector, labels;
	struct span ns = mp_path_str(service, "metadata.namespace");
	struct span name = mp_path_str(service, "metadata.name");
	struct span ip = mp_path_str(service, "spec.clusterIP");
	size_t ready = 0;
	if (!mp_path(service, "spec.selector", &selector))
		return "a service without a selector";
	for (struct onode *n = ledger_first(l, "pods/"); n; n = ledger_next(n, "pods/")) {
		const struct led_object *p = n->value;
		if (mp_path(value_of(p), "metadata.labels", &labels) && p->pod.ready &&
		    led_pod_lives(p) && label_map_match(selector, labels) &&
		    span_eq(mp_path_str(value_of(p), "metadata.namespace"), ns))
			ready++;
	}
	snprintf(key, sizeof key, "endpoints/%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)name.len, (const char *)name.data);
	if (addresses_in(ledger_get(l, key)) != ready)
		return "endpoints do not name the ready pods";
	if (ready_in_slices(r, ns, name) != ready)
		return "slices do not name the ready pods";
	snprintf(key, sizeof key, "allocations/ip/%.*s", (int)ip.len, (const char *)ip.data);
	if (!ledger_get(l, key))
		return "a service's address is nobody's";
	return NULL;
}

static const char *wrong_controller(const struct led_object *o)
{
	int64_t wanted = mp_path_int(value_of(o), "spec.replicas", 0);
	return mp_path_int(value_of(o), "status.readyReplicas", 0) == wanted ? NULL
									      : "not as many pods as asked for";
}

static const char *wrong_deployment(const struct storm *r, const struct led_object *o)
{
	struct mp d = value_of(o), template = {0};
	int64_t wanted = mp_path_int(d, "spec.replicas", 0);
	mp_path(d, "spec.template", &template);
	struct sets s = sets_of(r, o->uid, revision_digest(template));
	/* One that a former deployment had left, and that was adopted when ours was
	 * made already, has the same template too. */
	if (s.asked != wanted || s.of_template < 1)
		return "is not rolled out";
	if (mp_path_int(d, "status.updatedReplicas", 0) != wanted ||
	    mp_path_int(d, "status.replicas", 0) != wanted ||
	    mp_path_int(d, "status.availableReplicas", 0) != wanted ||
	    mp_path_int(d, "status.observedGeneration", 0) !=
		    mp_path_int(d, "metadata.generation", 0))
		return "does not know that it is rolled out";
	return NULL;
}

static const char *wrong_numbered(const struct led_object *o)
{
	struct mp s = value_of(o);
	int64_t wanted = mp_path_int(s, "spec.replicas", 0);
	if (mp_path_int(s, "status.replicas", 0) != wanted ||
	    mp_path_int(s, "status.readyReplicas", 0) != wanted ||
	    mp_path_int(s, "status.updatedReplicas", 0) != wanted ||
	    !span_eq(mp_path_str(s, "status.currentRevision"),
		     mp_path_str(s, "status.updateRevision")))
		return "stateful set is not rolled out";
	return NULL;
}

static const char *wrong_daemons(const struct led_object *o)
{
	struct mp s = value_of(o);
	if (mp_path_int(s, "status.desiredNumberScheduled", 0) != NODES ||
	    mp_path_int(s, "status.numberAvailable", 0) != NODES ||
	    mp_path_int(s, "status.updatedNumberScheduled", 0) != NODES ||
	    mp_path_int(s, "status.numberMisscheduled", 0) != 0)
		return "daemon set is not rolled out";
	return NULL;
}

/* NULL: all is as it must be. */
static const char *unfinished(struct storm *r)
{
	const struct ledger *l = &r->ledger;
	static struct err why;
	size_t services = 0, addresses = 0;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		const char *bad = NULL;
		if (!o->value)
			continue;
		addresses += span_is(o->stream, "allocations");
		if (is_deleting(o))
			bad = "is half deleted";
		else if (owners(r, o, (struct span){0}).absent)
			bad = "names an owner that is gone";
		else if (span_is(o->stream, "services"))
			services++, bad = wrong_service(r, o);
		else if (span_is(o->stream, "replicationcontrollers") ||
			 span_is(o->stream, "replicasets.apps"))
			bad = wrong_controller(o);
		else if (span_is(o->stream, "deployments.apps"))
			bad = wrong_deployment(r, o);
		else if (span_is(o->stream, "statefulsets.apps"))
			bad = wrong_numbered(o);
		else if (span_is(o->stream, "daemonsets.apps"))
			bad = wrong_daemons(o);
		if (bad) {
			snprintf(why.text, sizeof why.text, "%.*s: %s", (int)o->key.len,
				 (const char *)o->key.data, bad);
			return why.text;
		}
	}
	if (services != addresses)
		return "addresses are held by services that are gone";
	return converged(r->sim, &r->cluster, l, &why) ? NULL : why.text;
}

/* ---- runs */

/* Clocks are set wrong and run wrong, beside all else. */
static void fault_and_skew(struct storm *s)
{
	if (sim_random(s->sim) % 3 == 0)
		sim_skew(s->sim, storm_any_cell(s),
			 (int64_t)(sim_random(s->sim) % 7200000000) - 3600000000);
	if (sim_random(s->sim) % 3 == 0)
		sim_drift(s->sim, storm_any_cell(s), 50 + (unsigned)(sim_random(s->sim) % 150));
	storm_fault(s);
}

/* Of each fence: whom the store names is there and knows it, and nobody else
 * believes it is him. NULL: so it is. */
static const char *wrong_fence(const struct storm *r)
{
	static char text[400];
	size_t fences = 0, active = 0;
	for (struct onode *n = ledger_first(&r->ledger, "fences/"); n;
	     n = ledger_next(n, "fences/"), fences++) {
		const struct led_object *o = n->value;
		struct span holder = mp_path_str(value_of(o), "holder");
		const char *role = NULL;
		for (size_t i = 0; i < r->cluster.actor_count; i++)
			if (span_is(holder, r->cluster.actors[i].name))
				role = cell_role(sim_cell(r->sim, r->cluster.actors[i].cell),
						 r->cluster.actors[i].name);
		if (!role || strcmp(role, "active") != 0) {
			snprintf(text, sizeof text, "%.*s is %.*s's, who is %s",
				 (int)o->key.len, (const char *)o->key.data, (int)holder.len,
				 (const char *)holder.data, role ? role : "not there");
			return text;
		}
	}
	for (size_t i = 0; i < r->cluster.actor_count; i++) {
		const char *role = cell_role(sim_cell(r->sim, r->cluster.actors[i].cell),
					     r->cluster.actors[i].name);
		active += role && strcmp(role, "active") == 0;
	}
	return active == fences ? NULL : "more are active than there are fences";
}

static bool fences_are_right(void *arg)
{
	return !wrong_fence(arg);
}

/* One that failed often waits before it begins again. */
static void expect_one_active(struct storm *r)
{
	bool right = sim_run(r->sim, sim_now_us(r->sim) + 60000000, fences_are_right, r);
	cr_expect(right, "seed %llu: %s", (unsigned long long)r->seed, wrong_fence(r));
}

static uint64_t run_with(uint64_t seed, void (*fault)(struct storm *s),
			 const struct cluster_actor *who)
{
	struct storm r = {.seed = seed};
	const char *why = "it was not asked";
	storm_begin(&r, &(struct storm_wish){
				.always = "chaos 1\nalways no-excess\nalways one-binding\n"
					  "always no-return\nalways rev-monotonic\nalways fencing\n",
				.nodes = NODES,
				.extra = who,
				.committed = on_committed,
				.faults = fault != NULL});
	storm_rage(&r, FAULTS, fault != NULL, fault);
	for (int i = 0; why && i < 120; i++) {
		sim_run(r.sim, sim_now_us(r.sim) + 1000000, NULL, NULL);
		why = unfinished(&r);
	}
	cr_assert_null(why, "seed %llu does not converge: %s %s", (unsigned long long)seed, why,
		       r.wrong);
	if (who == twins) { /* who lost his fence without a write to show it is told now */
		sim_restart_broker(r.sim);
		sim_run(r.sim, sim_now_us(r.sim) + 20000000, NULL, NULL);
	}
	expect_one_active(&r);
	return storm_end(&r, EVENTS_MAX);
}

static uint64_t run_seed(uint64_t seed, bool with_faults)
{
	return run_with(seed, with_faults ? storm_fault : NULL, extra);
}

static void refuse_creates(void *arg, const struct sim_message *m, struct sim_fate *out)
{
	int *asked = arg;
	if (!m->request || !span_is(m->from, "namespaces") || !span_is(m->to, "gate"))
		return;
	++*asked;
	out->refuse = ERR_UNREACHABLE;
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(controllers, .init = quiet);

Test(controllers, keep_what_was_asked_for_when_nothing_goes_wrong)
{
	storm_without_faults(run_seed);
}

Test(controllers, take_nothing_wrong_and_finish_everything_through_every_kind_of_fault)
{
	seeds_twice(SEEDS, run_seed);
}

/* ---- a user who does as the test says, a deed at a time */

struct told {
	const char *resource; /* NULL: nothing more */
	enum obj_verb verb;
	unsigned statuses;   /* of the controller */
	int64_t first, last; /* replicas and ready ones that those named */
};

static int told_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct storm_user *u = st;
	struct told *t = ctx_shared(c, "world");
	int slot = t->resource ? storm_user_slot(u) : -1;
	(void)tag;
	ctx_timer(c, 1000, 0);
	if (slot < 0)
		return 0;
	bool namespaces = strcmp(t->resource, "namespaces") == 0;
	struct writing *w = storm_user_write(c, u, slot, t->resource, t->verb);
	if (!namespaces)
		w->request.namespace = span_of("shop0");
	if (t->verb != OBJ_CREATE)
		w->request.name = span_of("shop0");
	struct doc *space = doc_new(&w->arena, DOC_MAP);
	metadata(&w->arena, space, "shop0");
	if (t->verb == OBJ_CREATE)
		w->request.body = namespaces ? space : controller(&w->arena, "a", 2);
	w->request.del.propagation = OBJ_BACKGROUND;
	t->resource = NULL;
	storm_user_ask(c, u, slot);
	return 0;
}

static const struct actor_spec told_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct storm_user),
	.init = user_init,
	.on_timer = told_timer,
};

static const struct cluster_actor one_who_is_told[] = {
	{"user", "user", &told_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

static void tell(struct storm *r, const char *resource, enum obj_verb verb, uint64_t then_us)
{
	struct told *t = r->world;
	t->verb = verb;
	t->resource = resource;
	sim_run(r->sim, sim_now_us(r->sim) + then_us, NULL, NULL);
}

static void lose_news(void *arg, const struct sim_message *m, struct sim_fate *out)
{
	(void)arg;
	if (!m->to_broker && strcmp(m->cell, "controllers") == 0 &&
	    (m->kind == MSG_BUS_EVENT || m->kind == MSG_BUS_HEAD))
		out->copies = 0;
}

/* The controllers have heard that a namespace is on its way out, and not yet that
 * another one has its name, when they plan for what is made in that. */
Test(controllers, plan_again_what_was_left_out_when_the_namespace_is_another)
{
	struct told told = {0};
	struct storm r = {.seed = 1, .world = &told};
	storm_begin(&r, &(struct storm_wish){
				.always = "chaos 1\nalways rev-monotonic\n",
				.nodes = NODES,
				.extra = one_who_is_told,
				.committed = on_committed});
	tell(&r, "namespaces", OBJ_CREATE, 3000000);
	tell(&r, "namespaces", OBJ_DELETE, 200000);
	cr_assert(is_deleting(ledger_get(&r.ledger, "namespaces/shop0")), "it has half a second more");
	sim_set_faults(r.sim, &(struct sim_faults){.message = lose_news});
	sim_run(r.sim, sim_now_us(r.sim) + 500000, NULL, NULL);
	cr_assert_null(ledger_get(&r.ledger, "namespaces/shop0"));
	tell(&r, "namespaces", OBJ_CREATE, 50000);
	cr_assert(ledger_get(&r.ledger, "namespaces/shop0"));
	sim_set_faults(r.sim, NULL);
	tell(&r, "replicationcontrollers", OBJ_CREATE, 60000000);
	cr_expect_eq(mp_path_int(value_of(ledger_get(&r.ledger, "replicationcontrollers/shop0/a")), "status.readyReplicas", 0), 2);
	storm_end(&r, EVENTS_MAX);
}

static void note_status(void *arg, uint64_t revision, struct span record)
{
	struct storm *r = arg;
	struct told *t = r->world;
	on_committed(arg, revision, record);
	const struct led_object *o = ledger_get(&r->ledger, "replicationcontrollers/shop0/a");
	if (!o || o->trail[0].revision != revision || strcmp(o->trail[0].by, "replication-controller") != 0)
		return;
	int64_t replicas = mp_path_int(value_of(o), "status.replicas", 0);
	t->first = t->statuses++ ? t->first : replicas;
	t->last = replicas + mp_path_int(value_of(o), "status.readyReplicas", 0);
}

/* While its pods are made a status would be old when it is written. */
Test(controllers, tell_how_things_stand_when_what_changes_them_is_done)
{
	struct told told = {0};
	struct storm r = {.seed = 1, .world = &told};
	storm_begin(&r, &(struct storm_wish){
				.always = "chaos 1\nalways no-excess\nalways rev-monotonic\n",
				.nodes = NODES,
				.extra = one_who_is_told,
				.committed = note_status});
	tell(&r, "namespaces", OBJ_CREATE, 3000000);
	tell(&r, "replicationcontrollers", OBJ_CREATE, 10000000);
	cr_expect_eq(told.first, 2, "the first status names %lld", (long long)told.first);
	cr_expect_eq(told.last, 4, "both are ready");
	cr_expect_leq(told.statuses, 3, "as they are made, and each when it is ready");
	storm_end(&r, EVENTS_MAX);
}

static uint64_t run_twins(uint64_t seed, bool with_faults)
{
	return run_with(seed, with_faults ? fault_and_skew : NULL, twins);
}

/* All that is judged above is judged here too: nothing is made or deleted
 * twice by two of a kind, and somebody does what is to be done. */
Test(controllers, of_which_there_are_several_take_turns_and_never_work_beside_each_other)
{
	run_twins(1, false);
	seeds_twice(SEEDS / 2, run_twins);
}

/* Each failure once brought six more: the whole list was asked for again by
 * every one that failed. */
Test(controllers, who_is_refused_asks_again_at_one_pace)
{
	enum { SECONDS = 8, NAMESPACES = 4 };
	int asked = 0;
	struct storm r = {.seed = 1};
	struct sim_faults faults = {.arg = &asked, .message = refuse_creates};
	storm_begin(&r, &(struct storm_wish){
				.always = "chaos 1\nalways rev-monotonic\n",
				.nodes = NODES,
				.extra = nobody,
				.committed = on_committed});
	sim_set_faults(r.sim, &faults);
	sim_run(r.sim, sim_now_us(r.sim) + SECONDS * UINT64_C(1000000), NULL, NULL);
	cr_expect_geq(asked, NAMESPACES * (SECONDS - 2));
	cr_expect_leq(asked, NAMESPACES * (SECONDS + 1), "%d requests", asked);
	storm_end(&r, EVENTS_MAX);
}
