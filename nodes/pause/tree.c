/* Children come from /proc/self/task/<pid>/children (one short file), never
 * from a walk over /proc: a machine may have a hundred thousand processes. */
#include "nodes/pause/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

/* The kernel's list as numbers, through a small window: a pod may have left
 * thousands of orphans. */
int tree_kill_orphans(bool (*spare)(void *arg, pid_t pid), void *arg)
{
	char window[512];
	int killed = 0;
	int64_t pid = 0;
	ssize_t n;
	/* "thread-self" is the only task that a pause has. */
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while ((n = read(fd, window, sizeof window)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (window[i] >= '0' && window[i] <= '9') {
				pid = pid * 10 + (window[i] - '0');
				continue;
			}
			if (pid > 0 && !spare(arg, (pid_t)pid))
				killed += kill((pid_t)pid, SIGKILL) == 0;
			pid = 0;
		}
	}
	close(fd);
	return killed;
}
