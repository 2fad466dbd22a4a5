/* The cluster's keys: a CA of our own (ECDSA P-256), the API's certificate,
 * the key that signs service accounts' tokens, an administrator's token, and the kubeconfig that holds what kubectl needs.
 *
 * Made once per data directory and then kept; the server's certificate is
 * made again when its address changed or it is about to expire. Files are
 * 0600. Single-threaded; blocks for milliseconds. */
#ifndef TOOLS_PKI_H
#define TOOLS_PKI_H

#include "broker/base/err.h"

enum { PKI_TOKEN_BYTES = 32, PKI_DAYS = 3650 };

struct pki {
	char dir[400];   /* <data>/pki: ca.crt ca.key api.crt api.key sa.key token */
	char token[2 * PKI_TOKEN_BYTES + 1];
};

/* `address`: IPV4:PORT that the certificate is for, besides 127.0.0.1,
 * localhost, kubernetes and its kin; `service`: the API's address as a service. */
int pki_ensure(struct pki *p, const char *data_dir, const char *address, const char *service,
	       struct err *e);
/* Writes a kubeconfig (atomically, 0600) for https://address. */
int pki_kubeconfig(const struct pki *p, const char *file, const char *address, struct err *e);

#endif
