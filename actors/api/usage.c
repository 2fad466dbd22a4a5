/* What nodes and pods use: the agents know it (node.summary), here it is told in two
 * forms: as the kubelet's summary of one node,
 *
 *   /api/v1/nodes/NAME/proxy/stats/summary
 *
 * and as the resource metrics API, which `kubectl top` and autoscalers read:
 *
 *   /apis/metrics.k8s.io/v1beta1/nodes[/NAME]
 *   /apis/metrics.k8s.io/v1beta1[/namespaces/NS]/pods[/NAME]
 *
 * All nodes that may know are asked at once; one that does not answer in time is left
 * out. Simulated nodes use nothing that could be told. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/schema/json.h"
#include "actors/schema/quantity.h"

enum { SUMMARY_MS = 2000, WINDOW_S = 10 };

struct usage_call {
	struct view *nodes, *pods;
	const struct label_selector *labels;
	size_t waits;	 /* answers that are to come */
	struct bytes **owners;
	struct mp *summaries;
	size_t count, cap;
	bool summary;	 /* of one node, as it is */
};

void usage_free(struct usage_call *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->count; i++)
		bytes_unref(u->owners[i]);
	free(u->owners);
	free(u->summaries);
	free(u);
}

bool is_usage(const struct call *k)
{
	return strcmp(k->resource->group, "metrics.k8s.io") == 0;
}

bool usage_is_summary(struct span rest)
{
	return span_is(rest, "/stats/summary") || span_is(rest, "stats/summary");
}

static bool is_pods(const struct call *k)
{
	return strcmp(k->resource->resource, "pods") == 0;
}

/* ---- asking */

static bool begins(struct span s, const char *with)
{
	size_t n = strlen(with);
	return s.len >= n && memcmp(s.data, with, n) == 0;
}

static void ask(struct ctx *c, struct call *k, struct span node)
{
	char to[ENV_NAME_BYTES_MAX + 1];
	struct buf b = {0};
	mpw_map(&b, 0);
	snprintf(to, sizeof to, "node-agent/%.*s", (int)node.len, (const char *)node.data);
	k->usage->waits++;
	ctx_request(c, to, "node.summary", &b, SUMMARY_MS, k->id);
}

static void ask_all(struct ctx *c, struct call *k)
{
	for (struct onode *n = omap_first(view_map(k->usage->nodes)); n; n = omap_next(n)) {
		struct mp node = mp_of_bytes(((const struct view_object *)n->value)->value);
		struct span name = mp_path_str(node, "metadata.name");
		struct span runtime = mp_path_str(node, "status.nodeInfo.containerRuntimeVersion");
		bool wanted = is_pods(k) || !k->name.len || span_eq(k->name, name);
		if (wanted && !begins(runtime, "sim:") && !begins(runtime, "process:"))
			ask(c, k, name);
	}
}

/* ---- telling: metrics.k8s.io/v1beta1 */

static void put_quantity(struct buf *b, const char *key, int64_t value, bool nano)
{
	char text[QUANTITY_TEXT_MAX];
	if (nano)
		snprintf(text, sizeof text, "%lldn", (long long)value);
	else
		snprintf(text, sizeof text, "%lldKi", (long long)(value / 1024));
	mpw_kv_str(b, key, text);
}

/* `m` has cpu and memory as a summary has them; false: it has no rate yet. */
static bool has_rate(struct mp m)
{
	return mp_path_int(m, "cpu.usageNanoCores", -1) >= 0;
}

static void put_usage(struct buf *b, struct mp m)
{
	mpw_str(b, "usage");
	mpw_map(b, 2);
	put_quantity(b, "cpu", mp_path_int(m, "cpu.usageNanoCores", 0), true);
	put_quantity(b, "memory", mp_path_int(m, "memory.workingSetBytes", 0), false);
}

