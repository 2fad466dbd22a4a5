/* A workload whose state tells which of it is there: transaction n writes two
 * keys of its slot and the count. For power cuts, on either journal. */
#ifndef TESTS_NUMBERED_H
#define TESTS_NUMBERED_H

#include "tests/lib/store_rig.h"

enum { SLOTS = 17 };

/* COMMITS=10000: a longer form. */
static inline unsigned commits_wanted(void)
{
	const char *n = getenv("COMMITS");
	return n ? (unsigned)strtoul(n, NULL, 10) : 300;
}

static inline uint64_t numbered_submit(struct rig *r, unsigned n)
{
	char a[32], b[32], value[64], long_value[700];
	snprintf(a, sizeof a, "pods/a-%02u", n % SLOTS);
	snprintf(b, sizeof b, "pods/b-%02u", n % SLOTS);
	snprintf(value, sizeof value, "%u", n);
	snprintf(long_value, sizeof long_value, "%u %0*u", n, (int)(n * 37 % 600) + 1, 0);
	return submit(r, TXN(OPS(put(a, value), put(b, long_value), put("jobs/last", value))));
}

/* Where a sync costs nothing, if there is such a place. */
static inline void fast_dir(char dir[64])
{
	strcpy(dir, "/dev/shm/troupe-store-XXXXXX");
	if (mkdtemp(dir))
		return;
	strcpy(dir, "/tmp/troupe-store-XXXXXX");
	need(mkdtemp(dir) != NULL);
}

static inline void numbered_limits(struct rig *r)
{
	r->limits.checkpoint_bytes = 6000; /* sweeps and trims all the time */
	r->limits.slice = (struct slice_limits){.rows = 8, .bytes = 4000, .visits = 50};
	r->limits.keep = (struct log_keep){.us = 0, .bytes = 20000, .count_min = 40};
	r->limits.reserve = 64;
}

struct found {
	unsigned last;
	unsigned a[SLOTS], b[SLOTS]; /* 0: not there */
};

static inline int find_row(void *arg, const struct store_row *row)
{
	struct found *f = arg;
	unsigned slot, value = 0;
	struct span v = bytes_span(row->value);
	for (size_t i = 0; i < v.len && v.data[i] >= '0' && v.data[i] <= '9'; i++)
		value = 10 * value + v.data[i] - '0';
	if (span_is(row->key, "jobs/last"))
		f->last = value;
	else if (sscanf((const char *)row->key.data + 5, "a-%2u", &slot) == 1)
		f->a[slot] = value;
	else if (sscanf((const char *)row->key.data + 5, "b-%2u", &slot) == 1)
		f->b[slot] = value;
	return 0;
}

/* The store must hold exactly the first `last` transactions, and last be
 * between what was acknowledged and what was handed in. 0 or what is wrong. */
static inline int numbered_look(struct store *s, unsigned acked, unsigned given, struct err *e)
{
	struct found f = {0};
	bool more;
	int rc = store_range(s, span_of(""), span_of(""), 0, find_row, &f, &more);
	if (rc || f.last < acked || f.last > given)
		return err_set(e, ERR_CORRUPT, "%u of %u..%u are there", f.last, acked, given);
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		unsigned want = f.last >= slot ? f.last - (f.last - slot) % SLOTS : 0;
		if (f.a[slot] != want || f.b[slot] != want)
			return err_set(e, ERR_CORRUPT, "slot %u has %u and %u, not %u", slot,
				       f.a[slot], f.b[slot], want);
	}
	return 0;
}

#endif
