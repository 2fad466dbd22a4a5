#include "actors/runtime/messages.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field txn[] = {
	{"request", MP_BIN, 16, false, "id for deduplication; a repeated one gets the first outcome"},
	{"who", MP_STR, 256, false, "principal"},
	{"trace", MP_ARRAY, 4, false, "trace (two halves), span, causing version"},
	{"fence", MP_ARRAY, 2, false, "[key, its version]: the lease that must still hold"},
	{"if", MP_ARRAY, 100, SECRET_AT(3), "[key, field, number, value] compares"},
	{"then", MP_ARRAY, 100, SECRET_AT(2), "[verb, key, value, part, flags] operations; two more: lease key, time to live in ms"},
	{"else", MP_ARRAY, 100, SECRET_AT(2), "the same, for when a compare fails"},
	END,
};
static const struct msg_field outcome[] = {
	{"status", MP_STR, 64, true, "ok, or the name of an error code"},
	{"compared", MP_BOOL, 0, true, "all compares held"},
	{"revision", MP_INT, 0, true, "of the transaction"},
	{"rows", MP_ARRAY, 200, IS_REQUIRED | SECRET_AT(1), "[key, value, created, version, changes] each"},
	{"text", MP_STR, 256, false, "what is wrong"},
	END,
};
static const struct msg_field range[] = {
	{"from", MP_STR, 640, true, "first key"},
	{"end", MP_STR, 640, true, "first key behind"},
	{"limit", MP_INT, 0, false, "rows at most"},
	{"stream", MP_STR, 256, false, "whose head is wanted with it"},
	{"part", MP_STR, 256, false, "only rows of this partition"},
	{"at", MP_INT, 0, false, "the rows as of this revision: what the first page of a list said"},
	{"count", MP_BOOL, 0, false, "say how many there are in all"},
	END,
};
static const struct msg_field rows_fields[] = {
	{"rows", MP_ARRAY, 0, IS_REQUIRED | SECRET_AT(1), "[key, value, created, version, changes] each"},
	{"more", MP_BOOL, 0, true, "there are more behind the last one"},
	{"next", MP_STR, 640, false, "where they begin"},
	{"revision", MP_INT, 0, false, "that the rows are of"},
	{"count", MP_INT, 0, false, "rows from `from` to `end`, in any partition, now"},
	{"head", MP_INT, 0, true, "version of the stream's last event"},
	{"epoch", MP_INT, 0, true, "of the store"},
	END,
};
static const struct msg_field events[] = {
	{"stream", MP_STR, 256, true, "a stream"},
	{"after", MP_INT, 0, true, "version of the last one known"},
	{"limit", MP_INT, 0, false, "events looked at, at most"},
	{"prefix", MP_STR, 640, false, "only keys that begin so"},
	{"old", MP_BOOL, 0, false, "with each event the value before it, `old`"},
	{"wait_ms", MP_INT, 0, false, "when there is none: answered with the next, or empty after so long"},
	END,
};
static const struct msg_field changes[] = {
	{"events", MP_ARRAY, 0, IS_REQUIRED | SECRET_VALUE, "bodies as bus.event, values always there"},
	{"more", MP_BOOL, 0, true, "there are more"},
	{"seen", MP_INT, 0, false, "what the next request goes on after"},
	{"head", MP_INT, 0, true, "version of the stream's last event"},
	{"epoch", MP_INT, 0, true, "of the store"},
	END,
};
static const struct msg_field check[] = {
	{"streams", MP_MAP, 20000, true, "stream: version of the last event known"},
	END,
};
static const struct msg_field behind[] = {
	{"streams", MP_MAP, 20000, true, "stream: version of its head, where it is a later one"},
	{"forgotten", MP_ARRAY, 20000, false,
	 "streams whose last event is an earlier one: soft keys went with a restart"},
	{"epoch", MP_INT, 0, true, "of the store"},
	END,
};
static const struct msg_field nothing[] = {END};
static const struct msg_field keep[] = {
	{"lease", MP_STR, 640, true, "its key"},
	END,
};
static const struct msg_field compact[] = {
	{"revision", MP_INT, 0, false, "events up to it are forgotten; all when absent"},
	END,
};
static const struct msg_field compacted[] = {
	{"compacted", MP_INT, 0, true, "events at or below are gone"},
	{"revision", MP_INT, 0, true, "the newest"},
	END,
};
static const struct msg_field backup[] = {
	{"path", MP_STR, 4096, true, "an absolute one; the file must not exist"},
	END,
};
static const struct msg_field state[] = {
	{"state", MP_MAP, 0, true, "what the actor shows of itself"},
	END,
};
static const struct msg_field actors[] = {
	{"after", MP_STR, 128, false, "only names behind this one"},
	{"limit", MP_INT, 0, false, "names at most; 1000 when absent"},
	END,
};
static const struct msg_field listing[] = {
	{"actors", MP_ARRAY, 0, true,
	 "a map each: name, kind, up, role (where it has one), turns, queue, restarts, rejected, and of the mailbox (wait_) "
	 "and the turns (turn_) us, p50_us, p99_us"},
	{"more", MP_BOOL, 0, false, "there are more behind the last one"},
	{"cell", MP_MAP, 32, false, "turns, pending, parked, outbox, dead, notices_dropped: of the cell"},
	END,
};
static const struct msg_field letters[] = {
	{"after", MP_INT, 0, false, "number of the last one known"},
	END,
};
static const struct msg_field letter_list[] = {
	{"total", MP_INT, 0, true, "dead letters since the process began, kept or not"},
	{"reasons", MP_MAP, 16, true, "reason: how many, ever"},
	{"letters", MP_ARRAY, 0, true,
	 "a map each: number, wall_us, reason, from, to, kind, request, attempt, secret (body has nil for what is), body"},
	{"more", MP_BOOL, 0, true, "there are more"},
	END,
};
static const struct msg_field letter[] = {
	{"number", MP_INT, 0, false, "which; 0, to drop: all"},
	END,
};
static const struct msg_field count[] = {
	{"count", MP_INT, 0, true, "how many it was about"},
	END,
};
static const struct msg_field ack[] = {
	{"incarnation", MP_INT, 0, true, "of the sender's cell"},
	{"channel", MP_INT, 0, true, "the sender's number for this pair"},
	{"upto", MP_INT, 0, true, "all commands up to it were handled or refused"},
	{"mask", MP_INT, 0, true, "bit n: command upto + 1 + n has arrived"},
	{"refused", MP_ARRAY, 64, true, "[number, name of an error code] each, the latest"},
	END,
};

