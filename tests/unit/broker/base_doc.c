/* The tree: maps small and large, links, paths, msgpack both ways. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/base/doc.h"
#include "broker/base/words.h"

static struct arena a;

static struct doc *sample(void)
{
	struct doc *root = doc_new(&a, DOC_MAP);
	doc_set_str(&a, root, "name", "web");
	struct doc *spec = doc_need_map(&a, root, "spec");
	struct doc *list = doc_set(&a, spec, "list", doc_new(&a, DOC_ARRAY));
	doc_add(list, doc_int(&a, INT64_MIN));
	doc_add(list, doc_int(&a, INT64_MAX));
	struct doc *inner = doc_add(list, doc_new(&a, DOC_MAP));
	doc_set_bool(&a, inner, "on", true);
	doc_set(&a, inner, "half", doc_double(&a, 0.5));
	doc_set(&a, inner, "none", doc_new(&a, DOC_NULL));
	return root;
}

Test(doc, keeps_insertion_order_and_replaces_in_place)
{
	struct doc *m = doc_new(&a, DOC_MAP);
	doc_set_int(&a, m, "b", 1);
	doc_set_int(&a, m, "a", 2);
	doc_set_str(&a, m, "b", "again");
	cr_assert_eq(m->count, 2);
	cr_expect(span_is(m->first->key, "b"));
	cr_expect(doc_str_is(m->first, "again"));
	cr_expect(span_is(m->last->key, "a"));
	doc_sort_keys(&a, m);
	cr_expect(span_is(m->first->key, "a"));
	cr_expect(span_is(m->last->key, "b"));
	cr_expect_eq(doc_get_int(m, "a", 0), 2);
	arena_fini(&a);
}

/* Every third key goes, some come back: the index must follow. */
Test(doc, finds_every_key_of_a_large_map_through_changes)
{
	enum { N = 5000 };
	struct doc *m = doc_new(&a, DOC_MAP);
	for (int i = 0; i < N; i++)
		doc_set_int(&a, m, arena_printf(&a, "key-%d", i), i);
	for (int i = 0; i < N; i += 3)
		cr_assert(doc_remove(m, arena_printf(&a, "key-%d", i)));
	for (int i = 0; i < N; i += 6)
		doc_set_int(&a, m, arena_printf(&a, "key-%d", i), -i);
	for (int i = 0; i < N; i++) {
		int64_t want = i % 6 == 0 ? -i : i % 3 == 0 ? -7 : i;
		cr_assert_eq(doc_get_int(m, arena_printf(&a, "key-%d", i), -7), want, "key %d", i);
	}
	size_t seen = 0;
	DOC_EACH(d, m)
		seen++;
	cr_expect_eq(seen, m->count);
	cr_expect_not(doc_remove(m, "key-9999"));
	doc_sort_keys(&a, m);
	cr_expect_eq(doc_get_int(m, "key-1", 0), 1);
	arena_fini(&a);
}

Test(doc, replaced_value_of_a_large_map_is_found_not_the_old_one)
{
	struct doc *m = doc_new(&a, DOC_MAP);
	for (int i = 0; i < 100; i++)
		doc_set_int(&a, m, arena_printf(&a, "k%d", i), i);
	doc_replace(m, doc_get(m, "k50"), doc_int(&a, 500));
	cr_expect_eq(doc_get_int(m, "k50", 0), 500);
	struct doc *copy = doc_copy(&a, m);
	doc_set_int(&a, m, "k50", 1);
	cr_expect_eq(doc_get_int(copy, "k50", 0), 500);
	arena_fini(&a);
}

