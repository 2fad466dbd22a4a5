/* Reading CRI logs.
 *
 * A log is one or two files: <n>.log.1, what was rotated, then <n>.log. They
 * are opened together at the start. While following, the end of the current
 * file means "rotated" when its name belongs to another file: the old one is
 * read once more to its end (the writer renames before it opens the new one,
 * so nothing comes after that), then the new one from its start.
 *
 * Times are compared as text: they are written with a fixed width, in UTC. */
#include "nodes/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/cri_log.h"

enum {
	BLOCK_BYTES = 32 * 1024,
	TAIL_BYTES = 64 * 1024, /* first guess; doubled until the lines are in it */
};

struct log_reader {
	char *path;
	struct log_options o;
	char since[CRI_TIME_BYTES];
	int old, fd;     /* the rotated file while it is read, or -1; the current one */
	bool last_look;  /* it was rotated; this is its last reading */
	bool ended;      /* the container has */
	bool finished;   /* the limit was reached */
	bool inside[2];  /* of stdout, stderr: the last piece was partial */
	int64_t left;    /* bytes of the limit */
	int inotify;
	struct buf raw;  /* read, but not a whole line yet */
};

/* One line of the file. */
struct cri_line {
	struct span time, text;
	int stream; /* 0 stdout, 1 stderr */
	bool partial;
};

static bool word(struct span *line, struct span *out)
{
	const uint8_t *space = memchr(line->data, ' ', line->len);
	if (!space)
		return false;
	*out = (struct span){line->data, (size_t)(space - line->data)};
	line->data += out->len + 1;
	line->len -= out->len + 1;
	return true;
}

/* `line` without its newline. False: it is not of the form. */
static bool line_parse(struct span line, struct cri_line *out)
{
	struct span stream, tag;
	if (!word(&line, &out->time) || !word(&line, &stream) || !word(&line, &tag))
		return false;
	out->stream = span_is(stream, "stderr");
	out->partial = span_is(tag, "P");
	out->text = line;
	return (out->stream || span_is(stream, "stdout")) && (out->partial || span_is(tag, "F"));
}

/* ---- the tail */

struct tail {
	size_t starts;   /* logical lines that begin in the block */
	size_t skip;     /* so many of them are not wanted */
	size_t position; /* where the first wanted one begins */
};

static bool wanted_stream(const struct log_options *o, int stream)
{
	return o->stream == LOG_ALL || (o->stream == LOG_STDERR) == (stream == 1);
}

/* Walks the lines of a block that begins at a line's start. */
static void tail_walk(const struct log_options *o, struct span block, struct tail *t)
{
	bool inside[2] = {false, false};
	size_t at = 0;
	t->starts = 0;
	t->position = block.len;
	while (at < block.len) {
		const uint8_t *nl = memchr(block.data + at, '\n', block.len - at);
		size_t end = nl ? (size_t)(nl - block.data) : block.len;
		struct cri_line line;
		bool good = line_parse((struct span){block.data + at, end - at}, &line);
		bool counts = !good || wanted_stream(o, line.stream);
		if (counts && !(good && inside[line.stream]) && t->starts++ == t->skip)
			t->position = at;
		if (good)
			inside[line.stream] = line.partial;
		at = end + 1;
	}
}

