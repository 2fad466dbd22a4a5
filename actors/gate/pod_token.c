/* Tokens for the pods of a node: of the pod's service account, bound to the pod, good
 * for the time that is asked. A node gets them for pods that are bound to it.
 *
 * asked ──► the account is read ──► signed by the port "signer" ──► answered
 *
 * Nothing is kept: after a crash the agent asks again. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/access/claims.h"
#include "actors/access/signer_port.h"
#include "actors/gate/gate_private.h"

enum { SECONDS_MIN = 600, READ_MS = 5000, ASKED_MAX = 4096 };
static const int64_t seconds_max = (int64_t)1 << 32;

struct token_job {
	uint64_t parked, number;
	struct arena arena;
	struct claims claims;
};

static void job_free(void *p)
{
	struct token_job *t = p;
	arena_fini(&t->arena);
	free(t);
}

static void job_end(struct gate *g, struct token_job *t)
{
	omap_remove_u64(&g->tokens, t->number);
	job_free(t);
}

static struct span copy(struct token_job *t, struct span s)
{
	return (struct span){(uint8_t *)arena_ndup(&t->arena, s.data, s.len), s.len};
}

/* ---- asked */

static struct span node_uid(const struct gate *g, struct span name)
{
	struct buf key = {0};
	schema_key(&key, g->nodes, (struct span){0}, name);
	struct view_object *o = view_get(g->node_view, span_buf(&key));
	buf_fini(&key);
	return o ? mp_path_str(mp_of_bytes(o->value), "metadata.uid") : (struct span){0};
}

static void read_account(struct ctx *c, struct gate *g, struct token_job *t)
{
	struct buf b = {0}, key = {0};
	schema_key(&key, g->accounts, t->claims.namespace, t->claims.account.name);
	mpw_map(&b, 3);
	mpw_kv_span(&b, "from", span_buf(&key));
	buf_putc(&key, 1);
	mpw_kv_span(&b, "end", span_buf(&key));
	mpw_kv_u64(&b, "limit", 1);
	ctx_request(c, "store", "store.range", &b, READ_MS, t->number);
	buf_fini(&key);
}

int gate_on_pod_token(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct span ns = mp_path_str(m->body, "namespace"), name = mp_path_str(m->body, "name"),
		    uid = mp_path_str(m->body, "uid"), audience = mp_path_str(m->body, "audience");
	int64_t seconds = mp_path_int(m->body, "seconds", 0);
	struct view_object *pod = gate_pod_of(c, g, m);
	if (!pod)
		return 0;
	if (g->signer < 0 || g->tokens.count >= ASKED_MAX) {
		ctx_reply_error(c, g->signer < 0 ? ERR_UNSUPPORTED : ERR_OVERLOADED,
				g->signer < 0 ? "this cluster has no key for tokens"
					      : "too many tokens are asked for");
		return 0;
	}
	if (seconds < SECONDS_MIN || seconds > seconds_max) {
		ctx_reply_error(c, ERR_INVALID, "a token lasts from 600 to 2^32 seconds");
		return 0;
	}
	struct token_job *t = mem_alloc(sizeof *t);
	struct doc *audiences = doc_new(&t->arena, DOC_ARRAY);
	struct span account = mp_path_str(mp_of_bytes(pod->value), "spec.serviceAccountName");
	struct span node = mp_path_str(mp_of_bytes(pod->value), "spec.nodeName");
	doc_add(audiences, audience.len ? doc_span(&t->arena, copy(t, audience))
					: doc_str(&t->arena, CLAIMS_ISSUER));
	t->number = ++g->next_tag;
	t->claims = (struct claims){
		.namespace = copy(t, ns),
		.account.name = copy(t, account.len ? account : span_of("default")),
		.bound[CLAIMS_NODE] = {copy(t, node), copy(t, node_uid(g, node))},
		.bound[CLAIMS_POD] = {copy(t, name), copy(t, uid)},
		.audiences = audiences,
		.until_s = seconds, /* from when it is signed */
	};
	omap_put_u64(&g->tokens, t->number, t);
	t->parked = ctx_park(c);
	read_account(c, g, t);
	return 0;
}

/* ---- signed */

static void refuse(struct ctx *c, struct gate *g, struct token_job *t, int code, const char *why)
{
	ctx_error_parked(c, t->parked, code, why);
	job_end(g, t);
}

static void sign(struct ctx *c, struct gate *g, struct token_job *t)
{
	struct buf payload = {0};
	uint8_t random[16];
	t->claims.issued_s = ctx_wall_us(c) / 1000000;
	t->claims.until_s += t->claims.issued_s;
	ctx_random_bytes(c, random, sizeof random);
	char *id = arena_alloc(&t->arena, CLAIMS_ID_BYTES);
	claims_id(random, id);
	t->claims.id = span_of(id);
	claims_write(&payload, &t->claims);
	ctx_port_call(c, g->signer, SIGNER_SIGN, t->number, 0, bytes_take(&payload));
}

void gate_token_account(struct ctx *c, struct gate *g, uint64_t number, const struct reply *r)
{
	struct token_job *t = omap_get_u64(&g->tokens, number);
	struct mp rows;
	size_t count = 0, places;
	struct span key, value;
	if (!t)
		return;
	if (r->status) {
		refuse(c, g, t, r->status, "the service account could not be read");
		return;
	}
	if (!mp_find(r->body, "rows", &rows) || mp_array(&rows, &count) || !count ||
	    mp_array(&rows, &places) || mp_str(&rows, &key) || mp_raw(&rows, &value)) {
		const char *why = arena_printf(&t->arena, "serviceaccounts \"%.*s\" not found",
					       (int)t->claims.account.name.len,
					       (const char *)t->claims.account.name.data);
		refuse(c, g, t, ERR_INVALID, why);
		return;
	}
	t->claims.account.uid = copy(t, mp_path_str(mp_of(value), "metadata.uid"));
	sign(c, g, t);
}

void gate_token_signed(struct ctx *c, struct gate *g, const struct port_event *p)
{
	struct token_job *t = omap_get_u64(&g->tokens, p->id);
	struct buf b = {0};
	if (!t)
		return;
	if (!p->payload) {
		refuse(c, g, t, ERR_IO, "the token could not be signed");
		return;
	}
	mpw_map(&b, 2);
	mpw_kv_span(&b, "token", bytes_span(p->payload));
	mpw_kv_i64(&b, "until_s", t->claims.until_s);
	ctx_reply_parked(c, t->parked, &b);
	job_end(g, t);
}

/* ---- life */

int gate_tokens_open(struct ctx *c, struct gate *g, struct mp cfg)
{
	struct err e = {0};
	g->signer = -1;
	g->accounts = schema_find(g->schema, (struct span){0}, span_of("v1"),
				  span_of("serviceaccounts"));
	if (!mp_path_str(cfg, "accounts").len)
		return 0;
	g->signer = ctx_port_open(c, "signer", cfg, &e);
	if (g->signer < 0)
		ctx_why(c, "%s", e.text);
	return g->signer < 0 ? g->signer : 0;
}

void gate_tokens_fini(struct gate *g)
{
	omap_fini(&g->tokens, job_free);
}
