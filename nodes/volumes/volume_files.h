/* Volumes on a machine: a list of volume_plan.h is made true below a pod's directory.
 *
 *	POD/volumes/NAME/            0777, as a kubelet's emptyDir
 *	  ..2026_11_27_01_02_03.17/  the files of a volume with files, as they are now
 *	  ..data -> that directory   moved in one step when they change
 *	  KEY -> ..data/KEY
 *
 * Of a volume in memory only the directory is made here. The pod's pause mounts a
 * tmpfs on it in its own mount namespace, with the options of volume_memory_options;
 * so it is gone with the pause. Paths of the host are looked at, made where their
 * type says so, and nothing is mounted.
 *
 * Everything here blocks, and as long as there is something to do: a local volume that
 * gets a group is walked through once, what a pod wrote is removed file by file. Hence
 * volume_jobs.h. Threads: any, but one at a time for each pod.
 *
 * Whoever writes into a volume (a container) cannot lead any of this out of it: no
 * link is followed below a volume's root. */
#ifndef NODES_VOLUME_FILES_H
#define NODES_VOLUME_FILES_H

#include <stdatomic.h>
#include <sys/types.h>

#include "broker/base/mp.h"

/* Makes what the list (a cursor at it) says; what is there already stays, files are
 * written when they changed. A list of some volumes leaves the others alone.
 * Gives up when `stop` is set (NULL: never). ERR_INVALID, ERR_NOT_FOUND, ERR_IO: `e` has
 * the message of a kubelet's event FailedMount; volumes before that one are made. */
int volume_files_apply(const char *pod_dir, struct mp list, const atomic_bool *stop, struct err *e);
/* All volumes of the pod, with what is in them; nothing of a path of the host. What is
 * not there is removed already. ERR_IO: something is left. */
int volume_files_remove(const char *pod_dir, struct err *e);

/* For mount(2): "size=..,mode=..,gid=..". `volume`: one of kind memory of a list. */
enum { VOLUME_OPTIONS_BYTES = 96 };
void volume_memory_options(struct mp volume, char out[VOLUME_OPTIONS_BYTES]);

/* ---- parts (volume_writer.c, volume_owner.c) */

/* The files of one volume, whose directory `volume` is: written beside what is there,
 * and shown in one step. Nothing is written when they are as they were.
 * `owner` may be NULL. ERR_INVALID, ERR_IO. */
struct volume_owner {
	gid_t gid;
	bool always;	/* false: not when the root is that group's already */
	bool read_only; /* it may read, not write */
	const atomic_bool *stop; /* gives up when it is set; NULL: never */
};
int volume_write(int volume, struct mp files, const struct volume_owner *owner, struct err *e);

/* Gives a tree to a group: what the group may then, and what is made below belongs to
 * it too (setgid). `fd` is the root. ERR_IO. */
int volume_own(int fd, const struct volume_owner *owner, struct err *e);

#endif
