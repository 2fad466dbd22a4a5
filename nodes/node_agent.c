/* The agent: between the pods it is told of and the runtime that has them.
 *
 *   view change ──► worker.desired ─┐
 *   runtime's event ► worker.observe ┼─► step ──► actions ► runtime
 *   timer ───────────────────────────┘        └─► status, events ► gate
 *
 * A pod that is found on the machine but not in the (complete) view is an
 * *orphan*: its object went while nobody was here. It is killed and removed. */
#include "nodes/node_agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/conditions.h"
#include "broker/base/planted.h"
#include "nodes/node_private.h"
#include "nodes/node_runs.h"

enum {
	STATUS_MS = 1000, /* doubled for each answer that did not come */
	STATUS_DOUBLED_MAX = 2,
	FINISHED_MS = 10000, /* the worker says it again by its own clock */
	RETRY_US = 1000000,
	BEAT_US = 10000000, /* as a kubelet renews its lease */
};

struct agent_pod *agent_pod(const struct agent *a, uint64_t id)
{
	return omap_get_u64(&a->pods, id);
}

static struct pod_time time_of(struct ctx *c)
{
	return (struct pod_time){(int64_t)(ctx_now_us(c) / 1000), ctx_wall_us(c)};
}

/* ---- what leaves: status and events to the gate */

static void put_pod(struct buf *b, const struct agent_pod *p)
{
	struct mp m = pod_worker_object(p->worker);
	mpw_kv_span(b, "namespace", mp_path_str(m, "metadata.namespace"));
	mpw_kv_span(b, "name", mp_path_str(m, "metadata.name"));
	const char *uid = static_api_uid(p);
	mpw_kv_str(b, "uid", uid ? uid : p->uid);
}

static void send_status(struct ctx *c, struct agent_pod *p, struct span status)
{
	struct buf b = {0};
	mpw_map(&b, p->rests_on ? 5 : 4);
	put_pod(&b, p);
	mpw_str(&b, "status");
	mpw_raw(&b, status);
	if (p->rests_on)
		mpw_kv_u64(&b, "version", p->rests_on);
	p->telling = true;
	ctx_request(c, "gate", "pod.status", &b, STATUS_MS << p->unanswered, NODE_TAG(TAG_STATUS, p->id));
}

/* One at a time per pod, and of those that wait only the last: a status is
 * whole, an older one has nothing more to say. */
static void tell_status(struct ctx *c, struct agent_pod *p, struct span status)
{
	if (!static_api_uid(p))
		return; /* it is told when its mirror comes */
	if (!p->telling) {
		send_status(c, p, status);
		return;
	}
	bytes_unref(p->next_status);
	p->next_status = bytes_copy(status.data, status.len);
}

void agent_tell_event(struct ctx *c, struct agent *a, struct agent_pod *p,
		      const struct pod_event *e)
{
	struct buf b = {0};
	char field[128];
	mpw_map(&b, e->container ? 10 : 9);
	put_pod(&b, p);
	mpw_kv_str(&b, "kind", "Pod");
	mpw_kv_str(&b, "type", e->warning ? "Warning" : "Normal");
	mpw_kv_str(&b, "reason", e->reason);
	mpw_kv_span(&b, "message",
		    (struct span){(const uint8_t *)e->message,
				  strlen(e->message) < 1000 ? strlen(e->message) : 1000});
	mpw_kv_str(&b, "component", "kubelet");
	mpw_kv_str(&b, "host", a->node);
	if (e->container) {
		snprintf(field, sizeof field, "spec.containers{%s}", e->container);
		mpw_kv_str(&b, "field", field);
	}
	ctx_send(c, "gate", "event.record", &b, 0);
}

static void tell_finished(struct ctx *c, struct agent_pod *p)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	put_pod(&b, p);
	ctx_request(c, "gate", "pod.finished", &b, FINISHED_MS, NODE_TAG(TAG_FINISHED, p->id));
}

/* ---- a pod here */

