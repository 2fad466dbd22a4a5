/* Pages of strangers: in pieces as in one, and but for what is put before links they go
 * out as they came. */
#include <string.h>

#include "actors/api/http_links.h"
#include "tests/fuzz/fuzz.h"

#define MARK "/\x01mark"

const char *const fuzz_seeds[] = {
	"<!doctype html><html manifest=/m><a class='x' href=\"/a?b=c&amp;d\">x</a><img src=/i longdesc='/l'/>",
	"<!-- <a href=/x> --><script src=\"/s\">'<a href=\"/no\">'</script><form action = '/f'><base href=//h/x>",
	"<a href='/x>y' href=/z><title></titl</title><a href=/q><textarea><a href=/r></TEXTAREA><a href=",
	NULL,
};

static struct buf rewritten(struct span page, size_t step)
{
	struct http_links l = {.at = {span_of(MARK), span_of("\x01"), span_of("\x01")}};
	struct buf out = {0};
	while (page.len) {
		struct span piece = {page.data, page.len < step ? page.len : step};
		http_links_write(&l, &out, piece);
		page.data += piece.len;
		page.len -= piece.len;
	}
	http_links_end(&l, &out);
	http_links_fini(&l);
	return out;
}

/* Without what was put there. */
static struct buf restored(struct span page)
{
	struct buf out = {0};
	size_t n = strlen(MARK);
	for (size_t i = 0; i < page.len;) {
		bool mark = page.len - i >= n && memcmp(page.data + i, MARK, n) == 0;
		if (!mark)
			buf_putc(&out, (char)page.data[i]);
		i += mark ? n : 1;
	}
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span page = {data, size};
	if (!size || memchr(data, 1, size))
		return 0;
	struct buf whole = rewritten(page, size), pieces = rewritten(page, 1 + data[0] % 7),
		   back = restored(span_buf(&whole));
	fuzz_hold(span_eq(span_buf(&whole), span_buf(&pieces)));
	if (!memmem(data, size, "//", 2)) /* an empty host is taken off */
		fuzz_hold(span_eq(span_buf(&back), page));
	buf_fini(&whole);
	buf_fini(&pieces);
	buf_fini(&back);
	return 0;
}
