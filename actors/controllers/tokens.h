/* What every service account is given: the CA of its cluster, and a token.
 *
 *   each namespace          ConfigMap kube-root-ca.crt
 *   kube-system             ConfigMap extension-apiserver-authentication
 *   each account            a Secret of type kubernetes.io/service-account-token
 *                           that its `secrets` name (config: account-secrets)
 *   each Secret of that type that names an account: its token, ca.crt, namespace;
 *                           gone with the account
 * Whoever deletes one gets it again. Tokens are signed by the port "signer".
 *
 * Config: accounts (file of the key), ca (PEM text), account-secrets (bool). */
#ifndef CONTROLLERS_TOKENS_H
#define CONTROLLERS_TOKENS_H

#include "actors/runtime/actor.h"

extern const struct actor_spec tokens_actor;

#endif
