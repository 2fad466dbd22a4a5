/* Kubernetes' protobuf, both ways, by the numbers in the type tables.
 *
 * A body is four bytes ("k8s", 0), then runtime.Unknown: apiVersion and kind,
 * the object's own message as raw bytes. What is parsed is the tree that
 * json_parse would have given (Go's zero values stand in it as the wire has
 * them; schema_coerce takes out what JSON leaves out), so everything behind is
 * the same for both. What is written is what Go's generated marshallers write:
 * fields by number, scalars that are no pointers always, maps sorted.
 * Messages that are no structs of the tables (Quantity, IntOrString, Time,
 * MicroTime, RawExtension, FieldsV1) are as apimachinery has them.
 * No state; any thread. Source: the encoding page of protobuf.dev (proto2),
 * k8s.io/apimachinery's generated.proto files. */
#ifndef SCHEMA_PROTOBUF_H
#define SCHEMA_PROTOBUF_H

#include "actors/schema/schema.h"
#include "broker/base/doc.h"

enum { PROTOBUF_DEPTH_MAX = 56 };

struct protobuf_body {
	struct span api_version, kind; /* of the envelope; may be empty */
	struct span raw;               /* the object's message */
};

/* Whether the bytes begin as such a body. */
bool protobuf_is(struct span bytes);
/* Takes the envelope apart; spans borrow. ERR_INVALID: not one, or its content
 * is compressed. */
int protobuf_open(struct span bytes, struct protobuf_body *out, struct err *e);
/* The message as a tree in the arena; text is borrowed from the bytes.
 * Unknown fields are passed over. ERR_INVALID: truncated, a wrong wire type,
 * text that is no UTF-8, too deep. */
int protobuf_parse(struct arena *a, const struct schema_type *type, struct span raw,
		   struct doc **out, struct err *e);

/* Appends a whole body: envelope, apiVersion and kind of the tree, message. */
void protobuf_write(struct buf *out, const struct schema_type *type, const struct doc *object);

/* A list: items one by one into `items`, then the whole body. `next`: the
 * continue token, may be empty; `remaining`: items behind it, -1 unknown. */
void protobuf_write_item(struct buf *items, const struct schema_type *type,
			 const struct doc *object);
void protobuf_write_list(struct buf *out, const char *api_version, const char *kind,
			 uint64_t version, struct span next, int64_t remaining, struct span items);
/* One frame of a watch: its length, then a WatchEvent around a whole body. */
void protobuf_write_event(struct buf *out, const char *event, struct span body);

#endif
