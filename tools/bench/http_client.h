/* A blocking HTTP/1.1 client over TLS, for load generators: as little work for
 * each request as there can be. It dies of whatever it does not expect. */
#ifndef BENCH_HTTP_CLIENT_H
#define BENCH_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct http_client {
	gnutls_session_t tls;
	int fd;
	const char *token;
	bool chunked;
	size_t left;       /* of the chunk that is read */
	char in[65536];    /* what has come and was not read yet: from..to */
	size_t from, to;
	char *line;        /* of a stream of lines: what has come of the next */
	size_t len, cap;
};

static gnutls_certificate_credentials_t http_credentials;

static inline void http_die(const char *what)
{
	fprintf(stderr, "bench: %s: %m\n", what);
	exit(1);
}

static inline double http_now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Before the first client, once in a process. */
static inline void http_init(void)
{
	gnutls_global_init();
	gnutls_certificate_allocate_credentials(&http_credentials);
}

static inline struct http_client *http_dial(int port)
{
	struct http_client *c = calloc(1, sizeof *c);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, rc;
	c->token = getenv("TOKEN");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || !c->token || connect(c->fd, (struct sockaddr *)&at, sizeof at))
		http_die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NO_TICKETS);
	gnutls_set_default_priority(c->tls);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, http_credentials);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		rc = gnutls_handshake(c->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0)
		http_die(gnutls_strerror(rc));
	return c;
}

static inline int http_byte(struct http_client *c)
{
	if (c->from == c->to) {
		ssize_t n;
		do
			n = gnutls_record_recv(c->tls, c->in, sizeof c->in);
		while (n < 0 && !gnutls_error_is_fatal((int)n));
		if (n <= 0)
			return -1;
		c->from = 0;
		c->to = (size_t)n;
	}
	return (unsigned char)c->in[c->from++];
}

/* A line of the head, or of the framing, without its end. */
static inline void http_head_line(struct http_client *c, char *out, size_t cap)
{
	size_t n = 0;
	for (int b; (b = http_byte(c)) != '\n';) {
		if (b < 0)
			http_die("the server closed the connection");
		if (b != '\r' && n + 1 < cap)
			out[n++] = (char)b;
	}
	out[n] = 0;
}

/* Sends it and reads the answer's head. Returns the status. */
static inline int http_ask(struct http_client *c, const char *method, const char *path,
			   const char *type, const char *body)
{
	char head[2000];
	size_t len = body ? strlen(body) : 0;
	int status = 0, n = snprintf(head, sizeof head,
				     "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
				     "Content-Type: application/%s\r\nContent-Length: %zu\r\n\r\n",
				     method, path, c->token, type, len);
	if (gnutls_record_send(c->tls, head, (size_t)n) != n ||
	    (len && gnutls_record_send(c->tls, body, len) != (ssize_t)len))
		http_die("send");
	c->chunked = false;
	c->left = 0;
	http_head_line(c, head, sizeof head);
	sscanf(head, "HTTP/1.1 %d", &status);
	do {
		http_head_line(c, head, sizeof head);
		if (strcasecmp(head, "Transfer-Encoding: chunked") == 0)
			c->chunked = true;
		else if (strncasecmp(head, "Content-Length:", 15) == 0)
			c->left = strtoul(head + 15, NULL, 10);
	} while (head[0]);
	return status;
}

/* The next byte of the answer's body; -1: it has ended. */
static inline int http_body_byte(struct http_client *c)
{
	char size[64];
	if (c->left == 0 && !c->chunked)
		return -1;
	if (c->left == 0) {
		http_head_line(c, size, sizeof size);
		c->left = strtoul(size, NULL, 16);
		if (c->left == 0) {
			http_head_line(c, size, sizeof size);
			c->chunked = false;
			return -1;
		}
	}
	int b = http_byte(c);
	if (--c->left == 0 && c->chunked)
		http_head_line(c, size, sizeof size);
	return b;
}

/* The next line of the body, without its end; NULL when there is none. */
static inline char *http_line(struct http_client *c)
{
	c->len = 0;
	for (int b; (b = http_body_byte(c)) != '\n';) {
		if (b < 0 && c->len == 0)
			return NULL;
		if (b < 0)
			break;
		if (c->len + 2 > c->cap)
			c->line = realloc(c->line, c->cap = c->cap ? 2 * c->cap : 65536);
		c->line[c->len++] = (char)b;
	}
	if (!c->cap)
		c->line = realloc(c->line, c->cap = 65536);
	c->line[c->len] = 0;
	return c->line;
}

/* Asks and throws the answer away. Returns the status. */
static inline int http_do(struct http_client *c, const char *method, const char *path,
			  const char *type, const char *body)
{
	int status = http_ask(c, method, path, type, body);
	while (http_body_byte(c) >= 0)
		;
	return status;
}

/* The text behind `key` ("\"name\":\"") up to a quote; false: there is none. */
static inline bool http_field(const char *line, const char *key, char *out, size_t cap)
{
	const char *at = strstr(line, key);
	size_t n = 0;
	if (!at)
		return false;
	for (at += strlen(key); *at && *at != '"' && n + 1 < cap; at++)
		out[n++] = *at;
	out[n] = 0;
	return true;
}

/* A watch that goes on where it was when the server ends its stream. */
struct http_watch {
	struct http_client *client;
	int port;
	const char *path; /* with "?" or "&" at its end */
	char from[64];
};

static inline void http_watch_go_on(struct http_watch *w)
{
	char text[1000];
	snprintf(text, sizeof text, "%swatch=1&resourceVersion=%s&timeoutSeconds=3600", w->path,
		 w->from);
	if (http_ask(w->client, "GET", text, "json", NULL) != 200)
		http_die("the watch was refused");
}

/* Of what changes from now on. */
static inline void http_watch_begin(struct http_watch *w, int port, const char *path)
{
	char text[1000];
	*w = (struct http_watch){http_dial(port), port, path, ""};
	snprintf(text, sizeof text, "%slimit=1", path);
	if (http_ask(w->client, "GET", text, "json", NULL) != 200)
		http_die("the list was refused");
	for (char *line; (line = http_line(w->client));)
		if (!w->from[0])
			http_field(line, "\"resourceVersion\":\"", w->from, sizeof w->from);
	http_watch_go_on(w);
}

/* The next event, as one line. */
static inline char *http_watch_event(struct http_watch *w)
{
	char *line;
	while (!(line = http_line(w->client))) {
		gnutls_deinit(w->client->tls);
		close(w->client->fd);
		free(w->client->line);
		free(w->client);
		w->client = http_dial(w->port);
		http_watch_go_on(w);
	}
	if (!http_field(line, "\"resourceVersion\":\"", w->from, sizeof w->from))
		http_die(line);
	return line;
}

#endif
