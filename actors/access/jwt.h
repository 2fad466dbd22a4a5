/* Signed tokens: JSON Web Tokens with ECDSA over P-256 and SHA-256 (ES256, RFC
 * 7515 and 7518), by GnuTLS. The payload is anybody's; who reads one asks
 * claims.h what it means. Not pure: keys come from files.
 *
 * Threads: a key belongs to its loop. Signing and verifying take about 100 us. */
#ifndef ACCESS_JWT_H
#define ACCESS_JWT_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum { JWT_BYTES_MAX = 8192 };

struct jwt_key;

/* From a PEM file, a private key. ERR_NOT_FOUND, ERR_IO. */
int jwt_key_open(struct jwt_key **out, const char *file, struct err *e);
void jwt_key_close(struct jwt_key *k); /* NULL is fine */
int jwt_sign(const struct jwt_key *k, struct span payload, struct buf *out, struct err *e);
/* 0 and the payload, when the signature is that key's. ERR_INVALID: it is no
 * such token, or not signed by us. */
int jwt_verify(const struct jwt_key *k, struct span token, struct buf *payload);
/* The public key as a JWKS document (RFC 7517). */
int jwt_keys_document(const struct jwt_key *k, struct buf *out);

#endif