static struct agent_pod *pod_new(struct agent *a, struct span key, struct span uid)
{
	struct agent_pod *p = mem_alloc(sizeof *p);
	p->agent = a;
	p->id = ++a->next_id;
	p->since_us = ctx_now_us(a->turn);
	p->uid = mem_ndup(uid.data, uid.len);
	omap_put_u64(&a->pods, p->id, p);
	if (key.len) {
		p->key = mem_ndup(key.data, key.len);
		omap_put(&a->by_key, key, p);
	}
	return p;
}

static void pod_free(void *ptr)
{
	struct agent_pod *p = ptr;
	pod_worker_free(p->worker);
	bytes_unref(p->next_status);
	bytes_unref(p->disk);
	node_volumes_free(p);
	probes_forget(p);
	static_free(p->of_file);
	free(p->key);
	free(p->uid);
	free(p);
}

static void pod_end(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	ctx_cancel(c, p->timer);
	runs_drop_all(c, a, p);
	sim_forget(c, a, p);
	omap_remove_u64(&a->pods, p->id);
	if (p->key && omap_get(&a->by_key, span_of(p->key)) == p)
		omap_remove(&a->by_key, span_of(p->key));
	pod_free(p);
}

/* What it was to be told, until now. */
static void flush_status(struct ctx *c, struct agent_pod *p, struct span *status)
{
	if (status->len)
		tell_status(c, p, *status);
	*status = (struct span){0};
}

static void act(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	if (x->kind == POD_DELETE && p->telling)
		p->finish_waits = true; /* or watchers would never see how it ended */
	else if (x->kind == POD_DELETE)
		tell_finished(c, p);
	else if (x->kind == POD_HOOK)
		agent_hook(c, a, p, x);
	else if (x->kind == POD_RESIZE && !a->oci) /* nothing holds them to it */
		agent_observe(c, a, p, &(struct pod_observation){.kind = POD_SEEN_RESIZED, .name = x->name,
								 .attempt = x->attempt, .good = true});
	else if (a->sim)
		sim_act(c, a, p, x);
	else
		agent_port_act(c, a, p, x);
}

static void set_timer(struct ctx *c, struct agent_pod *p, int64_t wake_ms)
{
	int64_t now = (int64_t)(ctx_now_us(c) / 1000);
	if (p->timer)
		ctx_cancel(c, p->timer);
	p->timer = 0;
	if (wake_ms == INT64_MAX)
		return;
	int64_t wait = wake_ms > now ? wake_ms - now : 0;
	p->timer = ctx_timer(c, (uint64_t)wait * 1000 + 1000, NODE_TAG(TAG_POD, p->id));
}

/* An action may end in this very turn and bring the next step: of the statuses
 * only the last is told, before the end of the object rests on it. */
void agent_step(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct pod_plan plan;
	struct span status = {0};
	if (p->stepping) {
		p->again = true;
		return;
	}
	if (p->unadmitted && p->key && !agent_admits(c, a, p))
		return;
	agent_resizes(c, a, p);
	do {
		p->again = false;
		p->stepping = true;
		memset(&plan, 0, sizeof plan);
		pod_worker_step(p->worker, time_of(c), ctx_arena(c), &plan);
		if (plan.status.len) /* the worker's only until its next step */
			status = (struct span){
				(uint8_t *)arena_ndup(ctx_arena(c), plan.status.data, plan.status.len),
				plan.status.len};
		for (size_t i = 0; i < plan.event_count; i++)
			agent_tell_event(c, a, p, &plan.events[i]);
		for (size_t i = 0; i < plan.action_count; i++) {
			if (plan.actions[i].kind == POD_DELETE)
				flush_status(c, p, &status);
			act(c, a, p, &plan.actions[i]);
		}
		p->stepping = false;
	} while (p->again && !plan.done);
	flush_status(c, p, &status);
	bool counts = !plan.done && pod_worker_counts(p->worker);
	a->room = a->room || (p->counted && !counts);
	p->counted = counts;
	if (plan.done) {
		pod_end(c, a, p);
	} else {
		set_timer(c, p, plan.wake_ms);
		if (!a->sim)
			probes_follow(c, a, p);
	}
	agent_room(c, a);
}

void agent_observe(struct ctx *c, struct agent *a, struct agent_pod *p,
		   const struct pod_observation *o)
{
	pod_worker_observe(p->worker, o, time_of(c));
	agent_step(c, a, p);
}

