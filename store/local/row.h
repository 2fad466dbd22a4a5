/* One key as one change left it: immutable, counted, with its key and part
 * behind it. The state, the writes in flight, the history and the outcomes
 * share rows; a row's value is shared further, with views and frames.
 *
 * Threads: rows never leave the store's thread (values may). */
#ifndef STORE_LOCAL_ROW_H
#define STORE_LOCAL_ROW_H

#include "store/store.h"

struct row {
	unsigned refs;
	uint16_t key_len;
	uint8_t part_len;
	bool soft : 1, secret : 1;
	uint16_t lease_len;
	uint32_t ttl_ms; /* not 0: it is a lease */
	struct bytes *value; /* NULL: the key was deleted, or never was */
	uint64_t create, mod, changes;
	uint8_t text[]; /* the key, the part, the lease's key */
};

/* Copies key, part and lease, takes a reference to the value. */
struct row *row_new(const struct store_row *r, bool soft);
/* What is known of a key that does not exist. */
struct row *row_absent(struct span key);
struct row *row_ref(struct row *r);  /* NULL stays NULL */
void row_unref(struct row *r);       /* NULL is fine */
/* Equal bytes that somebody else has as well; takes the reference. NULL is fine. */
void row_share_value(struct row *r, struct bytes *value);

struct span row_key(const struct row *r);
struct span row_part(const struct row *r);
struct span row_lease(const struct row *r);
/* Borrows from `r`; all empty for NULL. */
struct store_row row_view(const struct row *r);
/* What it takes in memory, about. */
size_t row_bytes(const struct row *r);

static inline uint64_t row_revision(const struct row *r)
{
	return r->mod >> STORE_POSITION_BITS;
}

#endif
