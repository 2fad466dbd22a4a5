/* Whether that may be asked by this one. */
#include "actors/api/api_private.h"

static const char *text_of(struct arena *a, struct span s)
{
	return arena_ndup(a, s.data, s.len);
}

struct doc *authz_refusal(struct call *k, const struct access *x)
{
	struct arena *a = &k->arena;
	const char *who = text_of(a, k->who.name), *verb = text_of(a, x->verb);
	if (x->path.len)
		return status_forbidden(a, NULL, (struct span){0},
					arena_printf(a, "User \"%s\" cannot %s path \"%s\"", who,
						     verb, text_of(a, x->path)));
	const char *where = x->namespace.len ? arena_printf(a, "in the namespace \"%s\"",
							    text_of(a, x->namespace))
					     : "at the cluster scope";
	const char *why =
		arena_printf(a, "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\" %s",
			     who, verb, text_of(a, x->resource), x->subresource.len ? "/" : "",
			     text_of(a, x->subresource), text_of(a, x->group), where);
	struct schema_resource named = {.group = text_of(a, x->group),
					.resource = text_of(a, x->resource),
					.kind = text_of(a, x->resource)};
	return status_forbidden(a, &named, x->name, why);
}

static bool is_watch(const struct call *k)
{
	return call_watches(k);
}

/* The name that a list is about when it asks for one object only. */
static struct span selected_name(const struct call *k)
{
	static const char field[] = "metadata.name=";
	struct span f = call_arg(k, "fieldSelector"), none = {0};
	size_t n = sizeof field - 1;
	if (f.len <= n || memcmp(f.data, field, n) != 0 || memchr(f.data, ',', f.len))
		return none;
	return (struct span){f.data + n + (f.data[n] == '='), f.len - n - (f.data[n] == '=')};
}

static struct span lower(struct arena *a, struct span s)
{
	char *t = arena_ndup(a, s.data, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (t[i] >= 'A' && t[i] <= 'Z')
			t[i] = (char)(t[i] - 'A' + 'a');
	return (struct span){(uint8_t *)t, s.len};
}

static struct access access_of(struct call *k, const char *verb)
{
	if (!k->resource)
		return (struct access){.verb = lower(&k->arena, k->method), .path = k->path};
	struct access x = {
		.verb = span_of(is_watch(k) ? "watch"
				: verb	    ? verb
					    : ""),
		.group = span_of(k->resource->group),
		.resource = span_of(k->resource->resource),
		.subresource = span_of(k->sub),
		.namespace = k->namespace,
		.name = k->name.len ? k->name : selected_name(k),
	};
	/* A namespace is in itself, for those who were given its roles. */
	if (strcmp(k->resource->resource, "namespaces") == 0 && !*k->resource->group)
		x.namespace = k->name;
	return x;
}

struct doc *authorize(const struct api *a, struct call *k, const char *verb)
{
	k->decision = "allow";
	if (identity_is_in(&k->who, GROUP_MASTERS))
		return NULL;
	struct access x = access_of(k, verb);
	struct buf why = {0};
	bool allowed = rbac_allows(&a->rbac, &k->who, &x, k->heard ? &why : NULL);
	if (why.len)
		k->why = (struct span){(uint8_t *)arena_ndup(&k->arena, why.data, why.len), why.len};
	buf_fini(&why);
	if (allowed)
		return NULL;
	k->decision = "forbid";
	return authz_refusal(k, &x);
}
