/* Who is asking: a client certificate, a bearer token, or nobody.
 *
 * Certificates were verified, and names taken from them, by the port; so were
 * the signatures of service accounts' tokens, whose claims come with the
 * request. What a claim says must still be true here: the account is there,
 * with that uid, and so is what the token is bound to.
 *
 * Who may impersonate somebody else asks as that one from then on. */
#include <stdlib.h>

#include "actors/access/claims.h"
#include "actors/api/api_private.h"
#include "actors/schema/rfc3339.h"

enum { LEEWAY_US = 60 * 1000000 }; /* clocks differ */

struct static_token {
	struct static_token *next;
	struct span text, user, uid;
	struct span groups[IDENTITY_GROUPS_MAX];
	size_t group_count;
};

/* The time does not tell how much of the token was right. */
static bool same_secret(struct span a, struct span b)
{
	uint8_t diff = a.len != b.len;
	for (size_t i = 0; i < a.len && i < b.len; i++)
		diff |= a.data[i] ^ b.data[i];
	return !diff && a.len;
}

/* ---- the file of tokens: token,user,uid[,"group,group"] */

/* The next column; quotes may hold commas. */
static struct span column(struct span *line)
{
	bool quoted = line->len && *line->data == '"';
	char end = quoted ? '"' : ',';
	struct span s = {line->data + quoted, 0};
	size_t at = quoted;
	while (at < line->len && line->data[at] != end)
		at++;
	s.len = at - quoted;
	at += at < line->len && quoted;
	at += at < line->len;
	line->data += at;
	line->len -= at;
	return s;
}

static void add_static_token(struct api *a, struct span line)
{
	struct static_token *t = arena_alloc(&a->tokens_arena, sizeof *t);
	t->text = column(&line);
	t->user = column(&line);
	t->uid = column(&line);
	struct span groups = column(&line);
	while (groups.len && t->group_count < IDENTITY_GROUPS_MAX) {
		struct span g = column(&groups);
		if (g.len)
			t->groups[t->group_count++] = g;
	}
	if (!t->text.len || !t->user.len)
		return;
	t->next = a->static_tokens;
	a->static_tokens = t;
}

void authn_load(struct api *a, struct span file)
{
	struct span rest = {(uint8_t *)arena_ndup(&a->tokens_arena, file.data, file.len), file.len};
	while (rest.len) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t n = end ? (size_t)(end - rest.data) : rest.len;
		struct span line = {rest.data, n};
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len && *line.data != '#')
			add_static_token(a, line);
		n += end != NULL;
		rest.data += n;
		rest.len -= n;
	}
}

/* ---- tokens */

static void add_groups(struct identity *who, const struct span *groups, size_t n)
{
	for (size_t i = 0; i < n; i++)
		identity_add_group(who, groups[i]);
}

static bool by_static_token(const struct api *a, struct span text, struct identity *who)
{
	for (const struct static_token *t = a->static_tokens; t; t = t->next) {
		if (!same_secret(t->text, text))
			continue;
		who->name = t->user;
		who->uid = t->uid;
		add_groups(who, t->groups, t->group_count);
		return true;
	}
	return false;
}

/* Marked as deleted, and it should have been gone by then. */
static bool is_overdue(struct ctx *c, struct mp object)
{
	int64_t at;
	return !rfc3339_parse(mp_path_str(object, "metadata.deletionTimestamp"), &at) &&
	       at < ctx_wall_us(c) - LEEWAY_US;
}

/* Whether the object that a claim names is there; ERR_AGAIN: not known yet. */
static int claimed_object(struct ctx *c, struct api *a, const char *resource, struct span namespace,
			  const struct claims_ref *ref, struct stream **wait)
{
	const struct schema_resource *r =
		schema_find(a->schema, (struct span){0}, span_of("v1"), span_of(resource));
	struct stream *s = api_stream(c, a, r);
	struct buf key = {0};
	if (!view_synced(s->view)) {
		*wait = s;
		return ERR_AGAIN;
	}
	schema_key(&key, r, namespace, ref->name);
	struct view_object *o = view_get(s->view, span_buf(&key));
	buf_fini(&key);
	if (!o)
		return ERR_NOT_FOUND;
	struct mp object = mp_of_bytes(o->value);
	bool same = !ref->uid.len || span_eq(mp_path_str(object, "metadata.uid"), ref->uid);
	return same && !is_overdue(c, object) ? 0 : ERR_NOT_FOUND;
}

