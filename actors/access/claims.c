#include "actors/access/claims.h"

#include "actors/schema/json.h"

static const char *const bound_names[CLAIMS_BOUND] = {"node", "pod", "secret"};

/* ---- writing: straight JSON, in the order of names as Go's maps have it */

static void put_text(struct buf *b, const char *key, struct span text)
{
	buf_printf(b, "\"%s\":", key);
	json_string(b, text);
}

static void put_ref(struct buf *b, const char *key, const struct claims_ref *r)
{
	buf_printf(b, ",\"%s\":{", key);
	put_text(b, "name", r->name);
	if (r->uid.len) {
		buf_putc(b, ',');
		put_text(b, "uid", r->uid);
	}
	buf_putc(b, '}');
}

static void write_secret(struct buf *b, const struct claims *c)
{
	put_text(b, "iss", span_of(CLAIMS_SECRET_ISSUER));
	buf_putc(b, ',');
	put_text(b, "kubernetes.io/serviceaccount/namespace", c->namespace);
	buf_putc(b, ',');
	put_text(b, "kubernetes.io/serviceaccount/secret.name", c->bound[CLAIMS_SECRET].name);
	buf_putc(b, ',');
	put_text(b, "kubernetes.io/serviceaccount/service-account.name", c->account.name);
	buf_putc(b, ',');
	put_text(b, "kubernetes.io/serviceaccount/service-account.uid", c->account.uid);
	buf_putc(b, ',');
}

static void write_bound(struct buf *b, const struct claims *c)
{
	buf_puts(b, "\"aud\":");
	if (c->audiences)
		json_from_doc(b, c->audiences);
	else
		buf_puts(b, "[]");
	buf_printf(b, ",\"exp\":%lld,\"iat\":%lld,", (long long)c->until_s, (long long)c->issued_s);
	put_text(b, "iss", span_of(CLAIMS_ISSUER));
	buf_putc(b, ',');
	put_text(b, "jti", c->id);
	buf_puts(b, ",\"kubernetes.io\":{");
	put_text(b, "namespace", c->namespace);
	for (size_t i = 0; i < CLAIMS_BOUND; i++)
		if (c->bound[i].name.len)
			put_ref(b, bound_names[i], &c->bound[i]);
	put_ref(b, "serviceaccount", &c->account);
	buf_printf(b, "},\"nbf\":%lld,", (long long)c->issued_s);
}

void claims_write(struct buf *out, const struct claims *c)
{
	struct buf subject = {0};
	buf_printf(&subject, SERVICE_ACCOUNT_PREFIX "%.*s:%.*s", (int)c->namespace.len,
		   (const char *)c->namespace.data, (int)c->account.name.len,
		   (const char *)c->account.name.data);
	buf_putc(out, '{');
	if (c->until_s)
		write_bound(out, c);
	else
		write_secret(out, c);
	put_text(out, "sub", span_buf(&subject));
	buf_putc(out, '}');
	buf_fini(&subject);
}

void claims_id(const uint8_t random[16], char out[CLAIMS_ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 16; i++) {
		uint8_t b = i == 6   ? (uint8_t)((random[i] & 0x0f) | 0x40)
			    : i == 8 ? (uint8_t)((random[i] & 0x3f) | 0x80)
				     : random[i];
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[b >> 4];
		*out++ = digits[b & 15];
	}
	*out = 0;
}

/* ---- reading */

static struct claims_ref ref_of(const struct doc *d)
{
	return (struct claims_ref){doc_get_str(d, "name"), doc_get_str(d, "uid")};
}

static void read_secret(const struct doc *d, struct claims *c)
{
#define ACCOUNT "kubernetes.io/serviceaccount/"
	c->namespace = doc_get_str(d, ACCOUNT "namespace");
	c->account.name = doc_get_str(d, ACCOUNT "service-account.name");
	c->account.uid = doc_get_str(d, ACCOUNT "service-account.uid");
	c->bound[CLAIMS_SECRET].name = doc_get_str(d, ACCOUNT "secret.name");
}

/* RFC 7519 has one audience as text, too. */
static const struct doc *audiences_of(struct arena *a, const struct doc *aud)
{
	if (doc_is(aud, DOC_ARRAY) || !doc_is(aud, DOC_STR))
		return doc_is(aud, DOC_ARRAY) ? aud : NULL;
	struct doc *list = doc_new(a, DOC_ARRAY);
	doc_add(list, doc_span(a, aud->text));
	return list;
}

