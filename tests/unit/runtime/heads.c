/* The shared table of the streams' heads. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/runtime/heads.h"

static uint64_t three(void *arg, struct span stream)
{
	(void)arg;
	return span_is(stream, "pods") ? 3 : 0;
}

Test(heads, tells_each_stream_apart_and_zero_for_the_unknown)
{
	struct heads *h = heads_new();
	heads_set(h, span_of("pods"), 10);
	heads_set(h, span_of("nodes"), 20);
	heads_set(h, span_of("pods"), 11);
	cr_expect_eq(heads_get(h, span_of("pods")), 11);
	cr_expect_eq(heads_get(h, span_of("nodes")), 20);
	cr_expect_eq(heads_get(h, span_of("pod")), 0);
	heads_close(h);
}

Test(heads, is_shared_by_all_who_map_the_file_and_survives_them)
{
	char path[] = "/tmp/troupe-heads-XXXXXX";
	struct heads *a = NULL, *b = NULL;
	struct err e = {0};
	close(mkstemp(path));
	cr_assert_eq(heads_open(&a, path, &e), 0, "%s", e.text);
	cr_assert_eq(heads_open(&b, path, &e), 0, "%s", e.text);
	heads_set(a, span_of("pods"), 7);
	heads_set_global(a, 9);
	cr_expect_eq(heads_get(b, span_of("pods")), 7);
	cr_expect_eq(heads_global(b), 9);
	heads_close(a);
	heads_close(b);
	cr_assert_eq(heads_open(&a, path, &e), 0);
	cr_expect_eq(heads_get(a, span_of("pods")), 7);
	heads_close(a);
	unlink(path);
}

Test(heads, goes_back_to_what_the_store_has_when_that_was_started_again)
{
	struct heads *h = heads_new();
	heads_set(h, span_of("pods"), 10);
	heads_set(h, span_of("leases"), 12);
	heads_refresh(h, three, NULL);
	cr_expect_eq(heads_get(h, span_of("pods")), 3);
	cr_expect_eq(heads_get(h, span_of("leases")), 0);
	heads_close(h);
}

Test(heads, full_table_keeps_what_it_has)
{
	struct heads *h = heads_new();
	char name[32];
	for (int i = 0; i < HEADS_STREAMS_MAX + 5; i++) {
		snprintf(name, sizeof name, "s%d", i);
		heads_set(h, span_of(name), (uint64_t)i + 1);
	}
	cr_expect_eq(heads_get(h, span_of("s0")), 1);
	cr_expect_eq(heads_get(h, span_of("s1022")), 1023);
	cr_expect_eq(heads_get(h, span_of("s1023")), 0);
	heads_close(h);
}

Test(heads, says_when_it_may_lack_streams)
{
	struct heads *h = heads_new();
	char name[32];
	for (int i = 0; i < HEADS_STREAMS_MAX - 1; i++) {
		snprintf(name, sizeof name, "s%d", i);
		heads_set(h, span_of(name), 1);
	}
	cr_expect_not(heads_full(h));
	heads_set(h, span_of("last"), 1);
	cr_expect(heads_full(h));
	heads_close(h);
}
