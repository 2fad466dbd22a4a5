#include "actors/schema/cron.h"

#include <string.h>

struct bounds {
	const char *names; /* of three letters each, from `low`; or NULL */
	unsigned low, high;
};

static const struct bounds minute = {NULL, 0, 59}, hour = {NULL, 0, 23}, day = {NULL, 1, 31},
			   month = {"janfebmaraprmayjunjulaugsepoctnovdec", 1, 12},
			   weekday = {"sunmontuewedthufrisat", 0, 6};

/* ---- numbers and names */

static bool name_number(struct span s, const struct bounds *b, unsigned *out)
{
	if (!b->names || s.len != 3)
		return false;
	for (unsigned i = 0; b->names[3 * i]; i++) {
		bool same = true;
		for (size_t k = 0; k < 3; k++)
			same &= (s.data[k] | 0x20) == b->names[3 * i + k];
		if (same) {
			*out = b->low + i;
			return true;
		}
	}
	return false;
}

static int number(struct span s, unsigned *out, struct err *e)
{
	*out = 0;
	bool minus = s.len > 1 && s.data[0] == '-';
	for (size_t i = minus; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || *out > 100000)
			goto bad;
		*out = 10 * *out + s.data[i] - '0';
	}
	if (s.len == 0)
		goto bad;
	if (minus)
		return err_set(e, ERR_INVALID, "negative number (-%u) not allowed: %.*s", *out,
			       (int)s.len, (const char *)s.data);
	return 0;
bad:
	return err_set(e, ERR_INVALID,
		       "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": invalid "
		       "syntax",
		       (int)s.len, (const char *)s.data, (int)s.len, (const char *)s.data);
}

static int number_or_name(struct span s, const struct bounds *b, unsigned *out, struct err *e)
{
	return name_number(s, b, out) ? 0 : number(s, out, e);
}

/* Cuts what stands before `by`; the rest stays. Whether there is a rest. */
static bool cut(struct span *rest, char by, struct span *part)
{
	const uint8_t *at = rest->len ? memchr(rest->data, by, rest->len) : NULL;
	size_t n = at ? (size_t)(at - rest->data) : rest->len;
	*part = (struct span){rest->data, n};
	rest->data += n + (at != NULL);
	rest->len -= n + (at != NULL);
	return at != NULL;
}

/* ---- fields */

static int parse_bounds(struct span expr, struct span range, const struct bounds *b, unsigned *low,
			unsigned *high, bool *any, bool *single, struct err *e)
{
	struct span first;
	*any = *single = false;
	bool two = cut(&range, '-', &first);
	if (span_is(first, "*") || span_is(first, "?")) {
		*low = b->low;
		*high = b->high;
		*any = true;
		return 0;
	}
	int rc = number_or_name(first, b, low, e);
	*high = *low;
	*single = !two;
	if (rc || !two)
		return rc;
	if (range.len && memchr(range.data, '-', range.len))
		return err_set(e, ERR_INVALID, "too many hyphens: %.*s", (int)expr.len,
			       (const char *)expr.data);
	return number_or_name(range, b, high, e);
}

/* "*", "5", "1-5", "* / 2" (without spaces), ... */
static int parse_range(struct span expr, const struct bounds *b, uint64_t *set, bool *star,
		       struct err *e)
{
	struct span rest = expr, range;
	unsigned low, high, step = 1;
	bool any, single, stepped = cut(&rest, '/', &range);
	int rc = parse_bounds(expr, range, b, &low, &high, &any, &single, e);
	if (rc)
		return rc;
	if (stepped && rest.len && memchr(rest.data, '/', rest.len))
		return err_set(e, ERR_INVALID, "too many slashes: %.*s", (int)expr.len,
			       (const char *)expr.data);
	if (stepped) {
		rc = number(rest, &step, e);
		if (rc)
			return rc;
		if (single)
			high = b->high;
	}
	const char *text = (const char *)expr.data;
	int n = (int)expr.len;
	if (low < b->low)
		return err_set(e, ERR_INVALID, "beginning of range (%u) below minimum (%u): %.*s",
			       low, b->low, n, text);
	if (high > b->high)
		return err_set(e, ERR_INVALID, "end of range (%u) above maximum (%u): %.*s", high,
			       b->high, n, text);
	if (low > high)
		return err_set(e, ERR_INVALID,
			       "beginning of range (%u) beyond end of range (%u): %.*s", low, high,
			       n, text);
	if (step == 0)
		return err_set(e, ERR_INVALID, "step of range should be a positive number: %.*s", n,
			       text);
	for (unsigned i = low; i <= high; i += step)
		*set |= UINT64_C(1) << i;
	*star |= any && step == 1;
	return 0;
}

