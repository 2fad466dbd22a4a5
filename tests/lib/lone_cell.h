/* A cell by itself: its clock stands until the test moves it, its random
 * numbers are 1, 2, 3, nobody answers, and what it sends to the broker is kept. */
#ifndef TESTS_LONE_CELL_H
#define TESTS_LONE_CELL_H

#include <criterion/criterion.h>

#include "actors/runtime/cell.h"

enum { LONE_FRAMES_MAX = 30000 };

struct lone {
	uint64_t now; /* us */
	uint64_t us_a_look; /* that pass whenever somebody looks at the clock */
	uint64_t random;
	bool full; /* the broker takes nothing */
	int escalations;
	bool hopeless; /* the last of them */
	struct bytes *frames[LONE_FRAMES_MAX];
	size_t frame_count;
};

static inline uint64_t lone_now(void *arg)
{
	struct lone *l = arg;
	return l->now += l->us_a_look;
}

static inline int64_t lone_wall(void *arg)
{
	return (int64_t)((struct lone *)arg)->now;
}

static inline uint64_t lone_random(void *arg)
{
	return ++((struct lone *)arg)->random;
}

static inline int lone_send(void *arg, struct bytes *frame)
{
	struct lone *l = arg;
	if (l->full)
		return ERR_OVERLOADED;
	cr_assert_lt(l->frame_count, LONE_FRAMES_MAX);
	l->frames[l->frame_count++] = bytes_ref(frame);
	return 0;
}

static inline void lone_subscribe(void *arg, struct span topic, bool on)
{
	(void)arg, (void)topic, (void)on;
}

static inline void lone_reconnect(void *arg)
{
	(void)arg;
}

static inline void lone_escalate(void *arg, const char *actor, const char *why, bool hopeless)
{
	struct lone *l = arg;
	(void)actor, (void)why;
	l->escalations++;
	l->hopeless = hopeless;
}

/* From the first second on; the cell borrows `l`. */
static inline struct cell_ops lone_begin(struct lone *l)
{
	*l = (struct lone){.now = 1000000};
	return (struct cell_ops){.arg = l,
				 .now_us = lone_now,
				 .wall_us = lone_wall,
				 .random = lone_random,
				 .send = lone_send,
				 .subscribe = lone_subscribe,
				 .reconnect = lone_reconnect,
				 .escalate = lone_escalate};
}

/* After the cell. */
static inline void lone_end(struct lone *l)
{
	for (size_t i = 0; i < l->frame_count; i++)
		bytes_unref(l->frames[i]);
	l->frame_count = 0;
}

#endif
