/* The driver of the port "volumes" (actors/controllers/volume_port.h). */
#ifndef NODES_VOLUME_PORT_H
#define NODES_VOLUME_PORT_H

#include <stdatomic.h>

#include "actors/runtime/port.h"

extern const struct port_driver volume_port_driver;

/* Removes `name` in the directory `dir` with all that is in it, whatever it is;
 * what is not there is removed already. No link is followed, no other file system
 * entered. Blocks. ERR_INVALID: a name that is none; ERR_IO. */
int volume_remove(const char *dir, const char *name, struct err *e);
/* The same, given up when `stop` is set (NULL: never). */
int volume_remove_until(const char *dir, const char *name, const atomic_bool *stop, struct err *e);
/* The same in a directory that is open, of a name that is known to be one. */
int volume_remove_at(int parent, const char *name);

#endif
