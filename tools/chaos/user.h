/* The user of a simulated cluster: an actor in a cell of its own that writes
 * objects as the API does (objects/writing.h), one wish after another, each
 * until it is done. What it is to do stands in a book outside of it and comes
 * in through a port, so its crash loses nothing. */
#ifndef CHAOS_USER_H
#define CHAOS_USER_H

#include "actors/runtime/actor.h"
#include "actors/runtime/port.h"
#include "tools/chaos/world.h"

extern const struct actor_spec chaos_user_actor;
extern const struct port_driver chaos_user_port; /* "wishes" */

/* Shared with the actor as "user-book". */
struct user_book {
	struct wish **wishes;
	size_t count, cap, next; /* those before `next` are done */
	struct port *port;       /* of the actor that is alive, or NULL */
};

void user_book_add(struct user_book *b, struct wish *w); /* then wake its cell */
void user_book_fini(struct user_book *b);

#endif
