#include "actors/access/rbac.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/view.h"

enum { KEY_MAX = 700 };

/* ---- bindings by their subjects: "NAMESPACE|Kind|name", the namespace empty
 * for those that hold everywhere */

struct putting {
	void (*put)(void *arg, struct span under);
	void *arg;
	struct span namespace;
};

static void put_subject(const struct putting *p, const char *kind, struct span name)
{
	char key[KEY_MAX];
	int n = snprintf(key, sizeof key, "%.*s|%s|%.*s", (int)p->namespace.len,
			 (const char *)p->namespace.data, kind, (int)name.len,
			 (const char *)name.data);
	if (n > 0 && n < KEY_MAX)
		p->put(p->arg, (struct span){(uint8_t *)key, (size_t)n});
}

static void put_one(const struct putting *p, struct mp subject)
{
	struct span kind = mp_path_str(subject, "kind"), name = mp_path_str(subject, "name");
	char account[KEY_MAX];
	if (span_is(kind, "User")) {
		put_subject(p, "User", name);
	} else if (span_is(kind, "Group")) {
		put_subject(p, "Group", name);
	} else if (span_is(kind, "ServiceAccount")) {
		struct span ns = mp_path_str(subject, "namespace");
		snprintf(account, sizeof account, SERVICE_ACCOUNT_PREFIX "%.*s:%.*s", (int)ns.len,
			 (const char *)ns.data, (int)name.len, (const char *)name.data);
		put_subject(p, "User", span_of(account));
	}
}

