/* The journal in memory: what tests and the simulator run on. A disk is an
 * object of its own, so that a journal can be cut off in the middle of a
 * batch and opened again on what had arrived.
 *
 * Records are checksummed like the real ones; a simulated disk may damage
 * them. The epoch is the same in every run: a history must not depend on it. */
#include "store/local/journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/crc.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { MEMORY_EPOCH = 1 };

struct disk_record {
	uint64_t revision;
	uint32_t crc;
	struct bytes *data;
};

/* What is on it. */
struct disk_content {
	struct journal_meta meta;
	struct omap objects; /* key -> struct bytes */
	struct disk_record *records;
	size_t first, count, cap; /* records[first .. first + count) */
};

struct journal_disk {
	struct disk_content now;
	struct disk_content *really; /* of one that lies: what was there when it began */
	bool full;
	struct journal_disk_touched touched;
	void (*watch)(void *arg, uint64_t revision, struct span data);
	void *watch_arg;
};

struct memory {
	struct journal journal;
	struct journal_disk *disk;
	const struct journal_batch *batch; /* in flight */
	bool held, cut, full;
	bool owns; /* the disk, which goes with it */
	size_t allowed; /* batches, although held */
	char fail[160]; /* why the next batch fails; empty: it does not */
};

static struct memory *memory_of(struct journal *j)
{
	return (struct memory *)j; /* its first member */
}

struct journal_disk *journal_disk_new(void)
{
	struct journal_disk *d = mem_alloc(sizeof *d);
	d->now.meta.epoch = MEMORY_EPOCH;
	return d;
}

void journal_disk_watch(struct journal_disk *d,
			void (*record)(void *arg, uint64_t revision, struct span data), void *arg)
{
	d->watch = record;
	d->watch_arg = arg;
}

static void drop_bytes(void *b)
{
	bytes_unref(b);
}

static void content_fini(struct disk_content *k)
{
	for (size_t i = 0; i < k->count; i++)
		bytes_unref(k->records[k->first + i].data);
	free(k->records);
	omap_fini(&k->objects, drop_bytes);
}

static void content_copy(struct disk_content *to, const struct disk_content *from)
{
	*to = (struct disk_content){.meta = from->meta, .count = from->count, .cap = from->count};
	to->records = mem_alloc((from->count + 1) * sizeof *to->records);
	for (size_t i = 0; i < from->count; i++) {
		to->records[i] = from->records[from->first + i];
		bytes_ref(to->records[i].data);
	}
	for (struct onode *n = omap_first(&from->objects); n; n = omap_next(n))
		omap_put(&to->objects, onode_key(n), bytes_ref(n->value));
}

static uint64_t newest(const struct disk_content *k)
{
	return k->count ? k->records[k->first + k->count - 1].revision : 0;
}

void journal_disk_set_lying(struct journal_disk *d, bool lying)
{
	if (lying == (d->really != NULL))
		return;
	if (lying) {
		d->really = mem_alloc(sizeof *d->really);
		content_copy(d->really, &d->now);
		return;
	}
	content_fini(d->really);
	free(d->really);
	d->really = NULL;
}

bool journal_disk_lose(struct journal_disk *d, uint64_t *kept)
{
	if (!d->really || newest(d->really) == newest(&d->now))
		return false;
	content_fini(&d->now);
	content_copy(&d->now, d->really);
	*kept = newest(&d->now);
	return true;
}

void journal_disk_set_full(struct journal_disk *d, bool full)
{
	d->full = full;
}

const struct journal_disk_touched *journal_disk_touched(const struct journal_disk *d)
{
	return &d->touched;
}

uint64_t journal_disk_revision(const struct journal_disk *d, uint64_t nth)
{
	return d->now.count ? d->now.records[d->now.first + nth % d->now.count].revision : 0;
}

void journal_disk_destroy(struct journal_disk *d)
{
	if (!d)
		return;
	journal_disk_set_lying(d, false);
	content_fini(&d->now);
	free(d);
}

static uint32_t record_crc(uint64_t revision, const struct bytes *data)
{
	uint32_t crc = crc32c(0, (struct span){(const uint8_t *)&revision, sizeof revision});
	return crc32c(crc, bytes_span(data));
}

