/* Who may: an agent "node-agent/N" speaks for node N alone. It may write N's
 * status, the status of pods that are bound to N, and events, and gets tokens for
 * these pods. Everybody else in the control plane may do all of it.
 *
 * One *job* is one request on its way: parked, planned, in the store's hands.
 * Events are in events.c. */
#include "actors/gate/gate.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/gate/gate_private.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"

static struct view *view_of(void *arg, struct span stream)
{
	struct gate *g = arg;
	struct view *views[] = {g->pod_view, g->node_view, g->namespace_view, g->event_view,
				g->lease_view};
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		if (span_eq(view_stream(views[i]), stream))
			return views[i];
	return NULL;
}

/* ---- who asks */

/* The node that the sender speaks for; empty: it is of the control plane. */
static struct span node_of(struct span sender)
{
	static const char prefix[] = "node-agent/";
	size_t n = sizeof prefix - 1;
	if (sender.len > n && memcmp(sender.data, prefix, n) == 0)
		return (struct span){sender.data + n, sender.len - n};
	return (struct span){0};
}

bool gate_may_speak_for(struct ctx *c, const struct msg *m, struct span node)
{
	struct span own = node_of(m->from);
	if (!own.len || span_eq(own, node))
		return true;
	ctx_reply_error(c, ERR_FORBIDDEN, "%.*s may not write another node", (int)m->from.len,
			(const char *)m->from.data);
	return false;
}

static void set_principal(struct job *j, struct span sender)
{
	struct span node = node_of(sender);
	char text[300];
	int n = node.len ? snprintf(text, sizeof text, "system:node:%.*s", (int)node.len,
				    (const char *)node.data)
			 : snprintf(text, sizeof text, "system:%.*s", (int)sender.len,
				    (const char *)sender.data);
	j->writing.request.origin.principal =
		writing_text(&j->writing, (struct span){(uint8_t *)text, (size_t)n});
}

/* ---- jobs */

struct job *gate_job_new(struct ctx *c, struct gate *g, const struct msg *m,
			 const struct schema_resource *r, enum obj_verb verb)
{
	struct job *j = mem_alloc(sizeof *j);
	j->gate = g;
	j->tag = ++g->next_tag;
	writing_init(c, &j->writing, g->schema, r, verb, view_of, g);
	if (r == g->events)
		j->writing.arena.block = EVENT_ARENA_BYTES;
	set_principal(j, m->from);
	omap_put_u64(&g->jobs, j->tag, j);
	return j;
}

static void job_free(void *p)
{
	struct job *j = p;
	writing_fini(&j->writing);
	free(j->pod_uid);
	free(j);
}

static void job_end(struct gate *g, struct job *j)
{
	if (j->pod_uid && omap_get(&g->statuses, span_of(j->pod_uid)) == j)
		omap_remove(&g->statuses, span_of(j->pod_uid));
	omap_remove_u64(&g->jobs, j->tag);
	job_free(j);
}

static void make_missing(struct ctx *c, struct job *j);

void gate_job_answer(struct ctx *c, struct gate *g, struct job *j)
{
	const struct obj_answer *a = &j->writing.plan.answer;
	if (a->code == 404 && j->missing) {
		make_missing(c, j);
		return;
	}
	*(a->status && a->code >= 400 ? &g->refused : &g->written) += 1;
	if (j->parked) {
		struct span why = a->status ? doc_get_str(a->status, "message") : (struct span){0};
		struct buf b = {0};
		mpw_map(&b, 3);
		mpw_kv_i64(&b, "code", a->code);
		mpw_kv_u64(&b, "version", a->version);
		mpw_kv_span(&b, "message", why);
		ctx_reply_parked(c, j->parked, &b);
	}
	job_end(g, j);
}

void gate_job_run(struct ctx *c, struct gate *g, struct job *j)
{
	if (writing_start(c, &j->writing, j->tag))
		gate_job_answer(c, g, j);
}

/* An agent tells the next status of a pod when it has waited long enough for
 * the last one: that one must not be written once more on top of it. */
static void supersede(struct gate *g, struct job *j, struct span uid)
{
	j->pod_uid = mem_ndup(uid.data, uid.len);
	struct job *older = omap_put(&g->statuses, uid, j);
	if (older && !PLANTED(OLD_STATUS_WRITTEN))
		older->superseded = true;
}

static void job_give_up(struct ctx *c, struct gate *g, struct job *j)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_i64(&b, "code", 409);
	mpw_kv_u64(&b, "version", 0);
	mpw_kv_str(&b, "message", "a newer status of that pod came meanwhile");
	ctx_reply_parked(c, j->parked, &b);
	g->refused++;
	job_end(g, j);
}

