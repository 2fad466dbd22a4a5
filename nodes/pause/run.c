/* An attempt's life: started (its pipe of starting closes at exec), running
 * (its output is copied), ended (reaped, drained, written down, told).
 *
 * A grandchild may keep the output pipes open for ever: the exit does not
 * wait for it. What is in the pipes at that moment is taken, the exit is
 * reported, and the pipes are read on until they close. */
#include "nodes/pause/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/oci.h"
#include "nodes/pause/terminal.h"

enum {
	READ_BYTES = 16 * 1024,
	DRAIN_READS_MAX = 64, /* more than a pipe holds: 64 KiB, 1 MiB if enlarged */
};

static int64_t wall_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put_number(struct buf *out, uint32_t v)
{
	char text[12];
	size_t at = sizeof text;
	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_append(out, text + at, sizeof text - at);
}

/* "<dir>/<name><separator><attempt><suffix>" */
static const char *path_of(struct buf *b, const char *dir, const char *name, char separator,
			   uint32_t attempt, const char *suffix)
{
	b->len = 0;
	buf_puts(b, dir);
	buf_puts(b, name);
	buf_putc(b, separator);
	put_number(b, attempt);
	buf_puts(b, suffix);
	return buf_text(b);
}

/* Whole under its name, or not there: written beside it and renamed. */
static bool write_file(const char *path, struct span content)
{
	struct buf temporary = {0};
	buf_puts(&temporary, path);
	buf_puts(&temporary, ".tmp");
	const char *beside = buf_text(&temporary);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, content.data, content.len) == (ssize_t)content.len;
	if (fd >= 0)
		close(fd);
	good = good && rename(beside, path) == 0;
	buf_fini(&temporary);
	return good;
}

static bool write_record(const struct run *r, const char *dir)
{
	struct buf path = {0}, content = {0};
	pause_attempt_write(&r->at, NULL, &content);
	bool good = write_file(path_of(&path, dir, r->at.name, '.', r->at.attempt, ""),
			       span_buf(&content));
	buf_fini(&path);
	buf_fini(&content);
	return good;
}

bool run_save(struct run *r)
{
	if (!r->saved)
		r->saved = write_record(r, "exits/");
	return r->saved;
}

static void fail(struct run *r, struct span why)
{
	size_t n = why.len < PAUSE_ERROR_BYTES_MAX ? why.len : PAUSE_ERROR_BYTES_MAX;
	memcpy(r->at.error, why.data, n);
	r->at.error[n] = 0;
	if (!utf8_ok((struct span){(const uint8_t *)r->at.error, n}))
		for (char *c = r->at.error; *c; c++)
			*c = (unsigned char)*c < 0x80 ? *c : '?';
	r->at.started_us = 0;
	r->at.code = 128;
}

static void open_log(struct run *r, uint64_t log_bytes)
{
	struct buf path = {0};
	buf_puts(&path, "logs/");
	buf_puts(&path, r->at.name);
	mkdir(buf_text(&path), 0750);
	path_of(&path, "logs/", r->at.name, '/', r->at.attempt, ".log");
	cri_log_open(&r->log, buf_text(&path), log_bytes, NULL);
	buf_fini(&path);
}

const char *run_id(struct buf *b, const char *name, uint32_t attempt)
{
	return path_of(b, "", name, '.', attempt, "");
}

