/* One key per namespace, account and token secret. A secret is planned twice:
 * the first plan asks for a signature, the turn that brings it makes the
 * second, which writes. A signature that was lost in a crash is asked again. */
#include "actors/controllers/tokens.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/access/claims.h"
#include "actors/access/signer_port.h"
#include "actors/controllers/reconcile.h"
#include "actors/schema/json.h"
#include "broker/base/mem.h"

static const char *const streams[] = {"namespaces", "serviceaccounts", "secrets", "configmaps",
				      NULL};
static const char token_type[] = "kubernetes.io/service-account-token";
static const char account_name[] = "kubernetes.io/service-account.name";
static const char account_uid[] = "kubernetes.io/service-account.uid";

/* Config maps that the authority is told in. */
static const struct ca_map {
	const char *name, *field, *only, *description; /* only: of that namespace */
} ca_maps[] = {
	{"kube-root-ca.crt", "ca.crt", NULL,
	 "The authority that signed the certificate of this cluster's API."},
	/* For servers beside the API, which take its clients for who they are. */
	{"extension-apiserver-authentication", "client-ca-file", "kube-system",
	 "The authority that signs the certificates of this cluster's clients."},
	{0},
};

static bool is_ca_map(struct mp map)
{
	for (const struct ca_map *m = ca_maps; m->name; m++)
		if (span_is(object_name(map), m->name))
			return true;
	return false;
}

struct state {
	struct reconciler r;	    /* first */
	struct view_index *secrets; /* by "NAMESPACE/ACCOUNT" */
	char *ca;		    /* PEM */
	bool account_secrets;
	int port;
	struct omap tokens; /* key of a secret -> its token, signed and not yet written */
	struct omap asked;  /* id of a signature -> key of its secret */
	uint64_t next_id;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static struct span annotation(struct mp object, const char *name)
{
	struct mp m;
	struct span s = {0};
	if (mp_path(object, "metadata.annotations", &m) && mp_find(m, name, &m))
		(void)mp_str(&m, &s);
	return s;
}

static bool is_token_secret(struct mp secret)
{
	return span_is(mp_path_str(secret, "type"), token_type);
}

static void by_account(struct mp secret, void (*put)(void *arg, struct span under), void *arg)
{
	char under[400];
	struct span ns = object_namespace(secret), name = annotation(secret, account_name);
	if (!is_token_secret(secret))
		return;
	snprintf(under, sizeof under, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)name.len, (const char *)name.data);
	put(arg, span_of(under));
}

static const struct view_index_spec secrets_by_account = {.name = "account", .keys = by_account};

/* ---- which keys a change is about */

static void want(struct ctx *c, struct reconciler *r, const char *stream, struct span namespace,
		 struct span name)
{
	struct buf b = {0};
	schema_key(&b, reconcile_resource(r, stream), namespace, name);
	reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

struct wanting {
	struct ctx *c;
	struct reconciler *r;
};

static int want_found(void *arg, const struct view_found *f)
{
	struct wanting *w = arg;
	reconcile_want(w->c, w->r, f->key);
	return 0;
}

/* The account of a secret, and the secrets of an account. */
static void want_secrets(struct ctx *c, struct reconciler *r, struct span account_key)
{
	struct span stream, ns, name;
	char under[400];
	struct wanting w = {c, r};
	if (!schema_key_split(account_key, &stream, &ns, &name))
		return;
	snprintf(under, sizeof under, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)name.len, (const char *)name.data);
	view_index_each(state_of(r)->secrets, span_of(under), want_found, &w);
}

static void secret_changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	const struct view_object *o = v->now ? v->now : v->was;
	struct mp secret = object_of(o);
	if (!is_token_secret(secret))
		return;
	reconcile_want(c, r, v->key);
	want(c, r, "serviceaccounts", object_namespace(secret), annotation(secret, account_name));
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct span stream = view_stream(v->view);
	if (span_is(stream, "secrets")) {
		secret_changed(c, r, v);
	} else if (span_is(stream, "serviceaccounts")) {
		reconcile_want(c, r, v->key);
		want_secrets(c, r, v->key);
	} else if (span_is(stream, "namespaces")) {
		reconcile_want(c, r, v->key);
	} else {
		const struct view_object *o = v->now ? v->now : v->was;
		if (is_ca_map(object_of(o)))
			want(c, r, "namespaces", (struct span){0}, object_namespace(object_of(o)));
	}
}

