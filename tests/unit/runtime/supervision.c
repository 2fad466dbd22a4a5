/* The bookkeeping of failures, the record of turns that outlives a process,
 * the watchdog on top of it, and the ring of dead letters. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/dead_letters.h"
#include "actors/runtime/supervision.h"
#include "actors/runtime/watchdog.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"

static void quiet(void)
{
	log_init("off");
}

TestSuite(supervision, .init = quiet);

/* ---- failures */

static const struct restart_policy policy = {
	.intensity = 3, .window_us = 1000, .backoff_min_us = 100, .backoff_max_us = 350};

Test(supervision, allows_as_many_restarts_in_the_window_as_it_says_and_no_more)
{
	struct failures f = {0};
	for (uint64_t i = 1; i <= 3; i++)
		cr_expect_not(failures_add(&f, &policy, i * 100));
	cr_expect(failures_add(&f, &policy, 400));
	failures_fini(&f);
}

Test(supervision, forgets_failures_that_are_a_window_ago)
{
	struct failures f = {0};
	for (uint64_t at = 1; at < 100000; at += 400)
		cr_expect_not(failures_add(&f, &policy, at), "3 in 1000, at %d", (int)at);
	failures_fini(&f);
}

Test(supervision, allows_no_restart_with_intensity_zero)
{
	struct restart_policy none = policy;
	struct failures f = {0};
	none.intensity = 0;
	cr_expect(failures_add(&f, &none, 1));
	failures_fini(&f);
}

Test(supervision, backoff_doubles_to_its_most_with_a_jitter_and_begins_again_after_a_quiet_window)
{
	static const uint64_t want[] = {100, 200, 350, 350};
	struct failures f = {0};
	for (int i = 0; i < 4; i++) {
		failures_add(&f, &policy, 10 + (uint64_t)i);
		uint64_t fifth = want[i] / 5;
		cr_expect_eq(failures_backoff(&f, &policy, fifth), want[i], "the %d-th", i);
	}
	failures_add(&f, &policy, 20);
	cr_expect_eq(failures_backoff(&f, &policy, 0), 350 - 70);
	failures_add(&f, &policy, 5000);
	cr_expect_eq(failures_backoff(&f, &policy, 20), 100);
	failures_fini(&f);
}

Test(supervision, knows_the_words_of_the_config_and_no_others)
{
	enum restart_strategy s = RESTART_ONE_FOR_ONE;
	enum restart_kind k = RESTART_PERMANENT;
	cr_expect(restart_strategy_of(span_of("rest-for-one"), &s) && s == RESTART_REST_FOR_ONE);
	cr_expect(restart_kind_of(span_of("temporary"), &k) && k == RESTART_TEMPORARY);
	cr_expect_not(restart_strategy_of(span_of("all-for-one"), &s));
	cr_expect_not(restart_kind_of(span_of(""), &k));
	cr_expect_eq(s, RESTART_REST_FOR_ONE);
	cr_expect_eq(k, RESTART_TEMPORARY);
}

/* ---- the record of turns */

static const struct msg_id one = {7, 1}, two = {7, 2}, nothing = {0, 0};

Test(turn_record, finished_turns_leave_nothing_behind)
{
	struct turn_record *r = turn_record_new();
	struct turn_note n;
	turn_record_begin(r, "actor", "test.plain", one, 0, 5);
	turn_record_end(r);
	cr_expect_not(turn_record_interrupted(r, &n));
	cr_expect_eq(turn_record_crashes(r, "actor", one), 0);
	turn_record_close(r);
}

Test(turn_record, tells_the_next_process_what_the_last_one_died_of)
{
	char path[] = "/tmp/turnXXXXXX";
	struct turn_record *r = NULL;
	struct turn_note n;
	close(mkstemp(path));
	for (unsigned life = 1; life <= CRASHES_MAX; life++) {
		pid_t child = fork();
		if (child == 0) {
			if (turn_record_open(&r, path, NULL))
				_exit(1);
			turn_record_interrupted(r, &n);
			turn_record_begin(r, "actor", "test.plain", one, life - 1, 5);
			abort();
		}
		waitpid(child, NULL, 0);
	}
	cr_assert_eq(turn_record_open(&r, path, NULL), 0);
	cr_assert(turn_record_interrupted(r, &n));
	cr_expect_str_eq(n.actor, "actor");
	cr_expect_str_eq(n.message, "test.plain");
	cr_expect_eq(n.attempt, CRASHES_MAX - 1);
	cr_expect_eq(turn_record_crashes(r, "actor", one), CRASHES_MAX);
	cr_expect_eq(turn_record_crashes(r, "actor", two), 0, "another message");
	cr_expect_eq(turn_record_crashes(r, "other", one), 0, "another actor");
	cr_expect_not(turn_record_interrupted(r, &n), "it is told once");
	turn_record_close(r);
	unlink(path);
}

Test(turn_record, turns_about_no_message_have_no_suspect)
{
	struct turn_record *r = turn_record_new();
	struct turn_note n;
	turn_record_begin(r, "actor", "timer", nothing, 0, 5);
	cr_expect(turn_record_interrupted(r, &n));
	cr_expect_eq(turn_record_crashes(r, "actor", nothing), 0);
	turn_record_close(r);
}