/* What was to be changed is not there: it is made. */
static void make_missing(struct ctx *c, struct job *j)
{
	struct obj_request *q = &j->writing.request;
	q->verb = OBJ_CREATE;
	q->subresource = "";
	q->name = (struct span){0};
	q->body = j->missing;
	j->missing = NULL;
	ctx_random_bytes(c, q->origin.request, sizeof q->origin.request);
	if (j->event) /* a turn has one transaction, and the queue may begin the next */
		event_queue_again(j->gate, j);
	else
		gate_job_run(c, j->gate, j);
}

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct gate *g = state;
	struct job *j = omap_get_u64(&g->jobs, tag);
	if (tag == HEARTBEAT_TAG)
		heartbeats_on_outcome(c, g, o);
	else if (event_queue_outcome(c, g, tag, o))
		return 0;
	if (j && j->superseded && o->status) {
		job_give_up(c, g, j);
		return 0;
	}
	if (j && o->status == ERR_FENCED) {
		ctx_error_parked(c, j->parked, ERR_FENCED, "another one is active: its fence was taken over");
		g->refused++;
		job_end(g, j);
		return 0;
	}
	if (j && writing_outcome(c, &j->writing, o, tag))
		gate_job_answer(c, g, j);
	return 0;
}

/* A name may have passed to another object: the uid says whether it has. */
static bool same_uid(struct view *v, const struct schema_resource *r, struct span ns,
		     struct span name, struct span uid, struct view_object **out)
{
	struct buf key = {0};
	schema_key(&key, r, ns, name);
	*out = view_get(v, span_buf(&key));
	buf_fini(&key);
	return *out && span_eq(mp_path_str(mp_of_bytes((*out)->value), "metadata.uid"), uid);
}

/* A view that is not complete yet knows of nothing that is gone. */
static void refuse_unknown(struct ctx *c, const struct gate *g)
{
	if (view_synced(g->pod_view))
		ctx_reply_error(c, ERR_NOT_FOUND, "that pod is gone");
	else
		ctx_reply_error(c, ERR_AGAIN, "the gate is about to learn of the pods");
}

static bool may_touch_pod(struct ctx *c, const struct msg *m, const struct view_object *pod)
{
	struct span node = node_of(m->from);
	if (!node.len ||
	    span_eq(mp_path_str(mp_of_bytes(pod->value), "spec.nodeName"), node))
		return true;
	ctx_reply_error(c, ERR_FORBIDDEN, "%.*s may not write a pod of another node",
			(int)m->from.len, (const char *)m->from.data);
	return false;
}

struct view_object *gate_pod_of(struct ctx *c, struct gate *g, const struct msg *m)
{
	struct view_object *pod;
	if (!same_uid(g->pod_view, g->pods, mp_path_str(m->body, "namespace"),
		      mp_path_str(m->body, "name"), mp_path_str(m->body, "uid"), &pod)) {
		refuse_unknown(c, g);
		return NULL;
	}
	return may_touch_pod(c, m, pod) ? pod : NULL;
}

/* ---- pods */

static struct doc *doc_of(struct job *j, struct mp value)
{
	struct doc *d = NULL;
	struct span raw;
	if (mp_raw(&value, &raw))
		return NULL;
	/* The message goes when the turn ends; the job may be planned again. */
	raw = writing_text(&j->writing, raw);
	return doc_from_mp(&j->writing.arena, mp_of(raw), &d, NULL) ? NULL : d;
}

static struct doc *object_with_status(struct job *j, struct span ns, struct span name,
				      struct doc *status)
{
	struct arena *a = &j->writing.arena;
	const struct schema_resource *r = j->writing.request.resource;
	struct doc *o = doc_new(a, DOC_MAP), *meta = doc_new(a, DOC_MAP);
	doc_set_str(a, o, "apiVersion", schema_api_version(r, a));
	doc_set_str(a, o, "kind", r->kind);
	doc_set(a, o, "metadata", meta);
	doc_set(a, meta, "name", doc_span(a, writing_text(&j->writing, name)));
	if (ns.len)
		doc_set(a, meta, "namespace", doc_span(a, writing_text(&j->writing, ns)));
	doc_set(a, o, "status", status);
	return o;
}

void gate_job_name(struct job *j, struct span ns, struct span name)
{
	j->writing.request.namespace = writing_text(&j->writing, ns);
	j->writing.request.name = writing_text(&j->writing, name);
}

