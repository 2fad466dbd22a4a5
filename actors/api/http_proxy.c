/* Requests that go on to a server: the client's side of http_forward.h.
 *
 *   headers ─► HTTP_REQUEST, suspended ─► HTTP_FORWARD ─► connected
 *           ─► body, piece by piece ─► the server's head ─► HTTP_FORWARDED
 *           ─► its body, piece by piece; or, after 101, http_tunnel.h
 *
 * Once it reads a body the library takes an answer when the request is over and
 * not before, so one that comes earlier waits (HTTP_STUCK_US); where nobody
 * wants that body, it is dropped as it comes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actors/api/http_forward.h"
#include "actors/api/http_links.h"
#include "actors/api/http_port_private.h"
#include "actors/api/http_tunnel.h"
#include "actors/api/proxy_name.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum {
	READ_BYTES = 16384,	 /* at a time, of bodies of known length */
	PAGE_PIECE_BYTES = 8192, /* of a page whose links are rewritten */
};

struct http_proxied {
	struct http_forward *forward; /* NULL: not yet, or it failed */
	struct http_tunnel *tunnel;   /* it became another protocol; NULL: no */
	bool given; /* all of the request's body */
	bool over;  /* the tunnel has ended */
	char *prefix, *backend, *host; /* as struct proxy_place wants them */
	bool is_page;		       /* its links are rewritten */
	struct http_links links;
	struct buf page; /* rewritten, and not read */
	size_t page_at;
};

bool http_proxy_is_meant(const char *path)
{
	struct span prefix, rest;
	return strstr(path, "/proxy") && proxy_path_split(span_of(path), &prefix, &rest);
}

struct http_proxied *http_proxied_new(void)
{
	return mem_alloc(sizeof(struct http_proxied));
}

void http_proxied_free(struct http_proxied *p)
{
	if (!p)
		return;
	http_tunnel_free(p->tunnel);
	http_forward_free(p->forward);
	http_links_fini(&p->links);
	buf_fini(&p->page);
	free(p->prefix);
	free(p->backend);
	free(p->host);
	free(p);
}

/* ---- header fields */

static bool is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (http_word(name, *names))
			return true;
	return false;
}

/* What is said to the next one only (RFC 9110, 7.6.1). */
static bool is_for_one_hop(struct span name, struct span connection)
{
	static const char *const names[] = {
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", NULL};
	return is_one_of(name, names) || http_list_has(connection, name);
}

/* What is ours to say, or was meant for us: who asks is not told. */
static bool is_ours(struct span name)
{
	static const char *const names[] = {
		"Host", "Content-Length", "Expect", "Authorization", "X-Forwarded-For",
		"X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-Proto", NULL};
	static const char impersonate[] = "Impersonate-";
	size_t n = sizeof impersonate - 1;
	return is_one_of(name, names) ||
	       (name.len > n && strncasecmp((const char *)name.data, impersonate, n) == 0);
}

static void put_line(struct buf *b, struct span name, struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
			return;
	buf_append(b, name.data, name.len);
	buf_puts(b, ": ");
	buf_append(b, value.data, value.len);
	buf_puts(b, "\r\n");
}

struct passing {
	struct buf *out;
	struct span connection;
	bool page; /* it may be answered with one, whose links are to be read */
};

static enum MHD_Result pass_header(void *cls, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	struct passing *p = cls;
	struct span name = span_of(key);
	(void)kind;
	if (value && !is_for_one_hop(name, p->connection) && !is_ours(name) &&
	    !(p->page && http_word(name, "Accept-Encoding")))
		put_line(p->out, name, span_of(value));
	return MHD_YES;
}

static const char *header(struct request *r, const char *name)
{
	const char *value = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
	return value ? value : "";
}

static void put_forwarded(struct buf *b, struct request *r, struct span path)
{
	char ip[INET_ADDRSTRLEN] = "";
	struct buf line = {0};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, ip,
			  sizeof ip);
	const char *before = header(r, "X-Forwarded-For");
	buf_printf(&line, "%s%s%s", before, *before ? ", " : "", ip);
	put_line(b, span_of("X-Forwarded-For"), span_buf(&line));
	line.len = 0;
	buf_puts(&line, r->proxied->prefix);
	buf_append(&line, path.data, path.len);
	put_line(b, span_of("X-Forwarded-Uri"), span_buf(&line));
	buf_fini(&line);
	put_line(b, span_of("X-Forwarded-Host"), span_of(r->proxied->host));
	put_line(b, span_of("X-Forwarded-Proto"), span_of("https"));
}