static void read_bound(struct arena *a, const struct doc *d, struct claims *c)
{
	const struct doc *k = doc_get(d, "kubernetes.io");
	c->namespace = doc_get_str(k, "namespace");
	c->account = ref_of(doc_get(k, "serviceaccount"));
	for (size_t i = 0; i < CLAIMS_BOUND; i++)
		c->bound[i] = ref_of(doc_get(k, bound_names[i]));
	c->issued_s = doc_get_int(d, "iat", 0);
	c->from_s = doc_get_int(d, "nbf", 0);
	c->until_s = doc_get_int(d, "exp", 0);
	c->audiences = audiences_of(a, doc_get(d, "aud"));
}

int claims_read(struct arena *a, struct span payload, struct claims *out, struct err *e)
{
	struct doc *d;
	*out = (struct claims){0};
	int rc = json_parse(a, payload, &d, NULL, e);
	if (rc || !doc_is(d, DOC_MAP))
		return rc ? rc : err_set(e, ERR_INVALID, "the claims are no object");
	out->issuer = doc_get_str(d, "iss");
	out->subject = doc_get_str(d, "sub");
	out->id = doc_get_str(d, "jti");
	bool secret = span_is(out->issuer, CLAIMS_SECRET_ISSUER);
	if (secret)
		read_secret(d, out);
	else
		read_bound(a, d, out);
	bool whole = out->namespace.len && out->account.name.len && out->account.uid.len;
	if (!whole || (secret ? !out->bound[CLAIMS_SECRET].name.len : !out->until_s))
		return err_set(e, ERR_INVALID, "the claims name no service account");
	return 0;
}

static bool is_for(const struct claims *c, struct span audience)
{
	DOC_EACH(d, c->audiences)
	{
		if (doc_is(d, DOC_STR) && span_eq(d->text, audience))
			return true;
	}
	return false;
}

int claims_check(const struct claims *c, int64_t wall_us, const struct span *audiences,
		 size_t count)
{
	struct span own = span_of(CLAIMS_ISSUER);
	int64_t now_s = wall_us / 1000000;
	bool fine = false;
	if (!c->until_s) /* of a secret: as long as that is there, for the API alone */
		return span_is(c->issuer, CLAIMS_SECRET_ISSUER) && !count ? 0 : ERR_FORBIDDEN;
	if (!span_is(c->issuer, CLAIMS_ISSUER) || now_s >= c->until_s || now_s < c->from_s)
		return ERR_FORBIDDEN;
	for (size_t i = 0; i < (count ? count : 1); i++)
		fine |= is_for(c, count ? audiences[i] : own);
	return fine ? 0 : ERR_FORBIDDEN;
}

static void add_extra(struct arena *a, struct identity *who, const char *key, struct span value)
{
	if (!value.len)
		return;
	if (!who->extra)
		who->extra = doc_new(a, DOC_MAP);
	doc_add(doc_set(a, who->extra, key, doc_new(a, DOC_ARRAY)), doc_span(a, value));
}

void claims_identity(struct arena *a, const struct claims *c, struct identity *out)
{
	const char *ns = arena_ndup(a, c->namespace.data, c->namespace.len);
	out->name =
		span_of(arena_printf(a, SERVICE_ACCOUNT_PREFIX "%s:%.*s", ns,
				     (int)c->account.name.len, (const char *)c->account.name.data));
	out->uid = c->account.uid;
	identity_add_group(out, span_of("system:serviceaccounts"));
	identity_add_group(out, span_of(arena_printf(a, "system:serviceaccounts:%s", ns)));
	if (c->id.len)
		add_extra(a, out, "authentication.kubernetes.io/credential-id",
			  span_of(arena_printf(a, "JTI=%.*s", (int)c->id.len,
					       (const char *)c->id.data)));
	add_extra(a, out, "authentication.kubernetes.io/node-name", c->bound[CLAIMS_NODE].name);
	add_extra(a, out, "authentication.kubernetes.io/node-uid", c->bound[CLAIMS_NODE].uid);
	add_extra(a, out, "authentication.kubernetes.io/pod-name", c->bound[CLAIMS_POD].name);
	add_extra(a, out, "authentication.kubernetes.io/pod-uid", c->bound[CLAIMS_POD].uid);
}