void agent_step_all(struct ctx *c, struct agent *a)
{
	uint64_t at = 0;
	for (;;) { /* a step may end a pod */
		struct onode *n = omap_seek_u64(&a->pods, at);
		if (!n)
			return;
		struct agent_pod *p = n->value;
		at = p->id + 1;
		if (p->worker)
			agent_step(c, a, p);
	}
}

/* ---- pods that come and go */

static struct pod_worker *worker_new(struct agent *a, struct agent_pod *p, bool found)
{
	struct pod_worker_config cfg = {
		.host_ip = a->host_ip,
		.needs_command = !a->sim && !a->oci,
		.from_image = a->oci,
		.awaits_volumes = !a->sim,
		.has_volumes = a->oci,
		.volumes = node_volume_source(p),
		.told_ready = a->sim,
		.probes = !a->sim, /* simulated ones do as their annotations say */
		.hooks = !a->sim,
		.found = found,
		.source = {.arg = p, .object = agent_lookup, .services = agent_each_service},
		.allocatable = span_buf(&a->allocatable),
		.base_env = a->base_env,
	};
	return pod_worker_new(&cfg);
}

static bool was_started(struct mp pod)
{
	return mp_path_str(pod, "status.startTime").len > 0;
}

void agent_pod_gone(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	if (PLANTED(GONE_POD_KEPT))
		return;
	omap_remove(&a->by_key, span_of(p->key));
	free(p->key);
	p->key = NULL;
	pod_worker_gone(p->worker);
	agent_step(c, a, p);
}

struct agent_pod *agent_pod_begin(struct agent *a, struct span key, struct span uid)
{
	struct agent_pod *p = pod_new(a, key, uid);
	p->worker = worker_new(a, p, omap_get(&a->on_machine, uid) != NULL);
	omap_remove(&a->on_machine, uid);
	return p;
}

/* A simulated container is only what its status says: an agent that was
 * restarted must not tell an older story than the last one, which may still
 * be on its way. So its first report rests on the version that it read. */
static void begin_worker(struct agent *a, struct agent_pod *p, const struct view_object *o)
{
	struct mp m = mp_of_bytes(o->value);
	bool found = a->sim ? was_started(m) : omap_get(&a->on_machine, span_of(p->uid)) != NULL;
	omap_remove(&a->on_machine, span_of(p->uid));
	p->rests_on = a->sim && !PLANTED(OLD_STORY_TOLD) ? o->version : 0;
	p->worker = worker_new(a, p, found);
}

/* A node that was cut off for long finds its pods called not ready. That is
 * its own to say: it says it again, a little later, since the node may not be
 * back yet for who said so. While a status is on its way nobody knows which of
 * the two was first: then its answer tells. */
static void look_for_overrule(struct ctx *c, struct agent_pod *p, const struct view_object *o)
{
	if (p->overruled || p->telling || !p->told || o->version <= p->told ||
	    condition_is(mp_of_bytes(o->value), "Ready", "True") == pod_worker_is_ready(p->worker))
		return;
	p->overruled = true;
	ctx_timer(c, RETRY_US, NODE_TAG(TAG_POD, p->id));
}

static void on_pod(struct ctx *c, struct agent *a, struct span key, const struct view_object *o)
{
	struct span uid = mp_path_str(mp_of_bytes(o->value), "metadata.uid");
	struct agent_pod *p = omap_get(&a->by_key, key);
	struct err e = {0};
	if (p && !span_is(uid, p->uid)) { /* another pod of the same name */
		agent_pod_gone(c, a, p);
		p = NULL;
	}
	if (!p) {
		p = pod_new(a, key, uid);
		p->unadmitted = !a->sim && !omap_get(&a->on_machine, uid) &&
				!was_started(mp_of_bytes(o->value));
		begin_worker(a, p, o);
	}
	p->trace = ctx_trace(c);
	if (pod_worker_desired(p->worker, o->value, &e))
		return;
	look_for_overrule(c, p, o);
	node_volumes_refresh(c, a, p);
	agent_step(c, a, p);
}