static bool is_chunked(struct request *r)
{
	return *header(r, "Transfer-Encoding") != 0;
}

/* What it asks to become; NULL: nothing. */
static const char *upgrade_of(struct request *r)
{
	const char *what = header(r, "Upgrade");
	bool asked = *what && http_list_has(span_of(header(r, "Connection")), span_of("upgrade"));
	return asked && !*header(r, "Content-Length") && !is_chunked(r) ? what : NULL;
}

/* A connection each: what a pod's server does with a second request is unknown. */
static void put_head(struct buf *b, struct request *r, const char *method, struct span path)
{
	struct passing passing = {b, span_of(header(r, "Connection")),
				  strstr(header(r, "Accept"), "text/html") != NULL};
	const char *query = strchr(r->uri ? r->uri : "", '?'), *length = header(r, "Content-Length");
	buf_printf(b, "%s ", method);
	buf_append(b, path.data, path.len);
	if (query) {
		buf_putc(b, '?');
		proxy_query_write(b, span_of(query + 1));
	}
	buf_puts(b, " HTTP/1.1\r\n");
	put_line(b, span_of("Host"), span_of(r->proxied->host));
	MHD_get_connection_values(r->conn, MHD_HEADER_KIND, pass_header, &passing);
	put_forwarded(b, r, path);
	if (is_chunked(r))
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	else if (*length)
		put_line(b, span_of("Content-Length"), span_of(length));
	if (upgrade_of(r)) {
		put_line(b, span_of("Upgrade"), span_of(upgrade_of(r)));
		buf_puts(b, "Connection: Upgrade\r\n\r\n");
	} else {
		buf_puts(b, "Connection: close\r\n\r\n");
	}
}

/* ---- the answer */

/* 0: there is more of it to read; else as http_forward_read. */
static ssize_t fill_page(struct http_proxied *p)
{
	uint8_t piece[PAGE_PIECE_BYTES];
	while (p->page_at == p->page.len) {
		ssize_t n = http_forward_read(p->forward, piece, sizeof piece);
		p->page_at = p->page.len = 0;
		if (n > 0)
			http_links_write(&p->links, &p->page, (struct span){piece, (size_t)n});
		else if (n == HTTP_FORWARD_OVER)
			http_links_end(&p->links, &p->page);
		if (n <= 0 && !p->page.len)
			return n;
	}
	return 0;
}

static ssize_t read_page(struct http_proxied *p, uint8_t *to, size_t max)
{
	ssize_t rc = fill_page(p);
	size_t n = p->page.len - p->page_at;
	if (rc || !n)
		return rc;
	n = n < max ? n : max;
	memcpy(to, p->page.data + p->page_at, n);
	p->page_at += n;
	return (ssize_t)n;
}

static ssize_t read_answer(void *cls, uint64_t at, char *to, size_t max)
{
	struct request *r = cls;
	(void)at;
	if (!r->proxied || http_forward_left(r->proxied->forward))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	struct http_proxied *p = r->proxied;
	ssize_t n = p->is_page ? read_page(p, (uint8_t *)to, max)
			       : http_forward_read(p->forward, (uint8_t *)to, max);
	if (n == HTTP_FORWARD_OVER)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == HTTP_FORWARD_CUT)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0)
		request_suspend(r);
	return n;
}

