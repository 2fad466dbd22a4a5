/* Remarks about a body that do not refuse it by themselves: unknown and
 * duplicate fields. The caller turns them into warnings or into a refusal,
 * as the request's fieldValidation says. In an arena; no threads. */
#ifndef SCHEMA_NOTES_H
#define SCHEMA_NOTES_H

#include <stddef.h>

#include "broker/base/mem.h"

enum { NOTES_MAX = 100 }; /* further ones are counted, not kept */

struct note {
	const char *text; /* `unknown field "spec.foo"` */
	struct note *next;
};

struct notes {
	struct note *first, *last;
	size_t count; /* with those that were not kept */
};

/* `n` may be NULL: nobody wants to know. */
void notes_add(struct notes *n, struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* All texts with ", " between them. */
const char *notes_text(const struct notes *n, struct arena *a);

#endif
