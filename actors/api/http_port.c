/* libmicrohttpd in external epoll mode: its descriptor is one more on the
 * loop, and a hook before each sleep runs it when an answer is ready.
 *
 * The library's handler is called three times for a request: at the headers,
 * at the end of the body (we suspend the connection and tell the actor), and
 * again after the resume (we queue the response). Answering in the first call
 * would make 0.9.75 close the connection. */
#include "actors/api/http_port_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/http_answer.h"
#include "actors/api/http_describe.h"
#include "actors/api/http_gzip.h"
#include "actors/api/http_socket.h"
#include "actors/api/tls_output.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

static const char *const type_names[HTTP_TYPES] = {
	[HTTP_JSON] = "application/json",
	[HTTP_YAML] = "application/yaml",
	[HTTP_PROTOBUF] = "application/vnd.kubernetes.protobuf",
	[HTTP_PROTOBUF_WATCH] = "application/vnd.kubernetes.protobuf;stream=watch",
	[HTTP_TEXT] = "text/plain; charset=utf-8",
	[HTTP_OCTETS] = "application/octet-stream",
	[HTTP_DISCOVERY] = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
	[HTTP_OPENAPI_V2] = "application/octet-stream",
};

static struct request *find(struct server *s, uint64_t id)
{
	return omap_get_u64(&s->requests, id);
}

/* ---- answers */

static void add_headers(struct request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		char *colon = strstr(r->headers[i], ": ");
		if (!colon)
			continue;
		*colon = 0;
		MHD_add_response_header(r->response, r->headers[i], colon + 2);
	}
}

static void set_response(struct request *r, uint32_t arg, struct MHD_Response *response)
{
	unsigned type = arg >> 16;
	r->status = arg & 0xffff;
	r->response = response;
	MHD_add_response_header(response, "Content-Type",
				type_names[type < HTTP_TYPES ? type : HTTP_JSON]);
	MHD_add_response_header(response, "Cache-Control", "no-cache, private");
	MHD_add_response_header(response, "Audit-Id", r->audit_id);
	if (type == HTTP_TEXT)
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	add_headers(r);
}

void request_resume(struct request *r)
{
	r->server->work = true;
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->conn);
}

void request_suspend(struct request *r)
{
	r->suspended = true;
	MHD_suspend_connection(r->conn);
}

static void drop_bytes(void *hint)
{
	bytes_unref(hint);
}

/* Resources, as in Kubernetes; not what is made once and asked for by every kubectl. */
static bool is_compressed(const struct request *r, unsigned status, size_t len)
{
	if (len < HTTP_GZIP_FROM || status != 200 || !r->resources)
		return false;
	const char *accepts = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Accept-Encoding");
	return accepts && http_list_has(span_of(accepts), span_of("gzip"));
}

static ssize_t read_compressed(void *cls, uint64_t pos, char *out, size_t max)
{
	struct request *r = cls;
	ssize_t n;
	(void)pos;
	do
		n = http_gzip_read(r->gzip, (uint8_t *)out, max);
	while (n == 0);
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static struct MHD_Response *compressed(struct request *r, struct bytes *body)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, HTTP_GZIP_PIECE, read_compressed, r, NULL);
	r->gzip = http_gzip_new(body);
	MHD_add_response_header(response, "Content-Encoding", "gzip");
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	return response;
}

static struct MHD_Response *as_it_is(struct bytes *body)
{
	struct span s = bytes_span(body);
	return MHD_create_response_from_buffer_with_free_callback_cls(
		s.len, (void *)(uintptr_t)s.data, drop_bytes, bytes_ref(body));
}

