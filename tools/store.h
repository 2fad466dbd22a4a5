/* What the files of `troupe store` share. One thread. */
#ifndef TOOLS_STORE_H
#define TOOLS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/err.h"
#include "tools/client.h"

enum { STORE_ASK_MS = 5000, STORE_WORK_MS = 3600 * 1000 };

struct store_options {
	const char *data_dir, *file; /* file: the command's argument, or NULL */
	uint64_t revision;           /* --to; 0: the newest */
	bool json, body;
	char path[700]; /* the store's directory */
	struct client *client; /* NULL: the cluster does not run */
};

/* store_history.c; 0 or an error. */
int store_history(struct store_options *o, struct err *e);

#endif