static int on_pod_status(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct span ns = mp_path_str(m->body, "namespace"), name = mp_path_str(m->body, "name");
	struct view_object *pod;
	struct mp status;
	if (!same_uid(g->pod_view, g->pods, ns, name, mp_path_str(m->body, "uid"), &pod)) {
		refuse_unknown(c, g);
		return 0;
	}
	if (!mp_find(m->body, "status", &status))
		return ERR_INVALID;
	if (!may_touch_pod(c, m, pod))
		return 0;
	struct job *j = gate_job_new(c, g, m, g->pods, OBJ_UPDATE);
	struct arena *a = &j->writing.arena;
	struct span uid = writing_text(&j->writing, mp_path_str(m->body, "uid"));
	struct doc *object = object_with_status(j, ns, name, doc_of(j, status));
	doc_set(a, doc_get(object, "metadata"), "uid", doc_span(a, uid));
	int64_t version = mp_path_int(m->body, "version", 0);
	if (version > 0)
		doc_set(a, doc_get(object, "metadata"), "resourceVersion",
			doc_printf(a, "%lld", (long long)version));
	j->writing.request.subresource = "status";
	j->writing.request.body = object;
	gate_job_name(j, ns, name);
	supersede(g, j, uid);
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}

static int on_pod_finished(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct span ns = mp_path_str(m->body, "namespace"), name = mp_path_str(m->body, "name");
	struct span uid = mp_path_str(m->body, "uid");
	struct view_object *pod;
	if (!same_uid(g->pod_view, g->pods, ns, name, uid, &pod)) {
		refuse_unknown(c, g);
		return 0;
	}
	if (!may_touch_pod(c, m, pod))
		return 0;
	struct job *j = gate_job_new(c, g, m, g->pods, OBJ_DELETE);
	gate_job_name(j, ns, name);
	j->writing.request.del.grace_s = 0;
	j->writing.request.del.uid = writing_text(&j->writing, uid);
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}

/* ---- nodes */

static int on_node_status(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct span name = mp_path_str(m->body, "name");
	struct mp status, labels;
	if (!gate_may_speak_for(c, m, name))
		return 0;
	if (!mp_find(m->body, "status", &status))
		return ERR_INVALID;
	struct job *j = gate_job_new(c, g, m, g->nodes, OBJ_PATCH_STRATEGIC);
	struct doc *s = doc_of(j, status);
	j->writing.request.subresource = "status";
	gate_job_name(j, (struct span){0}, name);
	j->writing.request.body = object_with_status(j, (struct span){0}, name, s);
	struct doc *node = doc_copy(&j->writing.arena, j->writing.request.body);
	if (mp_find(m->body, "labels", &labels))
		doc_set(&j->writing.arena, doc_get(node, "metadata"), "labels", doc_of(j, labels));
	struct span pods = mp_path_str(m->body, "pod_cidr");
	if (pods.len)
		doc_set(&j->writing.arena,
			doc_set(&j->writing.arena, node, "spec", doc_new(&j->writing.arena, DOC_MAP)),
			"podCIDR", doc_span(&j->writing.arena, writing_text(&j->writing, pods)));
	if (mp_path_bool(m->body, "register", false))
		j->missing = node;
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}

/* ---- any object */

static int on_object_create(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	const struct schema_resource *r =
		schema_find(g->schema, mp_path_str(m->body, "group"),
			    mp_path_str(m->body, "version"), mp_path_str(m->body, "resource"));
	struct mp object;
	if (!r || !mp_find(m->body, "object", &object)) {
		ctx_reply_error(c, ERR_UNSUPPORTED, "there is no such resource");
		return 0;
	}
	struct job *j = gate_job_new(c, g, m, r, OBJ_CREATE);
	j->writing.request.namespace = writing_text(&j->writing, mp_path_str(m->body, "namespace"));
	j->writing.request.body = doc_of(j, object);
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}

/* What a write rests on, in its own arena. 0, or ERR_INVALID. */
static int read_basis(struct job *j, struct mp body)
{
	struct writing *w = &j->writing;
	struct mp list;
	size_t n, places;
	struct span key;
	if (mp_find(body, "fence", &list)) {
		if (mp_array(&list, &places) || places != 2 || mp_str(&list, &key) ||
		    mp_u64(&list, &w->fence_token))
			return ERR_INVALID;
		w->fence_key = writing_text(w, key);
	}
	if (!mp_find(body, "basis", &list))
		return 0;
	if (mp_array(&list, &n))
		return ERR_INVALID;
	struct store_compare *basis = arena_alloc(&w->arena, (n + 1) * sizeof *basis);
	for (size_t i = 0; i < n; i++) {
		basis[i] = (struct store_compare){.field = STORE_MOD};
		if (mp_array(&list, &places) || places != 2 || mp_str(&list, &key) || !key.len ||
		    key.len > STORE_KEY_BYTES_MAX || mp_u64(&list, &basis[i].number))
			return ERR_INVALID;
		basis[i].key = writing_text(w, key);
	}
	w->request.basis = basis;
	w->request.basis_count = n;
	return 0;
}

