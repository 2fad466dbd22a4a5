/* Everything that is not a resource: discovery in both forms, version,
 * health, and the OpenAPI documents as far as kubectl asks for them. */
#include <stdio.h>

#include "actors/api/api_private.h"
#include "commit.h"

static bool accepts_aggregated(const struct call *k)
{
	static const char want[] = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
	return memmem(k->accept.data, k->accept.len, want, sizeof want - 1) != NULL;
}

static void string(struct buf *b, const char *text)
{
	json_string(b, span_of(text));
}

static void strings(struct buf *b, const char *name, const char *const *list)
{
	buf_printf(b, "\"%s\":[", name);
	for (size_t i = 0; list && list[i]; i++) {
		if (i)
			buf_putc(b, ',');
		string(b, list[i]);
	}
	buf_putc(b, ']');
}

/* ---- one list of groups and versions, in the order of the rows */

struct group_version {
	const char *group, *version;
};

static size_t group_versions(const struct api *a, struct group_version *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < schema_count(a->schema); i++) {
		const struct schema_resource *r = schema_row(a->schema, i);
		size_t k = 0;
		while (k < n && (strcmp(out[k].group, r->group) || strcmp(out[k].version, r->version)))
			k++;
		if (k == n && n < max)
			out[n++] = (struct group_version){r->group, r->version};
	}
	return n;
}

static bool in(const struct schema_resource *r, const char *group, const char *version)
{
	return strcmp(r->group, group) == 0 && (!version || strcmp(r->version, version) == 0);
}

/* ---- the plain form: APIVersions, APIGroupList, APIGroup, APIResourceList */

static void plain_resource(struct buf *b, const struct schema_resource *r)
{
	buf_printf(b,
		   "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",",
		   r->resource, r->singular, r->namespaced ? "true" : "false", r->kind);
	strings(b, "verbs", r->verbs);
	if (r->short_names && r->short_names[0]) {
		buf_putc(b, ',');
		strings(b, "shortNames", r->short_names);
	}
	if (r->categories && r->categories[0]) {
		buf_putc(b, ',');
		strings(b, "categories", r->categories);
	}
	buf_putc(b, '}');
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct schema_subresource *s = &r->subresources[i];
		buf_printf(b, ",{\"name\":\"%s/%s\",\"singularName\":\"\",\"namespaced\":%s,",
			   r->resource, s->name, r->namespaced ? "true" : "false");
		/* A Scale is of another group: clients ask here in which form they
		 * get it. */
		if (s->group && strcmp(s->group, r->group) != 0)
			buf_printf(b, "\"group\":\"%s\",\"version\":\"%s\",", s->group,
				   s->version);
		buf_printf(b, "\"kind\":\"%s\",", s->kind);
		strings(b, "verbs", s->verbs);
		buf_putc(b, '}');
	}
}

static bool plain_resources(const struct api *a, struct buf *b, const char *group,
			    const char *version)
{
	size_t n = 0;
	buf_printf(b, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\",\"resources\":[",
		   group, *group ? "/" : "", version);
	for (size_t i = 0; i < schema_count(a->schema); i++) {
		const struct schema_resource *r = schema_row(a->schema, i);
		if (!in(r, group, version))
			continue;
		if (n++)
			buf_putc(b, ',');
		plain_resource(b, r);
	}
	buf_puts(b, "]}\n");
	return n > 0;
}

static void plain_group(struct buf *b, const char *group, const struct group_version *gv, size_t n)
{
	const char *preferred = NULL;
	size_t versions = 0;
	buf_printf(b, "{\"name\":\"%s\",\"versions\":[", group);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(gv[i].group, group) != 0)
			continue;
		if (!preferred)
			preferred = gv[i].version;
		buf_printf(b, "%s{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}",
			   versions++ ? "," : "", group, gv[i].version, gv[i].version);
	}
	buf_printf(b, "],\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}}", group,
		   preferred, preferred);
}

static bool first_of_group(const struct group_version *gv, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(gv[k].group, gv[i].group) == 0)
			return false;
	return true;
}

