/* Calls are counted: how many are on their way (inflight.h), and what became
 * of them (request_metrics.h). */
#include "actors/api/api_private.h"
#include "actors/api/go_duration.h"

bool call_lasts(const struct call *k)
{
	bool get = span_is(k->method, "GET");
	return k->resource && (is_proxy(k) || call_watches(k) ||
			       is_session(k) ||
			       (get && strcmp(k->sub, "log") == 0 && call_flag(k, "follow")));
}

static enum inflight_kind kind_of(const struct call *k)
{
	bool read = span_is(k->method, "GET") || span_is(k->method, "HEAD") ||
		    span_is(k->method, "OPTIONS");
	return read ? INFLIGHT_READ : INFLIGHT_MUTATING;
}

struct doc *call_enter(struct api *a, struct call *k)
{
	if (call_lasts(k))
		return NULL;
	if (!inflight_enter(&a->inflight, &k->who, kind_of(k)))
		return status_too_many_requests(&k->arena, 1);
	k->counted = true;
	return NULL;
}

struct doc *call_patience(struct call *k)
{
	struct span text = call_arg(k, "timeout");
	struct buf why = {0};
	int64_t us = 0;
	k->patience_us = API_WAIT_US;
	if (!text.len || call_lasts(k))
		return NULL;
	struct doc *bad =
		go_duration_parse(text, &us, &why)
			? NULL
			: status_bad_request(&k->arena,
					     arena_printf(&k->arena, "invalid timeout specified in the request URL - %s",
							  buf_text(&why)));
	buf_fini(&why);
	if (us > 0 && us < API_WAIT_US)
		k->patience_us = (uint64_t)us;
	return bad;
}

void call_leave(struct api *a, struct call *k)
{
	if (k->counted)
		inflight_leave(&a->inflight, k->who.name, kind_of(k));
	k->counted = false;
}

/* ---- what became of it */

static const char *verb_shown(const struct call *k)
{
	static const char *const words[][2] = {
		{"get", "GET"},	    {"list", "LIST"},	  {"create", "POST"},
		{"update", "PUT"},  {"patch", "PATCH"},	  {"delete", "DELETE"},
		{"deletecollection", "DELETECOLLECTION"},
	};
	if (is_proxy(k))
		return "CONNECT";
	if (k->verb && call_watches(k))
		return "WATCH";
	if (span_is(k->content_type, "application/apply-patch+yaml"))
		return "APPLY";
	for (size_t i = 0; k->verb && i < sizeof words / sizeof *words; i++)
		if (strcmp(k->verb, words[i][0]) == 0)
			return words[i][1];
	return span_is(k->method, "GET") ? "GET" : "other";
}

static struct request_kind kind_shown(const struct call *k)
{
	const struct schema_resource *r = k->resource;
	return (struct request_kind){
		.verb = verb_shown(k),
		.group = r ? r->group : "",
		.version = r ? r->version : "",
		.resource = r ? r->resource : "",
		/* A part that is none was the client's word: it makes no series. */
		.subresource = r && *k->sub && schema_subresource(r, span_of(k->sub)) ? k->sub : "",
		.scope = !r		 ? ""
			 : k->name.len	 ? "resource"
			 : k->namespace.len ? "namespace"
					 : "cluster",
		.dry_run = call_arg(k, "dryRun").len > 0,
	};
}

void call_answered(struct ctx *c, struct api *a, struct call *k, int code)
{
	struct request_kind kind = kind_shown(k);
	k->code = code;
	request_metrics_count(&a->metrics, &kind, code);
	if (!call_lasts(k))
		request_metrics_time(&a->metrics, &kind, ctx_now_us(c) - k->arrived_us);
}

/* ---- text */

static void put_watches(struct buf *out, const struct api *a)
{
	buf_puts(out, "# HELP apiserver_longrunning_requests Watches that are open.\n"
		      "# TYPE apiserver_longrunning_requests gauge\n");
	for (struct onode *n = omap_first(&a->streams); n; n = omap_next(n)) {
		const struct stream *s = n->value;
		size_t count = 0;
		for (const struct watch *w = s->watches; w; w = w->next)
			count++;
		if (!count)
			continue;
		const struct schema_resource *r = s->watches->resource;
		buf_printf(out,
			   "apiserver_longrunning_requests{component=\"apiserver\",group=\"%s\","
			   "resource=\"%s\",verb=\"WATCH\"} %zu\n",
			   r->group, r->resource, count);
	}
}

/* Of kinds that somebody has asked for: others are not followed here. */
static void put_objects(struct buf *out, const struct api *a)
{
	buf_puts(out, "# HELP apiserver_storage_objects Stored objects by kind, of those kinds "
		      "that this server follows.\n# TYPE apiserver_storage_objects gauge\n");
	for (struct onode *n = omap_first(&a->streams); n; n = omap_next(n)) {
		const struct stream *s = n->value;
		struct span name = onode_key(n);
		if (view_synced(s->view) && schema_find_stream(a->schema, name))
			buf_printf(out, "apiserver_storage_objects{resource=\"%.*s\"} %zu\n",
				   (int)name.len, (const char *)name.data, view_count(s->view));
	}
}

void accounting_text(struct buf *out, const struct api *a)
{
	static const char *const kinds[INFLIGHT_KINDS] = {"readOnly", "mutating"};
	request_metrics_text(out, &a->metrics);
	buf_puts(out, "# HELP apiserver_current_inflight_requests Requests that are being "
		      "answered.\n# TYPE apiserver_current_inflight_requests gauge\n");
	for (size_t i = 0; i < INFLIGHT_KINDS; i++)
		buf_printf(out, "apiserver_current_inflight_requests{request_kind=\"%s\"} %llu\n",
			   kinds[i], (unsigned long long)a->inflight.now[i]);
	buf_printf(out,
		   "# HELP apiserver_rejected_requests_total Requests that were told to come "
		   "later.\n# TYPE apiserver_rejected_requests_total counter\n"
		   "apiserver_rejected_requests_total %llu\n",
		   (unsigned long long)a->inflight.refused);
	buf_printf(out,
		   "# HELP apiserver_audit_event_total Requests that an audit event was said of.\n"
		   "# TYPE apiserver_audit_event_total counter\napiserver_audit_event_total %llu\n",
		   (unsigned long long)a->audited);
	put_watches(out, a);
	put_objects(out, a);
}
