/* The strict msgpack reader: what it takes, and what it must refuse. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/base/mp.h"

static int check(const char *bytes, size_t n)
{
	struct err e = {0};
	int rc = mp_check((struct span){(const uint8_t *)bytes, n}, &e);
	cr_assert(rc == 0 || e.text[0], "a refusal says why");
	return rc;
}
#define CHECK(lit) check(lit, sizeof(lit) - 1)

Test(mp, accepts_every_form_of_scalar)
{
	static const char *const good[] = {"\x00", "\x7f", "\xe0", "\xc2", "\xc3", "\xcc\xff"};
	for (size_t i = 1; i < sizeof good / sizeof *good; i++)
		cr_expect_eq(check(good[i], strlen(good[i])), 0, "form %zu", i);
	cr_expect_eq(CHECK("\xc0"), 0);
	cr_expect_eq(CHECK("\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18"), 0);
	cr_expect_eq(CHECK("\xd9\x02hi"), 0);
	cr_expect_eq(CHECK("\xc4\x01\xff"), 0);
	cr_expect_eq(CHECK("\xd4\x05\x00"), 0);
}

Test(mp, refuses_array_bomb_of_five_bytes)
{
	cr_expect_eq(CHECK("\xdd\x01\x00\x00\x00"), ERR_INVALID);
	cr_expect_eq(CHECK("\xdf\x7f\xff\xff\xff\xa1k"), ERR_INVALID);
	cr_expect_eq(CHECK("\xc6\x80\x00\x00\x00"), ERR_INVALID);
}

Test(mp, refuses_deep_nesting)
{
	char deep[10001];
	memset(deep, '\x91', sizeof deep);
	deep[sizeof deep - 1] = '\xc0';
	cr_expect_eq(check(deep, sizeof deep), ERR_INVALID);
	cr_expect_eq(check(deep + sizeof deep - 40, 40), 0);
}

Test(mp, refuses_trailing_bytes_cut_values_and_reserved_type)
{
	cr_expect_eq(CHECK("\xc0\xc0"), ERR_INVALID);
	cr_expect_eq(CHECK("\xcd\x01"), ERR_INVALID);
	cr_expect_eq(CHECK("\xc1"), ERR_INVALID);
	cr_expect_eq(CHECK(""), ERR_INVALID);
}

Test(mp, refuses_broken_text_and_keys)
{
	cr_expect_eq(CHECK("\xa1\xff"), ERR_INVALID);
	cr_expect_eq(CHECK("\xa3\xed\xa0\x80"), ERR_INVALID); /* a surrogate */
	cr_expect_eq(CHECK("\x82\xa1"
			   "a\x01\xa1"
			   "a\x02"), ERR_INVALID);
	cr_expect_eq(CHECK("\x81\x01\x02"), ERR_INVALID);
}

Test(mp, refuses_duplicate_among_many_keys)
{
	struct buf b = {0};
	mpw_map(&b, 100);
	for (int i = 0; i < 100; i++) {
		char key[16];
		snprintf(key, sizeof key, "k%d", i == 99 ? 3 : i);
		mpw_kv_u64(&b, key, (uint64_t)i);
	}
	cr_expect_eq(mp_check(span_buf(&b), NULL), ERR_INVALID);
	b.data[b.len - 2] = 'x';
	cr_expect_eq(mp_check(span_buf(&b), NULL), 0);
	buf_fini(&b);
}

Test(mp, reads_back_what_was_written)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_str(&b, "name", "web");
	mpw_str(&b, "spec");
	size_t at = mpw_map_open(&b);
	mpw_kv_i64(&b, "min", INT64_MIN);
	mpw_kv_u64(&b, "max", UINT64_MAX);
	mpw_kv_bool(&b, "on", true);
	mpw_map_close(&b, at, 3);
	mpw_str(&b, "list");
	mpw_array(&b, 2);
	mpw_f64(&b, 0.5);
	mpw_nil(&b);
	cr_assert_eq(mp_check(span_buf(&b), NULL), 0);
	struct mp m = mp_of(span_buf(&b)), v;
	cr_expect(span_is(mp_path_str(m, "name"), "web"));
	cr_expect_eq(mp_path_int(m, "spec.min", 0), INT64_MIN);
	cr_expect_eq(mp_path_int(m, "spec.max", -7), -7); /* does not fit int64 */
	cr_expect(mp_path_bool(m, "spec.on", false));
	cr_expect_not(mp_path(m, "spec.none", &v));
	cr_assert(mp_path(m, "list", &v));
	size_t n;
	double d;
	cr_assert_eq(mp_array(&v, &n), 0);
	cr_expect_eq(mp_f64(&v, &d), 0);
	cr_expect_eq(d, 0.5);
	cr_expect_eq(mp_nil(&v), 0);
	buf_fini(&b);
}

