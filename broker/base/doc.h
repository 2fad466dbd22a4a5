/* A tree that can be changed: what JSON, YAML and msgpack parse into while an
 * object is defaulted, patched and validated. Afterwards it is encoded once
 * and lives on as msgpack bytes.
 *
 * Nodes live in an arena and go with it. A node is in at most one container;
 * containers are linked lists in insertion order, with a hash index once a
 * map has more than a few keys, so that lookup stays O(1) when outsiders send
 * large maps. Integers are int64 and never pass through a double.
 *
 * Text is borrowed (span, terminated or not): make the copy with arena_ndup
 * where its owner dies first. One owner, no threads. */
#ifndef BASE_DOC_H
#define BASE_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum doc_type { DOC_NULL, DOC_BOOL, DOC_INT, DOC_DOUBLE, DOC_STR, DOC_ARRAY, DOC_MAP,
		DOC_PACKED /* msgpack bytes of a value that nobody looks into */,
		DOC_RAW /* the same, written as the value itself: a part that is as it was */ };

struct doc_index; /* of a large map: */
enum { DOC_INDEX_FROM = 16 /* keys */ };

struct doc {
	uint8_t type;         /* enum doc_type */
	bool marked;          /* free for one pass over a tree; see its owner */
	uint16_t column;      /* where it stood in a YAML file, from 1; 0 unknown */
	uint32_t line;
	uint32_t count;       /* children of a container */
	struct doc *next, *prev; /* siblings; read `next` freely to iterate */
	struct span key;      /* in a map */
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct span text;
		struct {
			struct doc *first, *last;
			struct doc_index *index; /* NULL while small */
		};
	};
};

/* Iterates children; the current one must not be removed in the body. */
#define DOC_EACH(it, container) \
	for (struct doc *it = (container) ? (container)->first : NULL; it; it = it->next)

struct doc *doc_new(struct arena *a, enum doc_type type); /* null, false, 0, "", empty */
struct doc *doc_bool(struct arena *a, bool v);
struct doc *doc_int(struct arena *a, int64_t v);
struct doc *doc_double(struct arena *a, double v);
struct doc *doc_str(struct arena *a, const char *text);  /* borrows text */
struct doc *doc_span(struct arena *a, struct span text); /* borrows text */
struct doc *doc_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *doc_type_name(enum doc_type t); /* "string", "number", as JSON says it */

/* Types. NULL is of no type, so these also ask for presence. */
static inline bool doc_is(const struct doc *d, enum doc_type t)
{
	return d && d->type == t;
}

/* ---- maps. `map` may be NULL or no map: then nothing is found. */
struct doc *doc_get_span(const struct doc *map, struct span key);
/* Most keys are constants: inline, their length is one too. */
static inline struct doc *doc_get(const struct doc *map, const char *key)
{
	return doc_get_span(map, span_of(key));
}
/* Sets key (borrowed) to `value`, a node of no container; a value that was
 * there is replaced at its place. Returns `value`. */
struct doc *doc_set_span(struct arena *a, struct doc *map, struct span key, struct doc *value);
static inline struct doc *doc_set(struct arena *a, struct doc *map, const char *key,
				  struct doc *value)
{
	return doc_set_span(a, map, span_of(key), value);
}
/* The same of a key that is known not to be there. */
void doc_put(struct arena *a, struct doc *map, struct span key, struct doc *value);
void doc_set_str(struct arena *a, struct doc *map, const char *key, const char *text);
void doc_set_int(struct arena *a, struct doc *map, const char *key, int64_t v);
void doc_set_bool(struct arena *a, struct doc *map, const char *key, bool v);
/* Sets it only when it is absent or null. Returns what is there afterwards. */
struct doc *doc_default(struct arena *a, struct doc *map, const char *key, struct doc *value);
/* The map behind key; made when absent or null. NULL when it is no map. */
struct doc *doc_need_map(struct arena *a, struct doc *map, const char *key);
bool doc_remove(struct doc *map, const char *key); /* whether it was there */
/* Takes a child out of its container, map or array. */
void doc_detach(struct doc *container, struct doc *child);
/* Orders a map's keys by bytes, as Go writes maps. */
void doc_sort_keys(struct arena *a, struct doc *map);
/* The container holds exactly these children then, in this order. Keys must
 * be set and distinct; the ones that are left out are of no container. */
void doc_refill(struct doc *container, struct doc *const *children, size_t count);

/* ---- arrays */
struct doc *doc_add(struct doc *array, struct doc *value); /* at the end; returns value */
struct doc *doc_at(const struct doc *array, size_t index); /* O(index); NULL beyond */
/* `value` takes the place of `old` in its container. */
void doc_replace(struct doc *container, struct doc *old, struct doc *value);

/* ---- paths: keys separated by dots, array places in brackets
 * ("spec.containers[0].image"). Keys with dots need doc_get. */
struct doc *doc_path(const struct doc *root, const char *path);
/* Makes maps on the way. NULL when something on the way is no map. */
struct doc *doc_path_set(struct arena *a, struct doc *root, const char *path, struct doc *value);
bool doc_path_remove(struct doc *root, const char *path);
/* Shorthands: empty span, `otherwise` when absent or of another type. */
struct span doc_path_str(const struct doc *root, const char *path);
int64_t doc_path_int(const struct doc *root, const char *path, int64_t otherwise);
bool doc_path_bool(const struct doc *root, const char *path, bool otherwise);
static inline struct span doc_get_str(const struct doc *map, const char *key)
{
	const struct doc *d = doc_get(map, key);
	return doc_is(d, DOC_STR) ? d->text : (struct span){NULL, 0};
}
int64_t doc_get_int(const struct doc *map, const char *key, int64_t otherwise);
bool doc_get_bool(const struct doc *map, const char *key, bool otherwise);
bool doc_str_is(const struct doc *d, const char *text);

/* ---- whole trees */
/* A deep copy in `a`, of no container; text is borrowed from the same owner. */
struct doc *doc_copy(struct arena *a, const struct doc *d);
/* Text and keys of the whole tree become the arena's: whom they were borrowed from
 * may go. */
void doc_own(struct arena *a, struct doc *d);
/* Same types and values; maps without regard to order. NULL equals NULL. */
bool doc_equal(const struct doc *a, const struct doc *b);

/* ---- msgpack */
/* Text is borrowed from the bytes. ERR_INVALID: not msgpack, deeper than
 * MP_DEPTH_MAX, bin or another ext than MP_PACKED inside, an integer beyond
 * int64. */
int doc_from_mp(struct arena *a, struct mp value, struct doc **out, struct err *e);
void doc_to_mp(struct buf *out, const struct doc *d);
/* The payload of a packed value (mp.h), which is text of DOC_PACKED. */
int doc_from_packed(struct arena *a, struct span packed, struct doc **out, struct err *e);
void doc_to_packed(struct buf *out, const struct doc *d);

#endif
