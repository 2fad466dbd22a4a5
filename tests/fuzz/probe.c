/* Answers that probes get, of HTTP and of gRPC: in one piece and in many they mean
 * the same, and what is kept of them has a limit. */
#include "nodes/probes/probe_grpc.h"
#include "nodes/probes/probe_http.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"HTTP/1.1 302 Found\r\nContent-Length: 2\r\nLocation: http://127.0.0.1:81/x?y\r\n\r\nhi",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
	"HTTP/1.1 301 Moved\r\nLocation: [::1]\r\n\r\n",
	"\1\1\1\4\1\1\1\1\1",
	NULL,
};

static int read_http(struct probe_http *h, struct span whole, size_t step)
{
	int rc = ERR_AGAIN;
	while (whole.len && rc == ERR_AGAIN) {
		size_t n = whole.len < step ? whole.len : step;
		rc = probe_http_read(h, (struct span){whole.data, n}, NULL);
		whole = (struct span){whole.data + n, whole.len - n};
	}
	fuzz_hold(h->body.len <= PROBE_BODY_BYTES_MAX);
	return rc;
}

static void redirect(const struct probe_http *h)
{
	struct arena a = {0};
	const struct probe_url from = {.host = "127.0.0.1", .port = 80, .path = "/a/b?c"};
	struct probe_url to;
	if (probe_http_redirect(&a, h, &from, &to))
		fuzz_hold(to.port > 0 && to.port < 65536 && to.path[0] == '/' && !strpbrk(to.path, " \r\n"));
	arena_fini(&a);
}

static int read_grpc(struct span whole, size_t step, int64_t *health)
{
	struct probe_grpc g = {0};
	int rc = ERR_AGAIN;
	while (whole.len && rc == ERR_AGAIN) {
		size_t n = whole.len < step ? whole.len : step;
		rc = probe_grpc_read(&g, (struct span){whole.data, n});
		whole = (struct span){whole.data + n, whole.len - n};
	}
	*health = rc ? 0 : g.health;
	probe_grpc_fini(&g);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span whole = {data, size};
	struct probe_http once = {0};
	int64_t health, same;
	int rc = read_http(&once, whole, size + 1), grpc = read_grpc(whole, size + 1, &health);
	redirect(&once);
	for (size_t step = 1; step < 64; step = 3 * step + 1) {
		struct probe_http h = {0};
		fuzz_hold(read_http(&h, whole, step) == rc);
		fuzz_hold(rc == ERR_INVALID || span_eq(span_buf(&h.body), span_buf(&once.body)));
		probe_http_fini(&h);
		fuzz_hold(read_grpc(whole, step, &same) == grpc && same == health);
	}
	probe_http_fini(&once);
	return 0;
}