static int claims_hold(struct ctx *c, struct api *a, const struct claims *t, struct stream **wait)
{
	static const char *const bound[CLAIMS_BOUND] = {"nodes", "pods", "secrets"};
	int rc = claimed_object(c, a, "serviceaccounts", t->namespace, &t->account, wait);
	for (size_t i = 0; i < CLAIMS_BOUND && !rc; i++) {
		bool node = i == CLAIMS_NODE;
		if (!t->bound[i].name.len || (node && t->bound[CLAIMS_POD].name.len))
			continue;
		rc = claimed_object(c, a, bound[i], node ? (struct span){0} : t->namespace,
				    &t->bound[i], wait);
	}
	return rc;
}

int authn_claims(struct ctx *c, struct api *a, struct arena *m, struct span payload,
		 const struct span *audiences, size_t audience_count, struct identity *who,
		 struct stream **wait)
{
	struct claims t;
	struct err e = {0};
	int rc = claims_read(m, payload, &t, &e);
	if (!rc)
		rc = claims_check(&t, ctx_wall_us(c), audiences, audience_count);
	if (!rc)
		rc = claims_hold(c, a, &t, wait);
	if (!rc)
		claims_identity(m, &t, who);
	return rc;
}

static int by_token(struct ctx *c, struct api *a, struct call *k, struct span text,
		    struct stream **wait)
{
	struct identity *who = &k->who;
	if (same_secret(bytes_span(a->token), text)) {
		who->name = span_of(API_ADMIN);
		identity_add_group(who, span_of(GROUP_MASTERS));
		return 0;
	}
	if (by_static_token(a, text, who))
		return 0;
	if (!k->claims.len)
		return ERR_FORBIDDEN;
	return authn_claims(c, a, &k->arena, k->claims, NULL, 0, who, wait);
}

static void by_certificate(struct call *k)
{
	struct mp list = k->client_groups;
	size_t n;
	struct span group;
	k->who.name = k->client;
	if (mp_array(&list, &n))
		return;
	for (; n > 0 && mp_str(&list, &group) == 0; n--)
		identity_add_group(&k->who, group);
}

int authenticate(struct ctx *c, struct api *a, struct call *k, struct stream **wait)
{
	static const char scheme[] = "Bearer ";
	struct span auth = k->authorization;
	size_t n = sizeof scheme - 1;
	memset(&k->who, 0, sizeof k->who);
	if (auth.len > n && memcmp(auth.data, scheme, n) == 0) {
		int rc = by_token(c, a, k, (struct span){auth.data + n, auth.len - n}, wait);
		if (rc)
			return rc;
	} else {
		by_certificate(k);
	}
	if (k->who.name.len) {
		identity_add_group(&k->who, span_of(GROUP_AUTHENTICATED));
		return 0;
	}
	k->who.name = span_of(USER_ANONYMOUS);
	identity_add_group(&k->who, span_of(GROUP_UNAUTHENTICATED));
	return 0;
}

/* ---- tokens that are asked about (TokenReview) */

bool authn_token_known(struct api *a, struct span text, struct identity *who)
{
	if (same_secret(bytes_span(a->token), text)) {
		who->name = span_of(API_ADMIN);
		identity_add_group(who, span_of(GROUP_MASTERS));
		return true;
	}
	return by_static_token(a, text, who);
}

/* ---- impersonation */

/* One right to be somebody; the refusal, or NULL. */
static struct doc *may_be(const struct api *a, struct call *k, const char *group,
			  const char *resource, struct span sub, struct span namespace,
			  struct span name)
{
	struct access right = {
		.verb = span_of("impersonate"),
		.group = span_of(group),
		.resource = span_of(resource),
		.subresource = sub,
		.namespace = namespace,
		.name = name,
	};
	if (rbac_allows(&a->rbac, &k->who, &right, NULL))
		return NULL;
	return authz_refusal(k, &right);
}