static void plain_groups(struct buf *b, const struct group_version *gv, size_t n)
{
	size_t groups = 0;
	buf_puts(b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
	for (size_t i = 0; i < n; i++) {
		if (!*gv[i].group || !first_of_group(gv, i))
			continue;
		if (groups++)
			buf_putc(b, ',');
		plain_group(b, gv[i].group, gv, n);
	}
	buf_puts(b, "]}\n");
}

/* ---- the aggregated form: everything of a client's start in one answer */

static void response_kind(struct buf *b, const char *group, const char *version, const char *kind)
{
	buf_printf(b, "\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}", group,
		   version, kind);
}

static void aggregated_resource(struct buf *b, const struct schema_resource *r)
{
	buf_printf(b, "{\"resource\":\"%s\",", r->resource);
	response_kind(b, r->group, r->version, r->kind);
	buf_printf(b, ",\"scope\":\"%s\",\"singularResource\":\"%s\",",
		   r->namespaced ? "Namespaced" : "Cluster", r->singular);
	strings(b, "verbs", r->verbs);
	if (r->short_names && r->short_names[0]) {
		buf_putc(b, ',');
		strings(b, "shortNames", r->short_names);
	}
	if (r->categories && r->categories[0]) {
		buf_putc(b, ',');
		strings(b, "categories", r->categories);
	}
	if (r->subresource_count)
		buf_puts(b, ",\"subresources\":[");
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct schema_subresource *s = &r->subresources[i];
		buf_printf(b, "%s{\"subresource\":\"%s\",", i ? "," : "", s->name);
		response_kind(b, s->group ? s->group : r->group, s->version ? s->version : r->version,
			      s->kind);
		buf_putc(b, ',');
		strings(b, "verbs", s->verbs);
		buf_putc(b, '}');
	}
	buf_puts(b, r->subresource_count ? "]}" : "}");
}

static void aggregated_version(const struct api *a, struct buf *b, const struct group_version *gv)
{
	size_t n = 0;
	buf_printf(b, "{\"version\":\"%s\",\"freshness\":\"Current\",\"resources\":[", gv->version);
	for (size_t i = 0; i < schema_count(a->schema); i++) {
		const struct schema_resource *r = schema_row(a->schema, i);
		if (!in(r, gv->group, gv->version))
			continue;
		if (n++)
			buf_putc(b, ',');
		aggregated_resource(b, r);
	}
	buf_puts(b, "]}");
}

static void aggregated(const struct api *a, struct buf *b, const struct group_version *gv, size_t n,
		       bool core)
{
	size_t groups = 0;
	buf_puts(b, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\","
		    "\"metadata\":{},\"items\":[");
	for (size_t i = 0; i < n; i++) {
		if ((*gv[i].group == 0) != core || !first_of_group(gv, i))
			continue;
		buf_printf(b, "%s{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":null},\"versions\":[",
			   groups++ ? "," : "", gv[i].group);
		size_t versions = 0;
		for (size_t k = i; k < n; k++) {
			if (strcmp(gv[k].group, gv[i].group) != 0)
				continue;
			if (versions++)
				buf_putc(b, ',');
			aggregated_version(a, b, &gv[k]);
		}
		buf_puts(b, "]}");
	}
	buf_puts(b, "]}\n");
}

/* ---- paths */

static bool split_group(struct span path, const char *prefix, struct call *k, const char **group,
			const char **version)
{
	size_t n = strlen(prefix);
	if (path.len < n || memcmp(path.data, prefix, n) != 0)
		return false;
	char *rest = arena_ndup(&k->arena, path.data + n, path.len - n);
	char *slash = strchr(rest, '/');
	*group = rest;
	*version = NULL;
	if (slash) {
		*slash = 0;
		*version = slash + 1;
		if (strchr(slash + 1, '/') || !slash[1])
			return false;
	}
	return *rest != 0;
}