/* ---- a namespace: the CA */

static struct view_object *get(struct reconciler *r, const char *stream, struct span namespace,
			       struct span name)
{
	struct buf b = {0};
	schema_key(&b, reconcile_resource(r, stream), namespace, name);
	struct view_object *o = reconcile_get(r, span_buf(&b));
	buf_fini(&b);
	return o;
}

static void plan_ca_map(struct reconciler *r, struct reconcile_item *i, struct span namespace,
			const struct ca_map *map)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp m;
	struct span is = {0};
	struct view_object *o = get(r, "configmaps", namespace, span_of(map->name));
	if (o && mp_path(object_of(o), "data", &m) && mp_find(m, map->field, &m))
		(void)mp_str(&m, &is);
	if (o && span_is(is, s->ca))
		return;
	struct reconcile_action *x = reconcile_add(
		i, o ? OBJ_PATCH_MERGE : OBJ_CREATE, reconcile_resource(r, "configmaps"),
		object_copy(a, namespace), o ? span_of(map->name) : (struct span){0});
	x->body = doc_new(a, DOC_MAP);
	struct doc *meta = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	doc_set_str(a, meta, "name", map->name);
	doc_set_str(a, doc_set(a, meta, "annotations", doc_new(a, DOC_MAP)),
		    "kubernetes.io/description", map->description);
	doc_set_str(a, doc_set(a, x->body, "data", doc_new(a, DOC_MAP)), map->field, s->ca);
}

static void plan_namespace(struct reconciler *r, struct reconcile_item *i, struct mp namespace)
{
	struct span name = object_name(namespace);
	if (object_is_deleting(namespace) || !*state_of(r)->ca)
		return;
	for (const struct ca_map *map = ca_maps; map->name; map++)
		if (!map->only || span_is(name, map->only))
			plan_ca_map(r, i, name, map);
}

/* ---- an account: its secret */

struct first_secret {
	struct span name; /* of the first one with a token */
	size_t count;
};

static int note_secret(void *arg, const struct view_found *f)
{
	struct first_secret *first = arg;
	struct mp secret = object_of(f->object), m;
	first->count++;
	if (!first->name.len && mp_path(secret, "data.token", &m))
		first->name = object_name(secret);
	return 0;
}

/* A reference to a token that is gone, by the name that ours have. */
static bool is_stale(struct reconciler *r, struct mp account, struct span name)
{
	char prefix[300];
	struct span own = object_name(account);
	int n = snprintf(prefix, sizeof prefix, "%.*s-token-", (int)own.len,
			 (const char *)own.data);
	return n > 0 && name.len > (size_t)n && memcmp(name.data, prefix, (size_t)n) == 0 &&
	       !get(r, "secrets", object_namespace(account), name);
}

/* The account's secrets as they shall be, or NULL when they are so. */
static struct doc *secrets_of(struct reconciler *r, struct arena *a, struct mp account,
			      struct span wanted)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	struct mp m;
	size_t n = 0;
	bool there = false, stale = false;
	if (mp_path(account, "secrets", &m) && mp_array(&m, &n))
		n = 0;
	for (; n > 0; n--) {
		struct span name = mp_path_str(m, "name");
		there |= span_eq(name, wanted);
		if (is_stale(r, account, name))
			stale = true;
		else
			doc_set(a, doc_add(list, doc_new(a, DOC_MAP)), "name",
				doc_span(a, object_copy(a, name)));
		if (mp_skip(&m))
			break;
	}
	if (!there)
		doc_set(a, doc_add(list, doc_new(a, DOC_MAP)), "name",
			doc_span(a, object_copy(a, wanted)));
	return there && !stale ? NULL : list;
}

