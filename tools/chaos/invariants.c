#include "tools/chaos/invariants.h"

#include "tools/chaos/apart.h"
#include "tools/chaos/budgets.h"
#include "tools/chaos/endpoints.h"
#include "tools/chaos/loads.h"
#include "tools/chaos/preempted.h"
#include "tools/chaos/quotas.h"

#include <string.h>

/* ---- names as people say them: without the stream when the rest says it */

static struct span short_key(struct span key)
{
	struct span stream = store_stream_of(key);
	return (struct span){key.data + stream.len + 1, key.len - stream.len - 1};
}

#define SPAN(s) (int)(s).len, (const char *)(s).data

static bool broken(struct judge *j, struct err *why)
{
	(void)j;
	err_wrap(why, ERR_CONFLICT, "at revision %llu", (unsigned long long)j->ledger.revision);
	return false;
}

/* ---- no-excess */

static void list_live(struct judge *j, const struct led_owner *o, struct buf *b)
{
	int n = 0;
	for (struct onode *it = ledger_first(&j->ledger, "pods/"); it; it = ledger_next(it, "pods/")) {
		const struct led_object *p = it->value;
		if (p->pod.owner != o || !led_pod_lives(p))
			continue;
		judge_about(j, p);
		if (n++ < 12)
			buf_printf(b, "%s%.*s", n > 1 ? " " : "", SPAN(p->name));
	}
	if (n > 12)
		buf_printf(b, " and %d more", n - 12);
}

static bool excess(struct judge *j, const struct led_owner *o, const struct led_object *added,
		   struct err *why)
{
	struct buf b = {0};
	judge_about(j, added);
	list_live(j, o, &b);
	err_set(why, ERR_CONFLICT, "%s wants %lld since revision %llu and has %lld pods (%s); %.*s is one too "
		"many (written by %.*s)", o->name, (long long)o->wants,
		(unsigned long long)o->wants_revision, (long long)o->live, buf_text(&b),
		SPAN(added->name), SPAN(j->ledger.record.origin.principal));
	buf_fini(&b);
	return broken(j, why);
}

static bool no_excess(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_change *c = &j->ledger.changes[i];
		/* One that was there before is adopted, as in Kubernetes, even if it
		 * is then one too many. */
		bool made = c->now && !c->was && c->now->is_pod;
		const struct led_owner *o = made ? c->now->pod.owner : NULL;
		if (o && o->live > o->live_before && o->live > o->wants)
			return excess(j, o, c->now, why);
	}
	return true;
}

/* ---- one-binding */

static bool one_binding(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_object *was = j->ledger.changes[i].was, *now = j->ledger.changes[i].now;
		if (!was || !now || !was->is_pod || !was->pod.bound || !span_eq(was->uid, now->uid) ||
		    (now->pod.bound && strcmp(was->pod.node->name, now->pod.node->name) == 0))
			continue;
		err_set(why, ERR_CONFLICT, "pod %.*s was bound to %s at revision %llu by %s, and %s%s by %.*s",
			SPAN(short_key(now->key)), was->bound_node,
			(unsigned long long)was->bound_revision, was->bound_by,
			now->pod.bound ? "now to " : "now to none",
			now->pod.bound ? now->pod.node->name : "",
			SPAN(j->ledger.record.origin.principal));
		return broken(j, why);
	}
	return true;
}

/* ---- capacity */

static bool too_much(const struct led_node *n, const char **what, int64_t *used, int64_t *has)
{
	const struct {
		const char *what;
		int64_t used, before, has;
	} rows[] = {
		{"thousandths of a CPU", n->used.cpu_milli, n->used_before.cpu_milli, n->has.cpu_milli},
		{"bytes of memory", n->used.memory, n->used_before.memory, n->has.memory},
		{"bytes of storage", n->used.storage, n->used_before.storage, n->has.storage},
		{"pods", n->used.pods, n->used_before.pods, n->has.pods},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].used <= rows[i].has || rows[i].used <= rows[i].before)
			continue;
		*what = rows[i].what;
		*used = rows[i].used;
		*has = rows[i].has;
		return true;
	}
	return false;
}

