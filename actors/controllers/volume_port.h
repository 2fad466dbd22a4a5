/* The port "volumes": directories of volumes are removed, by a thread of its own
 * (nodes/volume_port.c). It goes by names below one directory and follows no link.
 *
 * Config: volumes (the directory).
 * Call VOLUME_REMOVE (id, payload: the name) is answered by VOLUME_REMOVED (id,
 * arg 0: it is not there any more; else payload: why it is). */
#ifndef CONTROLLERS_VOLUME_PORT_H
#define CONTROLLERS_VOLUME_PORT_H

/* Who is asked for them. */
#define HOST_PATH_PROVISIONER "troupe.io/host-path"

enum { VOLUME_REMOVE = 1 };
enum { VOLUME_REMOVED = 1 };

#endif
