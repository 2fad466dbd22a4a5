/* Encoding and decoding of log records and checkpoint rows. Positional arrays
 * because every record is written by this file; a change of the layout is a
 * new format number in the journal's meta. Values are bin, never nested, so
 * that reading a header past them costs nothing. */
#include "store/local/record.h"

#include <assert.h>

#include "broker/base/mp.h"

enum { FLAG_SECRET = 1, FLAG_WAS_SECRET = 2 };
enum { RECORD_FIELDS = 6, ORIGIN_FIELDS = 7, CHANGE_FIELDS = 10, ROW_FIELDS = 6, LEASE_FIELDS = 2 };

static void write_origin(struct buf *b, const struct store_origin *o)
{
	mpw_array(b, ORIGIN_FIELDS);
	mpw_bin(b, (struct span){o->request, sizeof o->request});
	mpw_bin(b, o->principal);
	mpw_u64(b, o->trace_hi);
	mpw_u64(b, o->trace_lo);
	mpw_u64(b, o->span);
	mpw_u64(b, o->cause);
	mpw_i64(b, o->wall_us);
}

static void write_fence(struct buf *b, struct span key, uint64_t token)
{
	if (key.len == 0) {
		mpw_nil(b);
		return;
	}
	mpw_array(b, 2);
	mpw_bin(b, key);
	mpw_u64(b, token);
}

static void write_value(struct buf *b, const struct bytes *value)
{
	if (value)
		mpw_bin(b, bytes_span(value));
	else
		mpw_nil(b);
}

/* How many more fields a row has for its lease. */
static unsigned lease_fields(const struct row *r)
{
	return r->lease_len || r->ttl_ms ? LEASE_FIELDS : 0;
}

static void write_lease(struct buf *b, const struct row *r)
{
	if (!lease_fields(r))
		return;
	mpw_bin(b, row_lease(r));
	mpw_u64(b, r->ttl_ms);
}

static void write_change(struct buf *b, const struct change *ch, const struct record_head *h,
			 const uint64_t *prev)
{
	const struct row *row = ch->row, *was = ch->was;
	struct stream links[STORE_LINKS_MAX];
	unsigned n = commit_links(ch, links);
	bool copy_old = was && row_revision(was) <= h->floor && !h->lean;
	mpw_array(b, CHANGE_FIELDS + lease_fields(row));
	mpw_bin(b, row_key(row));
	write_value(b, row->value);
	mpw_u64(b, row->create);
	mpw_u64(b, row->changes);
	mpw_bin(b, row_part(row));
	mpw_u64(b, (row->secret ? FLAG_SECRET : 0) | (was && was->secret ? FLAG_WAS_SECRET : 0));
	mpw_u64(b, was ? was->mod : 0);
	mpw_bin(b, was ? row_part(was) : (struct span){0});
	write_value(b, copy_old ? was->value : NULL);
	mpw_array(b, n);
	for (unsigned i = 0; i < n; i++)
		mpw_u64(b, prev[i]);
	write_lease(b, row);
}

struct bytes *record_encode(const struct commit *c, const struct record_head *h)
{
	struct buf b = {0};
	buf_reserve(&b, c->bytes + 160 + h->fence_key.len);
	mpw_array(&b, RECORD_FIELDS);
	mpw_u64(&b, h->before);
	mpw_u64(&b, h->floor);
	mpw_bool(&b, h->compared);
	write_origin(&b, &c->origin);
	write_fence(&b, h->fence_key, h->fence_token);
	mpw_array(&b, c->count);
	for (unsigned i = 0; i < c->count; i++)
		write_change(&b, &c->changes[i], h, h->prev[i]);
	return bytes_take(&b);
}

/* True when an array of exactly `count` values is next. */
static bool array_of(struct mp *m, size_t count)
{
	size_t n;
	return mp_array(m, &n) == 0 && n == count;
}

/* A bin, or nil with *there false. */
static bool optional_bin(struct mp *m, struct span *out, bool *there)
{
	*there = mp_peek(m) != MP_NIL;
	*out = (struct span){0};
	return (*there ? mp_bin(m, out) : mp_nil(m)) == 0;
}

static bool read_origin(struct mp *m, struct store_origin *o)
{
	struct span request;
	if (!array_of(m, ORIGIN_FIELDS) || mp_bin(m, &request) ||
	    request.len != sizeof o->request || mp_bin(m, &o->principal))
		return false;
	memcpy(o->request, request.data, sizeof o->request);
	return !(mp_u64(m, &o->trace_hi) || mp_u64(m, &o->trace_lo) || mp_u64(m, &o->span) ||
		 mp_u64(m, &o->cause) || mp_i64(m, &o->wall_us));
}

