/* Usage: PROGRAM [TEXT]: the bodies whose name contains TEXT; without: all. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "tests/threads/bodies.h"

enum { SECONDS_MAX = 180, AT_ONCE = 3 };

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

static pid_t start(const struct body *b)
{
	fflush(NULL);
	pid_t child = fork();
	if (child)
		return child;
	alarm(SECONDS_MAX);
	log_init("off");
	b->run();
	exit(0); /* a leak is found here */
}

static int tell(const struct body *b, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return printf("ok %s\n", b->name), 0;
	if (WIFSIGNALED(status))
		printf("not ok %s: signal %d\n", b->name, WTERMSIG(status));
	else
		printf("not ok %s: exit code %d\n", b->name, WEXITSTATUS(status));
	return 1;
}

/* Bodies wait more than they work: a few run beside each other. */
struct running {
	const struct body *body;
	pid_t pid;
};

static int finish_one(struct running *all)
{
	int status = 0;
	pid_t pid = wait(&status);
	for (int i = 0; i < AT_ONCE; i++) {
		if (!all[i].body || all[i].pid != pid)
			continue;
		const struct body *b = all[i].body;
		all[i].body = NULL;
		return tell(b, status);
	}
	return 0;
}

static struct running *free_place(struct running *all)
{
	for (int i = 0; i < AT_ONCE; i++)
		if (!all[i].body)
			return &all[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct running all[AT_ONCE] = {0}, *place;
	int failed = 0;
	for (const struct body *b = bodies; b->name; b++) {
		if (argc > 1 && !strstr(b->name, argv[1]))
			continue;
		while (!(place = free_place(all)))
			failed |= finish_one(all);
		*place = (struct running){b, start(b)};
	}
	for (int i = 0; i < AT_ONCE; i++)
		while (all[i].body)
			failed |= finish_one(all);
	return failed;
}
