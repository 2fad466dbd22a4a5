#include "nodes/messages.h"

#define END {NULL, MP_NONE, 0, false, NULL}

/* A log is pulled chunk by chunk. The agent answers at once when there is
 * something (at most 256 KiB), and with `end` when there will be nothing more.
 * With `follow` it may keep the request open for up to 10 s and then answers
 * with empty data and the same cursor. */
static const struct msg_field logs[] = {
	{"namespace", MP_STR, 63, true, "of the pod"},
	{"pod", MP_STR, 253, true, "its name"},
	{"container", MP_STR, 63, true, "its container"},
	{"cursor", MP_INT, 0, true, "0 at first, then what the last chunk said"},
	{"follow", MP_BOOL, 0, true, "go on while the container runs"},
	{"previous", MP_BOOL, 0, true, "of the container's former instance"},
	{"timestamps", MP_BOOL, 0, true, "a time before each line"},
	{"tail", MP_INT, 0, false, "lines from the end"},
	{"limit", MP_INT, 0, false, "bytes at most, over all chunks"},
	{"since_s", MP_INT, 0, false, "seconds back"},
	{"since_time", MP_STR, 64, false, "RFC 3339"},
	END,
};
static const struct msg_field chunk[] = {
	{"data", MP_BIN, 0, IS_REQUIRED | IS_SECRET, "bytes of the log"},
	{"cursor", MP_INT, 0, true, "where the next chunk begins; opaque, not 0"},
	{"end", MP_BOOL, 0, true, "there is no next chunk"},
	END,
};

static const struct msg_row rows[] = {
	{96, "node.logs", CLASS_REQUEST, ROLE_CELL, logs, "a chunk of a container's log"},
	{97, "node.logs.chunk", CLASS_REPLY, ROLE_NODE | ROLE_CELL, chunk, "that chunk"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table node_messages = {"nodes", rows};