/* The first report came too late: the story begins again where it is now. */
static void begin_again(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct view_object *o = p->key ? view_get(a->view, span_of(p->key)) : NULL;
	if (!o || o->version == p->rests_on ||
	    !span_is(mp_path_str(mp_of_bytes(o->value), "metadata.uid"), p->uid))
		return; /* our view has yet to hear of it */
	sim_forget(c, a, p);
	pod_worker_free(p->worker);
	begin_worker(a, p, o);
	if (pod_worker_desired(p->worker, o->value, NULL) == 0)
		agent_step(c, a, p);
}

/* What the machine has and nobody wants any more. */
static void end_orphans(struct ctx *c, struct agent *a)
{
	struct onode *n;
	while ((n = omap_first(&a->on_machine))) {
		struct span uid = onode_key(n);
		struct agent_pod *p = pod_new(a, (struct span){0}, uid);
		omap_remove(&a->on_machine, uid);
		agent_call_uid(c, a, p, RUNTIME_ATTACH);
	}
}

static void look_at_all(struct ctx *c, struct agent *a)
{
	if (!a->listed || !view_synced(a->view) || (a->static_port >= 0 && !a->static_told))
		return;
	static_on_synced(c, a);
	for (struct onode *n = omap_first(view_map(a->view)); n; n = omap_next(n))
		if (!static_on_view(c, a, onode_key(n), n->value) && !omap_get(&a->by_key, onode_key(n)))
			on_pod(c, a, onode_key(n), n->value);
	end_orphans(c, a);
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct agent *a = state;
	a->turn = c;
	if (v->view == a->services) {
		if (!v->key.len)
			agent_step_all(c, a); /* who waited for it */
		return 0;
	}
	if (!a->listed)
		return 0; /* first we must know what is on the machine */
	if (!v->key.len) {
		look_at_all(c, a);
		return 0;
	}
	if (static_on_view(c, a, v->key, v->now))
		return 0;
	struct agent_pod *p = omap_get(&a->by_key, v->key);
	if (v->now)
		on_pod(c, a, v->key, v->now);
	else if (p)
		agent_pod_gone(c, a, p);
	return 0;
}

/* ---- what the runtime says */

static void orphan_event(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op,
			 struct mp body)
{
	struct span name = mp_path_str(body, "name");
	switch (op) {
	case RUNTIME_ATTEMPT:
		if (mp_path_bool(body, "ended", true) || mp_path_bool(body, "lost", false)) {
			if (p->running && --p->running == 0)
				agent_call_uid(c, a, p, RUNTIME_REMOVE);
			break;
		}
		p->running++;
		agent_call_signal(c, a, p, arena_ndup(ctx_arena(c), name.data, name.len),
			    mp_path_int(body, "attempt", -1), SIGKILL);
		break;
	case RUNTIME_UP:
		if (!p->running)
			agent_call_uid(c, a, p, RUNTIME_REMOVE);
		break;
	case RUNTIME_DOWN:
		agent_call_uid(c, a, p, RUNTIME_FORGET);
		pod_end(c, a, p);
		break;
	default:
		break;
	}
}

static enum pod_seen attempt_kind(struct mp body)
{
	if (mp_path_bool(body, "lost", false))
		return POD_SEEN_LOST;
	if (mp_path_str(body, "error").len)
		return POD_SEEN_START_FAILED;
	return mp_path_bool(body, "ended", false) ? POD_SEEN_ENDED : POD_SEEN_STARTED;
}

static const char *text(struct ctx *c, struct mp body, const char *key)
{
	struct span s = mp_path_str(body, key);
	return s.len ? arena_ndup(ctx_arena(c), s.data, s.len) : NULL;
}

