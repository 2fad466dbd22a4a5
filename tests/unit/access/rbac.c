/* What one rule of a role allows. */
#include "actors/access/rbac.h"

#include <criterion/criterion.h>

#include "actors/schema/json.h"

/* The rule as it is stored. */
static struct buf rule(const char *json)
{
	struct arena a = {0};
	struct buf b = {0};
	struct doc *d;
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	arena_fini(&a);
	return b;
}

static bool allows(const char *json, const char *verb, const char *group, const char *resource,
		   const char *sub, const char *name)
{
	struct buf b = rule(json);
	struct access x = {.verb = span_of(verb),
			   .group = span_of(group),
			   .resource = span_of(resource),
			   .subresource = span_of(sub),
			   .name = span_of(name)};
	bool yes = rbac_rule_allows(mp_of(span_buf(&b)), &x);
	buf_fini(&b);
	return yes;
}

static bool allows_path(const char *json, const char *verb, const char *path)
{
	struct buf b = rule(json);
	struct access x = {.verb = span_of(verb), .path = span_of(path)};
	bool yes = rbac_rule_allows(mp_of(span_buf(&b)), &x);
	buf_fini(&b);
	return yes;
}

Test(rbac, a_rule_names_verb_group_and_resource)
{
	const char *r = "{\"apiGroups\":[\"\",\"apps\"],\"resources\":[\"pods\",\"deployments\"],"
			"\"verbs\":[\"get\",\"list\"]}";
	cr_expect(allows(r, "get", "", "pods", "", "web"));
	cr_expect(allows(r, "list", "apps", "deployments", "", ""));
	cr_expect_not(allows(r, "delete", "", "pods", "", "web"));
	cr_expect_not(allows(r, "get", "batch", "pods", "", "web"));
	cr_expect_not(allows(r, "get", "", "secrets", "", "web"));
	cr_expect_not(allows(r, "get", "", "pods", "log", "web"), "a part is not the whole");
	cr_expect_not(allows_path(r, "get", "/healthz"));
}

Test(rbac, parts_are_named_themselves)
{
	const char *r = "{\"apiGroups\":[\"*\"],\"resources\":[\"pods/log\",\"*/"
			"scale\"],\"verbs\":[\"*\"]}";
	cr_expect(allows(r, "get", "", "pods", "log", "web"));
	cr_expect_not(allows(r, "get", "", "pods", "", "web"));
	cr_expect_not(allows(r, "get", "", "pods", "exec", "web"));
	cr_expect(allows(r, "patch", "apps", "deployments", "scale", "web"));
	cr_expect_not(allows(r, "patch", "apps", "deployments", "rescale", "web"));
}

Test(rbac, stars_are_all)
{
	const char *r = "{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]}";
	cr_expect(allows(r, "impersonate", "", "users", "", "eve"));
	cr_expect(allows(r, "get", "apps", "deployments", "status", "web"));
	cr_expect_not(allows_path(r, "get", "/metrics"), "paths are asked for apart");
}

Test(rbac, names_narrow_a_rule)
{
	const char *r = "{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"],\"resourceNames\":"
			"[\"a\",\"b\"],\"verbs\":[\"get\",\"list\"]}";
	cr_expect(allows(r, "get", "", "configmaps", "", "b"));
	cr_expect_not(allows(r, "get", "", "configmaps", "", "c"));
	cr_expect_not(allows(r, "list", "", "configmaps", "", ""), "a list has no name");
}

Test(rbac, paths_end_in_a_star_or_are_exact)
{
	const char *r = "{\"nonResourceURLs\":[\"/api/*\",\"/version\"],\"verbs\":[\"get\"]}";
	cr_expect(allows_path(r, "get", "/api/v1"));
	cr_expect(allows_path(r, "get", "/version"));
	cr_expect_not(allows_path(r, "get", "/versions"));
	cr_expect_not(allows_path(r, "get", "/api"));
	cr_expect_not(allows_path(r, "post", "/version"));
	cr_expect_not(allows(r, "get", "", "pods", "", ""));
}