static bool capacity(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_object *now = j->ledger.changes[i].now;
		const struct led_node *n = now && now->is_pod ? now->pod.node : NULL;
		const char *what;
		int64_t used, has;
		if (!n || !n->present || !too_much(n, &what, &used, &has))
			continue;
		judge_about(j, now);
		err_set(why, ERR_CONFLICT, "node %s has %lld %s and is to give %lld: pod %.*s was one too many "
			"(bound at revision %llu by %s)", n->name, (long long)has, what, (long long)used,
			SPAN(short_key(now->key)), (unsigned long long)now->bound_revision, now->bound_by);
		return broken(j, why);
	}
	return true;
}

/* ---- rev-monotonic: that revisions rise is judged before the fold */

static bool rev_monotonic(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_change *c = &j->ledger.changes[i];
		uint64_t was = c->was ? c->was->version : 0;
		if (c->raw->was_mod == was)
			continue;
		err_set(why, ERR_CONFLICT, "%.*s was last changed by version %llu, and this change says by %llu",
			SPAN(c->raw->key), (unsigned long long)was, (unsigned long long)c->raw->was_mod);
		return broken(j, why);
	}
	return true;
}

/* ---- no-return: what has happened to a pod has happened */

static bool no_return(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_object *was = j->ledger.changes[i].was, *now = j->ledger.changes[i].now;
		if (!was || !now || !was->is_pod || !span_eq(was->uid, now->uid))
			continue;
		const char *what = was->pod.ended && !now->pod.ended	   ? "had ended and lives again"
				   : was->pod.deleted && !now->pod.deleted ? "was being deleted and is not any more"
				   : was->pod.restarts > now->pod.restarts ? "has fewer restarts than before"
									   : NULL;
		if (!what)
			continue;
		err_set(why, ERR_CONFLICT, "pod %.*s %s (before: version %llu; now by %.*s)",
			SPAN(short_key(now->key)), what, (unsigned long long)was->version,
			SPAN(j->ledger.record.origin.principal));
		return broken(j, why);
	}
	return true;
}

/* ---- all-ready */

static bool controller_ready(struct judge *j, const struct led_object *o, struct err *why)
{
	static const char *const figures[] = {"status.replicas", "status.readyReplicas"};
	const struct led_owner *w = omap_get(&j->ledger.owners, o->uid);
	struct mp m = mp_of_bytes(o->value);
	if (w->live != w->wants) {
		err_set(why, ERR_AGAIN, "%s wants %lld pods and has %lld", w->name,
			(long long)w->wants, (long long)w->live);
		return false;
	}
	for (size_t i = 0; i < 2; i++) {
		int64_t says = mp_path_int(m, figures[i], 0);
		if (says == w->wants)
			continue;
		err_set(why, ERR_AGAIN, "%s wants %lld pods and its %s says %lld", w->name,
			(long long)w->wants, figures[i], (long long)says);
		return false;
	}
	if (mp_path_int(m, "status.observedGeneration", -1) == mp_path_int(m, "metadata.generation", -1))
		return true;
	err_set(why, ERR_AGAIN, "%s: its status is of an older generation", w->name);
	return false;
}

static bool pod_ready(const struct led_object *o, struct err *why)
{
	if (!o->pod.deleted && (o->pod.ready || (o->pod.ended && !o->pod.owner)))
		return true;
	err_set(why, ERR_AGAIN, "pod %.*s is %s", SPAN(short_key(o->key)),
		o->pod.deleted ? "still being deleted" : !o->pod.bound ? "not bound" : "not ready");
	return false;
}

static bool all_ready(struct judge *j, struct err *why)
{
	struct ledger *l = &j->ledger;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		if (ledger_is_controller(o->stream) ? controller_ready(j, o, why)
						    : !o->is_pod || pod_ready(o, why))
			continue;
		judge_about(j, o);
		return false;
	}
	for (size_t i = 0; i < j->script->load_count; i++) {
		const struct workload *w = &j->script->loads[i];
		if (load_rows[w->kind].own_pods && !load_is_ready(l, w, why))
			return false;
	}
	return true;
}

static bool views_converge(struct judge *j, struct err *why)
{
	return j->type->converged(j->world, why);
}