static bool read_fence(struct mp *m, struct record *r)
{
	if (mp_peek(m) == MP_NIL)
		return mp_nil(m) == 0;
	return array_of(m, 2) && mp_bin(m, &r->fence_key) == 0 && mp_u64(m, &r->fence_token) == 0;
}

static bool read_links(struct mp *m, struct record_change *ch)
{
	struct stream links[STORE_LINKS_MAX];
	ch->links = stream_links(ch->key, ch->part, ch->was_mod ? &ch->was_part : NULL, links);
	if (!array_of(m, ch->links))
		return false;
	for (unsigned i = 0; i < ch->links; i++)
		if (mp_u64(m, &ch->prev[i]))
			return false;
	return true;
}

static bool key_fits(struct span key, struct span part)
{
	return key.len > 0 && key.len <= STORE_KEY_BYTES_MAX && part.len <= STORE_PART_BYTES_MAX;
}

/* An array of `fields` values, or of those and a lease, is next. */
static bool array_with_lease(struct mp *m, size_t fields, bool *leased)
{
	size_t n;
	if (mp_array(m, &n))
		return false;
	*leased = n == fields + LEASE_FIELDS;
	return n == fields || *leased;
}

static bool read_lease(struct mp *m, struct span *lease, uint32_t *ttl_ms)
{
	uint64_t ttl;
	if (mp_bin(m, lease) || mp_u64(m, &ttl) || ttl > UINT32_MAX)
		return false;
	*ttl_ms = (uint32_t)ttl;
	return lease->len <= STORE_KEY_BYTES_MAX;
}

static bool read_change(struct mp *m, struct record_change *ch)
{
	uint64_t flags;
	bool there, leased;
	memset(ch, 0, sizeof *ch);
	if (!array_with_lease(m, CHANGE_FIELDS, &leased) || mp_bin(m, &ch->key) ||
	    !optional_bin(m, &ch->value, &there) || mp_u64(m, &ch->create) ||
	    mp_u64(m, &ch->changes) || mp_bin(m, &ch->part) || mp_u64(m, &flags) ||
	    mp_u64(m, &ch->was_mod) || mp_bin(m, &ch->was_part) ||
	    !optional_bin(m, &ch->was_value, &ch->was_inline))
		return false;
	ch->deleted = !there;
	ch->secret = flags & FLAG_SECRET;
	ch->was_secret = flags & FLAG_WAS_SECRET;
	return key_fits(ch->key, ch->part) && key_fits(ch->key, ch->was_part) &&
	       read_links(m, ch) && (!leased || read_lease(m, &ch->lease, &ch->ttl_ms));
}

int record_decode(struct span data, struct record *out)
{
	struct mp m = mp_of(data);
	size_t count;
	out->fence_key = (struct span){0};
	out->fence_token = 0;
	if (!array_of(&m, RECORD_FIELDS) || mp_u64(&m, &out->before) ||
	    mp_u64(&m, &out->floor) || mp_bool(&m, &out->compared) ||
	    !read_origin(&m, &out->origin) || !read_fence(&m, out) || mp_array(&m, &count) ||
	    count > STORE_CHANGES_MAX)
		return ERR_CORRUPT;
	out->count = (unsigned)count;
	for (unsigned i = 0; i < out->count; i++)
		if (!read_change(&m, &out->changes[i]))
			return ERR_CORRUPT;
	return m.p == m.end ? 0 : ERR_CORRUPT;
}

struct bytes *record_row_encode(const struct row *r)
{
	assert(r->value);
	struct buf b = {0};
	buf_reserve(&b, row_bytes(r) + 64);
	mpw_array(&b, ROW_FIELDS + lease_fields(r));
	mpw_bin(&b, bytes_span(r->value));
	mpw_u64(&b, r->create);
	mpw_u64(&b, r->mod);
	mpw_u64(&b, r->changes);
	mpw_bin(&b, row_part(r));
	mpw_u64(&b, r->secret ? FLAG_SECRET : 0);
	write_lease(&b, r);
	return bytes_take(&b);
}

int record_row_decode(struct span key, struct span data, struct row **out)
{
	struct mp m = mp_of(data);
	struct store_row r = {.key = key};
	struct span value;
	uint64_t flags;
	bool leased;
	if (!array_with_lease(&m, ROW_FIELDS, &leased) || mp_bin(&m, &value) || mp_u64(&m, &r.create_version) ||
	    mp_u64(&m, &r.mod_version) || mp_u64(&m, &r.changes) || mp_bin(&m, &r.part) ||
	    mp_u64(&m, &flags) || (leased && !read_lease(&m, &r.lease, &r.ttl_ms)) ||
	    m.p != m.end || !key_fits(key, r.part))
		return ERR_CORRUPT;
	r.secret = flags & FLAG_SECRET;
	r.value = bytes_copy(value.data, value.len);
	*out = row_new(&r, false);
	bytes_unref(r.value);
	return 0;
}
