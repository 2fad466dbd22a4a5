/* Images from registries, by skopeo: into a layout beside the store, from where they
 * are taken like an archive's. What the store has already is lent to that layout, so
 * it is not fetched again. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/disk_walk.h"
#include "nodes/images/name.h"
#include "nodes/images/private.h"

static int make(const char *path, struct err *e)
{
	return mkdir(path, 0755) ? err_set(e, ERR_IO, "%s: %m", path) : 0;
}

/* A directory that is locked before it has its name; *lock is closed at the end. */
static int make_work(const struct images *im, struct arena *a, const char *work, int *lock,
		     struct err *e)
{
	const char *new = arena_printf(a, "%s/work/new-%d", im->dir, (int)getpid());
	tree_remove(work);
	tree_remove(new);
	int rc = make(new, e);
	rc = rc ? rc : make(arena_printf(a, "%s/blobs", new), e);
	rc = rc ? rc : make(arena_printf(a, "%s/blobs/sha256", new), e);
	*lock = rc ? -1 : open(new, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rc == 0 && (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) || rename(new, work)))
		rc = err_set(e, ERR_IO, "%s: %m", work);
	return rc;
}

static void lend_blobs(const struct images *im, struct arena *a, const char *work)
{
	const char *from = arena_printf(a, "%s/blobs/sha256", im->dir);
	DIR *d = opendir(from);
	for (struct dirent *f; d && (f = readdir(d));)
		if (f->d_name[0] != '.')
			(void)!link(arena_printf(a, "%s/%s", from, f->d_name),
				    arena_printf(a, "%s/blobs/sha256/%s", work, f->d_name));
	if (d)
		closedir(d);
}

/* Registries of this machine speak plain HTTP, as Docker and containerd take it. */
static bool is_local(const char *name)
{
	return strncmp(name, "localhost:", 10) == 0 || strncmp(name, "localhost/", 10) == 0 ||
	       strncmp(name, "127.", 4) == 0;
}

/* Of a line of its log only the message: time="..." level=fatal msg="...". */
static void plain_words(struct arena *a, struct err *e)
{
	char *text = arena_dup(a, e->text), *at = strstr(text, "msg=\""), *to;
	if (!at)
		return;
	at += 5;
	for (to = text; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		*to++ = *at;
	}
	*to = 0;
	err_set(e, ERR_INVALID, "%s", text);
}

/* Whether it ended, or says something, as long as what it writes grows now and then, and
 * somebody is there to hear of it: an agent that was killed is not. */
static bool goes_on(const struct program *p, const char *work, unsigned patience)
{
	enum { LOOK_MS = 1000 };
	int hearer = STDERR_FILENO;
	struct disk_used was = {0};
	for (unsigned idle = 0; !patience || idle < patience; idle++) {
		struct pollfd f[] = {{.fd = p->words, .events = POLLIN}, {.fd = hearer}};
		struct disk_used is = {0};
		int n = poll(f, 2, LOOK_MS);
		if (n > 0 && f[0].revents)
			return true;
		if (n > 0 && f[1].revents & POLLERR)
			return false;
		if (n > 0)
			hearer = -1; /* it is no pipe */
		disk_walk(work, NULL, &is);
		if (is.bytes != was.bytes || is.inodes != was.inodes)
			idle = 0;
		was = is;
	}
	return false;
}

static int run(const char *const *argv, const char *work, unsigned patience, struct err *e)
{
	struct program p;
	int rc = program_start(&p, argv, -1, -1, e);
	if (rc)
		return rc;
	bool good = goes_on(&p, work, patience);
	if (!good)
		kill(p.pid, SIGKILL);
	rc = program_end(&p, "skopeo", e);
	return good ? rc : err_set(e, ERR_TIMEOUT, "nothing came from the registry for %u s", patience);
}

static int fetch(const struct images *im, struct arena *a, const char *name, const char *auth,
		 unsigned patience, const char *work, struct err *e)
{
	const char *argv[12];
	size_t n = 0;
	argv[n++] = "skopeo";
	argv[n++] = "copy";
	argv[n++] = "--quiet";
	argv[n++] = "--override-os=linux";
	argv[n++] = "--retry-times=0";
	if (is_local(name))
		argv[n++] = "--src-tls-verify=false";
	if (auth)
		argv[n++] = arena_printf(a, "--src-authfile=%s", auth);
	argv[n++] = arena_printf(a, "docker://%s", name);
	argv[n++] = arena_printf(a, "oci:%s:%s", work, name);
	argv[n] = NULL;
	lend_blobs(im, a, work);
	int rc = run(argv, work, patience, e);
	if (rc == ERR_INVALID)
		plain_words(a, e);
	return rc;
}

/* A name with both is fetched by its digest; skopeo takes one of them. */
static const char *wanted_of(struct arena *a, const char *text, struct err *e)
{
	struct image_name n;
	return image_name_parse(a, span_of(text), &n, e) ? NULL : image_name_text(a, &n);
}

int images_pull(struct images *im, const char *text, const char *auth, unsigned patience,
		void (*pulled)(void *arg, const struct image *image), void *arg, struct err *e)
{
	struct arena a = {0};
	const char *name = wanted_of(&a, text, e);
	const char *work = arena_printf(&a, "%s/work/pull-%d", im->dir, (int)getpid());
	int lock = -1, rc = name ? make_work(im, &a, work, &lock, e) : ERR_INVALID;
	rc = rc ? rc : fetch(im, &a, name, auth, patience, work, e);
	if (rc == 0) {
		images_lock(im);
		rc = archive_take(im, name, work, pulled, arg, e);
		images_unlock(im);
	}
	if (name)
		tree_remove(work);
	if (lock >= 0)
		close(lock);
	arena_fini(&a);
	return rc;
}
