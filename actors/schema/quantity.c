/* A quantity is nano units in 128 bits. Parsing follows Kubernetes: what is
 * finer than a nano is rounded up (away from zero: who asks for something
 * gets something), a binary amount is capped to int64, and a binary amount
 * below one is shown in the decimal family. Canonical form: the largest
 * suffix of the family that leaves an integer. */
#include "actors/schema/quantity.h"

#include <stdio.h>

#include "broker/base/err.h"

typedef unsigned __int128 u128;

#define NANO ((__int128)1000000000)
/* What is more is capped to it: 10^38, so that every amount below has a text
 * that can be read again. */
#define MOST ((__int128)10000000000000000000u * (__int128)10000000000000000000u)

enum { DIGITS_MAX = 38, FRACTION_MAX = 18 };

static const struct suffix {
	char text[3];
	uint8_t form;
	int8_t exponent; /* of ten, or of two */
} suffixes[] = {
	{"n", QUANTITY_DECIMAL, -9}, {"u", QUANTITY_DECIMAL, -6}, {"m", QUANTITY_DECIMAL, -3},
	{"", QUANTITY_DECIMAL, 0},   {"k", QUANTITY_DECIMAL, 3},  {"M", QUANTITY_DECIMAL, 6},
	{"G", QUANTITY_DECIMAL, 9},  {"T", QUANTITY_DECIMAL, 12}, {"P", QUANTITY_DECIMAL, 15},
	{"E", QUANTITY_DECIMAL, 18}, {"Ki", QUANTITY_BINARY, 10}, {"Mi", QUANTITY_BINARY, 20},
	{"Gi", QUANTITY_BINARY, 30}, {"Ti", QUANTITY_BINARY, 40}, {"Pi", QUANTITY_BINARY, 50},
	{"Ei", QUANTITY_BINARY, 60},
};

static bool exponent_suffix(struct span s, int *exponent)
{
	bool minus = s.len > 1 && s.data[1] == '-';
	size_t i = s.len > 1 && (minus || s.data[1] == '+') ? 2 : 1;
	if (s.len <= i || s.len - i > 4 || (s.data[0] | 0x20) != 'e')
		return false;
	int v = 0;
	for (; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		v = 10 * v + s.data[i] - '0';
	}
	*exponent = minus ? -v : v;
	return true;
}

static bool read_suffix(struct span s, enum quantity_form *form, int *ten, int *two)
{
	*ten = *two = 0;
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (span_is(s, suffixes[i].text)) {
			*form = suffixes[i].form;
			*(*form == QUANTITY_BINARY ? two : ten) = suffixes[i].exponent;
			return true;
		}
	*form = QUANTITY_EXPONENT;
	return exponent_suffix(s, ten);
}

/* m * 10^ten * 2^two, rounded up; false when it does not fit. */
static bool scale(u128 *m, int ten, int two, bool sticky)
{
	while (two-- > 0)
		if (__builtin_mul_overflow(*m, (u128)2, m))
			return false;
	for (; ten > 0 && *m; ten--)
		if (__builtin_mul_overflow(*m, (u128)10, m))
			return false;
	for (; ten < 0 && *m; ten++) {
		sticky |= *m % 10 != 0;
		*m /= 10;
	}
	*m += sticky;
	return *m <= (u128)MOST;
}

int quantity_parse(struct span s, struct quantity *out)
{
	bool minus = s.len && *s.data == '-', point = false, sticky = false;
	size_t i = s.len && (*s.data == '-' || *s.data == '+'), seen = 0;
	u128 m = 0;
	int ten, two, fraction = 0, whole = 0;
	for (; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		seen++;
		if (point && fraction == FRACTION_MAX) {
			sticky |= c != '0';
			continue;
		}
		if (whole == DIGITS_MAX)
			return ERR_INVALID;
		m = 10 * m + (c - '0');
		whole += m != 0;
		fraction += point;
	}
	if (seen == 0 || !read_suffix((struct span){s.data + i, s.len - i}, &out->form, &ten, &two))
		return ERR_INVALID;
	bool nothing = m == 0 && !sticky;
	if (!scale(&m, ten + 9 - fraction, two, sticky))
		m = (u128)MOST;
	if (out->form == QUANTITY_BINARY && m > (u128)(INT64_MAX * NANO))
		m = (u128)(INT64_MAX * NANO);
	if (out->form == QUANTITY_BINARY && m > 0 && m < (u128)NANO)
		out->form = QUANTITY_DECIMAL;
	if (nothing)
		m = 0;
	out->nano = minus ? -(__int128)m : (__int128)m;
	return 0;
}

