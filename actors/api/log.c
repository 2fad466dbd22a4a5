/* pods/log: the node agent has the files; we pull chunk after chunk, each a
 * request that the agent may keep open while it waits for more. Pulling is
 * the flow control: nothing is asked for that the client has not been sent. An
 * agent that ends is asked again when it is back, from the place that its last
 * chunk named. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/objects/field.h"
#include "actors/schema/rfc3339.h"
#include "actors/api/channels.h"

static void copy_arg(struct call *k, struct buf *b, const char *arg, const char *field,
		     size_t *count)
{
	struct span v = call_arg(k, arg);
	char number[24];
	if (!v.len)
		return;
	snprintf(number, sizeof number, "%.*s", (int)v.len, (const char *)v.data);
	mpw_kv_i64(b, field, strtoll(number, NULL, 10));
	(*count)++;
}

static void pull(struct ctx *c, struct api *a, struct call *k)
{
	struct buf b = {0};
	(void)a;
	size_t at = mpw_map_open(&b), n = 6;
	mpw_kv_span(&b, "namespace", k->namespace);
	mpw_kv_span(&b, "pod", k->name);
	mpw_kv_span(&b, "container", k->container);
	mpw_kv_u64(&b, "cursor", k->log_cursor);
	mpw_kv_bool(&b, "follow", k->log_follow);
	mpw_kv_bool(&b, "previous", call_flag(k, "previous"));
	mpw_kv_bool(&b, "timestamps", call_flag(k, "timestamps"));
	n++;
	if (!k->log_cursor && k->log_place_len) {
		mpw_str(&b, "place");
		mpw_bin(&b, (struct span){k->log_place, k->log_place_len});
		n++;
	}
	copy_arg(k, &b, "tailLines", "tail", &n);
	copy_arg(k, &b, "limitBytes", "limit", &n);
	copy_arg(k, &b, "sinceSeconds", "since_s", &n);
	struct span since = call_arg(k, "sinceTime");
	if (since.len) {
		mpw_kv_span(&b, "since_time", since);
		n++;
	}
	mpw_map_close(&b, at, n);
	ctx_request(c, k->log_agent, "node.logs", &b, 2 * API_LOG_CHUNK_MS,
		    API_REPLY_TAG(k->log_turn & 3, k->id));
}

/* A client that asked for a WebSocket gets each piece as a message. */
static bool upgrade(struct ctx *c, struct api *a, struct call *k)
{
	const char *name;
	if (!span_is(k->upgrade, "websocket"))
		return true;
	if (!channel_plain(k->protocols, &name, &k->socket_base64)) {
		answer_status(c, a, k,
			      status_failure(&k->arena, 403, "Forbidden",
					     "none of the WebSocket's protocols is served"));
		return false;
	}
	k->socket = true;
	k->log_started = true;
	call_answered(c, a, k, 101);
	ctx_port_call(c, a->port, HTTP_UPGRADE, k->id, 0, bytes_copy(name, strlen(name)));
	return true;
}

static void give(struct ctx *c, struct api *a, struct call *k, struct span data)
{
	struct buf b = {0};
	if (!k->socket) {
		ctx_port_call(c, a->port, HTTP_DATA, k->id, 0, bytes_copy(data.data, data.len));
		return;
	}
	if (k->socket_base64)
		channel_base64(&b, data);
	else
		buf_append(&b, data.data, data.len);
	ctx_port_call(c, a->port, HTTP_SEND, k->id, k->socket_base64, bytes_take(&b));
}

static void end(struct ctx *c, struct api *a, struct call *k)
{
	if (k->socket)
		ctx_port_call(c, a->port, HTTP_SHUT, k->id, 1000, NULL);
	else
		ctx_port_call(c, a->port, HTTP_END, k->id, 0, NULL);
	call_end(c, a, k);
}

/* What is wrong with how much is asked for, or NULL. */
static struct doc *bad_options(struct call *k)
{
	static const char *const names[] = {"tailLines", "limitBytes", "sinceSeconds", NULL};
	static const struct schema_resource options = {.group = "", .kind = "PodLogOptions"};
	struct faults faults = {.arena = &k->arena};
	struct span since = call_arg(k, "sinceTime");
	int64_t us;
	struct doc *bad = bad_integers(k, names);
	if (bad)
		return bad;
	if (since.len && rfc3339_parse(since, &us))
		return status_bad_request(&k->arena,
					  arena_printf(&k->arena,
						       "parsing time \"%.*s\" as \"2006-01-02T15:04:05Z07:00\": "
						       "cannot parse it",
						       (int)since.len, (const char *)since.data));
	for (int i = 0; names[i]; i++) {
		struct span v = call_arg(k, names[i]);
		int64_t n = v.data ? strtoll(arena_ndup(&k->arena, v.data, v.len), NULL, 10) : 1;
		if (n < (i > 0))
			field_invalid_int(&faults, FPATH(NULL, names[i]), n,
					  i ? "must be greater than 0" : "must be greater than or equal to 0");
	}
	if (since.data && call_arg(k, "sinceSeconds").data)
		field_forbidden(&faults, FPATH(NULL, ""),
				"at most one of `sinceTime` or `sinceSeconds` may be specified");
	return faults.errors.count ? status_invalid(&k->arena, &options, k->name, &faults.errors) : NULL;
}

