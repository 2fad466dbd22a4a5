/* What the files of the API actor share. */
#ifndef API_API_PRIVATE_H
#define API_API_PRIVATE_H

#include "actors/access/rbac.h"
#include "actors/api/audit.h"
#include "actors/api/encodings.h"
#include "actors/api/http_port.h"
#include "actors/api/inflight.h"
#include "actors/api/request_metrics.h"
#include "actors/objects/objects.h"
#include "actors/objects/table.h"
#include "actors/objects/writing.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/heads.h"
#include "actors/runtime/view.h"
#include "actors/schema/json.h"
#include "actors/schema/selectors.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum {
	API_WAIT_US = 10000000,     /* for a view to catch up */
	API_LOG_CHUNK_MS = 10000,   /* a log request waits so long for more */
	API_LOG_AGAIN_US = 200000,  /* until the next try when its agent is gone */
	API_LOG_AWAY_US = 15000000, /* then the log ends */
	API_SESSIONS_MAX = 1000,    /* stream sessions at once */
	API_FORWARDS_MAX = 1000,    /* proxied requests at once; each has two descriptors */
	API_WATCH_DEFAULT_S = 1800, /* when the client names no timeout */
};

struct api;

/* How the client wants objects written. */
enum api_form { FORM_OBJECT, FORM_TABLE, FORM_METADATA, FORM_PROTOBUF, FORMS };

/* One request until its answer. Everything of it lives in its arena. */
struct call {
	struct api *api;
	uint64_t id; /* the port's */
	struct arena arena;
	struct bytes *owner; /* of the spans */
	struct span method, path, body;
	bool unreadable; /* its address is no text */
	bool too_large;	 /* its body, which is not here */
	struct span uri; /* as it came, with its query */
	struct mp args;
	struct span content_type, accept, agent;
	struct span authorization; /* the header */
	struct span claims;	   /* of its token, when that was signed by us */
	struct span client;	   /* of a verified certificate: its name */
	struct mp client_groups;   /* and groups, as the port tells them */
	struct mp impersonates;
	struct span audit_id, from, via; /* when an audit tells of it */
	struct span upgrade, protocols; /* as the port tells them */
	const struct schema_resource *resource;
	const char *sub;
	struct span namespace, name;
	bool all_namespaces;
	bool watch_path; /* /api/v1/watch/...: as Kubernetes had it before there was a parameter */
	enum api_form form;
	bool yaml; /* what would be JSON is written as YAML */
	struct table_form as; /* a table, or metadata */
	bool as_list;	      /* metadata of a list, it says */
	struct identity who;
	const struct identity *caller; /* who asks as `who`; NULL: himself */
	bool heard;		       /* an audit tells of it */
	const char *decision;	       /* "allow" or "forbid"; NULL: none was needed yet */
	struct span why;	       /* it was allowed */
	int code;		       /* of the answer; 0: none yet */
	const struct doc *told;	       /* the Status that was the answer; NULL: something else */
	bool handed_over;	       /* a watch goes on with it */
	const char *verb; /* Kubernetes' word, or NULL */
	bool counted;	  /* it is in flight */
	uint64_t arrived_us;
	uint64_t wait_version; /* the view must have reached this */
	struct stream *waits; /* in whose list it is; NULL: in none */
	uint64_t patience_us; /* with views */
	bool timed; /* its patience with views has begun to run */
	void (*retry)(struct ctx *c, struct api *a, struct call *k);
	struct call *next_waiting;
	/* a write */
	struct writing writing;
	struct doc *review; /* a TokenReview or TokenRequest that waits for the port */
	struct delete_collection *deletion; /* a write of many; NULL: of one */
	/* a log */
	struct span node, container;
	uint64_t log_cursor;
	bool log_follow, log_started;
	bool log_lost;	    /* its agent is gone: it is asked again soon */
	uint8_t log_place[64]; /* where the last chunk ended, in the agent's words */
	size_t log_place_len;
	unsigned log_turn;  /* how often that was so */
	uint64_t log_until; /* so long; 0: it answers */
	char *log_agent;    /* NULL: no log is asked for */
	bool socket, socket_base64; /* it goes out over a WebSocket */
	struct session *session; /* a stream session; NULL: none */
	struct proxy_call *proxy; /* a request for somebody else; NULL: none */
	struct scrape *scrape; /* of /metrics */
	struct usage_call *usage; /* of what nodes and pods use */
};