/* What is passed over without reading its head ends where the value ends. */
Test(mp, skips_text_and_small_maps_only_when_they_are_whole)
{
	char text[256];
	struct buf b = {0};
	memset(text, 'x', sizeof text);
	for (size_t n = 31; n < sizeof text; n += 32) {
		b.len = 0;
		mpw_map(&b, 1);
		mpw_str(&b, "k");
		mpw_span(&b, (struct span){(uint8_t *)text, n});
		for (size_t cut = 0; cut <= b.len; cut++) {
			struct mp m = mp_of((struct span){b.data, cut});
			cr_expect_eq(mp_skip(&m), cut < b.len ? ERR_INVALID : 0, "%zu of %zu", cut, b.len);
			cr_expect_eq(m.p, b.data + (cut < b.len ? 0 : cut));
		}
	}
	buf_fini(&b);
}

/* ---- marks */

static void put_pairs(struct buf *b, int depth, int from)
{
	static const char *const keys[] = {"name", "a key that is longer than 31 bytes, as annotations are",
					   "labels", "spec", "status", "e", "f", "g"};
	size_t n = sizeof keys / sizeof *keys;
	mpw_map(b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_str(b, keys[i]);
		if (depth > 0 && i % 2) {
			mpw_array(b, 2);
			put_pairs(b, depth - 1, from + 1);
			mpw_bin(b, span_of("between"));
		} else if (depth > 0 && i) {
			put_pairs(b, depth - 1, from + (int)i);
		} else {
			mpw_i64(b, from * 100 + (int)i);
		}
	}
}

/* Reads every value in two ways, and passes over it. */
static void expect_same(struct mp plain, struct mp marked)
{
	enum mp_type t = mp_peek(&plain);
	struct span a, b;
	struct mp x = plain, y = marked;
	size_t n, m;
	cr_assert_eq(plain.p, marked.p);
	cr_assert_eq(t, mp_peek(&marked));
	cr_assert_eq(mp_raw(&x, &a), 0);
	cr_assert_eq(mp_raw(&y, &b), 0);
	cr_assert(a.data == b.data && a.len == b.len);
	if (t != MP_MAP && t != MP_ARRAY)
		return;
	cr_assert_eq(t == MP_MAP ? mp_map(&plain, &n) : mp_array(&plain, &n), 0);
	cr_assert_eq(t == MP_MAP ? mp_map(&marked, &m) : mp_array(&marked, &m), 0);
	cr_assert_eq(n, m);
	for (size_t i = 0; i < n; i++) {
		if (t == MP_MAP)
			cr_assert(!mp_str(&plain, &a) && !mp_str(&marked, &b) && span_eq(a, b));
		expect_same(plain, marked);
		cr_assert_eq(mp_skip(&plain), 0);
		cr_assert_eq(mp_skip(&marked), 0);
		cr_assert_eq(plain.p, marked.p);
	}
}

Test(mp, finds_the_same_with_marks_and_without)
{
	static const char *const paths[] = {"name",	  "labels",	  "labels.status.name",
					    "status.e",	  "spec",	  "e",
					    "labels.none", "status.labels.status.e", "e.name"};
	struct buf b = {0};
	put_pairs(&b, 4, 1); /* more parts than there are marks */
	mpw_str(&b, "behind");
	struct bytes *owner = bytes_take(&b);
	struct mp m = mp_of(bytes_span(owner));
	struct span value;
	struct mp_marks marks;
	cr_assert_eq(mp_raw_marked(&m, &value, &marks), 0);
	cr_assert_eq(m.p, value.data + value.len);
	cr_assert_eq(marks.count, MP_MARKS_MAX + 1);
	cr_assert_eq(m.end - m.p, 7, "what stands behind it stays");
	struct bytes *kept = mp_slice(owner, value, &marks);
	bytes_unref(owner);
	struct mp marked = mp_of_bytes(kept), plain = mp_of(bytes_span(kept));
	cr_assert_eq(marked.mark->len, value.len, "the whole is one step");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct mp x = {0}, y = {0};
		cr_expect_eq(mp_path(plain, paths[i], &x), mp_path(marked, paths[i], &y), "%s", paths[i]);
		cr_expect_eq(x.p, y.p, "%s", paths[i]);
	}
	expect_same(plain, marked);
	bytes_unref(kept);
}

