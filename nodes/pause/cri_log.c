/* Lines are found in the reader's own buffer and written with one writev per
 * batch: headers are made on the stack, the text is not copied. Only a line
 * that has not ended is kept between reads.
 *
 * A short write means the disk is full: the file is cut back to where the
 * batch began, so that readers never see half a line, and the whole batch is
 * counted as lost. Rejected: writing to a thread (a pause has one page of
 * stack to spare, not two) and dropping lines of a disk that is merely slow
 * (losing output is worse than making its writer wait). */
#include "nodes/pause/cri_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/base/mem.h"

enum {
	BATCH_LINES = 32,
	HEAD_BYTES = CRI_TIME_BYTES + 1 + 6 + 3, /* time, stream, " F " */
};

struct batch {
	struct cri_log *log;
	struct cri_stream *stream;
	size_t lines, vecs;
	struct iovec vec[BATCH_LINES * 4];
	char head[BATCH_LINES][HEAD_BYTES];
};

static void two(char *to, unsigned v)
{
	to[0] = (char)('0' + v / 10 % 10);
	to[1] = (char)('0' + v % 10);
}

/* Days since 1970 to a date: H. Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days. */
static void date_of(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = (unsigned)(yoe + era * 400 + (*month <= 2));
}

void cri_time(const struct timespec *t, char out[CRI_TIME_BYTES])
{
	unsigned year, month, day, of_day = (unsigned)(t->tv_sec % 86400);
	date_of(t->tv_sec / 86400, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.", 20);
	two(out, year / 100);
	two(out + 2, year % 100);
	two(out + 5, month);
	two(out + 8, day);
	two(out + 11, of_day / 3600);
	two(out + 14, of_day / 60 % 60);
	two(out + 17, of_day % 60);
	unsigned long nano = (unsigned long)t->tv_nsec;
	for (int i = 28; i >= 20; i--, nano /= 10)
		out[i] = (char)('0' + nano % 10);
	out[29] = 'Z';
}

static void system_clock(struct timespec *now)
{
	clock_gettime(CLOCK_REALTIME, now);
}

static void open_file(struct cri_log *log)
{
	struct stat st;
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void cri_log_open(struct cri_log *log, const char *path, uint64_t size_max,
		  void (*clock)(struct timespec *))
{
	*log = (struct cri_log){.path = mem_dup(path), .size_max = size_max};
	log->clock = clock ? clock : system_clock;
	open_file(log);
}

void cri_log_close(struct cri_log *log)
{
	if (!log->path)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log->path);
	memset(log, 0, sizeof *log);
	log->fd = -1;
}

static void rotate(struct cri_log *log)
{
	struct buf old = {0};
	buf_puts(&old, log->path);
	buf_puts(&old, ".1");
	/* The name first: a reader that follows sees the file under its new
	 * name, knows that it is complete once it is closed, and goes on. */
	if (rename(log->path, buf_text(&old)) == 0) {
		close(log->fd);
		open_file(log);
	}
	buf_fini(&old);
}

/* All of it or nothing; 0 or an errno. */
static int write_whole(struct cri_log *log, const struct iovec *vec, size_t count)
{
	size_t want = 0;
	for (size_t i = 0; i < count; i++)
		want += vec[i].iov_len;
	if (log->fd < 0)
		open_file(log);
	if (log->fd >= 0 && log->size > 0 && log->size + want > log->size_max)
		rotate(log);
	if (log->fd < 0)
		return errno;
	ssize_t n;
	do
		n = writev(log->fd, vec, (int)count);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)want) {
		log->size += want;
		return 0;
	}
	int why = n < 0 ? errno : ENOSPC;
	if (n > 0 && ftruncate(log->fd, (off_t)log->size) != 0)
		log->size += (size_t)n;
	return why;
}

static void head_of(const struct cri_log *log, const char *stream, char tag, char *head)
{
	struct timespec now;
	log->clock(&now);
	cri_time(&now, head);
	head[CRI_TIME_BYTES] = ' ';
	memcpy(head + CRI_TIME_BYTES + 1, stream, 6);
	memcpy(head + CRI_TIME_BYTES + 7, " F ", 3);
	head[CRI_TIME_BYTES + 8] = tag;
}

