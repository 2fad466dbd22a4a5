#include "actors/api/go_duration.h"

#include <string.h>

#include "actors/schema/json.h"

static bool refuse(struct buf *why, const char *what, struct span unit, struct span text)
{
	buf_printf(why, "time: %s ", what);
	if (unit.data) {
		json_string(why, unit);
		buf_puts(why, " in ");
	}
	buf_puts(why, "duration ");
	json_string(why, text);
	return false;
}

/* Nanoseconds of a unit; 0: there is none of that name. */
static int64_t unit_ns(struct span unit)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1},	   {"us", 1000},	   {"\302\265s", 1000},
		{"\316\274s", 1000}, {"ms", 1000000},	   {"s", 1000000000},
		{"m", 60000000000}, {"h", 3600000000000},
	};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (span_is(unit, units[i].name))
			return units[i].ns;
	return 0;
}

static bool is_digit(struct span s)
{
	return s.len && *s.data >= '0' && *s.data <= '9';
}

/* "12.5" off the front, whole and in billionths. False: no digit is there. */
static bool take_number(struct span *s, int64_t *whole, int64_t *billionths)
{
	bool any = false;
	*whole = *billionths = 0;
	for (; is_digit(*s); s->data++, s->len--, any = true)
		if (*whole < INT64_MAX / 100)
			*whole = *whole * 10 + (*s->data - '0');
	if (!s->len || *s->data != '.')
		return any;
	s->data++, s->len--;
	for (int64_t place = 100000000; is_digit(*s); s->data++, s->len--, place /= 10, any = true)
		*billionths += place * (*s->data - '0');
	return any;
}

static struct span take_unit(struct span *s)
{
	struct span unit = {s->data, 0};
	while (s->len && *s->data != '.' && !is_digit(*s))
		s->data++, s->len--, unit.len++;
	return unit;
}

bool go_duration_parse(struct span text, int64_t *us, struct buf *why)
{
	const struct span none = {0};
	struct span rest = text;
	double sum = 0; /* of parts that may each be too much for an integer */
	bool minus = text.len && *text.data == '-';
	if (text.len && (*text.data == '-' || *text.data == '+'))
		rest.data++, rest.len--;
	*us = 0;
	if (span_is(rest, "0"))
		return true;
	if (!rest.len)
		return refuse(why, "invalid", none, text);
	while (rest.len) {
		int64_t whole, billionths;
		if (!take_number(&rest, &whole, &billionths))
			return refuse(why, "invalid", none, text);
		struct span unit = take_unit(&rest);
		int64_t ns = unit_ns(unit);
		if (!ns)
			return unit.len ? refuse(why, "unknown unit", unit, text)
					: refuse(why, "missing unit in", none, text);
		sum += ((double)whole + (double)billionths / 1e9) * (double)ns / 1e3;
	}
	*us = sum >= (double)INT64_MAX ? INT64_MAX : (int64_t)sum;
	*us = minus ? -*us : *us;
	return true;
}
