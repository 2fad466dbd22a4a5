/* Bits that flip on the disk: a store opened from such a file shows what it
 * always showed (the bit was in no use), or says that it is damaged; never
 * anything else. LMDB's own pages have no checksums, so that some damage ends
 * the process that reads it: each file is opened in a child.
 * FLIPS=100000 build/tests/unit/store/damage does so many (1500). */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/base/crc.h"
#include "store/local/check.h"
#include "tests/lib/store_rig.h"

/* Where in a page LMDB has a meta page's number; see lmdb_meta.c for the bit. */
enum { PAGE = 4096, META_NUMBER_AT = 144, BLIND_BIT = 1 };
enum verdict { SAME, DETECTED, DIED, WRONG, VERDICTS };

static long flips_wanted(void)
{
	const char *n = getenv("FLIPS");
	return n ? strtol(n, NULL, 10) : 1500;
}

struct print {
	uint32_t crc;
	uint64_t after;
};

static void add_row(struct print *p, const struct store_row *r)
{
	p->crc = crc32c(p->crc, r->key);
	p->crc = crc32c(p->crc, bytes_span(r->value));
	p->crc = crc32c(p->crc, (struct span){(const uint8_t *)&r->mod_version, 8});
	p->crc = crc32c(p->crc, (struct span){(const uint8_t *)&r->create_version, 8});
}

static int print_row(void *arg, const struct store_row *r)
{
	add_row(arg, r);
	return 0;
}

static int print_event(void *arg, const struct store_event *e)
{
	struct print *p = arg;
	add_row(p, &e->row);
	add_row(p, &e->was);
	p->after = e->row.mod_version;
	return 0;
}

/* Of all that the store shows. */
static int print_of(const char *path, uint32_t *crc)
{
	struct journal_lmdb_options o = {.dir = path, .read_only = true};
	struct store_client nobody = {0};
	struct store_head head;
	struct print p = {0};
	uint64_t heads[3];
	struct journal *j;
	struct store *s;
	bool more = true;
	int rc = journal_lmdb_open(&j, &o, NULL);
	if (!rc)
		rc = store_local_open(&s, &j, &nobody, NULL);
	if (rc)
		return rc;
	store_head(s, &head);
	memcpy(heads, (uint64_t[]){head.revision, head.compacted, head.epoch}, sizeof heads);
	p.crc = crc32c(0, (struct span){(const uint8_t *)heads, sizeof heads});
	rc = store_range(s, span_of(""), span_of(""), 0, print_row, &p, &more);
	p.after = store_version(head.compacted + 1, 0) - 1;
	for (more = true; !rc && more;)
		rc = store_events(s, span_of(""), p.after, 0, print_event, &p, &more);
	store_close(s);
	*crc = p.crc;
	return rc;
}

static enum verdict verdict_of(const char *path, uint32_t want)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
		uint32_t crc;
		for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
			signal(deadly[i], SIG_DFL); /* Criterion's would report them */
		if (!freopen("/dev/null", "w", stderr))
			_exit(9);
		alarm(20);
		int rc = print_of(path, &crc);
		_exit(rc ? DETECTED : crc == want ? SAME : WRONG);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? (enum verdict)WEXITSTATUS(status) : DIED;
}

static void fill(struct rig *r)
{
	char key[40], value[400];
	r->limits.checkpoint_bytes = 30000;
	r->limits.keep = (struct log_keep){.us = 0, .bytes = 100000, .count_min = 200};
	rig_open(r);
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof key, "pods/namespace/%03d", i * 7 % 190);
		snprintf(value, sizeof value, "%d %0*d", i, i % 300 + 1, 0);
		if (i % 9 == 8)
			run(r, TXN(OPS(del(key), put_part("jobs/j", value, "n1"))));
		else
			run(r, TXN(OPS(put_part(key, value, i % 2 ? "n1" : "n2"))));
	}
	rig_close(r);
}

static void flip_one(int fd, off_t at, unsigned bit)
{
	uint8_t byte;
	need(pread(fd, &byte, 1, at) == 1);
	byte ^= (uint8_t)(1u << bit);
	need(pwrite(fd, &byte, 1, at) == 1);
}

/* The file without what it has grown ahead. */
static off_t used_bytes(const char *path)
{
	uint8_t page[PAGE];
	off_t used = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (off_t at = 0; pread(fd, page, PAGE, at) == PAGE; at += PAGE)
		for (int i = 0; i < PAGE; i++)
			if (page[i]) {
				used = at + PAGE;
				break;
			}
	close(fd);
	return used;
}

Test(store_damage, no_flipped_bit_is_taken_for_data)
{
	struct rig r;
	char path[128];
	uint32_t want;
	long count[VERDICTS] = {0}, flips = flips_wanted();
	uint64_t chance = 0x5eed;
	rig_init(&r, true);
	fill(&r);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	need(print_of(path, &want) == 0);
	off_t pages = used_bytes(path) / PAGE;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	for (long i = 0; i < flips; i++) {
		chance = chance * 6364136223846793005u + 1442695040888963407u;
		off_t page = i % pages;
		/* heads of pages, where LMDB's own numbers stand, every other time */
		off_t at = page * PAGE + (off_t)(chance >> 33) % (i & 1 ? 96 : PAGE);
		unsigned bit = (chance >> 30) & 7;
		if (page < 2 && i & 1)
			at = page * PAGE + (off_t)(chance >> 33) % 152;
		if (page < 2 && at % PAGE == META_NUMBER_AT && bit == BLIND_BIT)
			bit = 0;
		flip_one(fd, at, bit);
		enum verdict v = verdict_of(path, want);
		count[v]++;
		if (v == WRONG)
			fprintf(stderr, "page %ld byte %ld bit %u shows something else\n",
				(long)page, (long)(at % PAGE), bit);
		flip_one(fd, at, bit);
	}
	close(fd);
	fprintf(stderr, "%ld flips in %ld pages: %ld harmless, %ld detected, %ld ended the reader, "
			"%ld wrong\n", flips, (long)pages, count[SAME], count[DETECTED], count[DIED],
		count[WRONG]);
	need(count[WRONG] == 0 && count[DETECTED] > flips / 10);
	uint32_t again;
	need(print_of(path, &again) == 0 && again == want, "it is as it was");
	rig_open(&r);
	rig_fini(&r);
}

/* store_check names what is bad, in words. */
Test(store_damage, check_names_the_first_bad_record)
{
	struct rig r;
	char path[128];
	struct store_checked found;
	struct err e = {0};
	rig_init(&r, true);
	rig_open(&r);
	for (int i = 0; i < 20; i++) {
		char key[32];
		snprintf(key, sizeof key, "pods/%d", i);
		must_put(&r, key, i == 11 ? "value-to-be-damaged" : "value");
	}
	rig_close(&r);
	need(store_check(r.dir, &found, &e) == 0, "%s", e.text);
	need(found.records == 20 && found.events == 20 && found.rows == 20);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t end = used_bytes(path);
	char *all = mem_alloc((size_t)end);
	need(pread(fd, all, (size_t)end, 0) == end);
	for (char *p = all; (p = memmem(p, (size_t)(all + end - p), "to-be-damaged", 13)); p++)
		flip_one(fd, p - all, 3);
	close(fd);
	free(all);
	need(store_check(r.dir, &found, &e) == ERR_CORRUPT);
	need(strstr(e.text, "record 12") && strstr(e.text, r.dir), "%s", e.text);
	rig_fini(&r);
}
