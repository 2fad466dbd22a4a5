#include "actors/scheduler/volumes.h"

#include <string.h>

#include "actors/objects/usage.h"
#include "actors/objects/volume_index.h"
#include "actors/objects/volume_keep.h"
#include "actors/objects/volume_match.h"
#include "actors/scheduler/fit.h"
#include "broker/base/sort.h"

enum claim_state {
	CLAIM_OTHER,  /* said of the pod: refusal, waits */
	CLAIM_BOUND,  /* to `volume` */
	CLAIM_KEPT,   /* `volume` is kept for it: about to be bound */
	CLAIM_MADE,   /* a volume for node `selected` is */
	CLAIM_WANTED, /* one is wanted where the pod goes */
};

struct candidate {
	struct span key; /* of the volume */
	const struct view_object *object;
	struct mp volume;
};

struct pod_claim {
	enum claim_state state;
	struct span namespace, name, key;
	struct mp claim, volume, class;
	uint64_t version;
	struct span selected;
	struct candidate *free; /* that fit it, the best first */
	size_t free_count;
	const struct candidate *picked; /* of them, for the node that is looked at */
};

/* ---- views */

void volumes_follow(struct ctx *c, struct volumes *v, const struct schema *s, struct view *pods)
{
	if (v->claims)
		return;
	v->claim_row = schema_find_stream(s, span_of("persistentvolumeclaims"));
	v->volume_row = schema_find_stream(s, span_of("persistentvolumes"));
	v->claims = ctx_follow(c, "persistentvolumeclaims");
	v->volumes = ctx_follow(c, "persistentvolumes");
	v->classes = ctx_follow(c, "storageclasses.storage.k8s.io");
	v->by_binding = ctx_index(c, v->volumes, &volumes_by_binding);
	v->pods = ctx_index(c, pods, &pods_by_claim);
}

bool volumes_synced(const struct volumes *v)
{
	return v->claims && view_synced(v->claims) && view_synced(v->volumes) &&
	       view_synced(v->classes);
}

struct view *volumes_view(const struct volumes *v, struct span stream)
{
	struct view *all[] = {v->claims, v->volumes, v->classes};
	for (size_t i = 0; v->claims && i < 3; i++)
		if (span_eq(view_stream(all[i]), stream))
			return all[i];
	return NULL;
}

static void note_one(void *arg, const struct pod_claim_name *n)
{
	(void)n;
	*(bool *)arg = true;
}

bool pod_has_claims(struct mp pod)
{
	bool has = false;
	pod_claims_each(pod, note_one, &has);
	return has;
}

/* ---- reading */

static struct span copy(struct arena *a, struct span s)
{
	return (struct span){(uint8_t *)arena_ndup(a, s.data, s.len), s.len};
}

static const struct view_object *object_at(struct arena *a, const struct view *v,
					   const struct schema_resource *row, struct span namespace,
					   struct span name, struct span *key)
{
	struct buf b = {0};
	schema_key(&b, row, namespace, name);
	struct span at = copy(a, span_buf(&b));
	buf_fini(&b);
	if (key)
		*key = at;
	return view_get(v, at);
}

static struct mp value_of(const struct view_object *o)
{
	return o ? mp_of_bytes(o->value) : (struct mp){0};
}

struct reading {
	struct pod_volumes *out;
	struct arena *a;
	struct span namespace;
	struct mp pod;
	struct span pod_key;
	const struct volume_asks *asks;
	size_t cap;
};

static void refuse(struct reading *r, const char *before, struct span name, const char *after)
{
	if (!r->out->refusal)
		r->out->refusal = arena_printf(r->a, "%s\"%.*s\"%s", before, (int)name.len,
					       (const char *)name.data, after);
}

struct gathering {
	struct arena *a;
	struct pod_claim *claim;
	size_t cap;
};

