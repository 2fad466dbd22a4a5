/* The last changes of a view, oldest first, in a ring that grows as it fills.
 * What the list of a new view cannot know, because it happened before, is put
 * in front when somebody asks for it (view_recall.c). Thread: the cell's. */
#ifndef RUNTIME_VIEW_CHANGES_H
#define RUNTIME_VIEW_CHANGES_H

#include "actors/runtime/view.h"

enum {
	VIEW_CHANGES_MAX = 16384, /* the oldest go */
	VIEW_CHANGES_BYTES_MAX = 16 << 20, /* of what was there before: it is held by them alone */
};

struct change {
	char *key; /* owned */
	size_t key_len;
	struct view_object *was, *now; /* a reference each; NULL: not there */
	uint64_t version;
};

struct changes {
	struct change *ring; /* [first, first + count) modulo cap */
	size_t first, count, cap;
	size_t bytes;
	uint64_t from;	/* changes with a greater version are all here */
	uint64_t floor; /* and those after less than this cannot be had */
};

struct change change_of(struct span key, struct view_object *was, struct view_object *now,
			uint64_t version); /* takes references of its own */
void change_fini(struct change *h);
const struct change *changes_at(const struct changes *h, size_t i);
void changes_add(struct changes *h, struct change c); /* takes it */
/* Changes that lie between `after` and `from`, in order: all that there were.
 * Takes them. ERR_LIMIT: more than fit, and nothing is taken. */
int changes_prepend(struct changes *h, uint64_t after, struct change *list, size_t count);
/* Nothing is known of what was before `from`. */
void changes_clear(struct changes *h, uint64_t from);
void changes_fini(struct changes *h);

#endif
