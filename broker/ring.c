/* Rings (see ring.h). Both sides follow the same rule, a sequence lock over
 * the whole ring: the writer says in `head` (and `body_head`) how far it may
 * have written before it writes there; a reader copies first and looks at
 * the head afterwards, and what may have been overwritten meanwhile counts as
 * lost. Neither side ever waits. Everything shared is written in whole words
 * by relaxed atomic stores; the fences order them. */
#include "broker/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"

enum {
	HEADER_BYTES = 4096,
	NAME_SLOTS = 8192, /* slot 0 is no name */
	NAME_BYTES_MAX = 128,
	NAME_WORDS = NAME_BYTES_MAX / 8,
	SLOT_BITS = 13,
	RECORD_WORDS = sizeof(struct ring_record) / 8,
	BODY_UNIT = 8, /* a body begins at a multiple of it */
	FORMAT = 1,
};
_Static_assert(NAME_SLOTS == 1 << SLOT_BITS, "a name's number is slot and generation");

static const char magic[8] = "TRPRING";

/* Lines of their own: what readers write must not slow the writer. */
struct header {
	char magic[8];
	uint32_t format, record_bytes;
	uint32_t records, body_bytes;
	uint64_t incarnation;
	int64_t pid;
	char cell[NAME_BYTES_MAX + 8];
	_Alignas(64) _Atomic uint64_t head;      /* records written */
	_Atomic uint64_t body_head;              /* bytes written or about to be */
	_Atomic uint64_t now_actor, now_what, now_since_us;
	_Alignas(64) _Atomic uint64_t bodies_until_us; /* the readers' */
};
_Static_assert(sizeof(struct header) <= HEADER_BYTES, "one page");

struct slot {
	_Atomic uint64_t stamp; /* generation << 8 | length; generation odd: being written */
	_Atomic uint64_t text[NAME_WORDS];
};

struct map {
	uint8_t *base;
	size_t bytes;
	struct header *header;
	struct slot *slots;
	_Atomic uint64_t *records; /* RECORD_WORDS each */
	_Atomic uint64_t *bodies;
	uint32_t record_count, body_bytes;
};

static const struct {
	unsigned number;
	const char *word;
} events[] = {
#define RING_EVENT(name, number, word, help) {number, word},
	RING_EVENTS(RING_EVENT)
#undef RING_EVENT
};

const char *ring_event_name(unsigned event)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (events[i].number == event)
			return events[i].word;
	return "?";
}

unsigned ring_event_by_name(struct span word)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (span_is(word, events[i].word))
			return events[i].number;
	return 0;
}

/* ---- the file */

static size_t file_bytes(uint32_t records, uint32_t body_bytes)
{
	return HEADER_BYTES + NAME_SLOTS * sizeof(struct slot) +
	       records * sizeof(struct ring_record) + body_bytes;
}

static void map_parts(struct map *m, uint32_t records, uint32_t body_bytes)
{
	uint8_t *p = m->base + HEADER_BYTES;
	m->header = (void *)m->base;
	m->slots = (void *)p;
	p += NAME_SLOTS * sizeof(struct slot);
	m->records = (void *)p;
	m->bodies = (void *)(p + records * sizeof(struct ring_record));
	m->record_count = records;
	m->body_bytes = body_bytes;
}

static bool power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

static void words_put(_Atomic uint64_t *to, const void *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 8, to++) {
		uint64_t w = 0;
		memcpy(&w, (const uint8_t *)from + at, bytes - at < 8 ? bytes - at : 8);
		atomic_store_explicit(to, w, memory_order_relaxed);
	}
}

static void words_get(void *to, _Atomic uint64_t *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 8, from++) {
		uint64_t w = atomic_load_explicit(from, memory_order_relaxed);
		memcpy((uint8_t *)to + at, &w, bytes - at < 8 ? bytes - at : 8);
	}
}

/* ---- names, the writer's side: a hash of chains over the slots, and a clock
 * hand that finds the next one to be used again */

struct name {
	uint32_t hash;
	uint16_t next; /* in its chain; 0: the last */
	bool used;     /* since the hand passed */
	uint8_t len;
	uint64_t generation;
	char text[NAME_BYTES_MAX];
};

struct ring {
	struct map map;
	uint64_t head, body_head;
	uint32_t slots_taken, hand;
	struct name *names;
	uint16_t chains[NAME_SLOTS];
};

