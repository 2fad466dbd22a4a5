/* What a provisioner of directories makes of a claim, and when a volume of its
 * own goes. Pure. */
#ifndef CONTROLLERS_HOST_PATH_PLAN_H
#define CONTROLLERS_HOST_PATH_PLAN_H

#include "actors/controllers/volume_plan.h"
#include "actors/controllers/volume_port.h"

#define HOST_PATH_FINALIZER "external-provisioner.volume.kubernetes.io/finalizer"

/* "pvc-" and the claim's uid: asked twice it is the same volume. */
struct span host_path_name(struct arena *a, struct mp claim);
/* Whether this provisioner is asked for a volume of the claim now. */
bool host_path_is_asked(struct mp claim, struct mp class);
/* NULL, or why the claim can have none, in the words of Kubernetes' provisioners. */
const char *host_path_refusal(struct mp claim);
/* `hostname`: of the selected node; empty: any node. */
struct doc *host_path_volume(struct arena *a, struct mp claim, struct mp class, const char *dir,
			     struct span hostname);

enum host_path_end {
	HOST_PATH_STAYS,
	HOST_PATH_LET_GO, /* somebody deletes the volume and keeps the directory */
	HOST_PATH_REMOVED, /* directory, then volume */
};
/* `claim`: the one of the namespace and name that the volume is kept for. */
enum host_path_end host_path_end_of(struct mp volume, struct mp claim);
/* Whether the volume's directory is that of `dir` and its name: no other is removed. */
bool host_path_is_own(struct mp volume, const char *dir);

#endif
