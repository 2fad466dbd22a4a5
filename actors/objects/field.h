/* Field errors as they are found: a path per level on the C stack, text only
 * when there is something to say. Faults collect in a `struct faults`; the
 * words are Kubernetes'. Used by strategies; no state. */
#ifndef OBJECTS_FIELD_H
#define OBJECTS_FIELD_H

#include "actors/objects/status.h"
#include "actors/schema/names.h"

/* ".name", "[index]" or "[key]", below `up` (NULL: the object itself). */
struct fpath {
	const struct fpath *up;
	const char *name;
	struct span key;
	int index;
};

#define FPATH(up, child) (&(struct fpath){(up), (child), {0}, 0})
#define FPATH_AT(up, i) (&(struct fpath){(up), NULL, {0}, (i)})
#define FPATH_KEY(up, k) (&(struct fpath){(up), NULL, (k), 0})

struct faults {
	struct arena *arena;
	struct field_errors errors;
};

/* "spec.containers[0].name" */
const char *field_path(struct arena *a, const struct fpath *p);

void field_required(struct faults *f, const struct fpath *p, const char *detail);
void field_forbidden(struct faults *f, const struct fpath *p, const char *detail);
void field_too_long(struct faults *f, const struct fpath *p, size_t bytes_max);
void field_too_many(struct faults *f, const struct fpath *p, size_t count, size_t count_max);
/* The value as text in quotes, as an integer, or as JSON. */
void field_invalid(struct faults *f, const struct fpath *p, struct span value, const char *detail);
void field_invalid_int(struct faults *f, const struct fpath *p, int64_t value, const char *detail);
void field_invalid_doc(struct faults *f, const struct fpath *p, const struct doc *value,
		       const char *detail);
/* Without the value. */
void field_invalid_whole(struct faults *f, const struct fpath *p, const char *detail);
void field_duplicate(struct faults *f, const struct fpath *p, struct span value);
void field_duplicate_doc(struct faults *f, const struct fpath *p, const struct doc *value,
			 const char *detail);
void field_not_found(struct faults *f, const struct fpath *p, struct span value);
/* `supported` is NULL terminated. */
void field_not_supported(struct faults *f, const struct fpath *p, struct span value,
			 const char *const *supported);

/* ---- checks that say what is wrong by themselves */

/* Required when empty, invalid when `check` says so. */
void check_name(struct faults *f, const struct fpath *p, struct span value, name_check *check);
/* Needed: "example.com/controller". */
void check_domain_path(struct faults *f, const struct fpath *p, struct span value);
/* `value` NULL: fine. */
void check_enum(struct faults *f, const struct fpath *p, const struct doc *value,
		const char *const *supported);
void check_range(struct faults *f, const struct fpath *p, const struct doc *value, int64_t low,
		 int64_t high);
void check_not_negative(struct faults *f, const struct fpath *p, const struct doc *value);
/* "field is immutable" unless both are equal; NULL and null are the same. */
void check_immutable(struct faults *f, const struct fpath *p, const struct doc *value,
		     const struct doc *was);
bool in_list(const char *const *list, struct span value);

#endif
