/* Stream sessions with containers: channels of bytes between a client's
 * connection and a node's agent (pods/exec, pods/attach; port-forward is to be
 * another kind of it, SPDY another connection).
 *
 *   upgrade ─► node.session.open ─► opened
 *   read ─► output ─► HTTP_SEND ─► HTTP_SENT ─► read ...     what a container writes
 *   HTTP_NEXT ─► HTTP_MESSAGE ─► write ─► taken ─► HTTP_NEXT ...  what it reads
 *
 * Each arrow waits for the one before it, so a slow end holds the other one
 * and nothing but one chunk is ever here. The client's end ends the session at
 * the node, which kills the command (who is attached just leaves); the node's end, and that of its agent (which
 * is monitored), is told on the error channel. What a node refuses comes there
 * too: as in Kubernetes the connection is upgraded by then. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/api/channels.h"

enum {
	/* client-go of 2024 begins to read before its channels are there, and drops
	 * what comes for those (mended by kubernetes#131203): it is given a moment. */
	SETTLE_US = 20000, /* after it answered a ping */
	SETTLE_MAX_US = 1000000, /* one that does not answer */
	OPEN_MS = 20000,
	TURN_MS = 30000, /* the node answers a read or write within 10 s */
};

struct session {
	const struct channel_protocol *protocol;
	const struct session_kind *kind;
	const char *agent; /* its name; in the call's arena */
	unsigned streams; /* bits of enum channel */
	bool tty, opened, input_ended;
	bool ponged, settled; /* what matters may go to the client */
	const struct doc *failure; /* it ends with that, when it is settled */
	bool reading; /* output was asked for */
	bool sending; /* output is on its way to the client */
};

/* What happens beside a container is a command's, and so is how it ends; of who is
 * attached to the container itself Kubernetes tells only that it is over: the code
 * is in the pod's status. */
struct session_kind {
	const char *name; /* the subresource's too */
	bool command;
};

static const struct session_kind kinds[] = {{"exec", true}, {"attach", false}};

