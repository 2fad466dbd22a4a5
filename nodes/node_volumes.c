/* What the volumes of pods hold, while they run.
 *
 *	object, token, time ──► the files that are wanted ──► others than it has? RUNTIME_VOLUMES
 *
 * All of it is looked at every few seconds, with what the cache of objects knows; what is
 * old there is asked for, and looked at when it is another one. So a change is in the
 * files half a minute later at most. What cannot be had leaves the files as they are.
 *
 * Tokens are asked for one at a time and pod, again after four fifths of their life or
 * a day, as a kubelet does (pkg/kubelet/token). They are known to no one else: after a
 * crash of the agent there are new ones. */
#include <stdlib.h>

#include "nodes/node_private.h"

enum {
	LOOK_US = 5000000,
	TOKEN_MS = 5000,
	AGAIN_US = 100000,     /* the gate has yet to hear of the pod */
	FAILED_US = 2000000,   /* until a refusal is asked about again */
	TOKENS_MAX = 64,       /* of a pod */
	LIST_EMPTY_BYTES = 5,
};
static const uint64_t token_age_max_us = (uint64_t)24 * 3600 * 1000000;

struct pod_token {
	struct pod_token *next;
	char *audience;
	int64_t seconds;
	bool asked;
	struct bytes *token; /* NULL: none yet */
	uint64_t renew_us;
	char *why; /* the last one was refused; NULL */
	uint64_t why_us;
	int code;
};

/* ---- tokens */

static struct pod_token *token_of(struct agent_pod *p, struct span audience, int64_t seconds)
{
	struct pod_token **at = &p->tokens;
	size_t n = 0;
	for (; *at; at = &(*at)->next, n++)
		if (span_is(audience, (*at)->audience) && (*at)->seconds == seconds)
			return *at;
	if (n >= TOKENS_MAX)
		return NULL;
	*at = mem_alloc(sizeof **at);
	(*at)->audience = mem_ndup(audience.data, audience.len);
	(*at)->seconds = seconds;
	return *at;
}

static struct pod_token *asked_token(const struct agent_pod *p)
{
	struct pod_token *t = p->tokens;
	while (t && !t->asked)
		t = t->next;
	return t;
}

static void ask_token(struct agent_pod *p, struct pod_token *t, struct mp pod)
{
	struct buf b = {0};
	if (asked_token(p))
		return;
	mpw_map(&b, 5);
	mpw_kv_span(&b, "namespace", mp_path_str(pod, "metadata.namespace"));
	mpw_kv_span(&b, "name", mp_path_str(pod, "metadata.name"));
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_str(&b, "audience", t->audience);
	mpw_kv_i64(&b, "seconds", t->seconds);
	t->asked = true;
	ctx_request(p->agent->turn, "gate", "pod.token", &b, TOKEN_MS, NODE_TAG(TAG_TOKEN, p->id));
}

static int get_token(void *arg, struct mp pod, struct span audience, int64_t seconds,
		     struct span *out, struct err *e)
{
	struct agent_pod *p = arg;
	uint64_t now = ctx_now_us(p->agent->turn);
	struct pod_token *t = token_of(p, audience, seconds);
	if (!t)
		return err_set(e, ERR_LIMIT, "more than %d kinds of tokens in a pod", TOKENS_MAX);
	if (t->why && !t->token && now - t->why_us < FAILED_US)
		return err_set(e, t->code, "%s", t->why);
	if (!t->token || now >= t->renew_us)
		ask_token(p, t, pod);
	*out = bytes_span(t->token);
	return t->token ? 0 : ERR_AGAIN;
}

/* Who would read it? */
static int no_token(void *arg, struct mp pod, struct span audience, int64_t seconds,
		    struct span *out, struct err *e)
{
	(void)arg, (void)pod, (void)audience, (void)seconds, (void)e;
	*out = span_of("");
	return 0;
}

static void take_token(struct ctx *c, struct pod_token *t, const struct reply *r)
{
	struct span text = mp_path_str(r->body, "token");
	uint64_t life = (uint64_t)t->seconds * 1000000 / 5 * 4;
	bytes_unref(t->token);
	t->token = bytes_copy(text.data, text.len);
	t->renew_us = ctx_now_us(c) + (life < token_age_max_us ? life : token_age_max_us);
	free(t->why);
	t->why = NULL;
}

/* It may help to ask again, or the gate does not know the pod yet. */
static bool comes_later(int status)
{
	return err_retryable(status) || status == ERR_NOT_FOUND;
}

