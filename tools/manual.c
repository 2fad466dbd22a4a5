/* `troupe manual messages`: how a program in any language takes part, and the
 * catalogue, printed from the rows themselves. The example is made by the same
 * code that runs, so it cannot be wrong. */
#include <stdio.h>
#include <string.h>

#include "actors/schema/json.h"
#include "broker/base/mem.h"
#include "broker/envelope.h"
#include "broker/messages.h"
#include "broker/router.h"
#include "tools/commands.h"
#include "tools/host.h"

static const char opening[] =
	"MESSAGES\n"
	"\n"
	"Any program that speaks ZeroMQ and msgpack can be an actor. This page and the\n"
	"rows behind it are all that it needs; tests/e2e/greeter.py is a whole one.\n"
	"tools/sdk has a module for Python, and a tutorial.\n"
	"\n"
	"Who may\n"
	"  Both sockets are files in DATA-DIR/run, which `troupe up` makes its owner's alone\n"
	"  (mode 0700). Whoever can open them may do everything: there is no lesser right on\n"
	"  this way in. What a row says about senders is what they are meant for.\n"
	"\n"
	"Connection\n"
	"  A DEALER connected to ipc://DATA-DIR/run/broker.ipc; do not set its identity.\n"
	"  For the bus (not needed to follow a stream) a SUB connected to\n"
	"  ipc://DATA-DIR/run/bus.ipc.\n"
	"  A socket's path has at most 107 bytes.\n"
	"\n"
	"Envelope\n"
	"  A message is one frame, a msgpack array of 15 places. Later versions may append\n"
	"  places: take what you know, ignore what is behind it.\n"
	"    0  format: 1\n"
	"    1  type: 1 system, 2 send, 3 request, 4 reply, 5 error, 6 event\n"
	"    2  cluster: 1\n"
	"    3  to: an actor's name; system messages: \"broker\"\n"
	"    4  from: a name that your hello gave; system messages: \"\"\n"
	"    5  [incarnation, sequence]: one number for this run of your program, and one\n"
	"       for each message\n"
	"    6  correlation: a number of yours for each request; its answer has it again.\n"
	"       Otherwise 0\n"
	"    7  kind: the number in the rows below\n"
	"    8  flags: 0\n"
	"    9  deadline: how long you wait, in ms; 0 none\n"
	"   10  hops: 8\n"
	"   11  trace: nil, or [trace high half, low half, span, parent, version]: what led\n"
	"       to this. With the trace of a message or an event that you act upon, a span\n"
	"       that you draw, and that one's span as the parent, `troupe trace` shows who\n"
	"       caused what through your program too\n"
	"   12  epoch: the one that welcome brought; 0 before\n"
	"   13  attempt: 0\n"
	"   14  body: a map, as the row of the kind says\n"
	"  Every frame is checked strictly: keys are strings and unique, strings are UTF-8,\n"
	"  no extension types, nothing behind the array. A frame that is not so is dropped\n"
	"  and counted (`troupe inspect broker`). A frame has at most 4 MiB.\n"
	"\n"
	"Session\n"
	"  First send session.hello with the names that you answer to. session.welcome\n"
	"  brings the epoch. A name that another program had is yours from then on, and\n"
	"  the other one is told session.bye. session.bye at any time: the session is\n"
	"  over, what you asked may or may not have happened; say hello again. Until the\n"
	"  welcome everything but the hello is refused.\n"
	"  Batches, if you want them: a frame that is a msgpack array of bin is several\n"
	"  frames in one, each as above. You get none unless your hello says how many bytes\n"
	"  of one you take (batch), and may send them up to what the welcome says, with at\n"
	"  most 256 frames. A bad frame in one is dropped and counted by itself.\n";

