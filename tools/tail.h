/* What the files of `troupe tail` and `troupe trace` share: changes of the
 * journal as pages from the store, records of the rings, and their lines.
 * One thread. */
#ifndef TOOLS_TAIL_H
#define TOOLS_TAIL_H

#include <stdio.h>

#include "broker/base/mem.h"
#include "tools/client.h"
#include "tools/rings.h"

enum { TAIL_TIMEOUT_MS = 5000, TAIL_EXIT_GAP = 5, TAIL_EXIT_COMPACTED = 6 };

struct tail_options {
	const char *run; /* the folder of a run that is over; NULL: a cluster that lives */
	int64_t epoch_us; /* where that run's clock begins; 0: it lives */
	const char *data_dir, *kind, *namespace, *actor;
	uint64_t from;  /* revision; 0: what is new */
	uint64_t trace; /* low half; 0: any */
	unsigned phases; /* a bit per ring_event */
	bool messages, notices, json, body, follow, strict;
	long count;
	long rate; /* messages a second at most; 0: all */
	struct arena arena; /* of names that were looked up */
};

struct change {
	uint64_t version, was;
	uint64_t trace_hi, trace_lo, span;
	int64_t wall_us;
	struct span key, stream, namespace, name, who, value;
	const char *verb;
};

/* A page of changes, in order; `next` walks over it. */
struct tail_page {
	struct bytes *owner;
	struct mp list;
	size_t left;
	bool more; /* there are further ones behind the page */
};

/* What comes after version `after`. ERR_COMPACTED: that is not kept any more;
 * other errors: the store is away, ask again later. */
int tail_fetch(struct client *cl, const char *stream, uint64_t after, struct tail_page *p,
	       struct err *e);
bool tail_next(struct tail_page *p, struct change *out); /* false: the page is over */
void tail_page_fini(struct tail_page *p);
/* The store's head and the oldest version that it still has events after. */
int tail_bounds(struct client *cl, uint64_t *head, uint64_t *oldest, struct err *e);

/* A body of bus.event; false: it is none. */
bool tail_read_change(struct mp body, struct change *out);
bool tail_wants_change(const struct tail_options *o, const struct change *c);
bool tail_wants_record(const struct tail_options *o, const struct rings_item *i);
/* `mine`: the caller's own name, whose messages nobody wants to see. */
bool tail_is_of(const struct rings_item *i, const char *mine);
void tail_print_change(const struct tail_options *o, const struct change *c);
void tail_print_record(const struct tail_options *o, const struct rings_item *i);
void tail_print_gap(const struct tail_options *o, const struct rings_item *i);
/* That so many messages were not shown, because there were too many. */
void tail_print_skipped(const struct tail_options *o, long count);
/* The catalogue's name of a record's kind, or what else its turn was about. */
const char *tail_kind_name(const struct ring_record *r);
/* Wall-clock time of a record, microseconds since 1970. `epoch_us`: as above. */
int64_t tail_wall_us(const struct ring_record *r, int64_t epoch_us);

/* tail_merge.c: messages and changes together; the exit code or an error. */
int tail_merged(struct client *cl, const struct tail_options *o, struct err *e);

/* tail_run.c: a run that is over. */
int tail_recorded(struct tail_options *o, struct err *e);

/* A trace id as people write it: 32 or 16 hex digits, or fewer at its end. */
bool tail_parse_trace(const char *text, uint64_t *out);

#endif