static void pod_event(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op,
		      struct mp body)
{
	struct pod_observation o = {0};
	const char *ips[2] = {text(c, body, "ip"), NULL};
	switch (op) {
	case RUNTIME_UP:
		node_volumes_up(c, a, p, true);
		o.kind = POD_SEEN_SANDBOX_UP;
		o.ips = ips;
		break;
	case RUNTIME_DOWN:
		node_volumes_up(c, a, p, false);
		o.kind = POD_SEEN_SANDBOX_DOWN;
		break;
	case RUNTIME_RETIRED:
		o.kind = POD_SEEN_RETIRED;
		break;
	case RUNTIME_STALE:
		node_volumes_on_stale(c, a, p, body);
		return;
	case RUNTIME_WARNING:
		agent_tell_event(c, a, p, &(struct pod_event){
			NULL, text(c, body, "reason"), text(c, body, "text"), true});
		return;
	case RUNTIME_FAILED:
		o.kind = POD_SEEN_SANDBOX_FAILED;
		o.reason = text(c, body, "reason");
		o.text = text(c, body, "text");
		break;
	case RUNTIME_ATTEMPT:
		o.kind = attempt_kind(body);
		o.name = text(c, body, "name");
		o.attempt = (uint32_t)mp_path_int(body, "attempt", 0);
		o.code = (int32_t)mp_path_int(body, "code", 0);
		o.started_us = mp_path_int(body, "started_us", 0);
		o.finished_us = mp_path_int(body, "finished_us", 0);
		o.image_id = text(c, body, "image");
		o.text = text(c, body, "error");
		if (!o.text)
			o.text = text(c, body, "message");
		if (mp_path_bool(body, "oom", false))
			o.reason = "OOMKilled";
		break;
	case RUNTIME_IMAGED:
		o.kind = mp_path_bool(body, "pulling", false) ? POD_SEEN_PULLING : POD_SEEN_IMAGE;
		o.name = text(c, body, "name");
		o.good = mp_path_bool(body, "good", false);
		o.pulled = mp_path_bool(body, "pulled", false);
		o.pull_ms = mp_path_int(body, "pull_ms", 0);
		o.wait_ms = mp_path_int(body, "wait_ms", 0);
		o.image_bytes = mp_path_int(body, "bytes", 0);
		o.reason = text(c, body, "reason");
		o.text = text(c, body, "text");
		break;
	case RUNTIME_UPDATED:
		o.kind = POD_SEEN_RESIZED;
		o.name = text(c, body, "name");
		o.attempt = (uint32_t)mp_path_int(body, "attempt", 0);
		o.good = mp_path_bool(body, "good", false);
		o.text = text(c, body, "text");
		break;
	case RUNTIME_WAITING:
		o.kind = POD_SEEN_WAITING;
		o.name = text(c, body, "name");
		o.attempt = (uint32_t)mp_path_int(body, "attempt", 0);
		o.reason = text(c, body, "reason");
		o.text = text(c, body, "text");
		break;
	default:
		return;
	}
	agent_observe(c, a, p, &o);
}

static void set_capacity(struct agent *a)
{
	struct mp info = mp_of_bytes(a->info);
	if (!a->cpu[0])
		snprintf(a->cpu, sizeof a->cpu, "%lld", (long long)mp_path_int(info, "cpu", 1));
	if (!a->memory[0])
		snprintf(a->memory, sizeof a->memory, "%lldKi",
			 (long long)mp_path_int(info, "memory", 1 << 30) / 1024);
}

