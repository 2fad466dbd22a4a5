/* The tap's rings: what is lost is said, what is read is whole. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/ring.h"

struct rig {
	char dir[40], path[64];
	struct ring *ring;
	struct ring_reader *reader;
};

enum { RECORDS = 16, BODIES = 1024, BOOT_AT = 32 /* in the file */ };

static struct ring *make(struct rig *t, uint64_t incarnation)
{
	struct ring_config cfg = {t->path, "core", incarnation, RECORDS, BODIES};
	struct ring *r = NULL;
	struct err e = {0};
	cr_assert_eq(ring_open(&r, &cfg, &e), 0, "%s", e.text);
	return r;
}

static struct ring_reader *reader_of(const char *path)
{
	struct ring_reader *r = NULL;
	struct err e = {0};
	cr_assert_eq(ring_reader_open(&r, path, &e), 0, "%s", e.text);
	return r;
}

static struct rig begin(void)
{
	struct rig t = {.dir = "/tmp/troupe-ring-XXXXXX"};
	cr_assert(mkdtemp(t.dir));
	snprintf(t.path, sizeof t.path, "%s/core.ring", t.dir);
	t.ring = make(&t, 7);
	t.reader = reader_of(t.path);
	return t;
}

static void end(struct rig *t)
{
	char last[80];
	ring_close(t->ring);
	ring_reader_close(t->reader);
	snprintf(last, sizeof last, "%s/core.last", t->dir);
	unlink(last);
	unlink(t->path);
	rmdir(t->dir);
}

/* A record whose fields all follow from one number. */
static void put(struct ring *r, uint64_t n, struct span body)
{
	struct ring_record rec = {.time_us = n, .event = RING_SENT, .kind = (uint16_t)n,
				  .size = (uint32_t)body.len, .id = n, .correlation = n * 31,
				  .trace = n * 97};
	ring_write(r, &rec, body);
}

static bool whole(const struct ring_record *rec, uint64_t n)
{
	return rec->time_us == n && rec->id == n && rec->correlation == n * 31 &&
	       rec->trace == n * 97 && rec->kind == (uint16_t)n;
}

static const struct span nothing;

Test(ring, tells_what_was_written_with_names)
{
	struct rig t = begin();
	struct ring_record rec = {.event = RING_DELIVERED, .kind = 32, .size = 5, .id = 9};
	struct ring_record got;
	uint64_t n, from;
	cr_expect_eq(ring_reader_next(t.reader, &got, &n, &from), RING_NOTHING);
	rec.from = ring_intern(t.ring, span_of("scheduler"));
	rec.to = ring_intern(t.ring, span_of("store"));
	cr_expect_eq(ring_intern(t.ring, span_of("scheduler")), rec.from);
	ring_write(t.ring, &rec, span_of("hello"));
	cr_assert_eq(ring_reader_next(t.reader, &got, &n, &from), RING_RECORD);
	cr_expect_eq(n, 0);
	cr_expect_eq(got.kind, 32);
	cr_expect_eq(got.id, 9);
	cr_expect(span_is(ring_reader_name(t.reader, got.from), "scheduler"));
	cr_expect(span_is(ring_reader_name(t.reader, got.to), "store"));
	cr_expect_str_eq(ring_reader_cell(t.reader), "core");
	cr_expect_eq(ring_reader_next(t.reader, &got, &n, &from), RING_NOTHING);
	end(&t);
}

Test(ring, declares_exactly_what_was_overwritten)
{
	struct rig t = begin();
	struct ring_record got;
	uint64_t n, from;
	for (uint64_t i = 0; i < 100; i++)
		put(t.ring, i, nothing);
	cr_assert_eq(ring_reader_next(t.reader, &got, &n, &from), RING_GAP);
	cr_expect_eq(from, 0);
	cr_expect_eq(n, 100 - RECORDS);
	for (uint64_t i = n + 1; i < 100; i++) {
		cr_assert_eq(ring_reader_next(t.reader, &got, &n, &from), RING_RECORD);
		cr_expect_eq(n, i);
		cr_expect(whole(&got, i));
	}
	cr_expect_eq(ring_reader_next(t.reader, &got, &n, &from), RING_NOTHING);
	end(&t);
}

