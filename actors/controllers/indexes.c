#include "actors/controllers/indexes.h"

#include <string.h>

#include "broker/base/sort.h"

enum { DIGITS_MAX = 18 };

/* ---- making: ranges are added in order of their first index */

struct maker {
	struct index_range *ranges;
	size_t count;
};

static void add(struct maker *m, int64_t first, int64_t last)
{
	struct index_range *end = m->count ? &m->ranges[m->count - 1] : NULL;
	if (last < first)
		return;
	if (!end || first > end->last + 1)
		m->ranges[m->count++] = (struct index_range){first, last};
	else if (last > end->last)
		end->last = last;
}

static struct indexes made(const struct maker *m)
{
	struct indexes x = {.ranges = m->ranges, .count = m->count};
	for (size_t i = 0; i < m->count; i++)
		x.total += m->ranges[i].last - m->ranges[i].first + 1;
	return x;
}

static struct maker maker(struct arena *a, size_t most)
{
	return (struct maker){.ranges = arena_alloc(a, (most + 1) * sizeof(struct index_range))};
}

static bool number(struct span *s, int64_t *out)
{
	size_t n = 0;
	*out = 0;
	for (; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++)
		if (n < DIGITS_MAX)
			*out = 10 * *out + s->data[n] - '0';
	s->data += n;
	s->len -= n;
	return n > 0 && n <= DIGITS_MAX;
}

static bool take(struct span *s, char c)
{
	if (!s->len || s->data[0] != c)
		return false;
	s->data++;
	s->len--;
	return true;
}

static int by_first(const void *x, const void *y, void *arg)
{
	const struct index_range *a = x, *b = y;
	(void)arg;
	return (a->first > b->first) - (a->first < b->first);
}

static struct indexes made_of(struct arena *a, struct index_range *ranges, size_t n)
{
	struct maker m = maker(a, n);
	sort_stable(ranges, n, sizeof *ranges, by_first, NULL);
	for (size_t i = 0; i < n; i++)
		add(&m, ranges[i].first, ranges[i].last);
	return made(&m);
}

struct indexes indexes_parse(struct arena *a, struct span text, int64_t limit)
{
	size_t n = 0, most = 1;
	for (size_t i = 0; i < text.len; i++)
		most += text.data[i] == ',';
	struct index_range *ranges = arena_alloc(a, most * sizeof *ranges);
	while (text.len && n < most) {
		struct index_range *r = &ranges[n];
		if (!number(&text, &r->first))
			break;
		r->last = r->first;
		if (take(&text, '-') && !number(&text, &r->last))
			break;
		if (r->last >= limit)
			r->last = limit - 1;
		n += r->last >= r->first;
		if (!take(&text, ','))
			break;
	}
	return made_of(a, ranges, n);
}

struct indexes indexes_of(struct arena *a, const int64_t *list, size_t n)
{
	struct index_range *ranges = arena_alloc(a, (n + 1) * sizeof *ranges);
	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct index_range){list[i], list[i]};
	return made_of(a, ranges, n);
}

struct indexes indexes_union(struct arena *a, const struct indexes *x, const struct indexes *y)
{
	size_t n = x->count + y->count;
	struct index_range *ranges = arena_alloc(a, (n + 1) * sizeof *ranges);
	if (x->count)
		memcpy(ranges, x->ranges, x->count * sizeof *ranges);
	if (y->count)
		memcpy(ranges + x->count, y->ranges, y->count * sizeof *ranges);
	return made_of(a, ranges, n);
}

/* ---- asking */

bool indexes_has(const struct indexes *x, int64_t index)
{
	size_t low = 0, high = x->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (x->ranges[mid].last < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->count && x->ranges[low].first <= index;
}

size_t indexes_missing(const struct indexes *x, int64_t limit, int64_t *out, size_t max)
{
	size_t n = 0;
	int64_t at = 0;
	for (size_t i = 0; i <= x->count && n < max; i++) {
		int64_t until = i < x->count && x->ranges[i].first < limit ? x->ranges[i].first
									     : limit;
		while (at < until && n < max)
			out[n++] = at++;
		if (i < x->count)
			at = x->ranges[i].last + 1;
	}
	return n;
}

const char *indexes_text(struct arena *a, const struct indexes *x)
{
	struct buf b = {0};
	for (size_t i = 0; i < x->count; i++) {
		const struct index_range *r = &x->ranges[i];
		buf_printf(&b, "%s%lld", i ? "," : "", (long long)r->first);
		if (r->last > r->first)
			buf_printf(&b, "%c%lld", r->last > r->first + 1 ? '-' : ',',
				   (long long)r->last);
	}
	char *text = arena_ndup(a, b.len ? (const char *)b.data : "", b.len);
	buf_fini(&b);
	return text;
}
