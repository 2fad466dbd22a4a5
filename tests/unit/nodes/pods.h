/* Real pods for tests: a launcher in a directory of its own, pauses, links.
 * Everything waits for what it expects, with a deadline; nothing sleeps. The
 * end of a fixture ends the processes that it made, found by the pods' own
 * directories, and no others. */
#ifndef TESTS_NODES_PODS_H
#define TESTS_NODES_PODS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/launcher/launcher.h"
#include "nodes/pause_link.h"

enum { DEADLINE_MS = 20000, PODS_MAX = 32, SEEN_MAX = 64 };

struct cluster {
	char dir[128]; /* the data directory */
	int launcher;
	pid_t launcher_pid;
};

/* A pod as its agent sees it: a link and what it was told. */
struct pod {
	char uid[40], dir[200];
	pid_t pause;
	struct pause_link *link;
	struct pause_attempt started[SEEN_MAX], exited[SEEN_MAX];
	size_t started_count, exited_count, listed_count;
	char refused[200];
};

static inline int64_t pods_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void cluster_begin(struct cluster *c)
{
	struct err e = {0};
	strcpy(c->dir, "/tmp/troupe-pods.XXXXXX");
	cr_assert(mkdtemp(c->dir));
	cr_assert_eq(launcher_start(c->dir, &c->launcher, &c->launcher_pid, &e), 0, "%s", e.text);
}

static inline struct launcher_answer ask_launcher(int fd, const char *uid, const char *dir)
{
	struct launcher_answer a;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	cr_assert_eq(launcher_ask(fd, span_of(uid), dir), 0);
	while (launcher_answer(fd, &a) == ERR_AGAIN)
		cr_assert(poll(&p, 1, DEADLINE_MS) > 0, "the launcher does not answer");
	return a;
}

static inline void pod_on_attempt(void *arg, const struct pause_attempt *a)
{
	struct pod *p = arg;
	if (a->ended && p->exited_count < SEEN_MAX)
		p->exited[p->exited_count++] = *a;
	if (!a->ended && p->started_count < SEEN_MAX)
		p->started[p->started_count++] = *a;
}

static inline void pod_on_listed(void *arg)
{
	((struct pod *)arg)->listed_count++;
}

static inline void pod_on_refused(void *arg, const char *text)
{
	struct pod *p = arg;
	snprintf(p->refused, sizeof p->refused, "%s", text);
}

static inline void pod_connect(struct pod *p)
{
	struct pause_events ev = {p, pod_on_attempt, pod_on_listed, pod_on_refused};
	struct err e = {0};
	p->started_count = p->exited_count = p->listed_count = 0;
	cr_assert_eq(pause_link_open(&p->link, p->dir, &ev, &e), 0, "%s", e.text);
}

static inline void pod_name(struct pod *p, const struct cluster *c, const char *uid)
{
	memset(p, 0, sizeof *p);
	snprintf(p->uid, sizeof p->uid, "%s", uid);
	snprintf(p->dir, sizeof p->dir, "%s/pods/%s", c->dir, uid);
}

static inline void pod_begin(struct pod *p, const struct cluster *c, const char *uid)
{
	pod_name(p, c, uid);
	struct launcher_answer a = ask_launcher(c->launcher, uid, p->dir);
	cr_assert_eq(a.code, 0, "%s", a.text);
	cr_assert_str_eq(a.uid, uid);
	p->pause = a.pid;
	pod_connect(p);
}

/* Lets the link work until `done`; false at the deadline or when it closed. */
static inline bool pod_until(struct pod *p, bool (*done)(const struct pod *))
{
	int64_t deadline = pods_now_ms() + DEADLINE_MS;
	while (!done(p)) {
		struct pollfd f = {.fd = pause_link_fd(p->link), .events = POLLIN};
		if (pause_link_wants_write(p->link))
			f.events |= POLLOUT;
		if (pods_now_ms() > deadline)
			return false;
		poll(&f, 1, 1000);
		if (pause_link_poll(p->link))
			return done(p);
	}
	return true;
}

static inline bool never(const struct pod *p)
{
	(void)p;
	return false;
}

static inline bool has_listed(const struct pod *p)
{
	return p->listed_count > 0;
}

static inline bool has_started(const struct pod *p)
{
	return p->started_count > 0;
}

static inline bool has_exited(const struct pod *p)
{
	return p->exited_count > 0;
}

/* Starts `sh -c script` as container `name`, in the pod's directory. */
static inline void pod_sh(struct pod *p, const char *name, uint32_t attempt, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	const char *env[] = {"PATH=/usr/bin:/bin", NULL};
	struct pause_start s = {.name = name, .attempt = attempt, .argv = argv, .env = env,
				.cwd = p->dir, .uid = -1, .gid = -1};
	cr_assert_eq(pause_link_start(p->link, &s), 0);
}

static inline struct pause_attempt pod_run(struct pod *p, const char *script)
{
	pod_sh(p, "main", 0, script);
	cr_assert(pod_until(p, has_exited), "no exit of: %s", script);
	return p->exited[0];
}

/* A file of the pod's directory as text; free it. NULL: not there. */
static inline char *pod_file(const struct pod *p, const char *name)
{
	char path[300];
	struct buf b = {0};
	ssize_t n = 1;
	snprintf(path, sizeof path, "%s/%s", p->dir, name);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	while (n > 0) {
		buf_reserve(&b, 65536);
		n = read(fd, b.data + b.len, 65536);
		b.len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return (char *)buf_text(&b);
}

/* Waits until a file of the pod holds something: for scripts that tell that
 * they have come to a place. */
static inline char *pod_await_file(struct pod *p, const char *name)
{
	int64_t deadline = pods_now_ms() + DEADLINE_MS;
	while (pods_now_ms() < deadline) {
		char *text = pod_file(p, name);
		if (text && text[0] && text[strlen(text) - 1] == '\n')
			return text;
		free(text);
		poll(NULL, 0, 5);
	}
	cr_assert_fail("%s never came", name);
	return NULL;
}

/* Whether a process exists and is no zombie. */
static inline bool is_running(pid_t pid)
{
	struct procid id;
	return procid_of(pid, &id) && procid_alive(&id);
}

static inline bool await_end(pid_t pid)
{
	int64_t deadline = pods_now_ms() + DEADLINE_MS;
	while (is_running(pid)) {
		if (pods_now_ms() > deadline)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

static inline void pod_end(struct pod *p)
{
	pause_link_close(p->link);
	p->link = NULL;
}

static inline int kill_container(void *arg, const struct pause_attempt *a)
{
	pause_link_signal(arg, a->name, -1, SIGKILL);
	return 0;
}

/* In order: a pause that leaves also kills what its containers left behind. */
static inline int kill_one(void *arg, const struct pause_found *f)
{
	struct pod p = {.pause = f->pid};
	(void)arg;
	if (!f->alive)
		return 0;
	snprintf(p.dir, sizeof p.dir, "%s", f->dir);
	pod_connect(&p);
	pause_recover(p.dir, kill_container, p.link);
	pause_link_exit(p.link);
	pod_until(&p, never);
	pod_end(&p);
	cr_expect(await_end(f->pid));
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void cluster_end(struct cluster *c)
{
	char pods[200];
	snprintf(pods, sizeof pods, "%s/pods", c->dir);
	pause_find(pods, kill_one, NULL, NULL);
	if (c->launcher >= 0)
		close(c->launcher);
	if (c->launcher_pid > 0)
		waitpid(c->launcher_pid, NULL, 0);
	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