static void make_secret(struct reconciler *r, struct reconcile_item *i, struct span key,
			struct mp account)
{
	struct arena *a = reconcile_arena(i);
	struct span name = object_name(account);
	struct reconcile_action *x =
		reconcile_add(i, OBJ_CREATE, reconcile_resource(r, "secrets"),
			      object_copy(a, object_namespace(account)), (struct span){0});
	reconcile_rest_on(r, i, x, key);
	x->body = doc_new(a, DOC_MAP);
	struct doc *meta = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	struct doc *notes = doc_set(a, meta, "annotations", doc_new(a, DOC_MAP));
	doc_set(a, meta, "generateName",
		doc_printf(a, "%.*s-token-", (int)name.len, (const char *)name.data));
	doc_set(a, notes, account_name, doc_span(a, object_copy(a, name)));
	doc_set(a, notes, account_uid, doc_span(a, object_copy(a, object_uid(account))));
	doc_set_str(a, x->body, "type", token_type);
}

static void name_secret(struct reconciler *r, struct reconcile_item *i, struct span key,
			struct mp account, struct span secret)
{
	struct arena *a = reconcile_arena(i);
	struct doc *list = secrets_of(r, a, account, secret);
	if (!list)
		return;
	struct reconcile_action *x = reconcile_add(
		i, OBJ_PATCH_MERGE, reconcile_resource(r, "serviceaccounts"),
		object_copy(a, object_namespace(account)), object_copy(a, object_name(account)));
	reconcile_rest_on(r, i, x, key);
	x->body = doc_new(a, DOC_MAP);
	doc_set(a, x->body, "secrets", list);
}

static void plan_account(struct reconciler *r, struct reconcile_item *i, struct span key,
			 struct mp account)
{
	char under[400];
	struct span ns = object_namespace(account), name = object_name(account);
	struct first_secret first = {0};
	struct view_object *namespace = get(r, "namespaces", (struct span){0}, ns);
	if (!state_of(r)->account_secrets || object_is_deleting(account) || !namespace ||
	    object_is_deleting(object_of(namespace)))
		return;
	snprintf(under, sizeof under, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
		 (int)name.len, (const char *)name.data);
	view_index_each(state_of(r)->secrets, span_of(under), note_secret, &first);
	if (!first.count)
		make_secret(r, i, key, account);
	else if (first.name.len)
		name_secret(r, i, key, account, first.name);
}

/* ---- a secret: its token */

static void ask_signature(struct ctx *c, struct state *s, struct span key, struct mp secret,
			  struct mp account)
{
	struct buf payload = {0};
	struct claims t = {
		.namespace = object_namespace(secret),
		.account = {object_name(account), object_uid(account)},
		.bound[CLAIMS_SECRET] = {object_name(secret), object_uid(secret)},
	};
	claims_write(&payload, &t);
	omap_put_u64(&s->asked, ++s->next_id, mem_ndup(key.data, key.len));
	ctx_port_call(c, s->port, SIGNER_SIGN, s->next_id, 0, bytes_take(&payload));
}

/* Data as a secret holds it: bin, which JSON and patches show in base64. */
static struct doc *encoded(struct arena *a, struct span text)
{
	struct buf bin = {0}, out = {0};
	mpw_bin(&bin, text);
	(void)json_from_mp(&out, mp_of(span_buf(&bin)));
	struct doc *d = doc_span(
		a, (struct span){(uint8_t *)arena_ndup(a, out.data + 1, out.len - 2), out.len - 2});
	buf_fini(&bin);
	buf_fini(&out);
	return d;
}

