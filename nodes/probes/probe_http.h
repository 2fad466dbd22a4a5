/* The little of HTTP/1.1 that a probe speaks: one GET, its answer's status, the
 * first 10 KiB of its body, and redirects on the same host. Pure.
 *
 * Source of the rules: kubernetes pkg/probe/http (http.go, request.go). */
#ifndef PROBES_PROBE_HTTP_H
#define PROBES_PROBE_HTTP_H

#include <stdbool.h>

#include "actors/api/http_answer.h"
#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum {
	PROBE_BODY_BYTES_MAX = 10 * 1024,
	PROBE_REDIRECTS_MAX = 10,
};

/* "/path?query" of an httpGet action's path: with a slash, what no path may hold
 * escaped, without a fragment. In the arena. */
const char *probe_http_path(struct arena *a, struct span path);
/* Its headers as lines, with those that a kubelet adds; `host` gets the Host that
 * they name, or NULL. ERR_INVALID: one that is none, in Go's words. */
int probe_http_headers(struct arena *a, struct mp list, const char *user_agent, const char **lines,
		       const char **host, struct err *e);
/* Appends the whole request. */
void probe_http_request(struct buf *out, const char *path, const char *host, const char *lines);

/* An answer as it comes: zeroed at first. */
struct probe_http {
	struct http_answer answer;
	struct buf body; /* at most PROBE_BODY_BYTES_MAX of it */
};
void probe_http_fini(struct probe_http *h);
/* What was read. ERR_AGAIN: more is needed. 0: that is all that counts.
 * ERR_INVALID: no HTTP, in Go's words as far as it has some. */
int probe_http_read(struct probe_http *h, struct span data, struct err *e);
/* The connection ended. 0, or ERR_CLOSED: too early. */
int probe_http_ended(struct probe_http *h);

/* Where it sends its client. False: nowhere, or to another host than `host`. The
 * rest is as it was where the location does not say. */
struct probe_url {
	bool tls;
	const char *host; /* without brackets */
	int port;
	const char *path;
};
bool probe_http_redirect(struct arena *a, const struct probe_http *h, const struct probe_url *from,
			 struct probe_url *to);

/* "127.0.0.1:80", "[::1]:80" */
const char *probe_address(struct arena *a, const char *host, int port);

#endif