static void subjects(struct mp binding, void (*put)(void *arg, struct span under), void *arg)
{
	struct putting p = {put, arg, mp_path_str(binding, "metadata.namespace")};
	struct mp list;
	size_t n;
	if (!mp_path(binding, "subjects", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		put_one(&p, list);
		if (mp_skip(&list))
			return;
	}
}

static const struct view_index_spec by_subject = {.name = "subject", .keys = subjects};

void rbac_open(struct rbac *r, struct ctx *c)
{
	static const char group[] = "rbac.authorization.k8s.io";
	char stream[80];
	struct view **const views[] = {&r->roles, &r->cluster_roles, &r->bindings,
				       &r->cluster_bindings};
	static const char *const names[] = {"roles", "clusterroles", "rolebindings",
					    "clusterrolebindings"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(stream, sizeof stream, "%s.%s", names[i], group);
		*views[i] = ctx_follow(c, stream);
	}
	r->by_subject = ctx_index(c, r->bindings, &by_subject);
	r->cluster_by_subject = ctx_index(c, r->cluster_bindings, &by_subject);
}

bool rbac_synced(const struct rbac *r)
{
	return view_synced(r->roles) && view_synced(r->cluster_roles) && view_synced(r->bindings) &&
	       view_synced(r->cluster_bindings);
}

/* ---- rules */

static bool list_has(struct mp rule, const char *field, bool (*is)(struct span item, const void *),
		     const void *arg)
{
	struct mp list;
	size_t n;
	struct span item;
	if (!mp_find(rule, field, &list) || mp_array(&list, &n))
		return false;
	for (; n > 0 && mp_str(&list, &item) == 0; n--)
		if (is(item, arg))
			return true;
	return false;
}

static bool is_or_all(struct span item, const void *arg)
{
	return span_is(item, "*") || span_eq(item, *(const struct span *)arg);
}

static bool is_same(struct span item, const void *arg)
{
	return span_eq(item, *(const struct span *)arg);
}

/* "pods", "pods/log", "*\/scale" (a part of anything), "*". */
static bool is_resource(struct span item, const void *arg)
{
	const struct access *a = arg;
	if (span_is(item, "*"))
		return true;
	if (a->subresource.len == 0)
		return span_eq(item, a->resource);
	size_t tail = a->subresource.len + 1;
	if (item.len <= tail || item.data[item.len - tail] != '/' ||
	    memcmp(item.data + item.len - tail + 1, a->subresource.data, a->subresource.len) != 0)
		return false;
	struct span head = {item.data, item.len - tail};
	return span_is(head, "*") || span_eq(head, a->resource);
}

/* "/healthz", "/api/ *" (without the space), "*". */
static bool is_path(struct span item, const void *arg)
{
	struct span path = *(const struct span *)arg;
	if (item.len == 0 || item.data[item.len - 1] != '*')
		return span_eq(item, path);
	return path.len >= item.len - 1 && memcmp(path.data, item.data, item.len - 1) == 0;
}

static bool names_any(struct mp rule)
{
	struct mp list;
	size_t n = 0;
	return !mp_find(rule, "resourceNames", &list) || mp_array(&list, &n) || n == 0;
}

bool rbac_rule_allows(struct mp rule, const struct access *a)
{
	if (!list_has(rule, "verbs", is_or_all, &a->verb))
		return false;
	if (a->path.len)
		return list_has(rule, "nonResourceURLs", is_path, &a->path);
	return list_has(rule, "apiGroups", is_or_all, &a->group) &&
	       list_has(rule, "resources", is_resource, a) &&
	       (names_any(rule) || list_has(rule, "resourceNames", is_same, &a->name));
}

/* ---- roles */

struct rule_walk {
	int (*each)(void *arg, struct mp rule);
	void *arg;
};

static int walk_rules(struct mp role, const struct rule_walk *w)
{
	struct mp list;
	size_t n;
	if (!mp_find(role, "rules", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--) {
		int rc = w->each(w->arg, list);
		if (rc || mp_skip(&list))
			return rc;
	}
	return 0;
}

int rbac_each_of_role(const struct rbac *r, struct span kind, struct span namespace,
		      struct span name, int (*each)(void *arg, struct mp rule), void *arg)
{
	char key[KEY_MAX];
	bool cluster = span_is(kind, "ClusterRole");
	struct rule_walk w = {each, arg};
	int n = cluster ? snprintf(key, sizeof key, "clusterroles.rbac.authorization.k8s.io/%.*s",
				   (int)name.len, (const char *)name.data)
			: snprintf(key, sizeof key, "roles.rbac.authorization.k8s.io/%.*s/%.*s",
				   (int)namespace.len, (const char *)namespace.data, (int)name.len,
				   (const char *)name.data);
	if (n < 0 || n >= KEY_MAX)
		return 0;
	struct view_object *o = view_get(cluster ? r->cluster_roles : r->roles,
					 (struct span){(uint8_t *)key, (size_t)n});
	if (!o)
		return 0;
	return walk_rules(mp_of_bytes(o->value), &w);
}

/* ---- what holds for somebody */

struct holding {
	const struct rbac *r;
	int (*each)(void *arg, const struct rbac_rule *rule);
	void *arg;
	struct rbac_rule rule;
	bool cluster;
};

static int hold_rule(void *arg, struct mp rule)
{
	struct holding *h = arg;
	h->rule.rule = rule;
	return h->each(h->arg, &h->rule);
}

static int hold_binding(void *arg, const struct view_found *found)
{
	struct holding *h = arg;
	struct mp binding = mp_of_bytes(found->object->value);
	struct span kind = mp_path_str(binding, "roleRef.kind");
	h->rule.binding_kind = h->cluster ? "ClusterRoleBinding" : "RoleBinding";
	h->rule.role_kind = span_is(kind, "ClusterRole") ? "ClusterRole" : "Role";
	h->rule.binding = mp_path_str(binding, "metadata.name");
	h->rule.role = mp_path_str(binding, "roleRef.name");
	return rbac_each_of_role(h->r, kind, mp_path_str(binding, "metadata.namespace"),
				 h->rule.role, hold_rule, h);
}

static int hold_subject(struct holding *h, struct span namespace, const char *kind,
			struct span name)
{
	char key[KEY_MAX];
	int n = snprintf(key, sizeof key, "%.*s|%s|%.*s", (int)namespace.len,
			 (const char *)namespace.data, kind, (int)name.len,
			 (const char *)name.data);
	if (n < 0 || n >= KEY_MAX)
		return 0;
	h->cluster = namespace.len == 0;
	return view_index_each(h->cluster ? h->r->cluster_by_subject : h->r->by_subject,
			       (struct span){(uint8_t *)key, (size_t)n}, hold_binding, h);
}

static int hold_all(struct holding *h, const struct identity *who, struct span namespace)
{
	int rc = hold_subject(h, namespace, "User", who->name);
	for (size_t i = 0; i < who->group_count && !rc; i++)
		rc = hold_subject(h, namespace, "Group", who->groups[i]);
	return rc;
}

int rbac_each(const struct rbac *r, const struct identity *who, struct span namespace,
	      int (*each)(void *arg, const struct rbac_rule *rule), void *arg)
{
	struct holding h = {.r = r, .each = each, .arg = arg};
	int rc = hold_all(&h, who, (struct span){0});
	return rc || !namespace.len ? rc : hold_all(&h, who, namespace);
}

/* ---- questions */

struct asking {
	const struct access *access;
	struct buf *reason;
};

static int try_rule(void *arg, const struct rbac_rule *rule)
{
	struct asking *q = arg;
	if (!rbac_rule_allows(rule->rule, q->access))
		return 0;
	if (q->reason)
		buf_printf(q->reason, "RBAC: allowed by %s \"%.*s\" of %s \"%.*s\"",
			   rule->binding_kind, (int)rule->binding.len,
			   (const char *)rule->binding.data, rule->role_kind, (int)rule->role.len,
			   (const char *)rule->role.data);
	return 1;
}

bool rbac_allows(const struct rbac *r, const struct identity *who, const struct access *a,
		 struct buf *reason)
{
	struct asking q = {a, reason};
	if (identity_is_in(who, GROUP_MASTERS))
		return true;
	return rbac_each(r, who, a->namespace, try_rule, &q) != 0;
}

/* ---- who hands out what: a rule is broken into single rights */

struct covering {
	const struct rbac *r;
	const struct identity *who;
	struct span namespace;
};

static int count_of(struct mp rule, const char *field, struct mp *list)
{
	size_t n;
	return mp_find(rule, field, list) && mp_array(list, &n) == 0 ? (int)n : 0;
}

static struct span nth(struct mp list, int i)
{
	struct span s = {0};
	while (i-- >= 0 && mp_str(&list, &s) == 0)
		;
	return s;
}

static bool holds(const struct covering *c, struct access *a)
{
	a->namespace = c->namespace;
	return rbac_allows(c->r, c->who, a, NULL);
}

/* A right to "pods/log" is one to a part. */
static void set_resource(struct access *a, struct span resource)
{
	const uint8_t *slash = resource.len ? memchr(resource.data, '/', resource.len) : NULL;
	size_t head = slash ? (size_t)(slash - resource.data) : resource.len;
	a->resource = (struct span){resource.data, head};
	a->subresource =
		slash ? (struct span){slash + 1, resource.len - head - 1} : (struct span){0};
}

static bool covers_paths(const struct covering *c, struct mp rule, struct span verb)
{
	struct mp list;
	int n = count_of(rule, "nonResourceURLs", &list);
	for (int i = 0; i < n; i++)
		if (!holds(c, &(struct access){.verb = verb, .path = nth(list, i)}))
			return false;
	return true;
}

static bool covers_names(const struct covering *c, struct mp rule, struct access *a)
{
	struct mp list;
	int n = count_of(rule, "resourceNames", &list);
	if (n == 0)
		return holds(c, a);
	for (int i = 0; i < n; i++) {
		a->name = nth(list, i);
		if (!holds(c, a))
			return false;
	}
	return true;
}

static bool covers_verb(const struct covering *c, struct mp rule, struct span verb)
{
	struct mp groups, resources;
	int gn = count_of(rule, "apiGroups", &groups);
	int rn = count_of(rule, "resources", &resources);
	for (int g = 0; g < gn; g++) {
		for (int i = 0; i < rn; i++) {
			struct access a = {.verb = verb, .group = nth(groups, g)};
			set_resource(&a, nth(resources, i));
			if (!covers_names(c, rule, &a))
				return false;
		}
	}
	return covers_paths(c, rule, verb);
}

bool rbac_covers(const struct rbac *r, const struct identity *who, struct span namespace,
		 struct mp rule)
{
	struct covering c = {r, who, namespace};
	struct mp verbs;
	int n = count_of(rule, "verbs", &verbs);
	for (int i = 0; i < n; i++)
		if (!covers_verb(&c, rule, nth(verbs, i)))
			return false;
	return true;
}
