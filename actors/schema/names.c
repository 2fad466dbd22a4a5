/* Shapes of names, by character classes instead of regular expressions. The
 * messages quote the expressions, as Kubernetes does; which of several faults
 * is told is the first in its order. */
#include "actors/schema/names.h"

enum {
	LOWER = 1,
	UPPER = 2,
	DIGIT = 4,
	DASH = 8,
	DOT = 16,
	UNDERSCORE = 32,
	ALNUM = LOWER | UPPER | DIGIT,
};

static unsigned class_of(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	return c == '-' ? DASH : c == '.' ? DOT : c == '_' ? UNDERSCORE : 0;
}

/* Not empty, all of `any`, the first of `first`, the last of `last`. */
static bool shaped(struct span s, unsigned first, unsigned any, unsigned last)
{
	if (s.len == 0 || !(class_of(s.data[0]) & first) || !(class_of(s.data[s.len - 1]) & last))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!(class_of(s.data[i]) & any))
			return false;
	return true;
}

static bool is_subdomain(struct span s)
{
	while (true) {
		const uint8_t *dot = s.len ? memchr(s.data, '.', s.len) : NULL;
		struct span label = {s.data, dot ? (size_t)(dot - s.data) : s.len};
		if (!shaped(label, LOWER | DIGIT, LOWER | DIGIT | DASH, LOWER | DIGIT))
			return false;
		if (!dot)
			return true;
		s = (struct span){dot + 1, s.len - label.len - 1};
	}
}

#define LABEL_FMT "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_FMT LABEL_FMT "(\\." LABEL_FMT ")*"
#define SUBDOMAIN_TEXT                                                                             \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
	"regex used for validation is '" SUBDOMAIN_FMT "')"
#define QUALIFIED_FMT "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define QUALIFIED_TEXT                                                                             \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
	"an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "  \
	"validation is '" QUALIFIED_FMT "')"

const char *name_dns1123_label(struct span s)
{
	if (s.len > 63)
		return "must be no more than 63 bytes";
	if (shaped(s, LOWER | DIGIT, LOWER | DIGIT | DASH, LOWER | DIGIT))
		return NULL;
	if (is_subdomain(s))
		return "must not contain dots";
	return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
	       "'-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
	       "'123-abc', regex used for validation is '" LABEL_FMT "')";
}

const char *name_dns1123_subdomain(struct span s)
{
	if (s.len > 253)
		return "must be no more than 253 bytes";
	return is_subdomain(s) ? NULL : SUBDOMAIN_TEXT;
}

const char *name_dns1035_label(struct span s)
{
	if (s.len > 63)
		return "must be no more than 63 bytes";
	if (shaped(s, LOWER, LOWER | DIGIT | DASH, LOWER | DIGIT))
		return NULL;
	return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
	       "with an alphabetic character, and end with an alphanumeric character (e.g. "
	       "'my-name',  or 'abc-123', regex used for validation is "
	       "'[a-z]([-a-z0-9]*[a-z0-9])?')";
}

const char *name_label_value(struct span s)
{
	if (s.len > 63)
		return "must be no more than 63 bytes";
	if (s.len == 0 || shaped(s, ALNUM, ALNUM | DASH | DOT | UNDERSCORE, ALNUM))
		return NULL;
	return "a valid label must be an empty string or consist of alphanumeric characters, '-', "
	       "'_' or '.', and must start and end with an alphanumeric character (e.g. "
	       "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
	       "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

const char *name_qualified(struct span s)
{
	const uint8_t *slash = s.len ? memchr(s.data, '/', s.len) : NULL;
	if (slash) {
		struct span prefix = {s.data, (size_t)(slash - s.data)};
		s = (struct span){slash + 1, s.len - prefix.len - 1};
		if (s.len && memchr(s.data, '/', s.len))
			return "a qualified name " QUALIFIED_TEXT
			       " with an optional DNS subdomain prefix and '/' (e.g. "
			       "'example.com/MyName')";
		if (prefix.len == 0)
			return "prefix part must be non-empty";
		if (prefix.len > 253)
			return "prefix part must be no more than 253 bytes";
		if (!is_subdomain(prefix))
			return "prefix part " SUBDOMAIN_TEXT;
	}
	if (s.len == 0)
		return "name part must be non-empty";
	if (s.len > 63)
		return "name part must be no more than 63 bytes";
	return shaped(s, ALNUM, ALNUM | DASH | DOT | UNDERSCORE, ALNUM)
		       ? NULL
		       : "name part " QUALIFIED_TEXT;
}

const char *name_env(struct span s)
{
	if (s.len == 0)
		return "environment variable name must be non-empty";
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < 0x20 || s.data[i] > 0x7e || s.data[i] == '=')
			return "a valid environment variable name must consist only of printable "
			       "ASCII characters other than '='";
	return NULL;
}

const char *name_config_key(struct span s)
{
	if (s.len > 253)
		return "must be no more than 253 bytes";
	if (!shaped(s, ALNUM | DASH | DOT | UNDERSCORE, ALNUM | DASH | DOT | UNDERSCORE,
		    ALNUM | DASH | DOT | UNDERSCORE))
		return "a valid config key must consist of alphanumeric characters, '-', '_' or "
		       "'.' "
		       "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
		       "validation "
		       "is '[-._a-zA-Z0-9]+')";
	if (span_is(s, "."))
		return "must not be '.'";
	if (span_is(s, ".."))
		return "must not be '..'";
	return s.len > 1 && s.data[0] == '.' && s.data[1] == '.' ? "must not start with '..'"
								 : NULL;
}

const char *name_path_segment(struct span s)
{
	if (span_is(s, "."))
		return "may not be '.'";
	if (span_is(s, ".."))
		return "may not be '..'";
	if (s.len && memchr(s.data, '/', s.len))
		return "may not contain '/'";
	return s.len && memchr(s.data, '%', s.len) ? "may not contain '%'" : NULL;
}

const char *name_port(struct span s)
{
	bool letter = false, hyphens = false;
	if (s.len > 15)
		return "must be no more than 15 bytes";
	if (!shaped(s, LOWER | DIGIT | DASH, LOWER | DIGIT | DASH, LOWER | DIGIT | DASH))
		return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
	for (size_t i = 0; i < s.len; i++) {
		letter |= class_of(s.data[i]) == LOWER;
		hyphens |= i > 0 && s.data[i] == '-' && s.data[i - 1] == '-';
	}
	if (!letter)
		return "must contain at least one letter (a-z)";
	if (hyphens)
		return "must not contain consecutive hyphens";
	return s.data[0] == '-' || s.data[s.len - 1] == '-' ? "must not begin or end with a hyphen"
							     : NULL;
}

const char *name_c_identifier(struct span s)
{
	if (shaped(s, LOWER | UPPER | UNDERSCORE, ALNUM | UNDERSCORE, ALNUM | UNDERSCORE))
		return NULL;
	return "a valid C identifier must start with alphabetic character or '_', followed by a "
	       "string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or "
	       "'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
}

bool name_path_steps_back(struct span path)
{
	for (size_t i = 0; i + 1 < path.len; i++) {
		bool starts = i == 0 || path.data[i - 1] == '/';
		bool ends = i + 2 == path.len || path.data[i + 2] == '/';
		if (starts && ends && path.data[i] == '.' && path.data[i + 1] == '.')
			return true;
	}
	return false;
}
