/* YAML 1.1's core scalars as go-yaml v2 resolves them, which is what
 * sigs.k8s.io/yaml and so kubectl use. Timestamps stay text, as there. */
#include "actors/schema/yaml_scalar.h"

#include <math.h>
#include <stdlib.h>

#include "actors/schema/json.h"

static const struct word {
	const char *text;
	enum doc_type type;
	bool value;
} words[] = {
	{"", DOC_NULL, false},	   {"~", DOC_NULL, false},     {"null", DOC_NULL, false},
	{"Null", DOC_NULL, false}, {"NULL", DOC_NULL, false},  {"y", DOC_BOOL, true},
	{"Y", DOC_BOOL, true},	   {"yes", DOC_BOOL, true},    {"Yes", DOC_BOOL, true},
	{"YES", DOC_BOOL, true},   {"true", DOC_BOOL, true},   {"True", DOC_BOOL, true},
	{"TRUE", DOC_BOOL, true},  {"on", DOC_BOOL, true},     {"On", DOC_BOOL, true},
	{"ON", DOC_BOOL, true},	   {"n", DOC_BOOL, false},     {"N", DOC_BOOL, false},
	{"no", DOC_BOOL, false},   {"No", DOC_BOOL, false},    {"NO", DOC_BOOL, false},
	{"false", DOC_BOOL, false}, {"False", DOC_BOOL, false}, {"FALSE", DOC_BOOL, false},
	{"off", DOC_BOOL, false},  {"Off", DOC_BOOL, false},   {"OFF", DOC_BOOL, false},
};

static bool known_word(struct doc *d, struct span text)
{
	if (text.len > 5)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (span_is(text, words[i].text)) {
			d->type = (uint8_t)words[i].type;
			d->boolean = words[i].value;
			return true;
		}
	return false;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Decimal, 0x, 0b, 0o and a leading 0 for octal; underscores were removed. */
static bool integer(const char *s, int64_t *out)
{
	bool minus = *s == '-';
	s += minus || *s == '+';
	unsigned base = 10;
	if (s[0] == '0' && s[1]) {
		char c = s[1] | 0x20;
		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		s += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
	}
	uint64_t v = 0, limit = (uint64_t)INT64_MAX + minus;
	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned d = (unsigned)digit_of(*s);
		if (d >= base || v > (limit - d) / base)
			return false;
		v = base * v + d;
	}
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_like_float(const char *s)
{
	s += *s == '-' || *s == '+';
	size_t whole = strspn(s, "0123456789"), part = 0;
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, "0123456789");
		s += 1 + part;
	}
	if (whole + part == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		size_t n = strspn(s, "0123456789");
		if (n == 0)
			return false;
		s += n;
	}
	return !*s;
}

static bool is_special_float(const char *s)
{
	static const char *const names[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
	s += *s == '-' || *s == '+';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(s, names[i]) == 0)
			return true;
	return false;
}

/* 0: it was a number; 1: it is none; ERR_INVALID: one that JSON lacks. */
static int number(struct doc *d, struct span text)
{
	char s[400];
	size_t n = 0;
	if (text.len == 0 || text.len >= sizeof s || !strchr("+-.0123456789", text.data[0]))
		return 1;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '_')
			s[n++] = (char)text.data[i];
	s[n] = 0;
	int64_t i;
	if (integer(s, &i)) {
		d->type = DOC_INT;
		d->integer = i;
		return 0;
	}
	if (is_special_float(s))
		return ERR_INVALID;
	if (!looks_like_float(s))
		return 1;
	d->type = DOC_DOUBLE;
	d->real = strtod(s, NULL);
	return isfinite(d->real) ? 0 : ERR_INVALID;
}

static bool tag_is(const char *tag, const char *name)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	return tag && strncmp(tag, prefix, sizeof prefix - 1) == 0 &&
	       strcmp(tag + sizeof prefix - 1, name) == 0;
}

int yaml_scalar(struct doc *d, struct span text, bool plain, const char *tag)
{
	bool explicit_text =
		tag_is(tag, "str") || tag_is(tag, "binary") || tag_is(tag, "timestamp");
	bool other_tag = tag && !explicit_text;
	if ((plain && !explicit_text) || other_tag) {
		if (known_word(d, text))
			return 0;
		int rc = number(d, text);
		if (rc <= 0)
			return rc;
	}
	if (tag_is(tag, "int") || tag_is(tag, "float") || tag_is(tag, "bool") ||
	    tag_is(tag, "null"))
		return ERR_INVALID;
	d->type = DOC_STR;
	d->text = text;
	return 0;
}

int yaml_key(const struct doc *key, struct arena *a, struct span *out)
{
	if (key->type == DOC_STR) {
		*out = key->text;
		return 0;
	}
	if (key->type != DOC_BOOL && key->type != DOC_INT && key->type != DOC_DOUBLE)
		return ERR_INVALID;
	struct buf b = {0};
	json_from_doc(&b, key);
	*out = (struct span){(const uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return 0;
}