struct watch {
	uint64_t id;
	struct arena arena;
	struct stream *stream;
	const struct schema_resource *resource;
	struct bytes *prefix; /* of the keys it is about */
	struct bytes *exact;  /* one key, or NULL */
	const struct label_selector *labels;
	const struct field_selector *fields;
	enum api_form form;
	struct table_form as;
	bool bookmarks, columns_sent;
	struct audit_event audit;
	uint64_t start; /* changes up to here were sent when it began */
	uint64_t last;  /* version of the last event sent */
	uint64_t timer, bookmark_timer;
	struct watch *next; /* of the stream */
};

/* A stream that was asked for, and who waits for it. */
struct stream {
	struct view *view;
	uint64_t id;   /* in timer tags */
	uint64_t told; /* version of the last change that came as a turn */
	struct watch *watches;
	struct call *waiting, *waiting_last; /* who came first is served first */
};

struct api {
	struct schema *schema;
	struct heads *heads;
	int port;
	struct bytes *token; /* the administrator's */
	struct static_token *static_tokens;
	struct arena tokens_arena;
	struct rbac rbac;
	struct omap streams; /* name -> struct stream */
	struct omap calls;   /* id -> struct call */
	struct omap watches; /* id -> struct watch */
	bool listening;
	uint64_t audited; /* events said */
	struct bytes *cfg;
	size_t sessions, forwards;
	uint64_t requests, watch_events;
	struct inflight inflight;
	struct request_metrics metrics;
	struct encodings encodings;
};

#define API_ADMIN "kubernetes-admin" /* who has the token */
#define PROTOBUF_TYPE "application/vnd.kubernetes.protobuf"

/* ---- answers (answer.c). All of them end the call. */
void answer_status(struct ctx *c, struct api *a, struct call *k, const struct doc *status);
/* A Warning header of the answer that is to come, whatever that is. */
void answer_warning(struct ctx *c, struct api *a, struct call *k, const char *text);
void answer_text(struct ctx *c, struct api *a, struct call *k, int code, enum http_type type,
		 struct buf *text); /* taken over */
void answer_object(struct ctx *c, struct api *a, struct call *k, int code, struct mp object,
		   uint64_t version);
/* An object as it is stored. */
void answer_stored(struct ctx *c, struct api *a, struct call *k, const struct view_object *o);
/* `c` NULL: the actor ends, and nothing is said of it. */
void call_end(struct ctx *c, struct api *a, struct call *k);
/* ---- what clients see (visible.c): stored objects in the version of `r`.
 * A resource without a type has no protobuf. */
void visible_object(struct buf *out, const struct schema_resource *r, struct mp object,
		    uint64_t version);
void visible_item(struct buf *out, const struct schema_resource *r, struct mp object,
		  uint64_t version);
void visible_protobuf(struct buf *out, const struct schema_resource *r, struct mp object,
		      uint64_t version);
void visible_protobuf_item(struct buf *items, const struct schema_resource *r, struct mp object,
			   uint64_t version);
/* What a resource, or what its subresource takes and gives, is of. */
const struct schema_type *api_body_type(const struct schema_resource *r, const char *subresource);
void protobuf_object(struct buf *out, const struct schema_type *type, struct mp object,
		     uint64_t version);
void protobuf_status(struct buf *out, const struct doc *status);

/* Sets the form of the answer (accept.c), or says why none that is accepted can be had. */
struct doc *accept_negotiate(struct call *k);

/* Whether it asks something that a review answers, and the answer (review.c). */
bool is_review(const struct call *k);
void review_verified(struct ctx *c, struct api *a, struct call *k, struct span payload);
bool is_token_request(const struct call *k);
void token_request_start(struct ctx *c, struct api *a, struct call *k);
void token_request_signed(struct ctx *c, struct api *a, struct call *k, struct span token);
void review_start(struct ctx *c, struct api *a, struct call *k);

/* The value of a query parameter; empty when absent. */
struct span call_arg(const struct call *k, const char *name);
bool call_flag(const struct call *k, const char *name);
/* Whether it goes on with what changes: one object's path is a get, whatever its query. */
bool call_watches(const struct call *k);
/* What is wrong with numbers of a list or watch, or with a version; or NULL. */
struct doc *bad_list_options(struct call *k);
/* Of parameters that are there (names up to a NULL): one that is no integer, or NULL. */
struct doc *bad_integers(struct call *k, const char *const *names);
/* A body that says to be of another kind than what it is asked to be, where no object is
 * made of it, or NULL. */
