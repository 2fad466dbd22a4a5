#include "actors/api/audit.h"

#include <arpa/inet.h>

#include "actors/api/api_private.h"
#include "actors/api/audit_uri.h"
#include "actors/schema/rfc3339.h"

enum { TEXT_BYTES_MAX = 512, VIA_MAX = 8 };

static void put_kv(struct audit_event *e, const char *key, struct span value)
{
	if (value.len > TEXT_BYTES_MAX)
		value.len = TEXT_BYTES_MAX;
	while (value.len && !utf8_ok(value))
		value.len--; /* it was cut amid a character */
	mpw_kv_span(&e->body, key, value);
	e->count++;
}

static void put_some(struct audit_event *e, const char *key, struct span value)
{
	if (value.len)
		put_kv(e, key, value);
}

/* A map inside of the event: `outer` keeps what is to be gone on with. */
static void open_map(struct audit_event *e, const char *key, struct audit_event *outer)
{
	*outer = *e;
	mpw_str(&e->body, key);
	e->map = mpw_map_open(&e->body);
	e->count = 0;
}

static void close_map(struct audit_event *e, const struct audit_event *outer)
{
	mpw_map_close(&e->body, e->map, e->count);
	e->map = outer->map;
	e->count = outer->count + 1;
}

static void put_user(struct audit_event *e, const char *key, const struct identity *who)
{
	struct audit_event outer;
	open_map(e, key, &outer);
	put_some(e, "username", who->name);
	put_some(e, "uid", who->uid);
	if (who->group_count) {
		mpw_str(&e->body, "groups");
		mpw_array(&e->body, who->group_count);
		for (size_t i = 0; i < who->group_count; i++)
			mpw_span(&e->body, who->groups[i]);
		e->count++;
	}
	if (who->extra) {
		mpw_str(&e->body, "extra");
		doc_to_mp(&e->body, who->extra);
		e->count++;
	}
	close_map(e, &outer);
}

static bool is_ip(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr any;
	if (!s.len || s.len >= sizeof text)
		return false;
	span_text(text, sizeof text, s);
	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* As the headers say, and last the one that we have seen. */
static void put_sources(struct audit_event *e, const struct call *k)
{
	struct span via = k->via, one;
	mpw_str(&e->body, "sourceIPs");
	size_t list = mpw_array_open(&e->body), n = 0;
	while (n < VIA_MAX && span_next(&via, ',', &one)) {
		if (!is_ip(one))
			continue;
		mpw_span(&e->body, one);
		n++;
	}
	mpw_span(&e->body, k->from);
	mpw_array_close(&e->body, list, n + 1);
	e->count++;
}

static void put_object(struct audit_event *e, const struct call *k)
{
	const struct schema_resource *r = k->resource;
	struct audit_event outer;
	bool made = !k->name.len && k->writing.planned;
	open_map(e, "objectRef", &outer);
	put_kv(e, "resource", span_of(r->resource));
	put_some(e, "namespace", k->namespace);
	put_some(e, "name", made ? k->writing.plan.name : k->name);
	put_some(e, "apiGroup", span_of(r->group));
	put_kv(e, "apiVersion", span_of(r->version));
	put_some(e, "subresource", span_of(k->sub));
	close_map(e, &outer);
}

/* What was wrong with a secret may say what was in it. */
static void put_status(struct audit_event *e, const struct call *k)
{
	struct audit_event outer;
	const struct doc *s = k->told;
	open_map(e, "responseStatus", &outer);
	mpw_str(&e->body, "metadata");
	mpw_map(&e->body, 0);
	e->count++;
	if (s) {
		put_some(e, "status", doc_get_str(s, "status"));
		put_some(e, "reason", doc_get_str(s, "reason"));
		if (!k->resource || !k->resource->secret)
			put_some(e, "message", doc_get_str(s, "message"));
	}
	mpw_kv_i64(&e->body, "code", k->code);
	e->count++;
	close_map(e, &outer);
}

static void put_decision(struct audit_event *e, const struct call *k)
{
	struct audit_event outer;
	if (!k->decision)
		return;
	open_map(e, "annotations", &outer);
	put_kv(e, "authorization.k8s.io/decision", span_of(k->decision));
	put_kv(e, "authorization.k8s.io/reason", k->why);
	close_map(e, &outer);
}

static void put_time(struct audit_event *e, const char *key, int64_t wall_us)
{
	char text[RFC3339_MAX];
	rfc3339_format_micro(wall_us, text);
	mpw_kv_str(&e->body, key, text);
	e->count++;
}

static void put_verb(struct audit_event *e, const struct call *k)
{
	char lower[24];
	if (k->verb) {
		put_kv(e, "verb", span_of(call_watches(k) ? "watch" : k->verb));
		return;
	}
	span_text(lower, sizeof lower, k->method);
	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	put_kv(e, "verb", span_of(lower));
}

static void put_uri(struct audit_event *e, const struct call *k)
{
	struct buf uri = {0};
	audit_uri_write(&uri, k->uri);
	mpw_kv_span(&e->body, "requestURI", span_buf(&uri));
	e->count++;
	buf_fini(&uri);
}

void audit_open(struct ctx *c, struct api *a, struct call *k, struct audit_event *e)
{
	if (!k->heard)
		return;
	buf_reserve(&e->body, 1024);
	mpw_map(&e->body, 2);
	mpw_kv_str(&e->body, "what", "audit");
	mpw_str(&e->body, "detail");
	e->map = mpw_map_open(&e->body);
	e->count = 0;
	put_kv(e, "kind", span_of("Event"));
	put_kv(e, "apiVersion", span_of("audit.k8s.io/v1"));
	put_kv(e, "level", span_of("Metadata"));
	put_kv(e, "auditID", k->audit_id);
	put_kv(e, "stage", span_of("ResponseComplete"));
	put_uri(e, k);
	put_verb(e, k);
	put_user(e, "user", k->caller ? k->caller : &k->who);
	if (k->caller)
		put_user(e, "impersonatedUser", &k->who);
	put_sources(e, k);
	put_some(e, "userAgent", k->agent);
	if (k->resource)
		put_object(e, k);
	if (k->code)
		put_status(e, k);
	put_decision(e, k);
	put_time(e, "requestReceivedTimestamp",
		 ctx_wall_us(c) - (int64_t)(ctx_now_us(c) - k->arrived_us));
	a->audited++;
}

void audit_say(struct ctx *c, struct audit_event *e)
{
	if (!e->count)
		return;
	put_time(e, "stageTimestamp", ctx_wall_us(c));
	mpw_map_close(&e->body, e->map, e->count);
	e->count = 0;
	ctx_notice(c, "bus.audit", &e->body);
}

void audit_drop(struct audit_event *e)
{
	buf_fini(&e->body);
	e->count = 0;
}
