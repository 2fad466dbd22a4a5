/* The words of a proxy request, as Kubernetes reads them: whom a path names,
 * which address may be connected to, and what of it the backend is asked.
 * Pure; any thread. */
#ifndef API_PROXY_NAME_H
#define API_PROXY_NAME_H

#include "actors/objects/objects.h"

/* A path of a proxy subresource (/api/v1/.../NAME/proxy[/...]), in two pieces.
 * False: it is another one. */
bool proxy_path_split(struct span path, struct span *prefix, struct span *rest);

/* "web", "web:80", "https:web:80", "https:web:" */
struct proxy_name {
	struct span name, port; /* port: may be empty */
	bool tls;
};
bool proxy_name_split(struct span id, struct proxy_name *out);
/* Decimal, without sign; false: it is no number of at most nine digits. */
bool proxy_port_number(struct span text, uint32_t *out);

/* Whether a pod or node can have this address, and no one else that an API server
 * must not ask in another's name: the machine itself, what is link-local, all
 * at once. Pods on the loopback are admitted where the cluster's services are
 * there too, except for 127.0.0.0/16 (the machine) and the services' range. */
bool proxy_address_allowed(const struct obj_cluster *cluster, struct span ip);

/* The path for the backend: empty, or from a slash on, without dot segments and
 * double slashes, percent-encoded; a slash at the end stays one. */
void proxy_path_write(struct buf *out, struct span rest);
/* A path as it is, percent-encoded. */
void proxy_path_escape(struct buf *out, struct span path);
/* A query as the client wrote it; what no query can hold is percent-encoded. */
void proxy_query_write(struct buf *out, struct span query);

/* Where a backend's redirect leads, seen from the client: into the proxy's path
 * when it leads to the backend itself, else as it is. `backend` and `host` are
 * what the backend may have called itself: its address with port, and what the
 * client's Host header said. */
struct proxy_place {
	struct span prefix; /* percent-encoded */
	struct span backend, host;
};
void proxy_location_write(struct buf *out, const struct proxy_place *at, struct span location);

#endif
