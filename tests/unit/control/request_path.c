/* Which resource a path names. */
#include <criterion/criterion.h>

#include "actors/api/request_path.h"

Test(request_path, names_resource_namespace_name_and_part)
{
	static const struct {
		const char *path, *resource, *namespace, *name, *sub, *rest; /* resource NULL: none */
	} rows[] = {
		{"/api/v1/pods", "pods", "", "", "", ""},
		{"/api/v1/nodes/n1", "nodes", "", "n1", "", ""},
		{"/api/v1/nodes/n1/status", "nodes", "", "n1", "status", ""},
		{"/api/v1/namespaces", "namespaces", "", "", "", ""},
		{"/api/v1/namespaces/a", "namespaces", "", "a", "", ""},
		{"/api/v1/namespaces/a/status", "namespaces", "", "a", "status", ""},
		{"/api/v1/namespaces/a/finalize", "namespaces", "", "a", "finalize", ""},
		{"/api/v1/namespaces/a/namespaces", "namespaces", "", "a", "namespaces", ""},
		{"/api/v1/namespaces/a/pods", "pods", "a", "", "", ""},
		{"/api/v1/namespaces/a/pods/", "pods", "a", "", "", ""},
		{"/api/v1/namespaces/a/pods/p", "pods", "a", "p", "", ""},
		{"/api/v1/namespaces/a/pods//", "pods", "a", "", "", ""},
		{"//api/v1/pods", NULL, "", "", "", ""},
		{"/api//v1/pods", NULL, "", "", "", ""},
		{"/api/v1//pods", NULL, "", "", "", ""},
		{"/api/v1/namespaces//pods", NULL, "", "", "", ""},
		{"/api/v1/namespaces/a//pods", NULL, "", "", "", ""},
		{"/api/v1/namespaces/a/pods//p", NULL, "", "", "", ""},
		{"/api/v1/namespaces/a/pods/p//log", NULL, "", "", "", ""},
		{"/api/v1/nodes//status", NULL, "", "", "", ""},
		{"/apis//v1/deployments", NULL, "", "", "", ""},
		{"/api/v1/namespaces/a/pods/p:80/proxy/x//y/", "pods", "a", "p:80", "proxy", "/x//y/"},
		{"/apis/apps/v1/namespaces/a/deployments/d/scale", "deployments", "a", "d", "scale", ""},
		{"/apis/apps/v1/deployments", "deployments", "", "", "", ""},
		{"/apis/none/v1/deployments", NULL, "", "", "", ""},
		{"/api/v1/nothings", NULL, "", "", "", ""},
		{"/api/v1", NULL, "", "", "", ""},
		{"/api", NULL, "", "", "", ""},
		{"/apis", NULL, "", "", "", ""},
		{"/", NULL, "", "", "", ""},
		{"", NULL, "", "", "", ""},
		{"/metrics", NULL, "", "", "", ""},
	};
	struct schema *s = schema_new();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request_path p;
		bool is = request_path_parse(s, span_of(rows[i].path), &p);
		cr_assert_eq(is, rows[i].resource != NULL, "%s", rows[i].path);
		if (!is)
			continue;
		cr_expect_str_eq(p.resource->resource, rows[i].resource, "%s", rows[i].path);
		cr_expect(span_is(p.namespace, rows[i].namespace), "%s", rows[i].path);
		cr_expect(span_is(p.name, rows[i].name), "%s", rows[i].path);
		cr_expect(span_is(p.subresource, rows[i].sub), "%s", rows[i].path);
		cr_expect(span_is(p.rest, rows[i].rest), "%s", rows[i].path);
	}
	schema_free(s);
}