static int on_port(struct ctx *c, void *state, const struct port_event *e)
{
	struct agent *a = state;
	struct mp body = mp_of_bytes(e->payload);
	struct agent_pod *p = agent_pod(a, e->id);
	a->turn = c;
	if (a->sim) {
		sim_on_port(c, a, e->id);
	} else if (e->port == a->static_port) {
		bool first = !a->static_told;
		static_on_port(c, a, e);
		if (first)
			look_at_all(c, a);
	} else if (e->port == a->probe_port) {
		runs_on_request(c, a, e);
	} else if (e->op == RUNTIME_INFO) {
		bytes_unref(a->info);
		a->info = bytes_ref(e->payload);
		set_capacity(a);
		node_report(c, a);
	} else if (e->op == RUNTIME_IMAGES) {
		bytes_unref(a->images);
		a->images = bytes_ref(e->payload);
		if (a->registered)
			node_report(c, a);
	} else if (e->op == RUNTIME_FIGURES) {
		bytes_unref(a->figures);
		a->figures = bytes_ref(e->payload);
		pressure_on_figures(c, a, body);
	} else if (e->op == RUNTIME_RECLAIMED) {
		pressure_on_reclaimed(a);
	} else if (e->op == RUNTIME_DISK && p && p->worker) {
		bytes_unref(p->disk);
		p->disk = bytes_ref(e->payload);
		pressure_on_disk(c, a, p);
	} else if (e->op == RUNTIME_FOUND) {
		omap_put(&a->on_machine, mp_path_str(body, "uid"), a);
	} else if (e->op == RUNTIME_LISTED) {
		a->listed = true;
		static_take(c, a);
		look_at_all(c, a);
	} else if (e->op == RUNTIME_CHUNK) {
		agent_on_chunk(c, a, e);
	} else if (omap_get_u64(&a->runs, e->id) && (e->op == RUNTIME_EXECED || e->op == RUNTIME_OUTPUT)) {
		runs_on_command(c, a, e);
	} else if (e->op == RUNTIME_EXECED || e->op == RUNTIME_OUTPUT || e->op == RUNTIME_TAKEN) {
		agent_on_session_event(c, a, e);
	} else if (p && p->worker) {
		ctx_resume(c, &p->trace);
		pod_event(c, a, p, e->op, body);
	} else if (p) {
		orphan_event(c, a, p, e->op, body);
	}
	return 0;
}

/* ---- answers and timers */

/* "Not found" is no end either: the gate's view may be behind ours. When the
 * pod is really gone our view says so, and nothing is told any more. */
static void on_status_told(struct ctx *c, struct agent *a, struct agent_pod *p,
			   const struct reply *r)
{
	int64_t code = r->status ? 0 : mp_path_int(r->body, "code", 0);
	bool lost = r->status || code >= 300, stale = code == 409 && p->rests_on;
	p->telling = false;
	if (!r->status)
		p->unanswered = 0;
	else if (p->unanswered < STATUS_DOUBLED_MAX)
		p->unanswered++;
	if (!lost) {
		p->rests_on = 0;
		p->told = (uint64_t)mp_path_int(r->body, "version", 0);
	}
	if (p->next_status && !stale) {
		send_status(c, p, bytes_span(p->next_status));
		bytes_unref(p->next_status);
		p->next_status = NULL;
		return;
	}
	bytes_unref(p->next_status);
	p->next_status = NULL;
	if (p->finish_waits && !stale)
		tell_finished(c, p);
	p->finish_waits = false;
	if (lost && p->key && !PLANTED(LOST_STATUS_FORGOTTEN)) {
		pod_worker_status_lost(p->worker);
		ctx_timer(c, RETRY_US, NODE_TAG(TAG_POD, p->id));
	}
	if (stale)
		begin_again(c, a, p);
	struct view_object *o = p->key ? view_get(a->view, span_of(p->key)) : NULL;
	if (!lost && o)
		look_for_overrule(c, p, o);
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct agent *a = state;
	uint64_t id = tag >> TAG_BITS;
	unsigned what = tag & ((1u << TAG_BITS) - 1);
	struct agent_pod *p = agent_pod(a, id);
	a->turn = c;
	if (what == TAG_STATUS && p && p->worker)
		on_status_told(c, a, p, r);
	else if (what == TAG_OBJECT)
		agent_on_object(c, a, id, r);
	else if (what == TAG_TOKEN && p && p->worker)
		node_volumes_on_token(c, a, p, r);
	else if (what == TAG_NODE)
		node_on_told(c, a, r);
	else if (what == TAG_BEAT)
		node_on_heard(c, a, r);
	else if (what == TAG_MIRROR)
		static_on_mirrored(c, a, id, r);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct agent *a = state;
	uint64_t id = tag >> TAG_BITS;
	unsigned what = tag & ((1u << TAG_BITS) - 1);
	struct agent_pod *p = agent_pod(a, id);
	a->turn = c;
	if (what == TAG_NODE) {
		a->report_timer = 0;
		node_report(c, a);
	} else if (what == TAG_BEAT) {
		node_beat(c, a);
	} else if (what == TAG_VOLUMES) {
		node_volumes_on_timer(c, a);
	} else if (what == TAG_SIM) {
		sim_on_timer(c, a, id);
	} else if (what == TAG_SESSION) {
		agent_on_session_timer(c, a, id);
	} else if (what == TAG_MIRROR) {
		static_on_timer(c, a, id);
	} else if (what == TAG_RUN) {
		runs_on_timer(c, a, id);
	} else if (what == TAG_PROBE) {
		if (p && p->worker)
			probes_on_timer(c, a, p);
	} else if (p && p->worker) {
		ctx_resume(c, &p->trace);
		if (p->overruled)
			pod_worker_status_lost(p->worker);
		p->overruled = false;
		agent_step(c, a, p);
	}
	return 0;
}

