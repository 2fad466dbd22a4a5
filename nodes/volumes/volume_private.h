/* Between volume_plan.c (which volumes), volume_contents.c (what is in their files)
 * and volume_mounts.c (where containers have them). */
#ifndef NODES_VOLUME_PRIVATE_H
#define NODES_VOLUME_PRIVATE_H

#include "broker/base/omap.h"
#include "nodes/volumes/volume_plan.h"

enum volume_kind { VOLUME_DIR, VOLUME_MEMORY, VOLUME_FILES, VOLUME_HOST };

/* What a volume of a pod is, without its contents. */
struct volume_place {
	struct span name;
	struct span title;
	enum volume_kind kind;
	struct mp body;		 /* of its source in the pod: files, or an emptyDir */
	const char *source;      /* ... which one */
	struct span path, type;  /* of the host */
	bool local, read_only, open;
	bool managed;		 /* fsGroup may own it */
};

struct volume_asker {
	struct arena *a;
	const struct volume_source *source;
	struct mp pod;
	struct span namespace;
	bool mounted; /* it is there: a claim that is about to go has its volume still */
};

/* One of spec.volumes. 0, ERR_AGAIN, or an error in the kubelet's words; *unprocessed:
 * before anything was mounted (it goes into one message with others). */
int volume_place_of(const struct volume_asker *w, struct mp volume, struct volume_place *out,
		    bool *unprocessed, struct err *e);
/* Whether a container of the pod mounts it (or, with "volumeDevices", has it as a device). */
bool volume_is_used(struct mp pod, const char *list, struct span name);

/* ---- volume_contents.c */

struct volume_contents {
	const struct volume_asker *asker;
	const struct pod_env_facts *facts;
	struct omap files; /* path -> struct volume_file, in the arena */
	int64_t mode;	   /* where an item has none */
};

struct volume_file {
	struct span data;
	int64_t mode, uid;
};

/* Fills `files` with what a place of kind VOLUME_FILES holds; the caller ends the
 * map. 0, ERR_AGAIN, or an error in the kubelet's words. */
int volume_contents_take(struct volume_contents *c, const struct volume_place *v, struct err *e);

#endif