static int gather(void *arg, const struct view_found *f)
{
	struct gathering *g = arg;
	struct pod_claim *x = g->claim;
	struct mp volume = value_of(f->object);
	if (volume_mismatch(volume, x->claim) || !volume_is_selected(volume, x->claim))
		return 0;
	if (x->free_count == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct candidate *list = arena_alloc(g->a, cap * sizeof *list);
		if (x->free_count)
			memcpy(list, x->free, x->free_count * sizeof *list);
		x->free = list;
		g->cap = cap;
	}
	x->free[x->free_count++] =
		(struct candidate){copy(g->a, f->key), f->object, volume};
	return 0;
}

static int by_fit(const void *x, const void *y, void *arg)
{
	const struct candidate *a = x, *b = y;
	(void)arg;
	return volume_is_better(a->volume, b->volume) ? -1
	       : volume_is_better(b->volume, a->volume) ? 1
							: 0;
}

static int keep_found(void *arg, const struct view_found *f)
{
	struct pod_claim *x = arg;
	struct mp volume = value_of(f->object);
	if (volume_will_be_of(volume, x->claim))
		x->volume = volume;
	return x->volume.p != NULL;
}

/* Of a class that waits for this pod. */
static void read_waiting(struct reading *r, struct pod_claim *x)
{
	char text[VOLUME_UNDER_MAX];
	const struct volumes *v = r->out->of;
	struct span node = volume_note(x->claim, VOLUME_SELECTED_NODE);
	struct gathering g = {.a = r->a, .claim = x};
	view_index_each(v->by_binding, volumes_for(text, x->namespace, x->name), keep_found, x);
	if (x->volume.p) {
		x->state = CLAIM_KEPT;
	} else if (node.len && r->asks->has_node(r->asks->arg, node)) {
		x->state = CLAIM_MADE;
		x->selected = node;
	} else {
		x->state = CLAIM_WANTED;
		view_index_each(v->by_binding, volumes_free(text, volume_class(x->claim)), gather,
				&g);
		sort_stable(x->free, x->free_count, sizeof *x->free, by_fit, NULL);
		return;
	}
	r->out->waits = true;
}

static void read_bound(struct reading *r, struct pod_claim *x)
{
	struct span name = mp_path_str(x->claim, "spec.volumeName");
	x->state = CLAIM_BOUND;
	x->volume = value_of(object_at(r->a, r->out->of->volumes, r->out->of->volume_row,
				       (struct span){0}, name, NULL));
	if (!x->volume.p)
		refuse(r,
		       arena_printf(r->a,
				    "persistentvolumeclaim \"%.*s\" bound to non-existent "
				    "persistentvolume ",
				    (int)x->name.len, (const char *)x->name.data),
		       name, "");
}

/* ---- claims that one pod alone may use */

