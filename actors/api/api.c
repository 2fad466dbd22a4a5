/* The API actor: from a path to a call, from a call to its handler.
 *
 * A *call* lives from its request to its answer; it may wait meanwhile for a
 * view to catch up, for the store's outcome, or for a node's log. A *watch*
 * lives from its first byte to its last. */
#include "actors/api/api.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/api/old_kinds.h"
#include "actors/api/request_path.h"

/* ---- from the port's payload to a call */

enum field_form { TEXT, BINARY, FLAG, VALUE };

/* In the order in which the port writes them: the next one is the one that comes. */
static const struct field {
	struct span name;
	enum field_form form;
	size_t at; /* in the call */
} fields[] = {
#define FIELD(name, form, member) \
	{{(const uint8_t *)(name), sizeof(name) - 1}, form, offsetof(struct call, member)}
	FIELD("method", TEXT, method),
	FIELD("path", TEXT, path),
	FIELD("uri", TEXT, uri),
	FIELD("args", VALUE, args),
	FIELD("auth", TEXT, authorization),
	FIELD("accept", TEXT, accept),
	FIELD("type", TEXT, content_type),
	FIELD("agent", TEXT, agent),
	FIELD("user", TEXT, client),
	FIELD("groups", VALUE, client_groups),
	FIELD("impersonate", VALUE, impersonates),
	FIELD("claims", BINARY, claims),
	FIELD("upgrade", TEXT, upgrade),
	FIELD("protocols", TEXT, protocols),
	FIELD("audit", TEXT, audit_id),
	FIELD("from", TEXT, from),
	FIELD("via", TEXT, via),
	FIELD("unreadable", FLAG, unreadable),
	FIELD("too-large", FLAG, too_large),
	FIELD("body", BINARY, body),
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof *fields };

static const struct field *field_of(struct span key, size_t *next)
{
	for (size_t tried = 0; tried < FIELDS; tried++) {
		const struct field *f = &fields[*next];
		*next = (*next + 1) % FIELDS;
		if (span_eq(f->name, key))
			return f;
	}
	return NULL;
}

/* Of another type than it should be, it is as if it were not there. */
static void read_field(struct call *k, const struct field *f, struct mp value)
{
	void *to = (char *)k + f->at;
	if (f->form == TEXT)
		(void)mp_str(&value, to);
	else if (f->form == BINARY)
		(void)mp_bin(&value, to);
	else if (f->form == FLAG)
		(void)mp_bool(&value, to);
	else
		*(struct mp *)to = value;
}

/* In one pass: each would be looked for from the start, behind all the others. */
static void read_fields(struct call *k, struct mp m)
{
	size_t n, next = 0;
	struct span key;
	if (mp_map(&m, &n))
		return;
	for (; n > 0 && mp_str(&m, &key) == 0; n--) {
		const struct field *f = field_of(key, &next);
		struct mp value = m;
		if (mp_skip(&m))
			return;
		if (f)
			read_field(k, f, value);
	}
}

static struct call *call_new(struct ctx *c, struct api *a, const struct port_event *p)
{
	struct call *k = mem_alloc(sizeof *k);
	k->api = a;
	k->id = p->id;
	k->owner = bytes_ref(p->payload);
	k->sub = "";
	k->arrived_us = ctx_now_us(c);
	read_fields(k, mp_of_bytes(p->payload));
	k->heard = k->audit_id.len > 0;
	omap_put_u64(&a->calls, k->id, k);
	return k;
}

/* False: no resource path. What follows a proxy is for whom it goes on to. */
static bool parse_resource(struct api *a, struct call *k)
{
	struct request_path p;
	struct span more;
	bool is = request_path_parse(a->schema, k->path, &p);
	k->resource = p.resource;
	k->namespace = p.namespace;
	k->name = p.name;
	k->watch_path = p.watch;
	if (p.subresource.len)
		k->sub = arena_ndup(&k->arena, p.subresource.data, p.subresource.len);
	return is && (is_proxy(k) || !path_part(&p.rest, &more));
}

/* ---- what is asked of a resource */