Test(ring, keeps_bodies_only_while_a_reader_wants_them)
{
	struct rig t = begin();
	struct ring_record got;
	struct buf body = {0};
	uint64_t n, from;
	cr_expect_not(ring_wants_bodies(t.ring, 1000));
	ring_reader_want_bodies(t.reader, 2000);
	ring_reader_want_bodies(t.reader, 1500); /* another one's shorter wish takes nothing away */
	cr_expect(ring_wants_bodies(t.ring, 1999));
	cr_expect_not(ring_wants_bodies(t.ring, 2000));
	put(t.ring, 0, span_of("the body"));
	put(t.ring, 1, nothing);
	ring_reader_next(t.reader, &got, &n, &from);
	cr_assert(ring_reader_body(t.reader, &got, &body));
	cr_expect(span_is(span_buf(&body), "the body"));
	ring_reader_next(t.reader, &got, &n, &from);
	cr_expect_not(ring_reader_body(t.reader, &got, &body));
	cr_expect(span_is(span_buf(&body), "the body")); /* nothing was appended */
	buf_fini(&body);
	end(&t);
}

Test(ring, says_that_a_body_is_gone_when_it_is)
{
	struct rig t = begin();
	struct ring_record got[4];
	struct buf body = {0};
	uint8_t big[BODIES / 4 - 8] = {1}, too_big[BODIES / 4] = {1};
	uint64_t n, from;
	put(t.ring, 0, (struct span){big, sizeof big});
	ring_reader_next(t.reader, &got[0], &n, &from);
	cr_expect(ring_reader_body(t.reader, &got[0], &body));
	for (uint64_t i = 1; i < 5; i++)
		put(t.ring, i, (struct span){big, sizeof big});
	cr_expect_not(ring_reader_body(t.reader, &got[0], &body));
	put(t.ring, 5, (struct span){too_big, sizeof too_big});
	while (ring_reader_next(t.reader, &got[1], &n, &from) == RING_RECORD)
		;
	cr_expect_eq(n, 5);
	cr_expect_eq(got[1].body, 0);
	buf_fini(&body);
	end(&t);
}

Test(ring, a_reader_may_come_late_and_go_early)
{
	struct rig t = begin();
	struct ring_record got;
	uint64_t n, from;
	for (uint64_t i = 0; i < 5; i++)
		put(t.ring, i, nothing);
	struct ring_reader *late = reader_of(t.path);
	cr_expect_eq(ring_reader_next(late, &got, &n, &from), RING_NOTHING);
	ring_reader_rewind(late);
	cr_expect_eq(ring_reader_next(late, &got, &n, &from), RING_RECORD);
	cr_expect_eq(n, 0);
	ring_reader_close(late);
	put(t.ring, 5, nothing); /* nobody minds */
	for (uint64_t i = 0; i < 6; i++)
		cr_expect_eq(ring_reader_next(t.reader, &got, &n, &from), RING_RECORD);
	end(&t);
}

Test(ring, forgets_old_names_and_never_mistakes_one_for_another)
{
	struct rig t = begin();
	char text[32];
	uint32_t first = ring_intern(t.ring, span_of("first"));
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "node-agent/n%d", i);
		uint32_t number = ring_intern(t.ring, span_of(text));
		cr_assert(span_is(ring_reader_name(t.reader, number), text));
	}
	cr_expect(span_is(ring_reader_name(t.reader, first), "?"));
	uint32_t again = ring_intern(t.ring, span_of("first"));
	cr_expect_neq(again, first);
	cr_expect(span_is(ring_reader_name(t.reader, again), "first"));
	end(&t);
}