static void add_header(struct request *r, struct span name, struct span value)
{
	char *n = mem_ndup(name.data, name.len), *v = mem_ndup(value.data, value.len);
	for (char *c = v; *c; c++)
		if (*c == '\t')
			*c = ' '; /* the library takes none */
	MHD_add_response_header(r->response, n, v);
	free(n);
	free(v);
}

static struct proxy_place place_of(const struct http_proxied *p)
{
	return (struct proxy_place){span_of(p->prefix), span_of(p->backend), span_of(p->host)};
}

static void add_location(struct request *r, struct span name, struct span value)
{
	struct buf b = {0};
	struct proxy_place at = place_of(r->proxied);
	proxy_location_write(&b, &at, value);
	add_header(r, name, span_buf(&b));
	buf_fini(&b);
}

/* Another site's pages shall not read what the API server says. */
static bool is_cors(struct span name)
{
	static const char *const names[] = {
		"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Origin", NULL};
	return is_one_of(name, names);
}

static void add_headers(struct request *r, const struct http_answer *a)
{
	struct span name, value, connection = {0};
	for (size_t at = 0; http_answer_field(a, &at, &name, &value);)
		if (http_word(name, "Connection"))
			connection = value;
	for (size_t at = 0; http_answer_field(a, &at, &name, &value);) {
		if (is_for_one_hop(name, connection) || is_cors(name) ||
		    http_word(name, "Content-Length") || http_word(name, "Audit-Id"))
			continue;
		if (http_word(name, "Location"))
			add_location(r, name, value);
		else
			add_header(r, name, value);
	}
	MHD_add_response_header(r->response, "Audit-Id", r->audit_id);
	if (!MHD_get_response_header(r->response, "Cache-Control"))
		MHD_add_response_header(r->response, "Cache-Control", "no-cache, private");
}

/* A page whose links lead through the proxy. One that is compressed stays as it is:
 * who asks for pages is not told that the server may do that (put_head). */
static bool is_page(const struct http_answer *a)
{
	struct span name, value, type;
	bool html = false, coded = false;
	for (size_t at = 0; http_answer_field(a, &at, &name, &value);) {
		if (http_word(name, "Content-Encoding"))
			coded |= !http_word(value, "identity");
		else if (http_word(name, "Content-Type"))
			html = span_next(&value, ';', &type) && http_word(type, "text/html");
	}
	return html && !coded && a->framing != HTTP_BODY_NONE;
}

static void make_response(struct request *r, const struct http_answer *a)
{
	struct http_proxied *p = r->proxied;
	p->is_page = is_page(a);
	p->links.at = place_of(p);
	uint64_t length = a->length >= 0 ? (uint64_t)a->length : MHD_SIZE_UNKNOWN;
	if (a->framing == HTTP_BODY_CHUNKED || a->framing == HTTP_BODY_TO_END || p->is_page)
		length = MHD_SIZE_UNKNOWN;
	r->response = MHD_create_response_from_callback(length, READ_BYTES, read_answer, r, NULL);
	r->status = (unsigned)a->status;
	r->streaming = true; /* its end is told */
	add_headers(r, a);
}

static void tell_failure(struct request *r, const char *why)
{
	struct bytes *text = bytes_copy(why, strlen(why));
	http_forward_free(r->proxied->forward);
	r->proxied->forward = NULL;
	(void)port_deliver(r->server->port, HTTP_FORWARDED, r->id, 0, text);
}

/* It stays suspended, which leaves it to the tunnel; then the library is told to
 * end it. */
static void on_tunnel_closed(void *arg)
{
	struct request *r = arg;
	r->proxied->over = true;
	request_resume(r);
}

static void switch_protocols(struct request *r)
{
	struct http_proxied *p = r->proxied;
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *tls =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	http_forward_switch(p->forward);
	p->tunnel = http_tunnel_open(r->server->port->loop, p->forward, fd->connect_fd,
				     tls->tls_session, on_tunnel_closed, r);
	(void)port_deliver(r->server->port, HTTP_FORWARDED, r->id, 101, NULL);
}

