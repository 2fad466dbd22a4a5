/* node.logs: which file is meant is known here; the runtime reads it. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/rfc3339.h"
#include "nodes/log_place.h"
#include "nodes/node_private.h"

struct waiting {
	uint64_t parked;
};

struct agent_pod *agent_pod_named(struct agent *a, struct mp body)
{
	char key[STORE_KEY_BYTES_MAX];
	struct span ns = mp_path_str(body, "namespace"), name = mp_path_str(body, "pod");
	int n = snprintf(key, sizeof key, "pods/%.*s/%.*s", (int)ns.len, (const char *)ns.data,
			 (int)name.len, (const char *)name.data);
	return omap_get(&a->by_key, (struct span){(uint8_t *)key, (size_t)n});
}

static void copy_int(struct buf *b, struct mp body, const char *key, size_t *n)
{
	struct mp v;
	int64_t i;
	if (!mp_find(body, key, &v) || mp_i64(&v, &i))
		return;
	mpw_kv_i64(b, key, i);
	(*n)++;
}

static int64_t since_us(struct ctx *c, struct mp body)
{
	int64_t us = 0, seconds = mp_path_int(body, "since_s", 0);
	struct span text = mp_path_str(body, "since_time");
	if (seconds > 0)
		return ctx_wall_us(c) - seconds * 1000000;
	return text.len && rfc3339_parse(text, &us) == 0 ? us : 0;
}

static void ask_runtime(struct ctx *c, struct agent *a, struct agent_pod *p, struct mp body,
			uint32_t attempt, bool running)
{
	struct buf b = {0};
	struct log_place place;
	size_t at = mpw_map_open(&b), n = 7;
	if (log_place_read(body, &place)) {
		log_place_write(&b, &place);
		running = running && attempt == place.attempt;
		attempt = (uint32_t)place.attempt;
		n++;
	}
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_span(&b, "container", mp_path_str(body, "container"));
	mpw_kv_u64(&b, "attempt", attempt);
	mpw_kv_bool(&b, "follow", mp_path_bool(body, "follow", false));
	mpw_kv_bool(&b, "ended", !running);
	mpw_kv_bool(&b, "timestamps", mp_path_bool(body, "timestamps", false));
	mpw_kv_i64(&b, "since_us", since_us(c, body));
	copy_int(&b, body, "cursor", &n);
	copy_int(&b, body, "tail", &n);
	copy_int(&b, body, "limit", &n);
	mpw_map_close(&b, at, n);
	uint64_t number = ++a->next_id;
	struct waiting *w = mem_alloc(sizeof *w);
	w->parked = ctx_park(c);
	omap_put_u64(&a->logs, number, w);
	ctx_port_call(c, a->port, RUNTIME_LOG, number, 0, bytes_take(&b));
}

/* In a kubelet's words. */
static void refuse_waiting(struct ctx *c, const struct agent_pod *p, const char *container,
			   struct span pod)
{
	struct span why = pod_worker_waits_for(p->worker, span_of(container));
	if (span_is(why, "ErrImagePull"))
		why = span_of("image can't be pulled");
	else if (span_is(why, "ImagePullBackOff"))
		why = span_of("trying and failing to pull image");
	else if (!why.len)
		why = span_of("ContainerCreating");
	ctx_reply_error(c, ERR_INVALID, "container \"%s\" in pod \"%.*s\" is waiting to start: %.*s",
			container, (int)pod.len, (const char *)pod.data, (int)why.len,
			(const char *)why.data);
}

int agent_on_logs(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_pod *p = agent_pod_named(a, m->body);
	struct span name = mp_path_str(m->body, "container"), pod = mp_path_str(m->body, "pod");
	char container[64];
	uint32_t attempt = 0;
	bool running = false, previous = mp_path_bool(m->body, "previous", false);
	snprintf(container, sizeof container, "%.*s", (int)name.len, (const char *)name.data);
	if (!p || !p->worker) {
		ctx_reply_error(c, ERR_NOT_FOUND, "pod %.*s is not on node %s", (int)pod.len,
				(const char *)pod.data, a->node);
	} else if (!pod_worker_attempt(p->worker, container, &attempt, &running)) {
		refuse_waiting(c, p, container, pod);
	} else if (previous && attempt == 0) {
		ctx_reply_error(c, ERR_INVALID,
				"previous terminated container \"%s\" in pod \"%.*s\" not found",
				container, (int)pod.len, (const char *)pod.data);
	} else if (a->sim) {
		struct buf b = {0};
		mpw_map(&b, 3);
		mpw_str(&b, "data");
		mpw_bin(&b, (struct span){0});
		mpw_kv_u64(&b, "cursor", 1);
		mpw_kv_bool(&b, "end", true);
		ctx_reply(c, &b);
	} else {
		ask_runtime(c, a, p, m->body, attempt - previous, running && !previous);
	}
	return 0;
}

void agent_on_chunk(struct ctx *c, struct agent *a, const struct port_event *p)
{
	struct waiting *w = omap_remove_u64(&a->logs, p->id);
	struct mp body = mp_of_bytes(p->payload);
	if (!w)
		return;
	if (p->arg) {
		struct span text = mp_path_str(body, "text");
		ctx_error_parked(c, w->parked, -(int)p->arg,
				 arena_ndup(ctx_arena(c), text.data, text.len));
	} else {
		struct buf b = {0};
		struct span raw = bytes_span(p->payload);
		buf_append(&b, raw.data, raw.len);
		ctx_reply_parked(c, w->parked, &b);
	}
	free(w);
}
