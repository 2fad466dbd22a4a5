/* A transaction N is written to page N mod 2, over N - 2; its number comes
 * last. So the pages have N - 1 and N, or N - 1 and, when the write was cut
 * within the number, its first bytes from N and the others from N - 2.
 *
 * What stays unseen: a bit that makes N - 2 of N. Then the last transaction
 * is not there, and nothing in LMDB's file can tell. */
#include "store/local/lmdb_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_AT = 144 }; /* in a page of LMDB 0.9: 16 of head, 128 before it */

static bool is_cut_write(uint64_t torn, uint64_t other)
{
	for (int bytes = 0; bytes <= 8; bytes++) {
		uint64_t before = other - 1, mixed = other + 1;
		uint8_t *of = (uint8_t *)&mixed;
		memcpy(of + bytes, (uint8_t *)&before + bytes, (size_t)(8 - bytes));
		if (torn == mixed)
			return true;
	}
	return false;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static bool is_unborn(int fd, unsigned page_bytes)
{
	uint8_t page[65536];
	ssize_t n = 0;
	if (page_bytes > sizeof page)
		return false;
	for (off_t at = 0; (n = pread(fd, page, page_bytes, at)) > 0; at += n) {
		bool meta = at < 2 * (off_t)page_bytes && n > NUMBER_AT + 8;
		size_t from = meta ? NUMBER_AT : 0;
		if (!all_zero(page + from, (size_t)n - from))
			return false;
	}
	return n == 0;
}

int lmdb_meta_forget_unborn(const char *path, unsigned page_bytes, struct err *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	int rc = is_unborn(fd, page_bytes) && ftruncate(fd, 0)
			 ? err_set(e, ERR_IO, "%s: %s", path, strerror(errno))
			 : 0;
	close(fd);
	return rc;
}

int lmdb_meta_check(int fd, unsigned page_bytes, const char *dir, struct err *e)
{
	uint64_t n[2];
	for (int i = 0; i < 2; i++)
		if (pread(fd, &n[i], sizeof n[i], (off_t)i * page_bytes + NUMBER_AT) !=
		    sizeof n[i])
			return err_set(e, ERR_IO, "%s: meta page %d: %s", dir, i, strerror(errno));
	/* a new file has 0 in both; the newer one is never the torn one */
	bool fresh = n[0] == 0 && n[1] == 0;
	int newer = n[1] > n[0];
	if (fresh || ((n[newer] & 1) == (uint64_t)newer && is_cut_write(n[!newer], n[newer])))
		return 0;
	return err_set(e, ERR_CORRUPT, "%s: its meta pages are of transactions %llu and %llu", dir,
		       (unsigned long long)n[0], (unsigned long long)n[1]);
}
