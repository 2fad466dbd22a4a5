#include "nodes/messages.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field nothing[] = {END};

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
	{"place", MP_BIN, 64, false, "with cursor 0: go on where a chunk said that it ended"},
	END,
};
static const struct msg_field chunk[] = {
	{"data", MP_BIN, 0, IS_REQUIRED | IS_SECRET, "bytes of the log"},
	{"cursor", MP_INT, 0, true, "where the next chunk begins; opaque, not 0"},
	{"end", MP_BOOL, 0, true, "there is no next chunk"},
	{"place", MP_BIN, 64, false, "the same for an agent that knows no cursor any more; opaque"},
	END,
};

/* A stream session with a container: channels of bytes between who asked and
 * a command of its own (kind "exec"), or the container's own streams ("attach": no
 * command, and whether there is a terminal is the container's to say). Its asker
 * numbers it; who asks again with a number, or is gone, has ended the session of
 * that number, and its command.
 * Output is pulled and input is pushed, one of each at a time: the answer is
 * the credit for the next. Neither waits longer than 10 s: then it is answered
 * with no frames, or with `taken` false, and asked again (a write of no data). */
static const struct msg_field open_session[] = {
	{"session", MP_INT, 0, true, "its number"},
	{"kind", MP_STR, 16, true, "exec or attach"},
	{"namespace", MP_STR, 63, true, "of the pod"},
	{"pod", MP_STR, 253, true, "its name"},
	{"container", MP_STR, 63, true, "its container"},
	{"command", MP_ARRAY, 4096, IS_REQUIRED | IS_SECRET, "program and arguments"},
	{"streams", MP_INT, 0, true, "bits: 1 stdin, 2 stdout, 4 stderr"},
	{"tty", MP_BOOL, 0, true, "one terminal for all of them"},
	END,
};
static const struct msg_field session_only[] = {
	{"session", MP_INT, 0, true, "its number"},
	END,
};
static const struct msg_field output[] = {
	{"frames", MP_ARRAY, 64, IS_REQUIRED | IS_SECRET, "[channel, bytes]: 1 stdout, 2 stderr"},
	{"end", MP_BOOL, 0, true, "it has ended; there is no more"},
	{"unknown", MP_BOOL, 0, true, "... and nobody knows how: its pod ended first"},
	{"code", MP_INT, 0, true, "... with this exit code; of a command that never ran 127, 126 or 128"},
	{"error", MP_BIN, 0, true, "... because it never ran: why; else empty"},
	END,
};
static const struct msg_field input[] = {
	{"session", MP_INT, 0, true, "its number"},
	{"data", MP_BIN, 1 << 20, IS_REQUIRED | IS_SECRET, "for its stdin"},
	{"end", MP_BOOL, 0, true, "there will be no more; without data"},
	END,
};
static const struct msg_field taken[] = {
	{"taken", MP_BOOL, 0, true, "all of it was read: there is room for more"},
	END,
};
static const struct msg_field resize[] = {
	{"session", MP_INT, 0, true, "its number"},
	{"width", MP_INT, 0, true, "columns of its terminal"},
	{"height", MP_INT, 0, true, "rows"},
	END,
};

/* As the kubelet's /stats/summary (stats/v1alpha1 Summary). */
static const struct msg_field summary[] = {
	{"summary", MP_MAP, 1 << 20, true, "what the node, its pods and containers use"},
	END,
};

static const struct msg_row rows[] = {
	{96, "node.logs", CLASS_REQUEST, ROLE_CELL, logs, "a chunk of a container's log"},
	{97, "node.logs.chunk", CLASS_REPLY, ROLE_NODE | ROLE_CELL, chunk, "that chunk"},
	{98, "node.session.open", CLASS_REQUEST, ROLE_CELL, open_session, "begin a stream session"},
	{99, "node.session.opened", CLASS_REPLY, ROLE_NODE | ROLE_CELL, nothing, "it has begun"},
	{100, "node.session.read", CLASS_REQUEST, ROLE_CELL, session_only, "output, when there is"},
	{101, "node.session.output", CLASS_REPLY, ROLE_NODE | ROLE_CELL, output, "that output"},
	{102, "node.session.write", CLASS_REQUEST, ROLE_CELL, input, "input, when it can be read"},
	{103, "node.session.taken", CLASS_REPLY, ROLE_NODE | ROLE_CELL, taken, "that input was"},
	{104, "node.session.resize", CLASS_SEND, ROLE_CELL, resize, "its terminal's size"},
	{105, "node.session.close", CLASS_SEND, ROLE_CELL, session_only, "its asker is gone"},
	{106, "node.summary", CLASS_REQUEST, ROLE_CELL, nothing, "what the node and its pods use"},
	{107, "node.summary.is", CLASS_REPLY, ROLE_NODE | ROLE_CELL, summary, "that"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table node_messages = {"nodes", rows};
