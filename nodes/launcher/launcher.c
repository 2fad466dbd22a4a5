/* The launcher's own process: one poll loop over its listener, its clients
 * and the pauses that are just starting.
 *
 * A pause is spawned with posix_spawn (no copy of our pages), in a session of
 * its own, with nothing of ours but a pipe on which it says "ok" once it
 * listens. Its parent is the launcher until that dies, then init; SIGCHLD is
 * ignored, so nobody has to reap it. Its standard streams are /dev/null: the
 * terminal or pipe of `troupe up` must not be held open by pods that stay. */
#include "nodes/launcher/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/pause/packet.h"
#include "nodes/pause/procid.h"
#include "nodes/pause/proto.h"

struct starting {
	char uid[LAUNCHER_UID_BYTES_MAX + 1];
	char *dir;
	int client;   /* its place in clients; -1: it is gone */
	int ready;    /* read end of the pause's pipe; -1: a free place */
	pid_t pid;
	int64_t deadline_ms;
};

struct launcher {
	char *pause_path;
	int listener;
	int clients[LAUNCHER_CLIENTS_MAX]; /* -1: free; place 0 is the primary */
	struct starting starting[LAUNCHER_STARTING_MAX];
	size_t starting_count;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- answers */

static void client_drop(struct launcher *l, int place)
{
	close(l->clients[place]);
	l->clients[place] = -1;
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++)
		if (l->starting[i].client == place)
			l->starting[i].client = -1;
}

/* A client that does not read its answers loses its connection, and with it
 * nothing: the pause is found by the pod's directory. */
static void answer(struct launcher *l, int place, const char *uid, pid_t pid, int code,
		   const char *text)
{
	struct buf b = {0};
	size_t offset = 0;
	if (place < 0 || l->clients[place] < 0)
		return;
	mpw_map(&b, code ? 3 : 2);
	mpw_kv_str(&b, "uid", uid);
	if (code) {
		mpw_kv_str(&b, "code", err_name(code));
		mpw_kv_str(&b, "text", text);
	} else {
		mpw_kv_i64(&b, "pid", pid);
	}
	int rc = packet_send(l->clients[place], span_buf(&b), &offset);
	buf_fini(&b);
	if (rc && place > 0)
		client_drop(l, place);
}

static void answer_errno(struct launcher *l, int place, const char *uid, const char *what,
			 int number)
{
	char text[160];
	snprintf(text, sizeof text, "%.100s: %s", what, strerror(number));
	answer(l, place, uid, 0, ERR_IO, text);
}

/* ---- starting a pause */

static int make_directory(const char *path)
{
	char part[PATH_MAX];
	if (strlen(path) >= sizeof part)
		return ENAMETOOLONG;
	strcpy(part, path);
	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return errno;
		*at = '/';
	}
	return mkdir(part, 0700) != 0 && errno != EEXIST ? errno : 0;
}

static int spawn(const struct launcher *l, const char *uid, const char *dir, int ready, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t all, none;
	char *argv[] = {"troupe-pause", (char *)uid, NULL};
	char *env[] = {NULL};
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, dir);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&fa, i, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&fa, ready, PAUSE_READY_FD);
	int number = posix_spawn(pid, l->pause_path, &fa, &attr, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return number;
}

static struct starting *free_place(struct launcher *l)
{
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++)
		if (l->starting[i].ready < 0)
			return &l->starting[i];
	return NULL;
}

static bool uid_ok(struct span uid)
{
	for (size_t i = 0; i < uid.len; i++) {
		uint8_t c = uid.data[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '-')
			return false;
	}
	return uid.len > 0 && uid.len <= LAUNCHER_UID_BYTES_MAX;
}

/* An upgrade or a tidy hand may have removed the program: then again. */
static int start_again(struct launcher *l, const char *uid, const char *dir, int ready, pid_t *pid)
{
	int number = spawn(l, uid, dir, ready, pid);
	if (number == ENOENT && launcher_unpack(NULL) == 0)
		number = spawn(l, uid, dir, ready, pid);
	return number;
}

