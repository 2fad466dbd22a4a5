/* The envelope: what is around every message.
 *
 * On the wire it is one frame, one msgpack array with fixed places:
 *   0 format version (1)      1 type              2 cluster id
 *   3 to                      4 from              5 [incarnation, sequence]
 *   6 correlation             7 kind (catalogue)  8 flags
 *   9 deadline left, ms (0 none)                 10 hops left
 *  11 [trace high, trace low, span, parent, cause version] or nil
 *  12 session epoch          13 attempt          14 body (any value)
 * Places are only ever appended. A frame on the bus has its topic and a zero
 * byte before the array.
 *
 * A decoded envelope borrows from its frame. */
#ifndef BROKER_ENVELOPE_H
#define BROKER_ENVELOPE_H

#include "broker/base/mp.h"

enum {
	ENV_VERSION = 1,
	ENV_HOPS = 8,
	ENV_NAME_BYTES_MAX = 128,
	ENV_FRAME_BYTES_MAX = 4 * 1024 * 1024,
};

enum env_type {
	ENV_SYSTEM = 1, /* between a cell's runtime and the broker */
	ENV_SEND,
	ENV_REQUEST,
	ENV_REPLY,
	ENV_ERROR, /* a failed request; body as catalogue row "error" */
	ENV_EVENT, /* from the store, to be published */
};

/* Flags of an envelope. */
enum {
	ENV_COMMAND = 1, /* of a channel: sequence is the channel, correlation its number there */
	ENV_OLDEST = 2,  /* all commands before it were acknowledged */
};

struct trace {
	uint64_t hi, lo; /* W3C trace id; both 0: none */
	uint64_t span, parent;
	uint64_t cause; /* the store version that led to this */
};

struct envelope {
	enum env_type type;
	uint32_t cluster;
	struct span to, from;
	uint64_t incarnation, sequence; /* the message's id */
	uint64_t correlation;           /* a request's number at its sender */
	uint16_t kind;
	uint16_t flags;
	uint32_t deadline_ms;
	uint8_t hops;
	uint8_t attempt;
	struct trace trace;
	uint64_t epoch;
	struct span body;
};

void env_encode(struct buf *out, const struct envelope *env);
size_t env_bytes_max(const struct envelope *env); /* encoded it has no more */
/* Strict: everything is checked, the body too. ERR_INVALID or ERR_LIMIT. */
int env_decode(struct span frame, struct envelope *env, struct err *e);
/* For frames of our own process: the head is read, the body taken as it is. */
int env_decode_trusted(struct span frame, struct envelope *env, struct err *e);

/* Splits a bus frame into its topic and the envelope behind it. */
int env_split_topic(struct span frame, struct span *topic, struct span *rest);

#endif
