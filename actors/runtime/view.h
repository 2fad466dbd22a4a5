/* Views: what a cell knows of a stream.
 *
 * One per stream and cell, shared read only by the actors there, kept when an
 * actor restarts. It holds references to immutable, counted objects.
 * Getting there: subscribe, be told the stream's head, list in pages, replay
 * what came meanwhile, synced. Every event links to its predecessor in the
 * stream; a missing one is fetched from the store; "too old" lists again.
 * Every two seconds the cell asks the store which of its streams are behind,
 * so that even the last event before silence cannot stay lost.
 *
 * Threads: the cell's. Objects may be handed to other threads by reference. */
#ifndef RUNTIME_VIEW_H
#define RUNTIME_VIEW_H

#include "broker/base/bytes.h"
#include "broker/base/mp.h"
#include "broker/base/omap.h"

struct view_object {
	_Atomic unsigned refs;
	struct bytes *value; /* msgpack; stored form, without resourceVersion */
	uint64_t version;    /* resourceVersion of the last change */
	uint64_t created;    /* version of the first */
};

struct view_object *view_object_ref(struct view_object *o);
void view_object_unref(struct view_object *o); /* NULL is fine */

struct view;

struct span view_stream(const struct view *v);
bool view_synced(const struct view *v);
/* The version that the view has reached: of its last event, or of the head
 * that it was told when the stream was quiet. */
/* Of the store that it shows: another one after a restore. */
uint64_t view_epoch(const struct view *v);
uint64_t view_version(const struct view *v);
size_t view_count(const struct view *v);
/* How many keys begin with "pods/default/": kept, not counted. Zero for any
 * other kind of beginning but the stream's own, "pods/". */
size_t view_count_in(const struct view *v, struct span folder);
/* The object behind a key ("pods/default/web"), borrowed; NULL: none. */
struct view_object *view_get(const struct view *v, struct span key);
/* In key order; the value of each node is a struct view_object. */
const struct omap *view_map(const struct view *v);

/* The last changes, for watches from a version: those since somebody in the cell
 * said that he would ask (view_keep_changes), at most 16384 that hold 16 MiB of
 * what was there before. Calls `each` for those with
 * version > after, in order. ERR_COMPACTED when they do not reach back;
 * ERR_AGAIN when the store may know: ask for it (ctx_recall). `each` NULL asks
 * just that. */
void view_keep_changes(struct view *v);
int view_history(const struct view *v, uint64_t after,
		 int (*each)(void *arg, struct span key, struct view_object *was,
			     struct view_object *now, uint64_t version),
		 void *arg);

/* The objects as they were at a version, in the order of keys from `from` on,
 * until `each` returns non-zero (returned). Keys are good for that call only.
 * Costs the changes since. What view_history says when that is not known. */
int view_range_at(const struct view *v, struct span from, uint64_t version,
		  int (*each)(void *arg, struct span key, struct view_object *o), void *arg);

/* ---- indexes: what the view's objects are found by, beside their keys, and
 * facts of each that were read when it came, so that a plan over a thousand
 * objects reads none of them again. An index belongs to its view, is shared by
 * the cell's actors and is never behind the view. */
struct view_index;

struct view_index_spec {
	const char *name;
	/* Calls put(arg, under) for each value that the object is found under. A
	 * pure function of the object. */
	void (*keys)(struct mp object, void (*put)(void *arg, struct span under), void *arg);
	/* Fills zeroed facts; spans may point into the object. 0 bytes: none. */
	size_t facts_bytes;
	void (*facts)(const struct view_object *o, void *facts);
};

struct view_found {
	struct span key;
	struct view_object *object;
	const void *facts;
};

/* Calls each(arg, found) for what is found under a value, in the order of keys,
 * until it returns non-zero (returned). The view must not change meanwhile,
 * which it does not during a turn. */
int view_index_each(const struct view_index *x, struct span under,
		    int (*each)(void *arg, const struct view_found *found), void *arg);

#endif