static int on_object_write(struct ctx *c, void *state, const struct msg *m)
{
	static const struct {
		const char *name;
		enum obj_verb verb;
	} verbs[] = {{"create", OBJ_CREATE}, {"update", OBJ_UPDATE}, {"merge", OBJ_PATCH_MERGE},
		     {"apply", OBJ_APPLY},   {"delete", OBJ_DELETE}};
	enum { VERBS = sizeof verbs / sizeof *verbs };
	struct gate *g = state;
	struct span verb = mp_path_str(m->body, "verb");
	const struct schema_resource *r =
		schema_find(g->schema, mp_path_str(m->body, "group"),
			    mp_path_str(m->body, "version"), mp_path_str(m->body, "resource"));
	struct mp object;
	size_t v = 0;
	while (v < VERBS && !span_is(verb, verbs[v].name))
		v++;
	bool has_object = mp_find(m->body, "object", &object);
	if (!r || v == VERBS) {
		ctx_reply_error(c, ERR_UNSUPPORTED, "there is no such %s", r ? "verb" : "resource");
		return 0;
	}
	if (has_object == (verbs[v].verb == OBJ_DELETE)) {
		ctx_reply_error(c, ERR_INVALID, "a delete has no object, all others have one");
		return 0;
	}
	struct job *j = gate_job_new(c, g, m, r, verbs[v].verb);
	struct obj_request *q = &j->writing.request;
	if (read_basis(j, m->body)) {
		job_end(g, j);
		ctx_reply_error(c, ERR_INVALID, "basis and fence are of [key, version]");
		return 0;
	}
	q->namespace = writing_text(&j->writing, mp_path_str(m->body, "namespace"));
	q->name = writing_text(&j->writing, mp_path_str(m->body, "name"));
	q->del.uid = writing_text(&j->writing, mp_path_str(m->body, "uid"));
	q->del.grace_s = -1;
	q->force = true;
	q->field_manager = writing_text(&j->writing, m->from);
	q->body = has_object ? doc_of(j, object) : NULL;
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}

/* ---- life */

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct gate *g = state;
	correlator_init(&g->correlator);
	g->schema = schema_new();
	objects_install(g->schema);
	struct span core = {0}, v1 = span_of("v1");
	g->pods = schema_find(g->schema, core, v1, span_of("pods"));
	g->nodes = schema_find(g->schema, core, v1, span_of("nodes"));
	g->events = schema_find(g->schema, core, v1, span_of("events"));
	g->pod_view = ctx_follow(c, "pods");
	g->node_view = ctx_follow(c, "nodes");
	g->namespace_view = ctx_follow(c, "namespaces");
	g->event_view = ctx_follow(c, "events");
	g->leases = schema_find(g->schema, span_of("coordination.k8s.io"), v1, span_of("leases"));
	g->lease_view = ctx_follow(c, "leases.coordination.k8s.io");
	return gate_tokens_open(c, g, cfg);
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	gate_token_account(c, state, tag, r);
	return 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	gate_token_signed(c, state, p);
	return 0;
}

static void inspect(const void *state, struct buf *out)
{
	const struct gate *g = state;
	mpw_map(out, 5);
	mpw_kv_u64(out, "jobs", g->jobs.count);
	mpw_kv_u64(out, "written", g->written);
	mpw_kv_u64(out, "refused", g->refused);
	mpw_kv_u64(out, "dropped_events", g->dropped);
	mpw_kv_u64(out, "event_transactions", g->event_queue.transactions);
}

static void fini(void *state)
{
	struct gate *g = state;
	omap_fini(&g->jobs, job_free);
	omap_fini(&g->statuses, NULL);
	correlator_fini(&g->correlator);
	heartbeats_fini(&g->heartbeats);
	gate_tokens_fini(g);
	schema_free(g->schema);
}

static const struct actor_handler handlers[] = {
	{"pod.status", on_pod_status},	     {"pod.finished", on_pod_finished},
	{"node.status", on_node_status},     {"event.record", gate_on_event},
	{"object.create", on_object_create}, {"object.write", on_object_write},
	{"node.heartbeat", gate_on_heartbeat}, {"pod.token", gate_on_pod_token},
	{"pod.mirror", gate_on_pod_mirror}, {NULL, NULL},
};

const struct actor_spec gate_actor = {
	.kind = "gate",
	.state_bytes = sizeof(struct gate),
	.handlers = handlers,
	.init = init,
	.on_outcome = on_outcome,
	.on_reply = on_reply,
	.on_port = on_port,
	.inspect = inspect,
	.fini = fini,
};
