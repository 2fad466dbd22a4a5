/* Who owns what: owner references, and indexes of views by them. Pure. */
#ifndef CONTROLLERS_OWNERS_H
#define CONTROLLERS_OWNERS_H

#include "actors/runtime/view.h"
#include "broker/base/doc.h"

struct owner_ref {
	struct span api_version, kind, name, uid;
	bool controller, blocks;
};

/* Calls each(arg, ref) for the object's owner references. */
void owners_each(struct mp object, void (*each)(void *arg, const struct owner_ref *ref), void *arg);
/* The reference that is the object's controller; false: it has none. */
bool owners_controller(struct mp object, struct owner_ref *out);

/* Keys of indexes: the uids of all owners; the uid of the controller, or, of an
 * object without one, "in/NAMESPACE". */
void owners_index_keys(struct mp object, void (*put)(void *arg, struct span under), void *arg);
void owners_controller_keys(struct mp object, void (*put)(void *arg, struct span under),
			    void *arg);

/* The reference that a controller puts into what it makes. */
struct doc *owners_new_ref(struct arena *a, struct mp owner);
/* The object's references as a list without those of `uid`; NULL: they had
 * none of it. */
struct doc *owners_without(struct arena *a, struct mp object, struct span uid);

#endif
