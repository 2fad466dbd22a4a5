/* An array of blocks with room at the front. Of a block's streams it keeps a
 * 256-bit filter (Bloom, 1970, two hashes): an exact index by stream would
 * cost as much as the links that already lie in the records, and reading a
 * block in vain costs microseconds. */
#include "store/local/logindex.h"

#include <stdlib.h>

#include "broker/base/crc.h"
#include "broker/base/mem.h"

struct marks {
	uint64_t bits[4];
};

static void mark(struct marks *m, struct stream s)
{
	uint32_t h = crc32c(crc32c(0, s.kind), s.part);
	m->bits[h >> 6 & 3] |= 1ull << (h & 63);
	m->bits[h >> 14 & 3] |= 1ull << (h >> 8 & 63);
}

static struct log_block *block_new(struct log_index *x)
{
	if (x->tail == x->cap) {
		size_t used = x->tail - x->head;
		if (x->cap == 0 || x->head < used) {
			x->cap = x->cap ? 2 * x->cap : 64;
			x->blocks = mem_realloc(x->blocks, x->cap * sizeof *x->blocks);
		}
		if (x->head)
			memmove(x->blocks, x->blocks + x->head, used * sizeof *x->blocks);
		x->history -= x->head;
		x->head = 0;
		x->tail = used;
	}
	struct log_block *b = &x->blocks[x->tail++];
	memset(b, 0, sizeof *b);
	return b;
}

static void add(struct log_index *x, uint64_t revision, int64_t wall_us, uint64_t floor,
		size_t bytes, const struct marks *marks)
{
	struct log_block *b = x->tail > x->head ? &x->blocks[x->tail - 1] : NULL;
	/* A block behind the history is closed: it must not grow back into it. */
	if (!b || b->count == LOG_BLOCK_RECORDS || x->history == x->tail) {
		b = block_new(x);
		b->first = revision;
		b->floor = floor;
	}
	b->last = revision;
	b->wall_us = wall_us;
	b->bytes += bytes;
	b->count++;
	for (int i = 0; i < 4; i++)
		b->streams[i] |= marks->bits[i];
	x->history_count++;
	x->history_bytes += bytes;
}

void log_index_add(struct log_index *x, const struct commit *c, uint64_t floor, size_t bytes)
{
	struct marks marks = {0};
	for (unsigned i = 0; i < c->count; i++) {
		struct stream links[STORE_LINKS_MAX];
		unsigned n = commit_links(&c->changes[i], links);
		for (unsigned k = 0; k < n; k++)
			mark(&marks, links[k]);
	}
	add(x, c->revision, c->origin.wall_us, floor, bytes, &marks);
}

void log_index_load(struct log_index *x, uint64_t revision, const struct record *r, size_t bytes)
{
	struct marks marks = {0};
	for (unsigned i = 0; i < r->count; i++) {
		const struct record_change *ch = &r->changes[i];
		struct stream links[STORE_LINKS_MAX];
		unsigned n = stream_links(ch->key, ch->part, ch->was_mod ? &ch->was_part : NULL,
					  links);
		for (unsigned k = 0; k < n; k++)
			mark(&marks, links[k]);
	}
	add(x, revision, r->origin.wall_us, r->floor, bytes, &marks);
}

static void forget_block(struct log_index *x)
{
	const struct log_block *b = &x->blocks[x->history++];
	x->history_count -= b->count;
	x->history_bytes -= b->bytes;
}

void log_index_set_history(struct log_index *x, uint64_t compacted)
{
	while (x->history < x->tail && x->blocks[x->history].last <= compacted)
		forget_block(x);
}

/* A time far off in either direction: a clock that was wrong for a while
 * must not keep its records for ever. */
static bool is_old(const struct log_block *b, int64_t now_us, int64_t keep_us)
{
	int64_t age = now_us - b->wall_us;
	return age > keep_us || age < -keep_us;
}

uint64_t log_index_compact(struct log_index *x, uint64_t compacted, const struct log_keep *keep,
			   int64_t now_us, bool tight, size_t blocks)
{
	while (blocks-- && x->history < x->tail) {
		const struct log_block *b = &x->blocks[x->history];
		if (x->history_count - b->count < keep->count_min)
			break;
		if (!tight && x->history_bytes <= keep->bytes && !is_old(b, now_us, keep->us))
			break;
		compacted = b->last;
		forget_block(x);
	}
	return compacted;
}

static uint64_t trim_limit(const struct log_index *x, uint64_t checkpoint_base, bool tight)
{
	if (x->history == x->tail || tight)
		return checkpoint_base;
	uint64_t floor = x->blocks[x->history].floor;
	return floor < checkpoint_base ? floor : checkpoint_base;
}

bool log_index_can_trim(const struct log_index *x, uint64_t checkpoint_base, bool tight)
{
	return x->head < x->history &&
	       x->blocks[x->head].last <= trim_limit(x, checkpoint_base, tight);
}

uint64_t log_index_trim(struct log_index *x, uint64_t checkpoint_base, bool tight, size_t blocks)
{
	uint64_t to = 0;
	while (blocks-- && log_index_can_trim(x, checkpoint_base, tight))
		to = x->blocks[x->head++].last;
	return to;
}

const struct log_block *log_index_find(const struct log_index *x, uint64_t after, struct stream s)
{
	size_t low = x->history, high = x->tail; /* the first block with last > after */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->blocks[mid].last > after)
			high = mid;
		else
			low = mid + 1;
	}
	struct marks want = {0};
	if (s.kind.len)
		mark(&want, s);
	for (; low < x->tail; low++) {
		const struct log_block *b = &x->blocks[low];
		bool all = true;
		for (int i = 0; i < 4; i++)
			all &= (b->streams[i] & want.bits[i]) == want.bits[i];
		if (all)
			return b;
	}
	return NULL;
}

void log_index_fini(struct log_index *x)
{
	free(x->blocks);
	memset(x, 0, sizeof *x);
}
