/* What clients did and saw, judged by revisions.
 *
 * The store numbers its transactions, so the order is known and need not be
 * searched for (P. Gibbons and E. Korach, "Testing Shared Memories", 1997: with
 * it the check is linear). An operation is right when
 *   - what it wrote is in the log under its revision, once; what failed is not;
 *   - what it read is what the log had made of those keys by its revision;
 *   - it is not before one that had returned when it was called (real time).
 * One whose outcome nobody heard may have happened or not.
 *
 * Values are numbers; 0 stands for "not there". */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_KEYS = 6, HISTORY_WRITES = 2 };

struct history_pair {
	char key[24];
	uint64_t value;
};

enum history_end { HISTORY_UNKNOWN, HISTORY_DONE, HISTORY_FAILED };

struct history_op {
	enum history_end end;
	uint64_t called, returned; /* by one clock */
	uint64_t revision;
	size_t reads, writes;
	struct history_pair read[HISTORY_KEYS], write[HISTORY_WRITES];
	/* A read of all keys with a prefix: how many, and the sum of values. */
	char prefix[16];
	uint64_t count, sum;
};

struct history_change {
	uint64_t revision;
	struct history_pair pair;
};

struct history {
	struct history_op *ops;
	size_t op_count, op_cap;
	struct history_change *log; /* by revision */
	size_t log_count, log_cap;
	char why[300];
};

/* The number of a new operation; valid until history_fini. */
static inline size_t history_call(struct history *h, uint64_t now)
{
	if (h->op_count == h->op_cap) {
		h->op_cap = h->op_cap ? 2 * h->op_cap : 256;
		h->ops = realloc(h->ops, h->op_cap * sizeof *h->ops);
	}
	h->ops[h->op_count] = (struct history_op){.called = now};
	return h->op_count++;
}

static inline struct history_pair history_pair(const char *key, uint64_t value)
{
	struct history_pair p = {.value = value};
	snprintf(p.key, sizeof p.key, "%s", key);
	return p;
}

static inline void history_log(struct history *h, uint64_t revision, const char *key, uint64_t value)
{
	if (h->log_count == h->log_cap) {
		h->log_cap = h->log_cap ? 2 * h->log_cap : 256;
		h->log = realloc(h->log, h->log_cap * sizeof *h->log);
	}
	h->log[h->log_count++] = (struct history_change){revision, history_pair(key, value)};
}

static inline void history_fini(struct history *h)
{
	free(h->ops);
	free(h->log);
	memset(h, 0, sizeof *h);
}

static inline uint64_t history_value(const struct history *h, const char *key, uint64_t revision)
{
	uint64_t value = 0;
	for (size_t i = 0; i < h->log_count && h->log[i].revision <= revision; i++)
		if (strcmp(h->log[i].pair.key, key) == 0)
			value = h->log[i].pair.value;
	return value;
}

static inline size_t history_written(const struct history *h, const struct history_pair *p,
				     uint64_t *revision)
{
	size_t n = 0;
	for (size_t i = 0; i < h->log_count; i++)
		if (h->log[i].pair.value == p->value && strcmp(h->log[i].pair.key, p->key) == 0) {
			*revision = h->log[i].revision;
			n++;
		}
	return n;
}

static inline bool history_wrong(struct history *h, const struct history_op *o, const char *what)
{
	snprintf(h->why, sizeof h->why, "operation %zu at revision %llu %s", (size_t)(o - h->ops),
		 (unsigned long long)o->revision, what);
	return false;
}

static inline bool history_op_holds(struct history *h, const struct history_op *o)
{
	for (size_t i = 0; i < o->writes; i++) {
		uint64_t at = 0;
		size_t n = history_written(h, &o->write[i], &at);
		if (n > 1 || (o->end == HISTORY_FAILED && n))
			return history_wrong(h, o, n > 1 ? "happened twice" : "failed and happened");
		if (o->end == HISTORY_DONE && (n != 1 || at != o->revision))
			return history_wrong(h, o, "was acknowledged and is not there");
	}
	if (o->end != HISTORY_DONE)
		return true;
	for (size_t i = 0; i < o->reads; i++)
		if (history_value(h, o->read[i].key, o->revision) != o->read[i].value)
			return history_wrong(h, o, "read what was not there then");
	uint64_t count = 0, sum = 0;
	for (size_t i = 0; *o->prefix && i < h->log_count && h->log[i].revision <= o->revision; i++)
		if (strncmp(h->log[i].pair.key, o->prefix, strlen(o->prefix)) == 0) {
			count++; /* keys of a set are written once */
			sum += h->log[i].pair.value;
		}
	if (*o->prefix && (count != o->count || sum != o->sum))
		return history_wrong(h, o, "saw another set than there was");
	return true;
}

/* Nobody is shown a time before what somebody had seen when he asked. */
static inline bool history_in_real_time(struct history *h)
{
	for (size_t i = 0; i < h->op_count; i++)
		for (size_t k = 0; k < h->op_count; k++) {
			const struct history_op *a = &h->ops[k], *b = &h->ops[i];
			bool after = a->end == HISTORY_DONE && b->end == HISTORY_DONE &&
				     a->returned < b->called;
			if (after && (b->revision < a->revision ||
				      (b->writes && b->revision == a->revision)))
				return history_wrong(h, b, "is before one that it came after");
		}
	return true;
}

/* False: not linearizable; `why` says what. */
static inline bool history_holds(struct history *h)
{
	for (size_t i = 1; i < h->log_count; i++)
		if (h->log[i].revision < h->log[i - 1].revision)
			return history_wrong(h, h->ops, "the log is out of order");
	for (size_t i = 0; i < h->op_count; i++)
		if (!history_op_holds(h, &h->ops[i]))
			return false;
	return history_in_real_time(h);
}

#endif
