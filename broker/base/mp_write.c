/* The writer, into a growing buffer; what is rare is left to msgpack-c's packer. */
#include <endian.h>
#include <msgpack.h>
#include <string.h>

#include "broker/base/mp.h"

static int append(void *to, const char *data, size_t n)
{
	buf_append(to, data, n);
	return 0;
}

static msgpack_packer packer(struct buf *b)
{
	msgpack_packer pk;
	msgpack_packer_init(&pk, b, append);
	return pk;
}

/* Messages and objects are numbers and short text: those are written without the
 * packer, which hands each value through a call of ours. */
static void put_be(struct buf *b, uint8_t type, uint64_t v, size_t width)
{
	uint64_t wire = htobe64(v << (64 - 8 * width));
	buf_reserve(b, 9);
	b->data[b->len] = type;
	memcpy(b->data + b->len + 1, &wire, 8);
	b->len += 1 + width;
}

static void put_byte(struct buf *b, size_t byte)
{
	buf_reserve(b, 1);
	b->data[b->len++] = (uint8_t)byte;
}

void mpw_u64(struct buf *b, uint64_t v)
{
	if (v <= 0x7f)
		put_byte(b, v);
	else if (v <= UINT8_MAX)
		put_be(b, 0xcc, v, 1);
	else if (v <= UINT16_MAX)
		put_be(b, 0xcd, v, 2);
	else if (v <= UINT32_MAX)
		put_be(b, 0xce, v, 4);
	else
		put_be(b, 0xcf, v, 8);
}

void mpw_i64(struct buf *b, int64_t v)
{
	msgpack_packer pk = packer(b);
	if (v >= 0)
		mpw_u64(b, (uint64_t)v);
	else
		msgpack_pack_int64(&pk, v);
}

void mpw_nil(struct buf *b)
{
	put_byte(b, 0xc0);
}

void mpw_bool(struct buf *b, bool v)
{
	put_byte(b, v ? 0xc3 : 0xc2);
}

void mpw_f64(struct buf *b, double v)
{
	msgpack_packer pk = packer(b);
	msgpack_pack_double(&pk, v);
}

void mpw_span(struct buf *b, struct span text)
{
	buf_reserve(b, 9 + text.len);
	if (text.len < 32)
		b->data[b->len++] = (uint8_t)(0xa0 | text.len);
	else if (text.len <= UINT8_MAX)
		put_be(b, 0xd9, text.len, 1);
	else if (text.len <= UINT16_MAX)
		put_be(b, 0xda, text.len, 2);
	else
		put_be(b, 0xdb, text.len, 4);
	if (text.len)
		memcpy(b->data + b->len, text.data, text.len);
	b->len += text.len;
}

void mpw_bin(struct buf *b, struct span data)
{
	msgpack_packer pk = packer(b);
	msgpack_pack_bin(&pk, data.len);
	buf_append(b, data.data, data.len);
}

void mpw_packed(struct buf *b, struct span value)
{
	msgpack_packer pk = packer(b);
	msgpack_pack_ext(&pk, value.len, MP_PACKED);
	buf_append(b, value.data, value.len);
}

void mpw_array(struct buf *b, size_t count)
{
	msgpack_packer pk = packer(b);
	if (count < 16)
		put_byte(b, 0x90 | count);
	else
		msgpack_pack_array(&pk, count);
}

void mpw_map(struct buf *b, size_t count)
{
	msgpack_packer pk = packer(b);
	if (count < 16)
		put_byte(b, 0x80 | count);
	else
		msgpack_pack_map(&pk, count);
}

void mpw_raw(struct buf *b, struct span value)
{
	if (value.len)
		buf_append(b, value.data, value.len);
	else
		mpw_nil(b);
}

void mpw_kv_u64(struct buf *b, const char *key, uint64_t v)
{
	mpw_str(b, key);
	mpw_u64(b, v);
}

void mpw_kv_i64(struct buf *b, const char *key, int64_t v)
{
	mpw_str(b, key);
	mpw_i64(b, v);
}

void mpw_kv_bool(struct buf *b, const char *key, bool v)
{
	mpw_str(b, key);
	mpw_bool(b, v);
}

static size_t open_counted(struct buf *b, uint8_t type)
{
	size_t at = b->len;
	uint8_t h[5] = {type, 0, 0, 0, 0};
	buf_append(b, h, sizeof h);
	return at;
}

static void close_counted(struct buf *b, size_t at, size_t count)
{
	for (int i = 0; i < 4; i++)
		b->data[at + 1 + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
}

size_t mpw_map_open(struct buf *b)
{
	return open_counted(b, 0xdf);
}

void mpw_map_close(struct buf *b, size_t at, size_t count)
{
	close_counted(b, at, count);
}

size_t mpw_array_open(struct buf *b)
{
	return open_counted(b, 0xdd);
}

void mpw_array_close(struct buf *b, size_t at, size_t count)
{
	close_counted(b, at, count);
}
