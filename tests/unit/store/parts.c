/* The store's parts by themselves: records and their refusals, request ids,
 * the index of the log. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "store/local/dedup.h"
#include "store/local/logindex.h"
#include "store/local/record.h"

#define V(revision, position) store_version(revision, position)

static struct row *row(const char *key, const char *value, uint64_t mod, const char *part)
{
	struct store_row r = {
		.key = span_of(key),
		.value = value ? bytes_copy(value, strlen(value)) : NULL,
		.create_version = V(1, 0),
		.mod_version = mod,
		.changes = 2,
		.part = span_of(part),
		.secret = true,
	};
	struct row *out = row_new(&r, false);
	bytes_unref(r.value);
	return out;
}

/* An update that moves a pod, and a deletion whose old value is old. */
static struct bytes *sample_record(bool lean)
{
	struct store_origin o = {.request = {9}, .principal = span_of("alice"), .wall_us = -5};
	struct commit *c = commit_new(20, &o, 2);
	c->changes[0].row = row("pods/a", "new", V(20, 0), "n2");
	c->changes[0].was = row("pods/a", "recent", V(15, 0), "n1");
	c->changes[1].row = row("pods/b", NULL, V(20, 1), "");
	c->changes[1].was = row("pods/b", "ancient", V(3, 0), "");
	commit_seal(c);
	const uint64_t prev[2][STORE_LINKS_MAX] = {{V(15, 0), V(4, 0), V(5, 0)}, {V(20, 0)}};
	struct bytes *b = record_encode(c, &(struct record_head){
						   .before = 19,
						   .floor = 10,
						   .compared = true,
						   .lean = lean,
						   .fence_key = span_of("leases/x"),
						   .fence_token = 77,
						   .prev = prev,
					   });
	commit_destroy(c);
	return b;
}

Test(store_record, decodes_to_what_was_encoded)
{
	struct bytes *b = sample_record(false);
	struct record r;
	cr_assert_eq(record_decode(bytes_span(b), &r), 0);
	cr_assert(r.before == 19 && r.floor == 10 && r.compared && r.count == 2);
	cr_assert(r.origin.request[0] == 9 && r.origin.wall_us == -5);
	cr_assert(span_is(r.origin.principal, "alice"));
	cr_assert(span_is(r.fence_key, "leases/x") && r.fence_token == 77);
	const struct record_change *a = &r.changes[0], *d = &r.changes[1];
	cr_assert(span_is(a->value, "new") && !a->deleted && a->secret && a->was_secret);
	cr_assert(a->links == 3 && a->prev[1] == V(4, 0) && span_is(a->was_part, "n1"));
	cr_assert(a->was_mod == V(15, 0) && !a->was_inline, "the log still has it");
	cr_assert(d->deleted && d->links == 1);
	cr_assert(d->was_inline && span_is(d->was_value, "ancient"), "the log may not");
	bytes_unref(b);
}

Test(store_record, lean_record_copies_no_old_value)
{
	struct bytes *b = sample_record(true);
	struct record r;
	cr_assert_eq(record_decode(bytes_span(b), &r), 0);
	cr_assert(!r.changes[1].was_inline && r.changes[1].was_mod == V(3, 0));
	bytes_unref(b);
}

Test(store_record, refuses_every_cut_and_survives_every_flip)
{
	struct bytes *b = sample_record(false);
	struct span s = bytes_span(b);
	struct record r;
	for (size_t n = 0; n < s.len; n++) {
		uint8_t *copy = malloc(n ? n : 1); /* exact, so that a sanitizer sees */
		memcpy(copy, s.data, n);
		cr_assert_eq(record_decode((struct span){copy, n}, &r), ERR_CORRUPT);
		free(copy);
	}
	for (size_t i = 0; i < s.len * 8; i++) {
		uint8_t *copy = malloc(s.len);
		memcpy(copy, s.data, s.len);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		record_decode((struct span){copy, s.len}, &r);
		free(copy);
	}
	bytes_unref(b);
}

Test(store_record, checkpoint_row_comes_back)
{
	struct row *r = row("pods/a", "value", V(8, 1), "n1"), *back;
	struct bytes *b = record_row_encode(r);
	cr_assert_eq(record_row_decode(span_of("pods/a"), bytes_span(b), &back), 0);
	cr_assert(back->mod == r->mod && back->create == r->create && back->changes == 2);
	cr_assert(back->secret && !back->soft && span_is(row_part(back), "n1"));
	cr_assert(span_is(bytes_span(back->value), "value"));
	struct span cut = bytes_span(b);
	cut.len--;
	struct row *none;
	cr_assert_eq(record_row_decode(span_of("pods/a"), cut, &none), ERR_CORRUPT);
	row_unref(back);
	row_unref(r);
	bytes_unref(b);
}

