/* The port "signer": claims become tokens, for actors that have no HTTP port.
 *
 * Config: accounts (PEM file of the signing key).
 * Call SIGNER_SIGN (id, payload: claims) is answered by SIGNER_SIGNED (id, payload:
 * the token, NULL when it could not be signed). */
#ifndef ACCESS_SIGNER_PORT_H
#define ACCESS_SIGNER_PORT_H

#include "actors/runtime/port.h"

enum { SIGNER_SIGN = 1 };
enum { SIGNER_SIGNED = 1 };

extern const struct port_driver signer_port_driver;

#endif