static uint32_t hash_of(struct span s)
{
	uint64_t h = s.len * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t at = 0; at < s.len; at += 8) {
		uint64_t w = 0;
		memcpy(&w, s.data + at, s.len - at < 8 ? s.len - at : 8);
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static uint32_t name_number(const struct ring *r, uint32_t slot)
{
	return (uint32_t)(r->names[slot].generation << SLOT_BITS) | slot;
}

static void chain_remove(struct ring *r, uint32_t slot)
{
	uint16_t *at = &r->chains[r->names[slot].hash % NAME_SLOTS];
	while (*at != slot)
		at = &r->names[*at].next;
	*at = r->names[slot].next;
}

static uint32_t take_slot(struct ring *r)
{
	if (r->slots_taken < NAME_SLOTS - 1)
		return ++r->slots_taken;
	for (;;) {
		r->hand = r->hand % (NAME_SLOTS - 1) + 1;
		if (!r->names[r->hand].used)
			break;
		r->names[r->hand].used = false;
	}
	chain_remove(r, r->hand);
	return r->hand;
}

static void show_name(struct ring *r, uint32_t slot)
{
	struct name *n = &r->names[slot];
	struct slot *s = &r->map.slots[slot];
	uint64_t writing = (n->generation * 2 + 1) << 8;
	atomic_store_explicit(&s->stamp, writing, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	words_put(s->text, n->text, n->len);
	n->generation++;
	atomic_store_explicit(&s->stamp, (n->generation * 2) << 8 | n->len, memory_order_release);
}

uint32_t ring_intern(struct ring *r, struct span name)
{
	if (!name.len)
		return 0;
	if (name.len > NAME_BYTES_MAX)
		name.len = NAME_BYTES_MAX;
	uint32_t hash = hash_of(name);
	uint16_t *chain = &r->chains[hash % NAME_SLOTS];
	for (uint32_t i = *chain; i; i = r->names[i].next) {
		struct name *n = &r->names[i];
		if (n->hash == hash && n->len == name.len && !memcmp(n->text, name.data, n->len)) {
			n->used = true;
			return name_number(r, i);
		}
	}
	uint32_t slot = take_slot(r);
	struct name *n = &r->names[slot];
	n->hash = hash;
	n->len = (uint8_t)name.len;
	n->used = true;
	memcpy(n->text, name.data, name.len);
	n->next = *chain; /* after take_slot, which may have changed the chain */
	*chain = (uint16_t)slot;
	show_name(r, slot);
	return name_number(r, slot);
}

/* ---- the writer */

static int map_new_file(struct map *m, const struct ring_config *cfg, struct err *e)
{
	char last[4200];
	size_t stem = strlen(cfg->path);
	if (stem > 5 && strcmp(cfg->path + stem - 5, ".ring") == 0)
		stem -= 5;
	snprintf(last, sizeof last, "%.*s.last", (int)stem, cfg->path);
	rename(cfg->path, last);
	int fd = open(cfg->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %m", cfg->path);
	m->bytes = file_bytes(cfg->records, cfg->body_bytes);
	errno = posix_fallocate(fd, 0, (off_t)m->bytes);
	void *p = errno ? MAP_FAILED
			: mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int rc = p == MAP_FAILED ? err_set(e, ERR_IO, "%s: %m", cfg->path) : 0;
	close(fd);
	if (rc)
		unlink(cfg->path);
	m->base = p;
	return rc;
}

int ring_open(struct ring **out, const struct ring_config *cfg, struct err *e)
{
	struct map m = {0};
	if (!power_of_two(cfg->records) || !power_of_two(cfg->body_bytes) || !cfg->incarnation)
		return err_set(e, ERR_INVALID, "a ring's sizes are powers of two");
	int rc = map_new_file(&m, cfg, e);
	if (rc)
		return rc;
	map_parts(&m, cfg->records, cfg->body_bytes);
	struct ring *r = mem_alloc(sizeof *r);
	r->names = mem_alloc(NAME_SLOTS * sizeof *r->names);
	r->map = m;
	struct header *h = m.header;
	h->format = FORMAT;
	h->record_bytes = sizeof(struct ring_record);
	h->records = cfg->records;
	h->body_bytes = cfg->body_bytes;
	h->incarnation = cfg->incarnation;
	h->pid = getpid();
	snprintf(h->cell, sizeof h->cell, "%s", cfg->cell);
	r->body_head = BODY_UNIT; /* place 0 means none */
	h->body_head = r->body_head;
	/* A reader that opens the file now must not take half a header for one. */
	atomic_thread_fence(memory_order_release);
	memcpy(h->magic, magic, sizeof magic);
	*out = r;
	return 0;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	munmap(r->map.base, r->map.bytes);
	free(r->names);
	free(r);
}

bool ring_wants_bodies(const struct ring *r, uint64_t now_us)
{
	return atomic_load_explicit(&r->map.header->bodies_until_us, memory_order_relaxed) > now_us;
}

/* A body is a word with its record's number and length, then its bytes; it is
 * never wrapped, the end of the room is skipped instead. */
static uint32_t put_body(struct ring *r, uint32_t sequence, struct span body)
{
	size_t need = 8 + (body.len + 7) / 8 * 8, room = r->map.body_bytes;
	if (!body.len || need > room / 4)
		return 0;
	uint64_t at = r->body_head;
	if (at % room + need > room)
		at += room - at % room;
	r->body_head = at + need;
	atomic_store_explicit(&r->map.header->body_head, r->body_head, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	uint64_t mark = (uint64_t)sequence << 32 | body.len;
	_Atomic uint64_t *to = r->map.bodies + at % room / 8;
	words_put(to, &mark, 8);
	words_put(to + 1, body.data, body.len);
	return (uint32_t)(at / BODY_UNIT);
}

void ring_write(struct ring *r, struct ring_record *record, struct span body)
{
	record->sequence = (uint32_t)r->head;
	record->body = put_body(r, record->sequence, body);
	_Atomic uint64_t *to =
		r->map.records + (r->head & (r->map.record_count - 1)) * RECORD_WORDS;
	atomic_thread_fence(memory_order_release); /* head was stored before this record's words */
	words_put(to, record, sizeof *record);
	atomic_store_explicit(&r->map.header->head, ++r->head, memory_order_release);
}

void ring_now(struct ring *r, uint32_t actor, uint16_t kind, unsigned attempt, uint64_t since_us)
{
	struct header *h = r->map.header;
	uint64_t what = (uint64_t)attempt << 16 | kind;
	atomic_store_explicit(&h->now_what, what, memory_order_relaxed);
	atomic_store_explicit(&h->now_since_us, since_us, memory_order_relaxed);
	atomic_store_explicit(&h->now_actor, actor, memory_order_release);
}

/* ---- readers */

struct ring_reader {
	struct map map;
	uint64_t next;
	char name[NAME_BYTES_MAX + 1];
};

static int check_header(const struct header *h, size_t bytes)
{
	if (bytes < HEADER_BYTES || memcmp(h->magic, magic, sizeof magic) != 0 ||
	    h->format != FORMAT || h->record_bytes != sizeof(struct ring_record))
		return ERR_CORRUPT;
	if (!power_of_two(h->records) || !power_of_two(h->body_bytes))
		return ERR_CORRUPT;
	return file_bytes(h->records, h->body_bytes) == bytes ? 0 : ERR_CORRUPT;
}

int ring_reader_open(struct ring_reader **out, const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %m", path);
	struct map m = {0};
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
	map_parts(&m, m.header->records, m.header->body_bytes);
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
		words_get(out, at, sizeof *out);
		atomic_thread_fence(memory_order_acquire);
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
	struct slot *s = &r->map.slots[name & (NAME_SLOTS - 1)];
	if (!name)
		return (struct span){0};
	uint64_t stamp = atomic_load_explicit(&s->stamp, memory_order_acquire);
	size_t len = stamp & 0xff;
	uint32_t generation = (uint32_t)(stamp >> 9);
	if (stamp >> 8 & 1 || len > NAME_BYTES_MAX ||
	    (uint32_t)(generation << SLOT_BITS) != (name & ~(uint32_t)(NAME_SLOTS - 1)))
		return unknown;
	words_get(r->name, s->text, len);
	atomic_thread_fence(memory_order_acquire);
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
	words_get(&mark, from, 8);
	size_t len = mark & UINT32_MAX, was = out->len;
	if (mark >> 32 != record->sequence || at % r->map.body_bytes + 8 + len > r->map.body_bytes)
		return false;
	buf_reserve(out, len);
	words_get(out->data + out->len, from + 1, len);
	out->len += len;
	atomic_thread_fence(memory_order_acquire);
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
	struct header *h = r->map.header;
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
