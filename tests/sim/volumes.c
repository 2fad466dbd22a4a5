/* Claims, volumes and the pods that use them under every kind of fault: a user
 * makes and deletes all three, of classes that are provisioned at once, when a
 * pod comes, or never, and a judge reads the journal record by record.
 *
 * At every revision: no volume is two claims', none that is bound is gone, no
 * claim is gone that a pod on a node uses, and a pod is bound only where all its
 * volumes are. In the end every claim that can have a volume has one, every pod
 * that can run is on a node, every volume says what it is, and what was released
 * to be deleted is gone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/host_path_plan.h"
#include "broker/base/log.h"
#include "tests/lib/seeds.h"
#include "tests/lib/storm.h"

enum { SEEDS = 60, NODES = 2, FAULTS = 20, CLAIMS = 6, VOLUMES = 4, PODS = 5, CLASSES = 4 };
enum { EVENTS_MAX = 300000 }; /* of a run: more, and somebody runs in a circle */

/* ---- the user: draws something to do, and does not care how it ends */

static const char *const user_streams[] = {
	"persistentvolumeclaims", "persistentvolumes", "pods", "namespaces",
	"storageclasses.storage.k8s.io", NULL};
enum { VOLUME_VIEW = 1, NAMESPACE_VIEW = 3, CLASS_VIEW = 4 }; /* their places */

/* "": of none. The others are made first. */
static const struct {
	const char *name, *provisioner, *mode;
} classes[CLASSES] = {
	{"", NULL, NULL},
	{"now", HOST_PATH_PROVISIONER, "Immediate"},
	{"later", HOST_PATH_PROVISIONER, "WaitForFirstConsumer"},
	{"found", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"},
};

static struct doc *meta(struct arena *a, struct doc *body, const char *name)
{
	doc_path_set(a, body, "metadata.name", doc_str(a, name));
	return body;
}

static struct doc *modes(struct arena *a)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	doc_add(list, doc_str(a, "ReadWriteOnce"));
	return list;
}

static const char *drawn(struct ctx *c, struct arena *a, const char *letter, unsigned of)
{
	return arena_printf(a, "%s%u", letter, (unsigned)(ctx_random(c) % of));
}

static const char *size(struct ctx *c, struct arena *a)
{
	return arena_printf(a, "%uGi", 1 + (unsigned)(ctx_random(c) % 3));
}

static void claim_body(struct ctx *c, struct arena *a, struct doc *body)
{
	static const int often[] = {0, 1, 1, 2, 2, 2, 3};
	const char *class = classes[often[ctx_random(c) % (sizeof often / sizeof *often)]].name;
	doc_path_set(a, body, "spec.storageClassName", doc_str(a, class));
	doc_path_set(a, body, "spec.accessModes", modes(a));
	doc_path_set(a, body, "spec.resources.requests.storage", doc_str(a, size(c, a)));
	if (ctx_random(c) % 6 == 0)
		doc_path_set(a, body, "spec.volumeName", doc_str(a, drawn(c, a, "v", VOLUMES)));
}

static struct doc *only_on_n1(struct arena *a)
{
	struct doc *terms = doc_new(a, DOC_ARRAY), *term = doc_add(terms, doc_new(a, DOC_MAP));
	struct doc *all = doc_set(a, term, "matchExpressions", doc_new(a, DOC_ARRAY));
	struct doc *one = doc_add(all, doc_new(a, DOC_MAP));
	struct doc *values = doc_new(a, DOC_ARRAY);
	doc_add(values, doc_str(a, "n1"));
	doc_set_str(a, one, "key", "kubernetes.io/hostname");
	doc_set_str(a, one, "operator", "In");
	doc_set(a, one, "values", values);
	return terms;
}

static void volume_body(struct ctx *c, struct arena *a, struct doc *body)
{
	doc_path_set(a, body, "spec.storageClassName",
		     doc_str(a, classes[ctx_random(c) % 2 ? 0 : 3].name));
	doc_path_set(a, body, "spec.accessModes", modes(a));
	doc_path_set(a, body, "spec.capacity.storage", doc_str(a, size(c, a)));
	doc_path_set(a, body, "spec.hostPath.path", doc_str(a, "/x"));
	doc_path_set(a, body, "spec.persistentVolumeReclaimPolicy",
		     doc_str(a, ctx_random(c) % 3 ? "Retain" : "Delete"));
	if (ctx_random(c) % 3 == 0)
		doc_path_set(a, body, "spec.nodeAffinity.required.nodeSelectorTerms", only_on_n1(a));
	if (ctx_random(c) % 5 == 0) { /* kept for a claim by its name */
		doc_path_set(a, body, "spec.claimRef.namespace", doc_str(a, "default"));
		doc_path_set(a, body, "spec.claimRef.name", doc_str(a, drawn(c, a, "c", CLAIMS)));
	}
}

