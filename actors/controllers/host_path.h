/* The provisioner "troupe.io/host-path": volumes that are directories of this
 * machine, DIR/NAME-OF-THE-VOLUME. It is asked as every provisioner is: by the
 * claim's annotation volume.kubernetes.io/storage-provisioner.
 *
 *	asked, Immediate          ──► a volume, from any node
 *	asked, a node is selected ──► a volume for pods on that node
 *	released, policy Delete   ──► the directory is removed, then the volume
 *
 * It owns these directories: whoever mounts one makes it (DirectoryOrCreate),
 * and nobody else takes it away. The order makes a crash harmless: as long as the
 * volume is there, its directory is removed again.
 *
 * Config: volumes (DIR). Without it, as in the simulator, there are no
 * directories to remove. */
#ifndef CONTROLLERS_HOST_PATH_H
#define CONTROLLERS_HOST_PATH_H

#include "actors/runtime/actor.h"

extern const struct actor_spec host_path_actor;

#endif