static bool has_body(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void reply(struct request *r, uint32_t arg, struct bytes *body)
{
	if (r->response)
		return;
	bool compress = is_compressed(r, arg & 0xffff, bytes_span(body).len);
	set_response(r, arg, compress ? compressed(r, body) : as_it_is(body));
	r->whole = !compress && r->bodied && has_body(r->status) && bytes_span(body).len;
	request_resume(r);
}

enum {
	STREAM_KEEPS = 4096,	  /* of a waiting stream's buffer; events mostly fit */
	STREAM_OLD_PIECE = 1024, /* of an answer without chunks */
};

/* A stream may wait for hours, thousands of them. The library gives each the rest of
 * its connection's memory to write to, 30 KB that were all touched while its request
 * was read. What is in there is nobody's, so its whole pages go back to the system,
 * which brings them again, as zeros, when they are written to. */
static void give_back(struct request *r, char *out, size_t max)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)out + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)out + max) & ~(page - 1);
	if (from < to && !r->old) /* else the buffer is a small one of the answer's */
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
	r->piece = 0;
}

/* The library asks for more of a stream. */
static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t max)
{
	struct request *r = cls;
	size_t n = 0;
	(void)pos;
	while (r->chunk_count && n < max) {
		struct bytes *chunk = r->chunks[r->chunk_first];
		struct span s = bytes_span(chunk);
		size_t part = s.len - r->chunk_at < max - n ? s.len - r->chunk_at : max - n;
		memcpy(out + n, s.data + r->chunk_at, part);
		n += part;
		r->chunk_at += part;
		if (r->chunk_at == s.len) {
			bytes_unref(chunk);
			r->chunk_first++;
			r->chunk_count--;
			r->chunk_at = 0;
		}
	}
	r->queued -= n;
	if (n > r->piece)
		r->piece = n;
	if (n)
		return (ssize_t)n;
	if (r->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (r->piece > STREAM_KEEPS)
		give_back(r, out, max);
	request_suspend(r);
	return 0;
}

static void open_stream(struct request *r, uint32_t arg)
{
	if (r->response)
		return;
	r->streaming = true;
	r->piece = SIZE_MAX; /* its request's */
	/* Chunks are made in the connection's buffer, not in the answer's. */
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, r->old ? STREAM_OLD_PIECE : 1, read_stream, r, NULL);
	set_response(r, arg, response);
	request_resume(r);
}

static void add_data(struct request *r, struct bytes *data)
{
	if (!r->streaming || r->ended || bytes_span(data).len == 0)
		return;
	if (r->queued > HTTP_STREAM_MAX) {
		r->ended = true; /* it reads too slowly: a client lists again */
		request_resume(r);
		return;
	}
	if (r->chunk_first + r->chunk_count == r->chunk_cap) {
		if (r->chunk_count)
			memmove(r->chunks, r->chunks + r->chunk_first,
				r->chunk_count * sizeof *r->chunks);
		r->chunk_first = 0;
		if (r->chunk_count * 2 >= r->chunk_cap) {
			r->chunk_cap = r->chunk_cap ? 2 * r->chunk_cap : 4;
			r->chunks = mem_realloc(r->chunks, r->chunk_cap * sizeof *r->chunks);
		}
	}
	r->chunks[r->chunk_first + r->chunk_count++] = bytes_ref(data);
	r->queued += bytes_span(data).len;
	request_resume(r);
}

/* ---- WebSockets */

