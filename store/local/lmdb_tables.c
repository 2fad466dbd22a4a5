/* Rows in and out of LMDB. Records are written with MDB_APPEND: the fastest
 * insert, full pages, and an error should a revision ever not rise; and with
 * MDB_RESERVE, so that their bytes are copied once, into the page. */
#include "store/local/lmdb_tables.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/base/crc.h"
#include "broker/base/mem.h"

enum { CRC_BYTES = 4, META_FIELDS = 5, META_FIELDS_OLDEST = 4, META_BYTES = CRC_BYTES + META_FIELDS * 8, REVISION_BYTES = 8 };
enum { KEY_MAX = 511, PLAIN_MAX = 510, BUCKET_MARK = 1, ENTRY_HEAD = 6 };

int lmdb_error(struct err *e, int rc, const char *step, const char *dir)
{
	int code = rc == MDB_MAP_FULL ? ERR_FULL
		   : rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID
			   ? ERR_CORRUPT
			   : ERR_IO;
	return err_set(e, code, "%s: %s (%s)", step, mdb_strerror(rc), dir);
}

static void put_be(uint8_t *to, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		to[i] = (uint8_t)v;
}

static uint64_t get_be(const uint8_t *from, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | from[i];
	return v;
}

static void put_crc(uint8_t *to, uint32_t crc)
{
	for (int i = 0; i < CRC_BYTES; i++)
		to[i] = (uint8_t)(crc >> 8 * i);
}

static struct span span_val(const MDB_val *v)
{
	return (struct span){v->mv_data, v->mv_size};
}

/* Puts the checksum before the payload that stands behind it in `v`. */
static void seal(const MDB_val *key, const MDB_val *v)
{
	uint8_t *at = v->mv_data;
	struct span payload = {at + CRC_BYTES, v->mv_size - CRC_BYTES};
	put_crc(at, crc32c(crc32c(0, span_val(key)), payload));
}

/* The payload, or ERR_CORRUPT. */
static int unseal(const MDB_val *key, const MDB_val *v, struct span *payload)
{
	const uint8_t *at = v->mv_data;
	uint8_t want[CRC_BYTES];
	if (v->mv_size < CRC_BYTES)
		return ERR_CORRUPT;
	*payload = (struct span){at + CRC_BYTES, v->mv_size - CRC_BYTES};
	put_crc(want, crc32c(crc32c(0, span_val(key)), *payload));
	return memcmp(want, at, CRC_BYTES) ? ERR_CORRUPT : 0;
}

static MDB_val val_text(const char *text)
{
	return (MDB_val){strlen(text), (void *)text};
}

/* ---- meta */

int lmdb_meta_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_meta *m)
{
	uint8_t row[META_BYTES];
	const uint64_t fields[META_FIELDS] = {m->epoch, m->reserved, m->compacted,
					      m->checkpoint_base, m->restored};
	for (int i = 0; i < META_FIELDS; i++)
		put_be(row + CRC_BYTES + 8 * i, fields[i], 8);
	MDB_val key = val_text("meta"), v = {sizeof row, row};
	seal(&key, &v);
	return mdb_put(txn, t->meta, &key, &v, 0);
}

static int meta_get(MDB_txn *txn, const struct lmdb_tables *t, struct journal_meta *m)
{
	MDB_val key = val_text("meta"), v;
	struct span at;
	uint64_t *const fields[META_FIELDS] = {&m->epoch, &m->reserved, &m->compacted,
					       &m->checkpoint_base, &m->restored};
	*m = (struct journal_meta){0};
	if (mdb_get(txn, t->meta, &key, &v) || v.mv_size > META_BYTES || unseal(&key, &v, &at) ||
	    at.len % 8 || at.len < META_FIELDS_OLDEST * 8)
		return ERR_CORRUPT;
	for (size_t i = 0; i < at.len / 8; i++)
		*fields[i] = get_be(at.data + 8 * i, 8);
	return 0;
}

static int tables_make(MDB_txn *txn, struct lmdb_tables *t, uint64_t epoch)
{
	MDB_val key = val_text("format"), v = val_text(LMDB_FORMAT);
	struct journal_meta fresh = {.epoch = epoch};
	int rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &t->meta);
	if (!rc)
		rc = mdb_dbi_open(txn, "object", MDB_CREATE, &t->object);
	if (!rc)
		rc = mdb_dbi_open(txn, "log", MDB_CREATE, &t->log);
	if (!rc)
		rc = mdb_put(txn, t->meta, &key, &v, 0);
	return rc ? rc : lmdb_meta_put(txn, t, &fresh);
}

static bool is_empty(MDB_txn *txn)
{
	MDB_dbi root;
	MDB_stat st = {.ms_entries = 1};
	return mdb_dbi_open(txn, NULL, 0, &root) == 0 && mdb_stat(txn, root, &st) == 0 &&
	       st.ms_entries == 0;
}

