/* What a cluster's config may say, as tables: keys, kinds of actors, names of
 * controllers. A new controller is a row in two of them, a new key one row.
 * Constant; any thread. */
#ifndef TOOLS_CONFIG_KEYS_H
#define TOOLS_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum config_key_type {
	KEY_TEXT,
	KEY_INT,
	KEY_BYTES,
	KEY_BOOL,
	KEY_LIST,
	KEY_MAP,
	KEY_TIME,    /* 250ms, 10s, 5m, 1h; min and max in microseconds */
	KEY_RATE,    /* 5/30s: so many in that time */
	KEY_BACKOFF, /* 100ms..30s: from, to */
	KEY_LABELS,  /* {disk: ssd}: of a node */
	KEY_QUANTITY, /* 500m, 8Gi: Kubernetes' own */
	KEY_ADDRESS, /* IPV4:PORT */
	KEY_NODE,    /* a node's name */
	KEY_IPS,     /* addresses with commas between */
};

/* Of times, which are microseconds. */
#define MS INT64_C(1000)
#define SECONDS (1000 * MS)
#define HOURS (3600 * SECONDS)

enum { CONFIG_KEYS_MAX = 256 };

struct config_key {
	const char *place; /* "", "store", "cells[]", "cells[].actors[]", or "actor KIND" */
	const char *name;
	enum config_key_type type;
	int64_t min, max; /* of numbers */
	const char *values; /* of text: "a|b", NULL any */
	const char *fallback;
	const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;
/* Kinds of actors, and those of `kind: controllers` in the order of their start. */
extern const char *const config_kinds[], *const config_controller_kinds[];
extern const size_t config_kind_count, config_controller_count;

#endif
