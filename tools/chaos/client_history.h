/* What clients did and saw, judged by revisions.
 *
 * The store numbers its transactions, so the order is known and need not be
 * searched for (P. Gibbons and E. Korach, "Testing Shared Memories", 1997: with
 * it the check is nearly linear). An operation is right when
 *   - what it wrote is in the log under its revision, once; what failed is not;
 *   - what it read is what the log had made of those keys by its revision;
 *   - it is not before one that had returned when it was called (real time).
 * One whose outcome nobody heard may have happened or not.
 *
 * Values are numbers; 0 stands for "not there". Threads: one. */
#ifndef CHAOS_CLIENT_HISTORY_H
#define CHAOS_CLIENT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_KEYS = 6, CLIENT_WRITES = 2 };

struct client_pair {
	char key[24];
	uint64_t value;
};

enum client_end { CLIENT_UNKNOWN, CLIENT_DONE, CLIENT_FAILED };

struct client_op {
	enum client_end end;
	unsigned client;
	uint64_t called, returned; /* by one clock */
	uint64_t revision;
	size_t reads, writes;
	struct client_pair read[CLIENT_KEYS], write[CLIENT_WRITES];
	/* A read of all keys with a prefix: how many, and the sum of values. */
	char prefix[16];
	uint64_t count, sum;
};

struct client_change {
	uint64_t revision;
	struct client_pair pair;
};

struct client_history {
	struct client_op *ops;
	size_t op_count, op_cap;
	struct client_change *log; /* by revision */
	size_t log_count, log_cap;
	char why[300]; /* of client_history_holds */
	size_t wrong;  /* the operation that it names */
};

/* The number of a new operation; `ops` may move. */
size_t client_history_call(struct client_history *h, uint64_t now);
struct client_pair client_pair(const char *key, uint64_t value);
void client_history_log(struct client_history *h, uint64_t revision, const char *key, uint64_t value);
/* False: not linearizable; `why` says what, with the revisions that prove it. */
bool client_history_holds(struct client_history *h);
void client_history_fini(struct client_history *h);

#endif