/* The line that says what is missing, before the first one that got through. */
static int write_lost(struct cri_log *log)
{
	char head[HEAD_BYTES], count[24];
	size_t at = sizeof count;
	uint64_t v = log->lost;
	do
		count[--at] = (char)('0' + v % 10);
	while (v /= 10);
	const char *why = strerrordesc_np(log->lost_errno);
	head_of(log, "stderr", 'F', head);
	struct buf line = {0};
	buf_append(&line, head, sizeof head);
	buf_puts(&line, "troupe: ");
	buf_append(&line, count + at, sizeof count - at);
	buf_puts(&line, log->lost == 1 ? " line of output was lost: "
				       : " lines of output were lost: ");
	buf_puts(&line, why ? why : "unknown error");
	buf_putc(&line, '\n');
	struct iovec vec = {line.data, line.len};
	int rc = write_whole(log, &vec, 1);
	buf_fini(&line);
	return rc;
}

static void batch_write(struct batch *b)
{
	struct cri_log *log = b->log;
	if (b->lines == 0)
		return;
	int rc = log->lost ? write_lost(log) : 0;
	if (rc == 0 && log->lost)
		log->lost = 0;
	if (rc == 0)
		rc = write_whole(log, b->vec, b->vecs);
	if (rc) {
		log->lost += b->lines;
		log->lost_errno = rc;
	}
	b->lines = b->vecs = 0;
}

static void batch_add(struct batch *b, const void *data, size_t n)
{
	if (n)
		b->vec[b->vecs++] = (struct iovec){(void *)data, n};
}

/* A line made of what was kept and of `text`; `end` is its newline or "". */
static void batch_line(struct batch *b, char tag, const uint8_t *text, size_t n, const char *end)
{
	head_of(b->log, b->stream->name, tag, b->head[b->lines]);
	batch_add(b, b->head[b->lines], HEAD_BYTES);
	batch_add(b, b->stream->part, b->stream->part_len);
	batch_add(b, text, n);
	batch_add(b, end, strlen(end));
	b->stream->part_len = 0;
	if (++b->lines == BATCH_LINES)
		batch_write(b);
}

static void keep(struct cri_stream *s, const uint8_t *data, size_t n)
{
	size_t need = s->part_len + n;
	if (need > s->part_cap) {
		s->part_cap = need < 512 ? 512 : need < 4096 ? 4096 : CRI_LINE_BYTES_MAX;
		s->part = mem_realloc(s->part, s->part_cap);
	}
	memcpy(s->part + s->part_len, data, n);
	s->part_len += n;
}

void cri_feed(struct cri_log *log, struct cri_stream *s, const uint8_t *data, size_t n)
{
	struct batch b;
	b.log = log;
	b.stream = s;
	b.lines = b.vecs = 0;
	while (n > 0) {
		size_t room = CRI_LINE_BYTES_MAX - s->part_len;
		const uint8_t *nl = memchr(data, '\n', n < room + 1 ? n : room + 1);
		size_t used = nl ? (size_t)(nl - data) + 1 : n < room ? n : room;
		if (nl)
			batch_line(&b, 'F', data, used, "");
		else if (n > room)
			batch_line(&b, 'P', data, used, "\n");
		else
			break;
		data += used;
		n -= used;
	}
	/* The batch may point into `part`: it goes out before that changes. */
	batch_write(&b);
	if (n > 0)
		keep(s, data, n);
}

void cri_flush(struct cri_log *log, struct cri_stream *s)
{
	struct batch b;
	b.log = log;
	b.stream = s;
	b.lines = b.vecs = 0;
	if (s->part_len > 0) {
		batch_line(&b, 'P', NULL, 0, "\n");
		batch_write(&b);
	}
	free(s->part);
	s->part = NULL;
	s->part_len = s->part_cap = 0;
}