static void disk_append(struct journal_disk *d, const struct journal_record *r)
{
	assert(d->now.count == 0 || d->now.records[d->now.first + d->now.count - 1].revision < r->revision);
	if (d->now.first + d->now.count == d->now.cap) {
		if (d->now.first < d->now.count || d->now.cap == 0) {
			d->now.cap = d->now.cap ? 2 * d->now.cap : 64;
			d->now.records = mem_realloc(d->now.records, d->now.cap * sizeof *d->now.records);
		}
		memmove(d->now.records, d->now.records + d->now.first, d->now.count * sizeof *d->now.records);
		d->now.first = 0;
	}
	d->now.records[d->now.first + d->now.count++] = (struct disk_record){
		r->revision, record_crc(r->revision, r->data), bytes_ref(r->data)};
	if (d->watch)
		d->watch(d->watch_arg, r->revision, bytes_span(r->data));
}

static void disk_trim(struct journal_disk *d, uint64_t to)
{
	while (d->now.count && d->now.records[d->now.first].revision <= to) {
		bytes_unref(d->now.records[d->now.first++].data);
		d->now.count--;
	}
}

static void disk_write(struct journal_disk *d, const struct journal_batch *b, size_t survives)
{
	for (size_t i = 0; i < survives && i < b->record_count; i++)
		disk_append(d, &b->records[i]);
	if (survives < b->record_count || survives == 0)
		return;
	for (size_t i = 0; i < b->object_count; i++) {
		const struct journal_object *o = &b->objects[i];
		bytes_unref(o->row ? omap_put(&d->now.objects, o->key, bytes_ref(o->row))
				   : omap_remove(&d->now.objects, o->key));
	}
	disk_trim(d, b->trim_to);
	d->now.meta = b->meta;
}

/* The position of the first record >= revision. */
static size_t disk_seek(const struct journal_disk *d, uint64_t revision)
{
	size_t low = d->now.first, high = d->now.first + d->now.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->now.records[mid].revision >= revision)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool journal_disk_damage(struct journal_disk *d, uint64_t revision)
{
	size_t i = disk_seek(d, revision);
	if (i == d->now.first + d->now.count || d->now.records[i].revision != revision)
		return false;
	struct span was = bytes_span(d->now.records[i].data);
	uint8_t *damaged = (uint8_t *)mem_ndup(was.data, was.len);
	damaged[was.len / 2] ^= 1;
	bytes_unref(d->now.records[i].data);
	d->now.records[i].data = bytes_copy(damaged, was.len);
	free(damaged);
	return true;
}

static bool is_whole(struct journal_disk *d, const struct disk_record *r)
{
	bool whole = r->crc == record_crc(r->revision, r->data);
	d->touched.damaged += !whole;
	return whole;
}

static int memory_load(struct journal *j, struct journal_meta *meta,
		       int (*object)(void *, struct span key, struct span row),
		       int (*record)(void *, uint64_t revision, struct span data), void *arg,
		       struct err *e)
{
	struct journal_disk *d = memory_of(j)->disk;
	*meta = d->now.meta;
	for (struct onode *n = omap_first(&d->now.objects); n; n = omap_next(n)) {
		struct span key = onode_key(n);
		int rc = object(arg, key, bytes_span(n->value));
		if (rc)
			return err_set(e, rc, "object %.*s: %s", (int)key.len,
				       (const char *)key.data, err_text(rc));
	}
	for (size_t i = disk_seek(d, d->now.meta.checkpoint_base + 1); i < d->now.first + d->now.count; i++) {
		const struct disk_record *r = &d->now.records[i];
		int rc = is_whole(d, r) ? record(arg, r->revision, bytes_span(r->data)) : ERR_CORRUPT;
		if (rc)
			return err_set(e, rc, "record %llu: %s", (unsigned long long)r->revision,
				       err_text(rc));
	}
	return 0;
}

static int memory_append(struct journal *j, const struct journal_batch *b)
{
	struct memory *m = memory_of(j);
	assert(!m->batch);
	m->batch = b;
	return m->cut ? ERR_IO : 0;
}

