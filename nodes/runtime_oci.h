/* The runtime `oci`: containers of images, made by an OCI program (crun, runc) under
 * the pod's pause (pause/sandbox.h). Port "runtime-oci"; config: node, data_dir,
 * program (a name or path; absent: the first that works here), handlers (oci/oci_handlers.h). Calls and events in
 * runtime.h; what they have more of:
 *
 *   RUNTIME_ATTACH, SANDBOX   pod: the object
 *   RUNTIME_SANDBOX   volumes: [...] (volumes/volume_plan.h), made before the pause is
 *   RUNTIME_SANDBOX   handler: of the pod's RuntimeClass, absent or empty: the usual one
 *   RUNTIME_VOLUMES   {volumes: [...]}: the files of volumes are these now; STALE if not
 *   RUNTIME_RETIRE    the pod has ended for good, and its sandbox is gone: its volumes and
 *                     its address are free again, its logs stay; RETIRED
 *   RUNTIME_RECLAIM   the disk is too full: images go that no pod uses; RECLAIMED, and then
 *                     FIGURES at once
 *   RUNTIME_START     pod; mounts: [...] (volume_plan.h); command, args: [...] instead
 *                     of argv, because the image has a say in them
 *   RUNTIME_UPDATE    {name, attempt, resources: as in its spec}: what runs has these from now
 *                     on; UPDATED
 *   RUNTIME_UPDATED   {name, attempt, good, text}
 *   RUNTIME_FAILED    reason: of the event; its text is whole then
 *   RUNTIME_STALE     {text}: why files of its volumes are as they were, in a kubelet's
 *                     words
 *   RUNTIME_WARNING   {reason, text}: an event about the pod; it goes on all the same
 *   RUNTIME_IMAGE     {name, image, pull: if-absent, always or never, auths: texts as
 *                     Docker's config.json}: IMAGED
 *   RUNTIME_IMAGED    {name, pulling: true}, or {name, good, pulled, pull_ms, wait_ms,
 *                     bytes, reason, text}
 *   RUNTIME_IMAGES    {images: as in a node's status}, when there are others
 *   RUNTIME_FIGURES   now and then: oci/oci_figures.h
 *   RUNTIME_DISK      the same, of a pod: oci/oci_disk.h
 *   RUNTIME_ATTEMPT   image (its id), image_name, message (the termination message),
 *                     oom
 *   RUNTIME_INFO      runtime: "crun://1.8.1"; apparmor: the machine has it;
 *                     handlers: the names that RUNTIME_SANDBOX may have
 *
 * Below a pod's directory, beside what the pause has there (pause/proto.h):
 *   oci/                   the OCI program's own state
 *   volumes/NAME/          volumes/volume_files.h
 *   subpaths/NAME.N/I      mount I of the container, when it is a part of a volume; seen
 *                          by the pause only (pause/subpath.h)
 *   bundles/NAME.N/        config.json, and the container's root while it is there
 *   messages/NAME.N        its termination message; NAME.N.logs: the end of its log
 *                          counts when it failed and left none */
#ifndef NODES_RUNTIME_OCI_H
#define NODES_RUNTIME_OCI_H

#include "actors/runtime/port.h"

extern const struct port_driver runtime_oci_port_driver;

#endif
