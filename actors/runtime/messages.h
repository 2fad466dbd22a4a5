/* Numbers of the runtime's messages: the store as actors see it, and what
 * every actor answers (rows in messages.c). A reply's number is its
 * request's plus one. */
#ifndef RUNTIME_MESSAGES_H
#define RUNTIME_MESSAGES_H

#include "broker/catalogue.h"

enum {
	MSG_STORE_TXN = 32,
	MSG_STORE_OUTCOME = 33,
	MSG_STORE_RANGE = 34,
	MSG_STORE_ROWS = 35,
	MSG_STORE_EVENTS = 36,
	MSG_STORE_CHANGES = 37,
	MSG_STORE_CHECK = 38,
	MSG_STORE_BEHIND = 39,
	MSG_ACTOR_INSPECT = 40,
	MSG_ACTOR_STATE = 41,
	MSG_CELL_ACTORS = 42,
	MSG_CELL_LISTING = 43,
	MSG_STORE_KEEP = 44,
	MSG_STORE_KEPT = 45,
	MSG_STORE_COMPACT = 46,
	MSG_STORE_COMPACTED = 47,
	MSG_STORE_BACKUP = 48,
	MSG_STORE_BACKED = 49,
	MSG_CELL_LETTERS = 50,
	MSG_CELL_LETTER_LIST = 51,
	MSG_CELL_LETTER_RETRY = 52,
	MSG_CELL_LETTER_RETRIED = 53,
	MSG_CELL_LETTER_DROP = 54,
	MSG_CELL_LETTER_DROPPED = 55,
	MSG_COMMAND_ACK = 56,
};

extern const struct msg_table runtime_messages;

#endif
