/* Volumes in which containers may mount something that others see (mountPropagation
 * Bidirectional). Each is put on <dir>/shared/NAME, from where the pod's containers have it,
 * as a shared mount: what one mounts there its neighbours see, and of a path of the machine
 * the machine too, if it is on a shared mount there. */
#ifndef NODES_PAUSE_SHARE_H
#define NODES_PAUSE_SHARE_H

#include "broker/base/err.h"
#include "broker/base/mp.h"

#define SHARED_DIR "shared"

enum { SHARES_MAX = 64 }; /* of a pod */

struct share {
	int fds[SHARES_MAX];
	size_t count;
};

/* `list`: [[name, source]]: an absolute path of the machine, or one below the pod's
 * directory, which is the working directory. The two steps are before the mounts become
 * the pause's own, and after all of it is mounted. ERR_IO, ERR_INVALID. */
int share_open(struct share *s, struct mp list, struct err *e);
int share_mount(struct share *s, struct mp list, struct err *e);

#endif
