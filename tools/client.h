/* A command's connection to a running cluster: a session of its own with the
 * broker, over ipc, found by the data directory. One request at a time.
 * One thread; calls block up to their timeout. */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include "broker/base/mp.h"

struct client;

/* ERR_UNREACHABLE: no cluster runs there. */
int client_open(struct client **out, const char *data_dir, uint32_t timeout_ms, struct err *e);
void client_close(struct client *c); /* NULL is fine */
const char *client_self(const struct client *c); /* its name among the actors */

/* Asks `to` and waits. *owner keeps what `reply` points into (bytes_unref). */
int client_request(struct client *c, const char *to, uint16_t kind, struct buf *body,
		   uint32_t timeout_ms, struct mp *reply, struct bytes **owner, struct err *e);
/* The next client_request is the last one again, as its receiver sees it. */
void client_again(struct client *c);
/* Sends without waiting for anything. */
void client_send(struct client *c, const char *to, uint16_t kind, struct buf *body);
/* Keeps the session alive; call it every second or so while asking nothing. */
void client_keep(struct client *c);

#endif
