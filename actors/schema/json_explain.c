/* Why a text is not JSON, in the words of Go's scanner: they are what people
 * paste into search engines, and yajl says other things at other places. Runs
 * only when a parse has failed, over the same text from the start.
 *
 * A pushdown machine over the grammar: one stack entry per open container,
 * one function per kind of value. */
#include "actors/schema/json_explain.h"

#include <stdio.h>

struct scan {
	struct span text;
	size_t at;
	const char *wrong; /* set: the character at `at` cannot stand there */
};

static int peek(const struct scan *s)
{
	return s->at < s->text.len ? s->text.data[s->at] : -1;
}

static void skip_space(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
		s->at++;
}

static bool fail(struct scan *s, const char *context)
{
	s->wrong = context;
	return false;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool digits(struct scan *s, const char *context)
{
	if (!is_digit(peek(s)))
		return fail(s, context);
	while (is_digit(peek(s)))
		s->at++;
	return true;
}

static bool number(struct scan *s)
{
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!digits(s, "in numeric literal"))
		return false;
	if (peek(s) == '.') {
		s->at++;
		if (!digits(s, "after decimal point in numeric literal"))
			return false;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		return digits(s, "in exponent of numeric literal");
	}
	return true;
}

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escape(struct scan *s)
{
	int c = peek(s);
	if (c <= 0 || !strchr("\"\\/bfnrtu", c))
		return fail(s, "in string escape code");
	s->at++;
	for (int i = 0; c == 'u' && i < 4; i++, s->at++)
		if (!is_hex(peek(s)))
			return fail(s, "in \\u hexadecimal character escape");
	return true;
}

static bool string(struct scan *s)
{
	for (s->at++; peek(s) != '"';) {
		int c = peek(s);
		if (c < 0x20)
			return fail(s, "in string literal");
		s->at++;
		if (c == '\\' && !escape(s))
			return false;
	}
	s->at++;
	return true;
}

static bool literal(struct scan *s, const char *word)
{
	static const char *const contexts[][5] = {
		{NULL, "in literal true (expecting 'r')", "in literal true (expecting 'u')",
		 "in literal true (expecting 'e')"},
		{NULL, "in literal false (expecting 'a')", "in literal false (expecting 'l')",
		 "in literal false (expecting 's')", "in literal false (expecting 'e')"},
		{NULL, "in literal null (expecting 'u')", "in literal null (expecting 'l')",
		 "in literal null (expecting 'l')"},
	};
	for (size_t i = 0; word[i]; i++, s->at++)
		if (peek(s) != word[i])
			return fail(s, contexts[*word == 't' ? 0 : *word == 'f' ? 1 : 2][i]);
	return true;
}

static bool scalar(struct scan *s)
{
	int c = peek(s);
	if (c == '"')
		return string(s);
	if (c == '-' || is_digit(c))
		return number(s);
	if (c == 't' || c == 'f' || c == 'n')
		return literal(s, c == 't' ? "true" : c == 'f' ? "false" : "null");
	return fail(s, "looking for beginning of value");
}

static bool key(struct scan *s)
{
	skip_space(s);
	if (peek(s) != '"')
		return fail(s, "looking for beginning of object key string");
	if (!string(s))
		return false;
	skip_space(s);
	if (peek(s) != ':')
		return fail(s, "after object key");
	s->at++;
	return true;
}

enum { DEEP = 1024 };

/* After a value: closes what closes. True when another value follows. */
static bool after_value(struct scan *s, char *open, int *depth)
{
	while (*depth > 0) {
		skip_space(s);
		char in = open[*depth - 1];
		int c = peek(s);
		s->at += c == ',' || c == in + 2;
		if (c == ',')
			return in == '[' || key(s);
		if (c != in + 2) /* '[' + 2 is ']', '{' + 2 is '}' */
			return fail(s, in == '[' ? "after array element"
						 : "after object key:value pair");
		(*depth)--;
	}
	skip_space(s);
	return s->at < s->text.len && fail(s, "after top-level value");
}

static void scan(struct scan *s)
{
	char open[DEEP];
	int depth = 0;
	do {
		skip_space(s);
		int c = peek(s);
		if ((c == '[' || c == '{') && depth < DEEP) {
			s->at++;
			skip_space(s);
			open[depth++] = (char)c;
			if (peek(s) != c + 2 && (c == '[' || key(s)))
				continue;
		} else if (!scalar(s)) {
			return;
		}
		if (s->wrong || !after_value(s, open, &depth))
			return;
	} while (true);
}

bool json_explain(struct span text, size_t *line, size_t *offset, char *out, size_t size)
{
	struct scan s = {.text = text};
	scan(&s);
	if (!s.wrong)
		return false;
	*offset = s.at;
	*line = 1;
	for (size_t i = 0; i < s.at && i < text.len; i++)
		*line += text.data[i] == '\n';
	int c = peek(&s);
	if (c < 0)
		snprintf(out, size, "unexpected end of JSON input");
	else if (c == '\'')
		snprintf(out, size, "invalid character '\\'' %s", s.wrong);
	else if (c == '\n')
		snprintf(out, size, "invalid character '\\n' %s", s.wrong);
	else
		snprintf(out, size, c < 0x20 || c > 0x7e ? "invalid character '\\x%02x' %s"
							 : "invalid character '%c' %s",
			 c, s.wrong);
	return true;
}
