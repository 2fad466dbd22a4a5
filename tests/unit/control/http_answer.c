/* Answers of servers: whole, in pieces, and malformed. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "actors/api/http_answer.h"

struct read {
	int rc, status;
	struct buf body;
	bool done;
	char fields[300];
};

/* In pieces of `step` bytes; what is read after the end is not part of it. */
static struct read read_all(const char *bytes, size_t len, size_t step, bool to_head)
{
	struct read r = {.rc = ERR_AGAIN};
	struct http_answer a = {.to_head = to_head};
	struct span name, value;
	for (size_t at = 0; at < len && (r.rc == 0 || r.rc == ERR_AGAIN); at += step) {
		size_t n = len - at < step ? len - at : step;
		struct span in = {(const uint8_t *)bytes + at, n}, data;
		if (r.rc == ERR_AGAIN)
			r.rc = http_answer_head(&a, &in, NULL);
		while (r.rc == 0 && in.len && !a.done) {
			r.rc = http_answer_body(&a, &in, 5, &data, NULL);
			buf_append(&r.body, data.data, data.len);
		}
	}
	if (r.rc == 0)
		http_answer_closed(&a);
	r.done = a.done;
	r.status = a.status;
	for (size_t at = 0; a.status && http_answer_field(&a, &at, &name, &value);) {
		size_t have = strlen(r.fields);
		snprintf(r.fields + have, sizeof r.fields - have, "%.*s=%.*s;", (int)name.len,
			 (const char *)name.data, (int)value.len, (const char *)value.data);
	}
	http_answer_fini(&a);
	return r;
}

static void expect(const char *bytes, bool to_head, int status, const char *body, bool done,
		   const char *fields)
{
	for (size_t step = 1; step <= strlen(bytes); step++) {
		struct read r = read_all(bytes, strlen(bytes), step, to_head);
		cr_assert_eq(r.rc, 0, "%s in pieces of %zu: %s", bytes, step, err_name(r.rc));
		cr_expect_eq(r.status, status);
		cr_expect(span_is(span_buf(&r.body), body), "%s in pieces of %zu", bytes, step);
		cr_expect_eq(r.done, done, "%s", bytes);
		cr_expect_str_eq(r.fields, fields);
		buf_fini(&r.body);
	}
}

Test(http_answer, bodies_in_each_framing)
{
	expect("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nA:  b c \r\n\r\n1234567more", false, 200,
	       "1234567", true, "Content-Length=7;A=b c;");
	expect("HTTP/1.0 404 \nX: \n\nto the end", false, 404, "to the end", true, "X=;");
	expect("HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\nContent-Length: 3\r\n\r\n"
	       "5\r\n12345\r\n00a;x=\"y\"\r\n67890abcde\r\n0\r\nT: t\r\n\r\nmore",
	       false, 200, "1234567890abcde", true, "transfer-encoding=Chunked;Content-Length=3;");
	expect("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true, "");
	expect("HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n", false, 304, "", true,
	       "Content-Length=7;");
	expect("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true, 200, "", true,
	       "Content-Length=7;");
	expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, "", true,
	       "Content-Length=0;");
}

Test(http_answer, one_that_breaks_off_is_not_done)
{
	expect("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234567", false, 200, "1234567", false,
	       "Content-Length=9;");
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", false, 200,
	       "abc", false, "Transfer-Encoding=chunked;");
}

Test(http_answer, interim_answers_are_passed_over)
{
	expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\nContent-Length: 3\r\n\r\n"
	       "HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok",
	       false, 201, "ok", true, "Content-Length=2;");
	expect("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nbytes", false, 101, "bytes", true,
	       "Upgrade=x;");
}

Test(http_answer, what_is_not_well_formed_is_refused)
{
	static const char *const rows[] = {
		"hello\r\n\r\n",
		"\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA : space\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t step = 1; step < 100; step += 7) {
			struct read r = read_all(rows[i], strlen(rows[i]), step, false);
			cr_expect_eq(r.rc, ERR_INVALID, "%s: %s", rows[i], err_name(r.rc));
			buf_fini(&r.body);
		}
	struct read nul = read_all("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 27, 27, false);
	cr_expect_eq(nul.rc, ERR_INVALID);
	buf_fini(&nul.body);
}

Test(http_answer, a_head_has_an_end)
{
	struct buf b = {0};
	buf_puts(&b, "HTTP/1.1 200 OK\r\n");
	while (b.len < HTTP_HEAD_BYTES_MAX + 100)
		buf_puts(&b, "A: b\r\n");
	struct read r = read_all((const char *)b.data, b.len, 1000, false);
	cr_expect_eq(r.rc, ERR_LIMIT);
	buf_fini(&r.body);
	b.len = 0;
	buf_puts(&b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;");
	while (b.len < HTTP_HEAD_BYTES_MAX + 100)
		buf_puts(&b, "extension");
	r = read_all((const char *)b.data, b.len, 1000, false);
	cr_expect_eq(r.rc, ERR_INVALID);
	buf_fini(&r.body);
	buf_fini(&b);
}

Test(http_answer, many_small_chunks_are_no_long_head)
{
	struct buf b = {0};
	buf_puts(&b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "1\r\nx\r\n");
	buf_puts(&b, "0\r\n\r\n");
	struct read r = read_all((const char *)b.data, b.len, 777, false);
	cr_expect_eq(r.rc, 0);
	cr_expect_eq(r.body.len, 10000);
	cr_expect(r.done);
	buf_fini(&r.body);
	buf_fini(&b);
}

Test(http_answer, lists_of_words)
{
	cr_expect(http_list_has(span_of("close, X-Drop"), span_of("x-drop")));
	cr_expect_not(http_list_has(span_of("close, X-Drop"), span_of("drop")));
	cr_expect_not(http_list_has(span_of(""), span_of("x")));
}