Test(ring, of_a_former_writer_is_kept_and_told_apart)
{
	struct rig t = begin();
	char last[80];
	struct ring_record got;
	uint64_t n, from;
	struct ring_doing doing;
	snprintf(last, sizeof last, "%s/core.last", t.dir);
	cr_expect_not(ring_reader_now(t.reader, &doing));
	put(t.ring, 1, nothing);
	ring_now(t.ring, ring_intern(t.ring, span_of("gate")), 80, 2, 55);
	ring_close(t.ring);
	t.ring = make(&t, 8);
	struct ring_reader *was = reader_of(last), *is = reader_of(t.path);
	cr_expect_eq(ring_reader_incarnation(was), 7);
	cr_expect_eq(ring_reader_incarnation(is), 8);
	ring_reader_rewind(was);
	cr_expect_eq(ring_reader_next(was, &got, &n, &from), RING_RECORD);
	/* What it died in. */
	cr_assert(ring_reader_now(was, &doing));
	cr_expect_str_eq(doing.actor, "gate");
	cr_expect_eq(doing.kind, 80);
	cr_expect_eq(doing.attempt, 2);
	cr_expect_eq(doing.since_us, 55);
	/* Who had it open before reads on in the old one. */
	cr_expect_eq(ring_reader_next(t.reader, &got, &n, &from), RING_RECORD);
	ring_reader_close(was);
	ring_reader_close(is);
	end(&t);
}

Test(ring, of_another_boot_is_refused)
{
	struct rig t = begin();
	struct ring_reader *r = NULL;
	uint64_t other = 1;
	int fd = open(t.path, O_RDWR);
	cr_assert_eq(pwrite(fd, &other, sizeof other, BOOT_AT), sizeof other);
	close(fd);
	cr_expect_eq(ring_reader_open(&r, t.path, NULL), ERR_STALE);
	end(&t);
}

Test(ring, refuses_what_is_no_ring)
{
	char path[] = "/tmp/troupe-ring-XXXXXX";
	struct ring_reader *r = NULL;
	int fd = mkstemp(path);
	cr_expect_eq(ring_reader_open(&r, path, NULL), ERR_CORRUPT);
	cr_assert_eq(ftruncate(fd, 1 << 20), 0);
	cr_expect_eq(ring_reader_open(&r, path, NULL), ERR_CORRUPT);
	close(fd);
	unlink(path);
	cr_expect_eq(ring_reader_open(&r, path, NULL), ERR_NOT_FOUND);
}

/* ---- two processes: one writes as fast as it can, one reads */

enum { MANY = 300000 };

static struct span body_of(uint64_t n, uint8_t *room)
{
	size_t len = 1 + n % 60;
	memset(room, (int)(n % 251), len);
	return (struct span){room, len};
}

static void write_many(struct rig *t)
{
	uint8_t room[64];
	for (uint64_t i = 0; i < MANY; i++)
		put(t->ring, i, body_of(i, room));
	_exit(0);
}

struct tally {
	uint64_t read, lost, broken, bodies;
};

static void take(struct rig *t, struct tally *y, struct buf *body)
{
	struct ring_record got;
	uint64_t n, from;
	uint8_t room[64];
	enum ring_read what;
	while ((what = ring_reader_next(t->reader, &got, &n, &from)) != RING_NOTHING) {
		if (what == RING_GAP) {
			y->lost += n - from + 1;
			continue;
		}
		y->read++;
		y->broken += !whole(&got, n);
		body->len = 0;
		if (!ring_reader_body(t->reader, &got, body))
			continue;
		y->bodies++;
		y->broken += !span_eq(span_buf(body), body_of(n, room));
	}
}

Test(ring, read_and_declared_lost_add_up_across_two_processes)
{
	struct rig t = begin();
	struct tally y = {0};
	struct buf body = {0};
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		write_many(&t);
	while (waitpid(pid, &status, WNOHANG) == 0)
		take(&t, &y, &body);
	take(&t, &y, &body);
	cr_expect_eq(status, 0);
	cr_expect_eq(y.broken, 0);
	cr_expect_eq(y.read + y.lost, MANY, "read %lu, lost %lu", y.read, y.lost);
	cr_expect_gt(y.read, 0);
	cr_expect_gt(y.bodies, 0);
	buf_fini(&body);
	end(&t);
}
