/* Indexes of a view: each object under the values that it has now. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/runtime/view_private.h"
#include "broker/base/omap.h"

/* An object is the array of what it is found under, then a number. */
static void keys(struct mp m, void (*put)(void *arg, struct span under), void *arg)
{
	size_t n;
	struct span s;
	cr_assert_eq(mp_array(&m, &n), 0);
	for (; n > 1; n--) {
		cr_assert_eq(mp_str(&m, &s), 0);
		put(arg, s);
	}
}

static void facts(const struct view_object *o, void *out)
{
	struct mp m = mp_of_bytes(o->value);
	size_t n;
	mp_array(&m, &n);
	for (; n > 1; n--)
		mp_skip(&m);
	mp_u64(&m, out);
}

static const struct view_index_spec spec = {
	.name = "test", .keys = keys, .facts_bytes = sizeof(uint64_t), .facts = facts};

static struct view_object *object(const char *const *under, size_t n, uint64_t number)
{
	struct buf b = {0};
	mpw_array(&b, n + 1);
	for (size_t i = 0; i < n; i++)
		mpw_str(&b, under[i]);
	mpw_u64(&b, number);
	struct bytes *bytes = bytes_take(&b);
	struct view_object *o = view_object_new(bytes, bytes_span(bytes), NULL, number, 1);
	bytes_unref(bytes);
	return o;
}

struct sum {
	size_t found;
	uint64_t numbers;
};

static int add(void *arg, const struct view_found *f)
{
	struct sum *s = arg;
	s->found++;
	s->numbers += *(const uint64_t *)f->facts;
	return 0;
}

static void expect(const struct view_index *x, const char *under, size_t found, uint64_t numbers)
{
	struct sum s = {0};
	view_index_each(x, span_of(under), add, &s);
	cr_expect_eq(s.found, found, "%s: %zu", under, s.found);
	cr_expect_eq(s.numbers, numbers, "%s: %llu", under, (unsigned long long)s.numbers);
}

Test(view_index, an_object_is_found_under_what_it_has_now)
{
	struct view_index *list = NULL;
	struct omap none = {0};
	struct view_index *x = view_index_open(&list, &none, &spec);
	struct view_object *one = object((const char *[]){"a", "b"}, 2, 1);
	struct view_object *two = object((const char *[]){"b", "c", "c"}, 3, 2);
	struct view_object *other = object((const char *[]){"b"}, 1, 40);
	view_indexes_set(list, span_of("k"), NULL, one);
	view_indexes_set(list, span_of("l"), NULL, other);
	expect(x, "a", 1, 1);
	expect(x, "b", 2, 41);
	view_indexes_set(list, span_of("k"), one, two);
	expect(x, "a", 0, 0);
	expect(x, "b", 2, 42);
	expect(x, "c", 1, 2);
	view_indexes_set(list, span_of("k"), two, NULL);
	expect(x, "b", 1, 40);
	expect(x, "c", 0, 0);
	view_indexes_free(list);
	view_object_unref(one);
	view_object_unref(two);
	view_object_unref(other);
}