static size_t put_head(struct buf *b, const struct call *k, struct span time)
{
	char window[16];
	snprintf(window, sizeof window, "%ds", WINDOW_S);
	mpw_kv_str(b, "kind", is_pods(k) ? "PodMetrics" : "NodeMetrics");
	mpw_kv_str(b, "apiVersion", "metrics.k8s.io/v1beta1");
	mpw_kv_span(b, "timestamp", time);
	mpw_kv_str(b, "window", window);
	return 4;
}

static void put_meta(struct buf *b, struct mp object, bool namespaced, struct span time)
{
	struct mp meta, labels;
	struct span raw;
	bool labelled = mp_find(object, "metadata", &meta) && mp_find(meta, "labels", &labels) &&
			mp_raw(&labels, &raw) == 0;
	mpw_str(b, "metadata");
	mpw_map(b, 2 + namespaced + labelled);
	mpw_kv_span(b, "name", mp_path_str(object, "metadata.name"));
	if (namespaced)
		mpw_kv_span(b, "namespace", mp_path_str(object, "metadata.namespace"));
	mpw_kv_span(b, "creationTimestamp", time);
	if (labelled) {
		mpw_str(b, "labels");
		mpw_raw(b, raw);
	}
}

/* The object of that key whose labels are wanted; its `p` is NULL: there is none. */
static struct mp wanted(const struct call *k, struct view *v, const char *resource, struct span ns,
			struct span name)
{
	struct buf key = {0};
	buf_puts(&key, resource);
	if (ns.len) {
		buf_putc(&key, '/');
		buf_append(&key, ns.data, ns.len);
	}
	buf_putc(&key, '/');
	buf_append(&key, name.data, name.len);
	struct view_object *o = view_get(v, span_buf(&key));
	struct mp object = o ? mp_of_bytes(o->value) : (struct mp){0};
	buf_fini(&key);
	if ((k->name.len && !span_eq(k->name, name)) ||
	    (object.p && !label_selector_match_object(k->usage->labels, object)))
		object.p = NULL;
	return object;
}

static size_t put_node(struct buf *b, const struct call *k, struct mp summary)
{
	struct mp node;
	if (!mp_find(summary, "node", &node) || !has_rate(node))
		return 0;
	struct mp object = wanted(k, k->usage->nodes, "nodes", (struct span){0},
				  mp_path_str(node, "nodeName"));
	struct span time = mp_path_str(node, "cpu.time");
	if (!object.p)
		return 0;
	size_t at = mpw_map_open(b), n = put_head(b, k, time);
	put_meta(b, object, false, time);
	put_usage(b, node);
	mpw_map_close(b, at, n + 2);
	return 1;
}

static size_t put_containers(struct buf *b, struct mp pod)
{
	struct mp list;
	size_t n = 0, count = 0;
	if (!mp_find(pod, "containers", &list) || mp_array(&list, &n))
		n = 0;
	mpw_str(b, "containers");
	size_t at = mpw_array_open(b);
	for (; n > 0; n--, mp_skip(&list)) {
		if (!has_rate(list))
			continue;
		mpw_map(b, 2);
		mpw_kv_span(b, "name", mp_path_str(list, "name"));
		put_usage(b, list);
		count++;
	}
	mpw_array_close(b, at, count);
	return count;
}

