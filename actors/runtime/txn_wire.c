/* A store transaction as the body of store.txn (the other direction is in
 * store_actor.c). Values are msgpack and go in as they are. */
#include "actors/runtime/cell_private.h"

static void encode_compare(struct buf *out, const struct store_compare *k)
{
	mpw_array(out, 4);
	mpw_span(out, k->key);
	mpw_u64(out, k->field);
	mpw_u64(out, k->number);
	mpw_raw(out, k->value);
}

static void encode_op(struct buf *out, const struct store_op *op)
{
	bool leased = op->lease.len || op->ttl_ms;
	mpw_array(out, leased ? 7 : 5);
	mpw_u64(out, op->verb);
	mpw_span(out, op->key);
	mpw_raw(out, bytes_span(op->value));
	mpw_span(out, op->part);
	mpw_u64(out, (op->soft ? 1u : 0u) | (op->secret ? 2u : 0u));
	if (!leased)
		return;
	mpw_span(out, op->lease);
	mpw_u64(out, op->ttl_ms);
}

static void encode_ops(struct buf *out, const char *name, const struct store_op *ops, size_t n)
{
	mpw_str(out, name);
	mpw_array(out, n);
	for (size_t i = 0; i < n; i++)
		encode_op(out, &ops[i]);
}

/* About: an estimate that is short costs a copy, no more. */
static size_t ops_bytes(const struct store_op *ops, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += 40 + ops[i].key.len + ops[i].part.len + ops[i].lease.len +
		       bytes_span(ops[i].value).len;
	return sum;
}

static size_t txn_bytes(const struct store_txn *t)
{
	size_t sum = 160 + t->origin.principal.len + t->fence_key.len;
	for (size_t i = 0; i < t->compare_count; i++)
		sum += 24 + t->compares[i].key.len + t->compares[i].value.len;
	return sum + ops_bytes(t->then_ops, t->then_count) + ops_bytes(t->else_ops, t->else_count);
}

void txn_encode(struct buf *out, const struct store_txn *t)
{
	/* The store keeps what it is sent as long as one of its values lives. */
	buf_reserve(out, txn_bytes(t));
	bool fence = t->fence_key.len > 0;
	mpw_map(out, fence ? 7 : 6);
	mpw_str(out, "request");
	mpw_bin(out, (struct span){t->origin.request, sizeof t->origin.request});
	mpw_kv_span(out, "who", t->origin.principal);
	mpw_str(out, "trace");
	mpw_array(out, 4);
	mpw_u64(out, t->origin.trace_hi);
	mpw_u64(out, t->origin.trace_lo);
	mpw_u64(out, t->origin.span);
	mpw_u64(out, t->origin.cause);
	if (fence) {
		mpw_str(out, "fence");
		mpw_array(out, 2);
		mpw_span(out, t->fence_key);
		mpw_u64(out, t->fence_token);
	}
	mpw_str(out, "if");
	mpw_array(out, t->compare_count);
	for (size_t i = 0; i < t->compare_count; i++)
		encode_compare(out, &t->compares[i]);
	encode_ops(out, "then", t->then_ops, t->then_count);
	encode_ops(out, "else", t->else_ops, t->else_count);
}
