#include "tools/chaos/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/conditions.h"

/* What makes pods and says how many it wants. */
static const struct controller_row {
	const char *stream, *kind, *wants;
} controllers[] = {
	{"replicationcontrollers", "ReplicationController", "spec.replicas"},
	{"replicasets.apps", "ReplicaSet", "spec.replicas"},
};

static const struct controller_row *controller_of(struct span stream)
{
	for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
		if (span_is(stream, controllers[i].stream))
			return &controllers[i];
	return NULL;
}

bool ledger_is_controller(struct span stream)
{
	return controller_of(stream) != NULL;
}

static void put_text(char *out, size_t size, struct span s)
{
	span_text(out, size, s);
}

/* Pods of other kinds are not counted against a number. */
static bool is_counted(struct span kind)
{
	for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
		if (span_is(kind, controllers[i].kind))
			return true;
	return false;
}

/* ---- owners and nodes: made when first named */

static struct led_owner *owner_of(struct ledger *l, struct span uid)
{
	struct led_owner *o = omap_get(&l->owners, uid);
	if (!o) {
		o = mem_alloc(sizeof *o);
		snprintf(o->name, sizeof o->name, "an owner of uid %.*s", (int)uid.len, uid.data);
		omap_put(&l->owners, uid, o);
	}
	if (!o->touched)
		o->live_before = o->live;
	o->touched = true;
	return o;
}

static struct led_node *node_of(struct ledger *l, struct span name)
{
	struct led_node *n = omap_get(&l->nodes, name);
	if (!n) {
		n = mem_alloc(sizeof *n);
		put_text(n->name, sizeof n->name, name);
		omap_put(&l->nodes, name, n);
	}
	if (!n->touched)
		n->used_before = n->used;
	n->touched = true;
	return n;
}

/* ---- pods */

/* Of the controller that the pod is counted for; empty: of none. */
static struct span controller_uid(struct mp pod)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(pod, "metadata.ownerReferences", &list) || mp_array(&list, &n))
		return (struct span){0};
	for (; n > 0; n--, mp_skip(&list))
		if (mp_path_bool(list, "controller", false))
			return is_counted(mp_path_str(list, "kind")) ? mp_path_str(list, "uid")
								      : (struct span){0};
	return (struct span){0};
}

