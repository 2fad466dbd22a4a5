/* The form that is written: a head of 3 bytes (array, 16-bit count), and 5
 * bytes (bin, 32-bit length) before each frame, so that nothing is ever moved:
 * the count is filled in when the batch is taken, and a batch of one is the
 * part behind those 8 bytes. Readers take every form that msgpack allows. */
#include "broker/batch.h"

#include <stdlib.h>

enum { HEAD_BYTES = 3, FRAME_HEAD_BYTES = 5, ARRAY16 = 0xdc, BIN32 = 0xc6 };

bool batch_takes(const struct batch *b, size_t bytes)
{
	return bytes <= BATCH_FRAME_BYTES_MAX && HEAD_BYTES + FRAME_HEAD_BYTES + bytes <= b->limit;
}

bool batch_has_room(const struct batch *b, size_t bytes)
{
	size_t limit = b->limit < BATCH_BYTES_MAX ? b->limit : BATCH_BYTES_MAX;
	return b->count == 0 ||
	       (b->count < BATCH_FRAMES_MAX && b->buf.len + FRAME_HEAD_BYTES + bytes <= limit);
}

static void put_head(struct batch *b, size_t bytes)
{
	static const uint8_t array[HEAD_BYTES] = {ARRAY16};
	uint8_t head[FRAME_HEAD_BYTES] = {BIN32, (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16),
					  (uint8_t)(bytes >> 8), (uint8_t)bytes};
	if (!b->count++) {
		buf_reserve(&b->buf, b->usual);
		buf_append(&b->buf, array, sizeof array);
	}
	buf_append(&b->buf, head, sizeof head);
}

void batch_add(struct batch *b, struct span frame)
{
	put_head(b, frame.len);
	buf_append(&b->buf, frame.data, frame.len);
}

/* Its length is known once it is written. */
void batch_add_envelope(struct batch *b, const struct envelope *env)
{
	put_head(b, 0);
	size_t from = b->buf.len;
	env_encode(&b->buf, env);
	size_t bytes = b->buf.len - from;
	for (size_t i = 1; i <= 4; i++)
		b->buf.data[from - i] = (uint8_t)(bytes >> (8 * (i - 1)));
}

struct bytes *batch_take(struct batch *b)
{
	size_t skip = b->count == 1 ? HEAD_BYTES + FRAME_HEAD_BYTES : 0;
	if (!b->count)
		return NULL;
	uint8_t *data = b->buf.data;
	struct bytes *frame = bytes_wrap(data + skip, b->buf.len - skip, free, data);
	data[1] = (uint8_t)(b->count >> 8);
	data[2] = (uint8_t)b->count;
	b->usual = b->buf.len;
	b->count = 0;
	b->buf = (struct buf){0};
	return frame;
}

void batch_fini(struct batch *b)
{
	buf_fini(&b->buf);
	b->count = 0;
}

/* An envelope's first place is a number. */
bool batch_is(struct span frame)
{
	struct mp m = mp_of(frame);
	size_t n;
	return mp_array(&m, &n) == 0 && n > 0 && mp_peek(&m) == MP_BIN;
}

int batch_open(struct batch_reader *r, struct span frame, struct err *e)
{
	struct mp m = mp_of(frame);
	struct span part;
	if (frame.len > BATCH_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "a batch of %zu bytes, at most %d are taken",
			       frame.len, BATCH_BYTES_MAX);
	if (mp_array(&m, &r->left))
		return err_set(e, ERR_INVALID, "a batch that is no array");
	if (r->left > BATCH_FRAMES_MAX)
		return err_set(e, ERR_LIMIT, "a batch of %zu frames, at most %d are taken", r->left,
			       BATCH_FRAMES_MAX);
	r->at = m;
	for (size_t i = 0; i < r->left; i++)
		if (mp_bin(&m, &part))
			return err_set(e, ERR_INVALID, "a batch whose frame %zu is no bin", i);
	if (m.p != m.end)
		return err_set(e, ERR_INVALID, "a batch with bytes behind it");
	return 0;
}

bool batch_next(struct batch_reader *r, struct span *frame)
{
	if (!r->left)
		return false;
	r->left--;
	return mp_bin(&r->at, frame) == 0;
}
