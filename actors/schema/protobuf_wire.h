/* Varints, tags and lengths. Private to actors/schema. */
#ifndef SCHEMA_PROTOBUF_WIRE_H
#define SCHEMA_PROTOBUF_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* One field as it stands on the wire. */
struct wire_field {
	uint32_t number;
	enum wire wire;
	uint64_t value;    /* of a varint or a fixed number */
	struct span bytes; /* of WIRE_BYTES */
};

/* Reads the next field and moves on. 1: there it is; 0: the end; negative:
 * malformed (truncated, a group, field number 0). */
int wire_next(struct span *rest, struct wire_field *out);
/* One varint from the front; false: truncated or longer than ten bytes. */
bool wire_varint(struct span *rest, uint64_t *out);

void wire_put_varint(struct buf *b, uint64_t v);
void wire_put_tag(struct buf *b, uint32_t number, enum wire wire);
void wire_put_bytes(struct buf *b, uint32_t number, struct span s);
void wire_put_number(struct buf *b, uint32_t number, uint64_t v);

#endif
