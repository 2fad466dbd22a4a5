/* A document as JSON, in an arena: what tests compare. */
#ifndef TESTS_DOC_TEXT_H
#define TESTS_DOC_TEXT_H

#include "actors/schema/json.h"

static inline const char *text_of(struct arena *a, const struct doc *d)
{
	struct buf b = {0};
	json_from_doc(&b, d);
	const char *text = arena_dup(a, buf_text(&b));
	buf_fini(&b);
	return text;
}

#endif
