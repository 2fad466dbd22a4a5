/* Errors: one table, one meaning per code everywhere, on the wire too.
 *
 * A function that can fail returns 0 or one of these negative codes. The
 * detail goes into an optional last argument `struct err *`, which callers
 * may wrap with their own context. Nothing travels in errno.
 *
 * Threads: a struct err belongs to whoever declared it; the table is const. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* X(constant, wire number (never reused), name, retryable, text) */
#define ERR_TABLE(X)                                                           \
	X(ERR_INVALID, 1, "invalid", 0, "malformed or out of range")           \
	X(ERR_NOT_FOUND, 2, "not-found", 0, "no such thing")                   \
	X(ERR_EXISTS, 3, "exists", 0, "there is one already")                  \
	X(ERR_CONFLICT, 4, "conflict", 1, "a comparison did not hold")         \
	X(ERR_FENCED, 5, "fenced", 0, "the writer's lease was taken over")     \
	X(ERR_COMPACTED, 6, "compacted", 0, "that revision is gone: re-list")  \
	X(ERR_TIMEOUT, 7, "timeout", 1, "no answer in time")                   \
	X(ERR_UNREACHABLE, 8, "unreachable", 1, "nobody has that name")        \
	X(ERR_OVERLOADED, 9, "overloaded", 1, "the receiver's queue is full")  \
	X(ERR_CRASHED, 10, "crashed", 1, "the receiver failed in that turn")   \
	X(ERR_IO, 11, "io", 0, "the operating system refused")                 \
	X(ERR_FULL, 12, "full", 0, "no room left: only deletes are taken")     \
	X(ERR_CORRUPT, 13, "corrupt", 0, "stored bytes fail their checksum")   \
	X(ERR_BUSY, 14, "busy", 0, "in use by another process")                \
	X(ERR_LIMIT, 15, "limit", 0, "larger than the limit")                  \
	X(ERR_FORBIDDEN, 16, "forbidden", 0, "not allowed for that principal") \
	X(ERR_UNSUPPORTED, 17, "unsupported", 0, "not known to this version")  \
	X(ERR_STALE, 18, "stale", 1, "the session was replaced")               \
	X(ERR_CLOSED, 19, "closed", 0, "stopped")                              \
	X(ERR_UNKNOWN, 20, "unknown", 1, "may or may not have happened")       \
	X(ERR_AGAIN, 21, "again", 1, "nothing there yet")                      \
	X(ERR_POISON, 22, "poison", 0, "it was in three crashes of its receiver")

enum err_code {
#define ERR_CODE(code, wire, name, retry, text) code = -(wire),
	ERR_TABLE(ERR_CODE)
#undef ERR_CODE
};

struct err {
	int code;
	char text[500];
};

/* The short name ("conflict") and the general text of a code. Never NULL. */
const char *err_name(int code);
const char *err_text(int code);
/* Whether asking again later can help. */
bool err_retryable(int code);
/* The code with that name, ERR_UNKNOWN when there is none. */
int err_by_name(const char *name);

/* Fills `e` (which may be NULL) and returns `code`. */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "context: " before the text that is there; returns e's code. */
int err_wrap(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