static const struct session_kind *kind_of(const struct call *k)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(k->sub, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

bool is_session(const struct call *k)
{
	return kind_of(k) != NULL;
}

/* ---- to the client */

static void send(struct ctx *c, struct api *a, struct call *k, enum channel channel,
		 struct span data)
{
	struct buf b = {0};
	const struct channel_protocol *p = k->session->protocol;
	channel_write(p, channel, data, &b);
	k->session->sending = true;
	ctx_port_call(c, a->port, HTTP_SEND, k->id, p->base64, bytes_take(&b));
}

static void hang_up(struct ctx *c, struct api *a, struct call *k)
{
	ctx_port_call(c, a->port, HTTP_SHUT, k->id, 1000, NULL);
	call_end(c, a, k);
}

/* The old protocols say nothing of a success, and of a failure the text. */
static void send_status(struct ctx *c, struct api *a, struct call *k, const struct doc *status,
			bool failure)
{
	struct buf b = {0};
	if (k->session->protocol->status) {
		json_from_doc(&b, status);
		send(c, a, k, CHANNEL_ERROR, span_buf(&b));
	} else if (failure) {
		send(c, a, k, CHANNEL_ERROR, doc_get_str(status, "message"));
	}
	buf_fini(&b);
}

static void next_message(struct ctx *c, struct api *a, struct call *k)
{
	ctx_port_call(c, a->port, HTTP_NEXT, k->id, 0, NULL);
}

/* The client is given the moment that it may need. */
static void settle(struct ctx *c, struct api *a, struct call *k)
{
	ctx_port_call(c, a->port, HTTP_PING, k->id, 0, NULL);
	ctx_timer(c, SETTLE_MAX_US, API_TAG(TAG_CALL, k->id));
	next_message(c, a, k);
}

static void end_with(struct ctx *c, struct api *a, struct call *k, const struct doc *status)
{
	struct session *s = k->session;
	if (s->settled) {
		send_status(c, a, k, status, true);
		hang_up(c, a, k);
	} else if (!s->failure) {
		s->failure = status;
		if (!s->opened)
			settle(c, a, k);
	}
}

static void fail(struct ctx *c, struct api *a, struct call *k, const char *why)
{
	end_with(c, a, k, status_internal(&k->arena, why));
}

/* Nobody is there to open it: that may help later, where an error of the node's does not. */
static void fail_away(struct ctx *c, struct api *a, struct call *k)
{
	const char *why = arena_printf(&k->arena,
				       "unable to upgrade connection: the agent of node %.*s is away",
				       (int)k->node.len, (const char *)k->node.data);
	end_with(c, a, k, status_unavailable(&k->arena, why));
}

/* client-go finds the exit code in the causes. `why`: the command never ran; or NULL. */
static struct doc *exit_status(struct arena *m, int64_t code, const char *why)
{
	if (!why)
		why = arena_printf(m, "command terminated with non-zero exit code: exit status %lld",
				   (long long)code);
	struct doc *s = status_failure(m, 500, "NonZeroExitCode", why);
	struct doc *causes = doc_set(m, doc_need_map(m, s, "details"), "causes",
				     doc_new(m, DOC_ARRAY));
	struct doc *cause = doc_add(causes, doc_new(m, DOC_MAP));
	doc_set_str(m, cause, "reason", "ExitCode");
	doc_set_str(m, cause, "message", arena_printf(m, "%lld", (long long)code));
	doc_remove(s, "code");
	return s;
}

static struct doc *success(struct arena *m)
{
	struct doc *s = doc_new(m, DOC_MAP);
	doc_set(m, s, "metadata", doc_new(m, DOC_MAP));
	doc_set_str(m, s, "status", "Success");
	return s;
}

/* A command that is not there, or cannot be run, ends as a shell would say it. */
static bool is_of_command(int64_t code)
{
	return code == 126 || code == 127;
}

static void command_ended(struct ctx *c, struct api *a, struct call *k, struct mp output)
{
	struct arena *m = &k->arena;
	struct mp v;
	struct span error = {0};
	int64_t code = mp_path_int(output, "code", 0);
	if (mp_find(output, "error", &v))
		mp_bin(&v, &error);
	if (mp_path_bool(output, "unknown", false)) {
		fail(c, a, k,
		     k->session->kind->command ? "the pod's sandbox ended before the command did"
					       : "the pod's sandbox ended");
		return;
	}
	const char *why = error.len ? arena_ndup(m, error.data, error.len) : NULL;
	if (why && !is_of_command(code)) {
		fail(c, a, k,
		     arena_printf(m, "error %s container: %s",
				  k->session->kind->command ? "executing command in" : "attaching to",
				  why));
		return;
	}
	if (!k->session->kind->command)
		code = 0;
	send_status(c, a, k, code ? exit_status(m, code, why) : success(m), code != 0);
	hang_up(c, a, k);
}

/* ---- to the node */

static void ask_node(struct ctx *c, struct call *k, const char *message, struct buf *b,
		     uint32_t timeout_ms, enum reply_of of)
{
	ctx_request(c, k->session->agent, message, b, timeout_ms, API_REPLY_TAG(of, k->id));
}

static void tell_node(struct ctx *c, struct call *k, const char *message, struct buf *b)
{
	ctx_send(c, k->session->agent, message, b, 0);
}

static size_t put_command(struct buf *b, struct call *k, const struct session_kind *kind)
{
	struct mp args = k->args;
	size_t n = 0, two, count = 0;
	struct span key, value;
	mpw_str(b, "command");
	size_t at = mpw_array_open(b);
	if (kind->command)
		mp_array(&args, &n);
	for (; n; n--) {
		if (mp_array(&args, &two) || mp_str(&args, &key) || mp_str(&args, &value))
			break;
		if (!span_is(key, "command"))
			continue;
		mpw_span(b, value);
		count++;
	}
	mpw_array_close(b, at, count);
	return count;
}

static void open_at_node(struct ctx *c, struct call *k)
{
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_u64(&b, "session", k->id);
	mpw_kv_str(&b, "kind", k->session->kind->name);
	mpw_kv_span(&b, "namespace", k->namespace);
	mpw_kv_span(&b, "pod", k->name);
	mpw_kv_span(&b, "container", k->container);
	put_command(&b, k, k->session->kind);
	mpw_kv_u64(&b, "streams", k->session->streams);
	mpw_kv_bool(&b, "tty", k->session->tty);
	ask_node(c, k, "node.session.open", &b, OPEN_MS, REPLY_READ);
}

static void pull(struct ctx *c, struct call *k)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "session", k->id);
	k->session->reading = true;
	ask_node(c, k, "node.session.read", &b, TURN_MS, REPLY_READ);
}

/* No data and no end asks again whether the last was taken. */
static void push(struct ctx *c, struct call *k, struct span data, bool end)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_u64(&b, "session", k->id);
	mpw_str(&b, "data");
	mpw_bin(&b, data);
	mpw_kv_bool(&b, "end", end);
	ask_node(c, k, "node.session.write", &b, TURN_MS, REPLY_WRITE);
}