/* What is wrong with the subresource, or NULL. Known in Kubernetes, not
 * served here: a person who meant it is told so, whatever else is wrong. */
static struct doc *refused_subresource(struct call *k)
{
	if (strcmp(k->sub, "portforward") == 0)
		return status_failure(&k->arena, 501, "NotImplemented",
				      arena_printf(&k->arena, "%s/%s is not served",
						   k->resource->resource, k->sub));
	bool known = !*k->sub || schema_subresource(k->resource, span_of(k->sub));
	return known ? NULL : status_no_resource(&k->arena);
}

/* Kubernetes' word for what is asked, by the method and whether one object is
 * named; NULL: there is none. */
static const char *verb_of(const struct call *k)
{
	static const struct {
		const char *method, *named, *all;
	} verbs[] = {
		{"GET", "get", "list"},	  {"HEAD", "get", "list"},
		{"POST", NULL, "create"}, {"PUT", "update", NULL},
		{"PATCH", "patch", NULL}, {"DELETE", "delete", "deletecollection"},
	};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (span_is(k->method, verbs[i].method))
			return *k->sub && i == 2 ? "create"
			       : k->name.len	 ? verbs[i].named
						 : verbs[i].all;
	return NULL;
}

/* Whether it can be asked of this resource, or of this part of it. HEAD is a get
 * for those who judge it, and served by nobody, as in Kubernetes. */
static bool is_served(const struct call *k)
{
	const struct schema_subresource *sub =
		*k->sub ? schema_subresource(k->resource, span_of(k->sub)) : NULL;
	const char *verb = verb_of(k);
	return verb && !span_is(k->method, "HEAD") && schema_has_verb(sub ? sub->verbs : k->resource->verbs, verb);
}

/* What is wrong with a name that is no part of a path, or NULL. */
static struct doc *bad_name(struct call *k)
{
	const char *why = span_is(k->name, ".")			    ? "may not be '.'"
			  : span_is(k->name, "..")			    ? "may not be '..'"
			  : k->name.len && memchr(k->name.data, '%', k->name.len) ? "may not contain '%'"
								    : NULL;
	return why ? status_bad_request(&k->arena,
					arena_printf(&k->arena, "Name parameter invalid: \"%.*s\": %s",
						     (int)k->name.len, (const char *)k->name.data, why))
		   : NULL;
}

static void on_resource(struct ctx *c, struct api *a, struct call *k)
{
	bool get = span_is(k->method, "GET");
	bool watching = call_watches(k);
	bool bytes = strcmp(k->sub, "log") == 0 || is_session(k);
	struct doc *refused = accept_negotiate(k);
	if (refused && !bytes) {
		answer_status(c, a, k, refused);
		return;
	}
	struct span include = call_arg(k, "includeObject");
	if (k->form == FORM_TABLE && !table_include_parse(include, &k->as.include)) {
		answer_status(c, a, k, status_bad_request(
			&k->arena,
			arena_printf(&k->arena,
				     "Unable to convert to Table as requested: includeObject: Invalid value: "
				     "\"%.*s\": must be 'Metadata', 'Object', 'None', or empty",
				     (int)include.len, (const char *)include.data)));
		return;
	}
	const char *told = old_kind(k->resource);
	if (told)
		answer_warning(c, a, k, told);
	if (k->resource->namespaced && !k->namespace.len && k->name.len) {
		answer_status(c, a, k, status_no_resource(&k->arena));
		return;
	}
	if ((refused = refused_subresource(k))) {
		answer_status(c, a, k, refused);
		return;
	}
	if (!is_served(k) || (k->resource->namespaced && !k->namespace.len && !get))
		answer_status(c, a, k, status_method_not_allowed(&k->arena, NULL, NULL));
	else if ((refused = bad_name(k)))
		answer_status(c, a, k, refused);
	else if (is_session(k))
		session_start(c, a, k);
	else if (is_token_request(k))
		token_request_start(c, a, k);
	else if (is_review(k))
		review_start(c, a, k);
	else if (is_usage(k))
		usage_start(c, a, k);
	else if (get && strcmp(k->sub, "log") == 0)
		log_start(c, a, k);
	else if (watching)
		watch_start(c, a, k);
	else if (get && k->name.len)
		read_get(c, a, k);
	else if (get)
		read_list(c, a, k);
	else if (span_is(k->method, "DELETE") && !k->name.len)
		delete_collection_start(c, a, k);
	else
		write_start(c, a, k);
}

