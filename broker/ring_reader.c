/* A reader of a ring (see ring.h; the format is in ring_private.h). It maps
 * the whole file and may write to the header alone, where readers say that
 * they want bodies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/ring.h"
#include "broker/ring_private.h"

struct ring_reader {
	struct ring_map map;
	uint64_t next;
	char name[NAME_BYTES_MAX + 1];
};

static int check_header(const struct ring_header *h, size_t bytes)
{
	if (bytes < HEADER_BYTES || atomic_load_explicit(&h->magic, memory_order_acquire) != RING_MAGIC ||
	    h->format != FORMAT || h->record_bytes != sizeof(struct ring_record))
		return ERR_CORRUPT;
	if (!ring_power_of_two(h->records) || !ring_power_of_two(h->body_bytes))
		return ERR_CORRUPT;
	return ring_file_bytes(h->records, h->body_bytes) == bytes ? 0 : ERR_CORRUPT;
}

int ring_reader_open(struct ring_reader **out, const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %m", path);
	struct ring_map m = {0};
	if (fstat(fd, &st) == 0 && st.st_size >= HEADER_BYTES) {
		m.bytes = (size_t)st.st_size;
		m.base = mmap(NULL, m.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	close(fd);
	if (!m.base || m.base == MAP_FAILED)
		return err_set(e, ERR_CORRUPT, "%s is not a ring", path);
	m.header = (void *)m.base;
	if (check_header(m.header, m.bytes)) {
		munmap(m.base, m.bytes);
		return err_set(e, ERR_CORRUPT, "%s is not a ring of this format", path);
	}
	if (m.header->boot != ring_boot()) {
		munmap(m.base, m.bytes);
		return err_set(e, ERR_STALE, "%s is from before the machine was started", path);
	}
	ring_map_parts(&m, m.header->records, m.header->body_bytes);
	/* All but the header is for looking only. */
	mprotect(m.base + HEADER_BYTES, m.bytes - HEADER_BYTES, PROT_READ);
	struct ring_reader *r = mem_alloc(sizeof *r);
	r->map = m;
	r->next = atomic_load_explicit(&m.header->head, memory_order_acquire);
	*out = r;
	return 0;
}

void ring_reader_close(struct ring_reader *r)
{
	if (!r)
		return;
	munmap(r->map.base, r->map.bytes);
	free(r);
}

/* The record that the writer is at is not to be read: so one less. */
static uint64_t oldest(const struct ring_reader *r, uint64_t head)
{
	return head < r->map.record_count ? 0 : head - r->map.record_count + 1;
}

void ring_reader_rewind(struct ring_reader *r)
{
	r->next = oldest(r, atomic_load_explicit(&r->map.header->head, memory_order_acquire));
}

const char *ring_reader_cell(const struct ring_reader *r)
{
	return r->map.header->cell;
}

uint64_t ring_reader_incarnation(const struct ring_reader *r)
{
	return r->map.header->incarnation;
}

int ring_reader_pid(const struct ring_reader *r)
{
	return (int)r->map.header->pid;
}

enum ring_read ring_reader_next(struct ring_reader *r, struct ring_record *out, uint64_t *number,
				uint64_t *from)
{
	uint64_t head = atomic_load_explicit(&r->map.header->head, memory_order_acquire);
	uint64_t first = oldest(r, head);
	if (r->next >= head)
		return RING_NOTHING;
	if (r->next >= first) {
		_Atomic uint64_t *at = r->map.records +
				       (r->next & (r->map.record_count - 1)) * RECORD_WORDS;
		ring_words_get(out, at, sizeof *out);
			first = oldest(r, atomic_load_explicit(&r->map.header->head, memory_order_relaxed));
		if (r->next >= first && out->sequence == (uint32_t)r->next) {
			*number = r->next++;
			return RING_RECORD;
		}
	}
	*from = r->next;
	r->next = r->next < first ? first : r->next + 1;
	*number = r->next - 1;
	return RING_GAP;
}

struct span ring_reader_name(struct ring_reader *r, uint32_t name)
{
	static const struct span unknown = {(const uint8_t *)"?", 1};
	struct ring_slot *s = &r->map.slots[name & (NAME_SLOTS - 1)];
	if (!name)
		return (struct span){0};
	uint64_t stamp = atomic_load_explicit(&s->stamp, memory_order_acquire);
	size_t len = stamp & 0xff;
	uint32_t generation = (uint32_t)(stamp >> 9);
	if (stamp >> 8 & 1 || len > NAME_BYTES_MAX ||
	    (uint32_t)(generation << SLOT_BITS) != (name & ~(uint32_t)(NAME_SLOTS - 1)))
		return unknown;
	ring_words_get(r->name, s->text, len);
	if (atomic_load_explicit(&s->stamp, memory_order_relaxed) != stamp)
		return unknown;
	return (struct span){(uint8_t *)r->name, len};
}

/* The place in the record is cut to 32 bits: it is the last such place behind
 * the present head. */
static uint64_t body_place(uint64_t head, uint32_t place)
{
	uint64_t at = (head / BODY_UNIT & ~(uint64_t)UINT32_MAX) | place;
	if (at >= head / BODY_UNIT && at > UINT32_MAX)
		at -= (uint64_t)1 << 32;
	return at * BODY_UNIT;
}

static bool body_there(const struct ring_reader *r, uint64_t at)
{
	uint64_t head = atomic_load_explicit(&r->map.header->body_head, memory_order_relaxed);
	return at < head && head - at <= r->map.body_bytes;
}

bool ring_reader_body(struct ring_reader *r, const struct ring_record *record, struct buf *out)
{
	uint64_t head = atomic_load_explicit(&r->map.header->body_head, memory_order_acquire);
	uint64_t at = body_place(head, record->body), mark = 0;
	if (!record->body || !body_there(r, at))
		return false;
	_Atomic uint64_t *from = r->map.bodies + at % r->map.body_bytes / 8;
	ring_words_get(&mark, from, 8);
	size_t len = mark & UINT32_MAX, was = out->len;
	if (mark >> 32 != record->sequence || at % r->map.body_bytes + 8 + len > r->map.body_bytes)
		return false;
	buf_reserve(out, len);
	ring_words_get(out->data + out->len, from + 1, len);
	out->len += len;
	if (body_there(r, at))
		return true;
	out->len = was;
	return false;
}

void ring_reader_want_bodies(struct ring_reader *r, uint64_t until_us)
{
	_Atomic uint64_t *is = &r->map.header->bodies_until_us;
	uint64_t was = atomic_load_explicit(is, memory_order_relaxed);
	/* Another reader may want them for longer. */
	while (was < until_us && !atomic_compare_exchange_weak(is, &was, until_us))
		;
}

bool ring_reader_now(struct ring_reader *r, struct ring_doing *out)
{
	struct ring_header *h = r->map.header;
	uint32_t actor = (uint32_t)atomic_load_explicit(&h->now_actor, memory_order_acquire);
	uint64_t what = atomic_load_explicit(&h->now_what, memory_order_relaxed);
	struct span name = ring_reader_name(r, actor);
	if (!actor)
		return false;
	snprintf(out->actor, sizeof out->actor, "%.*s", (int)name.len, (const char *)name.data);
	out->kind = (uint16_t)what;
	out->attempt = (unsigned)(what >> 16);
	out->since_us = atomic_load_explicit(&h->now_since_us, memory_order_relaxed);
	return true;
}
