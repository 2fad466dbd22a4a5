/* Which Event a fact becomes: counted on, combined, or told no more. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/gate/correlator.h"
#include "actors/gate/event_ages.h"
#include "tests/lib/made_object.h"

#define S(n) ((n) * INT64_C(1000000))

struct made {
	struct correlator c;
	struct arena a;
	uint64_t number;
};

static struct correlated take(struct made *m, const char *name, const char *reason,
			      const char *message, int64_t now_us)
{
	char text[400];
	snprintf(text, sizeof text,
		 "{'kind':'Pod','namespace':'ns','name':'%s','uid':'u-%s','type':'Normal',"
		 "'reason':'%s','message':'%s','component':'kubelet','host':'n1'}",
		 name, name, reason, message);
	return correlator_take(&m->c, made_mp(&m->a, text), now_us, ++m->number);
}

static void begin(struct made *m)
{
	*m = (struct made){0};
	correlator_init(&m->c);
}

static void end(struct made *m)
{
	correlator_fini(&m->c);
	arena_fini(&m->a);
}

Test(correlator, the_same_fact_counts_on)
{
	struct made m;
	begin(&m);
	struct correlated x = take(&m, "a", "Pulled", "one", S(100));
	cr_expect_eq(x.count, 1);
	uint64_t number = x.number;
	x = take(&m, "a", "Pulled", "one", S(2000));
	cr_expect_eq(x.count, 2, "however much later");
	cr_expect_eq(x.number, number, "it is the same Event");
	cr_expect_eq(x.first_us, S(100));
	cr_expect_not(x.combined);
	x = take(&m, "a", "Pulled", "two", S(2000));
	cr_expect_eq(x.count, 1, "another message is another Event");
	cr_expect_neq(x.number, number);
	cr_expect_eq(take(&m, "b", "Pulled", "one", S(2000)).count, 1, "and so is another object");
	end(&m);
}

Test(correlator, the_tenth_of_a_kind_within_ten_minutes_is_combined)
{
	struct made m;
	struct correlated x;
	char text[20];
	begin(&m);
	for (int i = 1; i <= 12; i++) {
		snprintf(text, sizeof text, "message %d", i);
		x = take(&m, "a", "Failed", text, S(i));
		cr_expect_eq(x.combined, i >= 10, "number %d", i);
	}
	cr_expect_eq(x.count, 3, "one Event for all from the tenth on");
	cr_expect_not(take(&m, "a", "Other", "message 1", S(20)).combined, "another reason");
	cr_expect_not(take(&m, "b", "Failed", "message 1", S(20)).combined, "another object");
	cr_expect_not(take(&m, "a", "Failed", "message 99", S(12 + 601)).combined,
		      "ten minutes of silence");
	end(&m);
}

Test(correlator, one_source_tells_25_about_an_object_and_then_one_in_five_minutes)
{
	struct made m;
	begin(&m);
	for (int i = 0; i < 25; i++)
		cr_expect_not(take(&m, "a", "R", "m", S(1)).dropped, "number %d", i);
	cr_expect(take(&m, "a", "R", "m", S(1)).dropped);
	cr_expect(take(&m, "a", "Other", "n", S(2)).dropped, "whatever the reason is");
	cr_expect_not(take(&m, "b", "R", "m", S(2)).dropped, "another object");
	cr_expect(take(&m, "a", "R", "m", S(290)).dropped);
	struct correlated x = take(&m, "a", "R", "m", S(303));
	cr_expect_not(x.dropped);
	cr_expect_eq(x.count, 28, "what was dropped counts");
	cr_expect(take(&m, "a", "R", "m", S(304)).dropped);
	int told = 0;
	for (int i = 0; i < 40; i++)
		told += !take(&m, "a", "R", "m", S(304 + 25 * 300)).dropped;
	cr_expect_eq(told, 25, "never more than 25 at once: %d", told);
	end(&m);
}

Test(correlator, remembers_no_more_than_it_may)
{
	struct made m;
	char name[20];
	begin(&m);
	take(&m, "first", "R", "m", S(1));
	for (int i = 0; i < CORRELATOR_ENTRIES_MAX; i++) {
		snprintf(name, sizeof name, "p%d", i);
		take(&m, name, "R", "m", S(2));
		if (i == 100)
			cr_expect_eq(take(&m, "first", "R", "m", S(2)).count, 2);
		if (i % 500 == 0)
			arena_reset(&m.a);
	}
	cr_expect_eq(m.c.seen.by_key.count, CORRELATOR_ENTRIES_MAX);
	cr_expect_eq(m.c.sources.by_key.count, CORRELATOR_ENTRIES_MAX);
	cr_expect_eq(take(&m, "first", "R", "m", S(3)).count, 3, "it was used since");
	cr_expect_eq(take(&m, "p0", "R", "m", S(3)).count, 1, "this one is forgotten");
	end(&m);
}

/* ---- ages */

static size_t due(const struct event_ages *a, int64_t before_us, size_t keep, const char *first)
{
	const struct event_age *x = NULL;
	size_t n = 0;
	while ((x = event_ages_next(a, x, n, before_us, keep))) {
		if (n == 0)
			cr_expect_str_eq(x->key, first);
		n++;
	}
	return n;
}

Test(event_ages, the_old_ones_go_and_the_oldest_of_too_many)
{
	struct event_ages a = {0};
	event_ages_note(&a, span_of("events/ns/c"), S(3), 3);
	event_ages_note(&a, span_of("events/ns/a"), S(1), 1);
	event_ages_note(&a, span_of("events/ns/b"), S(2), 2);
	event_ages_note(&a, span_of("events/ns/d"), S(3), 4);
	cr_expect_eq(due(&a, S(0), 10, ""), 0);
	cr_expect_eq(due(&a, S(2), 10, "events/ns/a"), 2, "told that long ago");
	cr_expect_eq(due(&a, S(0), 3, "events/ns/a"), 1, "one too many");
	cr_expect_eq(due(&a, S(1), 1, "events/ns/a"), 3);
	event_ages_note(&a, span_of("events/ns/a"), S(9), 5);
	cr_expect_eq(due(&a, S(2), 10, "events/ns/b"), 1, "told again, it is young again");
	cr_expect_eq(a.by_key.count, 4);
	event_ages_forget(&a, span_of("events/ns/b"));
	event_ages_forget(&a, span_of("events/ns/none"));
	cr_expect_eq(due(&a, S(2), 10, ""), 0);
	cr_expect_eq(event_ages_next(&a, NULL, 0, S(4), 10)->version, 3);
	event_ages_fini(&a);
}