bool quantity_is_plain(struct span s)
{
	enum { DIGITS = 9 }; /* far from every cap */
	uint32_t v = 0;
	size_t n = 0;
	while (n < s.len && n < DIGITS && s.data[n] >= '0' && s.data[n] <= '9')
		v = 10 * v + (s.data[n++] - '0');
	if (n == 0 || *s.data == '0')
		return false;
	switch (s.len - n) {
	case 0:
		return v % 1000 != 0;
	case 1:
		return v % 1000 != 0 && (s.data[n] == 'm' || s.data[n] == 'k' || s.data[n] == 'M' ||
					 s.data[n] == 'G');
	case 2:
		return v % 1024 != 0 && s.data[n + 1] == 'i' &&
		       (s.data[n] == 'K' || s.data[n] == 'M' || s.data[n] == 'G');
	default:
		return false;
	}
}

static size_t put_number(char *out, u128 m, bool minus)
{
	char digits[44], *p = digits + sizeof digits;
	do {
		*--p = (char)('0' + (int)(m % 10));
		m /= 10;
	} while (m);
	if (minus)
		*--p = '-';
	size_t n = (size_t)(digits + sizeof digits - p);
	memcpy(out, p, n);
	return n;
}

/* Powers of 1024 of a whole number. */
static size_t format_binary(u128 m, bool minus, char *out)
{
	static const char *const names[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
	unsigned k = 0;
	for (; k < 6 && m % 1024 == 0; k++)
		m /= 1024;
	size_t n = put_number(out, m, minus);
	memcpy(out + n, names[k], strlen(names[k]) + 1);
	return n + strlen(names[k]);
}

static size_t format_decimal(u128 m, bool minus, bool exponent_form, char *out)
{
	int ten = -9;
	for (; m % 10 == 0; ten++)
		m /= 10;
	for (; ten % 3 != 0; ten--)
		m *= 10;
	size_t n = put_number(out, m, minus);
	char *end = out + n;
	*end = 0;
	if (ten == 0)
		return n;
	if (exponent_form || ten > 18)
		return n + (size_t)snprintf(end, 8, "e%d", ten);
	*end++ = "numkMGTPE"[ten < 0 ? (ten + 9) / 3 : (ten + 6) / 3];
	*end = 0;
	return n + 1;
}

size_t quantity_format(struct quantity q, char out[QUANTITY_TEXT_MAX])
{
	bool minus = q.nano < 0;
	u128 m = minus ? (u128)0 - (u128)q.nano : (u128)q.nano;
	if (m == 0) {
		memcpy(out, "0", 2);
		return 1;
	}
	bool binary = q.form == QUANTITY_BINARY && m >= (u128)(1024 * NANO) && m % (u128)NANO == 0;
	return binary ? format_binary(m / (u128)NANO, minus, out)
		      : format_decimal(m, minus, q.form == QUANTITY_EXPONENT, out);
}

int quantity_cmp(struct quantity a, struct quantity b)
{
	return (a.nano > b.nano) - (a.nano < b.nano);
}

struct quantity quantity_add(struct quantity a, struct quantity b)
{
	if (a.nano == 0)
		a.form = b.form;
	bool over = __builtin_add_overflow(a.nano, b.nano, &a.nano);
	if (over || a.nano > MOST || a.nano < -MOST)
		a.nano = (over ? b.nano : a.nano) < 0 ? -MOST : MOST;
	return a;
}

struct quantity quantity_sub(struct quantity a, struct quantity b)
{
	b.nano = -b.nano;
	return quantity_add(a, b);
}

bool quantity_is_integer(struct quantity q)
{
	return q.nano % NANO == 0;
}

/* Rounded away from zero, as Kubernetes scales. */
static int64_t rounded(__int128 nano, __int128 unit)
{
	__int128 v = nano / unit, rest = nano % unit;
	v += (rest > 0) - (rest < 0);
	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t quantity_value(struct quantity q)
{
	return rounded(q.nano, NANO);
}

int64_t quantity_milli(struct quantity q)
{
	return rounded(q.nano, NANO / 1000);
}

struct quantity quantity_round_milli(struct quantity q)
{
	__int128 unit = NANO / 1000, rest = q.nano % unit;
	q.nano += rest == 0 ? 0 : rest > 0 ? unit - rest : -unit - rest;
	return q;
}

struct quantity quantity_of(int64_t value, enum quantity_form form)
{
	return (struct quantity){value * NANO, form};
}

struct quantity quantity_of_milli(int64_t milli, enum quantity_form form)
{
	return (struct quantity){milli * (NANO / 1000), form};
}
