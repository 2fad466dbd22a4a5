/* Objects that unit tests of plans are fed with: written as JSON with ' for ",
 * as msgpack, and as views hold them. */
#ifndef TESTS_MADE_OBJECT_H
#define TESTS_MADE_OBJECT_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime/view.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"
#include "tests/lib/doc_text.h"

/* In the arena. */
static inline struct mp made_mp(struct arena *a, const char *text)
{
	struct buf b = {0};
	doc_to_mp(&b, doc_quoted(a, text));
	struct span s = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

/* "12:00:00" of the day that these tests live in. */
static inline int64_t made_us(const char *clock)
{
	char text[RFC3339_MAX];
	int64_t us = 0;
	snprintf(text, sizeof text, "2030-01-01T%sZ", clock);
	cr_assert_eq(rfc3339_parse(span_of(text), &us), 0);
	return us;
}

/* Values of view objects, released together. */
struct made_values {
	struct bytes *list[1024];
	size_t count;
};

static inline struct view_object *made_object(struct made_values *v, struct arena *a,
					      const char *text)
{
	struct mp m = made_mp(a, text);
	struct view_object *o = arena_alloc(a, sizeof *o);
	cr_assert_lt(v->count, sizeof v->list / sizeof *v->list);
	o->value = v->list[v->count++] = bytes_copy(m.p, (size_t)(m.end - m.p));
	return o;
}

static inline void made_end(struct made_values *v, struct arena *a)
{
	for (size_t i = 0; i < v->count; i++)
		bytes_unref(v->list[i]);
	v->count = 0;
	arena_fini(a);
}

#endif