static const char closing[] =
	"\n"
	"Requests\n"
	"  Each is answered exactly once, or fails: by the receiver with type 4 (the kind\n"
	"  is the request's number plus one) or with type 5 (kind 10, a code and a text).\n"
	"  The broker itself answers `unreachable` when nobody has the name and\n"
	"  `overloaded` when the receiver's queue is full. Set a time limit of your own:\n"
	"  an answer may be lost with the broker. Codes that are worth asking again:\n"
	"  timeout, unreachable, overloaded, crashed, stale, unknown, again.\n"
	"  Requests that reach you have to be answered too: type 4 or 5, to the sender,\n"
	"  with its correlation. What you do not understand is answered `unsupported`.\n"
	"  Sends (type 2) arrive at most once, in order between two actors.\n"
	"\n"
	"Writing\n"
	"  object.create to `gate` makes any API object, with the same defaults, checks and\n"
	"  quotas as over HTTP; its answer has HTTP's codes. Name what you make after what\n"
	"  it was made for: then making it twice is refused with 409, and an answer that was\n"
	"  lost does no harm.\n"
	"  object.write is every other write: create, update, merge, apply, delete. `basis`\n"
	"  names what the decision rested on, as [key, version]; has one of them moved on,\n"
	"  the answer is 409 and nothing happened: decide again, from what is there then.\n"
	"\n"
	"Several of a kind, of which one is active\n"
	"  A fence is a key of the store, \"fences/NAME\", that names its holder; its version\n"
	"  is the holder's token. Take it with store.txn, comparing its version with the one\n"
	"  that you have seen (0: none):\n"
	"    {\"if\":[[\"fences/NAME\",0,SEEN,null]],\"then\":[[0,\"fences/NAME\",\n"
	"     {\"holder\":YOURS},\"\",0]],\"else\":[[2,\"fences/NAME\",null,\"\",0]]}\n"
	"  Compared: the version in the row is your token, and each object.write says it\n"
	"  (`fence`). Before the first plan ask store.check how far your streams must be:\n"
	"  what a former holder did is there, but you may not have seen it. Else the row says\n"
	"  who has it and its version: name.watch him, and when name.down comes take it with\n"
	"  that version; look again every 10 s. The error `fenced`: another one is active.\n"
	"  End in order with name.release, and who waits takes over at once.\n"
	"\n"
	"Following a stream\n"
	"  Every kind of object is a stream, named by its plural (\"pods\").\n"
	"  1. List: store.range from \"pods/\" to \"pods0\" (0 is the byte behind /) with the\n"
	"     stream named. Keep `head` of the first page and `epoch`; go on from `next`\n"
	"     while there is `more`. A row is [key, object, created, version, changes].\n"
	"  2. Follow: store.events after the last version that you know, with wait_ms: it is\n"
	"     answered when there is something, with a page of it, or empty after so long\n"
	"     (stay under your own time limit). Then ask for what is behind that page. So\n"
	"     you have as much on its way as you asked for, and miss nothing however slow\n"
	"     you are. A value of nil is a deletion. Right after the list an event may tell\n"
	"     what you know already: its version says so.\n"
	"  3. The error `compacted`, or another epoch: your place is gone, list again.\n"
	"  4. The bus is quicker for many readers, and loses frames: subscribe to the stream's\n"
	"     name and a zero byte, which are the topic before each envelope (bus.event,\n"
	"     bus.head). An event names the version before it in the stream; another than\n"
	"     your last means that you miss some: fetch them as above. After the last event\n"
	"     nothing tells of a loss: ask store.check every second or two. Values of secrets\n"
	"     are never on the bus.\n";

static void print_limits(void)
{
	printf("  Send session.ping every %d ms; whoever is silent for %d s is told bye and its\n"
	       "  names are free. The broker answers with session.pong: when you hear nothing for\n"
	       "  5 s, make a new socket and say hello.\n",
	       ROUTER_PING_US / 1000, ROUTER_SILENCE_US / 1000000);
}

/* ---- the worked example */

static void print_frame(const char *title, const struct envelope *env)
{
	struct buf frame = {0}, text = {0};
	env_encode(&frame, env);
	json_from_mp(&text, mp_of(span_buf(&frame)));
	printf("  %s\n    %.*s\n   ", title, (int)text.len, (const char *)text.data);
	for (size_t i = 0; i < frame.len; i++)
		printf("%s%02x", i && i % 32 == 0 ? "\n    " : " ", frame.data[i]);
	printf("\n");
	buf_fini(&frame);
	buf_fini(&text);
}

static void example_hello(void)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", "greeter");
	mpw_kv_u64(&b, "incarnation", 7);
	mpw_str(&b, "version");
	mpw_array(&b, 2);
	mpw_u64(&b, 1);
	mpw_u64(&b, 1);
	mpw_str(&b, "names");
	mpw_array(&b, 1);
	mpw_str(&b, "greeter");
	struct envelope env = {.type = ENV_SYSTEM, .cluster = 1, .to = span_of("broker"),
			       .incarnation = 7, .sequence = 1, .kind = MSG_SESSION_HELLO,
			       .hops = ENV_HOPS, .body = span_buf(&b)};
	print_frame("Hello:", &env);
	buf_fini(&b);
}

