#include "actors/api/request_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/mem.h"

/* Kubernetes' buckets, in milliseconds. */
static const uint32_t buckets[] = {5,	 25,   50,   100,  200,	 400,  600,   800,
				   1000, 1250, 1500, 2000, 3000, 4000, 5000,  6000,
				   8000, 10000, 15000, 20000, 30000, 45000, 60000};
enum { BUCKETS = sizeof buckets / sizeof *buckets };

struct histogram {
	uint64_t counts[BUCKETS + 1]; /* the last one: longer than all */
	uint64_t sum_us, count;
};

static void put_labels(struct buf *b, const struct request_kind *k)
{
	const char *const parts[] = {
		"component=\"apiserver\",group=\"", k->group,	  "\",resource=\"", k->resource,
		"\",scope=\"",			   k->scope,	  "\",subresource=\"", k->subresource,
		"\",verb=\"",			   k->verb,	  "\",version=\"",	 k->version,
		"\"",
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) /* each request comes here */
		buf_puts(b, parts[i]);
}

/* The value of a series, made when it is new; NULL: there are enough. */
static void *series(struct omap *m, struct span labels, size_t bytes)
{
	void *v = omap_get(m, labels);
	if (v || m->count >= REQUEST_SERIES_MAX)
		return v;
	v = mem_alloc(bytes);
	omap_put(m, labels, v);
	return v;
}

void request_metrics_count(struct request_metrics *m, const struct request_kind *k, int code)
{
	struct buf b = {0};
	char digits[16];
	snprintf(digits, sizeof digits, "%d", code);
	buf_puts(&b, "code=\"");
	buf_puts(&b, digits);
	buf_puts(&b, k->dry_run ? "\",dry_run=\"All\"," : "\",dry_run=\"\",");
	put_labels(&b, k);
	uint64_t *n = series(&m->totals, span_buf(&b), sizeof *n);
	if (n)
		(*n)++;
	buf_fini(&b);
}

void request_metrics_time(struct request_metrics *m, const struct request_kind *k, uint64_t us)
{
	struct buf b = {0};
	size_t i = 0;
	put_labels(&b, k);
	struct histogram *h = series(&m->durations, span_buf(&b), sizeof *h);
	buf_fini(&b);
	if (!h)
		return;
	while (i < BUCKETS && us > buckets[i] * UINT64_C(1000))
		i++;
	h->counts[i]++;
	h->sum_us += us;
	h->count++;
}

/* ---- text */

static void put_histogram(struct buf *out, struct span labels, const struct histogram *h)
{
	static const char name[] = "apiserver_request_duration_seconds";
	uint64_t n = 0;
	for (size_t i = 0; i <= BUCKETS; i++) {
		n += h->counts[i];
		buf_printf(out, "%s_bucket{%.*s,le=\"", name, (int)labels.len,
			   (const char *)labels.data);
		if (i == BUCKETS)
			buf_puts(out, "+Inf");
		else
			buf_printf(out, "%u.%03u", buckets[i] / 1000, buckets[i] % 1000);
		buf_printf(out, "\"} %llu\n", (unsigned long long)n);
	}
	buf_printf(out, "%s_sum{%.*s} %llu.%06llu\n%s_count{%.*s} %llu\n", name, (int)labels.len,
		   (const char *)labels.data, (unsigned long long)(h->sum_us / 1000000),
		   (unsigned long long)(h->sum_us % 1000000), name, (int)labels.len,
		   (const char *)labels.data, (unsigned long long)h->count);
}

void request_metrics_text(struct buf *out, const struct request_metrics *m)
{
	buf_puts(out, "# HELP apiserver_request_total Requests that were answered, by what was "
		      "asked and the answer's code.\n# TYPE apiserver_request_total counter\n");
	for (struct onode *n = omap_first(&m->totals); n; n = omap_next(n))
		buf_printf(out, "apiserver_request_total{%.*s} %llu\n", (int)onode_key(n).len,
			   (const char *)onode_key(n).data,
			   (unsigned long long)*(const uint64_t *)n->value);
	buf_puts(out, "# HELP apiserver_request_duration_seconds From a request's arrival to its "
		      "answer.\n# TYPE apiserver_request_duration_seconds histogram\n");
	for (struct onode *n = omap_first(&m->durations); n; n = omap_next(n))
		put_histogram(out, onode_key(n), n->value);
}

void request_metrics_fini(struct request_metrics *m)
{
	omap_fini(&m->totals, free);
	omap_fini(&m->durations, free);
}
