/* Shapes of names. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/schema/names.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(names, take_and_refuse_what_kubernetes_does)
{
	static const struct {
		name_check *check;
		const char *text, *fault; /* a part of the message; NULL: fine */
	} rows[] = {
		{name_dns1123_label, "web-1", NULL},
		{name_dns1123_label, "1", NULL},
		{name_dns1123_label, A63, NULL},
		{name_dns1123_label, A63 "a", "no more than 63 bytes"},
		{name_dns1123_label, "a.b", "must not contain dots"},
		{name_dns1123_label, "-a", "RFC 1123 label"},
		{name_dns1123_label, "", "RFC 1123 label"},
		{name_dns1123_label, "a-", "'my-name',  or '123-abc', regex used"},
		{name_dns1123_label, "Web", "lower case"},
		{name_dns1123_subdomain, "a.b-c.1", NULL},
		{name_dns1123_subdomain, "a..b", "subdomain"},
		{name_dns1123_subdomain, ".a", "subdomain"},
		{name_dns1123_subdomain, "a_b", "subdomain"},
		{name_dns1123_subdomain, A63 "." A63 "." A63 "." A63, "253"},
		{name_dns1035_label, "a1", NULL},
		{name_dns1035_label, "1a", "DNS-1035"},
		{name_label_value, "", NULL},
		{name_label_value, "My_v.1", NULL},
		{name_label_value, "_a", "valid label"},
		{name_label_value, "a b", "valid label"},
		{name_qualified, "app", NULL},
		{name_qualified, "example.com/App_1", NULL},
		{name_qualified, "/x", "prefix part must be non-empty"},
		{name_qualified, "x/", "name part must be non-empty"},
		{name_qualified, "a/b/c", "a qualified name"},
		{name_qualified, "A.com/x", "prefix part a lower"},
		{name_qualified, "x/-", "name part must consist"},
		{name_qualified, A63 "a", "name part must be no more than 63 bytes"},
		{name_env, "A.b-c 1", NULL},
		{name_env, "", "non-empty"},
		{name_env, "a=b", "other than '='"},
		{name_config_key, "key.name_1-2", NULL},
		{name_config_key, "..", "must not be '..'"},
		{name_config_key, "..a", "must not start with '..'"},
		{name_config_key, "a/b", "config key"},
		{name_path_segment, "a:b", NULL},
		{name_path_segment, "..", "may not be '..'"},
		{name_path_segment, "a/b", "'/'"},
		{name_path_segment, "a%b", "'%'"},
		{name_port, "http-1", NULL},
		{name_port, "1", "one letter"},
		{name_port, "a--b", "consecutive"},
		{name_port, "-a", "begin or end"},
		{name_port, "HTTP", "alpha-numeric"},
		{name_port, "abcdefghijklmnop", "15 bytes"},
		{name_port, "", "alpha-numeric"},
		{name_c_identifier, "_a1", NULL},
		{name_c_identifier, "1a", "C identifier"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = rows[i].check(span_of(rows[i].text));
		if (!rows[i].fault)
			cr_expect_null(why, "'%s' is fine, not: %s", rows[i].text, why ? why : "");
		else
			cr_expect(why && strstr(why, rows[i].fault), "'%s': %s", rows[i].text,
				  why ? why : "(taken)");
	}
}