/* What is told to everybody, who needs to know that there is somebody. */
static bool is_public(const struct call *k)
{
	static const char *const paths[] = {"/healthz", "/livez", "/readyz", "/version"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (span_is(k->path, paths[i]) && span_is(k->method, "GET"))
			return true;
	return false;
}

/* What is of no namespace is in none: whoever may read nodes "in" a namespace has
 * no right to the cluster's. Custom kinds and built-in ones alike. */
static bool is_misplaced(const struct call *k)
{
	return k->namespace.len && !k->resource->namespaced;
}

static void on_known_call(struct ctx *c, struct api *a, struct call *k)
{
	struct doc *refused = impersonate(a, k);
	bool resource = parse_resource(a, k);
	k->verb = resource ? verb_of(k) : NULL;
	if (!refused && !is_public(k))
		refused = call_enter(a, k);
	if (!refused && !is_public(k))
		refused = authorize(a, k, k->verb);
	if (!refused)
		refused = call_patience(k);
	if (refused)
		answer_status(c, a, k, refused);
	else if (k->unreadable)
		answer_status(c, a, k, status_bad_request(&k->arena, "the request's address is not UTF-8 text"));
	else if (resource && is_misplaced(k))
		answer_status(c, a, k, status_no_resource(&k->arena));
	else if (span_is(k->path, "/metrics"))
		metrics_start(c, a, k);
	else if (is_proxy(k))
		proxy_start(c, a, k);
	else if (resource)
		on_resource(c, a, k);
	else
		discovery(c, a, k);
}

static void on_call(struct ctx *c, struct api *a, struct call *k)
{
	struct stream *wait;
	int rc = authenticate(c, a, k, &wait);
	if (rc == ERR_AGAIN)
		await_view(c, k, wait, on_call);
	else if (rc && !is_public(k))
		answer_status(c, a, k, status_unauthorized(&k->arena));
	else
		on_known_call(c, a, k);
}

/* ---- turns */

static struct call *find_call(struct api *a, uint64_t id)
{
	return omap_get_u64(&a->calls, id);
}

/* The client left. Writes go on (they are in the store's hands) and waiting
 * reads end with their view; a log would go on for ever. */
static void on_gone(struct ctx *c, struct api *a, uint64_t id)
{
	struct call *k = find_call(a, id);
	watch_gone(c, a, id);
	if (k && k->session)
		session_leave(c, k);
	if (k && (k->node.len || proxy_is_forwarded(k)))
		call_end(c, a, k);
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	struct api *a = state;
	if (p->op == HTTP_REQUEST) {
		a->requests++;
		on_call(c, a, call_new(c, a, p));
	} else if (p->op == HTTP_VERIFIED || p->op == HTTP_SIGNED) {
		struct call *k = find_call(a, p->id);
		struct span told = p->payload ? bytes_span(p->payload) : (struct span){0};
		if (k && k->review)
			(p->op == HTTP_SIGNED ? token_request_signed : review_verified)(c, a, k, told);
	} else if (p->op == HTTP_FORWARDED) {
		struct call *k = find_call(a, p->id);
		if (k)
			proxy_forwarded(c, a, k, (int)p->arg, bytes_span(p->payload));
	} else if (p->op == HTTP_GONE) {
		on_gone(c, a, p->id);
	} else if (p->op == HTTP_PONG) {
		struct call *k = find_call(a, p->id);
		if (k && k->session)
			session_pong(c, k);
	} else if (p->op == HTTP_MESSAGE || p->op == HTTP_SENT) {
		struct call *k = find_call(a, p->id);
		if (k && k->session && p->op == HTTP_MESSAGE)
			session_message(c, a, k, bytes_span(p->payload));
		else if (k && k->session)
			session_sent(c, k);
		else if (k && k->socket && p->op == HTTP_SENT)
			log_sent(c, a, k);
	}
	return 0;
}

static bool may_write(const struct call *k)
{
	return !span_is(k->method, "GET") && !span_is(k->method, "HEAD");
}

/* All who only read go on in this turn, and one who may write: a turn makes one
 * transaction. The next one has a turn of its own, at once. */
static void wake_waiting(struct ctx *c, struct api *a, struct stream *s)
{
	struct call *k = s->waiting;
	bool wrote = false, more = false;
	s->waiting = s->waiting_last = NULL;
	while (k) {
		struct call *next = k->next_waiting;
		bool shown = view_synced(s->view) && view_version(s->view) >= k->wait_version;
		if (!shown || (wrote && may_write(k))) {
			wait_in(s, k);
			more = more || shown;
		} else {
			wrote = wrote || may_write(k);
			k->waits = NULL;
			k->next_waiting = NULL;
			k->retry(c, a, k);
		}
		k = next;
	}
	if (more)
		ctx_timer(c, 0, API_TAG(TAG_WAKE, s->id));
}

static void wake_next(struct ctx *c, struct api *a, uint64_t id)
{
	for (struct onode *n = omap_first(&a->streams); n; n = omap_next(n)) {
		struct stream *s = n->value;
		if (s->id == id)
			wake_waiting(c, a, s);
	}
}

/* Bind and listen only when everything that reads are made from is there. */
static int listen_when_ready(struct ctx *c, struct api *a)
{
	if (a->listening)
		return 0;
	for (struct onode *n = omap_first(&a->streams); n; n = omap_next(n))
		if (!view_synced(((struct stream *)n->value)->view))
			return 0;
	struct err e = {0};
	a->port = ctx_port_open(c, "http", mp_of_bytes(a->cfg), &e);
	if (a->port < 0) {
		ctx_why(c, "%s", e.text);
		return a->port;
	}
	a->listening = true;
	struct buf b = {0};
	ctx_send(c, "ready", "api.listening", &b, 0);
	return 0;
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct api *a = state;
	struct stream *s = omap_get(&a->streams, view_stream(v->view));
	if (!s)
		return 0;
	if (v->key.len)
		watch_change(c, a, s, v);
	wake_waiting(c, a, s);
	return v->key.len ? 0 : listen_when_ready(c, a);
}

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct api *a = state;
	struct call *k = find_call(a, tag);
	if (k)
		write_outcome(c, a, k, o);
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct api *a = state;
	struct call *k = find_call(a, tag & ~API_REPLY_TAG(3, 0));
	if (k && k->session)
		session_reply(c, a, k, r, (enum reply_of)(tag >> 62));
	else if (k && k->log_agent)
		log_reply(c, a, k, r, (unsigned)(tag >> 62));
	else if (k)
		(k->scrape ? metrics_reply : usage_reply)(c, a, k, r);
	return 0;
}

