/* The pause program travels inside the one binary and is put beside the data
 * at start: a file, because it is executed hundreds of times and all its
 * copies then share one set of pages. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/launcher/launcher.h"

extern const uint8_t troupe_pause_image[], troupe_pause_image_end[];

static bool is_same(const char *path, struct span image)
{
	struct stat st;
	bool same = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0700 &&
	    (size_t)st.st_size == image.len) {
		void *there = mmap(NULL, image.len, PROT_READ, MAP_PRIVATE, fd, 0);
		same = there != MAP_FAILED && memcmp(there, image.data, image.len) == 0;
		if (there != MAP_FAILED)
			munmap(there, image.len);
	}
	close(fd);
	return same;
}

static bool write_all(int fd, struct span data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.data, data.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data.data += n;
		data.len -= (size_t)n;
	}
	return true;
}

int launcher_unpack(struct err *e)
{
	static const char beside[] = LAUNCHER_PAUSE ".tmp";
	struct span image = {troupe_pause_image,
			     (size_t)(troupe_pause_image_end - troupe_pause_image)};
	if (mkdir("bin", 0700) != 0 && errno != EEXIST)
		return err_set(e, ERR_IO, "bin: %s", strerror(errno));
	if (is_same(LAUNCHER_PAUSE, image))
		return 0;
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	bool good = fd >= 0 && fchmod(fd, 0700) == 0 && write_all(fd, image);
	if (fd >= 0 && close(fd) != 0)
		good = false;
	/* By rename: a pause that runs keeps the file that it came from. */
	if (!good || rename(beside, LAUNCHER_PAUSE) != 0)
		return err_set(e, ERR_IO, "%s: %s", LAUNCHER_PAUSE, strerror(errno));
	return 0;
}
