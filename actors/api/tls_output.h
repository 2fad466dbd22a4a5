/* What TLS sends on a connection: the head of an answer leaves in one segment with
 * the start of its body. The library of HTTP gives them to TLS one by one, and each
 * would cost a call of the system and a segment.
 *
 * Threads: the loop. Nothing blocks. */
#ifndef API_TLS_OUTPUT_H
#define API_TLS_OUTPUT_H

#include <gnutls/gnutls.h>

#include "broker/base/bytes.h"

enum { TLS_OUTPUT_HELD_MAX = 4096 }; /* a longer head goes by itself */

struct tls_output {
	int fd;
	bool holds;
	struct buf held;
};

/* `session` sends through `o` from now on; `fd` is nonblocking, and not owned. */
void tls_output_open(struct tls_output *o, gnutls_session_t session, int fd);
void tls_output_close(struct tls_output *o);
/* The next that is pushed waits for what is pushed after it, which must come. */
void tls_output_hold(struct tls_output *o);
/* A gnutls_vec_push_func of a struct tls_output: how many bytes were taken, or -1
 * and errno. */
ssize_t tls_output_push(gnutls_transport_ptr_t o, const giovec_t *parts, int count);

#endif
