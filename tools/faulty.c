#include "tools/faulty.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAULTY_DO = 2000, FAULTY_ORDER = 2001, FAULTY_ASK = 2002, FAULTY_ANSWER = 2003, ORDERS = 300 };

struct state {
	uint64_t notes;
};

static int do_note(struct ctx *c, struct state *s, const struct msg *m)
{
	(void)c, (void)m;
	s->notes++;
	return 0;
}

static int do_crash(struct ctx *c, struct state *s, const struct msg *m)
{
	(void)s, (void)m;
	ctx_why(c, "asked to");
	return ERR_INVALID;
}

static int do_crash_once(struct ctx *c, struct state *s, const struct msg *m)
{
	return m->attempt ? do_note(c, s, m) : do_crash(c, s, m);
}

static int do_abort(struct ctx *c, struct state *s, const struct msg *m)
{
	(void)c, (void)s, (void)m;
	abort();
	return 0;
}

static int do_hang(struct ctx *c, struct state *s, const struct msg *m)
{
	(void)c, (void)s, (void)m;
	for (;;)
		pause();
	return 0;
}

static int do_stop(struct ctx *c, struct state *s, const struct msg *m)
{
	char name[ENV_NAME_BYTES_MAX + 1];
	struct span self = ctx_name(c);
	(void)s, (void)m;
	snprintf(name, sizeof name, "%.*s", (int)self.len, (const char *)self.data);
	ctx_stop(c, name);
	return 0;
}

static int do_lose(struct ctx *c, struct state *s, const struct msg *m)
{
	struct buf b = {0};
	(void)s, (void)m;
	mpw_map(&b, 1);
	mpw_kv_str(&b, "what", "note");
	ctx_send(c, "nobody", "faulty.do", &b, 0);
	return 0;
}

static int do_order(struct ctx *c, struct state *s, const struct msg *m)
{
	(void)s, (void)m;
	for (int i = 0; i < ORDERS; i++) {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_str(&b, "what", "note");
		ctx_command(c, "other", "faulty.order", &b, 0, 0);
	}
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct state *s = state;
	(void)c, (void)tag;
	s->notes += r->status == 0;
	return 0;
}

static const struct {
	const char *what;
	int (*on)(struct ctx *c, struct state *s, const struct msg *m);
} deeds[] = {
	{"note", do_note},   {"crash", do_crash}, {"crash-once", do_crash_once},
	{"abort", do_abort}, {"hang", do_hang},	  {"stop", do_stop},
	{"lose", do_lose},   {"order", do_order},
};

static int on_do(struct ctx *c, void *state, const struct msg *m)
{
	struct span what = mp_path_str(m->body, "what");
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
		if (span_is(what, deeds[i].what))
			return deeds[i].on(c, state, m);
	return 0;
}

static int on_ask(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	struct buf b = {0};
	int rc = on_do(c, state, m);
	mpw_map(&b, 2);
	mpw_kv_u64(&b, "notes", s->notes);
	mpw_kv_u64(&b, "attempt", m->attempt);
	ctx_reply(c, &b);
	return rc;
}

static void inspect(const void *state, struct buf *out)
{
	const struct state *s = state;
	mpw_map(out, 1);
	mpw_kv_u64(out, "notes", s->notes);
}

static const struct actor_handler handlers[] = {
	{"faulty.do", on_do}, {"faulty.order", on_do}, {"faulty.ask", on_ask}, {NULL, NULL}};

const struct actor_spec faulty_actor = {
	.kind = "faulty",
	.state_bytes = sizeof(struct state),
	.handlers = handlers,
	.on_reply = on_reply,
	.inspect = inspect,
};

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field deed[] = {{"what", MP_STR, 64, true, "what to do"}, END};
static const struct msg_field answer[] = {
	{"notes", MP_INT, 0, true, "how many it has"},
	{"attempt", MP_INT, 0, true, "crashes that this request was in"},
	END,
};
static const struct msg_row rows[] = {
	{FAULTY_DO, "faulty.do", CLASS_SEND, ROLE_CELL, deed, "for tests: do that"},
	{FAULTY_ORDER, "faulty.order", CLASS_COMMAND, ROLE_CELL, deed, "for tests: do that"},
	{FAULTY_ASK, "faulty.ask", CLASS_REQUEST, ROLE_CELL, deed, "for tests: do that"},
	{FAULTY_ANSWER, "faulty.answer", CLASS_REPLY, ROLE_CELL, answer, "done"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table faulty_messages = {"tests", rows};