static bool is_for_one_pod(struct mp claim)
{
	struct mp list;
	struct span s;
	size_t n = 0;
	if (!mp_path(claim, "spec.accessModes", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0 && !mp_str(&list, &s); n--)
		if (span_is(s, "ReadWriteOncePod"))
			return true;
	return false;
}

static int find_other(void *arg, const struct view_found *f)
{
	const struct reading *r = arg;
	return !span_eq(f->key, r->pod_key) && r->asks->is_placed(r->asks->arg, f->key);
}

static bool is_used(struct reading *r, const struct pod_claim *x)
{
	char text[VOLUME_UNDER_MAX];
	return view_index_each(r->out->of->pods, pods_with(text, x->namespace, x->name), find_other,
			       r) != 0;
}

static struct pod_claim *add(struct reading *r)
{
	struct pod_volumes *o = r->out;
	if (o->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 4;
		struct pod_claim *list = arena_alloc(r->a, cap * sizeof *list);
		if (o->count)
			memcpy(list, o->claims, o->count * sizeof *list);
		o->claims = list;
		r->cap = cap;
	}
	struct pod_claim *x = &o->claims[o->count++];
	memset(x, 0, sizeof *x);
	return x;
}

static void read_claim(void *arg, const struct pod_claim_name *n)
{
	struct reading *r = arg;
	struct span name = n->claim;
	const struct volumes *v = r->out->of;
	struct pod_claim *x = add(r);
	x->namespace = r->namespace;
	x->name = copy(r->a, name);
	const struct view_object *o =
		object_at(r->a, v->claims, v->claim_row, x->namespace, x->name, &x->key);
	x->claim = value_of(o);
	if (!o) {
		if (n->ephemeral.p)
			refuse(r,
			       "waiting for ephemeral volume controller to create the "
			       "persistentvolumeclaim ",
			       name, "");
		else
			refuse(r, "persistentvolumeclaim ", name, " not found");
		return;
	}
	x->version = o->version;
	x->class = value_of(view_get(
		v->classes,
		span_of(arena_printf(r->a, "storageclasses.storage.k8s.io/%.*s",
				     (int)volume_class(x->claim).len,
				     (const char *)volume_class(x->claim).data))));
	bool named = mp_path_str(x->claim, "spec.volumeName").len > 0;
	if (n->ephemeral.p && !claim_is_of_pod(x->claim, r->pod))
		refuse(r, "PVC ", name, " was not created for the pod");
	else if (mp_path_str(x->claim, "metadata.deletionTimestamp").len)
		refuse(r, "persistentvolumeclaim ", name, " is being deleted");
	else if (is_for_one_pod(x->claim) && is_used(r, x) && !r->out->refusal)
		r->out->refusal = "node has pod using PersistentVolumeClaim with the same name and "
				  "ReadWriteOncePod access mode";
	else if (claim_is_bound(x->claim) ||
		 span_is(mp_path_str(x->claim, "status.phase"), "Lost"))
		read_bound(r, x);
	else if (named && volume_note(x->claim, VOLUME_BIND_COMPLETED).len)
		r->out->waits = true; /* it is about to say so */
	else if (class_waits(x->class) && !named)
		read_waiting(r, x);
	else if (!r->out->refusal)
		r->out->refusal = "pod has unbound immediate PersistentVolumeClaims";
}

void volumes_read(struct pod_volumes *out, const struct volumes *v, struct arena *a,
		  struct span pod_key, struct mp pod, const struct volume_asks *asks)
{
	struct reading r = {.out = out,
			    .a = a,
			    .namespace = mp_path_str(pod, "metadata.namespace"),
			    .pod = pod,
			    .pod_key = pod_key,
			    .asks = asks};
	*out = (struct pod_volumes){.of = v, .arena = a};
	pod_claims_each(pod, read_claim, &r);
	out->basis = arena_alloc(a, (out->count + 1) * sizeof *out->basis);
	for (size_t i = 0; i < out->count; i++)
		out->basis[i] = (struct store_compare){.key = out->claims[i].key,
						       .field = STORE_MOD,
						       .number = out->claims[i].version};
}

/* ---- nodes */

static bool is_picked(const struct pod_volumes *v, size_t before, struct span key)
{
	for (size_t i = 0; i < before; i++)
		if (v->claims[i].picked && span_eq(v->claims[i].picked->key, key))
			return true;
	return false;
}

/* Which free volume each claim gets on a node, in the order of the claims. */
static void pick(const struct pod_volumes *v, struct mp node)
{
	for (size_t i = 0; i < v->count; i++) {
		struct pod_claim *x = &v->claims[i];
		x->picked = NULL;
		for (size_t k = 0; k < x->free_count && !x->picked; k++)
			if (volume_reaches(x->free[k].volume, node) &&
			    !is_picked(v, i, x->free[k].key))
				x->picked = &x->free[k];
	}
}

static bool topology_allows(struct mp class, struct mp node)
{
	size_t terms = 0;
	for (struct mp_walk t = mp_walk_list(class, "allowedTopologies"); mp_walk_next(&t);) {
		bool all = true;
		terms++;
		for (struct mp_walk x = mp_walk_list(t.value, "matchLabelExpressions");
		     mp_walk_next(&x);) {
			struct mp labels, label;
			struct span is = {0}, s;
			bool one = false;
			size_t n = 0;
			if (mp_path(node, "metadata.labels", &labels) &&
			    mp_find_span(labels, mp_path_str(x.value, "key"), &label))
				(void)mp_str(&label, &is);
			struct mp values;
			if (mp_find(x.value, "values", &values) && !mp_array(&values, &n))
				for (; n > 0 && !mp_str(&values, &s); n--)
					one |= is.len && span_eq(s, is);
			all &= one;
		}
		if (all)
			return true;
	}
	return terms == 0;
}

/* Whether a volume can be made for it there. */
static bool can_be_made(const struct pod_claim *x, struct mp node)
{
	return !span_is(mp_path_str(x->class, "provisioner"), "kubernetes.io/no-provisioner") &&
	       topology_allows(x->class, node);
}

unsigned volumes_fault(const struct pod_volumes *v, struct mp node)
{
	unsigned faults = 0;
	pick(v, node);
	for (size_t i = 0; i < v->count; i++) {
		const struct pod_claim *x = &v->claims[i];
		if (x->volume.p && !volume_reaches(x->volume, node))
			faults |= FIT_VOLUME_NODE;
		if (x->state == CLAIM_MADE &&
		    !span_eq(x->selected, mp_path_str(node, "metadata.name")))
			faults |= FIT_VOLUME_NONE;
		if (x->state == CLAIM_WANTED && !x->picked && !can_be_made(x, node))
			faults |= FIT_VOLUME_NONE;
	}
	return faults;
}

/* ---- writes */

static struct volume_write keep(const struct pod_volumes *v, const struct pod_claim *x,
				const struct candidate *c)
{
	struct store_compare *basis = arena_alloc(v->arena, 2 * sizeof *basis);
	basis[0] = (struct store_compare){
		.key = x->key, .field = STORE_MOD, .number = x->version};
	basis[1] = (struct store_compare){
		.key = c->key, .field = STORE_MOD, .number = c->object->version};
	return (struct volume_write){
		.row = v->of->volume_row,
		.name = copy(v->arena, mp_path_str(c->volume, "metadata.name")),
		.body = volume_kept_for(v->arena, c->volume, x->claim),
		.basis = basis,
		.basis_count = 2,
	};
}

static struct volume_write select_node(const struct pod_volumes *v, const struct pod_claim *x,
				       struct mp node)
{
	struct doc *body = doc_new(v->arena, DOC_MAP);
	struct span name = copy(v->arena, mp_path_str(node, "metadata.name"));
	volume_note_in(v->arena, body, VOLUME_SELECTED_NODE, doc_span(v->arena, name));
	return (struct volume_write){
		.row = v->of->claim_row,
		.namespace = copy(v->arena, x->namespace),
		.name = x->name,
		.body = body,
		.basis = &v->basis[x - v->claims],
		.basis_count = 1,
	};
}

struct volume_write volumes_next(const struct pod_volumes *v, struct mp node)
{
	pick(v, node);
	for (size_t i = 0; i < v->count; i++) {
		const struct pod_claim *x = &v->claims[i];
		if (x->state == CLAIM_WANTED)
			return x->picked ? keep(v, x, x->picked) : select_node(v, x, node);
	}
	return (struct volume_write){0};
}

/* ---- what may help */

struct helping {
	void (*each)(void *arg, struct span pod);
	void *arg;
};

static int help(void *arg, const struct view_found *f)
{
	struct helping *h = arg;
	h->each(h->arg, f->key);
	return 0;
}

static void help_users(const struct volumes *v, struct span namespace, struct span claim,
		       struct helping *h)
{
	char text[VOLUME_UNDER_MAX];
	view_index_each(v->pods, pods_with(text, namespace, claim), help, h);
}

bool volumes_helped(const struct volumes *v, const struct view_change *change,
		    void (*each)(void *arg, struct span pod), void *arg)
{
	struct helping h = {each, arg};
	struct mp now = value_of(change->now ? change->now : change->was);
	if (!change->key.len)
		return true; /* all is known now, or again */
	if (change->view == v->classes)
		return true;
	if (change->view == v->claims) {
		help_users(v, mp_path_str(now, "metadata.namespace"),
			   mp_path_str(now, "metadata.name"), &h);
		return false;
	}
	struct span claim = mp_path_str(now, "spec.claimRef.name");
	if (claim.len)
		help_users(v, mp_path_str(now, "spec.claimRef.namespace"), claim, &h);
	return !claim.len && change->now;
}
