/* The one write path: a request becomes one store transaction.
 *
 * Pure: no I/O, no clock, no chance. What is random or timed comes with the
 * request, what is stored comes through the reader. The transaction's
 * compares name every object that the decision rested on, so a plan made
 * from old rows fails at the store, and is simply made again from the rows
 * that came with the conflict:
 *
 *	for (;;) {
 *		objects_plan(&request, &reader, &plan);
 *		if (plan.finished) break;            (the answer is in plan.answer)
 *		outcome = ... store_txn(&plan.txn) ...
 *		if (objects_answer(&plan, &outcome) == 0) break;
 *		reader looks at outcome.rows first from now on
 *		obj_plan_fini(&plan);
 *	}
 *
 * The request stays as it is: a plan works on a copy of its body.
 *
 * Keys are "stream/namespace/name" (schema_key); values are msgpack maps with
 * apiVersion, kind, metadata (without resourceVersion), spec, status.
 *
 * Threads: none of its own; a plan belongs to its caller. */
#ifndef OBJECTS_OBJECTS_H
#define OBJECTS_OBJECTS_H

#include "actors/objects/status.h"
#include "actors/schema/schema.h"
#include "broker/base/doc.h"
#include "broker/base/mp.h"
#include "store/store.h"

enum obj_verb {
	OBJ_CREATE,
	OBJ_UPDATE,
	OBJ_PATCH_MERGE,     /* RFC 7386 */
	OBJ_PATCH_JSON,      /* RFC 6902 */
	OBJ_PATCH_STRATEGIC, /* by the type's patch keys */
	OBJ_APPLY,	     /* the fields that a manager wants (server-side apply) */
	OBJ_DELETE,
};

enum obj_validation { OBJ_IGNORE, OBJ_WARN, OBJ_STRICT };

enum obj_propagation { OBJ_PROPAGATE_DEFAULT, OBJ_ORPHAN, OBJ_BACKGROUND, OBJ_FOREGROUND };

struct obj_delete_options {
	int64_t grace_s; /* -1: not given */
	enum obj_propagation propagation;
	struct span uid;     /* preconditions; empty: none */
	struct span version; /* resourceVersion, as text */
};

/* What the cluster hands out: addresses of services (IPv4, first address and
 * the length of the prefix) and node ports. */
struct obj_cluster {
	uint32_t service_base; /* host byte order */
	unsigned service_bits;
	int node_port_low, node_port_high;
};

enum { CIDR_MAX = 19 };

/* 10.96.0.0/16 and 30000-32767, as Kubernetes has them. */
extern const struct obj_cluster obj_cluster_default;
/* "10.96.0.0/16"; a prefix of 8 to 30 bits. ERR_INVALID. */
int obj_cluster_parse(struct obj_cluster *c, struct span cidr, struct err *e);
/* The stream of plain keys that say which address or port is whose. */
extern const char OBJ_ALLOCATIONS[];
/* And of those that say which limits, quotas and defaults there are. */
extern const char OBJ_ADMISSION[];

struct obj_request {
	const struct schema *schema;
	const struct obj_cluster *cluster; /* NULL: the default */
	const struct schema_resource *resource;
	enum obj_verb verb;
	const char *subresource;     /* "", "status", "binding", "finalize", ... */
	struct span namespace, name; /* of the URL; name empty: create by body */
	const struct doc *body;      /* parsed JSON; of a delete its DeleteOptions or NULL */
	const struct notes *duplicates; /* of the parse, or NULL */
	enum obj_validation validation; /* fieldValidation; Kubernetes' default is Warn */
	bool dry_run;
	bool advise; /* what is odd comes back in `warnings` */
	struct obj_delete_options del; /* query parameters, where there is no body */
	struct span field_manager;	/* who is said to set fields; empty: the principal */
	bool force;			/* apply: takes fields over from others */
	struct store_origin origin; /* principal, request id, trace, wall_us */
	uint8_t entropy[32];        /* for uid and the suffix of generateName */
	/* What else the writer decided by: keys at versions (STORE_MOD). When one
	 * has moved on, the answer is a 409, and nothing happened. */
	const struct store_compare *basis;
	size_t basis_count;
	bool basis_unread; /* the reader does not know all of them: the store compares */
	struct arena *arena;        /* all that the plan makes, but bytes */
};

/* How to see what is stored: the newest row that the caller knows. */
struct obj_reader {
	void *arg;
	/* 0: *out is filled, value NULL when the key does not exist; value and
	 * spans stay until objects_plan returns. A negative code ends the plan
	 * with a 500 or 503. */
	int (*get)(void *arg, struct span key, struct store_row *out);
};

/* What the client gets: a Status, or an object. */
struct obj_answer {
	int code;             /* HTTP */
	struct doc *status;   /* NULL when it is an object */
	struct bytes *object; /* msgpack; owned by the plan */
	uint64_t version;     /* for json_object; 0: none */
	bool deleted;         /* the object of this answer is gone */
};

/* What is refused, or left as it is, because of stored rows (no such object,
 * already exists, nothing changes) is a transaction too: compares, and a get
 * in place of a write. So an answer never rests on a view that is behind. */
struct obj_bytes {
	struct obj_bytes *next;
	struct bytes *bytes;
};

struct obj_plan {
	bool finished; /* `answer` is complete; there is no transaction */
	bool charged;  /* it counts for a quota, which others write too */
	bool settled;  /* `answer` is complete if the compares hold */
	struct obj_answer answer;
	struct notes warnings; /* for Warning headers: 299 - "text" */
	struct store_txn txn;
	struct store_compare *compares; /* in the request's arena, as the ops */
	struct store_op *ops;           /* the first one is the object's own */
	size_t compare_cap, op_count, op_cap;
	const struct obj_request *request;
	struct span name;    /* the object's, as made from generateName */
	struct bytes *value; /* that is put; owned */
	struct bytes *claim; /* what allocations of the object hold; owned */
	struct obj_bytes *others; /* values of further operations; owned */
};

/* Sets strategies on the built-in rows. Call it once per schema. */
void objects_install(struct schema *s);

/* Fills *plan (whatever it held before is not released). Never fails: what
 * is wrong with the request is a finished answer. */
void objects_plan(const struct obj_request *req, const struct obj_reader *reader,
		  struct obj_plan *plan);
/* What the outcome means. 0: plan->answer is complete. ERR_CONFLICT: plan
 * again, with the outcome's rows. */
int objects_answer(struct obj_plan *plan, const struct store_outcome *outcome);
void obj_plan_fini(struct obj_plan *plan);

/* What a GET of a subresource shows, when that is not the object itself (a
 * Scale): msgpack, the caller's. NULL: the object itself. */
struct bytes *objects_show(const struct schema_resource *r, const char *subresource,
			   struct mp object, struct arena *a);

/* What an object looks like in the version of `r`, the caller's; NULL when it
 * is stored in that version. */
struct bytes *objects_visible(const struct schema_resource *r, struct mp object);

/* DeleteOptions from a body or from query parameters ("gracePeriodSeconds",
 * "propagationPolicy", "uid" of the preconditions; whose text stays the caller's);
 * a finished Status, or NULL when all is well. */
struct doc *obj_delete_option(struct obj_delete_options *o, struct arena *a, struct span key,
			      struct span value);

#endif