struct doc *bad_kind(struct call *k);
struct doc *bad_version(struct call *k, struct span v);
/* A parameter in decimal, 0 when absent; false: it is no number. */
bool call_number(const struct call *k, const char *name, uint64_t *out);
/* The stream of a resource that is stored; followed from the first time on
 * that somebody asks for it, since a kind that nobody uses shall cost nothing. */
struct stream *api_stream(struct ctx *c, struct api *a, const struct schema_resource *r);
/* The version that a list of the stream may be said to show: nothing of the
 * stream lies between the view's version and this one. */
uint64_t stream_version(const struct api *a, const struct stream *s);
/* The greatest version that anybody can have been told, at least `now`. */
uint64_t version_given(const struct api *a, uint64_t now);
/* The `resourceVersion` that was asked for is not given yet: 504. */
void answer_future(struct ctx *c, struct api *a, struct call *k, uint64_t asked, uint64_t now);

/* ---- who asks (authn.c) */
/* Lines of `token,user,uid,"group,group"`. */
void authn_load(struct api *a, struct span file);
/* Sets k->who. ERR_AGAIN: when that stream is known; others: nobody we know. */
int authenticate(struct ctx *c, struct api *a, struct call *k, struct stream **wait);
/* Who has this token, when it is none that is signed. */
bool authn_token_known(struct api *a, struct span text, struct identity *who);
/* Whom the verified claims name, if they still hold, for these audiences (none:
 * this API). ERR_AGAIN as above. */
int authn_claims(struct ctx *c, struct api *a, struct arena *m, struct span payload,
		 const struct span *audiences, size_t audience_count, struct identity *who,
		 struct stream **wait);
/* Becomes whom the Impersonate- headers name; a refusal, or NULL. */
struct doc *impersonate(struct api *a, struct call *k);
/* ---- what they may (authz.c): a refusal, or NULL */
struct doc *authorize(const struct api *a, struct call *k, const char *verb);
struct doc *escalation(struct writing *w); /* on what is about to be stored */
struct doc *authz_refusal(struct call *k, const struct access *x);

/* ---- how many there are, and what became of them (accounting.c) */
struct doc *call_enter(struct api *a, struct call *k); /* a refusal, or NULL */
void call_leave(struct api *a, struct call *k);
/* Whether it goes on as long as its client likes: it is no request on its way. */
bool call_lasts(const struct call *k);
/* How long it waits, by its parameter `timeout`; a refusal of one that is none, or NULL.
 * 0 and what is longer than the server waits mean nothing, as in Kubernetes. */
struct doc *call_patience(struct call *k);
/* Its answer, or the first byte of what lasts, has this code. */
void call_answered(struct ctx *c, struct api *a, struct call *k, int code);
void accounting_text(struct buf *out, const struct api *a);

/* ---- by what is asked */
void discovery(struct ctx *c, struct api *a, struct call *k); /* everything but resources */
bool openapi(struct ctx *c, struct api *a, struct call *k); /* false: another path */
bool health(struct ctx *c, struct api *a, struct call *k); /* false: another path */
void read_get(struct ctx *c, struct api *a, struct call *k);
void read_list(struct ctx *c, struct api *a, struct call *k);
/* What a list would show, in its order. */
struct list_page {
	struct view_object **rows; /* the caller frees the array; of the view */
	size_t count;
	const char *next;  /* the token of the next page, of the call; NULL: there is none */
	int64_t remaining; /* behind it; -1: not known */
};
/* False: answered, or `retry` will be called. rows is to be freed in any case. */
bool list_choose(struct ctx *c, struct api *a, struct call *k,
		 void (*retry)(struct ctx *, struct api *, struct call *), struct list_page *page);
/* What is wrong with how a watch shall begin, or NULL. */
struct doc *bad_watch_match(struct call *k);
void watch_start(struct ctx *c, struct api *a, struct call *k);
void watch_change(struct ctx *c, struct api *a, struct stream *s, const struct view_change *v);
void watch_gone(struct ctx *c, struct api *a, uint64_t id);
void watch_timer(struct ctx *c, struct api *a, uint64_t id, bool bookmark);
void watch_free(void *w);
void write_start(struct ctx *c, struct api *a, struct call *k);
/* The request's verb, options and body into k->writing; what is wrong with
 * them, or NULL. */