/* From the oldest that is still read. */
static const char *const formats[] = {"troupe-journal-1", LMDB_FORMAT};
enum { FORMATS = sizeof formats / sizeof *formats };

static int format_of(struct span text)
{
	int i = FORMATS - 1;
	while (i >= 0 && !span_is(text, formats[i]))
		i--;
	return i;
}

int lmdb_tables_open(MDB_txn *txn, struct lmdb_tables *t, uint64_t new_epoch,
		     struct journal_meta *meta, struct err *e)
{
	MDB_val key = val_text("format"), v = {0}, now = val_text(LMDB_FORMAT);
	int rc = is_empty(txn) ? tables_make(txn, t, new_epoch) : 0;
	if (rc)
		return lmdb_error(e, rc, "make tables", "new");
	rc = lmdb_tables_open_read(txn, t, meta, e);
	if (rc || mdb_get(txn, t->meta, &key, &v) || span_is(span_val(&v), LMDB_FORMAT))
		return rc;
	rc = mdb_put(txn, t->meta, &key, &now, 0);
	if (!rc)
		rc = lmdb_meta_put(txn, t, meta);
	return rc ? lmdb_error(e, rc, "write the format", "upgrade") : 0;
}

int lmdb_tables_open_read(MDB_txn *txn, struct lmdb_tables *t, struct journal_meta *meta,
			  struct err *e)
{
	MDB_val key = val_text("format"), v = {0};
	if (mdb_dbi_open(txn, "meta", 0, &t->meta) || mdb_get(txn, t->meta, &key, &v))
		return err_set(e, ERR_UNSUPPORTED, "not a journal of ours");
	if (format_of(span_val(&v)) < 0)
		return err_set(e, ERR_UNSUPPORTED,
			       "its format is %.*s, this version knows %s to " LMDB_FORMAT,
			       (int)(v.mv_size < 40 ? v.mv_size : 40), (const char *)v.mv_data,
			       formats[0]);
	if (mdb_dbi_open(txn, "object", 0, &t->object) || mdb_dbi_open(txn, "log", 0, &t->log))
		return err_set(e, ERR_CORRUPT, "a table is missing");
	if (meta_get(txn, t, meta))
		return err_set(e, ERR_CORRUPT, "the meta row fails its checksum");
	return 0;
}

/* ---- log */

int lmdb_record_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_record *r)
{
	uint8_t revision[REVISION_BYTES];
	put_be(revision, r->revision, REVISION_BYTES);
	struct span data = bytes_span(r->data);
	MDB_val key = {sizeof revision, revision}, v = {CRC_BYTES + data.len, NULL};
	int rc = mdb_put(txn, t->log, &key, &v, MDB_APPEND | MDB_RESERVE);
	if (rc)
		return rc;
	memcpy((uint8_t *)v.mv_data + CRC_BYTES, data.data, data.len);
	seal(&key, &v);
	return 0;
}

