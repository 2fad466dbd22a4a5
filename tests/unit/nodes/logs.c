/* Logs as kubectl shows them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/logs.h"

static const struct log_options plain = {.tail_lines = -1, .limit_bytes = -1};

struct fixture {
	char dir[64], path[100], old[104];
	struct buf got;
};

static void begin(struct fixture *f)
{
	char sub[100];
	memset(f, 0, sizeof *f);
	strcpy(f->dir, "/tmp/troupe-logs.XXXXXX");
	cr_assert(mkdtemp(f->dir));
	snprintf(sub, sizeof sub, "%s/logs", f->dir);
	mkdir(sub, 0700);
	snprintf(sub, sizeof sub, "%s/logs/c", f->dir);
	mkdir(sub, 0700);
	snprintf(f->path, sizeof f->path, "%s/logs/c/0.log", f->dir);
	snprintf(f->old, sizeof f->old, "%s.1", f->path);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* "<second>" in place of a whole time keeps the tests short. */
static void line(const char *path, int second, const char *rest)
{
	char text[20000];
	snprintf(text, sizeof text, "2026-11-24T10:00:%02d.000000000Z %s\n", second, rest);
	write_to(path, text);
}

static void end(struct fixture *f)
{
	char sub[100];
	buf_fini(&f->got);
	unlink(f->path);
	unlink(f->old);
	snprintf(sub, sizeof sub, "%s/logs/c", f->dir);
	rmdir(sub);
	snprintf(sub, sizeof sub, "%s/logs", f->dir);
	rmdir(sub);
	rmdir(f->dir);
}

static int drain(struct fixture *f, struct log_reader *r)
{
	int rc;
	f->got.len = 0;
	while ((rc = log_read(r, &f->got)) == 0)
		;
	buf_text(&f->got);
	return rc;
}

static const char *show(struct fixture *f, struct log_options o)
{
	struct log_reader *r;
	struct err e = {0};
	cr_assert_eq(log_open(&r, f->dir, "c", 0, &o, &e), 0, "%s", e.text);
	cr_expect_eq(drain(f, r), ERR_CLOSED);
	log_close(r);
	return (const char *)f->got.data;
}

Test(logs, shows_text_without_the_prefix_and_joins_partial_lines)
{
	struct fixture f;
	begin(&f);
	line(f.path, 1, "stdout F one");
	line(f.path, 2, "stdout P two, ");
	line(f.path, 3, "stdout P still two, ");
	line(f.path, 4, "stdout F and its end");
	line(f.path, 5, "stderr F ");
	line(f.path, 6, "stdout P no newline");
	cr_expect_str_eq(show(&f, plain), "one\ntwo, still two, and its end\n\nno newline");
	end(&f);
}

Test(logs, another_reader_goes_on_where_one_was)
{
	struct fixture f;
	struct log_reader *r;
	struct log_options o = plain;
	begin(&f);
	o.follow = true;
	line(f.path, 1, "stdout F one");
	line(f.path, 2, "stdout P two, ");
	cr_assert_eq(log_open(&r, f.dir, "c", 0, &o, NULL), 0);
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((const char *)f.got.data, "one\ntwo, ");
	struct log_place place = log_where(r);
	log_close(r);
	line(f.path, 3, "stdout F its end");
	o.from = &place;
	o.tail_lines = 1; /* was of the first one */
	o.timestamps = true;
	cr_assert_eq(log_open(&r, f.dir, "c", 0, &o, NULL), 0);
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((const char *)f.got.data, "its end\n");
	place = log_where(r);
	log_close(r);
	/* the file was rotated meanwhile: its rest, and then the new one */
	line(f.path, 4, "stdout F rest");
	char old[4096];
	snprintf(old, sizeof old, "%s.1", f.path);
	cr_assert_eq(rename(f.path, old), 0);
	line(f.path, 5, "stdout F new");
	o.timestamps = false;
	cr_assert_eq(log_open(&r, f.dir, "c", 0, &o, NULL), 0);
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((const char *)f.got.data, "rest\nnew\n");
	log_close(r);
	end(&f);
}

Test(logs, timestamps_stand_at_the_start_of_lines_only)
{
	struct fixture f;
	struct log_options o = plain;
	o.timestamps = true;
	begin(&f);
	line(f.path, 1, "stdout P a");
	line(f.path, 2, "stdout F b");
	line(f.path, 3, "stdout F c");
	cr_expect_str_eq(show(&f, o), "2026-11-24T10:00:01.000000000Z ab\n"
				      "2026-11-24T10:00:03.000000000Z c\n");
	end(&f);
}

