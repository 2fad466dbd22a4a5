/* The lines that say what must hold, and when. */
#include <string.h>

#include "tools/chaos/parser.h"

static struct judgement *add_judgement(struct parser *p, enum judge_word word)
{
	struct script *s = p->s;
	s->judgements = parser_grow(p, s->judgements, s->judgement_count, &p->judgements_cap,
				    sizeof *s->judgements);
	struct judgement *j = &s->judgements[s->judgement_count++];
	*j = (struct judgement){.place = p->lex.now.place, .word = word, .within_us = -1};
	return j;
}

/* Its name is what stands before a colon, else its own words. */
static int read_condition(struct parser *p, struct judgement *j)
{
	struct span first = p->lex.now.text;
	const char *text;
	j->name = NULL;
	if (p->lex.now.type == TOKEN_WORD && first.len > 1 && first.data[first.len - 1] == ':') {
		parser_take(p);
		j->name = arena_ndup(&p->s->arena, first.data, first.len - 1);
	}
	int rc = parse_condition(p, &j->condition, &text);
	j->name = j->name ? j->name : text;
	return rc;
}

/* A word alone is an invariant's name. */
static bool is_name(const struct parser *p)
{
	static const char *const ends[] = {"within", "during"};
	struct lexer ahead = p->lex;
	if (lex_next(&ahead).type != TOKEN_WORD)
		return false;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (ahead.now.type == TOKEN_WORD && span_is(ahead.now.text, ends[i]))
			return true;
	return ahead.now.type == TOKEN_END || ahead.now.type == TOKEN_EOF;
}

static int read_what(struct parser *p, struct judgement *j)
{
	if (p->lex.now.type != TOKEN_WORD && p->lex.now.type != TOKEN_SIGN)
		return parser_expected(p, "an invariant (`troupe chaos invariants` lists them) or a condition");
	return is_name(p) ? parser_name(p, "an invariant", &j->name) : read_condition(p, j);
}

static int read_within(struct parser *p, struct judgement *j)
{
	int rc = parser_need(p, "within");
	return rc ? rc : parser_time(p, "within", &j->within_us);
}

int parse_steady(struct parser *p)
{
	struct judgement *j = add_judgement(p, JUDGE_STEADY);
	int rc = read_what(p, j);
	j->during = rc == 0 && parser_take_if(p, "during");
	return rc;
}

int parse_always(struct parser *p)
{
	return read_what(p, add_judgement(p, JUDGE_ALWAYS));
}

int parse_never(struct parser *p)
{
	return read_condition(p, add_judgement(p, JUDGE_NEVER));
}

int parse_eventually(struct parser *p)
{
	struct judgement *j = add_judgement(p, JUDGE_EVENTUALLY);
	int rc = read_what(p, j);
	return rc ? rc : read_within(p, j);
}

int parse_leads_to(struct parser *p)
{
	struct judgement *j = add_judgement(p, JUDGE_LEADS_TO);
	const char *text;
	int rc = read_condition(p, j);
	if (rc == 0)
		rc = parser_need_sign(p, "=>");
	if (rc == 0)
		rc = parse_condition(p, &j->then, &text);
	return rc ? rc : read_within(p, j);
}

int parse_sometimes(struct parser *p)
{
	return read_condition(p, add_judgement(p, JUDGE_SOMETIMES));
}

int parse_at_end(struct parser *p)
{
	return read_what(p, add_judgement(p, JUDGE_AT_END));
}

int parse_checker(struct parser *p)
{
	int which = 0;
	p->s->checker_place = p->lex.now.place;
	int rc = parser_choose_row(p, "checker", checker_rows, checker_row_count, &which);
	p->s->checkers |= (unsigned)which;
	return rc;
}

int parse_settle(struct parser *p)
{
	p->s->settle_place = p->lex.now.place;
	return parser_time(p, "how long it may settle", &p->s->settle_us);
}
