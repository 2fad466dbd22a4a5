/* Garbage collection by owner references. An owner is looked for where its
 * reference says, and counts if it has the uid:
 *
 *	solid    it is there and stays (or goes without waiting for us)
 *	waiting  it is there and its deletion waits for dependants (foreground)
 *	absent   another object, or none, has its name
 *	unknown  a kind that is not served: nothing is decided by it
 *
 *	dependant: some solid    references to the others are taken out
 *	           some waiting  deleted
 *	           all absent    deleted
 *	owner:     finalizer orphan              references to it are taken out,
 *	                                         then the finalizer
 *	           finalizer foregroundDeletion  when no dependant blocks any more,
 *	                                         the finalizer
 *
 * Every write rests on the object and on all owners that it judged, as they
 * were seen: an owner that appears meanwhile saves its dependants. A finalizer
 * goes only when the views are known to show all dependants there can be.
 * A dependant that waits for its own dependants blocks as any other, unless it
 * waits, by way of others, for the very owner: in a circle nobody blocks. */
#include "actors/controllers/garbage.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { BATCH = 500, OWNERS_MAX = 64, CIRCLE_MAX = 64 };

#define TEXT(s) (int)(s).len, (const char *)(s).data

static const char orphan[] = "orphan", foreground[] = "foregroundDeletion";

