/* Names, paths and addresses of proxy requests. */
#include <criterion/criterion.h>

#include "actors/api/proxy_name.h"

static const char *text(const struct buf *b)
{
	static char out[500];
	span_text(out, sizeof out, span_buf(b));
	return out;
}

static bool split(const char *id, const char *name, const char *port, bool tls)
{
	struct proxy_name n;
	return proxy_name_split(span_of(id), &n) && span_is(n.name, name) &&
	       span_is(n.port, port) && n.tls == tls;
}

Test(proxy_name, scheme_name_and_port)
{
	cr_expect(split("web", "web", "", false));
	cr_expect(split("web:80", "web", "80", false));
	cr_expect(split("web:", "web", "", false));
	cr_expect(split("https:web:", "web", "", true));
	cr_expect(split("https:web:tls", "web", "tls", true));
	cr_expect(split("http:web:80", "web", "80", false));
	cr_expect(split(":web:80", "web", "80", false));
	cr_expect(split("https:web", "https", "web", false), "as in Kubernetes");
	static const char *const none[] = {"", ":", ":80", "https::80", "ftp:web:80", "a:b:c:d", "a:b:c:d:e:f",
					   "https:web:80:"};
	struct proxy_name n;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		cr_expect_not(proxy_name_split(span_of(none[i]), &n), "%s", none[i]);
}

Test(proxy_name, which_paths_are_of_a_proxy)
{
	static const struct {
		const char *path, *prefix, *rest; /* rest NULL: it is none */
	} rows[] = {
		{"/api/v1/namespaces/a/pods/p/proxy", "/api/v1/namespaces/a/pods/p/proxy", ""},
		{"/api/v1/namespaces/a/pods/p/proxy/", "/api/v1/namespaces/a/pods/p/proxy", "/"},
		{"/api/v1/namespaces/a/services/s:80/proxy/x/y",
		 "/api/v1/namespaces/a/services/s:80/proxy", "/x/y"},
		{"/api/v1/nodes/n/proxy//x", "/api/v1/nodes/n/proxy", "//x"},
		{"//api/v1/nodes/n/proxy/x", NULL, NULL},
		{"/api/v1/nodes//proxy/x", NULL, NULL},
		{"/api/v1/namespaces/a/pods/p/proxyx", "", NULL},
		{"/api/v1/namespaces/a/pods/p/log", "", NULL},
		{"/api/v1/namespaces/a/pods/proxy", "", NULL},
		{"/api/v1/namespaces/a/secrets/s/proxy", "", NULL},
		{"/api/v1/pods/p/proxy", "", NULL},
		{"/apis/v1/nodes/n/proxy", "", NULL},
		{"/api/v2/nodes/n/proxy", "", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span prefix, rest;
		bool is = proxy_path_split(span_of(rows[i].path), &prefix, &rest);
		cr_expect_eq(is, rows[i].rest != NULL, "%s", rows[i].path);
		if (is)
			cr_expect(span_is(prefix, rows[i].prefix) && span_is(rest, rows[i].rest),
				  "%s", rows[i].path);
	}
}

Test(proxy_name, a_backends_path_is_cleaned_and_escaped)
{
	static const char *const rows[][2] = {
		{"", ""},	     {"/", "/"},	    {"//", "/"},
		{"/a", "/a"},	     {"/a/", "/a/"},	    {"/a//b", "/a/b"},
		{"/a/./b/.", "/a/b"}, {"/a/../b", "/b"},    {"/../../etc", "/etc"},
		{"/..", "/"},	     {"/a/..", "/"},	    {"/a/../", "/"},
		{"/a b?c#d", "/a%20b%3Fc%23d"},		    {"/a\r\nX: y", "/a%0D%0AX:%20y"},
		{"/ä%", "/%C3%A4%25"}, {"/a;b,c=d@e&f$g+h~", "/a;b,c=d@e&f$g+h~"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		proxy_path_write(&b, span_of(rows[i][0]));
		cr_expect_str_eq(text(&b), rows[i][1], "%s -> %s", rows[i][0], text(&b));
		buf_fini(&b);
	}
}

Test(proxy_name, which_addresses)
{
	struct obj_cluster loopback = obj_cluster_default;
	loopback.service_base = 127u << 24 | 96u << 16;
	static const struct {
		const char *ip;
		bool elsewhere, on_loopback;
	} rows[] = {
		{"10.1.2.3", true, true},	  {"8.8.8.8", true, true},
		{"127.0.0.1", false, false},	  {"127.0.200.1", false, false},
		{"127.1.2.3", false, true},	  {"127.255.1.1", false, true},
		{"127.96.0.1", false, false},	  {"0.0.0.0", false, false},
		{"0.1.2.3", false, false},	  {"169.254.169.254", false, false},
		{"224.0.0.1", false, false},	  {"255.255.255.255", false, false},
		{"", false, false},		  {"::1", false, false},
		{"fe80::1", false, false},	  {"web", false, false},
		{"10.1.2.3 ", false, false},	  {"10.1.2.3.4.5.6.7.8.9", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span ip = span_of(rows[i].ip);
		cr_expect_eq(proxy_address_allowed(&obj_cluster_default, ip), rows[i].elsewhere,
			     "%s", rows[i].ip);
		cr_expect_eq(proxy_address_allowed(&loopback, ip), rows[i].on_loopback, "%s",
			     rows[i].ip);
	}
}

Test(proxy_name, ports)
{
	uint32_t n;
	cr_expect(proxy_port_number(span_of("8080"), &n) && n == 8080);
	cr_expect(proxy_port_number(span_of("999999999"), &n));
	cr_expect_not(proxy_port_number(span_of("9999999999"), &n));
	cr_expect_not(proxy_port_number(span_of(""), &n));
	cr_expect_not(proxy_port_number(span_of("-1"), &n));
	cr_expect_not(proxy_port_number(span_of("http"), &n));
}

Test(proxy_name, where_a_redirect_leads)
{
	struct proxy_place at = {.prefix = span_of("/p/proxy"),
				 .backend = span_of("10.0.0.1:8080"),
				 .host = span_of("api:6443")};
	static const char *const rows[][2] = {
		{"/x?y#z", "/p/proxy/x?y#z"},
		{"/p/proxy/x", "/p/proxy/x"},
		{"x/y", "x/y"},
		{"", ""},
		{"?q", "?q"},
		{"http://10.0.0.1:8080/x", "/p/proxy/x"},
		{"http://10.0.0.1:8080", "http://10.0.0.1:8080"},
		{"https://api:6443/x", "https://api:6443/p/proxy/x"},
		{"//api:6443/x", "//api:6443/p/proxy/x"},
		{"http://example.com/x", "http://example.com/x"},
		{"//example.com/x", "//example.com/x"},
		{"mailto:a@b", "mailto:a@b"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		proxy_location_write(&b, &at, span_of(rows[i][0]));
		cr_expect_str_eq(text(&b), rows[i][1], "%s -> %s", rows[i][0], text(&b));
		buf_fini(&b);
	}
}