static int fd_of(struct MHD_Connection *conn)
{
	return MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static gnutls_session_t tls_of(struct MHD_Connection *conn)
{
	return MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
}

/* The library is asked what to answer, and told to end the connection. */
static void on_socket_closed(void *arg)
{
	struct request *r = arg;
	(void)port_deliver(r->server->port, HTTP_GONE, r->id, 0, NULL);
	r->told = false; /* nothing more is told of it */
	request_resume(r);
}

/* It stays suspended, which leaves it to the socket. */
static void upgrade(struct request *r, struct span protocol)
{
	const char *key = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Sec-WebSocket-Key");
	if (r->response || r->socket || !r->suspended || !key)
		return;
	r->socket = http_socket_new(r->server->port, r->id, on_socket_closed, r);
	http_socket_open(r->socket, fd_of(r->conn), tls_of(r->conn), span_of(key), protocol);
}

static void call_socket(struct request *r, uint32_t op, uint32_t arg, struct bytes *payload)
{
	if (!r->socket)
		return;
	if (op == HTTP_NEXT)
		http_socket_next(r->socket);
	else if (op == HTTP_SEND)
		http_socket_send(r->socket, arg, bytes_span(payload));
	else if (op == HTTP_PING)
		http_socket_ping(r->socket);
	else if (op == HTTP_SHUT)
		http_socket_shut(r->socket, arg, bytes_span(payload));
}

static void sign(struct server *server, uint64_t id, struct span claims)
{
	struct buf token = {0};
	if (server->accounts)
		(void)jwt_sign(server->accounts, claims, &token, NULL);
	(void)port_deliver(server->port, HTTP_SIGNED, id, 0, token.len ? bytes_take(&token) : NULL);
}

static void verify(struct server *server, uint64_t id, struct span token)
{
	struct span payload = verified_find(&server->verified, server->accounts, token);
	struct bytes *b = payload.len ? bytes_copy(payload.data, payload.len) : NULL;
	(void)port_deliver(server->port, HTTP_VERIFIED, id, 0, b);
}

static void call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct request *r = find(p->state, id);
	struct span s = bytes_span(payload);
	if (!r)
		return; /* the client left */
	switch (op) {
	case HTTP_SIGN:
		sign(r->server, id, s);
		break;
	case HTTP_VERIFY:
		verify(r->server, id, s);
		break;
	case HTTP_HEADER:
		r->headers = mem_realloc(r->headers, (r->header_count + 1) * sizeof *r->headers);
		r->headers[r->header_count++] = mem_ndup(s.data, s.len);
		break;
	case HTTP_REPLY:
		reply(r, arg, payload);
		break;
	case HTTP_STREAM:
		open_stream(r, arg);
		break;
	case HTTP_DATA:
		add_data(r, payload);
		break;
	case HTTP_END:
		r->ended = true;
		request_resume(r);
		break;
	case HTTP_UPGRADE:
		upgrade(r, s);
		break;
	case HTTP_FORWARD:
		http_proxy_start(r, mp_of(s));
		break;
	default:
		call_socket(r, op, arg, payload);
		break;
	}
}

static void request_free(struct request *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->chunk_count; i++)
		bytes_unref(r->chunks[r->chunk_first + i]);
	for (size_t i = 0; i < r->header_count; i++)
		free(r->headers[i]);
	if (r->response && !r->queued_response)
		MHD_destroy_response(r->response);
	http_socket_free(r->socket);
	http_proxied_free(r->proxied);
	http_gzip_free(r->gzip);
	free(r->uri);
	free(r->headers);
	free(r->chunks);
	buf_fini(&r->body);
	free(r);
}

/* ---- what the library calls */

/* Of a connection: the request of which the first line is there, until its
 * headers are too. The library tells of its end only from then on. */
struct arrival {
	struct request *request;
	struct tls_output output;
};

