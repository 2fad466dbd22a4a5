/* A batch: several frames that travel as one, because a socket's price is by
 * the frame and not by the byte.
 *
 * On the wire it is a msgpack array of bin, each of them what would have been a
 * frame of its own: an envelope, or a topic and an envelope for the bus. Their
 * lengths stand before them, so a bad one does not take the others along, and
 * nobody has to read a body to find the next. A batch within a batch is none:
 * it is refused like any frame that is no envelope.
 *
 * Batches go only to who said that it takes them (`batch` in session.hello and
 * session.welcome), and only when there is more than one frame to send. From the
 * broker to the bus's followers go single frames: a SUB socket cannot say what
 * it takes, and a program in another language must not be surprised. What is in
 * one is copied out of it by whoever keeps it. */
#ifndef BROKER_BATCH_H
#define BROKER_BATCH_H

#include "broker/envelope.h"

enum {
	BATCH_FRAMES_MAX = 256,
	BATCH_BYTES_MAX = 64 * 1024,
	/* A frame larger than this goes alone: copying it costs more than a frame. */
	BATCH_FRAME_BYTES_MAX = 8 * 1024,
};

/* One that is being filled. Zeroed it is empty and takes nothing: set `limit`,
 * the bytes that its receiver takes (0: no batches). */
struct batch {
	struct buf buf;
	size_t count, limit;
	size_t usual; /* bytes of the last one: what the next is likely to need */
};

/* Whether a frame of so many bytes may go into a batch at all, and into this
 * one now. */
bool batch_takes(const struct batch *b, size_t bytes);
bool batch_has_room(const struct batch *b, size_t bytes);
/* Only while there is room. */
void batch_add(struct batch *b, struct span frame);
void batch_add_envelope(struct batch *b, const struct envelope *env); /* room: env_bytes_max */
/* The frame to send, and an empty batch: of one frame that frame itself. NULL
 * when there is none. */
struct bytes *batch_take(struct batch *b);
void batch_fini(struct batch *b); /* drops what is in it */

/* One that came: `for (batch_open(...); batch_next(...);)`. Opening reads its
 * whole shape, and only that: ERR_INVALID or ERR_LIMIT, and none of its frames
 * is given out. */
struct batch_reader {
	struct mp at;
	size_t left;
};
bool batch_is(struct span frame);
int batch_open(struct batch_reader *r, struct span frame, struct err *e);
bool batch_next(struct batch_reader *r, struct span *frame);

#endif
