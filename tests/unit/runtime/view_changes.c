/* The ring of a view's last changes. */
#include "actors/runtime/view_changes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/view_private.h"
#include "broker/base/err.h"

static struct change change(uint64_t version)
{
	char key[32];
	snprintf(key, sizeof key, "pods/default/%llu", (unsigned long long)version);
	return change_of(span_of(key), NULL, NULL, version);
}

/* All of them, in order and without a gap. */
static void expect(const struct changes *h, uint64_t from, uint64_t to)
{
	cr_assert_eq(h->count, to - from);
	for (size_t i = 0; i < h->count; i++)
		cr_assert_eq(changes_at(h, i)->version, from + 1 + i);
	cr_assert_eq(h->from, from);
}

Test(view_changes, the_oldest_goes_when_it_is_full)
{
	struct changes h = {.from = 100};
	for (uint64_t v = 101; v <= 100 + VIEW_CHANGES_MAX; v++)
		changes_add(&h, change(v));
	expect(&h, 100, 100 + VIEW_CHANGES_MAX);
	changes_add(&h, change(101 + VIEW_CHANGES_MAX));
	changes_add(&h, change(102 + VIEW_CHANGES_MAX));
	expect(&h, 102, 102 + VIEW_CHANGES_MAX);
	changes_fini(&h);
}

/* An object that is changed: each change holds what was there before. */
static void add_large(struct changes *h, uint64_t version, size_t size)
{
	char *text = calloc(1, size);
	struct bytes *b = bytes_copy(text, size);
	struct view_object *was = view_object_new(b, bytes_span(b), NULL, version - 1, 1);
	changes_add(h, change_of(span_of("pods/default/a"), was, NULL, version));
	view_object_unref(was);
	bytes_unref(b);
	free(text);
}

Test(view_changes, the_oldest_go_when_they_hold_too_much)
{
	enum { SIZE = 1 << 20, FIT = VIEW_CHANGES_BYTES_MAX / SIZE - 1 }; /* and what is around them */
	struct changes h = {.from = 100};
	for (uint64_t v = 101; v <= 100 + FIT; v++)
		add_large(&h, v, SIZE);
	expect(&h, 100, 100 + FIT);
	for (uint64_t v = 101 + FIT; v <= 200 + FIT; v++)
		add_large(&h, v, SIZE);
	expect(&h, 200, 200 + FIT);
	add_large(&h, 201 + FIT, 2 * VIEW_CHANGES_BYTES_MAX); /* more than all: it alone is kept */
	expect(&h, 200 + FIT, 201 + FIT);
	changes_fini(&h);
}

Test(view_changes, what_was_before_goes_in_front)
{
	enum { LATE = 10, EARLY = 150 }; /* so that it grows meanwhile */
	struct changes h = {.from = EARLY};
	struct change early[EARLY];
	for (uint64_t v = 1; v <= LATE; v++)
		changes_add(&h, change(EARLY + v));
	for (uint64_t v = 1; v <= EARLY; v++)
		early[v - 1] = change(v);
	cr_assert_eq(changes_prepend(&h, 0, early, EARLY), 0);
	expect(&h, 0, EARLY + LATE);
	changes_add(&h, change(EARLY + LATE + 1));
	expect(&h, 0, EARLY + LATE + 1);
	changes_fini(&h);
}

Test(view_changes, nothing_before_is_known_too)
{
	struct changes h = {.from = 7};
	cr_assert_eq(changes_prepend(&h, 3, NULL, 0), 0);
	cr_expect_eq(h.from, 3);
	changes_fini(&h);
}

Test(view_changes, more_than_fits_is_not_taken)
{
	struct changes h = {.from = 5};
	for (uint64_t v = 6; v < 6 + VIEW_CHANGES_MAX; v++)
		changes_add(&h, change(v));
	struct change early = change(5);
	cr_expect_eq(changes_prepend(&h, 4, &early, 1), ERR_LIMIT);
	expect(&h, 5, 5 + VIEW_CHANGES_MAX);
	change_fini(&early);
	changes_fini(&h);
}
