/* What stored objects look like as JSON, kept: most are read more often than they
 * change, and a version is of one content only. The oldest go when it is full.
 *
 * One owner, no threads; pure. */
#ifndef API_ENCODINGS_H
#define API_ENCODINGS_H

#include "actors/runtime/view.h"
#include "actors/schema/schema.h"
#include "broker/base/hmap.h"

enum { ENCODINGS_BYTES_MAX = 32 * 1024 * 1024 };

struct encodings {
	struct hmap all; /* of struct encoding */
	size_t bytes;
	struct encoding *oldest, *newest;
};

/* The object in the version of `r`, with a newline. Borrowed until the next call. */
struct bytes *encodings_object(struct encodings *e, const struct schema_resource *r,
			       const struct view_object *o);
/* The same as an item of a list: without type and newline, appended to `out`. */
void encodings_item(struct encodings *e, const struct schema_resource *r,
		    const struct view_object *o, struct buf *out);
/* How long it is; 0: it is not known yet. */
size_t encodings_length(const struct encodings *e, const struct schema_resource *r,
			const struct view_object *o);
void encodings_fini(struct encodings *e);

#endif
