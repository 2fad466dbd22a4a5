/* Time zones by the names of IANA's database ("Europe/Berlin"), as of the build:
 * a table, so that no file is read and a simulation has the same ones
 * everywhere. Right for the years 2000 to 2100. No state; any thread. */
#ifndef SCHEMA_ZONES_H
#define SCHEMA_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "broker/base/bytes.h"

struct zone_change {
	uint32_t at_s;	  /* since 1970 */
	int32_t offset_s; /* east of UTC, from then on */
};

struct zone {
	const char *name;
	int32_t first_s; /* its offset before the first change */
	uint32_t change; /* the first of its changes */
	uint32_t count;
};

/* Names are as they are written. NULL: there is none of that name. */
const struct zone *zone_find(struct span name);
/* Seconds east of UTC at that time (seconds since 1970). NULL is UTC. */
int32_t zone_offset_s(const struct zone *z, int64_t at_s);

/* Generated (zones.py); the names in order of their bytes. */
extern const struct zone zones[];
extern const size_t zone_count;
extern const struct zone_change zone_changes[];

#endif