Test(doc, paths_read_write_and_remove)
{
	struct doc *d = sample();
	cr_expect_eq(doc_path_int(d, "spec.list[1]", 0), INT64_MAX);
	cr_expect(doc_path_bool(d, "spec.list[2].on", false));
	cr_expect_null(doc_path(d, "spec.list[3]"));
	cr_expect_null(doc_path(d, "name.more"));
	cr_expect(doc_path_set(&a, d, "status.phase", doc_str(&a, "Pending")));
	cr_expect(span_is(doc_path_str(d, "status.phase"), "Pending"));
	cr_expect_null(doc_path_set(&a, d, "name.x", doc_int(&a, 1)));
	cr_expect(doc_path_set(&a, d, "spec.list[0]", doc_int(&a, 9)));
	cr_expect_eq(doc_path_int(d, "spec.list[0]", 0), 9);
	cr_expect(doc_path_remove(d, "spec.list[2].half"));
	cr_expect_not(doc_path_remove(d, "spec.list[2].half"));
	cr_expect(doc_path_remove(d, "spec.list[0]"));
	cr_expect_eq(doc_path_int(d, "spec.list[0]", 0), INT64_MAX);
	arena_fini(&a);
}

Test(doc, equality_ignores_key_order_but_not_types)
{
	struct doc *x = sample(), *y = doc_copy(&a, x);
	cr_expect(doc_equal(x, y));
	struct doc *name = doc_get(y, "name");
	doc_detach(y, name);
	cr_expect_not(doc_equal(x, y));
	doc_set(&a, y, "name", name);
	cr_expect(doc_equal(x, y), "the order differs only");
	doc_path_set(&a, y, "spec.list[2].half", doc_int(&a, 0));
	cr_expect_not(doc_equal(x, y));
	cr_expect(doc_equal(NULL, NULL));
	cr_expect_not(doc_equal(x, NULL));
	arena_fini(&a);
}

Test(doc, defaults_fill_absent_and_null_only)
{
	struct doc *m = doc_new(&a, DOC_MAP);
	doc_set(&a, m, "n", doc_new(&a, DOC_NULL));
	doc_set_int(&a, m, "kept", 0);
	doc_default(&a, m, "n", doc_int(&a, 1));
	doc_default(&a, m, "kept", doc_int(&a, 1));
	cr_expect_eq(doc_get_int(m, "n", 0), 1);
	cr_expect_eq(doc_get_int(m, "kept", 7), 0);
	cr_expect_null(doc_need_map(&a, m, "kept"));
	arena_fini(&a);
}

Test(doc, survives_msgpack_both_ways)
{
	struct doc *d = sample(), *back;
	for (int i = 0; i < 40; i++)
		doc_set_str(&a, d, arena_printf(&a, "a-key-that-is-longer-than-31-bytes-%d", i),
			    "v");
	struct buf b = {0};
	doc_to_mp(&b, d);
	cr_assert_eq(mp_check(span_buf(&b), NULL), 0);
	cr_assert_eq(doc_from_mp(&a, mp_of(span_buf(&b)), &back, NULL), 0);
	cr_expect(doc_equal(d, back));
	cr_expect_eq(doc_path_int(back, "spec.list[0]", 0), INT64_MIN);
	buf_fini(&b);
	arena_fini(&a);
}

Test(doc, refuses_msgpack_that_is_no_json)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {{"", 0},
		   {"\xc1", 1},
		   {"\xc4\x01x", 3},
		   {"\x81\x01\x02", 3},
		   {"\x92\x01", 2},
		   {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		   {"\xd4\x05\x00", 3}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		struct doc *out;
		struct mp m = mp_of((struct span){(const uint8_t *)bad[i].bytes, bad[i].n});
		cr_expect_eq(doc_from_mp(&a, m, &out, &e), ERR_INVALID, "case %zu", i);
		cr_expect(e.text[0], "case %zu says why", i);
	}
	char deep[200];
	memset(deep, '\x91', sizeof deep);
	struct doc *out;
	cr_expect_eq(
		doc_from_mp(&a, (struct mp){.p = (uint8_t *)deep, .end = (uint8_t *)deep + 200}, &out, NULL),
		ERR_INVALID);
	arena_fini(&a);
}

