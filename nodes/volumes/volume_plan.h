/* The volumes of a pod, and the mounts of its containers, as Kubernetes' kubelet
 * makes them: what is to be where, as msgpack for whoever makes it so.
 *
 * Pure: config maps, secrets, claims, volumes and tokens come through callbacks.
 * All results are in the caller's arena.
 *
 * The list of volumes is an array of maps:
 *   name       in the pod
 *   title      in messages: the name, or that of the persistent volume
 *   kind       "dir"     an empty directory of the pod's own
 *              "memory"  the same in memory; size: bytes
 *              "files"   files: [[path, bin, mode, uid]...] in the order of paths;
 *                        uid -1: the agent's
 *              "host"    path: of the machine; type: as of hostPath ("" says nothing
 *                        about it); local: it must be there (a local volume); open: made
 *                        here, it is for everybody to write to (our provisioner's)
 *   gid        fsGroup: whose it is then; absent: as it is
 *   always     false: nothing is done when its root is that group's already
 *              (fsGroupChangePolicy OnRootMismatch)
 *   read_only  the group may read only
 *   shared     true: what a container mounts in it others see (Bidirectional)
 * Volumes that no container mounts are not in it, as with a kubelet.
 *
 * The mounts of a container are an array of maps:
 *   volume, source, subpath, target, read_only, recursive (read_only holds below it
 *   too), propagation (None, HostToContainer, Bidirectional)
 * A source that begins with / is a path of the machine, any other one is below
 * the pod's directory; subpath is below the source, "" is all of it. */
#ifndef NODES_VOLUME_PLAN_H
#define NODES_VOLUME_PLAN_H

#include "nodes/pod_env.h"

/* Below a pod's directory. */
#define VOLUMES_DIR "volumes"

enum volume_object {
	VOLUME_CONFIG_MAP,
	VOLUME_SECRET,
	VOLUME_CLAIM,
	VOLUME_PERSISTENT, /* of no namespace */
};

/* Where contents come from. The calls may be NULL: then there is nothing. */
struct volume_source {
	void *arg;
	/* The object as msgpack, as it is stored.
	 * 0; ERR_NOT_FOUND; ERR_AGAIN: not known yet. */
	int (*object)(void *arg, enum volume_object kind, struct span namespace, struct span name,
		      struct span *out);
	/* A token for the pod's account; an empty audience is the API's own.
	 * 0; ERR_AGAIN: not there yet; any other code with a text: why there is none. */
	int (*token)(void *arg, struct mp pod, struct span audience, int64_t seconds,
		     struct span *out, struct err *e);
	/* Nobody will find the volumes anywhere: that of the pod's account, which it did
	 * not ask for, is not looked at. */
	bool unmounted;
};

struct volume_plan {
	struct span list;
	/* For events FailedMount, NULL terminated: one for each volume that is not to
	 * be had, one for all whose claims are not. */
	const char *const *messages;
};

/* `pod` is a cursor at its map (checked msgpack). `facts`: for what the downward
 * API tells. 0; ERR_AGAIN: something is not known yet; ERR_NOT_FOUND: something is
 * not there, the messages say what; the list is empty then. */
int volume_plan_make(struct arena *a, const struct volume_source *s,
		     const struct pod_env_facts *facts, struct mp pod, struct volume_plan *out);
/* Of a list those that may change while they are mounted: its files. In the arena. */
struct span volume_plan_files(struct arena *a, struct span list);

/* `env`: "K=V", NULL terminated, for subPathExpr. *out is the list.
 * ERR_INVALID, ERR_NOT_FOUND with Kubernetes' message for CreateContainerConfigError;
 * ERR_AGAIN. */
int volume_mounts_make(struct arena *a, const struct volume_source *s, struct mp pod,
		       struct mp container, const char *const *env, struct span *out,
		       struct err *e);

#endif