struct state {
	struct reconciler r;	     /* first */
	struct view_index **indexes; /* per view, by the owners' uids */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* Its deletion waits for what it owns. */
static bool waits(struct mp object)
{
	return object.p && object_is_deleting(object) &&
	       object_lists(object, "metadata.finalizers", foreground);
}

/* ---- owners */

enum owner_state { OWNER_UNKNOWN, OWNER_ABSENT, OWNER_WAITING, OWNER_SOLID };

/* Where the owner would be; false: its kind is not served, or it cannot be
 * the owner of this object. */
static bool owner_key(struct reconciler *r, struct mp object, const struct owner_ref *ref,
		      struct buf *key)
{
	const uint8_t *slash = ref->api_version.len
				       ? memchr(ref->api_version.data, '/', ref->api_version.len)
				       : NULL;
	struct span group = {ref->api_version.data,
			     slash ? (size_t)(slash - ref->api_version.data) : 0};
	struct span ns = object_namespace(object);
	const struct schema_resource *row =
		schema_find_kind(r->schema, group, (struct span){0}, ref->kind);
	if (!row || (row->namespaced && !ns.len) || !ref->name.len)
		return false;
	schema_key(key, row, row->namespaced ? ns : (struct span){0}, ref->name);
	return true;
}

static enum owner_state judge(struct reconciler *r, struct span key, struct span uid)
{
	struct mp owner = object_of(reconcile_get(r, key));
	if (!owner.p || !span_eq(object_uid(owner), uid))
		return OWNER_ABSENT;
	return waits(owner) ? OWNER_WAITING : OWNER_SOLID;
}

struct judged {
	struct reconciler *r;
	struct arena *a;
	struct mp object;
	size_t counts[OWNER_SOLID + 1];
	struct store_compare *basis; /* the first is the object's own */
	size_t basis_count;
	struct doc *kept; /* references to solid and unknown owners */
	struct doc *refs; /* all, as a tree, in step with the walk */
};

static void judge_one(void *arg, const struct owner_ref *ref)
{
	struct judged *j = arg;
	struct buf key = {0};
	enum owner_state state = OWNER_UNKNOWN;
	struct doc *self = j->refs;
	j->refs = self ? self->next : NULL;
	if (j->basis_count < OWNERS_MAX && owner_key(j->r, j->object, ref, &key)) {
		struct span k = object_copy(j->a, span_buf(&key));
		state = judge(j->r, k, ref->uid);
		j->basis[j->basis_count++] = reconcile_basis(j->r, k);
	}
	buf_fini(&key);
	j->counts[state]++;
	if (self && (state == OWNER_UNKNOWN || state == OWNER_SOLID))
		doc_add(j->kept, doc_copy(j->a, self));
}

static void judge_owners(struct judged *j, struct span key)
{
	struct mp list;
	struct span raw;
	struct doc *all = NULL;
	j->basis = arena_alloc(j->a, (OWNERS_MAX + 1) * sizeof *j->basis);
	j->basis[j->basis_count++] = reconcile_basis(j->r, object_copy(j->a, key));
	j->kept = doc_new(j->a, DOC_ARRAY);
	if (mp_path(j->object, "metadata.ownerReferences", &list) && mp_raw(&list, &raw) == 0 &&
	    doc_from_mp(j->a, mp_of(object_copy(j->a, raw)), &all, NULL) == 0 &&
	    doc_is(all, DOC_ARRAY))
		j->refs = all->first;
	owners_each(j->object, judge_one, j);
}

/* ---- dependants */

static const struct view_index_spec by_owner = {.name = "owner", .keys = owners_index_keys};

/* Calls each for everything that names the uid as an owner. */
static int each_dependant(struct reconciler *r, struct span uid,
			  int (*each)(void *arg, const struct view_found *f), void *arg)
{
	int rc = 0;
	for (size_t i = 0; i < r->view_count && !rc; i++)
		rc = view_index_each(state_of(r)->indexes[i], uid, each, arg);
	return rc;
}

static int any(void *arg, const struct view_found *f)
{
	(void)arg;
	(void)f;
	return 1;
}

/* Those whose deletion waits for an object, by way of others: its owners that
 * it blocks, theirs, and so on. */
struct waiters {
	struct reconciler *r;
	struct mp found[CIRCLE_MAX], of;
	size_t count;
};

static void add_waiter(void *arg, const struct owner_ref *ref)
{
	struct waiters *w = arg;
	struct buf key = {0};
	if (!ref->blocks || w->count == CIRCLE_MAX || !owner_key(w->r, w->of, ref, &key)) {
		buf_fini(&key);
		return;
	}
	struct mp owner = object_of(reconcile_get(w->r, span_buf(&key)));
	bool known = false;
	for (size_t i = 0; i < w->count; i++)
		known |= w->found[i].p == owner.p;
	if (!known && waits(owner) && span_eq(object_uid(owner), ref->uid))
		w->found[w->count++] = owner;
	buf_fini(&key);
}

static void find_waiters(struct waiters *w, struct reconciler *r, struct mp object)
{
	w->r = r;
	w->count = 0;
	w->of = object;
	owners_each(object, add_waiter, w);
	for (size_t i = 0; i < w->count; i++) {
		w->of = w->found[i];
		owners_each(w->of, add_waiter, w);
	}
}

static bool is_waiter(const struct waiters *w, struct mp object)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->found[i].p == object.p)
			return true;
	return false;
}

struct blocking {
	struct span uid;
	const struct waiters *waiters; /* of the owner */
	bool blocks;
};

static void note_blocking(void *arg, const struct owner_ref *ref)
{
	struct blocking *b = arg;
	b->blocks |= ref->blocks && span_eq(ref->uid, b->uid);
}

static int is_blocking(void *arg, const struct view_found *f)
{
	struct blocking *b = arg;
	if (is_waiter(b->waiters, object_of(f->object)))
		return 0;
	b->blocks = false;
	owners_each(object_of(f->object), note_blocking, b);
	return b->blocks;
}

/* ---- what a change is about */

struct wanting {
	struct ctx *c;
	struct reconciler *r;
	struct mp object;
};

static int want_key(void *arg, const struct view_found *f)
{
	struct wanting *w = arg;
	reconcile_want(w->c, w->r, f->key);
	return 0;
}

static void want_waiting_owner(void *arg, const struct owner_ref *ref)
{
	struct wanting *w = arg;
	struct buf key = {0};
	if (owner_key(w->r, w->object, ref, &key) &&
	    object_is_deleting(object_of(reconcile_get(w->r, span_buf(&key)))))
		reconcile_want(w->c, w->r, span_buf(&key));
	buf_fini(&key);
}

