/* Network namespaces of their own for tests of the network: nothing that they
 * do is seen outside, and the kernel removes it with the test's process. */
#ifndef TESTS_NODES_NAMESPACES_H
#define TESTS_NODES_NAMESPACES_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* The first line of such a test. */
#define NEEDS_NAMESPACES()                                                     \
	do {                                                                   \
		if (unshare(CLONE_NEWNET) != 0)                                \
			cr_skip_test("network namespaces need root");          \
	} while (0)

static inline int namespace_here(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

static inline void namespace_enter(int fd)
{
	cr_assert_eq(setns(fd, CLONE_NEWNET), 0);
}

/* A new one; the caller is in it then. */
static inline int namespace_new(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	return namespace_here();
}

#endif
