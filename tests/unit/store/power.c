/* Power cuts and failing disks, on real LMDB: what it hands to the kernel is
 * noted (disk_spy.h), and every file that a cut could leave is opened.
 *
 * Between two syncs the kernel may have written any of the pages, any sector
 * of one, or none; a page written with O_DSYNC may be torn. Each such file
 * must hold all that was acknowledged before the cut, transactions whole and
 * in order, and nothing else. COMMITS=10000 build/tests/unit/store/power does
 * it for so many (300). */
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "tests/lib/disk_spy.h"
#include "tests/lib/numbered.h"

enum { SECTOR = 512 };

static uint64_t chance(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* What a sync must achieve is judged from the notes. */
static void init_fast(struct rig *r)
{
	*r = (struct rig){.on_lmdb = true, .limits = local_limits_default};
	fast_dir(r->dir);
	numbered_limits(r);
	rig_open(r);
}

/* ---- images */

struct image {
	char path[80];
	int fd;
	size_t opened; /* how many were looked at */
	bool tolerant; /* wrong ones are counted, in a child each */
	size_t wrong;
	uint64_t chance;
	struct {
		off_t at;
		size_t len;
		unsigned char *old;
	} undo[4096];
	size_t undo_count;
	off_t size, size_before;
};

static void apply(struct image *im, off_t at, const unsigned char *data, size_t len, bool keep)
{
	if (!keep) {
		need(im->undo_count < 4096);
		unsigned char *old = calloc(1, len);
		need(pread(im->fd, old, len, at) >= 0);
		im->undo[im->undo_count].at = at;
		im->undo[im->undo_count].len = len;
		im->undo[im->undo_count++].old = old;
	}
	need(REAL(pwrite)(im->fd, data, len, at) == (ssize_t)len);
}

static void undo_all(struct image *im)
{
	while (im->undo_count) {
		im->undo_count--;
		need(REAL(pwrite)(im->fd, im->undo[im->undo_count].old,
				  im->undo[im->undo_count].len, im->undo[im->undo_count].at) >= 0);
		free(im->undo[im->undo_count].old);
	}
	need(REAL(ftruncate)(im->fd, im->size) == 0);
}

static int open_and_look(const struct image *im, unsigned acked, unsigned given, struct err *e)
{
	struct journal_lmdb_options o = {.dir = im->path, .read_only = true};
	struct store_client nobody = {0};
	struct journal *j;
	struct store *s;
	int rc = journal_lmdb_open(&j, &o, e);
	if (!rc)
		rc = store_local_open(&s, &j, &nobody, e);
	if (rc)
		return rc;
	rc = numbered_look(s, acked, given, e);
	store_close(s);
	return rc;
}

static void look(struct image *im, unsigned acked, unsigned given, const char *when)
{
	struct err e = {0};
	int status;
	im->opened++;
	if (!im->tolerant) {
		need(open_and_look(im, acked, given, &e) == 0, "%s, after %u: %s", when, acked,
		     e.text);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
		for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
			signal(deadly[i], SIG_DFL); /* Criterion's would report them */
	}
	if (child == 0)
		_exit(open_and_look(im, acked, given, NULL) != 0);
	waitpid(child, &status, 0);
	im->wrong += status != 0;
}

/* Of a page that may be torn: which sectors arrived. */
static void apply_torn(struct image *im, const struct spy_entry *e)
{
	for (size_t at = 0; at < e->len; at += SECTOR) {
		size_t len = e->len - at < SECTOR ? e->len - at : SECTOR;
		if (chance(&im->chance) & 1)
			apply(im, e->at + (off_t)at, e->data + at, len, false);
	}
}

static void apply_one(struct image *im, const struct spy_entry *e, bool keep)
{
	if (e->kind == SPY_GROW && keep)
		im->size = e->at;
	if (e->kind == SPY_GROW)
		need(REAL(ftruncate)(im->fd, e->at) == 0);
	else
		apply(im, e->at, e->data, e->len, keep);
}

enum subset { ALL_BUT, ONLY, FIRST, RANDOM, TORN, SUBSETS };

/* The pages since the last sync, [from, to): some of them arrived. */
static void cut_between(struct image *im, size_t from, size_t to, unsigned acked, unsigned given)
{
	static const char *const names[SUBSETS] = {"all but one", "one only", "the first ones",
						   "some", "some sectors"};
	for (enum subset how = 0; how < SUBSETS; how++) {
		size_t i = from + chance(&im->chance) % (to - from + 1);
		for (size_t k = from; k < to; k++) {
			const struct spy_entry *e = &spy.entries[k];
			bool some = chance(&im->chance) & 1;
			bool in = how == ALL_BUT ? k != i : how == ONLY ? k == i : how == FIRST ? k < i : some;
			if (e->kind != SPY_WRITE && e->kind != SPY_GROW)
				continue;
			if (how == TORN && e->kind == SPY_WRITE)
				apply_torn(im, e);
			else if (in)
				apply_one(im, e, false);
		}
		look(im, acked, given, names[how]);
		undo_all(im);
	}
}

/* A meta page that arrived up to a byte. */
static void cut_within(struct image *im, const struct spy_entry *e, size_t bytes, unsigned acked,
		       unsigned given)
{
	if (bytes)
		apply(im, e->at, e->data, bytes, false);
	look(im, acked, given, "a torn meta page");
	undo_all(im);
}

/* Goes through what was noted. What is durable stays in the image. */
static void replay(struct image *im, unsigned *acked, unsigned given, bool every_byte)
{
	size_t pending = 0; /* the first entry that is not durable yet */
	for (size_t i = 0; i < spy.count; i++) {
		const struct spy_entry *e = &spy.entries[i];
		if (e->kind == SPY_ACK)
			*acked = (unsigned)e->at;
		if (e->kind != SPY_SYNC && e->kind != SPY_DWRITE)
			continue;
		cut_between(im, pending, i, *acked, given);
		size_t step = every_byte ? 1 : 1 + chance(&im->chance) % (e->len + 1);
		for (size_t n = 0; e->kind == SPY_DWRITE && n < e->len; n += step)
			cut_within(im, e, n, *acked, given);
		for (size_t k = pending; k < i && e->kind == SPY_SYNC; k++)
			if (spy.entries[k].kind == SPY_WRITE || spy.entries[k].kind == SPY_GROW)
				apply_one(im, &spy.entries[k], true);
		if (e->kind == SPY_SYNC)
			pending = i + 1;
		else
			apply(im, e->at, e->data, e->len, true);
		look(im, *acked, given, "after a sync");
	}
	need(im->tolerant || pending + 64 > spy.count, "what is left is not synced");
}

static void make_image(struct image *im, const char *dir)
{
	char from[128];
	struct stat st;
	snprintf(from, sizeof from, "%s/data.mdb", dir);
	snprintf(im->path, sizeof im->path, "%s", "/dev/shm/troupe-image-XXXXXX");
	im->fd = mkstemp(im->path);
	if (im->fd < 0) {
		snprintf(im->path, sizeof im->path, "%s", "/tmp/troupe-image-XXXXXX");
		im->fd = mkstemp(im->path);
	}
	int in = open(from, O_RDONLY);
	need(im->fd >= 0 && in >= 0 && fstat(in, &st) == 0);
	off_t at = 0;
	while (at < st.st_size && sendfile(im->fd, in, &at, (size_t)(st.st_size - at)) > 0)
		;
	close(in);
	im->size = st.st_size;
	im->chance = 0x5eed;
}

/* Until no batch is in flight: a sweep goes on by itself. */
static void settle(struct rig *r)
{
	store_poll(r->store);
	while (((const struct local *)r->store)->in_flight)
		rig_step(r);
}

/* A store with something in it, and the image of its file. */
static void begin(struct rig *r, struct image *im)
{
	char path[128];
	init_fast(r);
	for (unsigned n = 1; n <= SLOTS; n++)
		wait_for(r, numbered_submit(r, n));
	settle(r);
	snprintf(path, sizeof path, "%s/data.mdb", r->dir);
	make_image(im, r->dir);
	spy_watch(path);
}

static void end(struct rig *r, struct image *im)
{
	spy.on = 0;
	spy_forget();
	unlink(im->path);
	close(im->fd);
	rig_fini(r);
}

Test(store_power, cut_anywhere_keeps_what_was_acknowledged)
{
	unsigned total = commits_wanted(), given = SLOTS, acked = SLOTS;
	struct image im = {0};
	struct rig r;
	begin(&r, &im);
	while (given < total) {
		spy_forget();
		for (unsigned n = 0; n < 100 && given < total; n++) {
			/* one alone, then a few at once: batches of several */
			unsigned together = given % 3 ? 1 : 4;
			uint64_t last = 0;
			while (together--)
				last = numbered_submit(&r, ++given);
			need(wait_for(&r, last)->status == 0);
			spy_note(SPY_ACK, given, NULL, 0);
			rig_forget(&r);
		}
		settle(&r);
		replay(&im, &acked, given, given < 400);
	}
	fprintf(stderr, "%u commits, %zu files that a power cut could leave\n", given, im.opened);
	need(im.opened > 5 * (total - SLOTS), "%zu", im.opened);
	end(&r, &im);
}

/* The first start of all, cut off: the next one must work, whatever is there. */
static void start_on_image(size_t upto, size_t synced, uint64_t *seed)
{
	struct rig r;
	char path[128];
	struct err e = {0};
	rig_init(&r, true);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (size_t k = 0; k < upto; k++) {
		const struct spy_entry *s = &spy.entries[k];
		bool in = k < synced || s->kind == SPY_DWRITE || (chance(seed) & 1);
		if (in && s->kind == SPY_GROW)
			need(REAL(ftruncate)(fd, s->at) == 0);
		for (size_t at = 0; in && s->data && at < s->len; at += SECTOR) {
			size_t len = s->len - at < SECTOR ? s->len - at : SECTOR;
			bool torn = k >= synced && s->kind == SPY_WRITE && !(chance(seed) & 3);
			if (!torn)
				need(REAL(pwrite)(fd, s->data + at, len, s->at + (off_t)at) > 0);
		}
	}
	close(fd);
	need(rig_try_open(&r, &e) == 0, "cut after %zu calls: %s", upto, e.text);
	need(run(&r, TXN(OPS(put("pods/a", "1"))))->status == 0);
	rig_fini(&r);
}

Test(store_power, first_start_of_all_may_be_cut_off_anywhere)
{
	struct rig r;
	char path[128];
	uint64_t seed = 0x5eed;
	size_t synced = 0;
	rig_init(&r, true);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	spy_watch(path);
	rig_open(&r);
	must_put(&r, "pods/a", "1");
	settle(&r);
	spy.on = 0;
	need(spy.count > 8);
	for (size_t i = 0; i <= spy.count; i++) {
		for (int way = 0; way < 8; way++)
			start_on_image(i, synced, &seed);
		if (i < spy.count && spy.entries[i].kind == SPY_SYNC)
			synced = i + 1;
	}
	spy_forget();
	rig_fini(&r);
}

/* The sweep itself must catch a journal that does not sync, and one that
 * acknowledges before it has. */
static size_t wrong_after(void (*tamper)(void))
{
	unsigned given = SLOTS, acked = SLOTS;
	struct image im = {.tolerant = true};
	struct rig r;
	begin(&r, &im);
	while (given < SLOTS + 20) {
		wait_for(&r, numbered_submit(&r, ++given));
		spy_note(SPY_ACK, given, NULL, 0);
	}
	settle(&r);
	tamper();
	replay(&im, &acked, given, false);
	end(&r, &im);
	return im.wrong;
}

static void leave_alone(void)
{
}

static void drop_syncs(void)
{
	size_t to = 0;
	for (size_t i = 0; i < spy.count; i++)
		if (spy.entries[i].kind != SPY_SYNC)
			spy.entries[to++] = spy.entries[i];
	spy.count = to;
}

static void acknowledge_early(void)
{
	for (size_t i = 1; i < spy.count; i++)
		if (spy.entries[i].kind == SPY_ACK)
			for (size_t k = i; k > 0 && spy.entries[k - 1].kind != SPY_SYNC; k--) {
				struct spy_entry swap = spy.entries[k];
				spy.entries[k] = spy.entries[k - 1];
				spy.entries[k - 1] = swap;
			}
}

Test(store_power, sweep_itself_catches_a_journal_that_cheats)
{
	need(wrong_after(leave_alone) == 0);
	need(wrong_after(drop_syncs) > 20);
	need(wrong_after(acknowledge_early) > 20);
}

/* ---- calls that fail */

struct fault {
	int error; /* 0: a short write */
	bool for_ever;
};

/* The n-th call fails. Returns whether there was an n-th one. */
static bool fail_call(const struct fault *f, long n)
{
	struct rig r;
	char path[128];
	unsigned given = 0, acked = 0;
	bool refused = false;
	init_fast(&r);
	while (given < SLOTS)
		wait_for(&r, numbered_submit(&r, ++given));
	acked = given;
	settle(&r);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	spy_watch(path);
	spy.fail_errno = f->error;
	spy.for_ever = f->for_ever;
	spy.fail_at = n;
	while (given < SLOTS + 40 && !r.failed) {
		struct seen_outcome *o = wait_for(&r, numbered_submit(&r, given + 1));
		given++;
		need(o->status == 0 || o->status == ERR_IO, "%s", o->text);
		acked = o->status ? acked : given;
	}
	settle(&r);
	refused = r.failed != 0;
	need(refused == (spy.failed != 0), "call %ld failed and nobody said so", n);
	long calls = spy.calls;
	struct err e = {0};
	if (refused) {
		need(r.failed == ERR_IO && strstr(r.failure, r.dir), "%s", r.failure);
		need(try_submit(&r, TXN(OPS(put("pods/x", "1"))), &e) == ERR_IO, "and no more");
		need(spy.calls == calls, "a failed journal writes nothing more");
		need(numbered_look(r.store, acked, acked, &e) == 0, "what is shown: %s", e.text);
	}
	spy.on = 0;
	spy_forget();
	rig_reopen(&r);
	need(numbered_look(r.store, acked, given, &e) == 0, "call %ld, reopened: %s", n, e.text);
	need(run(&r, TXN(OPS(put("pods/again", "1"))))->status == 0);
	rig_fini(&r);
	return refused;
}

Test(store_power, every_call_that_fails_stops_the_store_and_loses_nothing)
{
	static const struct fault faults[] = {
		{EIO, false}, {EIO, true}, {ENOSPC, false}, {0, false}};
	long step = getenv("COMMITS") ? 1 : 5, failed = 0;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		for (long n = 1 + (long)i; fail_call(&faults[i], n); n += step)
			failed++;
	fprintf(stderr, "%ld calls failed\n", failed);
	need(failed > 100, "%ld", failed);
}

