/* Sets of an object's fields, in the form of Kubernetes' FieldsV1:
 *
 *	{"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers":
 *	 {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}}}}
 *
 * A node is in the set when it is empty or has "."; the others lead there.
 * Lists with keys have items by key (k:), sets by value (v:); other lists, and
 * what the API calls atomic, are one leaf. NULL is the empty set.
 *
 * The rules are those of structured-merge-diff (sigs.k8s.io), which Kubernetes
 * uses. Pure; sets live in the arena and are never changed. */
#ifndef OBJECTS_FIELDS_H
#define OBJECTS_FIELDS_H

#include "actors/schema/schema.h"
#include "broker/base/doc.h"

struct fields_diff {
	struct doc *changed; /* added, or of another value */
	struct doc *removed;
};

/* All that the value sets; what the type does not know is left out. */
struct doc *fields_of(struct arena *a, const struct schema_type *type, const struct doc *value);
/* What differs from `was` (NULL: nothing was there) to `is`. */
struct fields_diff fields_compare(struct arena *a, const struct schema_type *type,
				  const struct doc *was, const struct doc *is);
/* The same of one field of the object, as sets from the top. */
struct fields_diff fields_compare_in(struct arena *a, const struct schema_field *f,
				     const struct doc *was, const struct doc *is);
struct doc *fields_union(struct arena *a, const struct doc *x, const struct doc *y);
struct doc *fields_minus(struct arena *a, const struct doc *x, const struct doc *y);
struct doc *fields_both(struct arena *a, const struct doc *x, const struct doc *y);
/* Whether they have a member in common. */
bool fields_meet(const struct doc *x, const struct doc *y);
/* Whether all members of x are in y. */
bool fields_within(const struct doc *x, const struct doc *y);
bool fields_member(const struct doc *node);
/* Calls each(arg, path) for every member: ".spec.containers[name=\"web\"].image". */
void fields_each(struct arena *a, const struct doc *set, void (*each)(void *arg, const char *path),
		 void *arg);

/* What is wrong with a list of the value that has two items of one key, or one value twice:
 * ".spec.ports: duplicate entries for key [port=80,protocol=\"TCP\"]"; NULL: nothing. */
const char *fields_duplicate(struct arena *a, const struct schema_type *type, const struct doc *value);

/* ---- for who walks objects beside sets */

/* One leaf, whatever is in it. `f`: the field that has it; NULL: an item. */
bool fields_atomic(const struct schema_field *f, const struct schema_type *type);
/* "k:{...}" of an item of a list with keys, "v:..." of one of a set; NULL: the
 * list is neither, or a key is missing. */
const char *fields_item(struct arena *a, const struct schema_field *list, const struct doc *item);

#endif
