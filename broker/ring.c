/* The writer of a ring (see ring.h; the format is in ring_private.h). */
#include "broker/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/ring_private.h"

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

/* ---- names, the writer's side: a hash of chains over the slots, and a clock
 * hand that finds the next one to be used again. What a search walks over lies
 * together, so that it stays in the cache where there are thousands of names. */

struct name {
	uint32_t hash;
	uint16_t next; /* in its chain; 0: the last */
	bool used;     /* since the hand passed */
	uint8_t len;
};

struct name_text {
	uint64_t generation;
	char text[NAME_BYTES_MAX];
};

struct ring {
	struct ring_map map;
	uint64_t head, body_head;
	uint32_t slots_taken, hand;
	struct name names[NAME_SLOTS];
	struct name_text *texts;
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
	return (uint32_t)(r->texts[slot].generation << SLOT_BITS) | slot;
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
	struct name_text *t = &r->texts[slot];
	size_t len = r->names[slot].len;
	struct ring_slot *s = &r->map.slots[slot];
	uint64_t writing = (t->generation * 2 + 1) << 8;
	atomic_store_explicit(&s->stamp, writing, memory_order_relaxed);
	ring_words_put(s->text, t->text, len);
	t->generation++;
	atomic_store_explicit(&s->stamp, (t->generation * 2) << 8 | len, memory_order_release);
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
		if (n->hash == hash && n->len == name.len && !memcmp(r->texts[i].text, name.data, n->len)) {
			n->used = true;
			return name_number(r, i);
		}
	}
	uint32_t slot = take_slot(r);
	struct name *n = &r->names[slot];
	n->hash = hash;
	n->len = (uint8_t)name.len;
	n->used = true;
	memcpy(r->texts[slot].text, name.data, name.len);
	n->next = *chain; /* after take_slot, which may have changed the chain */
	*chain = (uint16_t)slot;
	show_name(r, slot);
	return name_number(r, slot);
}

/* ---- the writer */

static int map_new_file(struct ring_map *m, const struct ring_config *cfg, struct err *e)
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
	m->bytes = ring_file_bytes(cfg->records, cfg->body_bytes);
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
	struct ring_map m = {0};
	if (!ring_power_of_two(cfg->records) || !ring_power_of_two(cfg->body_bytes) || !cfg->incarnation)
		return err_set(e, ERR_INVALID, "a ring's sizes are powers of two");
	int rc = map_new_file(&m, cfg, e);
	if (rc)
		return rc;
	ring_map_parts(&m, cfg->records, cfg->body_bytes);
	struct ring *r = mem_alloc(sizeof *r);
	r->texts = mem_alloc(NAME_SLOTS * sizeof *r->texts);
	r->map = m;
	struct ring_header *h = m.header;
	h->format = FORMAT;
	h->record_bytes = sizeof(struct ring_record);
	h->records = cfg->records;
	h->body_bytes = cfg->body_bytes;
	h->incarnation = cfg->incarnation;
	h->boot = ring_boot();
	h->pid = getpid();
	snprintf(h->cell, sizeof h->cell, "%s", cfg->cell);
	r->body_head = BODY_UNIT; /* place 0 means none */
	h->body_head = r->body_head;
	atomic_store_explicit(&h->magic, RING_MAGIC, memory_order_release);
	*out = r;
	return 0;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	munmap(r->map.base, r->map.bytes);
	free(r->texts);
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
	uint64_t mark = (uint64_t)sequence << 32 | body.len;
	_Atomic uint64_t *to = r->map.bodies + at % room / 8;
	ring_words_put(to, &mark, 8);
	ring_words_put(to + 1, body.data, body.len);
	return (uint32_t)(at / BODY_UNIT);
}

void ring_write(struct ring *r, struct ring_record *record, struct span body)
{
	record->sequence = (uint32_t)r->head;
	record->body = put_body(r, record->sequence, body);
	_Atomic uint64_t *to =
		r->map.records + (r->head & (r->map.record_count - 1)) * RECORD_WORDS;
	ring_words_put(to, record, sizeof *record);
	atomic_store_explicit(&r->map.header->head, ++r->head, memory_order_release);
}

void ring_now(struct ring *r, uint32_t actor, uint16_t kind, unsigned attempt, uint64_t since_us)
{
	struct ring_header *h = r->map.header;
	uint64_t what = (uint64_t)attempt << 16 | kind;
	atomic_store_explicit(&h->now_what, what, memory_order_relaxed);
	atomic_store_explicit(&h->now_since_us, since_us, memory_order_relaxed);
	atomic_store_explicit(&h->now_actor, actor, memory_order_release);
}