static struct arrival *arrival_of(struct MHD_Connection *conn)
{
	return MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

enum MHD_Result request_answer(struct request *r)
{
	/* queued responses count their own references */
	enum MHD_Result rc = MHD_queue_response(r->conn, r->status, r->response);
	if (rc == MHD_YES && r->whole)
		tls_output_hold(&arrival_of(r->conn)->output);
	MHD_destroy_response(r->response);
	r->queued_response = true;
	return rc;
}

/* The actor cannot be told of it: the one refusal that is made here. */
static enum MHD_Result refuse_busy(struct request *r)
{
	static const char text[] =
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
		"\"Failure\",\"message\":\"too many requests are waiting\",\"reason\":"
		"\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":1},\"code\":429}\n";
	struct MHD_Response *response = MHD_create_response_from_buffer(
		sizeof text - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	set_response(r, HTTP_ARG(429, HTTP_JSON), response);
	MHD_add_response_header(response, "Retry-After", "1");
	return request_answer(r);
}

static enum MHD_Result check_arg(void *cls, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	bool *ok = cls;
	(void)kind;
	*ok &= utf8_ok(span_of(key)) && (!value || utf8_ok(span_of(value)));
	return MHD_YES;
}

/* A selector that is dropped because nobody can read it would select all. */
static bool args_ok(struct MHD_Connection *conn)
{
	bool ok = true;
	MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, check_arg, &ok);
	return ok;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct server *s = cls;
	struct request *r = mem_alloc(sizeof *r);
	r->bad = strstr(uri, "%00") != NULL; /* it would cut a name short */
	r->heard = s->audited && (s->audit_kept || port_heard(s->port, "bus.audit"));
	if (r->heard || strstr(uri, "/proxy") || strchr(uri, '%'))
		r->uri = mem_dup(uri);
	r->server = s;
	r->conn = conn;
	request_free(arrival_of(conn)->request);
	arrival_of(conn)->request = r;
	return r;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Version 4, variant 1. By hand: printf costs ten times as much. */
static void put_uuid(char *out, uint64_t a, uint64_t b)
{
	a = (a & ~UINT64_C(0xf000)) | 0x4000;
	b = (b & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
	for (int i = 0; i < 32; i++) {
		unsigned digit = (unsigned)((i < 16 ? a : b) >> (60 - i % 16 * 4)) & 15;
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*out++ = '-';
		*out++ = "0123456789abcdef"[digit];
	}
	*out = 0;
}

/* The client's own word for the request, or a random UUID. Source of the mixing:
 * Vigna, splitmix64. */
static void choose_audit_id(struct request *r)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.:";
	const char *theirs =
		MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Audit-ID");
	size_t n = theirs ? strlen(theirs) : 0;
	if (n && n <= HTTP_AUDIT_ID_MAX && strspn(theirs, plain) == n) {
		memcpy(r->audit_id, theirs, n + 1);
		return;
	}
	uint64_t step = UINT64_C(0x9e3779b97f4a7c15) * r->id;
	put_uuid(r->audit_id, mix(r->server->seed[0] + step), mix(r->server->seed[1] + step));
}

/* Whether its address is text all through. A name is cut short by a zero. */
static bool is_readable(struct request *r, const char *url)
{
	return !r->bad && utf8_ok(span_of(url)) && args_ok(r->conn);
}

/* The actor is told of it, and answers in its own time. */
static bool tell(struct request *r, const char *method, const char *url)
{
	struct server *s = r->server;
	bool readable = r->proxied || is_readable(r, url);
	char *as_it_came = readable || !r->uri ? NULL : mem_ndup(r->uri, strcspn(r->uri, "?"));
	struct http_words words = {
		.method = method,
		.path = readable ? url : as_it_came,
		.uri = r->uri,
		.audit_id = r->heard ? r->audit_id : NULL,
		.proxied = r->proxied != NULL,
		.unreadable = !readable,
		.too_large = r->too_large,
		.body = span_buf(&r->body),
	};
	struct bytes *told = http_describe(r->conn, &words, &s->verified, s->accounts);
	free(as_it_came);
	r->told = port_deliver(s->port, HTTP_REQUEST, r->id, 0, told) == 0;
	r->busy = !r->told;
	buf_fini(&r->body);
	if (r->told)
		request_suspend(r);
	return r->told;
}

/* The headers are there. Nothing is answered yet: see above. Who is suspended
 * here comes here again. */
static void begin(struct request *r, const char *method, const char *url, bool old)
{
	struct server *s = r->server;
	r->id = ++s->next_id;
	omap_put_u64(&s->requests, r->id, r);
	arrival_of(r->conn)->request = NULL;
	choose_audit_id(r);
	r->old = old;
	r->bodied = strcmp(method, MHD_HTTP_METHOD_HEAD) != 0 && strcmp(method, MHD_HTTP_METHOD_CONNECT) != 0;
	r->resources = !old && strcmp(method, MHD_HTTP_METHOD_GET) == 0 && strncmp(url, "/api", 4) == 0;
	if (r->bad || !utf8_ok(span_of(url)) || !http_proxy_is_meant(url))
		return;
	r->proxied = http_proxied_new();
	(void)tell(r, method, url);
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *size)
{
	struct span body = {(const uint8_t *)data, *size};
	enum MHD_Result rc = MHD_YES;
	if (r->proxied && r->told)
		rc = http_proxy_body(r, &body);
	else if (r->too_large || r->body.len + body.len > HTTP_BODY_MAX)
		r->too_large = true, body.len = 0, buf_fini(&r->body);
	else
		buf_append(&r->body, body.data, body.len), body.len = 0;
	*size = body.len;
	return rc;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct request *r = *con_cls;
	(void)cls;
	(void)conn;
	if (!r->id) {
		begin(r, method, url, strcmp(version, MHD_HTTP_VERSION_1_0) == 0);
		return MHD_YES;
	}
	if (r->proxied && r->told && !r->decided)
		return http_proxy_begin(r);
	if (*size)
		return take_body(r, data, size);
	if (r->socket)
		return MHD_NO; /* it was a WebSocket, which has ended */
	if (r->proxied && r->told && http_proxy_body_ended(r) == MHD_NO)
		return MHD_NO;
	if (r->response)
		return request_answer(r);
	if (r->told)
		return MHD_YES;
	if (r->busy || !tell(r, method, url))
		return refuse_busy(r);
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct server *s = cls;
	struct request *r = *con_cls;
	if (!r)
		return;
	*con_cls = NULL;
	if (r->id)
		omap_remove_u64(&s->requests, r->id);
	else /* the library has refused it: its headers are too long, say */
		arrival_of(conn)->request = NULL;
	bool early = why != MHD_REQUEST_TERMINATED_COMPLETED_OK || r->streaming;
	if (r->told && early && !s->closing)
		port_deliver(s->port, HTTP_GONE, r->id, 0, NULL);
	request_free(r);
}

/* Where all connections were taken, the library listens again when it is run the
 * next time, for which there may be no other reason. */
static void on_connection(void *cls, struct MHD_Connection *conn, void **socket_cls,
			  enum MHD_ConnectionNotificationCode what)
{
	struct server *s = cls;
	struct arrival *a = *socket_cls;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_cls = a = mem_alloc(sizeof *a);
		tls_output_open(&a->output, tls_of(conn), fd_of(conn));
		return;
	}
	s->work = true;
	request_free(a->request);
	tls_output_close(&a->output);
	free(a);
}

