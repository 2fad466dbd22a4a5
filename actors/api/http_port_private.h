/* What the files of the port "http" share: a request, and the server. Theirs is the
 * library that serves HTTP. */
#ifndef API_HTTP_PORT_PRIVATE_H
#define API_HTTP_PORT_PRIVATE_H

#include <microhttpd.h>

#include "actors/access/verified.h"
#include "actors/api/http_port.h"
#include "broker/base/omap.h"

struct http_proxied;

struct request {
	struct server *server;
	uint64_t id;
	struct MHD_Connection *conn;
	struct buf body;
	bool bad, too_large, told, suspended;
	struct MHD_Response *response;
	bool queued_response; /* the library has our reference */
	unsigned status;
	/* streams */
	bool streaming, ended;
	struct bytes **chunks;
	size_t chunk_first, chunk_count, chunk_cap, chunk_at, queued;
	size_t piece; /* the largest that was written since it gave memory back */
	char **headers;
	size_t header_count;
	struct http_socket *socket; /* it became one; else NULL */
	char *uri; /* as it came, with its query; NULL: nobody wants to know it */
	bool heard; /* an audit tells of it */
	bool resources; /* it gets some, over HTTP/1.1: a large answer may be compressed */
	struct http_gzip *gzip; /* such an answer, or NULL */
	char audit_id[HTTP_AUDIT_ID_MAX + 1];
	bool old; /* HTTP/1.0 */
	bool bodied; /* its method is one whose answers have bodies */
	bool whole;  /* the answer's body is all there and follows its head at once */
	bool busy; /* the actor could not be told of it */
	struct http_proxied *proxied; /* its body goes on as it comes; else NULL */
	bool decided; /* where to: the library reads it */
};

struct server {
	struct port *port;
	struct MHD_Daemon *daemon;
	struct loop_watch *watch;
	struct loop_hook *hook;
	struct omap requests; /* id -> struct request */
	uint64_t next_id;
	bool work; /* something was resumed: run the library before sleeping */
	bool closing;
	bool audited, audit_kept; /* at all; also when nobody listens */
	uint64_t seed[2]; /* of audit ids */
	char *cert, *key, *ca;
	struct jwt_key *accounts; /* NULL: no such tokens */
	struct verified verified;
};

/* The library goes on with it before the loop sleeps. */
void request_resume(struct request *r);
/* Until request_resume nobody looks at its connection. */
void request_suspend(struct request *r);
/* Hands its response over to the library. */
enum MHD_Result request_answer(struct request *r);

/* ---- requests that go on to a server (http_proxy.c) */

/* Whether the path is such that its body is not to be read before somebody
 * has decided where it goes. */
bool http_proxy_is_meant(const char *path);
struct http_proxied *http_proxied_new(void);
void http_proxied_free(struct http_proxied *p); /* NULL is fine */
/* HTTP_FORWARD. */
void http_proxy_start(struct request *r, struct mp to);
/* Its headers are there, and nothing of its body was asked for: waits until somebody
 * has decided, and the server is there. */
enum MHD_Result http_proxy_begin(struct request *r);
/* More of its body: takes it off *data. */
enum MHD_Result http_proxy_body(struct request *r, struct span *data);
/* All of its body was there. MHD_NO: the connection is to end. */
enum MHD_Result http_proxy_body_ended(struct request *r);

#endif
