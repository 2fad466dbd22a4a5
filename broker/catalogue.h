/* The message catalogue: every kind of message, as data.
 *
 * Each folder that owns messages exports one `struct msg_table`. The codec's
 * check, dispatch, tail and `troupe manual messages` read these rows; nothing
 * else knows a message's shape. Numbers are unique over all tables and only
 * ever appended: they are what travels.
 *
 * A body is one msgpack map whose keys are the fields below, so that an actor
 * can be written in any language. Unknown fields are let through (a newer
 * neighbour may send them); a required one that is missing, of another type
 * or longer than its limit refuses the message. */
#ifndef BROKER_CATALOGUE_H
#define BROKER_CATALOGUE_H

#include <stdint.h>

#include "broker/base/mp.h"

/* Who may send it. A cell of ours may send all; sessions of foreign
 * programs and nodes only what their role has. */
enum msg_role {
	ROLE_CELL = 1,    /* control plane */
	ROLE_NODE = 2,    /* node agents */
	ROLE_FOREIGN = 4, /* programs that speak the messages */
	ROLE_ANY = 7,
};

enum msg_class {
	CLASS_SYSTEM,  /* between runtime and broker */
	CLASS_SEND,    /* at most once, in order per pair */
	CLASS_REQUEST, /* answered exactly once or failed */
	CLASS_REPLY,   /* the answer's body to the request named before it */
	CLASS_EVENT,   /* on the bus: a hint, recoverable from the store */
	CLASS_NOTICE,  /* on the bus: not recoverable */
	CLASS_COMMAND, /* sent until acknowledged, in order per pair, handled once */
};

/* Beside `required`: what of a field may hold secrets (values of objects, logs)
 * and therefore never enters a tap. All of it, place N of each element, or the
 * keys "value" and "old" of each. */
enum {
	IS_REQUIRED = 1, /* the same as true */
	IS_SECRET = 2,
	SECRET_VALUE = 4,
#define SECRET_AT(n) (8u | (unsigned)(n) << 8)
};

struct msg_field {
	const char *name;
	enum mp_type type; /* MP_NONE: any */
	uint32_t limit;    /* bytes of str and bin, elements of array and map; 0: the frame's */
	unsigned flags; /* true or IS_REQUIRED; and what of it is secret */
	const char *help; /* with its unit */
};

struct msg_row {
	uint16_t number;
	const char *name; /* "scheduler.bind": the same string everywhere */
	enum msg_class class;
	unsigned roles;
	const struct msg_field *fields; /* ends with name NULL */
	const char *help;
};

struct msg_table {
	const char *folder;
	const struct msg_row *rows; /* ends with name NULL */
};

/* Tables ends with NULL. */
struct catalogue {
	const struct msg_table *const *tables;
};

const struct msg_row *catalogue_by_number(const struct catalogue *c, uint16_t number);
const struct msg_row *catalogue_by_name(const struct catalogue *c, const char *name);
/* The same without a walk, for who looks up with every message. */
struct catalogue_index;
struct catalogue_index *catalogue_index_new(const struct catalogue *c);
void catalogue_index_free(struct catalogue_index *x);
const struct msg_row *catalogue_numbered(const struct catalogue_index *x, uint16_t number);
const struct msg_row *catalogue_named(const struct catalogue_index *x, const char *name);
/* Whether a body is as its row says. ERR_INVALID names the field. */
int catalogue_check(const struct msg_row *row, struct mp body, struct err *e);
/* Appends the body as a tap may show it: what is secret is nil. A body that is
 * not as its row says is nil as a whole. */
void catalogue_redact(struct buf *out, const struct msg_row *row, struct mp body);
/* For tests and start-up: numbers and names are unique. */
int catalogue_verify(const struct catalogue *c, struct err *e);

extern const struct msg_table broker_messages;

#endif
