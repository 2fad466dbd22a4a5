/* The catalogue rows of what cells and the broker say to each other. */
#include "broker/messages.h"

#include "broker/catalogue.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field hello[] = {
	{"cell", MP_STR, 128, true, "the cell's name"},
	{"incarnation", MP_INT, 0, true, "new with every start of the cell"},
	{"version", MP_ARRAY, 2, true, "lowest and highest catalogue version spoken"},
	{"names", MP_ARRAY, 200000, true, "actors that can be reached there"},
	{"batch", MP_INT, 0, false, "bytes of a batch that it takes; absent: none, a message a frame"},
	END,
};
static const struct msg_field welcome[] = {
	{"epoch", MP_INT, 0, true, "of this session; every later envelope carries it"},
	{"ping_ms", MP_INT, 0, true, "how often the broker wants to hear something"},
	{"window", MP_INT, 0, true, "bytes that may be on their way to the cell; see session.credit"},
	{"batch", MP_INT, 0, false, "bytes of a batch that the broker takes"},
	END,
};
static const struct msg_field bye[] = {
	{"reason", MP_STR, 256, true, "why the session is over"},
	END,
};
static const struct msg_field beat[] = {
	{"sent_us", MP_INT, 0, false, "the pinging side's clock, sent back as it is"},
	{"names", MP_INT, 0, false, "how many it has; bye when the broker knows another number"},
	{"taken", MP_INT, 0, false, "in a ping: as session.credit has it"},
	{"sent", MP_INT, 0, false, "in a pong: bytes sent in this session; what did not come is lost"},
	{"notices", MP_INT, 0, false, "in a pong: how many follow the topic `notices`"},
	END,
};
static const struct msg_field credit[] = {
	{"taken", MP_INT, 0, true, "bytes of routed frames that came in this session, all in all"},
	END,
};
static const struct msg_field name[] = {
	{"name", MP_STR, 128, true, "an actor"},
	END,
};
static const struct msg_field down[] = {
	{"name", MP_STR, 128, true, "an actor"},
	{"reason", MP_STR, 64, true, "name of an error code"},
	END,
};
static const struct msg_field returned[] = {
	{"code", MP_STR, 64, true, "name of an error code: unreachable or overloaded"},
	{"letter", MP_BIN, 0, true, "the frame as it came"},
	END,
};
static const struct msg_field error[] = {
	{"code", MP_STR, 64, true, "name of an error code"},
	{"text", MP_STR, 1024, true, "for people"},
	END,
};
static const struct msg_field subscribed[] = {
	{"stream", MP_STR, 256, true, "somebody new follows it and wants to know its head"},
	END,
};
static const struct msg_field event[] = {
	{"streams", MP_ARRAY, 3, true, "[stream, its previous version] pairs"},
	{"version", MP_INT, 0, true, "revision << 10 | position"},
	{"index", MP_INT, 0, true, "place in the transaction"},
	{"count", MP_INT, 0, true, "changes of the transaction"},
	{"key", MP_STR, 640, true, "stream/namespace/name"},
	{"created", MP_INT, 0, true, "version of the change that made the key"},
	{"part", MP_STR, 256, false, "the partition it is in"},
	{"was", MP_INT, 0, true, "version of the value before, 0: created"},
	{"marks", MP_BIN, 168, false, "where larger parts of the value begin and end; readers may pass it over"},
	{"value", MP_NONE, 0, IS_SECRET, "the object; nil: deleted; absent: secret"},
	{"secret", MP_BOOL, 0, false, "the value is to be fetched"},
	{"who", MP_STR, 256, false, "principal"},
	{"trace", MP_ARRAY, 4, false, "trace (two halves), span, causing version"},
	{"wall_us", MP_INT, 0, false, "the writer's clock"},
	{"revision", MP_INT, 0, false, "of the transaction"},
	END,
};
static const struct msg_field head[] = {
	{"stream", MP_STR, 256, true, "a stream"},
	{"version", MP_INT, 0, true, "of its last event, 0 none"},
	{"epoch", MP_INT, 0, true, "of the store; another one: list again"},
	END,
};
static const struct msg_field notice[] = {
	{"what", MP_STR, 64, true, "its kind, like actor.crashed"},
	{"detail", MP_MAP, 64, false, "what belongs to it"},
	END,
};