static void resize(struct ctx *c, struct call *k, struct span json)
{
	struct doc *size;
	struct buf b = {0};
	struct arena m = {0};
	if (json_parse(&m, json, &size, NULL, NULL) == 0 && size->type == DOC_MAP) {
		mpw_map(&b, 3);
		mpw_kv_u64(&b, "session", k->id);
		mpw_kv_i64(&b, "width", doc_get_int(size, "Width", 0));
		mpw_kv_i64(&b, "height", doc_get_int(size, "Height", 0));
		tell_node(c, k, "node.session.resize", &b);
	}
	arena_fini(&m);
}

/* ---- what comes */

void session_message(struct ctx *c, struct api *a, struct call *k, struct span message)
{
	struct session *s = k->session;
	struct channel_message m;
	struct arena scratch = {0};
	bool meant = channel_read(s->protocol, message, &scratch, &m);
	bool input = meant && s->opened && !s->failure && m.channel == CHANNEL_STDIN && s->streams & 1 << CHANNEL_STDIN &&
		     !s->input_ended && (m.end || m.data.len);
	if (input) {
		s->input_ended = m.end;
		push(c, k, m.data, m.end);
	} else {
		/* Whether a container has a terminal its node knows. */
		if (meant && m.channel == CHANNEL_RESIZE && !m.end && (s->tty || !s->kind->command))
			resize(c, k, m.data);
		next_message(c, a, k);
	}
	arena_fini(&scratch);
}

void session_sent(struct ctx *c, struct call *k)
{
	struct session *s = k->session;
	s->sending = false;
	if (s->settled && !s->reading)
		pull(c, k);
}

void session_pong(struct ctx *c, struct call *k)
{
	struct session *s = k->session;
	if (!s->ponged)
		ctx_timer(c, SETTLE_US, API_TAG(TAG_CALL, k->id));
	s->ponged = true;
}

void session_timer(struct ctx *c, struct api *a, struct call *k)
{
	struct session *s = k->session;
	bool asked = s->opened || s->failure; /* not the timer of a view that was waited for */
	if (s->settled || !asked)
		return;
	s->settled = true;
	if (s->failure)
		end_with(c, a, k, s->failure);
	else if (!s->sending && !s->reading)
		pull(c, k);
}

static void begin(struct ctx *c, struct api *a, struct call *k)
{
	struct session *s = k->session;
	/* The client is told that it is connected: by a message of no bytes to the
	 * first channel that it reads. */
	enum channel first = s->streams & 1 << CHANNEL_STDOUT	? CHANNEL_STDOUT
			     : s->streams & 1 << CHANNEL_STDERR ? CHANNEL_STDERR
								: CHANNEL_ERROR;
	s->opened = true;
	send(c, a, k, first, (struct span){0});
	settle(c, a, k);
}

static void on_output(struct ctx *c, struct api *a, struct call *k, struct mp output)
{
	struct session *s = k->session;
	struct mp frames;
	size_t n = 0, two;
	uint64_t channel;
	struct span data;
	s->reading = false;
	if (mp_find(output, "frames", &frames))
		mp_array(&frames, &n);
	for (; n; n--) {
		if (mp_array(&frames, &two) || mp_u64(&frames, &channel) || mp_bin(&frames, &data))
			break;
		if (channel == CHANNEL_STDOUT || channel == CHANNEL_STDERR)
			send(c, a, k, (enum channel)channel, data);
	}
	if (mp_path_bool(output, "end", true)) {
		command_ended(c, a, k, output);
	} else if (!s->sending) {
		/* A client that is gone without a word answers that with a reset. */
		ctx_port_call(c, a->port, HTTP_PING, k->id, 0, NULL);
		pull(c, k);
	}
}

static const char *refusal(struct call *k, const char *text)
{
	struct arena *m = &k->arena;
	if (!k->session->opened)
		return arena_printf(m, "unable to upgrade connection: %s", text);
	return arena_printf(m, "the session with node %.*s ended: %s", (int)k->node.len,
			    (const char *)k->node.data, text);
}

void session_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r,
		   enum reply_of of)
{
	struct session *s = k->session;
	if (r->status && of == REPLY_WRITE)
		return; /* the read that waits tells how it ended */
	if (r->status && !s->opened &&
	    (r->status == ERR_UNREACHABLE || r->status == ERR_TIMEOUT)) {
		session_leave(c, k);
		fail_away(c, a, k);
	} else if (r->status) {
		const char *why = refusal(k, arena_ndup(&k->arena, r->text.data, r->text.len));
		session_leave(c, k);
		fail(c, a, k, why);
	} else if (of == REPLY_WRITE) {
		if (!mp_path_bool(r->body, "taken", true))
			push(c, k, (struct span){0}, false);
		else
			next_message(c, a, k);
	} else if (!s->opened) {
		begin(c, a, k);
	} else {
		on_output(c, a, k, r->body);
	}
}

