/* What a server answers, HTTP/1.1 (RFC 9112): the head whole, and then its
 * body piece by piece, freed of its framing. Made for bytes of strangers: what
 * is not well-formed is refused, and only the head is kept.
 *
 * Pure; one owner, no threads. */
#ifndef API_HTTP_ANSWER_H
#define API_HTTP_ANSWER_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum {
	HTTP_HEAD_BYTES_MAX = 16384, /* of an answer's head, and of what follows its last chunk */
	HTTP_HEAD_LINES_MAX = 200,
};

enum http_framing { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_TO_END };

struct http_answer {
	bool to_head; /* it answers a HEAD: set before its first bytes come */
	struct buf head;
	size_t line; /* where the line begins that is being read */
	int status;  /* 0: the head is not whole yet */
	int64_t length; /* what Content-Length says; -1: nothing */
	enum http_framing framing;
	uint64_t left; /* of the body, or of this chunk */
	unsigned state, digits;
	size_t passed; /* bytes of chunk sizes and trailers in a row */
	bool done;
};

/* Takes the head off *in, as much of it as there is; interim answers (1xx
 * but 101) are passed over. ERR_AGAIN: more is needed. ERR_INVALID, ERR_LIMIT. */
int http_answer_head(struct http_answer *a, struct span *in, struct err *e);
/* The head's fields, *at from 0 on; white space around values is cut off. */
bool http_answer_field(const struct http_answer *a, size_t *at, struct span *name,
		       struct span *value);
/* Takes framing and at most `max` bytes of the body off *in, which *data lies
 * in; empty with *in empty: more is needed, or it is done. ERR_INVALID. */
int http_answer_body(struct http_answer *a, struct span *in, size_t max, struct span *data,
		     struct err *e);
/* The server has closed: whether that is the end of the body, which is done then. */
bool http_answer_closed(struct http_answer *a);
void http_answer_fini(struct http_answer *a);

/* Whether it is `word`, in any case. */
bool http_word(struct span s, const char *word);
/* Whether the list (separated by commas) has it. */
bool http_list_has(struct span list, struct span word);

#endif
