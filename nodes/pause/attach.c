#include "nodes/pause/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/run.h"
#include "nodes/pause/terminal.h"

/* A pipe takes as much whole or not at all, so two who speak are not mixed within it. */
enum { SAID_BYTES = PIPE_BUF };

struct attach {
	struct run *run;  /* NULL: it has ended, with `code` */
	int code;
	int fd[3];        /* what it says, what it hears; -1: over */
	bool speaks;
	bool said_all;    /* it says so; what is in its pipe still counts */
	struct buf said, heard[2]; /* not taken yet */
	struct attach *next;       /* of the same run */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

struct attach *attach_new(struct run *run, struct packet_fds *io, bool speaks)
{
	struct attach *a = mem_alloc(sizeof *a);
	a->run = run;
	a->speaks = speaks && run->std.open;
	for (int i = 0; i < 3; i++) {
		a->fd[i] = io->fd[i];
		fcntl(a->fd[i], F_SETFL, fcntl(a->fd[i], F_GETFL) | O_NONBLOCK);
	}
	io->count = 0;
	if (!a->speaks)
		close_fd(&a->fd[0]);
	if (run->std.tty)
		close_fd(&a->fd[2]);
	a->next = run->std.first;
	run->std.first = a;
	return a;
}

static void leave_run(struct attach *a)
{
	struct attach **at = a->run ? &a->run->std.first : NULL;
	while (at && *at != a)
		at = &(*at)->next;
	if (at)
		*at = a->next;
	a->run = NULL;
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	struct run *run = a->run;
	/* It went before it could say all, but meant to leave. */
	if (run && a->speaks && a->said_all && run->std.once && !run->std.tty)
		close_fd(&run->std.in);
	leave_run(a);
	for (int i = 0; i < 3; i++)
		close_fd(&a->fd[i]);
	buf_fini(&a->said);
	buf_fini(&a->heard[0]);
	buf_fini(&a->heard[1]);
	free(a);
}

/* ---- what it hears */

/* Bytes of `data` that were taken; all of them when nobody listens there. */
static size_t put(int *fd, struct span data)
{
	size_t done = 0;
	while (*fd >= 0 && done < data.len) {
		ssize_t n = write(*fd, data.data + done, data.len - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			return done;
		else if (errno != EINTR)
			close_fd(fd);
	}
	return data.len;
}

static void drop_front(struct buf *b, size_t n)
{
	if (n == b->len) {
		buf_fini(b);
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

static void hear(struct attach *a, int i, struct span data)
{
	size_t n = a->heard[i].len ? 0 : put(&a->fd[1 + i], data);
	if (a->fd[1 + i] >= 0 && n < data.len)
		buf_append(&a->heard[i], data.data + n, data.len - n);
}

void attach_feed(struct run *run, int i, struct span data)
{
	for (struct attach *a = run->std.first; a; a = a->next)
		hear(a, i, data);
}

bool attach_waits(const struct run *run)
{
	for (const struct attach *a = run->std.first; a; a = a->next)
		if (a->heard[0].len || a->heard[1].len)
			return true;
	return false;
}

/* Nothing waits for it: then what happened is that its reader went. */
static void on_heard(struct attach *a, int i)
{
	if (a->heard[i].len)
		drop_front(&a->heard[i], put(&a->fd[1 + i], span_buf(&a->heard[i])));
	else
		close_fd(&a->fd[1 + i]);
	if (a->fd[1 + i] < 0)
		buf_fini(&a->heard[i]);
}

/* ---- what it says */

/* When it has said all and the container has it. */
static void note_end(struct attach *a)
{
	if (a->run && a->said_all && a->fd[0] < 0 && a->said.len == 0 && a->run->std.once &&
	    !a->run->std.tty)
		close_fd(&a->run->std.in);
}

static void on_said(struct attach *a)
{
	uint8_t some[SAID_BYTES];
	ssize_t n = read(a->fd[0], some, sizeof some);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_fd(&a->fd[0]);
		return;
	}
	struct span data = {some, (size_t)n};
	size_t done = a->run ? put(&a->run->std.in, data) : data.len;
	if (done < data.len)
		buf_append(&a->said, some + done, data.len - done);
}

void attach_message(struct attach *a, struct mp m)
{
	struct mp size;
	size_t n;
	int64_t width, height;
	if (mp_path_bool(m, "end", false))
		a->said_all = true;
	if (mp_find(m, "resize", &size) && mp_array(&size, &n) == 0 && n == 2 &&
	    mp_i64(&size, &width) == 0 && mp_i64(&size, &height) == 0 && a->run &&
	    a->run->std.tty && a->run->std.in >= 0)
		terminal_resize(a->run->std.in, (uint16_t)width, (uint16_t)height);
	note_end(a);
}

/* ---- the loop */

/* A descriptor that has nothing to do is not polled: its hang-up would be told
 * without end. Those that it hears by are, to learn that it went. */
void attach_fill(const struct attach *a, struct pollfd *polls)
{
	bool saying = a->said.len > 0;
	polls[0] = (struct pollfd){.fd = saying ? -1 : a->fd[0], .events = POLLIN};
	polls[1] = (struct pollfd){.fd = a->fd[1], .events = a->heard[0].len ? POLLOUT : 0};
	polls[2] = (struct pollfd){.fd = a->fd[2], .events = a->heard[1].len ? POLLOUT : 0};
	polls[3] = (struct pollfd){.fd = saying && a->run ? a->run->std.in : -1, .events = POLLOUT};
}

void attach_polled(struct attach *a, const struct pollfd *polls)
{
	for (int i = 0; i < 2; i++)
		if (polls[1 + i].revents && a->fd[1 + i] >= 0)
			on_heard(a, i);
	if (polls[0].revents && a->fd[0] >= 0 && a->said.len == 0)
		on_said(a);
	/* Also when somebody closed its stdin meanwhile: then nobody is to be waited for. */
	if (a->said.len && (polls[3].revents || !a->run || a->run->std.in < 0))
		drop_front(&a->said, a->run ? put(&a->run->std.in, span_buf(&a->said)) : a->said.len);
	note_end(a);
}

bool attach_over(const struct attach *a, int *code)
{
	const struct stdio *std = a->run ? &a->run->std : NULL;
	bool spoken = std && a->speaks && a->said_all && a->fd[0] < 0 && a->said.len == 0 &&
		      (std->tty || !std->once);
	*code = a->code;
	return (!a->run || spoken) && !a->heard[0].len && !a->heard[1].len;
}

void attach_run_ended(struct run *run)
{
	close_fd(&run->std.in);
	while (run->std.first) {
		struct attach *a = run->std.first;
		a->code = run->at.code;
		close_fd(&a->fd[0]);
		buf_fini(&a->said);
		leave_run(a);
	}
}