static bool group_paths(struct api *a, struct call *k, struct buf *b,
			const struct group_version *gv, size_t n)
{
	const char *group, *version;
	if (span_is(k->path, "/api/v1"))
		return plain_resources(a, b, "", "v1");
	if (!split_group(k->path, "/apis/", k, &group, &version))
		return false;
	if (version)
		return plain_resources(a, b, group, version);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(gv[i].group, group) == 0) {
			buf_puts(b, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
			size_t at = b->len;
			plain_group(b, group, gv, n);
			memmove(b->data + at, b->data + at + 1, --b->len - at); /* its brace */
			return true;
		}
	}
	return false;
}

static const char version_text[] =
	"{\"major\":\"1\",\"minor\":\"34\",\"gitVersion\":\"v1.34.0+troupe\",\"gitCommit\":\"" TROUPE_COMMIT "\","
	"\"gitTreeState\":\"clean\",\"buildDate\":\"2026-01-01T00:00:00Z\",\"goVersion\":\"\","
	"\"compiler\":\"gcc\",\"platform\":\"linux/amd64\"}\n";

static const char api_versions[] =
	"{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n";

static bool is_below(struct span path, const char *root)
{
	size_t n = strlen(root);
	return path.len >= n && memcmp(path.data, root, n) == 0;
}

/* What can be asked for, for people who begin at "/", and for those who are lost. */
static void put_paths(struct buf *b, const struct group_version *gv, size_t n)
{
	static const char *const others[] = {"/healthz", "/livez", "/metrics", "/openapi/v2",
					     "/openapi/v3", "/readyz", "/version"};
	const char *last = "";
	buf_puts(b, "{\n  \"paths\": [\n    \"/api\",\n    \"/api/v1\",\n    \"/apis\"");
	for (size_t i = 0; i < n; i++) {
		if (!*gv[i].group)
			continue;
		if (strcmp(last, gv[i].group) != 0)
			buf_printf(b, ",\n    \"/apis/%s\"", gv[i].group);
		buf_printf(b, ",\n    \"/apis/%s/%s\"", gv[i].group, gv[i].version);
		last = gv[i].group;
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		buf_printf(b, ",\n    \"%s\"", others[i]);
	buf_puts(b, "\n  ]\n}");
}

/* Kubernetes routes these by their method; all else answers any. */
static bool is_routed(struct span path)
{
	static const char apis[] = "/apis/";
	size_t n = sizeof apis - 1;
	if (span_is(path, "/api") || span_is(path, "/version") || is_below(path, "/api/"))
		return true;
	return is_below(path, apis) && memchr(path.data + n, '/', path.len - n);
}

void discovery(struct ctx *c, struct api *a, struct call *k)
{
	struct group_version gv[256];
	size_t n = group_versions(a, gv, 256);
	struct buf b = {0};
	enum http_type type = HTTP_JSON;
	int code = 200;
	/* With a slash at its end it is the same path. */
	if (k->path.len > 1 && k->path.data[k->path.len - 1] == '/' &&
	    (is_below(k->path, "/api/") || is_below(k->path, "/apis/") || is_below(k->path, "/version/")))
		k->path.len--;
	bool core = span_is(k->path, "/api"), groups = span_is(k->path, "/apis");
	if (openapi(c, a, k) || health(c, a, k))
		return;
	if ((core || groups) && accepts_aggregated(k)) {
		aggregated(a, &b, gv, n, core);
		type = HTTP_DISCOVERY;
	} else if (core) {
		buf_puts(&b, api_versions);
	} else if (groups) {
		plain_groups(&b, gv, n);
	} else if (span_is(k->path, "/version")) {
		buf_puts(&b, version_text);
	} else if (!is_below(k->path, "/api/") && !is_below(k->path, "/apis/")) {
		put_paths(&b, gv, n);
		code = span_is(k->path, "/") ? 200 : 404;
	} else if (!group_paths(a, k, &b, gv, n)) {
		buf_fini(&b);
		answer_status(c, a, k, status_no_resource(&k->arena));
		return;
	}
	if (is_routed(k->path) && !span_is(k->method, "GET")) {
		buf_fini(&b);
		answer_status(c, a, k, status_method_not_allowed(&k->arena, NULL, NULL));
		return;
	}
	answer_text(c, a, k, code, type, &b);
}
