/* Objects for tests, written as JSON with ' for ". */
#ifndef TESTS_NODES_OBJECTS_H
#define TESTS_NODES_OBJECTS_H

#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "broker/base/mem.h"

/* The object as msgpack, in the arena. */
static inline struct span object_of(struct arena *a, const char *text)
{
	struct doc *d;
	struct err e = {0};
	struct buf b = {0};
	char *json = arena_dup(a, text);
	for (char *c = json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	cr_assert_eq(json_parse(a, span_of(json), &d, NULL, &e), 0, "%s in %s", e.text, text);
	doc_to_mp(&b, d);
	struct span out = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return out;
}

/* A msgpack value as JSON, with ' for " and for \". */
static inline const char *json_of(struct arena *a, struct mp value)
{
	struct buf b = {0};
	json_from_mp(&b, value);
	char *text = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	char *to = text;
	for (char *c = text; *c; c++)
		if (!(c[0] == '\\' && c[1] == '"'))
			*to++ = *c == '"' ? '\'' : *c;
	*to = 0;
	return text;
}

#endif
