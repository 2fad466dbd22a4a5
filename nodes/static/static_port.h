/* The files of a node's static pods: port "static-pods". Its directory is read when it
 * opens and whenever something in it changes; a directory that is not there (yet) is
 * an empty one that is looked for now and then.
 *
 * Event:
 *   STATIC_FILES  {files: [[name, bytes]...]}, all that there are, in the order of
 *                 names; those that begin with a dot are none. Once at open, before
 *                 the events of ports that are opened later, and with each change */
#ifndef STATIC_STATIC_PORT_H
#define STATIC_STATIC_PORT_H

#include "actors/runtime/port.h"

enum { STATIC_FILES = 1 };

enum {
	STATIC_FILES_MAX = 200, /* further ones are not seen, and the log says so */
	STATIC_FILE_BYTES_MAX = 1024 * 1024,
};

/* cfg: static-pods, the directory */
extern const struct port_driver static_port_driver;

#endif
