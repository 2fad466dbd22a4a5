/* How far the store is, for everybody on this machine: a small table in
 * shared memory with the version of each stream's last synced event.
 *
 * It makes reads from views linearizable without asking anybody: whoever has
 * been acknowledged a write sees its version here, so a reader that waits
 * until its view has reached the stream's word cannot miss it. One writer
 * (the store actor, before it acknowledges), any number of readers; lock
 * free. A table that is full says "unknown": then ask the store. */
#ifndef RUNTIME_HEADS_H
#define RUNTIME_HEADS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum { HEADS_STREAMS_MAX = 1023, HEADS_NAME_BYTES_MAX = 119 };

struct heads;

/* In ordinary memory, for one process or the simulator. */
struct heads *heads_new(void);
/* The file is made (0600) or mapped as it is. */
int heads_open(struct heads **out, const char *path, struct err *e);
void heads_close(struct heads *h);

/* The store's side. `global`: the last version over all streams. */
void heads_set(struct heads *h, struct span stream, uint64_t version);
void heads_set_global(struct heads *h, uint64_t version);
/* At the store's start: each stream that the table has is set to what
 * `head(arg, stream)` says. What a former life wrote may never have been kept
 * (soft puts, a memory journal), and readers would wait for it for ever. */
void heads_refresh(struct heads *h, uint64_t (*head)(void *arg, struct span stream), void *arg);
/* A reader's. heads_get is 0 for a stream that never had an event. */
uint64_t heads_get(const struct heads *h, struct span stream);
/* It may lack streams: what it does not have is unknown. */
bool heads_full(const struct heads *h);
uint64_t heads_global(const struct heads *h);

#endif
