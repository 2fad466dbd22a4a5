#include "actors/api/http_describe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "actors/api/proxy_name.h"
#include "broker/base/mp.h"

static void put_text(struct buf *b, const char *key, const char *text)
{
	struct span s = span_of(text ? text : "");
	mpw_kv_span(b, key, utf8_ok(s) ? s : (struct span){0});
}

/* The names in a client certificate that our CA signed. */
static void put_client(struct buf *b, struct MHD_Connection *conn)
{
	char user[256] = "", group[256];
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_x509_crt_t cert = NULL;
	unsigned count = 0, status = 1;
	const gnutls_datum_t *peers =
		info ? gnutls_certificate_get_peers(info->tls_session, &count) : NULL;
	bool good = peers && count &&
		    gnutls_certificate_verify_peers2(info->tls_session, &status) == 0 &&
		    status == 0 && gnutls_x509_crt_init(&cert) == 0 &&
		    gnutls_x509_crt_import(cert, &peers[0], GNUTLS_X509_FMT_DER) == 0;
	size_t n = sizeof user;
	if (good &&
	    gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, user, &n))
		user[0] = 0;
	put_text(b, "user", user);
	mpw_str(b, "groups");
	size_t list = mpw_array_open(b), groups = 0;
	for (int i = 0; good && i < 32; i++, groups++) {
		n = sizeof group;
		if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, i, 0,
						  group, &n))
			break;
		mpw_str(b, group);
	}
	mpw_array_close(b, list, groups);
	if (cert)
		gnutls_x509_crt_deinit(cert);
}

struct pairs {
	struct buf *out;
	size_t count;
};

static enum MHD_Result put_pair(void *cls, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	struct pairs *a = cls;
	(void)kind;
	struct span k = span_of(key), v = span_of(value ? value : ""), none = {0};
	mpw_array(a->out, 2);
	mpw_span(a->out, utf8_ok(k) ? k : none);
	mpw_span(a->out, utf8_ok(v) ? v : none);
	a->count++;
	return MHD_YES;
}

static enum MHD_Result put_impersonation(void *cls, enum MHD_ValueKind kind, const char *key,
					 const char *value)
{
	static const char prefix[] = "impersonate-";
	char name[256];
	size_t n = sizeof prefix - 1;
	if (strncasecmp(key, prefix, n) != 0 || strlen(key + n) >= sizeof name)
		return MHD_YES;
	for (size_t i = 0; (name[i] = (char)tolower((unsigned char)key[n + i])); i++)
		;
	return put_pair(cls, kind, name, value);
}

/* The payload of a bearer token that our key has signed; else nothing. Who
 * comes with the same token again is not verified again. */
static void put_claims(struct buf *b, struct verified *v, const struct jwt_key *accounts,
		       const char *auth)
{
	static const char scheme[] = "Bearer ";
	struct span payload = {0};
	if (auth && strncmp(auth, scheme, sizeof scheme - 1) == 0)
		payload = verified_find(v, accounts, span_of(auth + sizeof scheme - 1));
	mpw_str(b, "claims");
	mpw_bin(b, payload);
}

static void put_pairs(struct buf *b, const char *key, struct MHD_Connection *conn,
		      enum MHD_ValueKind kind, MHD_KeyValueIterator put)
{
	struct pairs pairs = {b, 0};
	mpw_str(b, key);
	size_t list = mpw_array_open(b);
	if (conn)
		MHD_get_connection_values(conn, kind, put, &pairs);
	mpw_array_close(b, list, pairs.count);
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

static enum MHD_Result put_protocols(void *cls, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct buf *list = cls;
	(void)kind;
	if (strcasecmp(key, "Sec-WebSocket-Protocol") != 0 || !value)
		return MHD_YES;
	buf_puts(list, list->len ? "," : "");
	buf_puts(list, value);
	return MHD_YES;
}

/* What the connection shall become; a WebSocket only with its key. */
static void put_upgrade(struct buf *b, struct MHD_Connection *conn)
{
	const char *what = header(conn, "Upgrade"), *list = header(conn, "Connection");
	char lower[32] = "";
	struct buf protocols = {0};
	if (what && list && strcasestr(list, "upgrade"))
		for (size_t i = 0; what[i] && i < sizeof lower - 1; i++)
			lower[i] = (char)tolower((unsigned char)what[i]);
	if (strcmp(lower, "websocket") == 0 && !header(conn, "Sec-WebSocket-Key"))
		lower[0] = 0;
	put_text(b, "upgrade", lower);
	if (lower[0])
		MHD_get_connection_values(conn, MHD_HEADER_KIND, put_protocols, &protocols);
	put_text(b, "protocols", buf_text(&protocols));
	buf_fini(&protocols);
}

/* What no address can hold is percent-encoded, so that it is text. */
static void put_uri(struct buf *b, const char *uri)
{
	struct buf text = {0};
	struct span whole = span_of(uri ? uri : "");
	for (size_t i = 0; i < whole.len; i++) {
		if (whole.data[i] > ' ' && whole.data[i] < 0x7f)
			continue;
		proxy_query_write(&text, whole);
		whole = span_buf(&text);
		break;
	}
	mpw_kv_span(b, "uri", whole);
	buf_fini(&text);
}

/* Where it came from, and over whom as the headers say. */
static void put_source(struct buf *b, struct MHD_Connection *conn, const char *audit_id)
{
	char ip[INET_ADDRSTRLEN] = "";
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, ip,
			  sizeof ip);
	mpw_kv_str(b, "audit", audit_id);
	mpw_kv_str(b, "from", ip);
	put_text(b, "via", header(conn, "X-Forwarded-For"));
}

struct bytes *http_describe(struct MHD_Connection *conn, const struct http_words *words,
			    struct verified *verified, const struct jwt_key *accounts)
{
	struct buf b = {0};
	buf_reserve(&b, 512 + words->body.len);
	bool own = !words->proxied && !words->unreadable;
	mpw_map(&b, words->audit_id ? 20 : 17);
	put_text(&b, "method", words->method);
	put_text(&b, "path", words->path);
	put_uri(&b, words->uri);
	put_pairs(&b, "args", own ? conn : NULL, MHD_GET_ARGUMENT_KIND, put_pair);
	put_text(&b, "auth", header(conn, "Authorization"));
	put_text(&b, "accept", header(conn, "Accept"));
	put_text(&b, "type", header(conn, "Content-Type"));
	put_text(&b, "agent", header(conn, "User-Agent"));
	put_client(&b, conn);
	put_pairs(&b, "impersonate", conn, MHD_HEADER_KIND, put_impersonation);
	put_claims(&b, verified, accounts, header(conn, "Authorization"));
	put_upgrade(&b, conn);
	if (words->audit_id)
		put_source(&b, conn, words->audit_id);
	mpw_kv_bool(&b, "unreadable", words->unreadable);
	mpw_kv_bool(&b, "too-large", words->too_large);
	mpw_str(&b, "body");
	mpw_bin(&b, words->body);
	return bytes_take(&b);
}