bool session_is_with(const struct call *k, struct span agent)
{
	return k->session && span_is(agent, k->session->agent);
}

/* Its agent's end is the command's: what is asked of the next one is unknown
 * there, and an answer that went down with it would be waited for long. */
void session_down(struct ctx *c, struct api *a, struct call *k, int reason)
{
	if (k->session->opened)
		fail(c, a, k, refusal(k, err_text(reason)));
	else
		fail_away(c, a, k);
}

void session_leave(struct ctx *c, struct call *k)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "session", k->id);
	tell_node(c, k, "node.session.close", &b);
}

void session_free(struct session *s)
{
	free(s);
}

/* ---- the request */

static struct doc *refuse_options(struct call *k, unsigned streams)
{
	struct buf none = {0};
	const struct session_kind *kind = kind_of(k);
	size_t words = put_command(&none, k, kind);
	buf_fini(&none);
	if (!streams)
		return status_bad_request(&k->arena,
					  "you must specify at least 1 of stdin, stdout, stderr");
	return words || !kind->command ? NULL : status_bad_request(&k->arena, "you must specify a command");
}

static struct doc *refuse_connection(struct call *k)
{
	struct arena *m = &k->arena;
	if (!k->upgrade.len)
		return status_bad_request(m, "Upgrade request required");
	if (!span_is(k->upgrade, "websocket"))
		return status_failure(m, 501, "NotImplemented",
				      arena_printf(m, "%s/%s is served over WebSocket, not over %.*s",
						   k->resource->resource, k->sub,
						   (int)k->upgrade.len,
						   (const char *)k->upgrade.data));
	if (!channel_protocol(k->protocols))
		return status_failure(m, 403, "Forbidden",
				      arena_printf(m, "none of the protocols %.*s is served",
						   (int)k->protocols.len,
						   (const char *)k->protocols.data));
	return NULL;
}

static bool too_many(const struct api *a)
{
	return a->sessions >= API_SESSIONS_MAX;
}

static void upgrade(struct ctx *c, struct api *a, struct call *k, unsigned streams, bool tty)
{
	struct session *s = mem_alloc(sizeof *s);
	s->protocol = channel_protocol(k->protocols);
	s->kind = kind_of(k);
	s->streams = streams;
	s->tty = tty;
	s->agent = arena_printf(&k->arena, "node-agent/%.*s", (int)k->node.len,
				(const char *)k->node.data);
	k->session = s;
	a->sessions++;
	call_answered(c, a, k, 101);
	ctx_monitor(c, s->agent);
	ctx_port_call(c, a->port, HTTP_UPGRADE, k->id, 0,
		      bytes_copy(s->protocol->name, strlen(s->protocol->name)));
	open_at_node(c, k);
}

void session_start(struct ctx *c, struct api *a, struct call *k)
{
	struct view *v = fresh_view(c, a, k, session_start);
	struct view_object *o = v ? api_find(v, k) : NULL;
	if (!v)
		return;
	if (!o) {
		answer_status(c, a, k, status_not_found(&k->arena, k->resource, k->name));
		return;
	}
	struct mp pod = mp_of_bytes(o->value);
	struct span node = mp_path_str(pod, "spec.nodeName");
	bool tty = call_flag(k, "tty");
	unsigned streams = (call_flag(k, "stdin") ? 1u << CHANNEL_STDIN : 0) |
			   (call_flag(k, "stdout") ? 1u << CHANNEL_STDOUT : 0) |
			   (call_flag(k, "stderr") && !tty ? 1u << CHANNEL_STDERR : 0);
	struct doc *refused = container_choose(k, pod);
	if (!refused && !node.len)
		refused = status_bad_request(
			&k->arena, arena_printf(&k->arena, "pod %.*s does not have a host assigned",
						(int)k->name.len, (const char *)k->name.data));
	if (!refused)
		refused = refuse_connection(k);
	if (!refused)
		refused = refuse_options(k, streams);
	if (!refused && too_many(a))
		refused = status_too_many_requests(&k->arena, 1);
	if (refused) {
		answer_status(c, a, k, refused);
		return;
	}
	k->node = (struct span){(uint8_t *)arena_ndup(&k->arena, node.data, node.len), node.len};
	upgrade(c, a, k, streams, tty);
}
