/* Addresses as an audit shows them. */
#include <criterion/criterion.h>

#include "actors/api/audit_uri.h"

Test(audit_uri, what_lets_somebody_in_is_left_out)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"/api/v1/pods", "/api/v1/pods"},
		{"/api/v1/pods?", "/api/v1/pods?"},
		{"/api/v1/pods?labelSelector=a%3Db&limit=5", "/api/v1/pods?labelSelector=a%3Db&limit=5"},
		{"/x?token=abc", "/x?token=..."},
		{"/x?a=b&access_token=abc&c=d", "/x?a=b&access_token=...&c=d"},
		{"/x?a=b;PassWord=abc;c=d", "/x?a=b;PassWord=...;c=d"},
		{"/x?X-Api-Key=abc", "/x?X-Api-Key=..."},
		{"/x?%74oken=abc", "/x?%74oken=..."},
		{"/x?client%5Fsecret=abc&", "/x?client%5Fsecret=...&"},
		{"/x?key=abc&keys=abc", "/x?key=...&keys=abc"},
		{"/x?token", "/x?token"},
		{"/x?token=a=b&=c", "/x?token=...&=c"},
		{"/x?a=?token=b", "/x?a=?token=b"},
		{"/x y?a=\xff", "/x%20y?a=%FF"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		audit_uri_write(&b, span_of(rows[i][0]));
		cr_expect_str_eq(buf_text(&b), rows[i][1], "%s -> %s", rows[i][0], buf_text(&b));
		buf_fini(&b);
	}
}

Test(audit_uri, is_cut_off)
{
	struct buf b = {0}, long_one = {0};
	buf_puts(&long_one, "/x?");
	while (long_one.len < 100000)
		buf_puts(&long_one, "a=b&");
	audit_uri_write(&b, span_buf(&long_one));
	cr_expect_eq(b.len, AUDIT_URI_BYTES_MAX);
	b.len = 0;
	long_one.len = 0;
	while (long_one.len < 100000)
		buf_puts(&long_one, "/segment");
	audit_uri_write(&b, span_buf(&long_one));
	cr_expect_eq(b.len, AUDIT_URI_BYTES_MAX);
	buf_fini(&b);
	buf_fini(&long_one);
}
