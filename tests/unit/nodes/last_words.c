/* What a container said last, and what of it is kept. */
#include "nodes/last_words.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mp.h"
#include "nodes/pause_link.h"

struct world {
	struct arena a;
	char dir[64];
};

static void begin(struct world *w)
{
	memset(w, 0, sizeof *w);
	strcpy(w->dir, "/tmp/troupe-words.XXXXXX");
	cr_assert(mkdtemp(w->dir));
	cr_assert_eq(mkdir(arena_printf(&w->a, "%s/logs", w->dir), 0700), 0);
	cr_assert_eq(mkdir(arena_printf(&w->a, "%s/logs/c", w->dir), 0700), 0);
}

static void end(struct world *w)
{
	cr_assert_eq(system(arena_printf(&w->a, "rm -r %s", w->dir)), 0);
	arena_fini(&w->a);
}

static void write_to(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void say(struct world *w, uint32_t attempt, const char *text)
{
	write_to(arena_printf(&w->a, "%s/logs/c/%u.log", w->dir, attempt),
		 arena_printf(&w->a, "2026-11-24T10:00:00.000000000Z stdout F %s\n", text));
}

static const char *put(struct world *w, uint32_t attempt, int code)
{
	struct pause_attempt at = {.name = "c", .attempt = attempt, .ended = true, .code = code};
	struct buf b = {0};
	mpw_map(&b, 1);
	last_words_put(w->dir, &at, &b);
	struct span s = mp_path_str(mp_of(span_buf(&b)), "message");
	const char *text = arena_ndup(&w->a, s.data, s.len);
	buf_fini(&b);
	return text;
}

static const char *start(struct world *w, uint32_t attempt, const char *policy)
{
	const char *file;
	struct err e = {0};
	cr_assert_eq(last_words_begin(&w->a, w->dir, "c", attempt, span_of(policy), &file, &e), 0, "%s",
		     e.text);
	return file;
}

Test(last_words, are_what_the_file_says)
{
	struct world w;
	struct stat st;
	begin(&w);
	const char *file = start(&w, 0, "FallbackToLogsOnError");
	say(&w, 0, "in the log");
	cr_assert(stat(file, &st) == 0 && (st.st_mode & 0777) == 0666);
	write_to(file, "in the file");
	cr_expect_str_eq(put(&w, 0, 1), "in the file");
	end(&w);
}

Test(last_words, are_the_logs_end_if_that_was_asked_for_and_it_failed)
{
	struct world w;
	struct err e = {0};
	begin(&w);
	cr_assert_eq(last_words_begin(&w.a, w.dir, "c", 0, span_of("FallbackToLogsOnError"), NULL, &e), 0);
	say(&w, 0, "one");
	say(&w, 0, "two");
	cr_expect_str_eq(put(&w, 0, 1), "one\ntwo\n");
	cr_expect_str_eq(put(&w, 0, 0), "");
	start(&w, 1, "File");
	say(&w, 1, "three");
	cr_expect_str_eq(put(&w, 1, 1), "");
	end(&w);
}

Test(last_words, of_two_attempts_are_kept)
{
	struct world w;
	const char *files[4];
	begin(&w);
	for (uint32_t i = 0; i < 4; i++)
		files[i] = start(&w, i, "FallbackToLogsOnError");
	for (uint32_t i = 0; i < 4; i++) {
		cr_expect_eq(access(files[i], F_OK) == 0, i >= 2, "%u", i);
		cr_expect_eq(access(arena_printf(&w.a, "%s.logs", files[i]), F_OK) == 0, i >= 2, "%u", i);
	}
	end(&w);
}