static int memory_reap(struct journal *j, struct err *e)
{
	struct memory *m = memory_of(j);
	if (m->cut)
		return err_set(e, ERR_IO, "commit: power cut");
	if (!m->batch || (m->held && m->allowed == 0))
		return ERR_AGAIN;
	m->allowed -= m->allowed > 0;
	if (m->fail[0]) {
		m->cut = true;
		return err_set(e, ERR_IO, "commit: %s", m->fail);
	}
	disk_write(m->disk, m->batch, SIZE_MAX);
	m->disk->touched.lies += m->disk->really != NULL;
	m->batch = NULL;
	return 0;
}

static int memory_fd(struct journal *j)
{
	(void)j;
	return -1;
}

static int memory_read(struct journal *j, uint64_t from, size_t limit,
		       int (*record)(void *, uint64_t revision, struct span data), void *arg)
{
	struct journal_disk *d = memory_of(j)->disk;
	size_t i = disk_seek(d, from);
	for (; limit && i < d->now.first + d->now.count; i++, limit--) {
		const struct disk_record *r = &d->now.records[i];
		if (!is_whole(d, r))
			return ERR_CORRUPT;
		int rc = record(arg, r->revision, bytes_span(r->data));
		if (rc)
			return rc;
	}
	return 0;
}

static bool memory_full(struct journal *j)
{
	const struct memory *m = memory_of(j);
	m->disk->touched.full += m->disk->full;
	return m->full || m->disk->full;
}

static int memory_backup(struct journal *j, const char *path, struct err *e)
{
	(void)j;
	return err_set(e, ERR_UNSUPPORTED, "%s: a journal in memory has no copies", path);
}

static int memory_backup_reap(struct journal *j, struct err *e)
{
	(void)j;
	(void)e;
	return 0;
}

static void memory_close(struct journal *j)
{
	struct memory *m = memory_of(j);
	if (m->batch && !m->cut && !m->fail[0])
		disk_write(m->disk, m->batch, SIZE_MAX);
	if (m->owns)
		journal_disk_destroy(m->disk);
	free(m);
}

static const struct journal_ops memory_ops = {
	.load = memory_load,
	.append = memory_append,
	.reap = memory_reap,
	.fd = memory_fd,
	.read = memory_read,
	.full = memory_full,
	.backup = memory_backup,
	.backup_reap = memory_backup_reap,
	.close = memory_close,
};

int journal_memory_open(struct journal **out, struct journal_disk *disk, struct err *e)
{
	(void)e;
	struct memory *m = mem_alloc(sizeof *m);
	m->journal.ops = &memory_ops;
	m->owns = !disk;
	m->disk = disk ? disk : journal_disk_new();
	*out = &m->journal;
	return 0;
}

void journal_memory_hold(struct journal *j, bool hold)
{
	memory_of(j)->held = hold;
}

void journal_memory_allow(struct journal *j, size_t batches)
{
	memory_of(j)->allowed = batches;
}

bool journal_memory_busy(struct journal *j)
{
	return memory_of(j)->batch != NULL;
}

size_t journal_memory_in_flight(struct journal *j)
{
	const struct memory *m = memory_of(j);
	return m->batch ? m->batch->record_count : 0;
}

void journal_memory_cut(struct journal *j, size_t survives)
{
	struct memory *m = memory_of(j);
	if (m->batch && !m->cut)
		disk_write(m->disk, m->batch, survives);
	m->batch = NULL;
	m->cut = true;
}

static struct journal_disk *disk_copy(const struct journal_disk *d)
{
	struct journal_disk *copy = journal_disk_new();
	content_copy(&copy->now, &d->now);
	return copy;
}

struct journal_disk *journal_memory_left(struct journal *j, size_t survives)
{
	const struct memory *m = memory_of(j);
	struct journal_disk *left = disk_copy(m->disk);
	if (m->batch)
		disk_write(left, m->batch, survives);
	return left;
}

void journal_memory_fail(struct journal *j, const char *text)
{
	snprintf(memory_of(j)->fail, sizeof memory_of(j)->fail, "%s", text);
}

void journal_memory_set_full(struct journal *j, bool full)
{
	memory_of(j)->full = full;
}