int lmdb_log_trim(MDB_txn *txn, const struct lmdb_tables *t, uint64_t to, size_t limit)
{
	MDB_cursor *c;
	MDB_val key, v;
	int rc = mdb_cursor_open(txn, t->log, &c);
	if (rc)
		return rc;
	/* After a deletion the cursor stands on the next row already. */
	for (rc = mdb_cursor_get(c, &key, &v, MDB_FIRST); rc == 0 && limit; limit--) {
		if (key.mv_size != REVISION_BYTES || get_be(key.mv_data, REVISION_BYTES) > to)
			break;
		rc = mdb_cursor_del(c, 0);
		if (rc == 0)
			rc = mdb_cursor_get(c, &key, &v, MDB_FIRST);
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int lmdb_each_record(MDB_txn *txn, const struct lmdb_tables *t, uint64_t from, size_t limit,
		     int (*record)(void *, uint64_t revision, struct span data), void *arg,
		     struct lmdb_walk *w)
{
	uint8_t start[REVISION_BYTES];
	put_be(start, from, REVISION_BYTES);
	MDB_cursor *c;
	MDB_val key = {sizeof start, start}, v;
	if (mdb_cursor_open(txn, t->log, &c))
		return ERR_IO;
	int rc = mdb_cursor_get(c, &key, &v, MDB_SET_RANGE), said = 0;
	for (; rc == 0 && !said && limit; limit--) {
		struct span data;
		w->revision = key.mv_size == REVISION_BYTES ? get_be(key.mv_data, 8) : 0;
		said = unseal(&key, &v, &data);
		if (!said)
			said = record(arg, w->revision, data);
		if (!said)
			rc = mdb_cursor_get(c, &key, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
	return said ? said : rc && rc != MDB_NOTFOUND ? ERR_IO : 0;
}

static bool has_count(MDB_txn *txn, MDB_dbi table, size_t rows)
{
	MDB_stat st;
	return mdb_stat(txn, table, &st) == 0 && st.ms_entries == rows;
}

int lmdb_log_count(MDB_txn *txn, const struct lmdb_tables *t)
{
	MDB_cursor *c;
	MDB_val key;
	size_t rows = 0;
	uint64_t before = 0;
	bool rising = true;
	if (mdb_cursor_open(txn, t->log, &c))
		return ERR_IO;
	while (rising && mdb_cursor_get(c, &key, NULL, MDB_NEXT) == 0) {
		uint64_t revision = key.mv_size == REVISION_BYTES ? get_be(key.mv_data, 8) : 0;
		rising = revision > before;
		before = revision;
		rows++;
	}
	mdb_cursor_close(c);
	return rising && has_count(txn, t->log, rows) ? 0 : ERR_CORRUPT;
}

/* ---- objects */

/* One entry of a bucket; *p moves behind it. */
static bool next_entry(struct span *p, struct span *key, struct span *row)
{
	if (p->len < ENTRY_HEAD)
		return false;
	size_t key_len = get_be(p->data, 2), row_len = get_be(p->data + 2, 4);
	if (p->len - ENTRY_HEAD < key_len || p->len - ENTRY_HEAD - key_len < row_len)
		return false;
	*key = (struct span){p->data + ENTRY_HEAD, key_len};
	*row = (struct span){key->data + key_len, row_len};
	size_t whole = ENTRY_HEAD + key_len + row_len;
	*p = (struct span){p->data + whole, p->len - whole};
	return true;
}

static void add_entry(struct buf *b, struct span key, struct span row)
{
	uint8_t head[ENTRY_HEAD];
	put_be(head, key.len, 2);
	put_be(head + 2, row.len, 4);
	buf_append(b, head, sizeof head);
	buf_append(b, key.data, key.len);
	buf_append(b, row.data, row.len);
}

static int del(MDB_txn *txn, MDB_dbi table, MDB_val *key)
{
	int rc = mdb_del(txn, table, key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Writes the bucket anew without `o`'s key, and with `o` unless it is removed. */
static int bucket_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_object *o)
{
	uint8_t name[KEY_MAX];
	memcpy(name, o->key.data, PLAIN_MAX);
	name[PLAIN_MAX] = BUCKET_MARK;
	MDB_val key = {sizeof name, name}, v;
	struct span at, k, row;
	struct buf b = {0};
	buf_append(&b, "\0\0\0\0", CRC_BYTES);
	int rc = mdb_get(txn, t->object, &key, &v);
	if (rc == 0 && unseal(&key, &v, &at) == 0)
		while (next_entry(&at, &k, &row))
			if (!span_eq(k, o->key))
				add_entry(&b, k, row);
	if (o->row)
		add_entry(&b, o->key, bytes_span(o->row));
	v = (MDB_val){b.len, b.data};
	if (rc && rc != MDB_NOTFOUND) {
		buf_fini(&b);
		return rc;
	}
	seal(&key, &v);
	rc = b.len > CRC_BYTES ? mdb_put(txn, t->object, &key, &v, 0) : del(txn, t->object, &key);
	buf_fini(&b);
	return rc;
}

int lmdb_object_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_object *o)
{
	if (o->key.len > PLAIN_MAX)
		return bucket_put(txn, t, o);
	MDB_val key = {o->key.len, (void *)o->key.data};
	if (!o->row)
		return del(txn, t->object, &key);
	struct span row = bytes_span(o->row);
	MDB_val v = {CRC_BYTES + row.len, NULL};
	int rc = mdb_put(txn, t->object, &key, &v, MDB_RESERVE);
	if (rc)
		return rc;
	memcpy((uint8_t *)v.mv_data + CRC_BYTES, row.data, row.len);
	seal(&key, &v);
	return 0;
}

static int each_in_bucket(struct span at, int (*object)(void *, struct span key, struct span row),
			  void *arg)
{
	struct span key, row;
	while (at.len) {
		int rc = next_entry(&at, &key, &row) ? object(arg, key, row) : ERR_CORRUPT;
		if (rc)
			return rc;
	}
	return 0;
}

int lmdb_each_object(MDB_txn *txn, const struct lmdb_tables *t,
		     int (*object)(void *, struct span key, struct span row), void *arg,
		     struct lmdb_walk *w)
{
	MDB_cursor *c;
	MDB_val key, v;
	if (mdb_cursor_open(txn, t->object, &c))
		return ERR_IO;
	size_t rows = 0;
	int rc = mdb_cursor_get(c, &key, &v, MDB_FIRST), said = 0;
	while (rc == 0 && !said) {
		struct span row;
		rows++;
		w->key = span_val(&key);
		said = unseal(&key, &v, &row);
		if (!said)
			said = key.mv_size > PLAIN_MAX ? each_in_bucket(row, object, arg)
						       : object(arg, w->key, row);
		if (!said)
			rc = mdb_cursor_get(c, &key, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
	if (said)
		return said;
	if (rc != MDB_NOTFOUND)
		return ERR_IO;
	return has_count(txn, t->object, rows) ? 0 : ERR_CORRUPT;
}