/* An owner that there is, but in another namespace, is none, and its dependant
 * goes: its author is told why. Looked for only when a reference is new and its
 * owner is not there. */
static void tell_of_strangers(void *arg, const struct owner_ref *ref)
{
	struct wanting *w = arg;
	struct buf key = {0};
	if (!owner_key(w->r, w->object, ref, &key))
		return;
	struct view *v = reconcile_view(w->r, store_stream_of(span_buf(&key)));
	bool there = !v || !view_synced(v) || view_get(v, span_buf(&key));
	buf_fini(&key);
	for (struct onode *n = there ? NULL : omap_first(view_map(v)); n; n = omap_next(n)) {
		struct mp owner = object_of(n->value);
		if (!span_eq(object_uid(owner), ref->uid) || !object_namespace(owner).len)
			continue;
		struct span ns = object_namespace(w->object);
		reconcile_event(w->c, w->r, w->object, "Warning", "OwnerRefInvalidNamespace",
				"ownerRef [%.*s/%.*s, namespace: %.*s, name: %.*s, uid: %.*s] does not exist in namespace "
				"\"%.*s\"", TEXT(ref->api_version), TEXT(ref->kind), TEXT(ns), TEXT(ref->name),
				TEXT(ref->uid), TEXT(ns));
		return;
	}
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	struct wanting w = {c, r, was};
	struct span uid = was.p ? object_uid(was) : (struct span){0};
	bool gone = was.p && (!now.p || !object_same_at(was, now, "metadata.uid"));
	bool refs = !object_same_at(was, now, "metadata.ownerReferences");
	bool deletion = !object_same_at(was, now, "metadata.deletionTimestamp") ||
			!object_same_at(was, now, "metadata.finalizers");
	if (now.p && (refs || deletion || gone))
		reconcile_want(c, r, v->key);
	if (now.p && refs)
		owners_each(now, tell_of_strangers, &(struct wanting){c, r, now});
	if (gone)
		each_dependant(r, uid, want_key, &w);
	if (now.p && deletion && waits(now))
		each_dependant(r, object_uid(now), want_key, &w);
	/* Who waited for it may go on. */
	if (was.p && (gone || refs || deletion))
		owners_each(was, want_waiting_owner, &w);
}

/* ---- writes */

static struct reconcile_action *write(struct reconciler *r, struct reconcile_item *i,
				      enum obj_verb verb, struct span key, struct mp object)
{
	struct arena *a = reconcile_arena(i);
	const struct schema_resource *row = schema_find_stream(r->schema, store_stream_of(key));
	struct span stream, ns = {0}, name = {0};
	schema_key_split(key, &stream, &ns, &name);
	struct reconcile_action *x =
		reconcile_add(i, verb, row, object_copy(a, ns), object_copy(a, name));
	x->uid = object_copy(a, object_uid(object));
	return x;
}

static void rest_on(struct reconcile_action *x, struct store_compare *basis, size_t n)
{
	x->basis = basis;
	x->basis_count = n;
}

static void patch_metadata(struct reconciler *r, struct reconcile_item *i, struct span key,
			   struct mp object, const char *field, struct doc *value,
			   struct store_compare *basis, size_t n)
{
	struct arena *a = reconcile_arena(i);
	struct reconcile_action *x = write(r, i, OBJ_PATCH_MERGE, key, object);
	struct doc *d = doc_new(a, DOC_MAP), *m = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, m, "uid", doc_span(a, x->uid));
	doc_set(a, m, field, value);
	x->body = d;
	rest_on(x, basis, n);
}

static enum obj_propagation policy_of(struct mp object)
{
	if (object_lists(object, "metadata.finalizers", orphan))
		return OBJ_ORPHAN;
	return object_lists(object, "metadata.finalizers", foreground) ? OBJ_FOREGROUND
								       : OBJ_BACKGROUND;
}

/* ---- a dependant's plan */

