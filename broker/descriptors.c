#include "broker/descriptors.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* One for each so many is kept back. */
static size_t for_connections(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return DESCRIPTORS_RESERVE_MIN;
	size_t all = (size_t)limit.rlim_cur, reserve = all / DESCRIPTORS_RESERVE_PART;
	if (reserve < DESCRIPTORS_RESERVE_MIN)
		reserve = DESCRIPTORS_RESERVE_MIN;
	return all > reserve ? all - reserve : 0;
}

size_t descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return for_connections();
}

/* The lowest free number is given: one so high says that all below are taken,
 * without counting. ECONNABORTED is what every caller of accept must be able to
 * live with. With nothing left at all the connection cannot even be closed, and
 * comes again at once: then it waits a moment, so that nobody spins. */
int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	int got = (int)syscall(SYS_accept4, fd, address, len, flags);
	if (got < 0 && (errno == EMFILE || errno == ENFILE)) {
		struct timespec moment = {.tv_nsec = 1000000};
		nanosleep(&moment, NULL);
	} else if (got < 0 || (size_t)got < for_connections()) {
		return got;
	} else {
		close(got);
	}
	errno = ECONNABORTED;
	return -1;
}