static struct dedup_entry entry(uint64_t id, int64_t wall_us)
{
	struct dedup_entry e = {.revision = id, .wall_us = wall_us};
	memcpy(e.request, &id, sizeof id);
	return e;
}

static uint64_t known(const struct dedup *d, uint64_t id)
{
	struct dedup_entry e = entry(id, 0);
	const struct dedup_entry *found = dedup_find(d, e.request);
	return found ? found->revision : 0;
}

Test(store_dedup, keeps_the_newest_hundred_thousand)
{
	struct dedup d = {.seed = 5};
	const uint64_t total = 2 * DEDUP_ENTRIES_MAX + 12345;
	for (uint64_t id = 1; id <= total; id++) {
		struct dedup_entry e = entry(id, 0);
		dedup_add(&d, &e);
	}
	cr_assert_eq(d.count, DEDUP_ENTRIES_MAX);
	for (uint64_t id = 1; id <= total; id++)
		cr_assert_eq(known(&d, id), id > total - DEDUP_ENTRIES_MAX ? id : 0);
	dedup_fini(&d);
}

Test(store_dedup, forgets_by_age_as_new_ones_come)
{
	struct dedup d = {0};
	for (uint64_t id = 1; id <= 100; id++) {
		struct dedup_entry e = entry(id, (int64_t)id);
		dedup_add(&d, &e);
	}
	for (uint64_t id = 101; id <= 160; id++) {
		struct dedup_entry e = entry(id, DEDUP_KEEP_US + 90);
		dedup_add(&d, &e);
	}
	cr_assert_eq(known(&d, 89), 0);
	cr_assert_eq(known(&d, 90), 90);
	cr_assert_eq(known(&d, 160), 160);
	dedup_fini(&d);
}

Test(store_dedup, one_clock_years_ahead_does_not_flush_the_rest)
{
	struct dedup d = {0};
	for (uint64_t id = 1; id <= 100; id++) {
		struct dedup_entry e = entry(id, id == 50 ? INT64_MAX / 2 : 1000);
		dedup_add(&d, &e);
	}
	cr_assert(d.count >= 98);
	dedup_fini(&d);
}

static void add_commit(struct log_index *x, uint64_t revision, const char *key, uint64_t floor)
{
	struct commit *c = commit_new(revision, &(struct store_origin){0}, 1);
	c->changes[0].row = row(key, "v", V(revision, 0), "");
	log_index_add(x, c, floor, 100);
	commit_destroy(c);
}

Test(store_logindex, finds_blocks_that_may_have_the_stream)
{
	struct log_index x = {0};
	for (uint64_t r = 1; r <= 1000; r++)
		add_commit(&x, r, r == 500 ? "rare/x" : "pods/x", 0);
	struct stream rare = stream_split(span_of("rare")), any = {0};
	const struct log_block *b = log_index_find(&x, 0, rare);
	cr_assert(b && b->first <= 500 && b->last >= 500);
	cr_assert_null(log_index_find(&x, b->last, rare));
	b = log_index_find(&x, 700, any);
	cr_assert(b->first <= 701 && b->last >= 701);
	cr_assert_null(log_index_find(&x, 1000, any));
	log_index_fini(&x);
}

Test(store_logindex, compacts_to_the_least_and_trims_behind_floor_and_checkpoint)
{
	struct log_index x = {0};
	const struct log_keep keep = {.us = 1, .bytes = 1000, .count_min = 100};
	uint64_t compacted = 0;
	for (uint64_t r = 1; r <= 2000; r++) {
		add_commit(&x, r, "pods/x", compacted);
		compacted = log_index_compact(&x, compacted, &keep, 0, false, 1);
		cr_assert(x.history_count >= (r < 100 ? r : 100) && x.history_count < 140 + (r < 5));
		cr_assert_eq(x.history_bytes, 100 * x.history_count);
	}
	cr_assert(compacted >= 1860 && compacted <= 1900);
	cr_assert_not(log_index_can_trim(&x, 10, false), "the checkpoint needs them");
	uint64_t floor = x.blocks[x.history].floor;
	cr_assert(floor > 1700 && floor < compacted);
	uint64_t to = 0, step;
	while ((step = log_index_trim(&x, 5000, false, 3))) {
		cr_assert(step > to);
		to = step;
	}
	cr_assert(to <= floor && to > floor - 2 * LOG_BLOCK_RECORDS);
	cr_assert(log_index_trim(&x, 5000, true, 1000) == compacted, "tight goes further");
	log_index_fini(&x);
}
