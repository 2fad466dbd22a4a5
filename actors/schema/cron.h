/* Cron's schedules: "0 9-17/2 * * mon-fri", "@daily", "@every 90m". Parsed into
 * sets of numbers, so that a controller can ask for the next time. Messages of
 * errors are those of the library that Kubernetes uses. No state; any thread. */
#ifndef SCHEMA_CRON_H
#define SCHEMA_CRON_H

#include <stdbool.h>
#include <stdint.h>

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

/* A name of a time zone as IANA's are formed ("Europe/Berlin"); whether there
 * is such a zone is for who has the database to say. */
bool cron_is_zone_name(struct span text);

#endif
