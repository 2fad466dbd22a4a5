/* Lines of the timeline: when, then what is done. */
#include <string.h>

#include "tools/chaos/parser.h"

static uint64_t hash(uint64_t h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
	return h;
}

/* Equal lines are told apart by their order among themselves. */
static void identify(struct script *s, struct line *l)
{
	uint64_t same = 0;
	const char *text = l->act.id ? l->act.id : (const char *)l->text.data;
	size_t n = l->act.id ? strlen(l->act.id) : l->text.len;
	for (struct line *other = s->lines; other < l; other++)
		same += !l->act.id && span_eq(other->text, l->text);
	l->identity = l->act.draws ? l->act.draws : hash(hash(0xcbf29ce484222325u, text, n) + same, "line", 4);
}

static struct line *add_line(struct parser *p)
{
	struct script *s = p->s;
	s->lines = parser_grow(p, s->lines, s->line_count, &p->lines_cap, sizeof *s->lines);
	struct line *l = &s->lines[s->line_count++];
	*l = (struct line){.place = p->first.place};
	return l;
}

static int read_line(struct parser *p, int (*when)(struct parser *, struct when *))
{
	struct script *s = p->s;
	if (s->line_count == SCRIPT_LINES_MAX)
		return script_refuse(s, p->first.place, p->e, "more than %d lines", SCRIPT_LINES_MAX);
	struct line *l = add_line(p);
	int rc = when(p, &l->when);
	if (rc == 0)
		rc = parse_act(p, &l->act);
	l->text = (struct span){p->first.text.data, (size_t)(p->end - p->first.text.data)};
	if (rc == 0)
		identify(s, l);
	return rc;
}

static int when_at(struct parser *p, struct when *w)
{
	w->type = WHEN_AT;
	return parser_time_range(p, "when", &w->at);
}

static int when_after(struct parser *p, struct when *w)
{
	w->type = WHEN_AFTER;
	w->after_place = p->lex.now.place;
	int rc = parser_name(p, "the id of another line", &w->after);
	return rc ? rc : parser_time_range(p, "how long after it", &w->at);
}

static int when_every(struct parser *p, struct when *w)
{
	struct place at = p->lex.now.place;
	w->type = WHEN_EVERY;
	int rc = parser_time(p, "how often", &w->period_us);
	if (rc == 0 && w->period_us < 1000)
		return script_refuse(p->s, at, p->e, "at most every 1ms");
	if (rc || (rc = parser_need(p, "from")) || (rc = parser_time(p, "from when", &w->from_us)) ||
	    (rc = parser_need(p, "to")))
		return rc;
	at = p->lex.now.place;
	rc = parser_time(p, "until when", &w->to_us);
	if (rc == 0 && w->to_us < w->from_us)
		return script_refuse(p->s, at, p->e, "it ends before it begins");
	return rc;
}

static int read_object_event(struct parser *p, struct when *w)
{
	int event = 0;
	int rc = parser_name(p, "'msg', or the key of an object, such as pods/default/web-*", &w->key);
	if (rc == 0)
		rc = parser_choose_row(p, "event", event_rows, event_row_count, &event);
	w->event = (enum seen_event)event;
	return rc;
}

static int read_message_event(struct parser *p, struct when *w)
{
	w->event = SEEN_SENT;
	w->key_place = p->lex.now.place;
	int rc = parser_name(p, "a kind of message, like store.txn or bus.*", &w->key);
	while (rc == 0 && (parser_next_is(p, "from") || parser_next_is(p, "to"))) {
		bool from = parser_take_if(p, "from");
		if (!from)
			parser_take(p);
		*(from ? &w->from_place : &w->to_place) = p->lex.now.place;
		rc = parser_name(p, "an actor or a cell, or a pattern with *", from ? &w->from : &w->to);
	}
	return rc;
}

static int read_condition(struct parser *p, struct when *w)
{
	const char *text;
	w->event = SEEN_SO;
	return parse_condition(p, &w->condition, &text);
}

static int when_seen(struct parser *p, struct when *w)
{
	w->type = WHEN_SEEN;
	w->nth = 1;
	bool condition = p->lex.now.type == TOKEN_SIGN && span_is(p->lex.now.text, "(");
	int rc = condition ? read_condition(p, w)
		 : parser_take_if(p, "msg") ? read_message_event(p, w) : read_object_event(p, w);
	if (rc == 0 && parser_take_if(p, "nth"))
		rc = parser_number(p, "the how many-th time", 1, SCRIPT_FAULTS_MAX, &w->nth);
	if (rc == 0)
		rc = parser_need(p, "within");
	return rc ? rc : parser_time(p, "how long to wait for it", &w->within_us);
}

int parse_at(struct parser *p)
{
	return read_line(p, when_at);
}

int parse_after(struct parser *p)
{
	return read_line(p, when_after);
}

int parse_when(struct parser *p)
{
	return read_line(p, when_seen);
}

int parse_every(struct parser *p)
{
	return read_line(p, when_every);
}
