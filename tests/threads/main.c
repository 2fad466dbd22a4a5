/* Usage: PROGRAM [TEXT]: the bodies whose name contains TEXT; without: all. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "tests/threads/bodies.h"

enum { SECONDS_MAX = 180 };

/* libzmq and LMDB are not compiled for it: what they do themselves is not looked
 * at; broker/socket.c says where a frame goes from thread to thread in them. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "ignore_noninstrumented_modules=1";
}

void body_failed(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: not so: ", file, line);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	_exit(1);
}

static int run(const struct body *b)
{
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(SECONDS_MAX);
		log_init("off");
		b->run();
		exit(0); /* a leak is found here */
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return printf("ok %s\n", b->name), 0;
	if (WIFSIGNALED(status))
		printf("not ok %s: signal %d\n", b->name, WTERMSIG(status));
	else
		printf("not ok %s: exit code %d\n", b->name, WEXITSTATUS(status));
	return 1;
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (const struct body *b = bodies; b->name; b++)
		if (argc < 2 || strstr(b->name, argv[1]))
			failed |= run(b);
	return failed;
}