static void view_timed_out(struct ctx *c, struct api *a, struct call *k)
{
	struct stream *s = k->waits;
	struct call **at = &s->waiting, *before = NULL;
	for (; *at != k; at = &(*at)->next_waiting)
		before = *at;
	*at = k->next_waiting;
	if (s->waiting_last == k)
		s->waiting_last = before;
	k->waits = NULL;
	answer_status(c, a, k,
		      status_timeout(&k->arena, "the server's view of the store is behind"));
}

/* Each of these may end the call. */
static void call_timed_out(struct ctx *c, struct api *a, uint64_t id)
{
	struct call *k = find_call(a, id);
	if (k && k->session)
		session_timer(c, a, k);
	else if (k && k->log_lost)
		log_again(c, a, k);
	else if (k && k->waits)
		view_timed_out(c, a, k);
	/* else it went on meanwhile */
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct api *a = state;
	uint64_t id = tag >> 2;
	if ((tag & 3) == TAG_WAKE)
		wake_next(c, a, id);
	else if ((tag & 3) == TAG_CALL)
		call_timed_out(c, a, id);
	else
		watch_timer(c, a, id, (tag & 3) == TAG_WATCH_BOOKMARK);
	return 0;
}

static int on_down(struct ctx *c, void *state, struct span who, int reason)
{
	struct api *a = state;
	for (struct onode *n = omap_first(&a->calls); n;) {
		struct call *k = n->value;
		n = omap_next(n);
		if (session_is_with(k, who))
			session_down(c, a, k, reason);
		else if (log_is_with(k, who))
			log_down(c, a, k);
	}
	return 0;
}