static void start(struct launcher *l, int place, const char *uid, char *dir)
{
	struct starting *s = free_place(l);
	int ready[2], number = make_directory(dir);
	if (number == 0 && pipe2(ready, O_CLOEXEC) != 0)
		number = errno;
	if (number) {
		answer_errno(l, place, uid, dir, number);
		free(dir);
		return;
	}
	/* Above 3, so that the spawned side's dup2 truly copies it. */
	int high = fcntl(ready[1], F_DUPFD_CLOEXEC, 10);
	number = high < 0 ? errno : start_again(l, uid, dir, high, &s->pid);
	close(ready[1]);
	if (high >= 0)
		close(high);
	if (number) {
		close(ready[0]);
		answer_errno(l, place, uid, l->pause_path, number);
		free(dir);
		return;
	}
	fcntl(ready[0], F_SETFL, O_NONBLOCK);
	strcpy(s->uid, uid);
	s->dir = dir;
	s->client = place;
	s->ready = ready[0];
	s->deadline_ms = now_ms() + LAUNCHER_START_MS_MAX;
	l->starting_count++;
}

static pid_t living_pause(const char *dir)
{
	struct buf path = {0};
	uint8_t text[128];
	struct procid id = {.pid = 0};
	buf_puts(&path, dir);
	buf_puts(&path, "/" PAUSE_PID_FILE);
	int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	if (fd >= 0)
		close(fd);
	buf_fini(&path);
	if (n > 0 && procid_read((struct span){text, (size_t)n}, &id) && procid_alive(&id))
		return id.pid;
	return 0;
}

static void starting_end(struct launcher *l, struct starting *s)
{
	close(s->ready);
	free(s->dir);
	s->dir = NULL;
	s->ready = -1;
	l->starting_count--;
}

/* What the pause said, or that it said nothing and is gone. */
static void on_ready(struct launcher *l, struct starting *s)
{
	char text[160];
	ssize_t n = read(s->ready, text, sizeof text - 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	text[n > 0 ? n : 0] = 0;
	pid_t other = strcmp(text, PAUSE_READY_BUSY) == 0 ? living_pause(s->dir) : 0;
	if (strcmp(text, PAUSE_READY_OK) == 0)
		answer(l, s->client, s->uid, s->pid, 0, NULL);
	else if (other)
		answer(l, s->client, s->uid, other, 0, NULL);
	else if (strcmp(text, PAUSE_READY_BUSY) == 0)
		/* Locked, but nobody is there yet or any more. */
		answer(l, s->client, s->uid, 0, ERR_AGAIN, "the pod's directory is locked");
	else
		answer(l, s->client, s->uid, 0, ERR_IO, n > 0 ? text : "the pause died at start");
	starting_end(l, s);
}

static void expire(struct launcher *l)
{
	int64_t now = now_ms();
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++) {
		struct starting *s = &l->starting[i];
		if (s->ready < 0 || s->deadline_ms > now)
			continue;
		kill(s->pid, SIGKILL);
		answer(l, s->client, s->uid, 0, ERR_TIMEOUT, "the pause did not come up");
		starting_end(l, s);
	}
}

/* ---- requests */

static void request(struct launcher *l, int place, struct span message)
{
	char uid[LAUNCHER_UID_BYTES_MAX + 1] = "";
	struct mp m = mp_of(message);
	bool good = mp_check(message, NULL) == 0;
	struct span id = good ? mp_path_str(m, "uid") : (struct span){0};
	struct span dir = good ? mp_path_str(m, "dir") : (struct span){0};
	if (!uid_ok(id)) {
		answer(l, place, "", 0, ERR_INVALID, "uid");
		return;
	}
	memcpy(uid, id.data, id.len);
	uid[id.len] = 0;
	if (dir.len < 2 || dir.len >= PATH_MAX || dir.data[0] != '/' ||
	    memchr(dir.data, 0, dir.len)) {
		answer(l, place, uid, 0, ERR_INVALID, "dir: an absolute path is needed");
		return;
	}
	start(l, place, uid, mem_ndup(dir.data, dir.len));
}

/* False: the client is gone. */
static bool client_read(struct launcher *l, int place)
{
	struct buf b = {0};
	int rc = 0;
	while (rc == 0 && l->clients[place] >= 0 && l->starting_count < LAUNCHER_STARTING_MAX) {
		b.len = 0;
		rc = packet_receive(l->clients[place], &b);
		if (rc == 0)
			request(l, place, span_buf(&b));
	}
	buf_fini(&b);
	return rc == 0 || rc == ERR_AGAIN;
}

