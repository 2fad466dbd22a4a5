#include "actors/runtime/fence.h"

#include <stdio.h>

void fence_take(struct ctx *c, struct fence *f, const char *name, uint64_t tag)
{
	static const uint8_t empty_map[] = {0x80};
	struct bytes *value = bytes_copy(empty_map, sizeof empty_map);
	snprintf(f->key, sizeof f->key, "fences/%s", name);
	f->token = 0;
	struct store_op op = {.verb = STORE_PUT, .key = span_of(f->key), .value = value};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, tag);
	bytes_unref(value);
}

int fence_taken(struct fence *f, const struct store_outcome *o)
{
	if (o->status || !o->row_count)
		return ERR_IO;
	f->token = o->rows[0].mod_version;
	return 0;
}
