/* What the files of views share. Not for anybody else. */
#ifndef RUNTIME_VIEW_PRIVATE_H
#define RUNTIME_VIEW_PRIVATE_H

#include "actors/runtime/cell_private.h"
#include "actors/runtime/view_changes.h"

enum {
	VIEW_REQUEST_MS = 5000,
	VIEW_PAGE_ROWS = 500,
	VIEW_RETRY_US = 100000,
};

enum view_state { VIEW_WAITING, VIEW_LISTING, VIEW_LIVE, VIEW_FETCHING };

struct buffered {
	struct bytes *owner;
	struct span body;
};

/* What happened before this view, being asked of the store. */
struct recall {
	bool asking;
	uint64_t after, reached; /* what is wanted; up to where it has come */
	struct change *list;
	size_t count, cap;
	uint64_t generation;
	uint64_t at_us; /* ask again then; 0: not due */
};

struct view {
	char *stream;
	char *kind, *part; /* "pods", "n1" of "pods@n1"; part NULL: whole */
	enum view_state state;
	bool synced, direct;
	bool session; /* followed by requests that wait, not from the bus */
	bool unmanaged; /* objects are kept without metadata.managedFields, as copies */
	struct omap objects;
	struct omap folders; /* "pods/default/" -> how many objects, as a number */
	uint64_t last; /* version of the last event applied, or of the list */
	uint64_t epoch;
	uint64_t *followers; /* uids */
	size_t follower_count;
	struct buffered *buffer;
	size_t buffer_count, buffer_cap;
	/* while listing */
	struct omap seen;
	uint64_t list_head;
	char *next;
	uint64_t act_at_us; /* WAITING: list anyway; others: ask again. 0: not due */
	uint64_t generation; /* answers to requests of a former state are ignored */
	struct view_index *indexes;
	struct changes history;
	bool keeps_changes; /* somebody asks for them */
	struct recall recall;
};

struct event {
	uint64_t version, prev, created;
	struct span key, part, value, old; /* old: what was there, where it was asked for */
	bool has_value, deleted, secret;
	struct trace trace; /* of the transaction */
	struct mp_marks marks; /* of the value */
};

/* view.c */
extern const struct trace view_untraced;
/* `marks` of the value; NULL: few will read it. */
struct view_object *view_object_new(struct bytes *owner, struct span value,
				    const struct mp_marks *marks, uint64_t version,
				    uint64_t created);
/* Takes the value over. */
struct view_object *view_object_of(struct bytes *value, uint64_t version, uint64_t created);
void view_tell_all(struct cell *c, struct view *v, struct span key, struct view_object *was,
		   struct view_object *now, uint64_t version, const struct trace *trace);
/* One key becomes `now` (NULL: gone). Takes the reference to now. What the
 * followers do about it belongs to the trace that wrote it. */
void view_set(struct cell *c, struct view *v, struct span key, struct view_object *now,
	      uint64_t version, const struct trace *trace);
/* Something is due for this view later; the cell remembers the earliest. */
void view_act_after(struct cell *c, struct view *v, uint64_t us);
void view_again_soon(struct cell *c, struct view *v);

/* view_event.c */
bool view_nil(struct span raw);
int view_read_event(const struct view *v, struct mp body, struct event *e);

/* view_sync.c */
void view_start_list(struct cell *c, struct view *v);
void view_start_fetch(struct cell *c, struct view *v);
void view_buffer_clear(struct view *v);
/* The stream's last event is that one, in that epoch of the store. */
void view_on_head(struct cell *c, struct view *v, uint64_t version, uint64_t epoch);

/* view_recall.c */
void recall_due(struct cell *c, struct view *v, uint64_t now_us);
void recall_drop(struct view *v);

#endif