/* What has become of it. */
static void look(struct request *r)
{
	struct http_forward *f = r->proxied->forward;
	if (!f || r->response || r->proxied->tunnel || http_forward_left(f))
		return;
	const struct http_answer *a = http_forward_answer(f);
	const char *failure = http_forward_failure(f);
	if (a && a->status == 101 && upgrade_of(r)) {
		if (r->proxied->given) /* now the library has done its part */
			switch_protocols(r);
	} else if (a && a->status == 101) {
		tell_failure(r, "the server wants another protocol than HTTP");
	} else if (a) {
		make_response(r, a);
		(void)port_deliver(r->server->port, HTTP_FORWARDED, r->id, r->status, NULL);
	} else if (failure) {
		tell_failure(r, failure);
	}
}

static void on_wake(void *arg)
{
	struct request *r = arg;
	look(r);
	if (r->proxied->tunnel)
		http_tunnel_step(r->proxied->tunnel);
	else
		request_resume(r);
}

/* ---- the request */

static struct http_backend_address address_of(struct mp to, char ip[INET_ADDRSTRLEN])
{
	span_text(ip, INET_ADDRSTRLEN, mp_path_str(to, "address"));
	return (struct http_backend_address){
		.ip = ip,
		.port = (uint16_t)mp_path_int(to, "port", 0),
		.tls = mp_path_bool(to, "tls", false),
	};
}

static char *text_of(struct span s)
{
	return mem_ndup(s.data, s.len);
}

void http_proxy_start(struct request *r, struct mp to)
{
	struct http_proxied *p = r->proxied;
	char ip[INET_ADDRSTRLEN], method[32], name[40];
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!p || p->forward || r->response || !fd)
		return;
	struct http_backend_address at = address_of(to, ip);
	snprintf(name, sizeof name, "%s:%u", ip, (unsigned)at.port);
	span_text(method, sizeof method, mp_path_str(to, "method"));
	p->prefix = text_of(mp_path_str(to, "prefix"));
	p->backend = mem_dup(name);
	p->host = mem_dup(header(r, "Host"));
	struct buf head = {0};
	put_head(&head, r, method, mp_path_str(to, "path"));
	p->forward = http_forward_open(r->server->port->loop, &at, fd->connect_fd, &head,
				       is_chunked(r), strcmp(method, "HEAD") == 0, on_wake, r);
	on_wake(r);
}

/* Who asked whether to send a body is answered before he does. The library ends
 * the connection then. */
enum MHD_Result http_proxy_begin(struct request *r)
{
	struct http_forward *f = r->proxied->forward;
	if (f && http_forward_left(f))
		return MHD_NO;
	if (!r->response && !(f && http_forward_connected(f))) {
		request_suspend(r);
		return MHD_YES;
	}
	r->decided = true;
	if (r->response && http_list_has(span_of(header(r, "Expect")), span_of("100-continue")))
		return request_answer(r);
	return MHD_YES;
}

enum MHD_Result http_proxy_body(struct request *r, struct span *data)
{
	struct http_forward *f = r->proxied->forward;
	if (f && http_forward_left(f))
		return MHD_NO;
	/* To the last byte that it takes: only then it wakes us for more. */
	size_t n = f || r->response ? data->len : 0;
	for (; n && data->len; data->data += n, data->len -= n)
		n = f ? http_forward_give(f, *data) : data->len;
	look(r);
	if (data->len)
		request_suspend(r);
	return MHD_YES;
}

enum MHD_Result http_proxy_body_ended(struct request *r)
{
	struct http_proxied *p = r->proxied;
	if (p->over || (p->forward && http_forward_left(p->forward)))
		return MHD_NO;
	if (p->forward && !p->given) {
		p->given = true;
		http_forward_given(p->forward);
		look(r);
	}
	if (!r->response)
		request_suspend(r);
	return MHD_YES;
}
