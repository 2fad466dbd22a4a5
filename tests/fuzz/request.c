/* Requests as they come from the network: through the HTTP library and our
 * description of them to what path and query mean. Whatever comes, the
 * description is well-formed; the two who read paths of proxies agree; what goes
 * on to a pod's server, into an answer's header or into an audit is one line of
 * what an address may hold, and says the same when it is read again. */
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/audit_uri.h"
#include "actors/api/http_describe.h"
#include "actors/api/proxy_name.h"
#include "actors/api/request_path.h"
#include "broker/base/mp.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"GET /api/v1/namespaces/default/pods/web%3A80/proxy/a%20b/../c//?x=%20&token=1 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /api/v1/namespaces/default/services/https:web:tls/proxy/.?a=b;c HTTP/1.1\r\nHost: x\r\n"
	"X-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer a.b.c\r\n\r\n",
	"POST /apis/apps/v1/namespaces/a/deployments/d/scale?dryRun=All&fieldManager=%C3%A4 HTTP/1.1\r\nHost: x\r\n"
	"Impersonate-User: eve\r\nImpersonate-Extra-a%2Fb: c\r\nContent-Length: 2\r\n\r\n{}",
	"GET /api/v1/nodes/n1:80/proxy//../?%70assword=x HTTP/1.0\r\n\r\n",
	"GET /api/v1/namespaces/a/pods/p/exec?command=a&command=b+c&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: v4.channel.k8s.io, v5.channel.k8s.io\r\n\r\n",
	"PUT http://x/api/v1/namespaces/%ff?%zz=%&= HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n1\r\na\r\n0\r\n\r\n",
	NULL,
};

static bool is_address(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f)
			return false;
	return true;
}

static bool has_part(struct span path, const char *word)
{
	struct span part;
	while (path_part(&path, &part))
		if (span_is(part, word))
			return true;
	return false;
}

static void backend_path(struct span rest)
{
	struct buf once = {0}, again = {0};
	proxy_path_write(&once, rest);
	struct span path = span_buf(&once);
	fuzz_hold(is_address(path) && (!path.len || path.data[0] == '/'));
	fuzz_hold((path.len > 0) == (rest.len > 0));
	fuzz_hold(!has_part(path, "..") && !has_part(path, "."));
	/* Percents are escaped, so of what has any the second time is another. */
	proxy_path_write(&again, path);
	if (!path.len || !memchr(path.data, '%', path.len))
		fuzz_hold(span_eq(path, span_buf(&again)));
	buf_fini(&once);
	buf_fini(&again);
}

static void paths(const struct schema *schema, struct span path)
{
	struct request_path p;
	struct proxy_name name;
	struct span prefix, rest;
	struct buf out = {0};
	bool resource = request_path_parse(schema, path, &p);
	fuzz_hold(resource == (p.resource != NULL));
	if (proxy_path_split(path, &prefix, &rest)) {
		fuzz_hold(resource && span_is(p.subresource, "proxy") && span_eq(p.rest, rest));
		fuzz_hold(prefix.len + rest.len == path.len);
		backend_path(rest);
	}
	if (proxy_name_split(p.name, &name)) {
		fuzz_hold(name.name.len > 0 && !memchr(name.name.data, ':', name.name.len));
		fuzz_hold(!name.port.len || !memchr(name.port.data, ':', name.port.len));
	}
	proxy_path_escape(&out, path);
	fuzz_hold(is_address(span_buf(&out)));
	buf_fini(&out);
}

static void addresses(struct span uri)
{
	struct buf audit = {0}, again = {0}, location = {0};
	struct proxy_place at = {span_of("/p"), span_of("10.0.0.1:80"), span_of("x")};
	audit_uri_write(&audit, uri);
	fuzz_hold(is_address(span_buf(&audit)) && audit.len <= AUDIT_URI_BYTES_MAX);
	audit_uri_write(&again, span_buf(&audit));
	fuzz_hold(span_eq(span_buf(&audit), span_buf(&again)));
	proxy_location_write(&location, &at, uri);
	fuzz_hold(location.len >= uri.len || uri.len - location.len <= strlen("http://10.0.0.1:80"));
	buf_fini(&audit);
	buf_fini(&again);
	buf_fini(&location);
}

/* One request at a time: what its first line said. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	static char last[8192];
	(void)cls, (void)conn;
	last[0] = 0;
	strncat(last, uri, sizeof last - 1);
	return last;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **uri)
{
	static struct verified none;
	struct http_words words = {.method = method, .path = url, .uri = *uri, .audit_id = "id",
				   .unreadable = strstr(*uri, "%00") != NULL};
	(void)version, (void)data;
	*size = 0;
	struct bytes *told = http_describe(conn, &words, &none, NULL);
	struct mp m = mp_of(bytes_span(told));
	fuzz_hold(mp_check(bytes_span(told), NULL) == 0);
	fuzz_hold(is_address(mp_path_str(m, "uri")));
	paths(cls, mp_path_str(m, "path"));
	addresses(span_of(*uri));
	bytes_unref(told);
	return MHD_NO;
}

static struct MHD_Daemon *library(void)
{
	static struct MHD_Daemon *d;
	if (!d)
		d = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request,
				     schema_new(), MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
				     MHD_OPTION_END);
	fuzz_hold(d != NULL);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x01020304)};
	struct span text = {data, size};
	int fd[2];
	addresses(text);
	fuzz_hold(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	fuzz_hold(MHD_add_connection(library(), fd[0], (struct sockaddr *)&from, sizeof from) == MHD_YES);
	(void)!write(fd[1], data, size);
	shutdown(fd[1], SHUT_WR);
	for (int i = 0; i < 4; i++)
		MHD_run(library());
	close(fd[1]);
	for (int i = 0; i < 4; i++)
		MHD_run(library());
	return 0;
}
