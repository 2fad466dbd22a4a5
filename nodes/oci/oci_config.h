/* What an OCI program is told of a container: its config.json, made from the
 * pod's spec and the image as a kubelet and containerd make it together.
 *
 * Pure: everything comes in, text goes out. Sources of the rules: opencontainers
 * runtime-spec 1.0 (config.md, config-linux.md); kubernetes pkg/kubelet/kuberuntime
 * and pkg/kubelet/qos; containerd's defaults for capabilities and mounts. */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <stdbool.h>

#include "broker/base/doc.h"

enum { OCI_GROUPS_MAX = 128 };

struct oci_user {
	int64_t uid, gid;
	int64_t groups[OCI_GROUPS_MAX]; /* further ones */
	size_t group_count;
};

struct oci_mount {
	const char *source, *target; /* absolute */
	bool readonly, recursive; /* recursive: what is mounted below it is readonly too */
	const char *propagation; /* Kubernetes' word; NULL: None */
};

struct oci_device {
	const char *path;
	char type; /* 'c' or 'b' */
	int64_t major, minor, mode, uid, gid;
};

/* What this process itself may do, and so give. */
struct oci_powers {
	uint64_t caps;	       /* by number; all of them when zeroed */
	int64_t oom_score_min; /* it cannot go lower */
};

struct oci_container {
	struct mp pod, container;	/* PodSpec, and of it the container */
	const char *const *argv, *const *env;
	const char *cwd;
	struct oci_user user;
	const char *pids;		/* a process namespace to join, as a path; NULL: its own */
	const char *cgroup;		/* "/troupe/UID/NAME.ATTEMPT" */
	const struct oci_mount *mounts; /* in their order, behind the default ones */
	size_t mount_count;
	const struct oci_device *devices; /* of the machine, for who is privileged */
	size_t device_count;
	const struct doc *seccomp;	/* linux.seccomp, or NULL: all calls are allowed */
	int64_t node_memory;		/* bytes */
	struct oci_powers powers;
};

/* What its control group says of processors and memory. */
struct oci_limits {
	int64_t shares;	       /* of version 1: 2 to 262144 */
	int64_t quota, period; /* microseconds; quota 0: none */
	int64_t memory;	       /* bytes; 0: no limit */
};
/* Of `resources` as a spec has them, empty: none; what they do not limit is limited as the
 * pod's own, `whole`, say. */
struct oci_limits oci_limits_of(struct mp resources, struct mp whole);

/* Appends JSON. Never fails: what the API let in can be said. */
void oci_config_write(const struct oci_container *c, struct buf *out);
/* The process of commands beside it, as pause/oci_process.h has it. */
void oci_process_write(const struct oci_container *c, struct buf *out);

/* A field of the container's securityContext, else of the pod's; false: of neither. */
bool oci_security(const struct oci_container *c, const char *field, struct mp *out);
bool oci_privileged(struct mp container);

/* oci_security.c: the capabilities that it has; names as "CAP_CHOWN" */
void oci_put_capabilities(struct arena *a, struct doc *process, struct mp container,
			  uint64_t powers);
/* What of /proc and /sys is hidden and what may only be read. */
void oci_put_paths(struct arena *a, struct doc *linux_, struct mp container);
/* The profile of the containers' tools (Debian: golang-github-containers-common)
 * as linux.seccomp, for a container with these capabilities. NULL: it is no profile. */
struct doc *oci_seccomp(struct arena *a, const struct doc *profile, struct mp container);
/* Of this process; reads /proc/self. */
struct oci_powers oci_powers_here(void);

#endif
