/* The ring's format, and the rule that both sides follow: a sequence lock over
 * the whole ring. The writer says in `head` (and `body_head`) how far it may
 * have written before it writes there; a reader copies first and looks at the
 * head afterwards, and what may have been overwritten meanwhile counts as lost.
 * Neither side ever waits. Everything shared is written in whole words, each
 * with release and read with acquire: so no word is seen before the head that
 * announced it, and the head that a reader looks at afterwards is no older than
 * the words. (Fences would say the same, but the thread sanitizer knows none.)
 *
 * For ring.c (writer) and ring_reader.c. */
#ifndef BROKER_RING_PRIVATE_H
#define BROKER_RING_PRIVATE_H

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "broker/ring.h"

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

#define RING_MAGIC UINT64_C(0x31474e4952505254) /* "TRPRING1" */

/* Lines of their own: what readers write must not slow the writer. */
struct ring_header {
	_Atomic uint64_t magic; /* written last: the rest is there then */
	uint32_t format, record_bytes;
	uint32_t records, body_bytes;
	uint64_t incarnation;
	uint64_t boot; /* of the machine: another one had another clock */
	int64_t pid;
	char cell[NAME_BYTES_MAX + 8];
	_Alignas(64) _Atomic uint64_t head;      /* records written */
	_Atomic uint64_t body_head;              /* bytes written or about to be */
	_Atomic uint64_t now_actor, now_what, now_since_us;
	_Alignas(64) _Atomic uint64_t bodies_until_us; /* the readers' */
};
_Static_assert(sizeof(struct ring_header) <= HEADER_BYTES, "one page");

struct ring_slot {
	_Atomic uint64_t stamp; /* generation << 8 | length; generation odd: being written */
	_Atomic uint64_t text[NAME_WORDS];
};

struct ring_map {
	uint8_t *base;
	size_t bytes;
	struct ring_header *header;
	struct ring_slot *slots;
	_Atomic uint64_t *records; /* RECORD_WORDS each */
	_Atomic uint64_t *bodies;
	uint32_t record_count, body_bytes;
};

static inline size_t ring_file_bytes(uint32_t records, uint32_t body_bytes)
{
	return HEADER_BYTES + NAME_SLOTS * sizeof(struct ring_slot) +
	       records * sizeof(struct ring_record) + body_bytes;
}

static inline void ring_map_parts(struct ring_map *m, uint32_t records, uint32_t body_bytes)
{
	uint8_t *p = m->base + HEADER_BYTES;
	m->header = (void *)m->base;
	m->slots = (void *)p;
	p += NAME_SLOTS * sizeof(struct ring_slot);
	m->records = (void *)p;
	m->bodies = (void *)(p + records * sizeof(struct ring_record));
	m->record_count = records;
	m->body_bytes = body_bytes;
}

static inline bool ring_power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

/* The machine's boot id, folded. */
static inline uint64_t ring_boot(void)
{
	uint64_t words[5] = {0}, fold = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	(void)!read(fd, words, sizeof words);
	close(fd);
	for (int i = 0; i < 5; i++)
		fold = fold * UINT64_C(0x9e3779b97f4a7c15) + words[i];
	return fold;
}

static inline void ring_words_put(_Atomic uint64_t *to, const void *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 8, to++) {
		uint64_t w = 0;
		memcpy(&w, (const uint8_t *)from + at, bytes - at < 8 ? bytes - at : 8);
		atomic_store_explicit(to, w, memory_order_release);
	}
}

static inline void ring_words_get(void *to, _Atomic uint64_t *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 8, from++) {
		uint64_t w = atomic_load_explicit(from, memory_order_acquire);
		memcpy((uint8_t *)to + at, &w, bytes - at < 8 ? bytes - at : 8);
	}
}

#endif