/* ---- on the loop */

static void run(struct server *s)
{
	s->work = false;
	MHD_run(s->daemon);
}

static void on_ready(void *arg, unsigned events)
{
	(void)events;
	run(arg);
}

/* How long the library can wait, in microseconds. 0 also when TLS holds data
 * that no descriptor will announce any more. */
static uint64_t may_wait(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (s->work)
		return 0;
	return MHD_get_timeout(s->daemon, &ms) == MHD_YES ? (uint64_t)ms * 1000 : UINT64_MAX;
}

static uint64_t before_sleep(void *arg)
{
	struct server *s = arg;
	for (int i = 0; i < 4 && may_wait(s) == 0; i++)
		run(s);
	return may_wait(s);
}

static char *read_file(struct mp cfg, const char *key, struct err *e)
{
	char path[512];
	struct span s = mp_path_str(cfg, key);
	snprintf(path, sizeof path, "%.*s", (int)s.len, s.data);
	FILE *f = fopen(path, "re");
	if (!f) {
		err_set(e, ERR_IO, "%s: %m", path);
		return NULL;
	}
	struct buf b = {0};
	buf_reserve(&b, 65536);
	b.len = fread(b.data, 1, 65535, f);
	fclose(f);
	char *text = mem_ndup(b.data, b.len);
	buf_fini(&b);
	return text;
}

