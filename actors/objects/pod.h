/* What the files of the pod strategy share. Private to actors/objects. */
#ifndef OBJECTS_POD_H
#define OBJECTS_POD_H

#include "actors/objects/strategy.h"

/* pod_defaults.c: a PodSpec as the server completes it, in a pod and in the
 * templates of other kinds; `pod_defaults` adds what only pods get. */
void pod_defaults(struct arena *a, struct doc *spec);
void pod_spec_defaults(struct arena *a, struct doc *spec);
/* What admission adds to a pod: account, tolerations, priority. On an update
 * it stands in for what the client left out. */
void pod_admit(struct write *w, struct doc *spec);
void pod_admit_update(struct write *w, struct doc *spec);

/* pod_validate.c: a PodSpec below `p`. */
void pod_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec);

/* pod_container.c. `volumes` is the spec's list. */
enum container_list { CONTAINERS, INIT_CONTAINERS, EPHEMERAL_CONTAINERS };
void pod_containers_validate(struct faults *f, const struct fpath *p, const struct doc *list,
			     enum container_list which, const struct doc *volumes);
/* A path below a directory: neither absolute nor with a step back. Empty: fine. */
void pod_below_validate(struct faults *f, const struct fpath *p, struct span path);
/* pod_security.c: of the spec's own context; of a container's, which is at `p`; and what
 * the first allows in the second. */
void pod_security_validate(struct faults *f, const struct fpath *p, const struct doc *spec);
void pod_container_security_validate(struct faults *f, const struct fpath *p, const struct doc *c);
void pod_proc_mounts_validate(struct faults *f, const struct fpath *p, const struct doc *spec);
/* pod_dns.c: dnsPolicy, dnsConfig and hostAliases of the spec at `p`. */
void pod_dns_validate(struct faults *f, const struct fpath *p, const struct doc *spec);
/* pod_resources.c */
void pod_resources_validate(struct faults *f, const struct fpath *p, const struct doc *resources);
/* The same with other names: `check` says what is wrong with one, at its place. */
typedef void pod_resource_name(struct faults *f, const struct fpath *p, struct span name);
void pod_resources_validate_named(struct faults *f, const struct fpath *p,
				  const struct doc *resources, pod_resource_name *check);
/* "Guaranteed", "Burstable" or "BestEffort". */
const char *pod_qos(const struct doc *spec);
/* pod_level.c: the resources of a spec as a whole, which is complete but for them; those at
 * `p` beside its containers'; whether there are any. */
void pod_level_defaults(struct arena *a, const struct doc *spec);
void pod_level_validate(struct faults *f, const struct fpath *p, const struct doc *spec);
bool pod_level_is_set(const struct doc *spec);
/* pod_probe.c: probes and lifecycle hooks of a container. */
void pod_probes_validate(struct faults *f, const struct fpath *p, const struct doc *container,
			 enum container_list which);
/* pod_volume.c */
void pod_volumes_validate(struct faults *f, const struct fpath *p, const struct doc *volumes);
/* pod_volume_files.c: a volume's source, as far as it is made of files; a path without "..". */
void pod_volume_files_validate(struct faults *f, const struct fpath *p, const struct doc *source);
void pod_path_validate(struct faults *f, const struct fpath *p, struct span path);
/* pod_apparmor.c: a profile of a pod or container; those of annotations become fields. */
void pod_apparmor_validate(struct faults *f, const struct fpath *p, const struct doc *profile);
void pod_apparmor_take(struct write *w, struct doc *spec);
/* pod_placement.c: tolerations, affinity, spread, node selector. */
void pod_tolerations_validate(struct faults *f, const struct fpath *p, const struct doc *list);
void pod_node_selector_validate(struct faults *f, const struct fpath *p,
				const struct doc *selector);
void pod_placement_validate(struct faults *f, const struct fpath *p, const struct doc *spec);

/* pod_template.c: a PodTemplateSpec below `p`; `_kept`: of a kind that keeps
 * its pods running. */
void pod_template_defaults(struct arena *a, struct doc *template);
void pod_template_validate(struct faults *f, const struct fpath *p, const struct doc *template);
void pod_template_validate_kept(struct faults *f, const struct fpath *p, const struct doc *template,
				const char *kind);

/* pod_parts.c: the subresources `ephemeralcontainers` and `resize`. */
void pod_prepare_ephemeral(struct write *w);
void pod_validate_ephemeral(struct write *w);
void pod_prepare_resize(struct write *w);
void pod_validate_resize(struct write *w);
/* `p`: the list of containers; `never`: nothing of the pod restarts. */
void pod_resize_policies_validate(struct faults *f, const struct fpath *p, const struct doc *list, bool never);

/* pod_update.c: what of a pod's spec may change. */
void pod_update_validate(struct write *w);

#endif
