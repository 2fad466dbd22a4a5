/* Rows of rights, limits, networks and classes. */
#include "actors/objects/table_private.h"

/* ---- quotas: "pods: 1/10, ..." in two cells */

static struct span used_of(struct mp used, struct span name)
{
	struct span key, value;
	size_t n;
	if (mp_map(&used, &n))
		return span_of("0");
	while (n-- > 0 && !mp_str(&used, &key) && !mp_str(&used, &value))
		if (span_eq(key, name))
			return value;
	return span_of("0");
}

static void quota_cell(struct cells *c, bool limits)
{
	static const char prefix[] = "limits";
	struct mp hard, used;
	struct span key, value;
	struct buf b = {0};
	size_t n = 0, p = sizeof prefix - 1;
	bool any_used = mp_path(c->object, "status.used", &used);
	if (!mp_path(c->object, "status.hard", &hard) || mp_map(&hard, &n))
		n = 0;
	for (size_t i = 0; i < n && !mp_str(&hard, &key) && !mp_str(&hard, &value); i++) {
		if ((key.len >= p && memcmp(key.data, prefix, p) == 0) != limits)
			continue;
		struct span now = any_used ? used_of(used, key) : span_of("0");
		buf_printf(&b, "%s%.*s: %.*s/%.*s", b.len ? ", " : "", (int)key.len,
			   (const char *)key.data, (int)now.len, (const char *)now.data,
			   (int)value.len, (const char *)value.data);
	}
	cell_buf(c, &b);
}

void print_resourcequota(struct cells *c)
{
	cell_object_name(c);
	cell_created(c);
	quota_cell(c, false);
	quota_cell(c, true);
}

/* ---- budgets */

static void share_cell(struct cells *c, const char *path)
{
	struct mp v;
	struct buf b = {0};
	if (!mp_path(c->object, path, &v))
		buf_puts(&b, "N/A");
	else if (mp_peek(&v) == MP_STR)
		put_item(&b, cell_at(c, path));
	else
		buf_printf(&b, "%lld", (long long)mp_path_int(c->object, path, 0));
	cell_buf(c, &b);
}

void print_poddisruptionbudget(struct cells *c)
{
	cell_object_name(c);
	share_cell(c, "spec.minAvailable");
	share_cell(c, "spec.maxUnavailable");
	cell_int(c, mp_path_int(c->object, "status.disruptionsAllowed", 0));
	cell_created(c);
}

/* ---- bindings of roles */

struct subjects {
	struct buf users, groups, accounts;
};

static void put_subject(void *to, struct mp subject)
{
	struct subjects *s = to;
	struct span kind = mp_path_str(subject, "kind"), name = mp_path_str(subject, "name");
	struct span ns = mp_path_str(subject, "namespace");
	struct buf *b = span_is(kind, "User")	 ? &s->users
			: span_is(kind, "Group") ? &s->groups
						 : &s->accounts;
	buf_puts(b, b->len ? ", " : "");
	if (b == &s->accounts)
		buf_printf(b, "%.*s/", (int)ns.len, (const char *)ns.data);
	buf_append(b, name.data, name.len);
}

void print_binding(struct cells *c)
{
	struct subjects s = {0};
	struct buf role = {0};
	struct span kind = cell_at(c, "roleRef.kind"), name = cell_at(c, "roleRef.name");
	buf_printf(&role, "%.*s/%.*s", (int)kind.len, (const char *)kind.data, (int)name.len,
		   (const char *)name.data);
	each_at(c->object, "subjects", put_subject, &s);
	cell_object_name(c);
	cell_buf(c, &role);
	cell_created(c);
	cell_buf(c, &s.users);
	cell_buf(c, &s.groups);
	cell_buf(c, &s.accounts);
}

/* ---- networks */

enum { HOSTS_SHOWN = 3 };

struct hosts {
	struct buf text;
	size_t count;
};

static void put_host(void *to, struct mp rule)
{
	struct hosts *h = to;
	struct span host = mp_path_str(rule, "host");
	if (host.len && h->count++ < HOSTS_SHOWN)
		put_item(&h->text, host);
}

static void put_ingress(void *to, struct mp item)
{
	struct span ip = mp_path_str(item, "ip");
	put_item(to, ip.len ? ip : mp_path_str(item, "hostname"));
}

void print_ingress(struct cells *c)
{
	struct hosts h = {0};
	struct buf address = {0};
	each_at(c->object, "spec.rules", put_host, &h);
	if (h.count > HOSTS_SHOWN)
		buf_printf(&h.text, " + %zu more...", h.count - HOSTS_SHOWN);
	if (!h.count)
		buf_putc(&h.text, '*');
	each_at(c->object, "status.loadBalancer.ingress", put_ingress, &address);
	cell_object_name(c);
	cell_or(c, cell_at(c, "spec.ingressClassName"), "<none>");
	cell_buf(c, &h.text);
	cell_buf(c, &address);
	cell_text(c, span_of(count_at(c->object, "spec.tls") ? "80, 443" : "80"));
	cell_created(c);
}

void print_ingressclass(struct cells *c)
{
	struct span kind = cell_at(c, "spec.parameters.kind"),
		    group = cell_at(c, "spec.parameters.apiGroup"),
		    name = cell_at(c, "spec.parameters.name");
	struct buf b = {0};
	if (kind.len)
		buf_printf(&b, "%.*s%s%.*s/%.*s", (int)kind.len, (const char *)kind.data,
			   group.len ? "." : "", (int)group.len, (const char *)group.data,
			   (int)name.len, (const char *)name.data);
	else
		buf_puts(&b, "<none>");
	cell_object_name(c);
	cell_text(c, cell_at(c, "spec.controller"));
	cell_buf(c, &b);
	cell_created(c);
}

void print_networkpolicy(struct cells *c)
{
	cell_object_name(c);
	cell_selector(c, "spec.podSelector");
	cell_created(c);
}

/* ---- classes of pods */

void print_priorityclass(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, mp_path_int(c->object, "value", 0));
	cell_bool(c, mp_path_bool(c->object, "globalDefault", false));
	cell_created(c);
	cell_text(c, cell_at(c, "preemptionPolicy"));
}

void print_runtimeclass(struct cells *c)
{
	cell_object_name(c);
	cell_text(c, cell_at(c, "handler"));
	cell_created(c);
}
