#include "nodes/oci/oci_pulls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/runtime_machine.h"

extern char **environ;

enum { WORDS_MAX = 1000 };

struct waiter {
	struct waiter *next;
	uint64_t pod, since_us;
	char *container;
};

struct pull {
	struct pull *next;
	char *image;
	struct bytes *auth; /* or NULL */
	struct waiter *waiters;
};

struct oci_pulls {
	struct loop *loop;
	char *data_dir, *auth; /* auth: the file, while a pull needs it */
	unsigned patience_s;
	oci_pull_told *told;
	void *arg;
	struct pull *first; /* the one that runs, then those that wait */
	pid_t pid;	    /* 0: none runs */
	int words;	    /* what it says, on both its streams */
	struct loop_watch *watch;
	struct buf said;
	uint64_t begun_us;
};

struct oci_pulls *oci_pulls_new(struct loop *loop, const char *data_dir, const char *node,
				uint64_t patience, oci_pull_told *told, void *arg)
{
	struct oci_pulls *p = mem_alloc(sizeof *p);
	p->loop = loop;
	p->data_dir = mem_dup(data_dir);
	p->auth = mem_alloc(strlen(data_dir) + strlen(node) + 32);
	sprintf(p->auth, "%s/run/pull-auth-%s", data_dir, node);
	unlink(p->auth); /* of an agent that was killed */
	p->patience_s = (unsigned)((patience + 999999) / 1000000);
	p->told = told;
	p->arg = arg;
	p->words = -1;
	return p;
}

static void pull_free(struct pull *u)
{
	while (u->waiters) {
		struct waiter *w = u->waiters;
		u->waiters = w->next;
		free(w->container);
		free(w);
	}
	bytes_unref(u->auth);
	free(u->image);
	free(u);
}

/* ---- the process */

static bool write_auth(const struct oci_pulls *p, const struct pull *u)
{
	struct span text = bytes_span(u->auth);
	int fd = open(p->auth, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
	if (fd >= 0)
		close(fd);
	return good;
}

static int spawn(struct oci_pulls *p, const struct pull *u)
{
	const char *argv[12];
	char patience[16];
	size_t n = 0;
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	int pipes[2];
	argv[n++] = "troupe";
	argv[n++] = "image";
	argv[n++] = "pull";
	argv[n++] = "--data-dir";
	argv[n++] = p->data_dir;
	snprintf(patience, sizeof patience, "%u", p->patience_s);
	argv[n++] = "--patience";
	argv[n++] = patience;
	if (u->auth && write_auth(p, u)) {
		argv[n++] = "--authfile";
		argv[n++] = p->auth;
	}
	argv[n++] = u->image;
	argv[n] = NULL;
	if (pipe2(pipes, O_CLOEXEC))
		return errno;
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&acts, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&acts, pipes[1], 2);
	posix_spawnattr_init(&attr);
	/* When its group is told to end its children do, and it removes what they have left. */
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	posix_spawnattr_setsigmask(&attr, &term);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawn(&p->pid, "/proc/self/exe", &acts, &attr,
			     (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&acts);
	close(pipes[1]);
	p->words = pipes[0];
	if (rc) {
		close(p->words);
		p->words = -1;
		p->pid = 0;
	}
	return rc;
}

static void start_next(struct oci_pulls *p);

static void finish(struct oci_pulls *p, bool good, const char *text)
{
	struct pull *u = p->first;
	uint64_t now = machine_now_us();
	if (u->auth)
		unlink(p->auth);
	p->first = u->next;
	for (struct waiter *w = u->waiters; w; w = w->next) {
		struct oci_pull_end end = {
			.image = u->image,
			.good = good,
			.text = text,
			.pull_ms = (int64_t)(now - p->begun_us) / 1000,
			.wait_ms = (int64_t)(now - w->since_us) / 1000,
		};
		p->told(p->arg, w->pod, w->container, &end);
	}
	pull_free(u);
	start_next(p);
}

/* "troupe image: WORDS\n" */
static const char *words_of(struct oci_pulls *p)
{
	static const char before[] = "troupe image: ";
	buf_putc(&p->said, 0);
	char *text = (char *)p->said.data;
	text[strcspn(text, "\n")] = 0;
	return strncmp(text, before, sizeof before - 1) == 0 ? text + sizeof before - 1 : text;
}

static void on_words(void *arg, unsigned events)
{
	struct oci_pulls *p = arg;
	uint8_t some[512];
	int status = 0;
	(void)events;
	ssize_t n = read(p->words, some, sizeof some);
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0) {
		if (p->said.len < WORDS_MAX)
			buf_append(&p->said, some, (size_t)n);
		return;
	}
	loop_remove(p->watch);
	p->watch = NULL;
	close(p->words);
	p->words = -1;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	const char *text = words_of(p);
	finish(p, status == 0, status && !*text ? "the pull died" : text);
}

static void start_next(struct oci_pulls *p)
{
	if (p->pid || !p->first)
		return;
	p->said.len = 0;
	p->begun_us = machine_now_us();
	int number = spawn(p, p->first);
	if (number)
		finish(p, false, strerror(number));
	else
		p->watch = loop_add(p->loop, p->words, LOOP_READ, on_words, p);
}

/* True: somebody else waits for it. */
static bool drop_waiters(struct pull *u, uint64_t pod)
{
	for (struct waiter **at = &u->waiters; *at;) {
		struct waiter *w = *at;
		if (w->pod != pod) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w->container);
		free(w);
	}
	return u->waiters != NULL;
}

void oci_pulls_drop(struct oci_pulls *p, uint64_t pod)
{
	for (struct pull **at = &p->first; *at;) {
		struct pull *u = *at;
		bool runs = p->pid && u == p->first;
		if (drop_waiters(u, pod)) {
			at = &u->next;
			continue;
		}
		if (runs) { /* its end is awaited like any other */
			kill(-p->pid, SIGTERM);
			at = &u->next;
		} else {
			*at = u->next;
			pull_free(u);
		}
	}
}

void oci_pulls_ask(struct oci_pulls *p, const char *image, uint64_t pod, const char *container,
		   struct span auth)
{
	struct pull **at = &p->first;
	struct waiter *w = mem_alloc(sizeof *w);
	while (*at && strcmp((*at)->image, image) != 0)
		at = &(*at)->next;
	if (!*at) {
		*at = mem_alloc(sizeof **at);
		(*at)->image = mem_dup(image);
		(*at)->auth = auth.len ? bytes_copy(auth.data, auth.len) : NULL;
	}
	w->pod = pod;
	w->container = mem_dup(container);
	w->since_us = machine_now_us();
	w->next = (*at)->waiters;
	(*at)->waiters = w;
	start_next(p);
}

void oci_pulls_free(struct oci_pulls *p)
{
	if (!p)
		return;
	loop_remove(p->watch);
	if (p->words >= 0)
		close(p->words);
	if (p->pid) {
		kill(-p->pid, SIGKILL); /* what it leaves goes at the next begin */
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	while (p->first) {
		struct pull *u = p->first;
		p->first = u->next;
		pull_free(u);
	}
	buf_fini(&p->said);
	unlink(p->auth);
	free(p->auth);
	free(p->data_dir);
	free(p);
}