static void plan_dependant(struct reconciler *r, struct reconcile_item *i, struct span key,
			   struct mp object)
{
	struct judged j = {.r = r, .a = reconcile_arena(i), .object = object};
	judge_owners(&j, key);
	size_t *n = j.counts;
	if (n[OWNER_SOLID]) {
		if (n[OWNER_ABSENT] || n[OWNER_WAITING])
			patch_metadata(r, i, key, object, "ownerReferences", j.kept, j.basis,
				       j.basis_count);
		return;
	}
	if (n[OWNER_UNKNOWN] || !(n[OWNER_ABSENT] || n[OWNER_WAITING]))
		return;
	struct reconcile_action *x = write(r, i, OBJ_DELETE, key, object);
	x->propagation = policy_of(object);
	if (n[OWNER_WAITING] && each_dependant(r, x->uid, any, NULL))
		x->propagation = OBJ_FOREGROUND;
	rest_on(x, j.basis, j.basis_count);
}

/* ---- an owner's plan */

struct orphaning {
	struct reconciler *r;
	struct reconcile_item *i;
	struct span uid;
	size_t count;
};

static int let_go(void *arg, const struct view_found *f)
{
	struct orphaning *x = arg;
	struct arena *a = reconcile_arena(x->i);
	struct mp object = object_of(f->object);
	struct doc *rest = owners_without(a, object, x->uid);
	struct store_compare *basis = arena_alloc(a, sizeof *basis);
	*basis = reconcile_basis(x->r, object_copy(a, f->key));
	patch_metadata(x->r, x->i, f->key, object, "ownerReferences",
		       rest ? rest : doc_new(a, DOC_ARRAY), basis, 1);
	return ++x->count >= BATCH;
}

static struct doc *finalizers_without(struct arena *a, struct mp object, const char *name)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	struct mp m;
	struct span s;
	size_t n = 0;
	if (mp_path(object, "metadata.finalizers", &m) && mp_array(&m, &n) == 0)
		for (; n > 0 && !mp_str(&m, &s); n--)
			if (!span_is(s, name))
				doc_add(list, doc_span(a, object_copy(a, s)));
	return list;
}

static void drop_finalizer(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			   struct span key, struct mp object, const char *name)
{
	struct arena *a = reconcile_arena(i);
	if (!reconcile_fresh(c, r, i))
		return;
	struct store_compare *basis = arena_alloc(a, sizeof *basis);
	*basis = reconcile_basis(r, object_copy(a, key));
	patch_metadata(r, i, key, object, "finalizers", finalizers_without(a, object, name), basis,
		       1);
}

static void plan_owner(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		       struct span key, struct mp object)
{
	struct span uid = object_copy(reconcile_arena(i), object_uid(object));
	if (object_lists(object, "metadata.finalizers", orphan)) {
		struct orphaning x = {r, i, uid, 0};
		each_dependant(r, uid, let_go, &x);
		if (!x.count)
			drop_finalizer(c, r, i, key, object, orphan);
	} else if (object_lists(object, "metadata.finalizers", foreground)) {
		struct waiters w;
		find_waiters(&w, r, object);
		struct blocking b = {uid, &w, false};
		if (!each_dependant(r, uid, is_blocking, &b))
			drop_finalizer(c, r, i, key, object, foreground);
	}
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct mp object = object_of(reconcile_get(r, key));
	if (!object.p)
		return;
	if (object_is_deleting(object))
		plan_owner(c, r, i, key, object);
	else
		plan_dependant(r, i, key, object);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "garbage-collector-controller",
	.fence = "garbage-collector",
	.streams = NULL,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->indexes = mem_alloc((s->r.view_count + 1) * sizeof(struct view_index *));
	for (size_t i = 0; i < s->r.view_count; i++)
		s->indexes[i] = ctx_index(c, s->r.views[i], &by_owner);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	free(s->indexes);
	reconcile_fini(&s->r);
}

const struct actor_spec garbage_actor = {
	.kind = "garbage-collector",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
