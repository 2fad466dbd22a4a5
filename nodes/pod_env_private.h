/* Between pod_env.c and its parts. */
#ifndef NODES_POD_ENV_PRIVATE_H
#define NODES_POD_ENV_PRIVATE_H

#include "broker/base/omap.h"
#include "nodes/pod_env.h"

/* One container's environment while it is made. Values are texts in the arena. */
struct env_build {
	struct arena *a;
	const struct pod_env_facts *facts;
	struct mp pod, container;
	struct omap set;      /* name -> value: envFrom and env */
	struct omap services; /* name -> value */
	const char *zero; /* what no process can be given; NULL: nothing */
};

/* The variables of the pod's services, into b->services. ERR_AGAIN. */
int env_services(struct env_build *b, struct err *e);
/* The value of a fieldRef's path, or of a resourceFieldRef. */
int env_field(struct env_build *b, struct span path, const char **out, struct err *e);
int env_resource(struct env_build *b, struct mp ref, const char **out, struct err *e);
/* The bytes of base64, with a zero behind them. */
struct span env_base64(struct arena *a, struct span text);

#endif
