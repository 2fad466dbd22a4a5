/* Between LMDB and the kernel: this test binary's own pwrite, pwritev,
 * writev, fdatasync, fallocate and ftruncate. Calls on the watched file are done, noted in order
 * with what they wrote, and can be made to fail. Included by one file only.
 *
 * A write on a descriptor that was opened with O_DSYNC (LMDB's meta pages) is
 * durable when it returns, a plain one when a later fdatasync does. */
#ifndef TESTS_DISK_SPY_H
#define TESTS_DISK_SPY_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum spy_kind { SPY_WRITE, SPY_DWRITE, SPY_SYNC, SPY_GROW, SPY_ACK };

struct spy_entry {
	enum spy_kind kind;
	off_t at; /* GROW: the new size; ACK: the number */
	size_t len;
	unsigned char *data;
};

static struct spy {
	pthread_mutex_t mutex;
	dev_t dev;
	ino_t ino;
	int on;
	struct spy_entry *entries;
	size_t count, cap;
	long calls;   /* on the file, since spy_watch */
	long fail_at; /* this call of them fails, and all later ones with `for_ever`; 0: none */
	int fail_errno, for_ever, failed;
} spy = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void spy_note(enum spy_kind kind, off_t at, const void *data, size_t len)
{
	pthread_mutex_lock(&spy.mutex);
	if (spy.count == spy.cap) {
		spy.cap = spy.cap ? 2 * spy.cap : 1024;
		spy.entries = realloc(spy.entries, spy.cap * sizeof *spy.entries);
	}
	struct spy_entry *e = &spy.entries[spy.count++];
	*e = (struct spy_entry){.kind = kind, .at = at, .len = len};
	if (data) {
		e->data = malloc(len);
		memcpy(e->data, data, len);
	}
	pthread_mutex_unlock(&spy.mutex);
}

static void spy_forget(void)
{
	for (size_t i = 0; i < spy.count; i++)
		free(spy.entries[i].data);
	spy.count = 0;
}

static void spy_watch(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st))
		abort();
	close(fd);
	spy.dev = st.st_dev;
	spy.ino = st.st_ino;
	spy.calls = spy.fail_at = spy.failed = 0;
	spy.on = 1;
}

/* Whether the call is on the watched file; *fails: and must not succeed. */
static int spy_sees(int fd, int *fails)
{
	struct stat st;
	*fails = 0;
	if (!spy.on || fstat(fd, &st) || st.st_ino != spy.ino || st.st_dev != spy.dev)
		return 0;
	long n = __atomic_add_fetch(&spy.calls, 1, __ATOMIC_RELAXED);
	*fails = spy.fail_at && (spy.for_ever ? n >= spy.fail_at : n == spy.fail_at);
	if (*fails)
		spy.failed = 1;
	return 1;
}

static enum spy_kind write_kind(int fd)
{
	return fcntl(fd, F_GETFL) & O_DSYNC ? SPY_DWRITE : SPY_WRITE;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	int fails, seen = spy_sees(fd, &fails);
	if (fails && spy.fail_errno == 0) /* a short write */
		return len > 512 ? REAL(pwrite)(fd, data, len / 2, at) : 0;
	if (fails)
		return errno = spy.fail_errno, -1;
	ssize_t n = REAL(pwrite)(fd, data, len, at);
	if (seen && n > 0)
		spy_note(write_kind(fd), at, data, (size_t)n);
	return n;
}

static void note_vector(int fd, const struct iovec *v, int count, off_t at, ssize_t written)
{
	for (int i = 0; written > 0 && i < count; i++) {
		size_t len = (size_t)written < v[i].iov_len ? (size_t)written : v[i].iov_len;
		spy_note(write_kind(fd), at, v[i].iov_base, len);
		at += (off_t)len;
		written -= (ssize_t)len;
	}
}

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at)
{
	int fails, seen = spy_sees(fd, &fails);
	if (fails && spy.fail_errno == 0)
		return REAL(pwrite)(fd, v[0].iov_base, v[0].iov_len / 2, at);
	if (fails)
		return errno = spy.fail_errno, -1;
	ssize_t n = REAL(pwritev)(fd, v, count, at);
	if (seen)
		note_vector(fd, v, count, at, n);
	return n;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
	int fails, seen = spy_sees(fd, &fails);
	off_t at = seen ? lseek(fd, 0, SEEK_CUR) : 0;
	if (fails && spy.fail_errno == 0)
		return REAL(pwrite)(fd, v[0].iov_base, v[0].iov_len / 2, at);
	if (fails)
		return errno = spy.fail_errno, -1;
	ssize_t n = REAL(writev)(fd, v, count);
	if (seen)
		note_vector(fd, v, count, at, n);
	return n;
}

int fdatasync(int fd)
{
	int fails, seen = spy_sees(fd, &fails);
	if (fails)
		return errno = spy.fail_errno ? spy.fail_errno : EIO, -1;
	int rc = REAL(fdatasync)(fd);
	if (seen && rc == 0)
		spy_note(SPY_SYNC, 0, NULL, 0);
	return rc;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	int fails, seen = spy_sees(fd, &fails);
	if (fails)
		return errno = spy.fail_errno ? spy.fail_errno : ENOSPC, -1;
	int rc = REAL(fallocate)(fd, mode, at, len);
	if (seen && rc == 0)
		spy_note(SPY_GROW, at + len, NULL, 0);
	return rc;
}

int ftruncate(int fd, off_t len)
{
	int fails, seen = spy_sees(fd, &fails);
	if (fails)
		return errno = spy.fail_errno ? spy.fail_errno : EIO, -1;
	int rc = REAL(ftruncate)(fd, len);
	if (seen && rc == 0)
		spy_note(SPY_GROW, len, NULL, 0);
	return rc;
}

#endif