Test(logs, tail_counts_whole_lines_and_reaches_into_the_rotated_file)
{
	static const struct {
		int64_t lines;
		const char *text;
	} rows[] = {
		{0, ""},		   {1, "e\n"},
		{2, "d1d2\ne\n"},	   {3, "c\nd1d2\ne\n"},
		{4, "b\nc\nd1d2\ne\n"},	   {5, "a\nb\nc\nd1d2\ne\n"},
		{9, "a\nb\nc\nd1d2\ne\n"}, {-1, "a\nb\nc\nd1d2\ne\n"},
	};
	struct fixture f;
	struct log_options o = plain;
	begin(&f);
	line(f.old, 1, "stdout F a");
	line(f.old, 2, "stdout F b");
	line(f.path, 3, "stdout F c");
	line(f.path, 4, "stdout P d1");
	line(f.path, 5, "stdout F d2");
	line(f.path, 6, "stdout F e");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		o.tail_lines = rows[i].lines;
		cr_expect_str_eq(show(&f, o), rows[i].text, "%ld", (long)rows[i].lines);
	}
	end(&f);
}

/* The block that is looked at first holds only some of the lines. */
Test(logs, tail_of_a_large_file_is_exact)
{
	struct fixture f;
	struct log_options o = plain;
	struct buf all = {0}, want = {0};
	begin(&f);
	for (int i = 0; i < 5000; i++)
		buf_printf(&all, "2026-11-24T10:00:00.000000000Z stdout F number %d\n", i);
	write_to(f.path, buf_text(&all));
	for (int64_t n = 1; n <= 5000; n = n * 7 + 3) {
		o.tail_lines = n;
		want.len = 0;
		for (int i = 5000 - (int)n; i < 5000; i++)
			buf_printf(&want, "number %d\n", i);
		cr_expect_str_eq(show(&f, o), buf_text(&want), "%ld", (long)n);
	}
	buf_fini(&all);
	buf_fini(&want);
	end(&f);
}

Test(logs, since_limit_and_stream_select)
{
	struct fixture f;
	struct log_options o = plain;
	begin(&f);
	line(f.path, 1, "stdout F a");
	line(f.path, 2, "stderr F b");
	line(f.path, 3, "stdout F c");
	o.since_us = 1795514402000000;
	cr_expect_str_eq(show(&f, o), "b\nc\n");
	o.since_us++;
	cr_expect_str_eq(show(&f, o), "c\n");
	o = plain;
	o.limit_bytes = 3;
	cr_expect_str_eq(show(&f, o), "a\nb");
	o.limit_bytes = 0;
	cr_expect_str_eq(show(&f, o), "");
	o = plain;
	o.stream = LOG_STDERR;
	cr_expect_str_eq(show(&f, o), "b\n");
	o.stream = LOG_STDOUT;
	o.tail_lines = 2;
	cr_expect_str_eq(show(&f, o), "a\nc\n");
	end(&f);
}

Test(logs, following_goes_on_over_a_rotation_until_the_end)
{
	struct fixture f;
	struct log_options o = plain;
	struct log_reader *r;
	o.follow = true;
	begin(&f);
	line(f.path, 1, "stdout F a");
	cr_assert_eq(log_open(&r, f.dir, "c", 0, &o, NULL), 0);
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((char *)f.got.data, "a\n");
	struct pollfd p = {.fd = log_fd(r), .events = POLLIN};
	cr_assert(p.fd >= 0);
	cr_expect_eq(poll(&p, 1, 0), 0, "nothing new");
	/* A piece of a line is not shown before its end. */
	write_to(f.path, "2026-11-24T10:00:02.000000000Z stdout F b");
	cr_expect_eq(poll(&p, 1, 5000), 1);
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_eq(f.got.len, 0);
	write_to(f.path, "b\n");
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((char *)f.got.data, "bb\n");
	line(f.path, 3, "stdout F c");
	cr_assert_eq(rename(f.path, f.old), 0);
	line(f.path, 4, "stdout F d");
	cr_expect_eq(drain(&f, r), ERR_AGAIN);
	cr_expect_str_eq((char *)f.got.data, "c\nd\n");
	line(f.path, 5, "stdout F e");
	log_finish(r);
	cr_expect_eq(drain(&f, r), ERR_CLOSED);
	cr_expect_str_eq((char *)f.got.data, "e\n");
	log_close(r);
	end(&f);
}

Test(logs, attempt_without_a_log_is_not_found)
{
	struct fixture f;
	struct log_reader *r;
	begin(&f);
	cr_expect_eq(log_open(&r, f.dir, "c", 7, &plain, NULL), ERR_NOT_FOUND);
	end(&f);
}

Test(logs, foreign_lines_are_shown_as_they_are)
{
	struct fixture f;
	begin(&f);
	write_to(f.path, "hello\n");
	line(f.path, 1, "stdout X what");
	cr_expect_str_eq(show(&f, plain), "hello\n2026-11-24T10:00:01.000000000Z stdout X what\n");
	end(&f);
}
