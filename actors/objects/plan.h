/* The parts of planning that create, update and delete share. Private to
 * actors/objects. */
#ifndef OBJECTS_PLAN_H
#define OBJECTS_PLAN_H

#include "actors/objects/strategy.h"

/* ---- what is stored */

/* Reads a row and makes the plan rest on it (a compare). False: it cannot be
 * read and the plan is finished with that. */
bool plan_read(struct write *w, struct span key, struct store_row *out);
/* As plan_read, without resting on it. */
bool plan_peek(struct write *w, struct span key, struct store_row *out);
/* The plan rests on this key at this version (0: absent). */
void plan_compare(struct write *w, struct span key, uint64_t version);
/* One more operation, beside that of the object itself. */
void plan_also(struct write *w, struct store_op op);
/* The plan releases these bytes when it ends; returns them. */
struct bytes *plan_own(struct write *w, struct bytes *value);
/* The store's key of the write's object, and of its namespace. */
struct span plan_key(struct write *w);
struct span plan_namespace_key(struct write *w);
/* Reads the object into w->row and w->old (NULL when there is none). */
bool plan_read_object(struct write *w);

/* ---- bodies */

/* The body as an object of the resource's type, defaulted, in w->obj; false:
 * finished with a 400. `body` is changed. `patched`: it was made by a patch. */
bool plan_decode(struct write *w, struct doc *body, bool patched);

/* ---- endings. Each completes the plan. */

/* An answer that rests on what was read: settled by a transaction that
 * compares only, or finished when nothing was read. */
void plan_refuse(struct write *w, struct doc *status);
/* With a 400 and these words. */
void plan_bad_request(struct write *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void plan_answer_object(struct write *w, int code, struct bytes *object, uint64_t version);
/* The kind's own rules of what is created or updated. */
void plan_validate(struct write *w);
/* Refuses with the faults that were found, if any. */
bool plan_refuse_faults(struct write *w);
/* Puts w->obj; the answer is the new object, or `status` when not NULL.
 * An object that does not change is answered without a write. */
void plan_put(struct write *w, int code, struct doc *status);
/* Removes the object. The answer is `object` (taken over), or a Status. */
void plan_remove(struct write *w, struct bytes *object, struct doc *status);

/* w->obj in canonical form as bytes. NULL: too large, the plan is finished. */
struct bytes *plan_encode(struct write *w);

/* Whether a body is of this kind, and of one of these versions (up to a NULL); it
 * may leave both out. False: refused. */
bool plan_check_kind(struct write *w, const struct doc *body, const char *kind,
		     const char *const *versions);
/* Whether name and namespace of w->obj are those of the request. False: refused. */
bool plan_check_names(struct write *w);
/* An apply with fields that its kind does not have, each an `unknown field "PATH"`. */
void plan_refuse_undeclared(struct write *w, const struct notes *unknown);

/* ---- verbs */

void plan_create(struct write *w);
void plan_update(struct write *w);
void plan_patch(struct write *w);
void plan_apply(struct write *w);
void plan_delete(struct write *w);
/* The eviction of w->old, for a subresource's `create`; completes the plan. */
struct doc *plan_evict(struct write *w, const struct doc *body);
/* PUT and PATCH of a subresource that shows a part of the object. */
void plan_shown(struct write *w, const struct subresource *sub);
/* The patch of the request on `visible`; NULL: refused. */
struct doc *plan_patched(struct write *w, struct doc *visible, const struct schema_type *type);
/* resourceVersion and uid of w->obj are those of what is stored. */
bool plan_check_preconditions(struct write *w);
/* An apply of what a subresource shows, of that type: what it says to be, and then, when
 * w->obj has it, whose it is. False: refused. */
bool plan_apply_shown_check(struct write *w, const char *type, const char *version, const char *kind);
bool plan_apply_shown_own(struct write *w, const char *type, const char *version);
/* POST on a subresource: binding, eviction. */
void plan_subresource(struct write *w);
/* For a PUT of what is not there, where the kind allows it: w->obj is decoded. */
void plan_create_decoded(struct write *w);
/* w->obj is decoded, w->old is what is stored. */
void plan_update_decoded(struct write *w);
const struct subresource *plan_find_subresource(const struct write *w);

#endif
