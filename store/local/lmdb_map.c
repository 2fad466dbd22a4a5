/* One look at /proc/self/maps when the environment is opened: its size does
 * not change after that. */
#include "store/local/lmdb_map.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
