/* Output to CRI lines: where lines end, what a full disk and a full file do. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/cri_log.h"

static void fixed_clock(struct timespec *now)
{
	*now = (struct timespec){.tv_sec = 1795514400, .tv_nsec = 123456789};
}
#define T "2026-11-24T10:00:00.123456789Z "

struct fixture {
	char dir[64], path[80];
	struct cri_log log;
	struct cri_stream out;
	struct buf text;
};

static void begin(struct fixture *f, uint64_t size_max)
{
	memset(f, 0, sizeof *f);
	strcpy(f->dir, "/tmp/cri_log.XXXXXX");
	cr_assert(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/0.log", f->dir);
	cri_log_open(&f->log, f->path, size_max, fixed_clock);
	f->out.name = "stdout";
}

static const char *content(struct fixture *f, const char *suffix)
{
	char path[100];
	uint8_t block[4096];
	ssize_t n;
	snprintf(path, sizeof path, "%s%s", f->path, suffix);
	f->text.len = 0;
	int fd = open(path, O_RDONLY);
	cr_assert(fd >= 0, "%s", path);
	while ((n = read(fd, block, sizeof block)) > 0)
		buf_append(&f->text, block, (size_t)n);
	close(fd);
	return buf_text(&f->text);
}

static void feed(struct fixture *f, const char *text)
{
	cri_feed(&f->log, &f->out, (const uint8_t *)text, strlen(text));
}

static void end(struct fixture *f)
{
	char path[100];
	cri_flush(&f->log, &f->out);
	cri_log_close(&f->log);
	buf_fini(&f->text);
	unlink(f->path);
	snprintf(path, sizeof path, "%s.1", f->path);
	unlink(path);
	rmdir(f->dir);
}

Test(cri_log, writes_whole_lines_and_keeps_the_unfinished_one)
{
	struct fixture f;
	begin(&f, 1 << 20);
	feed(&f, "one\ntwo\nthr");
	cr_expect_str_eq(content(&f, ""), T "stdout F one\n" T "stdout F two\n");
	feed(&f, "ee\n\n");
	cr_expect_str_eq(content(&f, ""), T "stdout F one\n" T "stdout F two\n" T
					    "stdout F three\n" T "stdout F \n");
	feed(&f, "tail");
	cri_flush(&f.log, &f.out);
	cr_expect(strstr(content(&f, ""), T "stdout P tail\n"));
	end(&f);
}

Test(cri_log, cuts_lines_longer_than_16_KiB_into_partial_ones)
{
	struct fixture f;
	char *big = mem_alloc(40001);
	memset(big, 'x', 40000);
	begin(&f, 1 << 20);
	for (size_t at = 0; at < 40000; at += 10000)
		cri_feed(&f.log, &f.out, (uint8_t *)big + at, 10000);
	feed(&f, "\nnext\n");
	const char *at = content(&f, "");
	static const struct {
		char tag;
		size_t length;
	} want[] = {{'P', 16384}, {'P', 16384}, {'F', 40000 - 2 * 16384}, {'F', 4}};
	for (size_t i = 0; i < 4; i++) {
		size_t head = strlen(T "stdout F ");
		cr_expect_eq(at[head - 2], want[i].tag, "line %zu", i);
		cr_expect_eq(strcspn(at, "\n") - head, want[i].length, "line %zu", i);
		at += strcspn(at, "\n") + 1;
	}
	cr_expect_eq(*at, 0);
	free(big);
	end(&f);
}

Test(cri_log, line_of_exactly_16_KiB_is_whole)
{
	struct fixture f;
	char *big = mem_alloc(16386);
	memset(big, 'x', 16384);
	big[16384] = '\n';
	begin(&f, 1 << 20);
	feed(&f, big);
	big[16384] = 0;
	feed(&f, big);
	feed(&f, "\n");
	const char *text = content(&f, "");
	cr_expect_null(strstr(text, " P "));
	cr_expect_eq(strlen(text), 2 * (strlen(T "stdout F ") + 16385));
	free(big);
	end(&f);
}

Test(cri_log, more_lines_than_a_batch_holds_arrive_in_order)
{
	struct fixture f;
	struct buf in = {0}, want = {0};
	begin(&f, 1 << 20);
	for (int i = 0; i < 500; i++) {
		buf_printf(&in, "line %d\n", i);
		buf_printf(&want, T "stdout F line %d\n", i);
	}
	/* In odd pieces, so that lines are split everywhere. */
	for (size_t at = 0; at < in.len; at += 37)
		cri_feed(&f.log, &f.out, in.data + at, in.len - at < 37 ? in.len - at : 37);
	cr_expect_str_eq(content(&f, ""), buf_text(&want));
	buf_fini(&in);
	buf_fini(&want);
	end(&f);
}

Test(cri_log, rotates_when_full_and_keeps_one_old_file)
{
	struct fixture f;
	begin(&f, 200);
	for (int i = 0; i < 12; i++) {
		char line[16];
		snprintf(line, sizeof line, "n%02d\n", i);
		feed(&f, line);
	}
	/* 43 bytes a line: four fit in 200 */
	cr_expect_str_eq(content(&f, ".1"), T "stdout F n04\n" T "stdout F n05\n" T
					      "stdout F n06\n" T "stdout F n07\n");
	cr_expect_str_eq(content(&f, ""), T "stdout F n08\n" T "stdout F n09\n" T
					    "stdout F n10\n" T "stdout F n11\n");
	end(&f);
}

/* The file size limit of the process stands for the full disk. */
Test(cri_log, full_disk_drops_whole_lines_and_counts_them)
{
	struct fixture f;
	struct rlimit limit, was;
	begin(&f, 1 << 20);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){100, was.rlim_max};
	feed(&f, "first\n");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	feed(&f, "second\n");
	feed(&f, "third\nfourth\n"); /* would end behind byte 100 */
	feed(&f, "fifth\n");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	cr_expect_str_eq(content(&f, ""), T "stdout F first\n" T "stdout F second\n");
	feed(&f, "sixth\n");
	cr_expect_str_eq(content(&f, ""),
			 T "stdout F first\n" T "stdout F second\n" T
			   "stderr F troupe: 3 lines of output were lost: No space left on device\n" T
			   "stdout F sixth\n");
	end(&f);
}

Test(cri_log, file_that_cannot_be_opened_is_tried_again)
{
	struct fixture f;
	begin(&f, 1 << 20);
	cri_log_close(&f.log);
	unlink(f.path);
	rmdir(f.dir);
	cri_log_open(&f.log, f.path, 1 << 20, fixed_clock);
	feed(&f, "lost\n");
	cr_assert(mkdtemp(strcpy(f.dir, "/tmp/cri_log.XXXXXX")));
	free(f.log.path);
	snprintf(f.path, sizeof f.path, "%s/0.log", f.dir);
	f.log.path = mem_dup(f.path);
	feed(&f, "found\n");
	cr_expect_str_eq(content(&f, ""),
			 T "stderr F troupe: 1 line of output was lost: "
			   "No such file or directory\n" T "stdout F found\n");
	end(&f);
}

Test(cri_log, writes_times_of_all_ages)
{
	static const struct {
		time_t s;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000000007Z"},
		{951782400, "2000-02-29T00:00:00.000000007Z"},
		{1709251199, "2024-02-29T23:59:59.000000007Z"},
		{4107542400, "2100-03-01T00:00:00.000000007Z"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[CRI_TIME_BYTES + 1] = "";
		struct timespec t = {rows[i].s, 7};
		cri_time(&t, out);
		cr_expect_str_eq(out, rows[i].text);
	}
}