static int parse_address(struct mp cfg, struct sockaddr_in *at, char *text, size_t max,
			 struct err *e)
{
	struct span s = mp_path_str(cfg, "address");
	snprintf(text, max, "%.*s", (int)s.len, s.data);
	char host[64];
	const char *colon = strrchr(text, ':');
	int port = colon ? atoi(colon + 1) : 0;
	snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - text) : 0, text);
	memset(at, 0, sizeof *at);
	at->sin_family = AF_INET;
	at->sin_port = htons((uint16_t)port);
	if (port <= 0 || port > 65535 || inet_pton(AF_INET, host, &at->sin_addr) != 1)
		return err_set(e, ERR_INVALID, "address %s is not IPV4:PORT", text);
	return 0;
}

static int start(struct server *s, struct mp cfg, struct err *e)
{
	struct sockaddr_in at;
	char text[100];
	int rc = parse_address(cfg, &at, text, sizeof text, e);
	if (rc)
		return rc;
	s->cert = read_file(cfg, "cert", e);
	s->key = s->cert ? read_file(cfg, "key", e) : NULL;
	s->ca = s->key ? read_file(cfg, "ca", e) : NULL;
	if (!s->ca)
		return ERR_IO;
	struct span accounts = mp_path_str(cfg, "accounts");
	if (accounts.len) {
		char file[700];
		snprintf(file, sizeof file, "%.*s", (int)accounts.len, (const char *)accounts.data);
		if ((rc = jwt_key_open(&s->accounts, file, e)))
			return rc;
	}
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
		s, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_CERT, s->cert,
		MHD_OPTION_HTTPS_MEM_KEY, s->key, MHD_OPTION_HTTPS_MEM_TRUST, s->ca,
		MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
		MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)mp_path_int(cfg, "connections", HTTP_CONNECTIONS_MAX),
		MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)mp_path_int(cfg, "idle-seconds", HTTP_IDLE_S),
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	if (!s->daemon)
		return err_set(e, ERR_BUSY, "cannot listen on %s: %m", text);
	return 0;
}

static void server_free(struct server *s)
{
	loop_hook_remove(s->hook);
	loop_remove(s->watch);
	if (s->daemon) {
		s->closing = true;
		for (struct onode *n = omap_first(&s->requests); n; n = omap_next(n)) {
			struct request *r = n->value;
			if (r->suspended)
				MHD_resume_connection(r->conn);
			r->suspended = false;
			r->ended = true;
			http_socket_free(r->socket);
			r->socket = NULL;
			http_proxied_free(r->proxied);
			r->proxied = NULL;
		}
		MHD_stop_daemon(s->daemon);
	}
	omap_fini(&s->requests, NULL);
	free(s->cert);
	free(s->key);
	free(s->ca);
	jwt_key_close(s->accounts);
	verified_fini(&s->verified);
	free(s);
}

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	struct server *s = mem_alloc(sizeof *s);
	s->port = p;
	s->audited = mp_path_bool(cfg, "audited", false);
	s->audit_kept = mp_path_bool(cfg, "audit-kept", false);
	(void)!getrandom(s->seed, sizeof s->seed, 0);
	int rc = start(s, cfg, e);
	if (rc) {
		server_free(s);
		return rc;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	s->watch = loop_add(p->loop, info->epoll_fd, LOOP_READ, on_ready, s);
	s->hook = loop_hook_add(p->loop, before_sleep, s);
	p->state = s;
	return 0;
}

static void close_port(struct port *p)
{
	server_free(p->state);
}

const struct port_driver http_port_driver = {
	.name = "http",
	.open = open_port,
	.call = call,
	.close = close_port,
};