static bool read_at(int fd, off_t at, size_t n, struct buf *out)
{
	out->len = 0;
	buf_reserve(out, n ? n : 1);
	while (out->len < n) {
		ssize_t got = pread(fd, out->data + out->len, n - out->len, at + (off_t)out->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		out->len += (size_t)got;
	}
	return true;
}

/* Moves fd to the start of its last `want` lines; returns how many there are
 * from there on. Looks at growing blocks of the file's end. */
static int64_t tail_seek(const struct log_options *o, int fd, int64_t want)
{
	struct stat st;
	struct buf block = {0};
	int64_t found = 0;
	if (fstat(fd, &st) != 0)
		return 0;
	for (off_t bytes = TAIL_BYTES;; bytes *= 2) {
		bool whole = bytes >= st.st_size;
		off_t from = whole ? 0 : st.st_size - bytes;
		if (!read_at(fd, from, (size_t)(st.st_size - from), &block))
			break;
		/* Part of a line, and the line that may continue it: not counted. */
		size_t lead = 0;
		for (int i = 0; !whole && i < 2 && lead < block.len; i++) {
			uint8_t *nl = memchr(block.data + lead, '\n', block.len - lead);
			lead = nl ? (size_t)(nl - block.data) + 1 : block.len;
		}
		struct span rest = {block.data + lead, block.len - lead};
		struct tail t = {.skip = SIZE_MAX};
		tail_walk(o, rest, &t);
		if (!whole && (int64_t)t.starts <= want)
			continue;
		found = (int64_t)t.starts < want ? (int64_t)t.starts : want;
		t.skip = t.starts - (size_t)found;
		tail_walk(o, rest, &t);
		lseek(fd, from + (off_t)lead + (off_t)t.position, SEEK_SET);
		break;
	}
	buf_fini(&block);
	return found;
}

static void seek_tail(struct log_reader *r)
{
	if (r->o.tail_lines < 0)
		return;
	int64_t found = tail_seek(&r->o, r->fd, r->o.tail_lines);
	if (r->old < 0)
		return;
	if (found < r->o.tail_lines) {
		tail_seek(&r->o, r->old, r->o.tail_lines - found);
	} else {
		close(r->old);
		r->old = -1;
	}
}

/* ---- open and close */

static uint64_t inode_of(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

struct log_place log_where(const struct log_reader *r)
{
	int fd = r->old >= 0 ? r->old : r->fd;
	return (struct log_place){
		.inode = inode_of(fd),
		.offset = (uint64_t)lseek(fd, 0, SEEK_CUR) - r->raw.len,
		.left = r->left,
		.inside = (uint64_t)r->inside[0] | (uint64_t)r->inside[1] << 1,
	};
}

/* Of a file that is gone by now the rest is, too: what follows it is shown. */
static void seek_place(struct log_reader *r, const struct log_place *from)
{
	r->left = from->left;
	r->inside[0] = from->inside & 1;
	r->inside[1] = from->inside & 2;
	if (inode_of(r->old) == from->inode) {
		lseek(r->old, (off_t)from->offset, SEEK_SET);
	} else if (inode_of(r->fd) == from->inode) {
		lseek(r->fd, (off_t)from->offset, SEEK_SET);
		if (r->old >= 0)
			close(r->old);
		r->old = -1;
	}
}

/* The rotated file, unless it is the current one (rotated in between). */
static void open_old(struct log_reader *r)
{
	struct buf path = {0};
	struct stat a, b;
	buf_puts(&path, r->path);
	buf_puts(&path, ".1");
	r->old = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
	buf_fini(&path);
	if (r->old >= 0 && fstat(r->old, &a) == 0 && fstat(r->fd, &b) == 0 &&
	    a.st_ino == b.st_ino) {
		close(r->old);
		r->old = -1;
	}
}

static void watch(struct log_reader *r, const char *pod_dir, const char *container)
{
	struct buf dir = {0};
	r->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->inotify < 0)
		return;
	buf_puts(&dir, pod_dir);
	buf_puts(&dir, "/logs/");
	buf_puts(&dir, container);
	if (inotify_add_watch(r->inotify, buf_text(&dir), IN_MODIFY | IN_CREATE) < 0) {
		close(r->inotify);
		r->inotify = -1;
	}
	buf_fini(&dir);
}

int log_open(struct log_reader **out, const char *pod_dir, const char *container,
	     uint32_t attempt, const struct log_options *o, struct err *e)
{
	struct buf path = {0};
	buf_printf(&path, "%s/logs/%s/%u.log", pod_dir, container, attempt);
	int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int rc = err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s",
				 buf_text(&path), strerror(errno));
		buf_fini(&path);
		return rc;
	}
	struct log_reader *r = mem_alloc(sizeof *r);
	r->path = mem_dup(buf_text(&path));
	buf_fini(&path);
	r->o = *o;
	r->fd = fd;
	r->left = o->limit_bytes;
	r->inotify = -1;
	struct timespec since = {o->since_us / 1000000, o->since_us % 1000000 * 1000};
	cri_time(&since, r->since);
	if (o->follow) /* before the first look: nothing falls in between */
		watch(r, pod_dir, container);
	open_old(r);
	if (o->from)
		seek_place(r, o->from);
	else
		seek_tail(r);
	r->o.from = NULL;
	*out = r;
	return 0;
}

