/* What a container is run with: command, arguments, environment, directory,
 * made from the pod's spec as Kubernetes' kubelet makes them.
 *
 * Pure: config maps, secrets and services come through callbacks. All results
 * are in the caller's arena. Not text: a secret's value may hold any byte but
 * zero (a value is cut there, as exec would).
 *
 * Order and precedence: envFrom in its order, then env in its order (a later
 * name wins), then service variables, then `base`; the result is sorted by
 * name, so equal inputs give equal outputs. $(NAME) in values sees what was
 * set before it and the services; in command and args everything but `base`. */
#ifndef NODES_POD_ENV_H
#define NODES_POD_ENV_H

#include <stdbool.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum pod_env_kind { POD_ENV_CONFIG_MAP, POD_ENV_SECRET };

/* Where values come from. All may be NULL: then there are none. */
struct pod_env_source {
	void *arg;
	/* The object as msgpack (values of a secret in base64, as stored).
	 * 0; ERR_NOT_FOUND; ERR_AGAIN: not known yet. */
	int (*object)(void *arg, enum pod_env_kind kind, struct span namespace, struct span name,
		      struct span *out);
	/* Calls each(to, service) for every Service of a namespace.
	 * 0; ERR_AGAIN: they are not known yet. */
	int (*services)(void *arg, struct span namespace,
			void (*each)(void *to, struct span service), void *to);
};

/* What the pod's own object does not say. */
struct pod_env_facts {
	struct pod_env_source source;
	const char *host_ip;            /* of the node; NULL: not known */
	const char *const *pod_ips;     /* NULL terminated; NULL: none yet */
	struct span allocatable;        /* of the node: a msgpack map of quantities; may be empty */
	/* "K=V" for names that nothing else sets; NULL terminated, or NULL. */
	const char *const *base;
};

struct pod_command {
	const char *const *command; /* empty: the image's entrypoint */
	const char *const *args;    /* after expansion, NULL terminated */
	const char *const *env;     /* "K=V", sorted by name, NULL terminated */
	const char *cwd;            /* workingDir, "" when the spec has none */
};

/* `pod` and `container` are cursors at their maps (checked msgpack).
 * ERR_NOT_FOUND: a config map, secret or key is missing and not optional; the
 * text is Kubernetes' message for CreateContainerConfigError. ERR_AGAIN: one
 * of them, or the services, are not known yet. ERR_INVALID: the spec asks for what is not there
 * (a field, a container, a quantity). */
int pod_command_make(struct arena *a, const struct pod_env_facts *f, struct mp pod,
		     struct mp container, struct pod_command *out, struct err *e);

/* $(NAME) and $$ as Kubernetes expands them. `value` gives a name's value or
 * NULL: then the reference stays as it is. */
const char *pod_env_expand(struct arena *a, struct span text,
			   const char *(*value)(void *arg, struct span name), void *arg);

#endif