struct doc *write_prepare(struct ctx *c, struct api *a, struct call *k, enum obj_verb verb);
void delete_collection_start(struct ctx *c, struct api *a, struct call *k);
void delete_collection_next(struct ctx *c, struct api *a, struct call *k);
void delete_collection_free(struct delete_collection *s); /* NULL is fine */
void write_outcome(struct ctx *c, struct api *a, struct call *k, const struct store_outcome *o);
void log_start(struct ctx *c, struct api *a, struct call *k);
void log_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r,
	       unsigned turn);
void log_sent(struct ctx *c, struct api *a, struct call *k);
bool log_is_with(const struct call *k, struct span agent);
void log_down(struct ctx *c, struct api *a, struct call *k); /* its agent is gone */
void log_again(struct ctx *c, struct api *a, struct call *k);

/* Of the pod that the call names; into k->container. A refusal, or NULL. */
struct doc *container_choose(struct call *k, struct mp pod);

/* ---- stream sessions (session.c) */
enum reply_of { REPLY_READ, REPLY_WRITE };
#define API_REPLY_TAG(of, id) ((uint64_t)(of) << 62 | (id))
/* Whether its subresource is one. */
bool is_session(const struct call *k);
void session_start(struct ctx *c, struct api *a, struct call *k);
void session_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r,
		   enum reply_of of);
void session_message(struct ctx *c, struct api *a, struct call *k, struct span message);
void session_sent(struct ctx *c, struct call *k);
void session_pong(struct ctx *c, struct call *k);
void session_timer(struct ctx *c, struct api *a, struct call *k);
bool session_is_with(const struct call *k, struct span agent);
void session_down(struct ctx *c, struct api *a, struct call *k, int reason); /* its agent is gone */
void session_leave(struct ctx *c, struct call *k); /* the client is gone: the node is told */
void session_free(struct session *s);               /* NULL is fine */

/* ---- requests for pods, services and nodes themselves (proxy.c) */
bool is_proxy(const struct call *k);
void proxy_start(struct ctx *c, struct api *a, struct call *k);
/* The server's answer is on its way with this code; 0: there is none, and why. */
void proxy_forwarded(struct ctx *c, struct api *a, struct call *k, int code, struct span failure);
bool proxy_is_forwarded(const struct call *k); /* its end is told */

/* ---- what nodes and pods use (usage.c) */
bool is_usage(const struct call *k);
void usage_start(struct ctx *c, struct api *a, struct call *k);
bool usage_is_summary(struct span rest); /* of a node's proxy */
void usage_summary_start(struct ctx *c, struct api *a, struct call *k, struct span node);
void usage_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r);
void usage_free(struct usage_call *u); /* NULL is fine */

void metrics_start(struct ctx *c, struct api *a, struct call *k);
void metrics_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r);
void metrics_free(struct scrape *s); /* NULL is fine */

/* The call is the last of those who wait for the stream's view. */
void wait_in(struct stream *s, struct call *k);
/* Has `retry` called when the stream's view has moved on; an answer that it is
 * behind when that takes too long. */
void await_view(struct ctx *c, struct call *k, struct stream *s,
		void (*retry)(struct ctx *, struct api *, struct call *));
/* The `resourceVersion` of a read, 0 when absent. False: answered, it is no
 * number or from the future. */
bool asked_version(struct ctx *c, struct api *a, struct call *k, uint64_t now, uint64_t *asked);
/* The object that the call names; NULL: there is none. */
struct view_object *api_find(struct view *v, const struct call *k);
/* The stream's view if it shows all that was acknowledged before now; else
 * NULL, and `retry` will be called when it does. */
struct view *fresh_view(struct ctx *c, struct api *a, struct call *k,
			void (*retry)(struct ctx *, struct api *, struct call *));

/* Timer tags: what in the low bits, whose in the others. */
enum { TAG_WAKE = 0, TAG_WATCH_END = 1, TAG_WATCH_BOOKMARK = 2, TAG_CALL = 3 };
#define API_TAG(what, id) ((uint64_t)(id) << 2 | (what))

/* How long the selectors of a request are good for. */
int parse_selectors(struct call *k, struct arena *in, const struct label_selector **labels,
		    const struct field_selector **fields, struct err *e);

#endif