Test(turn_record, forgives_and_forgets_the_oldest_of_too_many)
{
	struct turn_record *r = turn_record_new();
	turn_record_crashed(r, "actor", one);
	turn_record_crashed(r, "actor", one);
	cr_expect_eq(turn_record_crashes(r, "actor", one), 2);
	turn_record_forgive(r, "actor", one);
	cr_expect_eq(turn_record_crashes(r, "actor", one), 0);
	turn_record_crashed(r, "actor", one);
	for (uint64_t i = 0; i < TURN_RECORD_SUSPECTS; i++)
		turn_record_crashed(r, "actor", (struct msg_id){9, i});
	cr_expect_eq(turn_record_crashes(r, "actor", one), 0);
	cr_expect_eq(turn_record_crashes(r, "actor", (struct msg_id){9, 5}), 1);
	turn_record_close(r);
}

Test(turn_record, takes_names_of_any_length_and_files_of_another_version)
{
	char path[] = "/tmp/turnXXXXXX", name[400];
	struct turn_record *r = NULL;
	struct turn_note n;
	int fd = mkstemp(path);
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 0;
	cr_assert_gt(write(fd, name, sizeof name), 0);
	close(fd);
	cr_assert_eq(turn_record_open(&r, path, NULL), 0);
	cr_expect_not(turn_record_interrupted(r, &n));
	turn_record_begin(r, name, name, one, 0, 5);
	cr_assert(turn_record_running(r, &n));
	cr_expect_eq(strlen(n.actor), TURN_RECORD_NAME_MAX);
	cr_expect_eq(strlen(n.message), TURN_RECORD_KIND_MAX);
	turn_record_close(r);
	cr_expect_neq(turn_record_open(&r, "/nowhere/at/all", NULL), 0);
	unlink(path);
}

/* ---- the watchdog */

struct kennel {
	pthread_mutex_t lock;
	pthread_cond_t told;
	int barks;
	char actor[32], cell[32];
};

static void on_hung(void *arg, const char *cell, const struct turn_note *n)
{
	struct kennel *k = arg;
	pthread_mutex_lock(&k->lock);
	k->barks++;
	snprintf(k->actor, sizeof k->actor, "%s", n->actor);
	snprintf(k->cell, sizeof k->cell, "%s", cell);
	pthread_cond_signal(&k->told);
	pthread_mutex_unlock(&k->lock);
}

Test(watchdog, names_the_turn_that_hangs_and_not_those_that_go_on, .init = quiet, .timeout = 20)
{
	struct kennel k = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
	struct turn_record *busy = turn_record_new(), *stuck = turn_record_new();
	const struct turn_record *records[] = {busy, stuck};
	const char *cells[] = {"busy", "stuck"};
	struct watchdog_config cfg = {.records = records, .cells = cells, .count = 2,
				      .limit_ms = 100, .hung = on_hung, .arg = &k};
	struct watchdog *w = watchdog_start(&cfg);
	turn_record_begin(stuck, "sleeper", "test.plain", one, 0, 1);
	pthread_mutex_lock(&k.lock);
	for (uint64_t i = 0; !k.barks; i++) { /* turns without an end to their number */
		pthread_mutex_unlock(&k.lock);
		turn_record_begin(busy, "runner", "timer", nothing, 0, i);
		turn_record_end(busy);
		pthread_mutex_lock(&k.lock);
	}
	pthread_mutex_unlock(&k.lock);
	watchdog_stop(w);
	cr_expect_str_eq(k.actor, "sleeper");
	cr_expect_str_eq(k.cell, "stuck");
	turn_record_close(busy);
	turn_record_close(stuck);
}

/* ---- dead letters */

static void put(struct dead_letters *d, enum dead_reason reason, size_t bytes)
{
	struct dead_letter l = {.reason = reason, .from = (char[]){"a"}, .to = (char[]){"b"}};
	char *body = mem_alloc(bytes + 1);
	l.body = bytes_copy(body, bytes);
	dead_letters_add(d, &l);
	bytes_unref(l.body);
	free(body);
}

Test(dead_letters, keep_the_newest_and_count_all)
{
	struct dead_letters d = {0};
	for (int i = 0; i < DEAD_LETTERS_MAX + 5; i++)
		put(&d, i % 2 ? DEAD_FULL : DEAD_POISON, 10);
	cr_expect_eq(d.count, DEAD_LETTERS_MAX);
	cr_expect_eq(d.total, DEAD_LETTERS_MAX + 5);
	cr_expect_eq(d.by_reason[DEAD_FULL] + d.by_reason[DEAD_POISON], d.total);
	cr_expect_eq(d.first->number, 6);
	cr_expect_null(dead_letters_find(&d, 5));
	dead_letters_fini(&d);
}

Test(dead_letters, are_bounded_in_bytes_but_never_refuse_the_newest)
{
	struct dead_letters d = {0};
	for (int i = 0; i < 10; i++)
		put(&d, DEAD_CLOSED, 1 << 20);
	cr_expect_leq(d.bytes, DEAD_LETTERS_BYTES_MAX);
	cr_expect_lt(d.count, 5);
	cr_expect_eq(d.last->number, 10);
	put(&d, DEAD_CLOSED, DEAD_LETTERS_BYTES_MAX + 1);
	cr_expect_eq(d.count, 1);
	dead_letters_fini(&d);
	cr_expect_eq(d.count, 0);
	cr_expect_eq(d.bytes, 0);
}

Test(dead_letters, are_taken_out_from_anywhere)
{
	struct dead_letters d = {0};
	for (int i = 0; i < 3; i++)
		put(&d, DEAD_CLOSED, 1);
	dead_letter_free(dead_letters_take(&d, 3));
	dead_letter_free(dead_letters_take(&d, 1));
	cr_expect_null(dead_letters_take(&d, 1));
	put(&d, DEAD_CLOSED, 1);
	cr_expect_eq(d.first->number, 2);
	cr_expect_eq(d.last->number, 4);
	cr_expect_eq(d.first->next, d.last);
	dead_letters_fini(&d);
}
