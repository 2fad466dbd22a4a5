/* What comes from a socket first: the strict msgpack reader, then envelopes.
 * Bytes that passed are walked to their end, and an envelope that was
 * understood is the same one when it is written and read again. */
#include "broker/envelope.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"\x82\xa1"
	"a\x01\xa1"
	"b\x92\xc0\xc3",
	"\x9f\x01\x02\x03\xa1t\xa1"
	"f\x92\x01\x02\x03\x04\xc0\x05\x06\x95\x01\x02\x03\x04\x05\x07\xc0\x80",
	NULL,
};

static void walk(struct mp m)
{
	size_t left = 0;
	while (mp_peek(&m) != MP_NONE)
		fuzz_hold(mp_skip(&m) == 0 && left++ == 0);
}

static void again(const struct envelope *env)
{
	struct buf out = {0};
	struct envelope copy;
	struct err e = {0};
	env_encode(&out, env);
	fuzz_hold(env_decode(span_buf(&out), &copy, &e) == 0);
	fuzz_hold(copy.type == env->type && copy.kind == env->kind && copy.epoch == env->epoch);
	fuzz_hold(span_eq(copy.to, env->to) && span_eq(copy.body, env->body));
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size}, topic, rest;
	struct envelope env;
	struct err e = {0};
	if (mp_check(in, &e) == 0)
		walk(mp_of(in));
	mp_path_str(mp_of(in), "a.b");
	if (env_decode(in, &env, &e) == 0)
		again(&env);
	env_decode_trusted(in, &env, &e);
	if (env_split_topic(in, &topic, &rest) == 0)
		env_decode(rest, &env, &e);
	return 0;
}