static size_t put_pods(struct buf *b, const struct call *k, struct mp summary)
{
	struct mp list;
	size_t n = 0, count = 0;
	if (!mp_find(summary, "pods", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span ns = mp_path_str(list, "podRef.namespace");
		struct span time = mp_path_str(list, "cpu.time");
		if ((k->namespace.len && !span_eq(k->namespace, ns)) || !has_rate(list))
			continue;
		struct mp object = wanted(k, k->usage->pods, "pods", ns, mp_path_str(list, "podRef.name"));
		if (!object.p)
			continue;
		size_t start = b->len, at = mpw_map_open(b), fields = put_head(b, k, time);
		put_meta(b, object, true, time);
		size_t containers = put_containers(b, list);
		mpw_map_close(b, at, fields + 2);
		if (!containers)
			b->len = start;
		count += containers > 0;
	}
	return count;
}

static size_t put_all(struct buf *b, const struct call *k)
{
	const struct usage_call *u = k->usage;
	size_t count = 0;
	for (size_t i = 0; i < u->count; i++)
		count += is_pods(k) ? put_pods(b, k, u->summaries[i]) : put_node(b, k, u->summaries[i]);
	return count;
}

/* As JSON, which all who ask for this take. */
static void answer_json(struct ctx *c, struct api *a, struct call *k, struct mp object)
{
	struct buf b = {0};
	json_from_mp(&b, object);
	answer_text(c, a, k, 200, HTTP_JSON, &b);
}

static void answer_one(struct ctx *c, struct api *a, struct call *k, struct buf *items, size_t count)
{
	if (count)
		answer_json(c, a, k, mp_of(span_buf(items)));
	else
		answer_status(c, a, k, status_not_found(&k->arena, k->resource, k->name));
}

static void answer_list(struct ctx *c, struct api *a, struct call *k, struct buf *items, size_t count)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "kind", k->resource->list_kind);
	mpw_kv_str(&b, "apiVersion", "metrics.k8s.io/v1beta1");
	mpw_str(&b, "metadata");
	mpw_map(&b, 0);
	mpw_str(&b, "items");
	mpw_array(&b, count);
	buf_append(&b, items->data, items->len);
	answer_json(c, a, k, mp_of(span_buf(&b)));
	buf_fini(&b);
}

static void answer(struct ctx *c, struct api *a, struct call *k)
{
	struct usage_call *u = k->usage;
	struct buf items = {0};
	if (u->summary && u->count)
		answer_json(c, a, k, u->summaries[0]);
	else if (u->summary)
		answer_status(c, a, k, status_unavailable(&k->arena, "the node tells no figures"));
	else if (k->name.len)
		answer_one(c, a, k, &items, put_all(&items, k));
	else
		answer_list(c, a, k, &items, put_all(&items, k));
	buf_fini(&items);
}

/* ---- the call */

static struct view *view_of(struct ctx *c, struct api *a, struct call *k, const char *stream)
{
	struct stream *s = api_stream(c, a, schema_find_stream(a->schema, span_of(stream)));
	if (view_synced(s->view))
		return s->view;
	k->wait_version = 0;
	await_view(c, k, s, usage_start);
	return NULL;
}

void usage_start(struct ctx *c, struct api *a, struct call *k)
{
	struct err e = {0};
	struct usage_call *u = k->usage;
	const struct field_selector *fields;
	if (!u)
		u = k->usage = mem_alloc(sizeof *u);
	if (!(u->nodes = view_of(c, a, k, "nodes")) || !(u->pods = view_of(c, a, k, "pods")))
		return;
	if (parse_selectors(k, &k->arena, &u->labels, &fields, &e)) {
		answer_status(c, a, k, status_bad_request(&k->arena, e.text));
		return;
	}
	ask_all(c, k);
	if (!u->waits)
		answer(c, a, k);
}

void usage_summary_start(struct ctx *c, struct api *a, struct call *k, struct span node)
{
	(void)a;
	k->usage = mem_alloc(sizeof *k->usage);
	k->usage->summary = true;
	ask(c, k, node);
}

void usage_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r)
{
	struct usage_call *u = k->usage;
	struct mp summary;
	if (r->status == 0 && mp_find(r->body, "summary", &summary)) {
		if (u->count == u->cap) {
			u->cap = u->cap * 2 + 4;
			u->owners = mem_realloc(u->owners, u->cap * sizeof *u->owners);
			u->summaries = mem_realloc(u->summaries, u->cap * sizeof *u->summaries);
		}
		u->owners[u->count] = bytes_ref(r->owner);
		u->summaries[u->count++] = summary;
	}
	if (--u->waits == 0)
		answer(c, a, k);
}