void log_start(struct ctx *c, struct api *a, struct call *k)
{
	struct doc *bad = bad_options(k);
	if (bad) {
		answer_status(c, a, k, bad);
		return;
	}
	struct view *v = fresh_view(c, a, k, log_start);
	if (!v)
		return;
	struct view_object *o = api_find(v, k);
	if (!o) {
		answer_status(c, a, k, status_not_found(&k->arena, k->resource, k->name));
		return;
	}
	struct mp pod = mp_of_bytes(o->value);
	struct span node = mp_path_str(pod, "spec.nodeName");
	struct doc *unclear = container_choose(k, pod);
	if (unclear) {
		answer_status(c, a, k, unclear);
		return;
	}
	if (!node.len) {
		struct buf none = {0};
		answer_text(c, a, k, 200, HTTP_TEXT, &none); /* not scheduled: no output yet */
		return;
	}
	k->node = (struct span){(uint8_t *)arena_ndup(&k->arena, node.data, node.len), node.len};
	k->log_agent = arena_printf(&k->arena, "node-agent/%.*s", (int)k->node.len,
				    (const char *)k->node.data);
	k->log_follow = call_flag(k, "follow");
	ctx_monitor(c, k->log_agent);
	if (upgrade(c, a, k))
		pull(c, a, k);
}

/* ---- its agent is gone: it is back in a moment, or the log ends */

bool log_is_with(const struct call *k, struct span agent)
{
	return k->log_agent && span_is(agent, k->log_agent);
}

/* An agent that is back says for a moment that it has no such pod. Of a cursor that was
 * not used for long it does not know either. */
static bool may_come_back(struct ctx *c, struct api *a, struct call *k, int failure)
{
	if (!k->log_until)
		return err_retryable(failure) || failure == ERR_COMPACTED;
	return api_find(api_stream(c, a, k->resource)->view, k) != NULL;
}

static void try_later(struct ctx *c, struct api *a, struct call *k)
{
	uint64_t now = ctx_now_us(c);
	if (!k->log_until)
		k->log_until = now + API_LOG_AWAY_US;
	if (now >= k->log_until) {
		end(c, a, k);
		return;
	}
	k->log_turn++; /* what was asked may still be answered: too late */
	k->log_lost = true;
	ctx_timer(c, API_LOG_AGAIN_US, API_TAG(TAG_CALL, k->id));
}

void log_down(struct ctx *c, struct api *a, struct call *k)
{
	if (k->log_lost)
		return;
	if (k->log_started)
		try_later(c, a, k);
	else
		answer_status(c, a, k,
			      status_unavailable(&k->arena,
						 arena_printf(&k->arena, "the agent of node %.*s is away",
							      (int)k->node.len,
							      (const char *)k->node.data)));
}

void log_again(struct ctx *c, struct api *a, struct call *k)
{
	k->log_lost = false;
	k->log_cursor = 0; /* which only the one that is gone knew */
	ctx_monitor(c, k->log_agent);
	pull(c, a, k);
}

static void keep_place(struct call *k, struct mp body)
{
	struct mp v;
	struct span place = {0};
	if (mp_find(body, "place", &v))
		(void)mp_bin(&v, &place);
	k->log_place_len = place.len <= sizeof k->log_place ? place.len : 0;
	if (k->log_place_len)
		memcpy(k->log_place, place.data, k->log_place_len);
}

void log_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r, unsigned turn)
{
	struct mp v;
	struct span data = {0};
	if (turn != (k->log_turn & 3))
		return;
	if (r->status && !k->log_started) {
		char text[400];
		snprintf(text, sizeof text, "%.*s", (int)r->text.len, (const char *)r->text.data);
		if (r->status == ERR_UNREACHABLE || r->status == ERR_TIMEOUT)
			log_down(c, a, k);
		else
			answer_status(c, a, k, status_bad_request(&k->arena, text));
		return;
	}
	if (!k->log_started) {
		call_answered(c, a, k, 200);
		ctx_port_call(c, a->port, HTTP_STREAM, k->id, HTTP_ARG(200, HTTP_TEXT), NULL);
		k->log_started = true;
	}
	if (r->status && may_come_back(c, a, k, r->status)) {
		try_later(c, a, k);
		return;
	}
	k->log_until = 0;
	bool given = r->status == 0 && mp_find(r->body, "data", &v) && mp_bin(&v, &data) == 0 &&
		     data.len;
	if (given)
		give(c, a, k, data);
	if (r->status || mp_path_bool(r->body, "end", true)) {
		end(c, a, k);
		return;
	}
	k->log_cursor = (uint64_t)mp_path_int(r->body, "cursor", 0);
	keep_place(k, r->body);
	/* Of a socket the next piece is asked for when this one is on its way. */
	if (!given || !k->socket)
		pull(c, a, k);
}

void log_sent(struct ctx *c, struct api *a, struct call *k)
{
	pull(c, a, k);
}
