/* What a service account's token says (RFC 7519, in Kubernetes' words), as
 * JSON: made here, signed and verified elsewhere (jwt.h). Pure.
 *
 * Two kinds: bound ones from TokenRequest, with an end and perhaps an object
 * whose end is theirs; and those of secrets, which have none. */
#ifndef ACCESS_CLAIMS_H
#define ACCESS_CLAIMS_H

#include "actors/access/identity.h"
#include "broker/base/err.h"

#define CLAIMS_ISSUER "https://kubernetes.default.svc.cluster.local"
#define CLAIMS_SECRET_ISSUER "kubernetes/serviceaccount"

struct claims_ref {
	struct span name, uid;
};

/* With a pod the node is told only: the token lives as long as the pod. */
enum claims_bound { CLAIMS_NODE, CLAIMS_POD, CLAIMS_SECRET, CLAIMS_BOUND };

struct claims {
	struct span issuer, subject, id;
	struct span namespace;
	struct claims_ref account;
	struct claims_ref bound[CLAIMS_BOUND]; /* name empty: not bound to one */
	int64_t issued_s, from_s, until_s;     /* Unix time; until 0: no end */
	const struct doc *audiences;	       /* list of text, or NULL */
};

/* The payload of a token that lasts until then. `audiences`: a list of text. */
void claims_write(struct buf *out, const struct claims *c);
/* Text is borrowed from the payload and the arena. ERR_INVALID. */
int claims_read(struct arena *a, struct span payload, struct claims *out, struct err *e);
/* Whether it is good now, for one of these audiences (none given: the API's
 * own). ERR_FORBIDDEN. */
int claims_check(const struct claims *c, int64_t wall_us, const struct span *audiences,
		 size_t count);
/* A token's name, from random bytes: a version 4 UUID (RFC 9562), terminated. */
enum { CLAIMS_ID_BYTES = 37 };
void claims_id(const uint8_t random[16], char out[CLAIMS_ID_BYTES]);
/* Whom it names, with the groups of all accounts and of its namespace. */
void claims_identity(struct arena *a, const struct claims *c, struct identity *out);

#endif
