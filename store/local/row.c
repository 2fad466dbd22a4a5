/* Rows are made once and do not change: a transaction that is only
 * validated, one that is being synced and the shown state can then point at
 * the same row, and giving up a batch is dropping references. */
#include "store/local/row.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/mem.h"

struct row *row_new(const struct store_row *from, bool soft)
{
	assert(from->key.len <= STORE_KEY_BYTES_MAX && from->part.len <= STORE_PART_BYTES_MAX &&
	       from->lease.len <= STORE_KEY_BYTES_MAX);
	struct row *r = mem_alloc(sizeof *r + from->key.len + from->part.len + from->lease.len);
	r->refs = 1;
	r->key_len = (uint16_t)from->key.len;
	r->part_len = (uint8_t)from->part.len;
	r->lease_len = (uint16_t)from->lease.len;
	r->ttl_ms = from->ttl_ms;
	r->soft = soft;
	r->secret = from->secret;
	r->value = bytes_ref(from->value);
	r->create = from->create_version;
	r->mod = from->mod_version;
	r->changes = from->changes;
	memcpy(r->text, from->key.data, from->key.len);
	if (from->part.len)
		memcpy(r->text + from->key.len, from->part.data, from->part.len);
	if (from->lease.len)
		memcpy(r->text + from->key.len + from->part.len, from->lease.data,
		       from->lease.len);
	return r;
}

struct row *row_absent(struct span key)
{
	return row_new(&(struct store_row){.key = key}, false);
}

struct row *row_ref(struct row *r)
{
	if (r)
		r->refs++;
	return r;
}

void row_unref(struct row *r)
{
	if (!r || --r->refs)
		return;
	bytes_unref(r->value);
	free(r);
}

void row_share_value(struct row *r, struct bytes *value)
{
	if (!value)
		return;
	assert(r->value && bytes_span(r->value).len == bytes_span(value).len);
	bytes_unref(r->value);
	r->value = value;
}

struct span row_key(const struct row *r)
{
	return (struct span){r->text, r->key_len};
}

struct span row_part(const struct row *r)
{
	return (struct span){r->text + r->key_len, r->part_len};
}

struct span row_lease(const struct row *r)
{
	return (struct span){r->text + r->key_len + r->part_len, r->lease_len};
}

struct store_row row_view(const struct row *r)
{
	if (!r)
		return (struct store_row){0};
	return (struct store_row){
		.key = row_key(r),
		.value = r->value,
		.create_version = r->create,
		.mod_version = r->mod,
		.changes = r->changes,
		.part = row_part(r),
		.secret = r->secret,
		.lease = row_lease(r),
		.ttl_ms = r->ttl_ms,
	};
}

size_t row_bytes(const struct row *r)
{
	return sizeof *r + r->key_len + r->part_len + r->lease_len + bytes_span(r->value).len;
}