static void pod_body(struct ctx *c, struct arena *a, struct doc *body)
{
	struct doc *volumes = doc_new(a, DOC_ARRAY), *list = doc_new(a, DOC_ARRAY);
	struct doc *container = doc_add(list, doc_new(a, DOC_MAP));
	unsigned n = 1 + (unsigned)(ctx_random(c) % 2);
	doc_set_str(a, container, "name", "c");
	doc_set_str(a, container, "image", "none");
	doc_path_set(a, body, "spec.containers", list);
	doc_path_set(a, body, "spec.terminationGracePeriodSeconds", doc_int(a, 1));
	for (unsigned i = 0; i < n; i++) {
		struct doc *v = doc_add(volumes, doc_new(a, DOC_MAP));
		doc_set(a, v, "name", doc_printf(a, "v%u", i));
		if (ctx_random(c) % 5) {
			doc_path_set(a, v, "persistentVolumeClaim.claimName",
				     doc_str(a, drawn(c, a, "c", CLAIMS)));
			continue;
		}
		struct doc *spec = doc_new(a, DOC_MAP);
		doc_set_str(a, spec, "storageClassName", classes[1 + ctx_random(c) % 2].name);
		doc_set(a, spec, "accessModes", modes(a));
		doc_path_set(a, spec, "resources.requests.storage", doc_str(a, "1Gi"));
		doc_path_set(a, v, "ephemeral.volumeClaimTemplate.spec", spec);
	}
	doc_path_set(a, body, "spec.volumes", volumes);
}

/* A released volume is given back to all, at the revision that is seen; false:
 * there is none. */
static bool give_back(struct storm_user *u, struct obj_request *q, struct arena *a)
{
	struct store_compare *basis = arena_alloc(a, sizeof *basis);
	struct doc *body = doc_new(a, DOC_MAP);
	for (struct onode *n = omap_first(view_map(u->views[VOLUME_VIEW])); n; n = omap_next(n)) {
		const struct view_object *o = n->value;
		if (!span_is(mp_path_str(object_of(o), "status.phase"), "Released") ||
		    volume_note(object_of(o), VOLUME_PROVISIONED_BY).len)
			continue;
		*basis = (struct store_compare){.key = object_copy(a, onode_key(n)),
						.field = STORE_MOD,
						.number = o->version};
		q->basis = basis;
		q->basis_count = 1;
		q->name = object_copy(a, object_name(object_of(o)));
		doc_path_set(a, body, "spec.claimRef", doc_new(a, DOC_NULL));
		q->body = body;
		return true;
	}
	return false;
}

/* The first class that is not there yet; NULL: all are. */
static bool make_class(struct ctx *c, struct storm_user *u, int slot)
{
	char key[100];
	for (int i = 1; i < CLASSES; i++) {
		snprintf(key, sizeof key, "storageclasses.storage.k8s.io/%s", classes[i].name);
		if (view_get(u->views[CLASS_VIEW], span_of(key)))
			continue;
		struct writing *w = storm_user_write(c, u, slot, user_streams[CLASS_VIEW], OBJ_CREATE);
		struct doc *body = meta(&w->arena, doc_new(&w->arena, DOC_MAP), classes[i].name);
		doc_set_str(&w->arena, body, "provisioner", classes[i].provisioner);
		doc_set_str(&w->arena, body, "volumeBindingMode", classes[i].mode);
		w->request.body = body;
		storm_user_ask(c, u, slot);
		return true;
	}
	return false;
}