/* ---- life */

struct stream *api_stream(struct ctx *c, struct api *a, const struct schema_resource *r)
{
	struct stream *s = omap_get(&a->streams, span_of(r->stream));
	if (s)
		return s;
	s = mem_alloc(sizeof *s);
	s->id = a->streams.count + 1;
	s->view = r->secret ? ctx_follow_session(c, r->stream) : ctx_follow(c, r->stream);
	view_keep_changes(s->view);
	omap_put(&a->streams, span_of(r->stream), s);
	return s;
}

/* Who may do what is known before anybody is let in. */
static void open_access(struct ctx *c, struct api *a)
{
	static const char *const streams[] = {
		"roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
		"rolebindings.rbac.authorization.k8s.io",
		"clusterrolebindings.rbac.authorization.k8s.io"};
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
		api_stream(c, a, schema_find_stream(a->schema, span_of(streams[i])));
	rbac_open(&a->rbac, c);
}

/* Plain keys, that nobody asks for by HTTP. */
static void follow_admission(struct ctx *c, struct api *a)
{
	struct stream *s = mem_alloc(sizeof *s);
	s->id = a->streams.count + 1;
	s->view = ctx_follow(c, OBJ_ADMISSION);
	omap_put(&a->streams, span_of(OBJ_ADMISSION), s);
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct api *a = state;
	a->port = -1;
	a->heads = ctx_shared(c, "heads");
	a->schema = schema_new();
	objects_install(a->schema);
	struct span token = mp_path_str(cfg, "token");
	a->token = bytes_copy(token.data, token.len);
	authn_load(a, mp_path_str(cfg, "static_tokens"));
	open_access(c, a);
	a->inflight.all_max =
		(uint64_t)mp_path_int(cfg, "requests-in-flight", INFLIGHT_ALL);
	a->inflight.user_max =
		(uint64_t)mp_path_int(cfg, "user-requests-in-flight", INFLIGHT_USER);
	a->cfg = bytes_copy(cfg.p, (size_t)(cfg.end - cfg.p));
	/* Every create asks for its namespace and what is said there; other kinds wait until they are
	 * asked for. */
	static const char *const asked[] = {"namespaces", "serviceaccounts", "resourcequotas",
					    "limitranges"};
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		api_stream(c, a, schema_find_stream(a->schema, span_of(asked[i])));
	follow_admission(c, a);
	/* Views may be there from a former incarnation. */
	return listen_when_ready(c, a);
}

static void inspect(const void *state, struct buf *out)
{
	const struct api *a = state;
	mpw_map(out, 5);
	mpw_kv_bool(out, "listening", a->listening);
	mpw_kv_u64(out, "requests", a->requests);
	mpw_kv_u64(out, "calls", a->calls.count);
	mpw_kv_u64(out, "watches", a->watches.count);
	mpw_kv_u64(out, "watch_events", a->watch_events);
}

static void fini(void *state)
{
	struct api *a = state;
	while (omap_first(&a->calls))
		call_end(NULL, a, omap_first(&a->calls)->value);
	omap_fini(&a->calls, NULL);
	inflight_fini(&a->inflight);
	request_metrics_fini(&a->metrics);
	encodings_fini(&a->encodings);
	omap_fini(&a->watches, watch_free);
	omap_fini(&a->streams, free);
	schema_free(a->schema);
	arena_fini(&a->tokens_arena);
	bytes_unref(a->token);
	bytes_unref(a->cfg);
}

const struct actor_spec api_actor = {
	.kind = "api",
	.state_bytes = sizeof(struct api),
	.init = init,
	.on_port = on_port,
	.on_view = on_view,
	.on_outcome = on_outcome,
	.on_reply = on_reply,
	.on_timer = on_timer,
	.on_down = on_down,
	.inspect = inspect,
	.fini = fini,
};
