/* Quantities: canonical text, order, sums, and what is none. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/schema/quantity.h"

Test(quantity, has_kubernetes_canonical_form)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"0", "0"},
		{"0.5", "500m"},
		{"1024Mi", "1Gi"},
		{"1000m", "1"},
		{"1.5Gi", "1536Mi"},
		{"0.1", "100m"},
		{"100", "100"},
		{"1000", "1k"},
		{"1e3", "1e3"},
		{"1E3", "1e3"},
		{"12e6", "12e6"},
		{"1500", "1500"},
		{"1234567", "1234567"},
		{"2000000", "2M"},
		{"1Ki", "1Ki"},
		{"1023Ki", "1023Ki"},
		{"512", "512"},
		{"2048Ki", "2Mi"},
		{"0.5Gi", "512Mi"},
		{"0.5Mi", "512Ki"},
		{"0.5Ki", "512"},
		{"0.1Ki", "102400m"},
		{"1.1Gi", "1181116006400m"},
		{"0.0001Ki", "102400u"},
		{"-1", "-1"},
		{"-0.5", "-500m"},
		{"+5", "5"},
		{"5.", "5"},
		{".5", "500m"},
		{"1n", "1n"},
		{"0.1n", "1n"},
		{"0.0000000001", "1n"},
		{"1u", "1u"},
		{"1000u", "1m"},
		{"1E", "1E"},
		{"10E", "10E"},
		{"7Ei", "7Ei"},
		{"100Ei", "9223372036854775807"},
		{"100e-3", "100e-3"},
		{"1e-3", "1e-3"},
		{"010", "10"},
		{"250000000000m", "250M"},
		{"0Mi", "0"},
		{"123456789123456789", "123456789123456789"},
		{"999999999999999999999", "999999999999999999999"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quantity q;
		char text[QUANTITY_TEXT_MAX];
		cr_assert_eq(quantity_parse(span_of(rows[i].in), &q), 0, "%s", rows[i].in);
		size_t n = quantity_format(q, text);
		cr_expect_str_eq(text, rows[i].out, "%s gives %s", rows[i].in, text);
		cr_expect_eq(n, strlen(text));
	}
}

Test(quantity, canonical_text_is_a_fixed_point)
{
	static const char *const rows[] = {"102400u", "1181116006400m", "1e3", "100e-3", "512",
					   "1n", "100e27", "-100e27",
					   "99999999999999999999999999999999999999n"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quantity q;
		char text[QUANTITY_TEXT_MAX];
		quantity_parse(span_of(rows[i]), &q);
		quantity_format(q, text);
		cr_expect_str_eq(text, rows[i]);
	}
}

/* The cap's own text was too long to be read again. */
Test(quantity, what_is_more_than_the_most_is_the_most)
{
	static const char *const rows[] = {"1E55", "1e9999", "100e27", "170141183460469231731E"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quantity q, again;
		char text[QUANTITY_TEXT_MAX];
		cr_assert_eq(quantity_parse(span_of(rows[i]), &q), 0);
		for (int twice = 0; twice < 2; twice++) {
			size_t n = quantity_format(q, text);
			cr_assert_eq(quantity_parse((struct span){(uint8_t *)text, n}, &again), 0,
				     "%s gives %s", rows[i], text);
			cr_expect_eq(quantity_cmp(q, again), 0);
			q = quantity_add(q, q);
		}
	}
}

Test(quantity, refuses_what_is_no_quantity)
{
	static const char *const rows[] = {"",	 "a",	 "1.1.1", "1mi",     "1KI", "1 ",
					   " 1", "1e",	 "--1",	  "1Gi1",    "e3",  ".",
					   "+",	 "1ee3", "0x10",  "1e99999", "1m.5"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct quantity q;
		cr_expect_neq(quantity_parse(span_of(rows[i]), &q), 0, "'%s'", rows[i]);
	}
}

static struct quantity q(const char *text)
{
	struct quantity v;
	cr_assert_eq(quantity_parse(span_of(text), &v), 0);
	return v;
}

Test(quantity, compares_and_adds_across_families)
{
	char text[QUANTITY_TEXT_MAX];
	cr_expect_eq(quantity_cmp(q("1Gi"), q("1G")), 1);
	cr_expect_eq(quantity_cmp(q("1000m"), q("1")), 0);
	cr_expect_eq(quantity_cmp(q("-1"), q("1n")), -1);
	quantity_format(quantity_add(q("1Gi"), q("512Mi")), text);
	cr_expect_str_eq(text, "1536Mi");
	quantity_format(quantity_add(q("0"), q("512Mi")), text);
	cr_expect_str_eq(text, "512Mi", "nothing takes the other's family");
	quantity_format(quantity_sub(q("1"), q("1500m")), text);
	cr_expect_str_eq(text, "-500m");
	struct quantity big = q("99999999999999999999999999999E");
	cr_expect_eq(quantity_cmp(quantity_add(big, big), big), 0, "saturates");
}

Test(quantity, whole_and_milli_values_round_up)
{
	cr_expect_eq(quantity_value(q("1500m")), 2);
	cr_expect_eq(quantity_value(q("-1500m")), -2);
	cr_expect_eq(quantity_milli(q("1500u")), 2);
	cr_expect_eq(quantity_value(q("1Gi")), 1 << 30);
	cr_expect_eq(quantity_milli(q("1000E")), INT64_MAX);
	cr_expect(quantity_is_integer(q("1000m")));
	cr_expect_not(quantity_is_integer(q("1m")));
	cr_expect_eq(quantity_cmp(quantity_of_milli(1500, QUANTITY_DECIMAL), q("1.5")), 0);
	cr_expect_eq(quantity_cmp(quantity_of(3, QUANTITY_DECIMAL), q("3")), 0);
	cr_expect_eq(quantity_cmp(quantity_round_milli(q("1100u")), q("2m")), 0);
	cr_expect_eq(quantity_cmp(quantity_round_milli(q("2m")), q("2m")), 0);
}

/* What is said to be canonical is what would be written for it. */
Test(quantity, knows_plain_texts_as_canonical)
{
	static const char *const suffixes[] = {"", "m", "k", "M", "G", "Ki", "Mi", "Gi",
					       "n", "u", "T", "e3", "i", "mi", " "};
	size_t plain = 0;
	for (uint32_t n = 0; n < 5000; n++)
		for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
			char text[32], out[QUANTITY_TEXT_MAX];
			struct quantity q;
			snprintf(text, sizeof text, "%u%s", n < 4000 ? n : n * 65537, suffixes[i]);
			if (!quantity_is_plain(span_of(text)))
				continue;
			plain++;
			cr_assert_eq(quantity_parse(span_of(text), &q), 0, "%s", text);
			quantity_format(quantity_round_milli(q), out);
			cr_assert_str_eq(out, text);
		}
	cr_expect_gt(plain, 30000);
	cr_expect_not(quantity_is_plain(span_of("0100m")));
	cr_expect_not(quantity_is_plain(span_of("1000000001")), "far from every cap");
	cr_expect_not(quantity_is_plain(span_of("")));
}
