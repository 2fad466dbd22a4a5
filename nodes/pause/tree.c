/* Children come from /proc/self/task/<pid>/children (one short file), never
 * from a walk over /proc: a machine may have a hundred thousand processes. */
#include "nodes/pause/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* The kernel's list as numbers, through a small window: a pod may have left
 * thousands of orphans. */
static int each_child(const char *list, int (*each)(void *arg, pid_t pid), void *arg)
{
	char window[512];
	int count = 0;
	int64_t pid = 0;
	ssize_t n;
	int fd = open(list, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while ((n = read(fd, window, sizeof window)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (window[i] >= '0' && window[i] <= '9') {
				pid = pid * 10 + (window[i] - '0');
				continue;
			}
			if (pid > 0)
				count += each(arg, (pid_t)pid);
			pid = 0;
		}
	}
	close(fd);
	return count;
}

struct sparing {
	bool (*spare)(void *arg, pid_t pid);
	void *arg;
};

static int kill_unspared(void *arg, pid_t pid)
{
	const struct sparing *s = arg;
	return !s->spare(s->arg, pid) && kill(pid, SIGKILL) == 0;
}

int tree_kill_orphans(bool (*spare)(void *arg, pid_t pid), void *arg)
{
	struct sparing s = {spare, arg};
	/* "thread-self" is the only task that a pause has. */
	return each_child("/proc/thread-self/children", kill_unspared, &s);
}

/* Its leader may be gone: an OCI program makes the session in between. */
static int kill_group(void *arg, pid_t pid)
{
	pid_t group = getpgid(pid);
	(void)arg;
	return (group > 1 && group != getpgrp() && kill(-group, SIGKILL) == 0) ||
	       kill(pid, SIGKILL) == 0;
}

/* Stopped first: it must not make another one meanwhile. */
void tree_kill_with_children(pid_t parent)
{
	char path[60];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	kill(parent, SIGSTOP);
	each_child(path, kill_group, NULL);
	kill(parent, SIGKILL);
}