/* ---- life */

static void start_sim(struct ctx *c, struct agent *a)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "boot_id", "sim");
	mpw_kv_str(&b, "machine_id", "sim");
	mpw_kv_str(&b, "kernel", "sim");
	mpw_kv_str(&b, "os", "Troupe simulated node");
	a->info = bytes_take(&b);
	if (!a->cpu[0])
		snprintf(a->cpu, sizeof a->cpu, "32");
	if (!a->memory[0])
		snprintf(a->memory, sizeof a->memory, "64Gi");
	a->listed = true;
	node_report(c, a);
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct agent *a = state;
	char stream[300];
	struct err e = {0};
	struct span node = mp_path_str(cfg, "node"), cpu = mp_path_str(cfg, "cpu"),
		    memory = mp_path_str(cfg, "memory");
	a->turn = c;
	a->port = a->probe_port = a->static_port = -1;
	a->node = mem_ndup(node.data, node.len);
	a->sim = span_is(mp_path_str(cfg, "runtime"), "sim");
	a->oci = span_is(mp_path_str(cfg, "runtime"), "oci");
	a->keep_pods = mp_path_bool(cfg, "keep_pods", false);
	a->beat_us = (uint64_t)mp_path_int(cfg, "heartbeat", BEAT_US);
	a->siblings = (uint64_t)mp_path_int(cfg, "siblings", 1);
	a->eviction_memory = mp_path_int(cfg, "eviction-memory", 100 << 20);
	a->eviction_disk = mp_path_int(cfg, "eviction-disk", 10);
	a->eviction_inodes = mp_path_int(cfg, "eviction-inodes", 5);
	a->eviction_pids = mp_path_int(cfg, "eviction-pids", 5);
	a->pods_max = mp_path_int(cfg, "pods", a->sim ? 500 : 110);
	struct span address = mp_path_str(cfg, "address"), subnet = mp_path_str(cfg, "subnet");
	a->host_ip = address.len ? mem_ndup(address.data, address.len) : mem_dup("127.0.0.1");
	a->subnet = subnet.len ? mem_ndup(subnet.data, subnet.len) : NULL;
	struct mp labels;
	struct span raw;
	if (mp_find(cfg, "labels", &labels) && mp_raw(&labels, &raw) == 0)
		buf_append(&a->labels, raw.data, raw.len);
	if (!a->oci) { /* there it is the image's */
		a->base_env[0] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
		a->base_env[1] = "HOME=/root";
	}
	snprintf(a->cpu, sizeof a->cpu, "%.*s", (int)cpu.len, (const char *)cpu.data);
	snprintf(a->memory, sizeof a->memory, "%.*s", (int)memory.len, (const char *)memory.data);
	snprintf(stream, sizeof stream, "pods@%s", a->node);
	a->view = ctx_follow_unmanaged(c, stream);
	if (a->sim) {
		int chaos = ctx_shared(c, "sim-containers") ? ctx_port_open(c, "sim-containers", cfg, &e) : 0;
		start_sim(c, a);
		return chaos < 0 ? chaos : 0;
	}
	if (mp_path_str(cfg, "static-pods").len) {
		a->static_port = ctx_port_open(c, "static-pods", cfg, &e);
		if (a->static_port < 0) {
			ctx_why(c, "%s", e.text);
			return a->static_port;
		}
	}
	a->services = ctx_follow(c, "services");
	a->port = ctx_port_open(c, a->oci ? "runtime-oci" : "runtime-process", cfg, &e);
	if (a->port >= 0)
		a->probe_port = ctx_port_open(c, "probes", cfg, &e);
	if (a->port < 0 || a->probe_port < 0)
		ctx_why(c, "%s", e.text);
	return a->port < 0 ? a->port : a->probe_port < 0 ? a->probe_port : 0;
}

