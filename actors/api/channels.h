/* Channels in one WebSocket, as Kubernetes frames them: the first byte of each
 * message is the channel's number (the base64 protocols: its digit, and then
 * base64). Pure. */
#ifndef API_CHANNELS_H
#define API_CHANNELS_H

#include "broker/base/bytes.h"
#include "broker/base/mem.h"

enum channel {
	CHANNEL_STDIN,
	CHANNEL_STDOUT,
	CHANNEL_STDERR,
	CHANNEL_ERROR,  /* how it ended */
	CHANNEL_RESIZE, /* JSON: {"Width": 80, "Height": 24} */
	CHANNELS,
	CHANNEL_CLOSE = 255, /* v5: the message's second byte is the channel that ends */
};

struct channel_protocol {
	const char *name; /* "": the client named none */
	bool base64;
	bool status; /* the end is told as a Status in JSON, success too; else as text */
	bool close;  /* has CHANNEL_CLOSE */
};

/* The first of the client's list (separated by commas) that there is; for an
 * empty list the one without a name. NULL: none of them. */
const struct channel_protocol *channel_protocol(struct span list);
/* The same for one stream of bytes without channels: whether base64 is wanted. */
bool channel_plain(struct span list, const char **name, bool *base64);

void channel_write(const struct channel_protocol *p, enum channel channel, struct span data,
		   struct buf *out);
void channel_base64(struct buf *out, struct span data);

struct channel_message {
	unsigned channel;
	bool end; /* of the channel; no data */
	struct span data; /* in the arena, or of the message */
};
/* False: nothing that means anything (empty, no such channel, no base64): it
 * is to be passed over. */
bool channel_read(const struct channel_protocol *p, struct span message, struct arena *a,
		  struct channel_message *out);

#endif
