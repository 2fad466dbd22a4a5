/* Days are counted in the proleptic Gregorian calendar with the year starting
 * in March, so that the leap day is the last one (H. Hinnant, "chrono-
 * Compatible Low-Level Date Algorithms"). */
#include "actors/schema/rfc3339.h"

#include <stdbool.h>

#include "broker/base/err.h"

static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year = y - era * 400;
	int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static void date_of(int64_t days, int *y, int *m, int *d)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t n = days - era * 146097;
	int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
	int64_t day = n - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day + 2) / 153;
	*d = (int)(day - (153 * month + 2) / 5 + 1);
	*m = (int)(month < 10 ? month + 3 : month - 9);
	*y = (int)(year + era * 400 + (*m <= 2));
}

static int month_days(int y, int m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return days[m - 1] + (m == 2 && leap);
}

/* Exactly n digits, then `after` (0: nothing is eaten). -1: not so. */
static int digits(struct span *s, size_t n, char after)
{
	int v = 0;
	if (s->len < n + (after != 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->data[i] < '0' || s->data[i] > '9')
			return -1;
		v = 10 * v + s->data[i] - '0';
	}
	if (after && s->data[n] != (uint8_t)after)
		return -1;
	n += after != 0;
	s->data += n;
	s->len -= n;
	return v;
}

/* ".123" in microseconds, cut off behind the sixth digit. -1: broken. */
static int64_t fraction(struct span *s)
{
	int64_t us = 0, unit = 100000;
	if (s->len == 0 || *s->data != '.')
		return 0;
	size_t i = 1;
	for (; i < s->len && s->data[i] >= '0' && s->data[i] <= '9'; i++) {
		us += unit * (s->data[i] - '0');
		unit /= 10;
	}
	s->data += i;
	s->len -= i;
	return i > 1 ? us : -1;
}

/* "Z" or "+02:00" up to the end, in seconds. */
static bool offset(struct span s, int *out)
{
	*out = 0;
	if (span_is(s, "Z"))
		return true;
	if (s.len != 6 || (*s.data != '+' && *s.data != '-'))
		return false;
	int sign = *s.data == '-' ? -1 : 1;
	s.data++;
	s.len--;
	int h = digits(&s, 2, ':'), m = digits(&s, 2, 0);
	*out = sign * (h * 3600 + m * 60);
	return h >= 0 && h < 24 && m >= 0 && m < 60;
}

int rfc3339_parse(struct span s, int64_t *us)
{
	int y = digits(&s, 4, '-');
	int mon = y < 0 ? -1 : digits(&s, 2, '-');
	int d = mon < 0 ? -1 : digits(&s, 2, 'T');
	int h = d < 0 ? -1 : digits(&s, 2, ':');
	int min = h < 0 ? -1 : digits(&s, 2, ':');
	int sec = min < 0 ? -1 : digits(&s, 2, 0);
	int shift;
	if (sec < 0 || mon < 1 || mon > 12 || d < 1 || d > month_days(y, mon) || h > 23 ||
	    min > 59 || sec > 59)
		return ERR_INVALID;
	int64_t part = fraction(&s);
	if (part < 0 || !offset(s, &shift))
		return ERR_INVALID;
	int64_t seconds = days_of(y, mon, d) * 86400 + h * 3600 + min * 60 + sec - shift;
	*us = seconds * 1000000 + part;
	return 0;
}

/* So many digits, and what stands behind them. Objects are full of times:
 * printf costs ten times as much. */
static char *put(char *at, int n, int width, char then)
{
	for (int i = width; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	at[width] = then;
	return at + width + 1;
}

static size_t format(int64_t us, bool micro, char out[RFC3339_MAX])
{
	int y, m, d;
	int64_t part = us % 1000000, seconds = us / 1000000;
	if (part < 0)
		part += 1000000, seconds--;
	int64_t day = seconds / 86400, rest = seconds % 86400;
	if (rest < 0)
		rest += 86400, day--;
	date_of(day, &y, &m, &d);
	if (y < 0 || y > 9999)
		y = y < 0 ? 0 : 9999;
	char *at = out;
	at = put(at, y, 4, '-');
	at = put(at, m, 2, '-');
	at = put(at, d, 2, 'T');
	at = put(at, (int)(rest / 3600), 2, ':');
	at = put(at, (int)(rest / 60 % 60), 2, ':');
	at = put(at, (int)(rest % 60), 2, micro ? '.' : 'Z');
	if (micro)
		at = put(at, (int)part, 6, 'Z');
	*at = 0;
	return (size_t)(at - out);
}

size_t rfc3339_format(int64_t us, char out[RFC3339_MAX])
{
	return format(us, false, out);
}

size_t rfc3339_format_micro(int64_t us, char out[RFC3339_MAX])
{
	return format(us, true, out);
}
