/* What a tap may show of a body. */
#include <criterion/criterion.h>

#include "broker/catalogue.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field fields[] = {
	{"who", MP_STR, 0, true, "plain"},
	{"object", MP_MAP, 0, IS_SECRET, "all of it"},
	{"ops", MP_ARRAY, 0, SECRET_AT(1), "[key, value, flags] each"},
	{"events", MP_ARRAY, 0, SECRET_VALUE, "maps with a value"},
	END,
};
static const struct msg_row row = {7, "test.row", CLASS_SEND, ROLE_CELL, fields, "a test"};

static const char secret[] = "hunter2";

static struct buf redacted(struct buf *body)
{
	struct buf out = {0};
	catalogue_redact(&out, &row, mp_of(span_buf(body)));
	buf_fini(body);
	return out;
}

static bool shows(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

Test(catalogue, redaction_keeps_what_is_plain_and_drops_what_is_secret)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "who", "alice");
	mpw_str(&b, "object");
	mpw_map(&b, 1);
	mpw_kv_str(&b, "password", secret);
	mpw_str(&b, "ops");
	mpw_array(&b, 1);
	mpw_array(&b, 3);
	mpw_str(&b, "secrets/default/a");
	mpw_str(&b, secret);
	mpw_u64(&b, 2);
	mpw_str(&b, "events");
	mpw_array(&b, 1);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "key", "secrets/default/b");
	mpw_kv_str(&b, "value", secret);
	mpw_kv_str(&b, "old", secret);
	struct buf out = redacted(&b);
	cr_assert_eq(mp_check(span_buf(&out), NULL), 0);
	cr_expect_not(shows(&out, secret));
	cr_expect(shows(&out, "alice"));
	cr_expect(shows(&out, "secrets/default/a"));
	cr_expect(shows(&out, "secrets/default/b"));
	buf_fini(&out);
}

Test(catalogue, redaction_shows_nothing_of_another_shape_than_the_row_says)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "who", "alice");
	mpw_kv_str(&b, "unheard-of", secret);
	mpw_str(&b, "ops"); /* a map where an array is due, and a bare value */
	mpw_array(&b, 2);
	mpw_map(&b, 1);
	mpw_kv_str(&b, "value", secret);
	mpw_str(&b, secret);
	mpw_str(&b, "events");
	mpw_array(&b, 1);
	mpw_array(&b, 1);
	mpw_str(&b, secret);
	struct buf out = redacted(&b);
	cr_expect_not(shows(&out, secret));
	cr_expect(shows(&out, "alice"));
	buf_fini(&out);

	mpw_str(&b, secret); /* no map at all */
	out = redacted(&b);
	cr_expect_not(shows(&out, secret));
	cr_expect_eq(out.len, 1);
	buf_fini(&out);
}
