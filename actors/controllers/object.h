/* What controllers ask of an object's bytes. Pure; spans point into them. */
#ifndef CONTROLLERS_OBJECT_H
#define CONTROLLERS_OBJECT_H

#include "actors/runtime/view.h"
#include "actors/schema/schema.h"
#include "broker/base/doc.h"
#include "broker/base/mem.h"
#include "broker/base/mp.h"

/* A cursor at the object; an empty one of NULL (p is NULL, nothing is found). */
static inline struct mp object_of(const struct view_object *o)
{
	return o ? mp_of_bytes(o->value) : (struct mp){0};
}

static inline struct span object_namespace(struct mp object)
{
	return mp_path_str(object, "metadata.namespace");
}

static inline struct span object_name(struct mp object)
{
	return mp_path_str(object, "metadata.name");
}

static inline struct span object_uid(struct mp object)
{
	return mp_path_str(object, "metadata.uid");
}

static inline bool object_is_deleting(struct mp object)
{
	return object.p && mp_path_str(object, "metadata.deletionTimestamp").len > 0;
}

/* The value of a label; empty when it is not there. */
struct span object_label(struct mp object, const char *label);
/* The value of an annotation; empty when it is not there. */
struct span object_annotation(struct mp object, const char *name);
/* An int-or-string at `path`: a number, or a share of `total` ("25%") that is
 * rounded up or down. `otherwise` when it is neither. */
int64_t object_share(struct mp object, const char *path, int64_t total, bool up,
		     int64_t otherwise);
/* A time at `path` in microseconds since 1970; 0: none, or none that is one. */
int64_t object_time_us(struct mp object, const char *path);
/* Whether both have the same bytes at `path`; none is the same as none. */
bool object_same_at(struct mp a, struct mp b, const char *path);
/* Whether the list of texts at `path` has this one. */
bool object_lists(struct mp object, const char *path, const char *text);
/* The objects of a resource in a namespace, in the order of names. The view
 * must not change meanwhile, which it does not during a turn.
 *	struct objects_in it = objects_in(view, resource, namespace);
 *	while (objects_next(&it))
 *		... it.key, it.object */
struct objects_in {
	struct span key;
	struct mp object;
	const struct view_object *value;
	struct onode *node;
	char prefix[400];
	size_t prefix_len;
};
struct objects_in objects_in(const struct view *v, const struct schema_resource *r,
			     struct span namespace);
bool objects_next(struct objects_in *it);
/* The same bytes in the arena. */
struct span object_copy(struct arena *a, struct span s);
/* The object as a tree in the arena; an empty map of an empty cursor. */
struct doc *object_tree(struct arena *a, struct mp object);

#endif