Test(doc, owns_its_text_and_keys_when_it_is_told_to)
{
	char key[] = "key", text[] = "text", raw[] = "\xa1z";
	struct doc *root = doc_new(&a, DOC_MAP), *list = doc_new(&a, DOC_ARRAY);
	doc_set_span(&a, root, span_of(key), list);
	doc_add(list, doc_span(&a, span_of(text)));
	struct doc *part = doc_add(list, doc_new(&a, DOC_RAW));
	part->text = span_of(raw);
	doc_own(&a, root);
	memset(key, 'x', 3);
	memset(text, 'x', 4);
	memset(raw, 'x', 2);
	cr_expect_eq(doc_get(root, "key"), list);
	cr_expect(doc_str_is(list->first, "text"));
	cr_expect(span_is(part->text, "\xa1z"));
	arena_fini(&a);
}

/* ---- packed: words for keys */

/* Their numbers are on disks. */
Test(doc, words_keep_their_numbers)
{
	static const struct {
		const char *text;
		int number;
	} some[] = {{".", 0}, {"f:metadata", 1}, {"f:spec", 4}, {"k:{\"type\":\"Ready\"}", 79},
		    {"f:subPath", 120}, {"f:hostPort", 121}, {"f:rbac.authorization.kubernetes.io/autoupdate", 128},
		    {"f:serviceAccountToken", 253}};
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		cr_expect_eq(word_number(span_of(some[i].text)), some[i].number, "%s", some[i].text);
	size_t count = 0;
	for (uint64_t n = 0; n < 300; n++) {
		struct span text = word_text(n);
		count += text.len > 0;
		cr_expect(!text.len || word_number(text) == (int)n, "number %d is of one word", (int)n);
	}
	cr_expect_eq(count, 248);
	cr_expect_eq(word_number(span_of("f:metadat")), -1);
	cr_expect_eq(word_number(span_of("")), -1);
}

Test(doc, is_packed_with_words_for_keys_and_opened_again)
{
	struct doc *set = doc_new(&a, DOC_MAP), *out;
	struct doc *labels = doc_need_map(&a, doc_need_map(&a, set, "f:metadata"), "f:labels");
	doc_set(&a, labels, "f:tier", doc_new(&a, DOC_MAP));
	doc_set(&a, labels, ".", doc_new(&a, DOC_MAP));
	doc_set_str(&a, set, "f:rules", "f:spec"); /* a value is no key */
	struct buf b = {0};
	doc_to_packed(&b, set);
	cr_expect(span_eq(span_buf(&b), (struct span){(const uint8_t *)"\x82\x01\x81\x02\x82\xa6" "f:tier\x80\x00\x80"
								       "\xcc\x82\xa6" "f:spec", 24}));
	cr_assert_eq(doc_from_packed(&a, span_buf(&b), &out, NULL), 0);
	cr_expect(doc_equal(out, set));
	struct err e = {0};
	cr_expect_eq(doc_from_mp(&a, mp_of(span_buf(&b)), &out, &e), ERR_INVALID, "only what is packed has them");
	/* As they were written before there were words. */
	b.len = 0;
	doc_to_mp(&b, set);
	cr_assert_eq(doc_from_packed(&a, span_buf(&b), &out, NULL), 0);
	cr_expect(doc_equal(out, set));
	buf_fini(&b);
	arena_fini(&a);
}

Test(doc, what_is_no_word_is_no_key)
{
	static const char *const bad[] = {"\x81\x7f\x80", "\x81\xcc\xff\x80", "\x81\xcd\x01\x2c\x80", "\x81\xff\x80",
					  "\x81\x01", "\x81\xc3\x80", "\x91\x81\x01\x80"};
	static const size_t len[] = {3, 4, 5, 3, 2, 3, 4};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct doc *out;
		struct err e = {0};
		cr_expect_eq(doc_from_packed(&a, (struct span){(const uint8_t *)bad[i], len[i]}, &out, &e),
			     ERR_INVALID, "case %zu", i);
		cr_expect(e.text[0], "case %zu says why", i);
	}
	char deep[400];
	for (size_t i = 0; i < sizeof deep; i += 2)
		memcpy(deep + i, "\x81\x01", 2);
	struct doc *out;
	cr_expect_eq(doc_from_packed(&a, (struct span){(const uint8_t *)deep, sizeof deep}, &out, NULL), ERR_INVALID);
	arena_fini(&a);
}