static const struct msg_field nothing[] = {END};
static const struct msg_field state[] = {
	{"sessions", MP_ARRAY, 0, true, "a map each: cell, names, epoch, silent_us"},
	{"counts", MP_MAP, 32, true,
	 "routed, published, refused_full, refused_gone, strangers, malformed, stale, forged, refused_credit, batches"},
	END,
};

static const struct msg_row rows[] = {
	{MSG_SESSION_HELLO, "session.hello", CLASS_SYSTEM, ROLE_ANY, hello,
	 "the first words of a cell"},
	{MSG_SESSION_WELCOME, "session.welcome", CLASS_SYSTEM, ROLE_CELL, welcome,
	 "the broker took the cell in"},
	{MSG_SESSION_BYE, "session.bye", CLASS_SYSTEM, ROLE_ANY, bye,
	 "the session is over: say hello again, or stop"},
	{MSG_SESSION_PING, "session.ping", CLASS_SYSTEM, ROLE_ANY, beat, "still there?"},
	{MSG_SESSION_PONG, "session.pong", CLASS_SYSTEM, ROLE_ANY, beat, "still here"},
	{MSG_SESSION_CREDIT, "session.credit", CLASS_SYSTEM, ROLE_ANY, credit,
	 "so much was taken: as much more may come"},
	{MSG_NAME_REGISTER, "name.register", CLASS_SYSTEM, ROLE_ANY, name,
	 "an actor lives here now"},
	{MSG_NAME_RELEASE, "name.release", CLASS_SYSTEM, ROLE_ANY, name,
	 "an actor lives here no more"},
	{MSG_NAME_WATCH, "name.watch", CLASS_SYSTEM, ROLE_ANY, name,
	 "tell me once when that actor is gone"},
	{MSG_NAME_DOWN, "name.down", CLASS_SYSTEM, ROLE_ANY, down, "a watched actor is gone"},
	{MSG_NAME_CRASHED, "name.crashed", CLASS_SYSTEM, ROLE_ANY, name,
	 "an actor here lost its state and begins again: tell who watches it"},
	{MSG_LETTER_RETURNED, "letter.returned", CLASS_SYSTEM, ROLE_ANY, returned,
	 "a message could not be delivered and waits for no answer"},
	{MSG_ERROR, "error", CLASS_REPLY, ROLE_ANY, error, "a request failed"},
	{MSG_BUS_SUBSCRIBED, "bus.subscribed", CLASS_SEND, ROLE_CELL, subscribed,
	 "to the store: publish that stream's head"},
	{MSG_BUS_EVENT, "bus.event", CLASS_EVENT, ROLE_CELL, event, "a committed change"},
	{MSG_BUS_HEAD, "bus.head", CLASS_EVENT, ROLE_CELL, head, "how far a stream is"},
	{MSG_BUS_NOTICE, "bus.notice", CLASS_NOTICE, ROLE_CELL, notice, "crashes, marks"},
	{MSG_BUS_AUDIT, "bus.audit", CLASS_NOTICE, ROLE_CELL, notice,
	 "a request of the API and what became of it: detail is an audit.k8s.io/v1 Event"},
	{MSG_BROKER_SESSIONS, "broker.sessions", CLASS_REQUEST, ROLE_CELL, nothing,
	 "to broker: which cells are here"},
	{MSG_BROKER_STATE, "broker.state", CLASS_REPLY, ROLE_CELL, state, "those"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table broker_messages = {"broker", rows};
