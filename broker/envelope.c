#include "broker/envelope.h"

#include <string.h>

enum {
	PLACES = 15,
	HEAD_BYTES_MAX = 128, /* all places but names and body, at their longest */
};

static void encode_trace(struct buf *out, const struct trace *t)
{
	if (!t->hi && !t->lo && !t->cause) {
		mpw_nil(out);
		return;
	}
	mpw_array(out, 5);
	mpw_u64(out, t->hi);
	mpw_u64(out, t->lo);
	mpw_u64(out, t->span);
	mpw_u64(out, t->parent);
	mpw_u64(out, t->cause);
}

size_t env_bytes_max(const struct envelope *env)
{
	return HEAD_BYTES_MAX + env->to.len + env->from.len + env->body.len;
}

void env_encode(struct buf *out, const struct envelope *env)
{
	buf_reserve(out, env_bytes_max(env));
	mpw_array(out, PLACES);
	mpw_u64(out, ENV_VERSION);
	mpw_u64(out, env->type);
	mpw_u64(out, env->cluster);
	mpw_span(out, env->to);
	mpw_span(out, env->from);
	mpw_array(out, 2);
	mpw_u64(out, env->incarnation);
	mpw_u64(out, env->sequence);
	mpw_u64(out, env->correlation);
	mpw_u64(out, env->kind);
	mpw_u64(out, env->flags);
	mpw_u64(out, env->deadline_ms);
	mpw_u64(out, env->hops);
	encode_trace(out, &env->trace);
	mpw_u64(out, env->epoch);
	mpw_u64(out, env->attempt);
	mpw_raw(out, env->body);
}

static int bad(struct err *e, const char *place)
{
	return err_set(e, ERR_INVALID, "envelope: %s is missing or wrong", place);
}

static int decode_trace(struct mp *m, struct trace *t)
{
	size_t n;
	if (mp_nil(m) == 0)
		return 0;
	if (mp_array(m, &n) || n != 5 || mp_u64(m, &t->hi) || mp_u64(m, &t->lo) ||
	    mp_u64(m, &t->span) || mp_u64(m, &t->parent) || mp_u64(m, &t->cause))
		return ERR_INVALID;
	return 0;
}

static int u_max(struct mp *m, uint64_t max, uint64_t *out)
{
	return mp_u64(m, out) || *out > max ? ERR_INVALID : 0;
}

static int name(struct mp *m, struct span *out)
{
	return mp_str(m, out) || out->len > ENV_NAME_BYTES_MAX ? ERR_INVALID : 0;
}

static int decode_head(struct mp *m, size_t *places, struct envelope *env, struct err *e)
{
	size_t n;
	uint64_t version, type, cluster, kind, flags, deadline, hops, attempt;
	if (mp_array(m, places) || *places < PLACES)
		return bad(e, "the array of 15 places");
	if (u_max(m, 255, &version) || version != ENV_VERSION)
		return err_set(e, ERR_UNSUPPORTED, "envelope: another format version than %d",
			       ENV_VERSION);
	if (u_max(m, ENV_EVENT, &type) || type == 0)
		return bad(e, "type");
	if (u_max(m, UINT32_MAX, &cluster))
		return bad(e, "cluster");
	if (name(m, &env->to) || name(m, &env->from))
		return bad(e, "to or from");
	if (mp_array(m, &n) || n != 2 || mp_u64(m, &env->incarnation) ||
	    mp_u64(m, &env->sequence))
		return bad(e, "message id");
	if (mp_u64(m, &env->correlation) || u_max(m, UINT16_MAX, &kind) ||
	    u_max(m, UINT16_MAX, &flags) || u_max(m, UINT32_MAX, &deadline) ||
	    u_max(m, UINT8_MAX, &hops))
		return bad(e, "correlation, kind, flags, deadline or hops");
	if (decode_trace(m, &env->trace))
		return bad(e, "trace");
	if (mp_u64(m, &env->epoch) || u_max(m, UINT8_MAX, &attempt))
		return bad(e, "epoch or attempt");
	env->type = (enum env_type)type;
	env->cluster = (uint32_t)cluster;
	env->kind = (uint16_t)kind;
	env->flags = (uint16_t)flags;
	env->deadline_ms = (uint32_t)deadline;
	env->hops = (uint8_t)hops;
	env->attempt = (uint8_t)attempt;
	return 0;
}

static int decode(struct span frame, struct envelope *env, struct err *e)
{
	memset(env, 0, sizeof *env);
	if (frame.len > ENV_FRAME_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "envelope: %zu bytes", frame.len);
	struct mp m = mp_of(frame);
	size_t places;
	int rc = decode_head(&m, &places, env, e);
	if (rc)
		return rc;
	/* The body is the 15th place, so all the rest; later ones belong to newer
	 * versions. */
	if (places > PLACES)
		return mp_raw(&m, &env->body) ? bad(e, "body") : 0;
	env->body = (struct span){m.p, (size_t)(m.end - m.p)};
	return mp_peek(&m) == MP_NONE ? bad(e, "body") : 0;
}

int env_decode(struct span frame, struct envelope *env, struct err *e)
{
	if (frame.len > ENV_FRAME_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "envelope: %zu bytes", frame.len);
	int rc = mp_check(frame, e);
	return rc ? rc : decode(frame, env, e);
}

int env_decode_trusted(struct span frame, struct envelope *env, struct err *e)
{
	return decode(frame, env, e);
}

int env_split_topic(struct span frame, struct span *topic, struct span *rest)
{
	const uint8_t *zero = frame.len ? memchr(frame.data, 0, frame.len) : NULL;
	if (!zero)
		return ERR_INVALID;
	*topic = (struct span){frame.data, (size_t)(zero - frame.data)};
	*rest = (struct span){zero + 1, frame.len - topic->len - 1};
	return 0;
}
