/* Bytes over TLS, on a descriptor that does not block; the session is whoever
 * made it. Threads: the descriptor's loop. */
#ifndef API_TLS_STREAM_H
#define API_TLS_STREAM_H

#include <sys/types.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct tls_stream {
	void *session; /* a gnutls_session_t */
	size_t unflushed; /* bytes that TLS took, and the network did not */
};

/* How many; 0: the other side has ended it. ERR_AGAIN, ERR_IO. */
ssize_t tls_stream_read(struct tls_stream *t, uint8_t *to, size_t max);
/* How many, a record at most. After ERR_AGAIN the same bytes are to be given again. ERR_IO. */
ssize_t tls_stream_write(struct tls_stream *t, struct span data);

/* A client that vanished without a word is found out. */
void tls_stream_keep_alive(int fd);

#endif