void node_volumes_on_token(struct ctx *c, struct agent *a, struct agent_pod *p,
			   const struct reply *r)
{
	struct pod_token *t = asked_token(p);
	if (!t)
		return;
	t->asked = false;
	if (!r->status) {
		take_token(c, t, r);
	} else if (comes_later(r->status)) {
		ctx_timer(c, AGAIN_US, NODE_TAG(TAG_POD, p->id));
		return;
	} else {
		free(t->why);
		t->why = mem_ndup(r->text.data, r->text.len);
		t->why_us = ctx_now_us(c);
		t->code = r->status;
	}
	if (p->up)
		node_volumes_refresh(c, a, p);
	else
		agent_step(c, a, p);
}

/* ---- objects */

static int get_object(void *arg, enum volume_object kind, struct span namespace, struct span name,
		      struct span *out)
{
	static const char *const streams[] = {
		[VOLUME_CONFIG_MAP] = "configmaps",
		[VOLUME_SECRET] = "secrets",
		[VOLUME_CLAIM] = "persistentvolumeclaims",
		[VOLUME_PERSISTENT] = "persistentvolumes",
	};
	struct agent_pod *p = arg;
	return agent_object(p, streams[kind], namespace, name, p->refreshing, out);
}

struct volume_source node_volume_source(struct agent_pod *p)
{
	bool oci = p->agent->oci;
	return (struct volume_source){.arg = p,
				      .object = get_object,
				      .token = oci ? get_token : no_token,
				      .unmounted = !oci};
}

/* ---- what a pod has, and what it is to have */

/* FNV-1a; never 0. */
static uint64_t mark_of(struct span s)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 1099511628211u;
	return h ? h : 1;
}

static void forget_failure(struct agent_pod *p)
{
	free(p->mount_failure);
	p->mount_failure = NULL;
}

/* Once for each reason: it is looked at every few seconds. */
static void tell_failure(struct ctx *c, struct agent *a, struct agent_pod *p, const char *why)
{
	struct pod_event e = {.reason = "FailedMount", .message = why, .warning = true};
	if (p->mount_failure && strcmp(p->mount_failure, why) == 0)
		return;
	forget_failure(p);
	p->mount_failure = mem_dup(why);
	agent_tell_event(c, a, p, &e);
}

size_t node_volumes_put(struct ctx *c, struct agent_pod *p, struct buf *b, struct span list)
{
	if (!list.len)
		return 0;
	mpw_str(b, "volumes");
	mpw_raw(b, list);
	p->files_mark = mark_of(volume_plan_files(ctx_arena(c), list));
	return 1;
}

static void show_files(struct ctx *c, struct agent *a, struct agent_pod *p, struct span files)
{
	struct buf b = {0};
	uint64_t mark = mark_of(files);
	if (mark == p->files_mark || files.len <= LIST_EMPTY_BYTES)
		return;
	p->files_mark = mark;
	mpw_map(&b, 1);
	mpw_str(&b, "volumes");
	mpw_raw(&b, files);
	agent_call(c, a, p, RUNTIME_VOLUMES, &b);
}

void node_volumes_refresh(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct arena own = {0}; /* all pods may be looked at in one turn */
	struct volume_plan plan;
	if (!a->oci || !p->up || !p->worker)
		return;
	p->refreshing = true;
	int rc = pod_worker_volumes(p->worker, &own, &plan);
	p->refreshing = false;
	if (rc && plan.messages[0])
		tell_failure(c, a, p, plan.messages[0]);
	if (!rc && p->files_mark)
		forget_failure(p);
	if (!rc)
		show_files(c, a, p, volume_plan_files(&own, plan.list));
	arena_fini(&own);
}

void node_volumes_on_stale(struct ctx *c, struct agent *a, struct agent_pod *p, struct mp body)
{
	struct span why = mp_path_str(body, "text");
	p->files_mark = 0;
	tell_failure(c, a, p, arena_ndup(ctx_arena(c), why.data, why.len));
}

/* ---- time */

void node_volumes_up(struct ctx *c, struct agent *a, struct agent_pod *p, bool up)
{
	p->up = up;
	if (!up || !a->oci || a->refresh_timer)
		return;
	a->refresh_timer = true;
	ctx_timer(c, LOOK_US, NODE_TAG(TAG_VOLUMES, 0));
}

void node_volumes_look(struct ctx *c, struct agent *a)
{
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n))
		node_volumes_refresh(c, a, n->value);
}

void node_volumes_on_timer(struct ctx *c, struct agent *a)
{
	bool some = false;
	node_volumes_look(c, a);
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n)) {
		struct agent_pod *p = n->value;
		some |= p->up;
	}
	a->refresh_timer = some;
	if (some)
		ctx_timer(c, LOOK_US, NODE_TAG(TAG_VOLUMES, 0));
}

void node_volumes_free(struct agent_pod *p)
{
	while (p->tokens) {
		struct pod_token *t = p->tokens;
		p->tokens = t->next;
		bytes_unref(t->token);
		free(t->audience);
		free(t->why);
		free(t);
	}
	free(p->mount_failure);
}