static bool no_orphan_container(struct judge *j, struct err *why)
{
	return j->type->no_orphans(j->world, why);
}

static bool single_identity(struct judge *j, struct err *why)
{
	return j->type->one_identity(j->world, why);
}

/* ---- acked-durable: told by the world, when the store answers a writer
 * (judge_acknowledged) and when its disk loses something (judge_lost) */

static bool acked_durable(struct judge *j, struct err *why)
{
	(void)j;
	(void)why;
	return true;
}

/* ---- fencing: a record names the fence that it rests on */

/* The version that a key had when this transaction was judged by the store. */
static uint64_t version_before(struct judge *j, struct span key)
{
	for (size_t i = 0; i < j->ledger.change_count; i++)
		if (span_eq(j->ledger.changes[i].raw->key, key))
			return j->ledger.changes[i].token;
	const struct led_object *o = omap_get(&j->ledger.objects, key);
	return o ? o->version : 0;
}

static bool fencing(struct judge *j, struct err *why)
{
	const struct record *r = &j->ledger.record;
	uint64_t has = r->fence_key.len ? version_before(j, r->fence_key) : 0;
	if (has == (r->fence_key.len ? r->fence_token : 0))
		return true;
	judge_about(j, omap_get(&j->ledger.objects, r->fence_key));
	for (size_t i = 0; i < j->ledger.change_count; i++)
		judge_about(j, j->ledger.changes[i].now);
	err_set(why, ERR_FENCED, "a write by %.*s rests on token %llu (of %.*s), which is version %llu since",
		SPAN(r->origin.principal), (unsigned long long)r->fence_token, SPAN(r->fence_key),
		(unsigned long long)has);
	return broken(j, why);
}

/* ---- the table */

const struct invariant invariants[] = {
	{"no-excess", no_excess, NULL,
	 "no controller makes a pod above what its spec wants at that revision (deleted and ended ones do not count)"},
	{"one-binding", one_binding, NULL, "a pod that is bound never gets another node"},
	{"capacity", capacity, NULL,
	 "no pod is bound to a node beyond its allocatable CPU, memory, storage and pods"},
	{"apart", apart_holds, NULL,
	 "no pod is bound near one that it is to keep off, or that is to keep off it"},
	{"preempted", preempted_hold, NULL,
	 "the scheduler deletes no pod but for one of higher priority that waits and is nominated for its node"},
	{"quota", quotas_hold, quotas_exact,
	 "nothing is made beyond a quota of its namespace, nor left out of what that says is used; in the end it says just what is"},
	{"budgets", NULL, budgets_exact, "each disruption budget says how many of its pods are healthy, and what that allows"},
	{"rev-monotonic", rev_monotonic, NULL,
	 "revisions rise, and each change of a key knows the one before it"},
	{"no-return", no_return, NULL,
	 "no pod comes back from its end or its deletion, and its restarts do not become fewer"},
	{"fencing", fencing, NULL, "no write rests on a fence that somebody else has taken since"},
	{"acked-durable", acked_durable, NULL,
	 "what a writer was told to be committed is on the disk by then, and stays there"},
	{"all-ready", NULL, all_ready,
	 "every controller has just the pods that it wants, all Running and Ready, and its status says so"},
	{"views-converge", NULL, views_converge, "the views of all cells are equal to the store, but for writes of the last 100 ms"},
	{"endpoints-alive", NULL, endpoints_alive,
	 "the endpoints of a service are just its pods that are ready, with their addresses"},
	{"no-orphan-container", NULL, no_orphan_container,
	 "every pod that a node holds is in the store, bound to that node"},
	{"one-identity", NULL, single_identity, "no two nodes hold pods of one name"},
};
const size_t invariant_count = sizeof invariants / sizeof *invariants;

const struct invariant *invariant_named(const char *name)
{
	for (size_t i = 0; i < invariant_count; i++)
		if (strcmp(invariants[i].name, name) == 0)
			return &invariants[i];
	return NULL;
}

void invariants_print(FILE *out)
{
	for (size_t i = 0; i < invariant_count; i++)
		fprintf(out, "%-20s %-26s %s\n", invariants[i].name,
			invariants[i].at_revision ? "always" : "steady, eventually, at-end",
			invariants[i].help);
}