static void write_token(struct reconciler *r, struct reconcile_item *i, struct mp secret,
			struct mp account, struct span token)
{
	struct arena *a = reconcile_arena(i);
	struct span ns = object_namespace(secret);
	struct reconcile_action *x =
		reconcile_add(i, OBJ_PATCH_MERGE, reconcile_resource(r, "secrets"),
			      object_copy(a, ns), object_copy(a, object_name(secret)));
	x->body = doc_new(a, DOC_MAP);
	struct doc *meta = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "uid", doc_span(a, object_copy(a, object_uid(secret))));
	struct doc *notes = doc_set(a, meta, "annotations", doc_new(a, DOC_MAP));
	doc_set(a, notes, account_uid, doc_span(a, object_copy(a, object_uid(account))));
	struct doc *data = doc_set(a, x->body, "data", doc_new(a, DOC_MAP));
	doc_set(a, data, "token", encoded(a, token));
	doc_set(a, data, "namespace", encoded(a, ns));
	if (*state_of(r)->ca)
		doc_set(a, data, "ca.crt", encoded(a, span_of(state_of(r)->ca)));
}

static void drop_secret(struct reconciler *r, struct reconcile_item *i, struct mp secret)
{
	struct arena *a = reconcile_arena(i);
	struct reconcile_action *x = reconcile_add(i, OBJ_DELETE, reconcile_resource(r, "secrets"),
						   object_copy(a, object_namespace(secret)),
						   object_copy(a, object_name(secret)));
	x->uid = object_copy(a, object_uid(secret));
}

static void plan_secret(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			struct span key, struct mp secret)
{
	struct state *s = state_of(r);
	struct mp m;
	struct span uid = annotation(secret, account_uid);
	if (!is_token_secret(secret) || object_is_deleting(secret))
		return;
	struct view_object *o = get(r, "serviceaccounts", object_namespace(secret),
				    annotation(secret, account_name));
	if (!o || (uid.len && !span_eq(uid, object_uid(object_of(o))))) {
		if (reconcile_fresh(c, r, i))
			drop_secret(r, i, secret);
		return;
	}
	if (mp_path(secret, "data.token", &m))
		return;
	struct bytes *token = omap_get(&s->tokens, key);
	if (!token)
		ask_signature(c, s, key, secret, object_of(o));
	else
		write_token(r, i, secret, object_of(o), bytes_span(token));
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct view_object *o = reconcile_get(r, key);
	struct span stream, ns, name;
	if (!schema_key_split(key, &stream, &ns, &name))
		return;
	if (span_is(stream, "secrets") && !o)
		bytes_unref(omap_remove(&state_of(r)->tokens, key));
	if (!o)
		return;
	if (span_is(stream, "namespaces"))
		plan_namespace(r, i, object_of(o));
	else if (span_is(stream, "serviceaccounts"))
		plan_account(r, i, key, object_of(o));
	else
		plan_secret(c, r, i, key, object_of(o));
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	(void)c;
	if (x->verb == OBJ_PATCH_MERGE && answer->code < 300)
		bytes_unref(omap_remove(&state_of(r)->tokens, key));
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "tokens-controller",
	.fence = "tokens",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	struct state *s = state;
	char *key = omap_remove_u64(&s->asked, p->id);
	if (key && p->payload) {
		bytes_unref(omap_put(&s->tokens, span_of(key), bytes_ref(p->payload)));
		reconcile_want(c, &s->r, span_of(key));
	}
	free(key);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	struct err e = {0};
	struct span ca = mp_path_str(cfg, "ca");
	s->ca = mem_ndup(ca.data, ca.len);
	s->account_secrets = mp_path_bool(cfg, "account-secrets", true);
	s->port = ctx_port_open(c, "signer", cfg, &e);
	if (s->port < 0) {
		ctx_why(c, "%s", e.text);
		return s->port;
	}
	int rc = reconcile_init(c, &s->r, &spec);
	s->secrets = ctx_index(c, reconcile_view(&s->r, span_of("secrets")), &secrets_by_account);
	return rc;
}

static void drop_token(void *b)
{
	bytes_unref(b);
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->tokens, drop_token);
	omap_fini(&s->asked, free);
	free(s->ca);
	reconcile_fini(&s->r);
}

const struct actor_spec tokens_actor = {
	.kind = "tokens",
	.state_bytes = sizeof(struct state),
	.init = init,
	.on_port = on_port,
	RECONCILE_HANDLERS,
	.fini = fini,
};