static void client_accept(struct launcher *l)
{
	for (int i = 1; i < LAUNCHER_CLIENTS_MAX; i++) {
		if (l->clients[i] >= 0)
			continue;
		l->clients[i] = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (l->clients[i] < 0)
			return;
	}
}

static bool has_free_client(const struct launcher *l)
{
	for (int i = 1; i < LAUNCHER_CLIENTS_MAX; i++)
		if (l->clients[i] < 0)
			return true;
	return false;
}

/* False: the primary is closed. */
static bool turn(struct launcher *l)
{
	struct pollfd p[1 + LAUNCHER_CLIENTS_MAX + LAUNCHER_STARTING_MAX];
	struct pollfd *clients = p + 1, *starting = clients + LAUNCHER_CLIENTS_MAX;
	bool room = l->starting_count < LAUNCHER_STARTING_MAX;
	p[0] = (struct pollfd){.fd = has_free_client(l) ? l->listener : -1, .events = POLLIN};
	for (int i = 0; i < LAUNCHER_CLIENTS_MAX; i++)
		clients[i] = (struct pollfd){.fd = room ? l->clients[i] : -1, .events = POLLIN};
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++)
		starting[i] = (struct pollfd){.fd = l->starting[i].ready, .events = POLLIN};
	if (poll(p, sizeof p / sizeof *p, l->starting_count ? 1000 : -1) < 0)
		return errno == EINTR;
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++)
		if (starting[i].revents)
			on_ready(l, &l->starting[i]);
	expire(l);
	for (int i = 0; i < LAUNCHER_CLIENTS_MAX; i++) {
		if (!clients[i].revents || l->clients[i] < 0 || client_read(l, i))
			continue;
		if (i == 0)
			return false;
		client_drop(l, i);
	}
	if (p[0].revents)
		client_accept(l);
	return true;
}

/* ---- begin */

static int open_listener(struct launcher *l, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = LAUNCHER_SOCKET};
	l->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(LAUNCHER_SOCKET); /* the data directory has one owner: the store's lock */
	umask(0177);
	if (l->listener < 0 || bind(l->listener, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(l->listener, 64) != 0)
		return err_set(e, ERR_IO, "%s: %s", LAUNCHER_SOCKET, strerror(errno));
	umask(077);
	return 0;
}

static int prepare(struct launcher *l, const char *data_dir, struct err *e)
{
	char here[PATH_MAX];
	for (int i = 0; i < LAUNCHER_CLIENTS_MAX; i++)
		l->clients[i] = -1;
	for (int i = 0; i < LAUNCHER_STARTING_MAX; i++)
		l->starting[i] = (struct starting){.client = -1, .ready = -1};
	/* From here on all paths are short and relative. */
	if (chdir(data_dir) != 0 || !getcwd(here, sizeof here))
		return err_set(e, ERR_IO, "%s: %s", data_dir, strerror(errno));
	struct buf path = {0};
	buf_puts(&path, here);
	buf_puts(&path, "/" LAUNCHER_PAUSE);
	l->pause_path = mem_dup(buf_text(&path));
	buf_fini(&path);
	int rc = launcher_unpack(e);
	return rc ? rc : open_listener(l, e);
}

/* What the parent has open is not for us, nor for pods: all but the standard
 * streams and the primary goes. */
static void shed(int *primary)
{
	int high = fcntl(*primary, F_DUPFD_CLOEXEC, 10);
	if (high > 3) {
		close_range(3, (unsigned)high - 1, 0);
		close_range((unsigned)high + 1, ~0u, 0);
		*primary = high;
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN); /* it ends when its parent does, not before */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_NAME, "troupe-launch");
}

_Noreturn void launcher_main(const char *data_dir, int primary)
{
	struct launcher *l = mem_alloc(sizeof *l);
	struct err e = {0};
	shed(&primary);
	int rc = prepare(l, data_dir, &e);
	l->clients[0] = primary;
	answer(l, 0, "", 0, rc, e.text);
	if (rc)
		_exit(1);
	while (turn(l))
		;
	unlink(LAUNCHER_SOCKET);
	_exit(0);
}
