/* Words of a chaos script, each with its place. A statement is a line, or a
 * part of one between semicolons; what follows # is a comment.
 * No state but the reader's own; borrows the text. */
#ifndef CHAOS_LEX_H
#define CHAOS_LEX_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum token_type {
	TOKEN_WORD,   /* letters, digits and _ - . * ? / : % */
	TOKEN_STRING, /* "..." without its quotes; no escapes */
	TOKEN_RANGE,  /* .. */
	TOKEN_SIGN,   /* <= >= == != => < > = ( ) , + */
	TOKEN_END,    /* of the statement */
	TOKEN_EOF,
	TOKEN_BAD, /* a character that stands nowhere, or a string that does not end */
};

struct place {
	unsigned line, column; /* from 1; columns count bytes */
};

struct token {
	enum token_type type;
	struct span text;
	struct place place;
};

struct lexer {
	struct span text;
	size_t at;
	struct place place;
	struct token now; /* the word to be read next */
};

void lex_start(struct lexer *l, struct span text);
/* Returns `now` and goes on to the next one; the end of the file stays. */
struct token lex_next(struct lexer *l);

#endif