static void deed(struct ctx *c, struct storm_user *u, int slot)
{
	static const struct {
		const char *stream, *letter;
		unsigned of;
		enum obj_verb verb;
		void (*body)(struct ctx *c, struct arena *a, struct doc *body);
	} deeds[] = {
		{"persistentvolumeclaims", "c", CLAIMS, OBJ_CREATE, claim_body},
		{"persistentvolumeclaims", "c", CLAIMS, OBJ_CREATE, claim_body},
		{"persistentvolumeclaims", "c", CLAIMS, OBJ_DELETE, NULL},
		{"persistentvolumes", "v", VOLUMES, OBJ_CREATE, volume_body},
		{"persistentvolumes", "v", VOLUMES, OBJ_CREATE, volume_body},
		{"persistentvolumes", "v", VOLUMES, OBJ_DELETE, NULL},
		{"persistentvolumes", NULL, 0, OBJ_PATCH_MERGE, NULL},
		{"pods", "p", PODS, OBJ_CREATE, pod_body},
		{"pods", "p", PODS, OBJ_CREATE, pod_body},
		{"pods", "p", PODS, OBJ_DELETE, NULL},
		{"pods", "p", PODS, OBJ_DELETE, NULL},
	};
	uint64_t k = ctx_random(c) % (sizeof deeds / sizeof *deeds);
	struct writing *w = storm_user_write(c, u, slot, deeds[k].stream, deeds[k].verb);
	struct obj_request *q = &w->request;
	struct arena *a = &w->arena;
	if (*deeds[k].stream == 'p' && deeds[k].letter && *deeds[k].letter != 'v')
		q->namespace = span_of("default");
	if (!deeds[k].letter) {
		if (give_back(u, q, a))
			storm_user_ask(c, u, slot);
		else
			storm_user_end(u, slot);
		return;
	}
	q->name = span_of(drawn(c, a, deeds[k].letter, deeds[k].of));
	if (deeds[k].verb == OBJ_CREATE) {
		struct doc *body = meta(a, doc_new(a, DOC_MAP), drawn(c, a, deeds[k].letter, deeds[k].of));
		q->name = (struct span){0};
		deeds[k].body(c, a, body);
		q->body = body;
	}
	storm_user_ask(c, u, slot);
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct storm_user *u = st;
	(void)tag;
	if (*u->quiet)
		return 0;
	ctx_timer(c, 500 + ctx_random(c) % (ctx_random(c) % 3 ? 20000 : 150000), 0);
	int slot = storm_user_slot(u);
	if (slot < 0 || !view_get(u->views[NAMESPACE_VIEW], span_of("namespaces/default")))
		return 0;
	if (!make_class(c, u, slot))
		deed(c, u, slot);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return storm_user_init(c, st, user_streams);
}

static const struct actor_spec user_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct storm_user),
	.init = user_init,
	.on_timer = user_timer,
};

