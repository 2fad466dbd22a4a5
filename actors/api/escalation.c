/* Nobody grants more than he holds: who writes a role must hold all of its
 * rules (or may `escalate` it), who binds one must hold what it gives (or may
 * `bind` it). Checked on the object that is about to be stored, whatever verb or
 * patch made it. */
#include "actors/api/api_private.h"

static bool is_rbac(const struct schema_resource *r, const char *resource)
{
	return strcmp(r->group, "rbac.authorization.k8s.io") == 0 &&
	       strcmp(r->resource, resource) == 0;
}

static bool may(const struct call *k, const char *verb, const char *resource, struct span namespace,
		struct span name)
{
	struct access x = {
		.verb = span_of(verb),
		.group = span_of("rbac.authorization.k8s.io"),
		.resource = span_of(resource),
		.namespace = namespace,
		.name = name,
	};
	return rbac_allows(&k->api->rbac, &k->who, &x, NULL);
}

struct granting {
	const struct call *k;
	struct span namespace; /* empty: everywhere */
	struct mp missing;     /* the first rule that is not held */
};

static int grant_one(void *arg, struct mp rule)
{
	struct granting *g = arg;
	if (rbac_covers(&g->k->api->rbac, &g->k->who, g->namespace, rule))
		return 0;
	g->missing = rule;
	return 1;
}

static void grant_list(struct granting *g, struct mp role)
{
	struct mp list;
	size_t n;
	if (!mp_find(role, "rules", &list) || mp_array(&list, &n))
		return;
	for (; n > 0 && !grant_one(g, list); n--)
		if (mp_skip(&list))
			return;
}

static void put_list(struct buf *b, struct mp list)
{
	size_t n;
	struct span item;
	buf_putc(b, '[');
	if (mp_array(&list, &n) == 0)
		for (size_t i = 0; i < n && mp_str(&list, &item) == 0; i++) {
			if (i)
				buf_putc(b, ' ');
			json_string(b, item);
		}
	buf_putc(b, ']');
}

/* {APIGroups:[""], Resources:["pods"], Verbs:["get"]}, as Kubernetes says it. */
static void put_rule(struct buf *b, struct mp rule)
{
	static const struct {
		const char *field, *name;
	} parts[] = {{"apiGroups", "APIGroups"},
		     {"resources", "Resources"},
		     {"resourceNames", "ResourceNames"},
		     {"nonResourceURLs", "NonResourceURLs"},
		     {"verbs", "Verbs"}};
	size_t n = 0;
	struct mp m;
	buf_putc(b, '{');
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!mp_find(rule, parts[i].field, &m) || mp_peek(&m) != MP_ARRAY)
			continue;
		buf_printf(b, "%s%s:", n++ ? ", " : "", parts[i].name);
		put_list(b, m);
	}
	buf_putc(b, '}');
}

static struct doc *refuse(struct call *k, const struct writing *w, const struct granting *g)
{
	struct buf b = {0};
	buf_printf(&b, "user \"%.*s\" (groups=[", (int)k->who.name.len,
		   (const char *)k->who.name.data);
	for (size_t i = 0; i < k->who.group_count; i++) {
		if (i)
			buf_putc(&b, ' ');
		json_string(&b, k->who.groups[i]);
	}
	buf_puts(&b, "]) is attempting to grant RBAC permissions not currently held:\n");
	put_rule(&b, g->missing);
	const char *why = arena_ndup(&k->arena, b.data, b.len);
	buf_fini(&b);
	return status_forbidden(&k->arena, k->resource, w->plan.name, why);
}

static struct doc *check_role(struct call *k, const struct writing *w, struct mp role)
{
	struct granting g = {.k = k, .namespace = mp_path_str(role, "metadata.namespace")};
	struct mp m;
	static const uint8_t everything[] = /* {verbs, apiGroups, resources: ["*"]} */
		"\x83\xa5verbs\x91\xa1*\xa9"
		"apiGroups\x91\xa1*\xa9resources\x91\xa1*";
	if (may(k, "escalate", k->resource->resource, g.namespace, w->plan.name))
		return NULL;
	/* What it will have is not known yet. */
	if (mp_find(role, "aggregationRule", &m) && mp_peek(&m) == MP_MAP)
		grant_one(&g, mp_of((struct span){everything, sizeof everything - 1}));
	else
		grant_list(&g, role);
	return g.missing.p ? refuse(k, w, &g) : NULL;
}

static struct doc *check_binding(struct call *k, const struct writing *w, struct mp binding)
{
	struct granting g = {.k = k, .namespace = mp_path_str(binding, "metadata.namespace")};
	struct span kind = mp_path_str(binding, "roleRef.kind");
	struct span name = mp_path_str(binding, "roleRef.name");
	bool cluster = span_is(kind, "ClusterRole");
	if (may(k, "bind", cluster ? "clusterroles" : "roles",
		cluster ? (struct span){0} : g.namespace, name))
		return NULL;
	(void)rbac_each_of_role(&k->api->rbac, kind, g.namespace, name, grant_one, &g);
	return g.missing.p ? refuse(k, w, &g) : NULL;
}

struct doc *escalation(struct writing *w)
{
	struct call *k = (struct call *)((uint8_t *)w - offsetof(struct call, writing));
	if (identity_is_in(&k->who, GROUP_MASTERS) || *w->request.subresource)
		return NULL;
	struct mp object = mp_of_bytes(w->plan.value);
	if (is_rbac(k->resource, "roles") || is_rbac(k->resource, "clusterroles"))
		return check_role(k, w, object);
	if (is_rbac(k->resource, "rolebindings") || is_rbac(k->resource, "clusterrolebindings"))
		return check_binding(k, w, object);
	return NULL;
}
