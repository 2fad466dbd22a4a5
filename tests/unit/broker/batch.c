/* Batches: what goes in comes out, and nothing that is not one gets through. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "broker/batch.h"

static struct span text(const char *s)
{
	return span_of(s);
}

/* Opens and must be able to. */
static struct batch_reader opened(struct bytes *frame)
{
	struct batch_reader r;
	struct err e = {0};
	cr_assert_eq(batch_open(&r, bytes_span(frame), &e), 0, "%s", e.text);
	return r;
}

Test(batch, of_one_is_that_frame_itself)
{
	struct batch b = {.limit = BATCH_BYTES_MAX};
	cr_assert_null(batch_take(&b));
	batch_add(&b, text("\x95lone"));
	struct bytes *frame = batch_take(&b);
	cr_expect(span_is(bytes_span(frame), "\x95lone"));
	cr_expect(!batch_is(bytes_span(frame)));
	bytes_unref(frame);
	cr_expect_eq(b.count, 0);
}

Test(batch, gives_its_frames_in_order_and_is_msgpack)
{
	struct batch b = {.limit = BATCH_BYTES_MAX};
	struct envelope env = {.type = ENV_SEND,
			       .to = span_of("you"),
			       .from = span_of("me"),
			       .incarnation = UINT64_MAX,
			       .sequence = 7,
			       .kind = 300,
			       .body = span_of("\x80")},
			back;
	batch_add(&b, text("first"));
	batch_add_envelope(&b, &env);
	batch_add(&b, text("last"));
	struct bytes *frame = batch_take(&b);
	struct span one;
	cr_expect_eq(mp_check(bytes_span(frame), NULL), 0);
	cr_assert(batch_is(bytes_span(frame)));
	struct batch_reader r = opened(frame);
	cr_assert(batch_next(&r, &one));
	cr_expect(span_is(one, "first"));
	cr_assert(batch_next(&r, &one));
	cr_assert_eq(env_decode(one, &back, NULL), 0);
	cr_expect(span_is(back.to, "you"));
	cr_expect_eq(back.incarnation, UINT64_MAX);
	cr_expect_eq(back.kind, 300);
	cr_assert(batch_next(&r, &one));
	cr_expect(span_is(one, "last"));
	cr_expect(!batch_next(&r, &one));
	bytes_unref(frame);
}

Test(batch, an_envelope_has_no_more_than_env_bytes_max)
{
	char name[ENV_NAME_BYTES_MAX + 1] = {0};
	memset(name, 'n', ENV_NAME_BYTES_MAX);
	struct envelope env = {
		.type = ENV_EVENT,
		.cluster = UINT32_MAX,
		.to = span_of(name),
		.from = span_of(name),
		.incarnation = UINT64_MAX,
		.sequence = UINT64_MAX,
		.correlation = UINT64_MAX,
		.kind = UINT16_MAX,
		.flags = UINT16_MAX,
		.deadline_ms = UINT32_MAX,
		.hops = UINT8_MAX,
		.attempt = UINT8_MAX,
		.trace = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
		.epoch = UINT64_MAX};
	struct buf out = {0};
	env_encode(&out, &env);
	cr_expect_leq(out.len, env_bytes_max(&env));
	buf_fini(&out);
}

Test(batch, has_room_for_so_many_frames_and_bytes)
{
	static uint8_t data[BATCH_FRAME_BYTES_MAX];
	struct batch b = {.limit = BATCH_BYTES_MAX}, none = {0};
	size_t n = 0;
	cr_expect(!batch_takes(&none, 1), "who takes no batches is sent none");
	cr_expect(batch_takes(&b, sizeof data));
	cr_expect(!batch_takes(&b, sizeof data + 1));
	for (; batch_has_room(&b, sizeof data); n++)
		batch_add(&b, (struct span){data, sizeof data});
	cr_expect_eq(n, 7);
	struct bytes *frame = batch_take(&b);
	cr_expect_leq(bytes_span(frame).len, BATCH_BYTES_MAX);
	opened(frame);
	bytes_unref(frame);
	for (n = 0; batch_has_room(&b, 1); n++)
		batch_add(&b, (struct span){data, 1});
	cr_expect_eq(n, BATCH_FRAMES_MAX);
	frame = batch_take(&b);
	opened(frame);
	bytes_unref(frame);
	b.limit = 100; /* that of a small receiver */
	cr_expect(!batch_takes(&b, 100));
	for (n = 0; batch_has_room(&b, 20); n++)
		batch_add(&b, (struct span){data, 20});
	cr_expect_eq(n, 3);
	batch_fini(&b);
}

static int refusal(const void *data, size_t n, struct err *e)
{
	struct batch_reader r;
	*e = (struct err){0};
	return batch_open(&r, (struct span){data, n}, e);
}

Test(batch, that_is_not_one_is_refused_whole)
{
	struct err e;
	static uint8_t large[BATCH_BYTES_MAX + 1] = {0x91, 0xc6, 0, 1, 0};
	cr_expect_eq(refusal("\x92\xc4\x01x\xa1y", 6, &e), ERR_INVALID); /* the second is text */
	cr_expect(strstr(e.text, "frame 1"), "%s", e.text);
	cr_expect_eq(refusal("\x92\xc4\x01x\xc4\x05y", 7, &e), ERR_INVALID); /* cut off */
	cr_expect_eq(refusal("\x91\xc4\x01xy", 5, &e), ERR_INVALID);
	cr_expect(strstr(e.text, "behind"), "%s", e.text);
	cr_expect_eq(refusal("\xdd\xff\xff\xff\xff", 5, &e), ERR_INVALID); /* a bomb */
	cr_expect_eq(refusal("\xc4\x01x", 3, &e), ERR_INVALID);
	cr_expect_eq(refusal(large, sizeof large, &e), ERR_LIMIT);
	/* One frame more than is taken, each of them empty. */
	uint8_t many[3 + 2 * (BATCH_FRAMES_MAX + 1)] = {0xdc, (BATCH_FRAMES_MAX + 1) >> 8,
							(BATCH_FRAMES_MAX + 1) & 0xff};
	for (size_t i = 3; i < sizeof many; i += 2)
		many[i] = 0xc4;
	cr_expect_eq(refusal(many, sizeof many, &e), ERR_LIMIT);
	cr_expect(strstr(e.text, "257 frames"), "%s", e.text);
}