Test(mp, is_copied_without_one_entry_and_marked_anew)
{
	static const char *const lists[] = {"labels", "managed", "none"};
	struct buf b = {0};
	char long_text[64] = {0};
	memset(long_text, 'x', sizeof long_text - 1);
	mpw_map(&b, 2);
	mpw_str(&b, "metadata");
	mpw_map(&b, 2);
	for (size_t i = 0; i < 2; i++) {
		mpw_str(&b, lists[i]);
		mpw_array(&b, 1);
		mpw_str(&b, long_text);
	}
	mpw_kv_str(&b, "spec", "s");
	for (size_t i = 0; i < 3; i++) {
		struct bytes *copy = mp_copy_without(span_buf(&b), "metadata", lists[i]);
		struct mp marked = mp_of_bytes(copy), plain = mp_of(bytes_span(copy)), x;
		cr_expect_eq(mp_skip(&(struct mp){.p = plain.p, .end = plain.end}), 0);
		cr_expect_eq(marked.mark->start, bytes_span(copy).data, "of its own bytes");
		for (size_t k = 0; k < 2; k++) {
			struct mp m;
			mp_find(marked, "metadata", &m);
			cr_expect_eq(mp_find(m, lists[k], &x), k != i, "%s of %s", lists[k], lists[i]);
		}
		cr_expect(span_is(mp_path_str(marked, "spec"), "s"));
		expect_same(plain, marked);
		bytes_unref(copy);
	}
	cr_expect_null(mp_copy_without((struct span){b.data, b.len - 1}, "metadata", "none"));
	struct bytes *text = mp_copy_without((struct span){(const uint8_t *)"\xa1x", 2}, "metadata", "none");
	cr_expect_eq(bytes_span(text).len, 2, "what is no map is copied");
	bytes_unref(text);
	buf_fini(&b);
}

Test(mp, marks_that_were_sent_are_those_that_are_found)
{
	struct buf b = {0}, sent = {0};
	put_pairs(&b, 4, 1);
	size_t whole = b.len;
	mpw_str(&b, "behind");
	struct mp m = mp_of(span_buf(&b)), n = m;
	struct span value, same;
	struct mp_marks found, got;
	cr_assert_eq(mp_raw_marked(&m, &value, &found), 0);
	mp_marks_send(value, &sent);
	cr_assert_eq(sent.len, MP_MARKS_MAX * MP_MARK_SENT_BYTES);
	cr_assert_eq(mp_raw_sent(&n, span_buf(&sent), &same, &got), 0);
	cr_assert(value.data == same.data && value.len == same.len && value.len == whole && n.p == m.p);
	cr_assert_eq(got.count, found.count);
	for (size_t i = 0; i < found.count; i++)
		cr_expect(got.all[i].start == found.all[i].start && got.all[i].len == found.all[i].len &&
			  got.all[i].behind == found.all[i].behind);
	buf_fini(&b);
	buf_fini(&sent);
}

/* Whatever stands in them: what is found lies in the value, or is found anew. */
Test(mp, marks_that_do_not_fit_are_not_taken)
{
	struct buf b = {0}, sent = {0};
	put_pairs(&b, 3, 1);
	struct span whole = span_buf(&b), value;
	struct mp_marks marks;
	mp_marks_send(whole, &sent);
	for (size_t i = 0; i < 8 * sent.len; i++) {
		struct mp m = mp_of(whole);
		sent.data[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_assert_eq(mp_raw_sent(&m, span_buf(&sent), &value, &marks), 0);
		cr_expect_leq(value.len, whole.len);
		for (size_t k = 0; k + 1 < marks.count; k++) {
			const struct mp_mark *x = &marks.all[k];
			cr_expect(x->start >= value.data && x->start + x->len <= value.data + value.len);
			cr_expect(x->behind >= 1 && k + x->behind < marks.count);
			cr_expect(k == 0 || x->start > x[-1].start);
		}
		sent.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t n = 0; n < sent.len; n++) {
		struct mp m = mp_of((struct span){whole.data, whole.len - 1});
		cr_expect_eq(mp_raw_sent(&m, (struct span){sent.data, n}, &value, &marks), ERR_INVALID);
	}
	buf_fini(&b);
	buf_fini(&sent);
}

Test(mp, marks_nothing_that_is_cut_off)
{
	struct buf b = {0};
	struct mp_marks marks;
	struct span value;
	put_pairs(&b, 2, 1);
	for (size_t n = 0; n < b.len; n++) {
		struct mp m = mp_of((struct span){b.data, n});
		cr_expect_eq(mp_raw_marked(&m, &value, &marks), ERR_INVALID);
		cr_expect_eq(m.p, b.data);
	}
	buf_fini(&b);
}
