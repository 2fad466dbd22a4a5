/* Links inside of pages: which are rewritten, and that all else stays as it is. */
#include <criterion/criterion.h>

#include "actors/api/http_links.h"

static void becomes(const char *want, const char *page)
{
	for (size_t step = 1; step <= strlen(page); step++) {
		struct http_links l = {.at = {span_of("/p/proxy"), span_of("10.0.0.1:80"), span_of("api:6443")}};
		struct buf out = {0};
		for (size_t at = 0; at < strlen(page); at += step) {
			size_t n = strlen(page) - at < step ? strlen(page) - at : step;
			http_links_write(&l, &out, (struct span){(const uint8_t *)page + at, n});
		}
		http_links_end(&l, &out);
		cr_expect_str_eq(buf_text(&out), want, "in pieces of %zu: %s", step, buf_text(&out));
		http_links_fini(&l);
		buf_fini(&out);
	}
}

Test(http_links, paths_of_the_server_lead_through_the_proxy)
{
	becomes("<a href=\"/p/proxy/x?a=b&amp;c#d\">/x</a>", "<a href=\"/x?a=b&amp;c#d\">/x</a>");
	becomes("<A class=c HREF = '/p/proxy/x>y' id=1>", "<A class=c HREF = '/x>y' id=1>");
	becomes("<img src=/p/proxy/i.png longdesc=\"/p/proxy/d\"/>", "<img src=/i.png longdesc=\"/d\"/>");
	becomes("<form action=\"/p/proxy/\"><button formaction='/p/proxy/b'>", "<form action=\"/\"><button formaction='/b'>");
}

Test(http_links, the_servers_own_address_too)
{
	becomes("<a href=\"/p/proxy/x\">", "<a href=\"http://10.0.0.1:80/x\">");
	becomes("<a href=\"https://api:6443/p/proxy/x\">", "<a href=\"https://api:6443/x\">");
}

Test(http_links, others_stay)
{
	static const char *const pages[] = {
		"<a href=\"x/y\">", "<a href=\"//other/x\">", "<a href='http://other/x'>", "<a href=\"#top\">",
		"<a href=\"javascript:go('/x')\">", "<a href>", "<a href=>", "<a data-href=\"/x\">", "<p href=\"/x\">",
		"<a href=\"/p/proxy/x\">", "</a href=\"/x\">", "a < b && c > d", "<", "<a", "<a href=\"/x", "<!", "<!-", "<>",
	};
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		becomes(pages[i], pages[i]);
}

Test(http_links, what_is_no_markup_stays)
{
	becomes("<!doctype html><!-- <a href=\"/x\"> ----><a href=\"/p/proxy/y\">",
		"<!doctype html><!-- <a href=\"/x\"> ----><a href=\"/y\">");
	becomes("<script src='/p/proxy/s.js'>w('<a href=\"/x\"></scrip'+'t>')</SCRIPT ><a href=/p/proxy/y>",
		"<script src='/s.js'>w('<a href=\"/x\"></scrip'+'t>')</SCRIPT ><a href=/y>");
	becomes("<title><a href=\"/x\"></title><link href=\"/p/proxy/c.css\">",
		"<title><a href=\"/x\"></title><link href=\"/c.css\">");
}

Test(http_links, a_tag_that_is_too_long_goes_out_as_it_came)
{
	struct http_links l = {.at = {span_of("/p"), span_of("b"), span_of("h")}};
	struct buf page = {0}, out = {0};
	buf_puts(&page, "<a x='");
	while (page.len < 2 * HTTP_TAG_BYTES_MAX)
		buf_puts(&page, "xxxxxxxx");
	buf_puts(&page, "' href='/x'>");
	http_links_write(&l, &out, span_buf(&page));
	http_links_end(&l, &out);
	cr_expect(span_eq(span_buf(&page), span_buf(&out)));
	cr_expect_lt(l.held.cap, 3 * HTTP_TAG_BYTES_MAX);
	http_links_fini(&l);
	buf_fini(&page);
	buf_fini(&out);
}