static const struct msg_row rows[] = {
	{MSG_STORE_TXN, "store.txn", CLASS_REQUEST, ROLE_CELL, txn, "compare, then or else"},
	{MSG_STORE_OUTCOME, "store.outcome", CLASS_REPLY, ROLE_CELL, outcome,
	 "what became of a transaction; synced"},
	{MSG_STORE_RANGE, "store.range", CLASS_REQUEST, ROLE_CELL, range, "rows in key order"},
	{MSG_STORE_ROWS, "store.rows", CLASS_REPLY, ROLE_CELL, rows_fields, "rows"},
	{MSG_STORE_EVENTS, "store.events", CLASS_REQUEST, ROLE_CELL, events,
	 "a stream's events after a version"},
	{MSG_STORE_CHANGES, "store.changes", CLASS_REPLY, ROLE_CELL, changes, "events"},
	{MSG_STORE_CHECK, "store.check", CLASS_REQUEST, ROLE_CELL, check,
	 "which of these streams am I behind in?"},
	{MSG_STORE_BEHIND, "store.behind", CLASS_REPLY, ROLE_CELL, behind, "those"},
	{MSG_STORE_KEEP, "store.keep", CLASS_REQUEST, ROLE_CELL, keep,
	 "the lease has its whole time again"},
	{MSG_STORE_KEPT, "store.kept", CLASS_REPLY, ROLE_CELL, nothing, "it has"},
	{MSG_STORE_COMPACT, "store.compact", CLASS_REQUEST, ROLE_CELL, compact,
	 "forget what happened, not what is"},
	{MSG_STORE_COMPACTED, "store.compacted", CLASS_REPLY, ROLE_CELL, compacted, "it is so"},
	{MSG_STORE_BACKUP, "store.backup", CLASS_REQUEST, ROLE_CELL, backup,
	 "a copy to a file of the store's machine"},
	{MSG_STORE_BACKED, "store.backed", CLASS_REPLY, ROLE_CELL, backup,
	 "the file is there, whole and synced"},
	{MSG_ACTOR_INSPECT, "actor.inspect", CLASS_REQUEST, ROLE_CELL, nothing,
	 "what an actor knows; any actor answers"},
	{MSG_ACTOR_STATE, "actor.state", CLASS_REPLY, ROLE_CELL, state, "that"},
	{MSG_CELL_ACTORS, "cell.actors", CLASS_REQUEST, ROLE_CELL, actors,
	 "to cell/NAME: who lives there, in order of names"},
	{MSG_CELL_LISTING, "cell.listing", CLASS_REPLY, ROLE_CELL, listing, "those"},
	{MSG_CELL_LETTERS, "cell.letters", CLASS_REQUEST, ROLE_CELL, letters,
	 "to cell/NAME: messages that nobody took"},
	{MSG_CELL_LETTER_LIST, "cell.letter-list", CLASS_REPLY, ROLE_CELL, letter_list, "those"},
	{MSG_CELL_LETTER_RETRY, "cell.letter-retry", CLASS_REQUEST, ROLE_CELL, letter,
	 "send it again, as it was"},
	{MSG_CELL_LETTER_RETRIED, "cell.letter-retried", CLASS_REPLY, ROLE_CELL, count, "done"},
	{MSG_CELL_LETTER_DROP, "cell.letter-drop", CLASS_REQUEST, ROLE_CELL, letter,
	 "forget it"},
	{MSG_CELL_LETTER_DROPPED, "cell.letter-dropped", CLASS_REPLY, ROLE_CELL, count, "done"},
	{MSG_COMMAND_ACK, "command.ack", CLASS_SEND, ROLE_ANY, ack,
	 "to a command's sender: its cell takes it"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table runtime_messages = {"runtime", rows};
