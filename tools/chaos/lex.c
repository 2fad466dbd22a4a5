#include "tools/chaos/lex.h"

#include <ctype.h>
#include <string.h>

static int peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->text.len ? l->text.data[l->at + ahead] : -1;
}

static void step(struct lexer *l)
{
	if (l->text.data[l->at++] == '\n') {
		l->place.line++;
		l->place.column = 1;
	} else {
		l->place.column++;
	}
}

static void skip_blanks(struct lexer *l)
{
	while (peek(l, 0) == ' ' || peek(l, 0) == '\t' || peek(l, 0) == '\r')
		step(l);
	if (peek(l, 0) == '#')
		while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
			step(l);
}

/* Two dots are a range, one is a letter of a name. */
static bool in_word(const struct lexer *l)
{
	int c = peek(l, 0);
	if (c == '.')
		return peek(l, 1) != '.';
	return c >= 0 && (isalnum(c) || (c && strchr("_-*?/:%", c)));
}

static enum token_type read_string(struct lexer *l, struct span *text)
{
	step(l);
	size_t from = l->at;
	while (peek(l, 0) >= 0 && peek(l, 0) != '"' && peek(l, 0) != '\n')
		step(l);
	*text = (struct span){l->text.data + from, l->at - from};
	if (peek(l, 0) != '"')
		return TOKEN_BAD;
	step(l);
	return TOKEN_STRING;
}

static enum token_type read_two(struct lexer *l, enum token_type type)
{
	step(l);
	step(l);
	return type;
}

static enum token_type read_token(struct lexer *l)
{
	int c = peek(l, 0);
	if (c < 0)
		return TOKEN_EOF;
	if (c == '.' && peek(l, 1) == '.')
		return read_two(l, TOKEN_RANGE);
	int next = peek(l, 1);
	if (c && ((strchr("<>=!", c) && next == '=') || (c == '=' && next == '>')))
		return read_two(l, TOKEN_SIGN);
	if (in_word(l)) {
		while (in_word(l))
			step(l);
		return TOKEN_WORD;
	}
	step(l);
	if (c && strchr("<>=(),+", c))
		return TOKEN_SIGN;
	return c == '\n' || c == ';' ? TOKEN_END : TOKEN_BAD;
}

static void read_next(struct lexer *l)
{
	skip_blanks(l);
	struct token *t = &l->now;
	size_t from = l->at;
	t->place = l->place;
	if (peek(l, 0) == '"') {
		t->type = read_string(l, &t->text);
		return;
	}
	t->type = read_token(l);
	t->text = (struct span){l->text.data + from, l->at - from};
}

void lex_start(struct lexer *l, struct span text)
{
	*l = (struct lexer){.text = text, .place = {1, 1}};
	read_next(l);
}

struct token lex_next(struct lexer *l)
{
	struct token t = l->now;
	if (t.type != TOKEN_EOF)
		read_next(l);
	return t;
}
