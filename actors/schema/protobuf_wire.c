#include "actors/schema/protobuf_wire.h"

#include "broker/base/err.h"

enum { VARINT_BYTES_MAX = 10 };

bool wire_varint(struct span *rest, uint64_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < rest->len && i < VARINT_BYTES_MAX; i++) {
		v |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
		if (rest->data[i] & 0x80)
			continue;
		rest->data += i + 1;
		rest->len -= i + 1;
		*out = v;
		return true;
	}
	return false;
}

static bool fixed(struct span *rest, size_t bytes, uint64_t *out)
{
	uint64_t v = 0;
	if (rest->len < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)rest->data[i] << (8 * i);
	rest->data += bytes;
	rest->len -= bytes;
	*out = v;
	return true;
}

static bool counted(struct span *rest, struct span *out)
{
	uint64_t n;
	if (!wire_varint(rest, &n) || n > rest->len)
		return false;
	*out = (struct span){rest->data, (size_t)n};
	rest->data += n;
	rest->len -= (size_t)n;
	return true;
}

int wire_next(struct span *rest, struct wire_field *out)
{
	uint64_t tag;
	bool fine = false;
	if (!rest->len)
		return 0;
	if (!wire_varint(rest, &tag) || tag >> 3 == 0 || tag >> 32)
		return ERR_INVALID;
	out->number = (uint32_t)(tag >> 3);
	out->wire = (enum wire)(tag & 7);
	out->bytes = (struct span){0};
	out->value = 0;
	switch (out->wire) {
	case WIRE_VARINT:
		fine = wire_varint(rest, &out->value);
		break;
	case WIRE_64:
		fine = fixed(rest, 8, &out->value);
		break;
	case WIRE_32:
		fine = fixed(rest, 4, &out->value);
		break;
	case WIRE_BYTES:
		fine = counted(rest, &out->bytes);
		break;
	}
	return fine ? 1 : ERR_INVALID;
}

void wire_put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(b, (char)(v | 0x80));
	buf_putc(b, (char)v);
}

void wire_put_tag(struct buf *b, uint32_t number, enum wire wire)
{
	wire_put_varint(b, (uint64_t)number << 3 | wire);
}

void wire_put_bytes(struct buf *b, uint32_t number, struct span s)
{
	wire_put_tag(b, number, WIRE_BYTES);
	wire_put_varint(b, s.len);
	buf_append(b, s.data, s.len);
}

void wire_put_number(struct buf *b, uint32_t number, uint64_t v)
{
	wire_put_tag(b, number, WIRE_VARINT);
	wire_put_varint(b, v);
}