static int64_t restarts_of(struct mp pod)
{
	struct mp list;
	size_t n = 0;
	int64_t sum = 0;
	if (!mp_path(pod, "status.containerStatuses", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--, mp_skip(&list))
		sum += mp_path_int(list, "restartCount", 0);
	return sum;
}

static void read_pod(struct ledger *l, struct led_object *o, struct mp m)
{
	struct span node = mp_path_str(m, "spec.nodeName"), phase = mp_path_str(m, "status.phase");
	struct span owner = controller_uid(m);
	struct led_pod *p = &o->pod;
	p->deleted = mp_path_str(m, "metadata.deletionTimestamp").len > 0;
	p->ended = span_is(phase, "Succeeded") || span_is(phase, "Failed");
	p->ready = span_is(phase, "Running") && condition_is(m, "Ready", "True");
	p->restarts = restarts_of(m);
	p->wants = fit_requests(m);
	p->bound = node.len > 0;
	p->node = node.len ? node_of(l, node) : NULL;
	p->owner = owner.len ? owner_of(l, owner) : NULL;
}

/* Counts the pod in its owner and node, or takes it out again. */
static void count_pod(struct ledger *l, const struct led_object *o, int sign)
{
	const struct led_pod *p = &o->pod;
	(void)l;
	if (p->owner && led_pod_lives(o))
		p->owner->live += sign;
	if (p->node && !p->ended)
		fit_add(&p->node->used, &p->wants, sign);
}

/* ---- controllers and nodes as objects */

static void read_controller(struct ledger *l, const struct led_object *o, bool present)
{
	const struct controller_row *row = controller_of(o->stream);
	struct led_owner *w = owner_of(l, o->uid);
	struct mp m = mp_of_bytes(o->value);
	put_text(w->name, sizeof w->name, o->key);
	w->present = present && !mp_path_str(m, "metadata.deletionTimestamp").len;
	int64_t wants = w->present ? mp_path_int(m, row->wants, 1) : 0;
	if (wants != w->wants || !w->wants_revision)
		w->wants_revision = l->revision;
	w->wants = wants;
}

static void read_node(struct ledger *l, const struct led_object *o, bool present)
{
	struct led_node *n = node_of(l, o->name);
	struct mp m = mp_of_bytes(o->value), labels, zone;
	struct span text = {0};
	if (mp_path(m, "metadata.labels", &labels) && mp_find(labels, "topology.kubernetes.io/zone", &zone))
		mp_str(&zone, &text);
	put_text(n->zone, sizeof n->zone, text);
	n->present = present;
	n->has = fit_node_of(m).allocatable;
}

/* ---- objects */

static void object_free(void *p)
{
	struct led_object *o = p;
	if (!o)
		return;
	bytes_unref(o->value);
	free((void *)(uintptr_t)o->key.data);
	free(o);
}

static struct led_object *object_new(const struct record_change *ch)
{
	struct led_object *o = mem_alloc(sizeof *o);
	o->key = (struct span){(uint8_t *)mem_ndup(ch->key.data, ch->key.len), ch->key.len};
	o->stream = store_stream_of(o->key);
	size_t at = o->key.len;
	while (at > 0 && o->key.data[at - 1] != '/')
		at--;
	o->name = (struct span){o->key.data + at, o->key.len - at};
	o->value = bytes_copy(ch->value.data, ch->value.len);
	o->uid = mp_path_str(mp_of_bytes(o->value), "metadata.uid");
	o->is_pod = span_is(o->stream, "pods");
	return o;
}

/* What was known of the same pod before goes on. */
static void bind_pod(struct ledger *l, struct led_object *o, const struct led_object *was)
{
	bool same = was && span_eq(was->uid, o->uid);
	if (same && was->pod.bound) {
		o->bound_revision = was->bound_revision;
		memcpy(o->bound_by, was->bound_by, sizeof o->bound_by);
		memcpy(o->bound_node, was->bound_node, sizeof o->bound_node);
	} else if (o->pod.bound) {
		o->bound_revision = l->revision;
		put_text(o->bound_by, sizeof o->bound_by, l->record.origin.principal);
		put_text(o->bound_node, sizeof o->bound_node, span_of(o->pod.node->name));
	}
}

/* `gone`: not just changed. */
static void fold_out(struct ledger *l, struct led_object *was, bool gone)
{
	if (was->is_pod) {
		if (was->pod.owner)
			owner_of(l, controller_uid(mp_of_bytes(was->value)));
		if (was->pod.node)
			node_of(l, span_of(was->pod.node->name));
		count_pod(l, was, -1);
	} else if (gone && controller_of(was->stream)) {
		read_controller(l, was, false);
	} else if (gone && span_is(was->stream, "nodes")) {
		read_node(l, was, false);
	}
}

static void fold_in(struct ledger *l, struct led_object *o, const struct led_object *was)
{
	if (o->is_pod) {
		struct mp_marks marks;
		read_pod(l, o, mp_marked(bytes_span(o->value), &marks));
		bind_pod(l, o, was);
		count_pod(l, o, 1);
	} else if (controller_of(o->stream)) {
		read_controller(l, o, true);
	} else if (span_is(o->stream, "nodes")) {
		read_node(l, o, true);
	}
}

/* What this revision did to it, in a few words. */
static void say_what(char *out, size_t size, const struct led_object *was, const struct led_object *now)
{
	if (!now)
		snprintf(out, size, "gone");
	else if (!was)
		snprintf(out, size, "made");
	else if (now->is_pod && now->pod.bound && !was->pod.bound)
		snprintf(out, size, "bound to %s", now->pod.node->name);
	else if (now->is_pod && now->pod.deleted != was->pod.deleted)
		snprintf(out, size, now->pod.deleted ? "to be deleted" : "not to be deleted any more");
	else if (now->is_pod && now->pod.ended != was->pod.ended)
		snprintf(out, size, now->pod.ended ? "ended" : "lives again");
	else if (now->is_pod && now->pod.ready != was->pod.ready)
		snprintf(out, size, now->pod.ready ? "ready" : "not ready");
	else
		snprintf(out, size, "changed");
}

static void trail(struct ledger *l, struct led_change *c)
{
	struct led_object *o = c->now ? c->now : c->was;
	struct led_trace last[LED_TRAIL - 1] = {0};
	if (!o)
		return;
	if (c->was)
		memcpy(last, c->was->trail, sizeof last);
	memcpy(o->trail + 1, last, sizeof last);
	struct led_trace *t = &o->trail[0];
	t->revision = l->revision;
	t->at_us = l->now_us;
	put_text(t->by, sizeof t->by, l->record.origin.principal);
	say_what(t->what, sizeof t->what, c->was, c->now);
}

static void fold_change(struct ledger *l, const struct record_change *ch, unsigned index)
{
	struct led_change *change = &l->changes[l->change_count++];
	change->raw = ch;
	change->was = omap_remove(&l->objects, ch->key);
	struct led_object *o = change->now = ch->deleted ? NULL : object_new(ch);
	change->token = change->was ? change->was->version : 0;
	if (change->was)
		fold_out(l, change->was, !o || !span_eq(o->uid, change->was->uid));
	if (!o) {
		trail(l, change);
		return;
	}
	o->version = store_version(l->revision, index);
	o->created = ch->create;
	fold_in(l, o, change->was);
	trail(l, change);
	omap_put(&l->objects, o->key, o);
}

int ledger_fold(struct ledger *l, uint64_t revision, struct span record)
{
	l->change_count = 0;
	int rc = record_decode(record, &l->record);
	if (rc)
		return rc;
	l->revision = revision;
	l->records++;
	for (unsigned i = 0; i < l->record.count; i++)
		fold_change(l, &l->record.changes[i], i);
	return 0;
}

void ledger_close(struct ledger *l)
{
	for (size_t i = 0; i < l->change_count; i++)
		object_free(l->changes[i].was);
	l->change_count = 0;
	for (struct onode *n = omap_first(&l->owners); n; n = omap_next(n))
		((struct led_owner *)n->value)->touched = false;
	for (struct onode *n = omap_first(&l->nodes); n; n = omap_next(n))
		((struct led_node *)n->value)->touched = false;
}

void ledger_fini(struct ledger *l)
{
	ledger_close(l);
	omap_fini(&l->objects, object_free);
	omap_fini(&l->owners, free);
	omap_fini(&l->nodes, free);
}

const char ledger_soft[] = "leases.coordination.k8s.io/kube-node-lease/";

bool ledger_is_soft(struct span key)
{
	size_t len = strlen(ledger_soft);
	return key.len >= len && memcmp(key.data, ledger_soft, len) == 0;
}

struct led_object *ledger_get(const struct ledger *l, const char *key)
{
	return omap_get(&l->objects, span_of(key));
}

static struct onode *if_prefixed(struct onode *n, const char *prefix)
{
	size_t len = strlen(prefix);
	if (!n || onode_key(n).len < len || memcmp(onode_key(n).data, prefix, len) != 0)
		return NULL;
	return n;
}

struct onode *ledger_first(const struct ledger *l, const char *prefix)
{
	return if_prefixed(omap_seek(&l->objects, span_of(prefix)), prefix);
}

struct onode *ledger_next(struct onode *n, const char *prefix)
{
	return if_prefixed(omap_next(n), prefix);
}