static int parse_field(struct span field, const struct bounds *b, uint64_t *set, bool *star,
		       struct err *e)
{
	struct span part;
	bool more = true;
	while (more) {
		more = cut(&field, ',', &part);
		if (part.len == 0)
			continue;
		int rc = parse_range(part, b, set, star, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- descriptors */

static const struct {
	const char *name, *fields;
} descriptors[] = {
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
	{"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
	{"@hourly", "0 * * * *"},
};

/* Go's durations, whole seconds of them: "1h30m", "90s", "1.5h". */
static bool duration_s(struct span s, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000}};
	int64_t ms = 0;
	while (s.len) {
		int64_t n = 0, scale = 1;
		bool digits = false, dot = false;
		for (; s.len && ((s.data[0] >= '0' && s.data[0] <= '9') || s.data[0] == '.');
		     s.data++, s.len--) {
			if (s.data[0] == '.') {
				if (dot)
					return false;
				dot = true;
				continue;
			}
			if (n > 1000000000 || scale > 1000000)
				return false;
			n = 10 * n + s.data[0] - '0';
			scale *= dot ? 10 : 1;
			digits = true;
		}
		size_t i = 0;
		for (; i < sizeof units / sizeof *units; i++) {
			size_t len = strlen(units[i].unit);
			if (s.len >= len && memcmp(s.data, units[i].unit, len) == 0) {
				s.data += len;
				s.len -= len;
				break;
			}
		}
		if (!digits || i == sizeof units / sizeof *units)
			return false;
		ms += n * units[i].ms / scale;
	}
	*out = ms < 1000 ? 1 : ms / 1000;
	return ms > 0;
}

static int parse_descriptor(struct span text, struct cron *out, struct err *e)
{
	static const char every[] = "@every ";
	size_t n = sizeof every - 1;
	for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
		if (span_is(text, descriptors[i].name))
			return cron_parse(span_of(descriptors[i].fields), out, e);
	if (text.len <= n || memcmp(text.data, every, n) != 0)
		return err_set(e, ERR_INVALID, "unrecognized descriptor: %.*s", (int)text.len,
			       (const char *)text.data);
	struct span d = {text.data + n, text.len - n};
	if (duration_s(d, &out->every_s))
		return 0;
	return err_set(e, ERR_INVALID,
		       "failed to parse duration %.*s: time: invalid duration \"%.*s\"",
		       (int)text.len, (const char *)text.data, (int)d.len, (const char *)d.data);
}

/* ---- the whole */

static bool starts_with(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.len >= n && memcmp(s.data, prefix, n) == 0;
}

static size_t split(struct span text, struct span *fields, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < text.len;) {
		size_t start = i;
		while (i < text.len && !byte_is_space(text.data[i]))
			i++;
		if (i > start && n++ < max)
			fields[n - 1] = (struct span){text.data + start, i - start};
		i += i < text.len;
	}
	return n;
}

int cron_parse(struct span text, struct cron *out, struct err *e)
{
	enum { FIELDS = 5 };
	struct span fields[FIELDS], zone;
	bool unused = false;
	memset(out, 0, sizeof *out);
	if (text.len == 0)
		return err_set(e, ERR_INVALID, "empty spec string");
	if (starts_with(text, "TZ=") || starts_with(text, "CRON_TZ=")) {
		if (!cut(&text, ' ', &zone))
			return err_set(e, ERR_INVALID, "provided bad location %.*s", (int)zone.len,
				       (const char *)zone.data);
		while (text.len && text.data[0] == ' ')
			text.data++, text.len--;
	}
	if (text.len && text.data[0] == '@')
		return parse_descriptor(text, out, e);
	size_t n = split(text, fields, FIELDS);
	if (n != FIELDS)
		return err_set(e, ERR_INVALID, "expected exactly 5 fields, found %zu: [%.*s]", n,
			       (int)text.len, (const char *)text.data);
	int rc = parse_field(fields[0], &minute, &out->minutes, &unused, e);
	rc = rc ? rc : parse_field(fields[1], &hour, &out->hours, &unused, e);
	rc = rc ? rc : parse_field(fields[2], &day, &out->days, &out->any_day, e);
	rc = rc ? rc : parse_field(fields[3], &month, &out->months, &unused, e);
	return rc ? rc : parse_field(fields[4], &weekday, &out->weekdays, &out->any_weekday, e);
}
