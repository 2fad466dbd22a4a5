/* What was asked of the API, how it ended and how long it took, by
 * Kubernetes' names. Series are made as requests come; there are at most
 * REQUEST_SERIES_MAX, and what would be one more is not counted. */
#ifndef API_REQUEST_METRICS_H
#define API_REQUEST_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/omap.h"

enum { REQUEST_SERIES_MAX = 4000 };

struct request_metrics {
	struct omap totals;    /* labels -> uint64_t */
	struct omap durations; /* labels -> struct histogram */
};

struct request_kind {
	const char *verb; /* "LIST" */
	const char *group, *version, *resource, *subresource, *scope;
	bool dry_run;
};

/* A request is over. `us` is not told of what lasts. */
void request_metrics_count(struct request_metrics *m, const struct request_kind *k, int code);
void request_metrics_time(struct request_metrics *m, const struct request_kind *k, uint64_t us);
/* Prometheus text, format 0.0.4. */
void request_metrics_text(struct buf *out, const struct request_metrics *m);
void request_metrics_fini(struct request_metrics *m);

#endif
