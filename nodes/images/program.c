#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes/images/private.h"

extern char **environ;

int program_start(struct program *p, const char *const *argv, int in, int out, struct err *e)
{
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	sigset_t none;
	int pipes[2];
	pid_t pid;
	if (pipe2(pipes, O_CLOEXEC))
		return err_set(e, ERR_IO, "pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&acts);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&acts, in, 0);
	else
		posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&acts, out, 1);
	posix_spawn_file_actions_adddup2(&acts, pipes[1], 2);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none); /* whatever we do not hear of ourselves */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawnp(&pid, argv[0], &acts, &attr, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&acts);
	close(pipes[1]);
	if (rc) {
		close(pipes[0]);
		return err_set(e, ERR_NOT_FOUND, "%s: %s", argv[0], strerror(rc));
	}
	*p = (struct program){(int)pid, pipes[0]};
	return 0;
}

/* The first words; what comes behind them is read and dropped. */
static void read_words(int fd, char *out, size_t size)
{
	char rest[1024];
	size_t n = 0;
	ssize_t got;
	while ((got = read(fd, rest, sizeof rest)) > 0 || (got < 0 && errno == EINTR))
		for (ssize_t i = 0; i < got && n + 1 < size; i++)
			out[n++] = rest[i] == '\n' ? ' ' : rest[i];
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
}

int program_end(struct program *p, const char *name, struct err *e)
{
	char words[400];
	int status = 0;
	read_words(p->words, words, sizeof words);
	close(p->words);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	return err_set(e, ERR_INVALID, "%s: %s", name, *words ? words : "it failed without a word");
}
