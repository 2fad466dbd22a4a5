/* Cron's schedules: "0 9-17/2 * * mon-fri", "@daily", "@every 90m". Parsed into
 * sets of numbers, so that a controller can ask for the next time. Messages of
 * errors are those of the library that Kubernetes uses. No state; any thread. */
#ifndef SCHEMA_CRON_H
#define SCHEMA_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/schema/zones.h"
#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct cron {
	/* Bit n: the number n is one of them. */
	uint64_t minutes, hours, days, months, weekdays;
	/* "*" was said: with both restricted a day fits that fits either. */
	bool any_day, any_weekday;
	int64_t every_s; /* > 0: this and nothing else */
};

/* ERR_INVALID in the words of Go's robfig/cron. */
int cron_parse(struct span text, struct cron *out, struct err *e);

#define CRON_NEVER INT64_MIN

/* The first time after `after_s` at which it is due, in seconds since 1970, by
 * the clocks of a zone (NULL: UTC); CRON_NEVER: not within five years. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s);
/* The last such time that is after `after_s` and not after `until_s`;
 * CRON_NEVER: there is none. What is due every so often is due so long after
 * `after_s`. */
int64_t cron_last(const struct cron *c, const struct zone *z, int64_t after_s, int64_t until_s);

#endif
