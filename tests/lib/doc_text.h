/* A document as JSON, in an arena: what tests compare; and JSON as tests write
 * it, with ' for ". */
#ifndef TESTS_DOC_TEXT_H
#define TESTS_DOC_TEXT_H

#include <criterion/criterion.h>

#include "actors/schema/json.h"

static inline const char *text_of(struct arena *a, const struct doc *d)
{
	struct buf b = {0};
	json_from_doc(&b, d);
	const char *text = arena_dup(a, buf_text(&b));
	buf_fini(&b);
	return text;
}

static inline struct doc *doc_quoted(struct arena *a, const char *text)
{
	struct doc *d = NULL;
	struct err e = {0};
	char *json = arena_dup(a, text);
	for (char *c = json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	cr_assert_eq(json_parse(a, span_of(json), &d, NULL, &e), 0, "%s: %s", json, e.text);
	return d;
}

#endif