static void example_request(void)
{
	const struct msg_row *create = catalogue_by_name(host_catalogue(), "object.create");
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "group", "");
	mpw_kv_str(&b, "version", "v1");
	mpw_kv_str(&b, "resource", "namespaces");
	mpw_kv_str(&b, "namespace", "");
	mpw_str(&b, "object");
	mpw_map(&b, 1);
	mpw_str(&b, "metadata");
	mpw_map(&b, 1);
	mpw_kv_str(&b, "name", "made-by-greeter");
	struct envelope env = {.type = ENV_REQUEST, .cluster = 1, .to = span_of("gate"),
			       .from = span_of("greeter"), .incarnation = 7, .sequence = 2,
			       .correlation = 1, .kind = create->number, .deadline_ms = 5000,
			       .hops = ENV_HOPS, .epoch = 41, .body = span_buf(&b)};
	print_frame("A request, after the welcome brought epoch 41:", &env);
	buf_fini(&b);
}

static void example_reply(void)
{
	const struct msg_row *created = catalogue_by_name(host_catalogue(), "object.created");
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_i64(&b, "code", 201);
	mpw_kv_u64(&b, "version", 31744);
	mpw_kv_str(&b, "message", "");
	struct envelope env = {.type = ENV_REPLY, .cluster = 1, .to = span_of("greeter"),
			       .from = span_of("gate"), .incarnation = 99, .sequence = 12,
			       .correlation = 1, .kind = created->number, .hops = ENV_HOPS,
			       .epoch = 40, .body = span_buf(&b)};
	print_frame("Its reply:", &env);
	buf_fini(&b);
}

/* ---- the rows */

static void print_limit(const struct msg_field *f)
{
	static const char *const units[] = {
		[MP_STR] = "bytes", [MP_BIN] = "bytes", [MP_ARRAY] = "elements", [MP_MAP] = "keys"};
	bool counted = f->limit && f->type < sizeof units / sizeof *units && units[f->type];
	if (counted)
		printf(", at most %u %s", f->limit, units[f->type]);
}

static void print_fields(const struct msg_row *r)
{
	for (const struct msg_field *f = r->fields; f && f->name; f++) {
		printf("    %-12s %-6s %s", f->name,
		       f->type == MP_NONE ? "any" : mp_type_name(f->type), f->help);
		print_limit(f);
		printf("%s%s\n", f->flags & IS_REQUIRED ? "" : " (optional)",
		       f->flags & ~(unsigned)IS_REQUIRED ? " (not shown by a tap)" : "");
	}
}

static void print_senders(const struct msg_row *r)
{
	static const struct {
		enum msg_role role;
		const char *who;
	} roles[] = {{ROLE_CELL, "cells"}, {ROLE_NODE, "nodes"}, {ROLE_FOREIGN, "foreign programs"}};
	const char *before = "    from: ";
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (!(r->roles & roles[i].role))
			continue;
		printf("%s%s", before, roles[i].who);
		before = ", ";
	}
	printf("\n");
}

static void print_rows(void)
{
	static const char *const classes[] = {"system", "send",	 "request",
					      "reply",	"event", "notice", "command"};
	for (const struct msg_table *const *t = host_catalogue()->tables; *t; t++) {
		for (const struct msg_row *r = (*t)->rows; r->name; r++) {
			printf("%s  (%u, %s, %s/)\n    %s\n", r->name, r->number,
			       classes[r->class], (*t)->folder, r->help);
			print_senders(r);
			print_fields(r);
			printf("\n");
		}
	}
}

int command_manual(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "messages") != 0) {
		bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
		fprintf(help ? stdout : stderr, "Usage: troupe manual messages\n");
		return help ? 0 : EXIT_USAGE;
	}
	fputs(opening, stdout);
	print_limits();
	fputs(closing, stdout);
	printf("\nExample (as JSON, and the bytes)\n");
	example_hello();
	example_request();
	example_reply();
	printf("\nKINDS\n\n");
	print_rows();
	return 0;
}
