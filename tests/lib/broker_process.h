/* Brokers in processes of their own, to be killed. A process that has sockets
 * or threads may not fork: one is forked first that starts them when told. */
#ifndef LIB_BROKER_PROCESS_H
#define LIB_BROKER_PROCESS_H

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/serve.h"
#include "broker/socket.h"

struct broker_starter {
	pid_t pid;
	int to, from;
};

static inline void broker_process_run(const char *dir, unsigned files)
{
	struct broker_config cfg = {.cluster = 1, .dir = dir};
	struct broker *b;
	struct err e = {0};
	struct rlimit limit = {files, files};
	if (files)
		setrlimit(RLIMIT_NOFILE, &limit);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_init("off");
	sock_system_start();
	if (broker_open(&b, &cfg, &e)) {
		fprintf(stderr, "broker: %s\n", e.text);
		_exit(1);
	}
	broker_run(b);
	_exit(0);
}

/* Before the first socket and the first thread. `files`: how many each broker
 * may have open; 0: as many as we. */
static inline struct broker_starter broker_starter_new(const char *dir, unsigned files)
{
	struct broker_starter s;
	int down[2], up[2];
	if (pipe(down) || pipe(up))
		abort();
	s.pid = fork();
	if (s.pid == 0) {
		char word;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(down[1]);
		close(up[0]);
		while (read(down[0], &word, 1) == 1) {
			pid_t broker = fork();
			if (broker == 0)
				broker_process_run(dir, files);
			(void)!write(up[1], &broker, sizeof broker);
			waitpid(broker, NULL, 0);
		}
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	s.to = down[1];
	s.from = up[0];
	return s;
}

/* One after the other: the one before must have ended. */
static inline pid_t broker_process_start(const struct broker_starter *s)
{
	pid_t pid = 0;
	if (write(s->to, "", 1) != 1 || read(s->from, &pid, sizeof pid) != sizeof pid)
		abort();
	return pid;
}

static inline void broker_starter_end(struct broker_starter *s, pid_t broker)
{
	kill(broker, SIGKILL);
	close(s->to);
	close(s->from);
	waitpid(s->pid, NULL, 0);
}

/* Of any process: files that it has open, and CPU that it has used. Below a limit: those with
 * a lower number, as it may have others from before it was limited. */
static inline size_t open_files_below(pid_t pid, int limit)
{
	char path[64];
	size_t n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.' && atoi(e->d_name) < limit;
	if (d)
		closedir(d);
	return n;
}

static inline size_t open_files(pid_t pid)
{
	return open_files_below(pid, INT_MAX);
}

static inline double cpu_seconds(pid_t pid)
{
	char path[64], line[1024] = {0};
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	if (fgets(line, sizeof line, f)) {
		const char *at = strrchr(line, ')');
		if (at)
			sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			       &system);
	}
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

#endif