static int64_t grace_ms(const struct agent_pod *p)
{
	enum { GRACE_S = 30, GRACE_MAX_S = 3600 };
	if (!p->worker)
		return 0; /* an orphan was to be killed anyway */
	struct mp pod = pod_worker_object(p->worker);
	int64_t s = mp_path_int(pod, "spec.terminationGracePeriodSeconds", GRACE_S);
	s = mp_path_int(pod, "metadata.deletionGracePeriodSeconds", s);
	return (s < 1 ? 1 : s > GRACE_MAX_S ? GRACE_MAX_S : s) * 1000;
}

static void call_end(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_i64(&b, "grace_ms", grace_ms(p));
	agent_call(c, a, p, RUNTIME_END, &b);
}

/* An orderly end takes the pods along, unless they are to be kept. */
static int stop(struct ctx *c, void *state)
{
	struct agent *a = state;
	if (a->keep_pods || a->sim)
		return 0;
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n))
		call_end(c, a, n->value);
	return 0;
}

enum { INSPECT_PODS_MAX = 200 };

/* [key, uid] each; the key of an orphan is nil. */
static void inspect_pods(const struct agent *a, struct buf *out)
{
	size_t n = a->pods.count < INSPECT_PODS_MAX ? a->pods.count : INSPECT_PODS_MAX;
	mpw_str(out, "held");
	mpw_array(out, n);
	for (struct onode *it = omap_first(&a->pods); n > 0; it = omap_next(it), n--) {
		const struct agent_pod *p = it->value;
		mpw_array(out, 2);
		if (p->key)
			mpw_str(out, p->key);
		else
			mpw_nil(out);
		mpw_str(out, p->uid);
	}
}

static void inspect(const void *state, struct buf *out)
{
	const struct agent *a = state;
	mpw_map(out, 4);
	inspect_pods(a, out);
	mpw_kv_str(out, "node", a->node);
	mpw_kv_str(out, "runtime", a->sim ? "sim" : a->oci ? "oci" : "process");
	mpw_kv_u64(out, "pods", a->pods.count);
}

static void fini(void *state)
{
	struct agent *a = state;
	omap_fini(&a->by_key, NULL);
	omap_fini(&a->runs, agent_run_free);
	bytes_unref(a->static_files);
	omap_fini(&a->pods, pod_free);
	omap_fini(&a->on_machine, NULL);
	omap_fini(&a->objects, agent_object_free);
	omap_fini(&a->logs, free);
	omap_fini(&a->session_keys, NULL);
	omap_fini(&a->sessions, agent_session_free);
	omap_fini(&a->sim_timers, sim_timer_free);
	buf_fini(&a->allocatable);
	bytes_unref(a->info);
	bytes_unref(a->images);
	bytes_unref(a->figures);
	free(a->node);
	free(a->host_ip);
	free(a->subnet);
	buf_fini(&a->labels);
}

static int on_down(struct ctx *c, void *state, struct span who, int reason)
{
	(void)reason;
	agent_on_session_down(c, state, who);
	return 0;
}

static const struct actor_handler handlers[] = {
	{"node.logs", agent_on_logs},
	{"node.summary", agent_on_summary},
	{"node.session.open", agent_on_session_open},
	{"node.session.read", agent_on_session_read},
	{"node.session.write", agent_on_session_write},
	{"node.session.resize", agent_on_session_resize},
	{"node.session.close", agent_on_session_close},
	{NULL, NULL},
};

const struct actor_spec node_agent_actor = {
	.kind = "node-agent",
	.state_bytes = sizeof(struct agent),
	.handlers = handlers,
	.init = init,
	.on_view = on_view,
	.on_reply = on_reply,
	.on_timer = on_timer,
	.on_port = on_port,
	.on_down = on_down,
	.stop = stop,
	.inspect = inspect,
	.fini = fini,
};
