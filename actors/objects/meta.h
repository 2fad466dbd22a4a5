/* metadata: what the server sets, what an update may not change, what is
 * well-formed. Private to actors/objects. */
#ifndef OBJECTS_META_H
#define OBJECTS_META_H

#include "actors/objects/strategy.h"

struct doc *meta_of(const struct doc *obj); /* NULL when there is none */
bool meta_deleting(const struct doc *obj);
bool meta_has_finalizers(const struct doc *obj);
/* Uid, creationTimestamp; drops what only the server sets. */
void meta_create(struct write *w);
/* The n'th number of a request: equal for equal requests, another one when a
 * conflict is tried again. */
uint64_t meta_random(const struct write *w, uint64_t n);
/* The uid of what is made beside the object. */
struct doc *meta_another_uid(struct write *w);
/* generateName's `attempt`th name, from the request's entropy. */
struct span meta_generated_name(struct write *w, struct span prefix, int attempt);
/* What an update cannot touch comes from the old object. */
void meta_update(struct write *w);
void meta_validate(struct write *w);
void meta_validate_update(struct write *w);
void meta_validate_labels(struct faults *f, const struct fpath *p, const struct doc *labels);
void meta_validate_annotations(struct faults *f, const struct fpath *p, const struct doc *all);
/* One more generation, where objects of the kind count them. */
void meta_next_generation(struct write *w);
/* Sets deletionTimestamp (now + grace) and deletionGracePeriodSeconds. */
/* The grace is at most META_GRACE_MAX_S, so that times stay within a year of
 * four digits. */
enum { META_GRACE_MAX_S = 2000000000 };
void meta_mark_deleted(struct write *w, int64_t grace_s);

#endif
