/* The figures that cells and broker tell (cell.listing, broker.state) as
 * Prometheus text, format 0.0.4. No state; any thread. */
#ifndef RUNTIME_METRICS_H
#define RUNTIME_METRICS_H

#include "broker/base/mp.h"

struct metrics_page {
	const char *cell;
	struct mp listing; /* body of cell.listing */
};

/* Pages of one cell stand together. `broker`: body of broker.state. */
void metrics_text(struct buf *out, const struct metrics_page *pages, size_t count,
		  struct mp broker);

#endif
