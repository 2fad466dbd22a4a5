/* Memory that is refused: the first, second, third ... allocation of a store at
 * work, its own as well as LMDB's. The process dies of it, or the journal says
 * that it failed; what was acknowledged is there afterwards either way, and
 * nothing else. COMMITS=10000 refuses each one (every 17th). Not under a
 * sanitizer, whose allocator is its own. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

/* Criterion hears of no process but its own. */
static bool is_child;
#define need(cond, ...)                                                                            \
	do {                                                                                       \
		if (is_child && !(cond))                                                           \
			wrong(#cond);                                                              \
		cr_assert(is_child || (cond), ##__VA_ARGS__);                                      \
	} while (0)
static void wrong(const char *what);

#include "tests/lib/numbered.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

static _Atomic long left; /* until one is refused; 0: none is */

static bool is_refused(void)
{
	return left && atomic_fetch_sub(&left, 1) == 1;
}

static void *none(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t n)
{
	return is_refused() ? none() : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
	return is_refused() ? none() : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
	return is_refused() ? none() : __libc_realloc(p, n);
}

/* What the process that is refused leaves to the one that looks afterwards. */
struct left_behind {
	unsigned given, acked;
	bool reached; /* one was refused */
	char wrong[200];
};

enum { COMMITS_AT_WORK = 30 };

static struct left_behind *ours; /* of a child */

static void wrong(const char *what)
{
	snprintf(ours->wrong, sizeof ours->wrong, "%s", what);
	_exit(0);
}

static void quiet_death(void)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT};
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		signal(deadly[i], SIG_DFL); /* Criterion's would report them */
	if (!freopen("/dev/null", "w", stderr))
		_exit(3);
}

static void open_in(struct rig *r, const char *dir)
{
	*r = (struct rig){.on_lmdb = true, .limits = local_limits_default};
	strcpy(r->dir, dir);
	numbered_limits(r);
	rig_open(r);
}

/* The n-th allocation of a few commits. */
static void work(const char *dir, long n, struct left_behind *out)
{
	struct rig r;
	struct err e = {0};
	open_in(&r, dir);
	while (out->given < SLOTS) {
		wait_for(&r, numbered_submit(&r, ++out->given));
		out->acked = out->given;
	}
	left = n;
	while (out->given < SLOTS + COMMITS_AT_WORK && !r.failed) {
		int status = wait_for(&r, numbered_submit(&r, ++out->given))->status;
		out->acked = status ? out->acked : out->given;
	}
	out->reached = left <= 0;
	left = 0;
	if (out->acked == out->given && !r.failed)
		return;
	if (!r.failed || !r.failure[0])
		wrong("a refused commit and no word of why");
	else if (try_submit(&r, TXN(OPS(put("pods/x", "1"))), &e) != ERR_IO)
		wrong("a journal that failed takes more");
	else if (numbered_look(r.store, out->acked, out->acked, &e))
		wrong(e.text);
}

/* The n-th of a start. */
static void begin(const char *dir, long n, struct left_behind *out)
{
	struct rig r = {.on_lmdb = true, .limits = local_limits_default};
	struct journal_lmdb_options o = {.dir = dir};
	struct store_client client = {.arg = &r};
	struct err e = {0};
	left = n;
	int rc = journal_lmdb_open(&r.journal, &o, &e);
	if (!rc)
		rc = store_local_open(&r.store, &r.journal, &client, &e);
	out->reached = left <= 0;
	left = 0;
	if (rc && !e.text[0])
		wrong("a start that failed without a word");
	else if (!rc && numbered_look(r.store, out->acked, out->given, &e))
		wrong(e.text);
}

/* Returns whether there was an n-th one. *out goes on from what is in it. */
static bool refuse(const char *dir, void (*what)(const char *, long, struct left_behind *), long n,
		   struct left_behind *out)
{
	struct left_behind *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	need(shared != MAP_FAILED);
	*shared = *out;
	pid_t child = fork();
	if (child == 0) {
		is_child = true;
		ours = shared;
		quiet_death();
		what(dir, n, shared);
		_exit(0);
	}
	waitpid(child, &status, 0);
	*out = *shared;
	munmap(shared, sizeof *shared);
	bool died = WIFSIGNALED(status);
	need(died ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0, "allocation %ld: status %x", n,
	     (unsigned)status);
	need(!out->wrong[0], "allocation %ld: %s", n, out->wrong);
	return died || out->reached;
}

static void look(const char *dir, long n, const struct left_behind *l)
{
	struct rig r;
	struct err e = {0};
	open_in(&r, dir);
	need(numbered_look(r.store, l->acked, l->given, &e) == 0, "allocation %ld, reopened: %s", n, e.text);
	need(run(&r, TXN(OPS(put("pods/again", "1"))))->status == 0);
	rig_close(&r);
}

static long step(void)
{
	return getenv("COMMITS") ? 1 : 17;
}

Test(store_allocation, one_that_is_refused_at_work_loses_nothing)
{
	long refused = 0;
	for (long n = 1;; n += step()) {
		struct left_behind l = {0};
		char dir[64];
		fast_dir(dir);
		bool any = refuse(dir, work, n, &l);
		look(dir, n, &l);
		remove_dir(dir);
		if (!any)
			break;
		refused++;
	}
	fprintf(stderr, "%ld allocations refused at work\n", refused);
	need(refused > 30, "%ld", refused);
}

Test(store_allocation, one_that_is_refused_at_the_start_loses_nothing)
{
	struct left_behind l = {0};
	char dir[64];
	long refused = 0;
	fast_dir(dir);
	refuse(dir, work, 1000000000, &l);
	for (long n = 1; refuse(dir, begin, n, &l); n += step()) {
		look(dir, n, &l);
		refused++;
	}
	fprintf(stderr, "%ld allocations refused at the start\n", refused);
	need(refused > 5, "%ld", refused);
	remove_dir(dir);
}
