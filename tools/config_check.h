/* Whether a config's tree is what the tables allow; what is not is refused with
 * its file, line and near match. And values as the struct wants them.
 * Private to the config. */
#ifndef TOOLS_CONFIG_CHECK_H
#define TOOLS_CONFIG_CHECK_H

#include "tools/config.h"
#include "tools/config_keys.h"

struct config_reader {
	struct config *c;
	const char *file;
	struct err *e;
};

/* "FILE:LINE:COLUMN: ..." into e; ERR_INVALID. */
int config_refuse(struct config_reader *p, const struct doc *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Every key of `map` is in the table of this place, or of `also`, and so is its value.
 * Quantities that YAML takes for numbers are texts afterwards. */
int config_check_map(struct config_reader *p, struct doc *map, const char *place,
		     const char *also);
const struct config_key *config_find_key(const char *place, struct span name); /* NULL: none */

/* False: it is none. Times in microseconds. */
bool config_read_bytes(struct span text, int64_t *out); /* "8GiB", "64MB", "4096" */
bool config_read_whole_time(struct span text, int64_t *us);
bool config_read_rate(struct span text, int64_t *count, int64_t *us);	 /* "5/30s" */
bool config_read_backoff(struct span text, int64_t *from, int64_t *to); /* "100ms..30s" */

#endif