static const struct cluster_actor with_user[] = {
	{"user", "user", &user_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

/* ---- what the ledger says */

static const struct led_object *claim_called(const struct ledger *l, struct span name)
{
	char key[200];
	snprintf(key, sizeof key, "persistentvolumeclaims/default/%.*s", (int)name.len,
		 (const char *)name.data);
	const struct led_object *o = ledger_get(l, key);
	return o && o->value ? o : NULL;
}

static const struct led_object *volume_called(const struct ledger *l, struct span name)
{
	char key[200];
	snprintf(key, sizeof key, "persistentvolumes/%.*s", (int)name.len, (const char *)name.data);
	const struct led_object *o = ledger_get(l, key);
	return o && o->value ? o : NULL;
}

/* The claim that a volume is kept for by its uid. */
static const struct led_object *claim_of(const struct ledger *l, struct mp volume)
{
	const struct led_object *o = claim_called(l, mp_path_str(volume, "spec.claimRef.name"));
	return o && span_eq(o->uid, mp_path_str(volume, "spec.claimRef.uid")) ? o : NULL;
}

static bool has_phase(struct mp object, const char *phase)
{
	return span_is(mp_path_str(object, "status.phase"), phase);
}

static bool names(struct mp claim, struct mp volume)
{
	return span_eq(mp_path_str(claim, "spec.volumeName"), object_name(volume));
}

struct asking {
	struct span claim;
	bool found;
};

static void compare_name(void *arg, const struct pod_claim_name *n)
{
	struct asking *x = arg;
	x->found |= span_eq(n->claim, x->claim);
}

/* Whether a pod that a node has uses the claim. */
static bool is_used(const struct ledger *l, struct span claim)
{
	struct asking x = {.claim = claim};
	for (struct onode *n = ledger_first(l, "pods/"); n; n = ledger_next(n, "pods/")) {
		const struct led_object *o = n->value;
		if (o->value && o->pod.bound)
			pod_claims_each(value_of(o), compare_name, &x);
	}
	return x.found;
}

static struct mp node_called(const struct ledger *l, struct span name)
{
	char key[200];
	snprintf(key, sizeof key, "nodes/%.*s", (int)name.len, (const char *)name.data);
	return value_of(ledger_get(l, key));
}

/* ---- the judge, at every revision */

static void judge_claim(struct storm *s, const struct led_object *o)
{
	const struct ledger *l = &s->ledger;
	static const char prefix[] = "persistentvolumeclaims/";
	struct mp claim = value_of(o);
	if (!has_phase(claim, "Bound"))
		return;
	const struct led_object *v = volume_called(l, mp_path_str(claim, "spec.volumeName"));
	if (!v || claim_of(l, value_of(v)) != o)
		storm_wrong(s, "a claim says Bound to what is not its volume", o->key);
	for (struct onode *n = ledger_first(l, prefix); n; n = ledger_next(n, prefix)) {
		const struct led_object *other = n->value;
		if (other != o && other->value && has_phase(value_of(other), "Bound") &&
		    v && names(value_of(other), value_of(v)))
			storm_wrong(s, "a volume is two claims'", v->key);
	}
}

static void judge_volume(struct storm *s, const struct led_change *x)
{
	const struct ledger *l = &s->ledger;
	struct mp was = value_of(x->was);
	const struct led_object *claim = x->was ? claim_of(l, was) : NULL;
	if (!claim || !names(value_of(claim), was))
		return;
	if (!x->now)
		storm_wrong(s, "a volume is gone that a claim has", x->was->key);
	else if (claim_of(l, value_of(x->now)) != claim)
		storm_wrong(s, "a volume is taken from its claim", x->now->key);
}

struct placing {
	struct storm *s;
	const struct led_object *pod;
	struct mp node;
};

static void judge_placed(void *arg, const struct pod_claim_name *n)
{
	struct placing *p = arg;
	const struct led_object *claim = claim_called(&p->s->ledger, n->claim), *v = NULL;
	if (claim && has_phase(value_of(claim), "Bound"))
		v = volume_called(&p->s->ledger, mp_path_str(value_of(claim), "spec.volumeName"));
	if (!claim || is_deleting(claim))
		storm_wrong(p->s, "a pod is placed whose claim is not there", p->pod->key);
	else if (!v)
		storm_wrong(p->s, "a pod is placed whose claim has no volume", p->pod->key);
	else if (!volume_reaches(value_of(v), p->node))
		storm_wrong(p->s, "a pod is placed where its volume is not", p->pod->key);
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct storm *s = arg;
	const struct ledger *l = &s->ledger;
	judge_record(&s->judge, 0, revision, record);
	cr_assert_eq(ledger_fold(&s->ledger, revision, record), 0);
	for (size_t i = 0; i < l->change_count; i++) {
		const struct led_change *x = &l->changes[i];
		const struct led_object *o = x->now ? x->now : x->was;
		if (!o)
			continue;
		if (span_is(o->stream, "persistentvolumes"))
			judge_volume(s, x);
		if (span_is(o->stream, "persistentvolumeclaims") && x->now)
			judge_claim(s, o);
		if (span_is(o->stream, "persistentvolumeclaims") && !x->now && is_used(l, o->name))
			storm_wrong(s, "a claim is gone that a pod uses", o->key);
		if (x->now && o->is_pod && o->bound_revision == revision) {
			struct placing p = {s, o,
					    node_called(l, mp_path_str(value_of(o), "spec.nodeName"))};
			pod_claims_each(value_of(o), judge_placed, &p);
		}
	}
	ledger_close(&s->ledger);
}

/* ---- what must be so in the end */

/* Whether a volume is to be had that fits. */
static bool could_have(const struct ledger *l, struct mp claim)
{
	static const char prefix[] = "persistentvolumes/";
	struct span named = mp_path_str(claim, "spec.volumeName");
	for (struct onode *n = ledger_first(l, prefix); n; n = ledger_next(n, prefix)) {
		struct mp volume = value_of(n->value);
		if (volume.p && volume_is_free(volume) && !volume_mismatch(volume, claim) &&
		    (!named.len || names(claim, volume)))
			return true;
	}
	return false;
}

static const char *wrong_claim(const struct ledger *l, const struct led_object *o)
{
	struct mp claim = value_of(o);
	struct span class = volume_class(claim);
	bool waits = span_is(class, "later") || span_is(class, "found");
	bool named = mp_path_str(claim, "spec.volumeName").len > 0;
	if (is_deleting(o))
		return is_used(l, o->name) ? NULL : "is Terminating, and nobody uses it";
	if (has_phase(claim, "Lost"))
		return "is lost";
	if (!has_phase(claim, "Bound")) {
		if (span_is(class, "now") && !named)
			return "was to be given a volume at once";
		if ((!waits || named) && could_have(l, claim))
			return "could have a volume";
		return volume_note(claim, VOLUME_SELECTED_NODE).len ? "waits for a volume on its node"
								     : NULL;
	}
	return object_lists(claim, "metadata.finalizers", CLAIM_PROTECTION) ? NULL
									    : "is not protected";
}

static const char *wrong_volume(const struct ledger *l, const struct led_object *o)
{
	struct mp volume = value_of(o);
	const struct led_object *claim = claim_of(l, volume);
	bool ours = volume_note(volume, VOLUME_PROVISIONED_BY).len > 0;
	if (claim && names(value_of(claim), volume))
		return has_phase(volume, "Bound") ? NULL : "does not say that it is bound";
	if (is_deleting(o))
		return claim ? "is kept for a claim that does not take it" : "is Terminating, and nobody has it";
	if (ours)
		return "was to be deleted";
	if (!mp_path_str(volume, "spec.claimRef.uid").len)
		return has_phase(volume, "Available") ? NULL : "does not say that it is to be had";
	if (claim)
		return "is kept for a claim that has another one";
	return has_phase(volume, "Released") || has_phase(volume, "Failed") ? NULL
									    : "does not say that it is released";
}

struct fitting {
	const struct ledger *l;
	struct mp node;
	bool can;
};

/* Bound to what reaches the node, or to be provisioned wherever the pod goes. */
static void fits(void *arg, const struct pod_claim_name *n)
{
	struct fitting *f = arg;
	const struct led_object *claim = claim_called(f->l, n->claim), *v = NULL;
	if (!claim || is_deleting(claim)) {
		f->can &= n->ephemeral.p != NULL; /* that one is made */
		return;
	}
	if (has_phase(value_of(claim), "Bound"))
		v = volume_called(f->l, mp_path_str(value_of(claim), "spec.volumeName"));
	if (v)
		f->can &= volume_reaches(value_of(v), f->node);
	else
		f->can &= span_is(volume_class(value_of(claim)), "later") &&
			  !mp_path_str(value_of(claim), "spec.volumeName").len;
}

static const char *wrong_pod(const struct ledger *l, const struct led_object *o)
{
	if (is_deleting(o))
		return "is half deleted";
	if (o->pod.bound)
		return o->pod.ready ? NULL : "is not ready";
	for (struct onode *n = ledger_first(l, "nodes/"); n; n = ledger_next(n, "nodes/")) {
		struct fitting f = {l, value_of(n->value), true};
		pod_claims_each(value_of(o), fits, &f);
		if (f.can)
			return "could run";
	}
	return NULL;
}

/* NULL: all is as it must be. */
static const char *unfinished(struct storm *s)
{
	const struct ledger *l = &s->ledger;
	static struct err why;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		const char *bad = NULL;
		if (!o->value)
			continue;
		if (o->is_pod)
			bad = wrong_pod(l, o);
		else if (span_is(o->stream, "persistentvolumeclaims"))
			bad = wrong_claim(l, o);
		else if (span_is(o->stream, "persistentvolumes"))
			bad = wrong_volume(l, o);
		if (bad) {
			snprintf(why.text, sizeof why.text, "%.*s %s", (int)o->key.len,
				 (const char *)o->key.data, bad);
			return why.text;
		}
	}
	return converged(s->sim, &s->cluster, l, &why) ? NULL : why.text;
}

/* ---- faults and runs */

/* Those of the actors that are looked at here come oftener. */
static void fault(struct storm *s)
{
	static const struct {
		const char *cell, *actor;
	} some[] = {{"controllers", "persistentvolume"}, {"controllers", "host-path"},
		    {"collectors", "pvc-protection"},	 {"collectors", "pv-protection"},
		    {"scheduler", "scheduler"}};
	uint64_t k = sim_random(s->sim) % 10;
	if (k < 5)
		sim_crash_actor(s->sim, some[k].cell, some[k].actor);
	else
		storm_fault(s);
}

static uint64_t run_seed(uint64_t seed, bool with_faults)
{
	struct storm s = {.seed = seed};
	const char *why = "it was not asked";
	storm_begin(&s, &(struct storm_wish){.always = "chaos 1\nalways one-binding\n"
						       "always no-return\nalways rev-monotonic\n",
					     .nodes = NODES,
					     .extra = with_user,
					     .committed = on_committed,
					     .faults = with_faults});
	storm_rage(&s, FAULTS, with_faults, fault);
	for (int i = 0; why && i < 240; i++) {
		sim_run(s.sim, sim_now_us(s.sim) + 1000000, NULL, NULL);
		why = unfinished(&s);
	}
	cr_assert_null(why, "seed %llu does not converge: %s %s", (unsigned long long)seed, why,
		       s.wrong);
	return storm_end(&s, EVENTS_MAX);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(volumes, .init = quiet);

Test(volumes, are_bound_used_and_deleted_when_nothing_goes_wrong)
{
	storm_without_faults(run_seed);
}

Test(volumes, are_never_shared_or_lost_through_every_kind_of_fault)
{
	seeds_twice(SEEDS, run_seed);
}
