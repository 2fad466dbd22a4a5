/* One look at /proc/self/maps when the environment is opened: its size does
 * not change after that. */
#include "store/local/lmdb_map.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AHEAD_STEP = 2 << 20, AHEAD_MIN = 4 << 20 };

void lmdb_map_find(struct lmdb_map *m, int fd)
{
	struct stat st;
	char line[512];
	*m = (struct lmdb_map){0};
	FILE *f = fstat(fd, &st) ? NULL : fopen("/proc/self/maps", "re");
	while (f && fgets(line, sizeof line, f)) {
		unsigned long low, high, inode;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &low, &high, &inode) == 3 &&
		    inode == st.st_ino && high - low > m->bytes)
			*m = (struct lmdb_map){(void *)low, high - low};
	}
	if (f)
		fclose(f);
}

void lmdb_map_give_back(const struct lmdb_map *m)
{
	if (m->at)
		madvise(m->at, m->bytes, MADV_DONTNEED);
}

static void *read_ahead(void *arg)
{
	struct lmdb_ahead *a = arg;
	for (size_t at = 0; at < a->bytes && !atomic_load(&a->enough); at += AHEAD_STEP) {
		size_t n = a->bytes - at < AHEAD_STEP ? a->bytes - at : AHEAD_STEP;
		/* since Linux 5.14; an error is for who reads there to see */
		if (madvise((char *)a->map->at + at, n, MADV_POPULATE_READ))
			break;
	}
	return NULL;
}

void lmdb_ahead_start(struct lmdb_ahead *a, const struct lmdb_map *m, size_t bytes)
{
	sigset_t all, was;
	size_t most = (size_t)sysconf(_SC_PHYS_PAGES) / 4 * (size_t)sysconf(_SC_PAGESIZE);
	*a = (struct lmdb_ahead){.map = m, .bytes = bytes < most ? bytes : most};
	if (!m->at || bytes < AHEAD_MIN)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was); /* inherited by the thread */
	a->running = pthread_create(&a->thread, NULL, read_ahead, a) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void lmdb_ahead_stop(struct lmdb_ahead *a)
{
	atomic_store(&a->enough, true);
	if (a->running)
		pthread_join(a->thread, NULL);
	a->running = false;
}