static struct doc *may_be_user(const struct api *a, struct call *k, struct span name)
{
	struct span prefix = span_of(SERVICE_ACCOUNT_PREFIX);
	struct span rest = {name.data + prefix.len, name.len - prefix.len};
	const uint8_t *colon = name.len > prefix.len && !memcmp(name.data, prefix.data, prefix.len)
				       ? memchr(rest.data, ':', rest.len)
				       : NULL;
	if (!colon)
		return may_be(a, k, "", "users", (struct span){0}, (struct span){0}, name);
	size_t n = (size_t)(colon - rest.data);
	return may_be(a, k, "", "serviceaccounts", (struct span){0}, (struct span){rest.data, n},
		      (struct span){colon + 1, rest.len - n - 1});
}

static void add_account_groups(struct call *k, struct identity *as)
{
	struct span prefix = span_of(SERVICE_ACCOUNT_PREFIX);
	if (as->name.len <= prefix.len || memcmp(as->name.data, prefix.data, prefix.len) != 0)
		return;
	struct span rest = {as->name.data + prefix.len, as->name.len - prefix.len};
	const uint8_t *colon = memchr(rest.data, ':', rest.len);
	if (!colon)
		return;
	identity_add_group(as, span_of("system:serviceaccounts"));
	identity_add_group(
		as, span_of(arena_printf(&k->arena, "system:serviceaccounts:%.*s",
					 (int)(colon - rest.data), (const char *)rest.data)));
}

static struct doc *take_extra(const struct api *a, struct call *k, struct identity *as,
			      struct span key, struct span value)
{
	struct doc *bad =
		may_be(a, k, "authentication.k8s.io", "userextras", key, (struct span){0}, value);
	if (bad)
		return bad;
	if (!as->extra)
		as->extra = doc_new(&k->arena, DOC_MAP);
	struct doc *list = doc_get_span(as->extra, key);
	if (!list)
		list = doc_set_span(&k->arena, as->extra, key, doc_new(&k->arena, DOC_ARRAY));
	doc_add(list, doc_span(&k->arena, value));
	return NULL;
}

/* One header, its name without "impersonate-" and in lower case. */
static struct doc *take_header(const struct api *a, struct call *k, struct identity *as,
			       struct span name, struct span value)
{
	static const char extra[] = "extra-";
	struct span none = {0};
	if (span_is(name, "user")) {
		as->name = value;
		return may_be_user(a, k, value);
	}
	if (span_is(name, "group")) {
		identity_add_group(as, value);
		return may_be(a, k, "", "groups", none, none, value);
	}
	if (span_is(name, "uid")) {
		as->uid = value;
		return may_be(a, k, "authentication.k8s.io", "uids", none, none, value);
	}
	if (name.len > sizeof extra - 1 && memcmp(name.data, extra, sizeof extra - 1) == 0)
		return take_extra(
			a, k, as,
			(struct span){name.data + sizeof extra - 1, name.len - sizeof extra + 1},
			value);
	return NULL;
}

struct doc *impersonate(struct api *a, struct call *k)
{
	struct mp list = k->impersonates;
	size_t n, places;
	struct span name, value;
	struct identity as = {0};
	if (mp_array(&list, &n) || !n)
		return NULL;
	for (; n > 0; n--) {
		if (mp_array(&list, &places) || mp_str(&list, &name) || mp_str(&list, &value))
			break;
		struct doc *bad = take_header(a, k, &as, name, value);
		if (bad)
			return bad;
	}
	if (!as.name.len)
		return status_failure(&k->arena, 400, "BadRequest",
				      "requested group, uid or extra without impersonating a user");
	if (!as.group_count)
		add_account_groups(k, &as);
	bool anonymous = span_is(as.name, USER_ANONYMOUS);
	const char *group = anonymous ? GROUP_UNAUTHENTICATED : GROUP_AUTHENTICATED;
	if (!identity_is_in(&as, group))
		identity_add_group(&as, span_of(group));
	struct identity *caller = arena_alloc(&k->arena, sizeof *caller);
	*caller = k->who;
	k->caller = caller;
	k->who = as;
	return NULL;
}