void log_close(struct log_reader *r)
{
	if (!r)
		return;
	if (r->old >= 0)
		close(r->old);
	if (r->inotify >= 0)
		close(r->inotify);
	close(r->fd);
	buf_fini(&r->raw);
	free(r->path);
	free(r);
}

int log_fd(const struct log_reader *r)
{
	return r->inotify;
}

void log_finish(struct log_reader *r)
{
	r->ended = true;
}

/* ---- reading */

static void put(struct log_reader *r, struct buf *out, const void *data, size_t n)
{
	if (r->o.limit_bytes >= 0 && (int64_t)n >= r->left) {
		n = (size_t)r->left;
		r->finished = true;
	}
	buf_append(out, data, n);
	r->left -= (int64_t)n;
}

static void put_line(struct log_reader *r, struct buf *out, struct span raw)
{
	struct cri_line line;
	if (!line_parse(raw, &line)) {
		put(r, out, raw.data, raw.len); /* not ours: as it is */
		put(r, out, "\n", 1);
		return;
	}
	bool early = r->o.since_us > 0 && line.time.len == CRI_TIME_BYTES &&
		     memcmp(line.time.data, r->since, CRI_TIME_BYTES) < 0;
	bool begins = !r->inside[line.stream];
	r->inside[line.stream] = line.partial;
	if (early || !wanted_stream(&r->o, line.stream))
		return;
	if (r->o.timestamps && begins) {
		put(r, out, line.time.data, line.time.len);
		put(r, out, " ", 1);
	}
	put(r, out, line.text.data, line.text.len);
	if (!line.partial)
		put(r, out, "\n", 1);
}

static void put_lines(struct log_reader *r, struct buf *out)
{
	size_t at = 0;
	while (at < r->raw.len && !r->finished) {
		uint8_t *nl = memchr(r->raw.data + at, '\n', r->raw.len - at);
		if (!nl)
			break;
		size_t n = (size_t)(nl - r->raw.data) - at;
		put_line(r, out, (struct span){r->raw.data + at, n});
		at += n + 1;
	}
	memmove(r->raw.data, r->raw.data + at, r->raw.len - at);
	r->raw.len -= at;
}

/* Bytes read, 0 at the end, -1. */
static ssize_t read_block(struct log_reader *r, int fd)
{
	ssize_t n;
	buf_reserve(&r->raw, BLOCK_BYTES);
	do
		n = read(fd, r->raw.data + r->raw.len, BLOCK_BYTES);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		r->raw.len += (size_t)n;
	return n;
}

static bool is_rotated(const struct log_reader *r)
{
	struct stat mine, now;
	return fstat(r->fd, &mine) == 0 && stat(r->path, &now) == 0 && mine.st_ino != now.st_ino;
}

/* At the end of the current file. 0: there is another one now. */
static int at_end(struct log_reader *r)
{
	if (r->last_look) {
		int next = open(r->path, O_RDONLY | O_CLOEXEC);
		if (next < 0)
			return ERR_CLOSED;
		close(r->fd);
		r->fd = next;
		r->last_look = false;
		return 0;
	}
	if (is_rotated(r)) {
		r->last_look = true;
		return 0;
	}
	return r->o.follow && !r->ended ? ERR_AGAIN : ERR_CLOSED;
}

int log_read(struct log_reader *r, struct buf *out)
{
	char ignored[1024];
	if (r->finished || r->o.limit_bytes == 0)
		return ERR_CLOSED;
	if (r->inotify >= 0) /* first: what is written from now on wakes again */
		while (read(r->inotify, ignored, sizeof ignored) > 0)
			;
	ssize_t n = read_block(r, r->old >= 0 ? r->old : r->fd);
	if (n > 0) {
		put_lines(r, out);
		return 0;
	}
	if (r->old >= 0) {
		close(r->old);
		r->old = -1;
		return n < 0 ? ERR_CLOSED : 0;
	}
	return n < 0 ? ERR_CLOSED : at_end(r);
}
