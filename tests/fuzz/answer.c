/* Answers of servers that the proxy asks: in one piece and in many they mean the
 * same, and what is read of a body was in it. */
#include <string.h>

#include "actors/api/http_answer.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nLocation: /x\r\n\r\n1234567",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close, X\r\n\r\n"
	"5;a=b\r\n12345\r\n1\r\n6\r\n0\r\nT: t\r\n\r\nrest",
	"HTTP/1.0 304 Not Modified\nA: b\n\nrest",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes",
	NULL,
};

struct read {
	int rc, status;
	bool done;
	struct buf body, fields;
};

static struct read read_all(struct span whole, size_t step)
{
	struct read r = {.rc = ERR_AGAIN};
	struct http_answer a = {0};
	struct span name, value;
	while (whole.len && (r.rc == 0 || r.rc == ERR_AGAIN)) {
		size_t n = whole.len < step ? whole.len : step;
		struct span in = {whole.data, n}, data;
		whole.data += n;
		whole.len -= n;
		if (r.rc == ERR_AGAIN)
			r.rc = http_answer_head(&a, &in, NULL);
		while (r.rc == 0 && in.len && !a.done) {
			size_t left = in.len;
			r.rc = http_answer_body(&a, &in, 100, &data, NULL);
			fuzz_hold(r.rc || (in.len < left && data.len <= 100));
			buf_append(&r.body, data.data, data.len);
		}
	}
	if (r.rc == 0)
		http_answer_closed(&a);
	for (size_t at = 0; a.status && http_answer_field(&a, &at, &name, &value);) {
		fuzz_hold(name.len && !memchr(value.data, '\n', value.len) && !memchr(value.data, 0, value.len));
		buf_append(&r.fields, name.data, name.len);
		buf_append(&r.fields, value.data, value.len);
	}
	r.status = a.status;
	r.done = a.done;
	fuzz_hold(a.head.len <= 2 * HTTP_HEAD_BYTES_MAX + 4096);
	http_answer_fini(&a);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span whole = {data, size};
	struct read once = read_all(whole, size + 1);
	for (size_t step = 1; step < 64; step = 3 * step + 1) {
		struct read r = read_all(whole, step);
		fuzz_hold(r.rc == once.rc && r.status == once.status && r.done == once.done);
		fuzz_hold(span_eq(span_buf(&r.fields), span_buf(&once.fields)));
		if (r.rc == 0)
			fuzz_hold(span_eq(span_buf(&r.body), span_buf(&once.body)));
		buf_fini(&r.body);
		buf_fini(&r.fields);
	}
	buf_fini(&once.body);
	buf_fini(&once.fields);
	return 0;
}
