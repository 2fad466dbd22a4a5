#include "broker/descriptors.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* How many connections may have; the others are kept back. */
static size_t for_connections(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	size_t all = (size_t)limit.rlim_cur, reserve = all / DESCRIPTORS_RESERVE_PART;
	if (reserve < DESCRIPTORS_RESERVE_MIN)
		reserve = DESCRIPTORS_RESERVE_MIN;
	return all > reserve ? all - reserve : 0;
}

static bool is_libzmq(const void *caller)
{
	Dl_info at;
	return dladdr(caller, &at) && at.dli_fname && strstr(at.dli_fname, "libzmq");
}

/* The lowest free number is given: one so high says that all below are taken,
 * without counting. ECONNABORTED is what libzmq takes for a connection that
 * went away. With nothing left at all it cannot even be closed, and comes again
 * at once: then it waits a moment, so that nobody spins. */
static int refuse(int got)
{
	struct timespec moment = {.tv_nsec = 1000000};
	if (got >= 0)
		close(got);
	else
		nanosleep(&moment, NULL);
	errno = ECONNABORTED;
	return -1;
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	int got = (int)syscall(SYS_accept4, fd, address, len, flags);
	int why = errno;
	bool none = got < 0 && (why == EMFILE || why == ENFILE);
	bool last = none || (got >= 0 && (size_t)got >= for_connections());
	if (last && is_libzmq(__builtin_return_address(0)))
		return refuse(got);
	errno = why;
	return got;
}