struct run *run_new(const struct pause_attempt *id, const struct child_spec *spec,
		    uint64_t log_bytes, struct span oom_file)
{
	struct run *r = mem_alloc(sizeof *r);
	struct child c = {.pid = 0, .out = -1, .err = -1, .in = -1, .console = -1, .started = -1};
	struct err e;
	struct mp list = spec->groups;
	struct span groups;
	r->at = *id;
	r->uid = spec->uid;
	r->gid = spec->gid;
	if (mp_raw(&list, &groups) == 0)
		buf_append(&r->groups, groups.data, groups.len);
	r->stream[0].name = "stdout";
	r->stream[1].name = "stderr";
	open_log(r, log_bytes);
	r->at.started_us = wall_us();
	r->launching = spec->bundle.len > 0;
	if (r->launching)
		r->bundle = mem_ndup(spec->bundle.data, spec->bundle.len);
	if (spec->word.len)
		r->word = mem_ndup(spec->word.data, spec->word.len);
	if (oom_file.len)
		r->oom_file = mem_ndup(oom_file.data, oom_file.len);
	int rc = child_start(spec, &c, &e);
	r->at.pid = c.pid;
	r->started_fd = c.started;
	r->pipe[0] = c.out;
	r->pipe[1] = c.err;
	r->std = (struct stdio){.in = c.in, .tty = spec->tty, .open = spec->in};
	r->console = c.console;
	if (rc) {
		fail(r, span_of(e.text));
		r->at.ended = true;
		r->launching = false;
		r->at.finished_us = wall_us();
		run_save(r);
	} else if (!r->launching) {
		write_record(r, "starts/");
	}
	return r;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void run_free(struct run *r)
{
	close_fd(&r->started_fd);
	close_fd(&r->console);
	attach_run_ended(r);
	for (int i = 0; i < 2; i++) {
		close_fd(&r->pipe[i]);
		cri_flush(&r->log, &r->stream[i]);
	}
	cri_log_close(&r->log);
	buf_fini(&r->groups);
	buf_fini(&r->held);
	free(r->bundle);
	free(r->word);
	free(r->oom_file);
	free(r);
}

void run_started(struct run *r)
{
	uint8_t text[PAUSE_ERROR_BYTES_MAX];
	if (r->started_fd < 0)
		return;
	ssize_t n = read(r->started_fd, text, sizeof text);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		fail(r, (struct span){text, (size_t)n});
	else
		r->execed = !r->launching;
	close_fd(&r->started_fd);
}

/* The OCI program's own words are read, and its pipes given up for the terminal. */
static void take_terminal(struct run *r)
{
	int master = terminal_receive(r->console);
	close_fd(&r->console);
	for (int i = 0; i < 2; i++) {
		while (run_read(r, i))
			;
		close_fd(&r->pipe[i]);
	}
	r->pipe[0] = master;
	r->std.in = master >= 0 ? fcntl(master, F_DUPFD_CLOEXEC, 3) : -1;
}

bool run_launched(struct run *r, int status)
{
	run_started(r);
	pid_t pid = status == 0 && !r->at.error[0] ? oci_pid(r->bundle) : 0;
	if (!pid && !r->at.error[0]) {
		struct buf why = {0};
		oci_why(r->bundle, span_of(r->word ? r->word : ""), &why);
		fail(r, span_buf(&why));
		buf_fini(&why);
	}
	r->launching = false;
	if (!pid) {
		run_ended(r, status);
		return false;
	}
	if (r->console >= 0)
		take_terminal(r);
	r->at.pid = pid;
	r->at.started_us = wall_us();
	r->execed = true;
	write_record(r, "starts/");
	if (r->pending)
		kill(pid, r->pending);
	return true;
}

static void take_output(struct run *r, int i, struct span said)
{
	cri_feed(&r->log, &r->stream[i], said.data, said.len);
	attach_feed(r, i, said);
}

static void release_held(struct run *r)
{
	struct buf held = r->held;
	r->held = (struct buf){0};
	if (held.len)
		take_output(r, r->held_stream, span_buf(&held));
	buf_fini(&held);
}

/* Only the first that comes can be crun's. */
static bool hold(struct run *r, int i, struct span said)
{
	bool first = !r->spoke;
	r->spoke = true;
	if (first && r->bundle && oci_never_ran(said)) {
		buf_append(&r->held, said.data, said.len);
		r->held_stream = i;
		return true;
	}
	release_held(r);
	return false;
}

bool run_read(struct run *r, int i)
{
	uint8_t scratch[READ_BYTES]; /* pages that are not written to cost nothing */
	if (r->pipe[i] < 0)
		return false;
	ssize_t n = read(r->pipe[i], scratch, sizeof scratch);
	if (n > 0) {
		struct span said = {scratch, (size_t)n};
		if (!hold(r, i, said))
			take_output(r, i, said);
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	cri_flush(&r->log, &r->stream[i]);
	close_fd(&r->pipe[i]);
	return false;
}

/* crun ends with 1 then. Who ends otherwise has said it himself. */
static void take_held(struct run *r, int status)
{
	if (r->held.len && WIFEXITED(status) && WEXITSTATUS(status) == 1) {
		struct buf why = {0};
		oci_why_never(span_buf(&r->held), span_of(r->word ? r->word : ""), &why);
		fail(r, span_buf(&why));
		buf_fini(&why);
		buf_fini(&r->held);
	}
	release_held(r);
}

void run_ended(struct run *r, int status)
{
	run_started(r);
	close_fd(&r->started_fd);
	for (int i = 0; i < 2; i++)
		for (int reads = 0; reads < DRAIN_READS_MAX && run_read(r, i); reads++)
			;
	r->at.ended = true;
	r->at.finished_us = wall_us();
	take_held(r, status);
	if (!r->at.error[0]) {
		r->at.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		r->at.code = r->at.signal ? 128 + r->at.signal : WEXITSTATUS(status);
		r->at.oom = r->at.code && r->oom_file && oci_oom(r->oom_file);
	}
	run_save(r);
	attach_run_ended(r);
}

void run_forget_files(const char *name, uint32_t attempt)
{
	struct buf path = {0};
	unlink(path_of(&path, "starts/", name, '.', attempt, ""));
	unlink(path_of(&path, "exits/", name, '.', attempt, ""));
	unlink(path_of(&path, "logs/", name, '/', attempt, ".log"));
	unlink(path_of(&path, "logs/", name, '/', attempt, ".log.1"));
	buf_fini(&path);
}
