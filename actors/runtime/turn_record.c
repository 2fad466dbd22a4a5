#include "actors/runtime/turn_record.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"

enum { MAGIC = 0x54524e32 };

struct suspect {
	uint64_t actor; /* hash of its name; 0: a free place */
	struct msg_id id;
	uint32_t crashes;
};

/* The note travels word by word: the watchdog may look while the loop writes
 * the next one, and then throws away what it got. */
union packed_note {
	struct turn_note note;
	uint64_t words[(sizeof(struct turn_note) + 7) / 8];
};
#define NOTE_WORDS (sizeof(union packed_note) / 8)

struct turn_record {
	uint32_t magic;
	uint32_t next; /* place of the next new suspect */
	uint32_t known; /* suspects there are: 0 makes every look-up nothing */
	/* Odd while a turn runs; the note changes only while it is even. */
	_Atomic uint64_t turn;
	_Atomic uint64_t note[NOTE_WORDS];
	struct suspect suspects[TURN_RECORD_SUSPECTS];
	bool mapped;
};

/* ---- life */

struct turn_record *turn_record_new(void)
{
	struct turn_record *r = mem_alloc(sizeof *r);
	r->magic = MAGIC;
	return r;
}

int turn_record_open(struct turn_record **out, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st = {0};
	if (fd < 0 || fstat(fd, &st) || (st.st_size != sizeof **out && ftruncate(fd, sizeof **out))) {
		int rc = err_set(e, ERR_IO, "%s: %m", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	struct turn_record *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (r == MAP_FAILED)
		return err_set(e, ERR_IO, "%s: %m", path);
	/* Another version's, or a new one: nothing in it means anything. */
	if (r->magic != MAGIC || st.st_size != sizeof *r)
		memset(r, 0, sizeof *r);
	r->magic = MAGIC;
	r->mapped = true;
	*out = r;
	return 0;
}

void turn_record_close(struct turn_record *r)
{
	if (r && r->mapped)
		munmap(r, sizeof *r);
	else
		free(r);
}

/* ---- suspects */

/* FNV-1a; never 0. */
static uint64_t hash_of(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
	return h ? h : 1;
}

static struct suspect *suspect_of(const struct turn_record *r, const char *actor, struct msg_id id)
{
	if (!r->known || (!id.incarnation && !id.number))
		return NULL;
	uint64_t h = hash_of(actor);
	for (size_t i = 0; i < TURN_RECORD_SUSPECTS; i++) {
		const struct suspect *s = &r->suspects[i];
		if (s->actor == h && s->id.incarnation == id.incarnation &&
		    s->id.number == id.number)
			return (struct suspect *)(uintptr_t)s;
	}
	return NULL;
}

void turn_record_crashed(struct turn_record *r, const char *actor, struct msg_id id)
{
	if (!id.incarnation && !id.number)
		return;
	struct suspect *s = suspect_of(r, actor, id);
	if (!s) {
		s = &r->suspects[r->next % TURN_RECORD_SUSPECTS];
		r->next++;
		r->known += !s->actor;
		*s = (struct suspect){hash_of(actor), id, 0};
	}
	s->crashes++;
}

void turn_record_forgive(struct turn_record *r, const char *actor, struct msg_id id)
{
	struct suspect *s = suspect_of(r, actor, id);
	if (!s)
		return;
	memset(s, 0, sizeof *s);
	r->known--;
}

unsigned turn_record_crashes(const struct turn_record *r, const char *actor, struct msg_id id)
{
	const struct suspect *s = suspect_of(r, actor, id);
	return s ? s->crashes : 0;
}

/* ---- turns */

/* Where a member of the note begins, in words. */
#define WORD_OF(member) (offsetof(struct turn_note, member) / 8)
_Static_assert(offsetof(struct turn_note, message) % 8 == 0, "texts begin with a word");
_Static_assert(offsetof(struct turn_note, id) % 8 == 0, "and end with one");

static void put_word(struct turn_record *r, size_t at, uint64_t word)
{
	atomic_store_explicit(&r->note[at], word, memory_order_relaxed);
}

/* The text and its end; what an older one left behind that stays. */
static void put_text(struct turn_record *r, size_t at, const char *text, size_t max)
{
	size_t n = strnlen(text, max);
	for (size_t i = 0; i <= n; i += 8) {
		uint64_t word = 0;
		memcpy(&word, text + i, n - i < 8 ? n - i : 8);
		put_word(r, at + i / 8, word);
	}
}

void turn_record_begin(struct turn_record *r, const char *actor, const char *message,
		       struct msg_id id, unsigned attempt, uint64_t now_us)
{
	uint64_t turn = atomic_load_explicit(&r->turn, memory_order_relaxed) | 1;
	atomic_thread_fence(memory_order_release);
	put_text(r, WORD_OF(actor), actor, TURN_RECORD_NAME_MAX);
	put_text(r, WORD_OF(message), message, TURN_RECORD_KIND_MAX);
	put_word(r, WORD_OF(id), id.incarnation);
	put_word(r, WORD_OF(id) + 1, id.number);
	put_word(r, WORD_OF(attempt), attempt);
	put_word(r, WORD_OF(turn), turn);
	put_word(r, WORD_OF(begun_us), now_us);
	atomic_store_explicit(&r->turn, turn, memory_order_release);
}

void turn_record_end(struct turn_record *r)
{
	uint64_t turn = atomic_load_explicit(&r->turn, memory_order_relaxed);
	atomic_store_explicit(&r->turn, (turn | 1) + 1, memory_order_release);
}

bool turn_record_running(const struct turn_record *r, struct turn_note *out)
{
	union packed_note p;
	uint64_t turn = atomic_load_explicit(&r->turn, memory_order_acquire);
	if (!(turn & 1))
		return false;
	for (size_t i = 0; i < NOTE_WORDS; i++)
		p.words[i] = atomic_load_explicit(&r->note[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&r->turn, memory_order_relaxed) != turn)
		return false;
	*out = p.note;
	return true;
}

bool turn_record_interrupted(struct turn_record *r, struct turn_note *out)
{
	if (!turn_record_running(r, out))
		return false;
	/* What a former process wrote may be torn. */
	out->actor[TURN_RECORD_NAME_MAX] = 0;
	out->message[TURN_RECORD_KIND_MAX] = 0;
	turn_record_crashed(r, out->actor, out->id);
	turn_record_end(r);
	return true;
}
